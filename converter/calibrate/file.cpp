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
#include "converter/import/gguf.h"
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
    if (!is_gguf(file.text())) return crc32(0, file.data(), file.size());
    uint32_t sum = 0;
    parse_gguf(file.data(), file.size(), file.path())
        .metadata.each("tokenizer.", [&](const std::string &key, const GgufValue &value) {
            sum = crc32(sum, key.data(), key.size());
            sum = crc32(sum, value.data, static_cast<size_t>(value.size));
        });
    return sum;
}

// One input of each block.
struct InputPlace {
    Role role;  // the first that takes it
    Dim width;
};

std::vector<InputPlace> inputs_of(BlockId id, uint16_t flags) {
    const BlockKind &kind = *find_block_kind(static_cast<uint16_t>(id));
    std::vector<InputPlace> places;
    std::vector<uint8_t> taken;
    for (uint32_t i = 0; i < kind.tensor_count; ++i) {
        const TensorRow &row = kind.tensors[i];
        if (row.form != Form::matrix || !is_present(row, flags) ||
            std::find(taken.begin(), taken.end(), row.input) != taken.end())
            continue;
        taken.push_back(row.input);
        places.push_back({row.role, kind.inputs[row.input].width});
    }
    return places;
}
std::vector<InputPlace> inputs_of(const CalibrationSource::Shape &shape) {
    return inputs_of(shape.kind, shape.flags);
}

// The flags that a kind's linear layers ask for, and so its inputs.
uint16_t flags_of_inputs(BlockId id) {
    const BlockKind &kind = *find_block_kind(static_cast<uint16_t>(id));
    uint16_t flags = 0;
    for (uint32_t i = 0; i < kind.tensor_count; ++i)
        if (kind.tensors[i].form == Form::matrix)
            flags = static_cast<uint16_t>(flags | (kind.tensors[i].presence & ~shape_unless));
    return flags;
}

// The dimensions that the inputs have, but d_model.
std::vector<Dim> widths_of(const CalibrationSource::Shape &shape) {
    std::vector<Dim> widths;
    for (const InputPlace &place : inputs_of(shape))
        if (place.width != Dim::d_model && std::find(widths.begin(), widths.end(), place.width) == widths.end())
            widths.push_back(place.width);
    return widths;
}

uint32_t width_of(Role role, const CalibrationSource &source, uint32_t block) {
    if (role == Role::head) return source.d_model;
    const CalibrationSource::Shape &shape = source.shape_of(block);
    for (const InputPlace &place : inputs_of(shape))
        for (const auto &[dim, width] : shape.widths)
            if (place.role == role && dim == place.width) return width;
    return source.d_model;
}

size_t index_of(Role role, uint32_t block, const CalibrationSource &source) {
    size_t index = 0;
    for (uint32_t i = 0; i < source.blocks.size() && i < block; ++i)
        index += inputs_of(source.shape_of(i)).size();
    if (role == Role::head) return index;
    const std::vector<InputPlace> places = inputs_of(source.shape_of(block));
    for (const InputPlace &place : places) {
        if (place.role == role) break;
        ++index;
    }
    return index;
}

}  // namespace

std::string input_place_name(const CalibrationSource &source, Role role, uint32_t block) {
    return role == Role::head ? std::string("head")
                              : format("layers.%u.%s", source.blocks[block].layer, role_name(role));
}

void each_input_of(const CalibrationSource &source,
                   const std::function<void(Role role, uint32_t block)> &body) {
    for (uint32_t block = 0; block < source.blocks.size(); ++block)
        for (const InputPlace &place : inputs_of(source.shape_of(block))) body(place.role, block);
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
                        s.window, s.golden);
    };
    const auto same_text = [](const CalibrationSource::Text &x, const CalibrationSource::Text &y) {
        return std::tie(x.name, x.bytes, x.crc, x.tokens) == std::tie(y.name, y.bytes, y.crc, y.tokens);
    };
    return model(a) == model(b) && a.shapes == b.shapes && a.blocks == b.blocks &&
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
    for (const BlobShape &one : shape.shapes) {
        const Dims dims = shape_view(shape.architecture(), one).dims;
        const BlockId kind = static_cast<BlockId>(one.kind);
        CalibrationSource::Shape calibrated{kind, static_cast<uint16_t>(one.flags & flags_of_inputs(kind)), {}};
        for (const Dim dim : widths_of(calibrated)) calibrated.widths.emplace_back(dim, dims[dim]);
        source.shapes.push_back(std::move(calibrated));
    }
    for (const BlobBlock &block : shape.blocks) source.blocks.push_back({block.shape, block.layer});
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
    each_input_of(source_, [&](Role role, uint32_t block) {
        inputs_.push_back(read_input(inputs[inputs_.size()], input_place_name(source_, role, block),
                                     width_of(role, source_, block)));
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

// A shape in a list of its own, or, of all blocks, among the checkpoint's numbers. Files of Mamba-1 do not name their kind.
static CalibrationSource::Shape read_calibrated_shape(const Json &json, const std::string &what) {
    const Json *const kind = json.find("kind");
    CalibrationSource::Shape shape{
        kind == nullptr ? BlockId::mamba1 : kind_named(*kind, what + ": kind"), 0, {}};
    // Not there: none is set.
    if (json.find("flags") != nullptr) {
        const uint32_t flags = integer(json, "flags", what, 0, UINT16_MAX),
                       known = flags_of_inputs(shape.kind);
        if ((flags & ~known) != 0)
            bad_input("%s: flags is %u; of %s bits of %u are known", what.c_str(), flags,
                      kind_name(shape.kind), known);
        shape.flags = static_cast<uint16_t>(flags);
    }
    for (const Dim dim : widths_of(shape))
        shape.widths.emplace_back(dim, integer(json, dim_name(dim), what, 1, max_d_inner));
    return shape;
}

void CalibrationFile::read_blocks(const Json &model, const std::string &what) {
    const Json *const list = model.find("shapes");
    if (list == nullptr) {
        source_.shapes = {read_calibrated_shape(model, what)};
        for (uint32_t layer = 0; layer < source_.n_layer; ++layer) source_.blocks.push_back({0, layer});
        return;
    }
    const std::string shapes = what + ": shapes", blocks = what + ": blocks", layers = what + ": layers";
    for (const Json &shape : list->array(shapes))
        source_.shapes.push_back(read_calibrated_shape(shape, shapes));
    const std::vector<Json> &places = member(model, "blocks", what).array(blocks);
    const std::vector<Json> &numbers = member(model, "layers", what).array(layers);
    if (source_.shapes.empty() || source_.shapes.size() > max_shapes)
        bad_input("%s are %zu; 1 to %u are needed", shapes.c_str(), source_.shapes.size(), max_shapes);
    if (places.empty() || places.size() > max_blocks || places.size() != numbers.size())
        bad_input("%s are %zu, and %s %zu; as many of both are needed, 1 to %u", blocks.c_str(),
                  places.size(), layers.c_str(), numbers.size(), max_blocks);
    for (size_t i = 0; i < places.size(); ++i) {
        const int64_t last = i == 0 ? 0 : source_.blocks.back().layer;
        source_.blocks.push_back(
            {static_cast<uint32_t>(
                 places[i].integer(blocks, 0, static_cast<int64_t>(source_.shapes.size()) - 1)),
             static_cast<uint32_t>(numbers[i].integer(layers, last, int64_t{source_.n_layer} - 1))});
    }
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
    read_blocks(model, what);
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
    const bool plain = source_.is_plain() && needed.is_plain();
    if (plain && source_.shapes[0].kind == needed.shapes[0].kind &&
        source_.shapes[0].flags == needed.shapes[0].flags)
        for (size_t i = 0; i < needed.shapes[0].widths.size(); ++i)
            sizes.push_back({dim_name(needed.shapes[0].widths[i].first), source_.shapes[0].widths[i].second,
                             needed.shapes[0].widths[i].second});
    const std::string of = name_ + " is of checkpoint " + json_quote(source_.checkpoint);
    for (const auto &size : sizes)
        if (size.found != size.needed)
            bad_input("%s with %s %u; that of %s is %u", of.c_str(), size.name, size.found,
                      checkpoint.path().c_str(), size.needed);
    if (source_.shapes[0].kind != needed.shapes[0].kind)
        bad_input("%s with kind %s; that of %s is %s", of.c_str(), kind_name(source_.shapes[0].kind),
                  checkpoint.path().c_str(), kind_name(needed.shapes[0].kind));
    if (!(source_.shapes == needed.shapes && source_.blocks == needed.blocks))
        bad_input("%s with other blocks than %s", of.c_str(), checkpoint.path().c_str());
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
