// Reading and checking of calibration files.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/file.h"
#include "converter/base/paths.h"
#include "converter/plan/names.h"

#include <algorithm>
#include <cfloat>
#include <tuple>

#include "converter/base/error.h"
#include "converter/base/file.h"
#include "converter/calibrate/counts.h"
#include "converter/plan/rules.h"
#include "runtime/crc32.h"

namespace adder {
namespace {

constexpr size_t max_texts = 65536;

const Json &member(const Json &object, const char *key, const std::string &what) {
    object.object(what);
    const Json *const value = object.find(key);
    if (value == nullptr) bad_input("%s has no %s", what.c_str(), key);
    return *value;
}

uint32_t integer(const Json &object, const char *key, const std::string &what, int64_t low, int64_t high) {
    return static_cast<uint32_t>(member(object, key, what).integer(what + ": " + key, low, high));
}

uint32_t crc(const Json &object, const char *key, const std::string &what) {
    const std::string &text = member(object, key, what).string(what + ": " + key);
    if (text.size() != 8 || text.find_first_not_of("0123456789abcdef") != std::string::npos)
        bad_input("%s: %s is %s; 8 hexadecimal digits are needed", what.c_str(), key,
                  json_quote(text).c_str());
    return static_cast<uint32_t>(std::stoul(text, nullptr, 16));
}

uint32_t crc_of_tokenizer(const Checkpoint &checkpoint) {
    if (checkpoint.tokenizer_path().empty()) return 0;
    const MappedFile file(checkpoint.tokenizer_path());
    return crc32(0, file.data(), file.size());
}

// One input of each block.
struct InputPlace {
    Role role;  // the first that takes it
    Dim width;
};

std::vector<InputPlace> inputs_of_kind(BlockId id) {
    const BlockKind &kind = *find_block_kind(static_cast<uint16_t>(id));
    std::vector<InputPlace> places;
    for (uint32_t i = 0; i < kind.tensor_count; ++i) {
        const TensorRow &row = kind.tensors[i];
        if (row.form == Form::matrix && row.input == places.size())
            places.push_back({row.role, kind.inputs[row.input].width});
    }
    return places;
}

// The dimensions that inputs of a kind have, but d_model.
std::vector<Dim> widths_of_kind(BlockId id) {
    std::vector<Dim> widths;
    const auto add = [&](Dim dim) {
        if (dim != Dim::d_model && std::find(widths.begin(), widths.end(), dim) == widths.end())
            widths.push_back(dim);
    };
    const std::vector<InputPlace> places = inputs_of_kind(id);
    for (const InputPlace &place : places) add(place.width);
    return widths;
}

uint32_t width_of(Dim dim, const CalibrationSource &source) {
    for (const auto &[which, width] : source.widths)
        if (which == dim) return width;
    return source.d_model;
}

size_t index_of(Role role, uint32_t block, const CalibrationSource &source) {
    const std::vector<InputPlace> places = inputs_of_kind(source.kind);
    if (role == Role::head) return size_t{source.n_layer} * places.size();
    size_t index = 0;
    while (places[index].role != role) ++index;
    return size_t{block} * places.size() + index;
}

}  // namespace

std::string input_place_name(Role role, uint32_t block) {
    return role == Role::head ? std::string("head") : format("layers.%u.%s", block, role_name(role));
}

void each_input_of(const CalibrationSource &source,
                   const std::function<void(Role role, uint32_t block)> &body) {
    const std::vector<InputPlace> places = inputs_of_kind(source.kind);
    for (uint32_t block = 0; block < source.n_layer; ++block)
        for (const InputPlace &place : places) body(place.role, block);
    body(Role::head, no_block);
}

uint64_t CalibrationSource::tokens() const {
    uint64_t sum = 0;
    for (const Text &text : texts) sum += text.tokens;
    return sum;
}

bool operator==(const CalibrationSource &a, const CalibrationSource &b) {
    const auto model = [](const CalibrationSource &s) {
        return std::tie(s.checkpoint, s.weights_crc, s.tokenizer_crc, s.d_model, s.n_layer, s.vocab_size,
                        s.kind, s.widths, s.window, s.golden);
    };
    const auto same_text = [](const CalibrationSource::Text &x, const CalibrationSource::Text &y) {
        return std::tie(x.name, x.bytes, x.crc, x.tokens) == std::tie(y.name, y.bytes, y.crc, y.tokens);
    };
    return model(a) == model(b) &&
           std::equal(a.texts.begin(), a.texts.end(), b.texts.begin(), b.texts.end(), same_text);
}

// What of the source the checkpoint's shape tells.
static CalibrationSource model_of(const Checkpoint &checkpoint) {
    const ModelShape &shape = checkpoint.shape();
    CalibrationSource source{};
    source.checkpoint = checkpoint_name(checkpoint.path());
    source.d_model = shape.d_model;
    source.n_layer = shape.n_layer;
    source.vocab_size = shape.vocab_size;
    source.kind = static_cast<BlockId>(shape.shapes[0].kind);
    for (const BlobShape &other : shape.shapes)
        if (other.kind != shape.shapes[0].kind || other.flags != shape.shapes[0].flags)
            bad_input(
                "%s has blocks of several kinds or shapes, which a calibration file cannot tell apart: give the text itself",
                checkpoint.path().c_str());
    for (const Dim dim : widths_of_kind(source.kind)) source.widths.emplace_back(dim, shape.dim(dim));
    return source;
}

CalibrationSource calibration_source(const Checkpoint &checkpoint, const std::vector<CalibrationText> &texts,
                                     uint32_t window) {
    CalibrationSource source = model_of(checkpoint);
    source.weights_crc = checkpoint.weights_crc();
    source.tokenizer_crc = crc_of_tokenizer(checkpoint);
    source.window = window;
    for (const CalibrationText &text : texts) {
        uint64_t tokens = 0;
        for (const Tokens &one : text.windows) tokens += one.size();
        source.texts.push_back({text.name, text.bytes, text.crc, static_cast<uint32_t>(tokens)});
    }
    source.golden = texts[0].windows[0];
    source.golden.resize(std::min(source.golden.size(), golden_tokens));
    return source;
}

CalibrationFile::CalibrationFile(std::string_view text, const std::string &name) : name_(name) {
    const Json json = Json::parse(text, name);
    const uint32_t version = integer(json, "adder_calibration", name, 0, UINT32_MAX);
    if (version != calibration_file_version)
        bad_input("%s: adder_calibration is %u, and this converter reads version %u: make the file again with "
                  "adder calibrate",
                  name.c_str(), version, calibration_file_version);
    read_source(json);
    const std::string what = name + ": inputs";
    const std::vector<Json> &inputs = member(json, "inputs", name).array(what);
    const size_t needed = index_of(Role::head, no_block, source_) + 1;
    if (inputs.size() != needed)
        bad_input("%s are %zu; with n_layer %u there are %zu", what.c_str(), inputs.size(), source_.n_layer,
                  needed);
    const std::vector<InputPlace> places = inputs_of_kind(source_.kind);
    each_input_of(source_, [&](Role role, uint32_t block) {
        const size_t place = inputs_.size() % places.size();
        const Dim width = role == Role::head ? Dim::d_model : places[place].width;
        inputs_.push_back(
            read_input(inputs[inputs_.size()], input_place_name(role, block), width_of(width, source_)));
    });
}

static BlockId kind_named(const Json &json, const std::string &what) {
    const std::string &name = json.string(what);
    std::vector<std::string> known;
    for (const BlockKind *kind : all_kinds()) {
        known.emplace_back(kind_name(kind->id));
        if (name == known.back()) return kind->id;
    }
    bad_input("%s is %s; %s is needed", what.c_str(), json_quote(name).c_str(), listed(known, " or ").c_str());
}

void CalibrationFile::read_source(const Json &json) {
    const std::string what = name_ + ": checkpoint";
    const Json &model = member(json, "checkpoint", name_);
    source_.checkpoint = member(model, "name", what).string(what + ": name");
    source_.weights_crc = crc(model, "weights_crc32", what);
    source_.tokenizer_crc = crc(model, "tokenizer_crc32", what);
    // The ranges are those of a checkpoint's configuration.
    source_.d_model = integer(model, "d_model", what, 1, 65536);
    source_.n_layer = integer(model, "n_layer", what, 1, 1024);
    source_.vocab_size = integer(model, "vocab_size", what, 1, 1 << 20);
    // Files of Mamba-1 do not name their kind.
    const Json *const kind = model.find("kind");
    source_.kind = kind == nullptr ? BlockId::mamba1 : kind_named(*kind, what + ": kind");
    for (const Dim dim : widths_of_kind(source_.kind))
        source_.widths.emplace_back(dim, integer(model, dim_name(dim), what, 1, max_d_inner));
    source_.window = integer(json, "window", name_, 1, 1 << 20);
    const std::string list = name_ + ": texts", ids = name_ + ": golden";
    const std::vector<Json> &texts = member(json, "texts", name_).array(list);
    if (texts.empty() || texts.size() > max_texts)
        bad_input("%s: there are %zu; 1 to %zu are needed", list.c_str(), texts.size(), max_texts);
    for (const Json &text : texts)
        source_.texts.push_back(
            {member(text, "name", list).string(list + ": name"),
             static_cast<uint64_t>(member(text, "bytes", list).integer(list + ": bytes", 0, INT64_MAX)),
             crc(text, "crc32", list), integer(text, "tokens", list, 1, UINT32_MAX)});
    if (source_.tokens() > UINT32_MAX)
        bad_input("%s: %llu tokens; at most %u can be counted", list.c_str(),
                  static_cast<unsigned long long>(source_.tokens()), UINT32_MAX);
    const std::vector<Json> &golden = member(json, "golden", name_).array(ids);
    if (golden.empty() || golden.size() > golden_tokens)
        bad_input("%s has %zu token ids; 1 to %zu are needed", ids.c_str(), golden.size(), golden_tokens);
    for (const Json &id : golden)
        source_.golden.push_back(static_cast<int32_t>(id.integer(ids, 0, source_.vocab_size - 1)));
}

CalibrationFile::Input CalibrationFile::read_input(const Json &json, const std::string &tensor,
                                                   uint32_t channels) const {
    const std::string what = name_ + ": " + tensor;
    const std::string &found = member(json, "tensor", what).string(what + ": tensor");
    if (found != tensor) bad_input("%s: its place is taken by %s", what.c_str(), json_quote(found).c_str());
    const std::vector<Json> &absmax = member(json, "absmax", what).array(what + ": absmax");
    const std::vector<Json> &counts = member(json, "counts", what).array(what + ": counts");
    if (absmax.size() != channels || counts.size() != channels)
        bad_input("%s: absmax has %zu channels and counts has %zu; %u are needed", what.c_str(),
                  absmax.size(), counts.size(), channels);
    Input input;
    uint32_t histogram[ChannelStatistics::bin_count];
    for (uint32_t i = 0; i < channels; ++i) {
        const std::string channel = format("%s: channel %u", what.c_str(), i);
        const double highest = absmax[i].number(channel + ": absmax");
        if (!(highest >= 0 && highest <= static_cast<double>(FLT_MAX)))
            bad_input("%s: absmax is %g; a finite float from 0 is needed", channel.c_str(), highest);
        input.absmax.push_back(static_cast<float>(highest));
        input.counts.push_back(counts[i].string(channel + ": counts"));
        counts_from_text(input.counts[i], channel, histogram, std::size(histogram));
        uint64_t sum = 0;
        uint32_t last = ChannelStatistics::no_bin;
        for (uint32_t bin = 0; bin < std::size(histogram); ++bin) {
            sum += histogram[bin];
            if (histogram[bin] > 0) last = bin;
        }
        if (sum > source_.tokens())
            bad_input("%s: %llu values of %llu tokens", channel.c_str(), static_cast<unsigned long long>(sum),
                      static_cast<unsigned long long>(source_.tokens()));
        if (last != ChannelStatistics::bin_of(input.absmax[i]))
            bad_input("%s: the last bin, %d, is not that of absmax %g, %d", channel.c_str(),
                      static_cast<int32_t>(last), highest,
                      static_cast<int32_t>(ChannelStatistics::bin_of(input.absmax[i])));
    }
    return input;
}

ChannelStatistics CalibrationFile::statistics(Role role, uint32_t block) const {
    const Input &input = inputs_[index_of(role, block, source_)];
    constexpr size_t bins = ChannelStatistics::bin_count;
    std::vector<uint32_t> counts(input.counts.size() * bins);
    for (size_t i = 0; i < input.counts.size(); ++i)
        counts_from_text(input.counts[i], name_, &counts[i * bins], bins);
    return {source_.tokens(), input.absmax, std::move(counts)};
}

std::vector<CalibrationText> CalibrationFile::texts() const {
    std::vector<CalibrationText> texts;
    for (const CalibrationSource::Text &text : source_.texts)
        texts.push_back({text.name, text.bytes, text.crc, {}});
    return texts;
}

void CalibrationFile::require(const Checkpoint &checkpoint) const {
    const CalibrationSource needed = model_of(checkpoint);
    struct Size {
        const char *name;
        uint32_t found, needed;
    };
    std::vector<Size> sizes = {{"d_model", source_.d_model, needed.d_model},
                               {"n_layer", source_.n_layer, needed.n_layer},
                               {"vocab_size", source_.vocab_size, needed.vocab_size}};
    if (source_.kind == needed.kind)
        for (size_t i = 0; i < needed.widths.size(); ++i)
            sizes.push_back(
                {dim_name(needed.widths[i].first), source_.widths[i].second, needed.widths[i].second});
    const std::string of = name_ + " is of checkpoint " + json_quote(source_.checkpoint);
    for (const auto &size : sizes)
        if (size.found != size.needed)
            bad_input("%s with %s %u; that of %s is %u", of.c_str(), size.name, size.found,
                      checkpoint.path().c_str(), size.needed);
    if (source_.kind != needed.kind)
        bad_input("%s with kind %s; that of %s is %s", of.c_str(), kind_name(source_.kind),
                  checkpoint.path().c_str(), kind_name(needed.kind));
    if (checkpoint.weights_crc() != source_.weights_crc)
        bad_input("%s, whose weights have CRC-32 %08x; those of %s have %08x", of.c_str(),
                  source_.weights_crc, checkpoint.path().c_str(), checkpoint.weights_crc());
    if (crc_of_tokenizer(checkpoint) != source_.tokenizer_crc)
        bad_input("%s, whose tokenizer.json has CRC-32 %08x; that of %s has %08x", of.c_str(),
                  source_.tokenizer_crc, checkpoint.path().c_str(), crc_of_tokenizer(checkpoint));
}

CalibrationFile read_calibration_file(const std::string &path) {
    const MappedFile file(path);
    return CalibrationFile(file.text(), path);
}

std::string why_text_is_needed(const Plan &plan, const ModelShape &shape) {
    std::string why;
    plan.each_linear([&](Role role, uint32_t block) {
        const LinearPlan &linear = plan.of(role, block);
        const char *cause = nullptr;
        if (has_scale(linear.input) && linear.input == Input::hadamard)
            cause = "the Hadamard transform of its input mixes channels";
        else if (has_scale(linear.input) && linear.rule == ScaleRule::percentile)
            cause = "a percentile of its input is wanted more exactly than the bins are";
        else if (needs_hessian(linear))
            cause = "GPTQ takes the second moments of its input";
        if (cause != nullptr && why.empty()) why = plan_name(shape, role, block) + ": " + cause;
    });
    return why;
}

void require_no_text(const Plan &plan, const ModelShape &shape, const std::string &file) {
    const std::string why = why_text_is_needed(plan, shape);
    if (!why.empty())
        fail(ExitCode::usage, "--calibration %s does not suffice for %s. Give the text with --calib instead",
             file.c_str(), why.c_str());
}

}  // namespace adder
