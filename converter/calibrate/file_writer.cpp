// Writing and merging of calibration files.
// SPDX-License-Identifier: MIT
#include <charconv>

#include "converter/base/error.h"
#include "converter/calibrate/counts.h"
#include "converter/calibrate/file.h"
#include "converter/plan/names.h"
#include "converter/plan/rules.h"

namespace adder {
namespace {

// The double of the fewest digits, 9 at most, that rounds to this float.
double shortest_double(float value) {
    for (int digits = 6;; ++digits) {
        char text[32];
        const char *const end =
            std::to_chars(text, text + sizeof text, value, std::chars_format::general, digits).ptr;
        double found = 0;
        std::from_chars(text, end, found);
        if (static_cast<float>(found) == value || digits == 9) return found;
    }
}

}  // namespace

// A shape's members of the object that is open.
static void write_shape(const CalibrationSource::Shape &shape, JsonWriter *json) {
    if (shape.kind != BlockId::mamba1) json->key("kind").value(kind_name(shape.kind));
    if (shape.flags != 0) json->key("flags").value(uint32_t{shape.flags});
    for (const auto &[dim, width] : shape.widths) json->key(dim_name(dim)).value(width);
}

CalibrationFileWriter::CalibrationFileWriter(const CalibrationSource &source) : source_(source) {
    json_.begin_object();
    json_.key("adder_calibration").value(calibration_file_version);
    json_.key("checkpoint").begin_object();
    json_.key("name").value(source.checkpoint);
    json_.key("weights_crc32").value(format("%08x", source.weights_crc));
    json_.key("tokenizer_crc32").value(format("%08x", source.tokenizer_crc));
    json_.key("d_model").value(source.d_model);
    json_.key("n_layer").value(source.n_layer);
    json_.key("vocab_size").value(source.vocab_size);
    if (source.is_plain()) {
        write_shape(source.shapes[0], &json_);
    } else {
        json_.key("shapes").begin_array();
        for (const CalibrationSource::Shape &shape : source.shapes) {
            json_.begin_object();
            write_shape(shape, &json_);
            json_.end_object();
        }
        json_.end_array();
        json_.key("blocks").begin_packed_array();
        for (const CalibrationSource::Block &block : source.blocks) json_.value(block.shape);
        json_.end_array();
        json_.key("layers").begin_packed_array();
        for (const CalibrationSource::Block &block : source.blocks) json_.value(block.layer);
        json_.end_array();
    }
    json_.end_object();
    json_.key("window").value(source.window);
    json_.key("texts").begin_array();
    for (const CalibrationSource::Text &text : source.texts) {
        json_.begin_object();
        json_.key("name").value(text.name);
        json_.key("bytes").value(text.bytes);
        json_.key("crc32").value(format("%08x", text.crc));
        json_.key("tokens").value(text.tokens);
        json_.end_object();
    }
    json_.end_array();
    json_.key("golden").begin_array();
    for (const int32_t id : source.golden) json_.value(id);
    json_.end_array();
    json_.key("inputs").begin_array();
}

void CalibrationFileWriter::add(Role role, uint32_t block, const ChannelStatistics &statistics) {
    json_.begin_object();
    json_.key("tensor").value(input_place_name(source_, role, block));
    json_.key("absmax").begin_packed_array();
    for (const float highest : statistics.absmax()) json_.value(shortest_double(highest));
    json_.end_array();
    json_.key("counts").begin_packed_array();
    for (uint32_t i = 0; i < statistics.channels(); ++i)
        json_.value(counts_to_text(statistics.counts(i).data(), ChannelStatistics::bin_count));
    json_.end_array();
    json_.end_object();
}

std::string CalibrationFileWriter::finish() {
    json_.end_array();
    json_.end_object();
    return json_.text() + "\n";
}

namespace {

void require_same_model(const CalibrationFile &a, const CalibrationFile &b) {
    const CalibrationSource &x = a.source(), &y = b.source();
    const auto differ = [&](const char *name, const std::string &first, const std::string &second) {
        if (first != second)
            bad_input("%s has %s %s, %s has %s: they are not of one checkpoint and window", a.name().c_str(),
                      name, first.c_str(), b.name().c_str(), second.c_str());
    };
    const auto number = [](uint32_t value) { return std::to_string(value); };
    const auto crc = [](uint32_t value) { return format("%08x", value); };
    differ("d_model", number(x.d_model), number(y.d_model));
    differ("n_layer", number(x.n_layer), number(y.n_layer));
    differ("vocab_size", number(x.vocab_size), number(y.vocab_size));
    const CalibrationSource::Shape &first = x.shapes[0], &other = y.shapes[0];
    differ("kind", number(static_cast<uint32_t>(first.kind)), number(static_cast<uint32_t>(other.kind)));
    differ("flags", number(first.flags), number(other.flags));
    for (size_t i = 0; i < first.widths.size(); ++i)
        differ(dim_name(first.widths[i].first), number(first.widths[i].second),
               number(other.widths[i].second));
    if (!(x.shapes == y.shapes && x.blocks == y.blocks))
        bad_input("%s and %s are of models with other blocks: they are not of one checkpoint",
                  a.name().c_str(), b.name().c_str());
    differ("weights_crc32", crc(x.weights_crc), crc(y.weights_crc));
    differ("tokenizer_crc32", crc(x.tokenizer_crc), crc(y.tokenizer_crc));
    differ("window", number(x.window), number(y.window));
}

void require_other_texts(const CalibrationFile &a, const CalibrationFile &b) {
    for (const CalibrationSource::Text &x : a.source().texts)
        for (const CalibrationSource::Text &y : b.source().texts)
            if (x.bytes == y.bytes && x.crc == y.crc)
                bad_input("%s and %s are both of the text %s (%llu bytes, CRC-32 %08x), which would count "
                          "twice",
                          a.name().c_str(), b.name().c_str(), json_quote(x.name).c_str(),
                          static_cast<unsigned long long>(x.bytes), x.crc);
}

}  // namespace

std::string merge_calibrations(const std::vector<CalibrationFile> &files) {
    CalibrationSource source = files[0].source();
    for (size_t i = 1; i < files.size(); ++i) {
        require_same_model(files[0], files[i]);
        for (size_t j = 0; j < i; ++j) require_other_texts(files[j], files[i]);
        const CalibrationSource &other = files[i].source();
        source.texts.insert(source.texts.end(), other.texts.begin(), other.texts.end());
    }
    if (source.tokens() > UINT32_MAX)
        bad_input("%s and the others have %llu tokens; at most %u can be counted", files[0].name().c_str(),
                  static_cast<unsigned long long>(source.tokens()), UINT32_MAX);
    CalibrationFileWriter writer(source);
    each_input_of(source, [&](Role role, uint32_t block) {
        ChannelStatistics all = files[0].statistics(role, block);
        for (size_t i = 1; i < files.size(); ++i) all.merge(files[i].statistics(role, block));
        writer.add(role, block, all);
    });
    return writer.finish();
}

}  // namespace adder
