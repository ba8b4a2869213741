// Describes a blob: shape, types, sizes, defaults, tokenizer, quantization record, arena.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <map>

#include "converter/base/error.h"
#include "converter/blob/file.h"
#include "converter/inspect/inspect.h"
#include "converter/plan/names.h"
#include "runtime/arena.h"

namespace adder {

namespace {

struct ChatPart {
    adder_text which;
    const char *name;
};
constexpr ChatPart chat_parts[] = {
    {ADDER_TEXT_CHAT_BEGIN, "begin"},
    {ADDER_TEXT_SYSTEM_PREFIX, "system_prefix"},
    {ADDER_TEXT_SYSTEM_SUFFIX, "system_suffix"},
    {ADDER_TEXT_USER_PREFIX, "user_prefix"},
    {ADDER_TEXT_USER_SUFFIX, "user_suffix"},
    {ADDER_TEXT_ASSISTANT_PREFIX, "assistant_prefix"},
    {ADDER_TEXT_ASSISTANT_SUFFIX, "assistant_suffix"},
    {ADDER_TEXT_OWN_SYSTEM, "own_system"},
};

// Everything about a blob that both outputs need.
struct Facts {
    const BlobFile blob;
    const Model &model;
    bool checksum_ok;
    std::string checksum_text;  // if it differs
    ArenaReport arena;
    uint32_t special_tokens = 0;
    std::map<std::string, uint64_t> bytes_by_dtype;  // of tensors
    uint64_t scale_bytes = 0;                        // of their scales

    Facts(const std::string &path, const InspectOptions &options)
        : blob(path, BlobFile::Checksum::skip), model(*model_of(blob.model())) {
        adder_error error{};
        const adder_status status = adder_model_verify(blob.model(), &error);
        checksum_ok = status == ADDER_OK;
        if (!checksum_ok) checksum_text = error_text(status, error);
        arena = arena_report(model.architecture, model.code_inputs, model.float_weights, options.session);
        if (model.has_tokenizer)
            for (const AddedTokens *group : {&model.tokenizer.raw, &model.tokenizer.normalized})
                for (uint32_t i = 0; i < group->count; ++i)
                    special_tokens += (group->tokens[i].flags & added_special) != 0;
        for (uint32_t i = 0; i < model.header->tensor_count; ++i) add(model.tensors[i]);
    }

    uint32_t merges() const { return takes_longest(model.tokenizer) ? 0 : model.tokenizer.merges; }

    void add(const BlobTensor &tensor) {
        bytes_by_dtype[weight_type_name(static_cast<Dtype>(tensor.dtype))] += tensor.size;
        const auto granularity = static_cast<Granularity>(tensor.granularity);
        const TensorExtent extent{tile_size * tensor.tiles, round_up_to_tile(tensor.cols), tensor.size};
        scale_bytes += scale_extent(extent, granularity, tensor.group).bytes;
    }
    std::string_view text(adder_text which) const { return blob.text(which); }
    uint32_t layer_of(const BlobTensor &tensor) const {
        return model.architecture.blocks[tensor.block].layer;
    }
    std::string fingerprint() const {
        return format("%016llx", static_cast<unsigned long long>(blob.info().fingerprint));
    }
};

// Writes a value as it was read. Numbers beyond 2^53 are rounded.
void write_json(JsonWriter &w, const Json &json) {
    switch (json.type()) {
    case Json::Type::null: w.null(); break;
    case Json::Type::boolean: w.value(json.boolean({})); break;
    case Json::Type::number: {
        const double number = json.number({});
        if (std::floor(number) == number && std::fabs(number) < 9e15) {
            w.value(static_cast<int64_t>(number));
        } else {
            w.value(number);
        }
        break;
    }
    case Json::Type::string: w.value(json.string({})); break;
    case Json::Type::array:
        w.begin_array();
        for (const Json &item : json.array({})) write_json(w, item);
        w.end_array();
        break;
    case Json::Type::object:
        w.begin_object();
        for (const auto &[key, value] : json.object({})) write_json(w.key(key), value);
        w.end_object();
        break;
    }
}

// Objects become indented lines; everything else stands after its key as JSON.
void add_record(Lines &lines, const Json &json, const std::string &indent) {
    for (const auto &[key, value] : json.object("the quantization record")) {
        const std::string quoted = json_quote(key);
        const std::string label = indent + quoted.substr(1, quoted.size() - 2);
        if (value.is_object()) {
            lines.add(label, "");
            add_record(lines, value, indent + "  ");
        } else {
            JsonWriter w(false);
            write_json(w, value);
            lines.add(label, w.text());
        }
    }
}

std::string blob_json(const Facts &facts, const InspectOptions &options) {
    const adder_model_info &info = facts.blob.info();
    const BlobHeader &header = *facts.model.header;
    JsonWriter w;
    w.begin_object();
    w.key("kind").value("blob");
    w.key("path").value(facts.blob.path());
    w.key("name").value(facts.text(ADDER_TEXT_NAME));
    w.key("format_version").value(info.format_version);
    w.key("checksum").value(facts.checksum_ok ? "ok" : facts.checksum_text);
    w.key("fingerprint").value(facts.fingerprint());
    write_shape(w, facts.model.architecture, info.n_layer);
    w.key("activations").value(info.int8_activations ? "int8" : "f32");
    w.key("parameters").value(info.parameters);
    w.key("blob_bytes").value(info.blob_bytes);
    w.key("bits_per_weight").value(facts.blob.bits_per_weight());
    w.key("weight_bytes").begin_object();
    for (const auto &[dtype, bytes] : facts.bytes_by_dtype) w.key(dtype).value(bytes);
    w.key("scales").value(facts.scale_bytes);
    w.end_object();
    w.key("bytes_per_token").value(info.bytes_per_token);
    w.key("state_bytes").value(uint64_t{adder_state_size(facts.blob.model())});
    write_arena(w, facts.arena, options.session);
    w.key("bos_token").value(info.bos_token);
    w.key("eos_tokens").begin_array();
    for (const int32_t token : info.eos_tokens)
        if (token >= 0) w.value(token);
    w.end_array();
    w.key("generation").begin_object();
    w.key("temperature").value(header.temperature);
    w.key("top_k").value(header.top_k);
    w.key("top_p").value(header.top_p);
    w.key("min_p").value(header.min_p);
    w.key("repetition_penalty").value(header.repetition_penalty);
    w.end_object();
    w.key("tokenizer");
    if (facts.model.has_tokenizer) {
        w.begin_object();
        w.key("tokens").value(facts.model.tokenizer.tokens);
        w.key("kind").value(takes_longest(facts.model.tokenizer) ? "longest_match" : "bpe");
        w.key("merges").value(facts.merges());
        w.key("special_tokens").value(facts.special_tokens);
        w.end_object();
    } else {
        w.null();
    }
    w.key("chat_template");
    if (info.has_chat_template) {
        w.begin_object();
        for (const ChatPart &part : chat_parts)
            if (facts.text(part.which).data() != nullptr) w.key(part.name).value(facts.text(part.which));
        w.end_object();
    } else {
        w.null();
    }
    w.key("quantization_record");
    const std::string_view record = facts.text(ADDER_TEXT_QUANTIZATION_RECORD);
    record.empty() ? void(w.null())
                   : write_json(w, Json::parse(record, facts.blob.path() + ": quantization record"));
    if (options.tensors) {
        w.key("tensors").begin_array();
        for (uint32_t i = 0; i < header.tensor_count; ++i) {
            const BlobTensor &tensor = facts.model.tensors[i];
            w.begin_object();
            w.key("role").value(role_name(static_cast<Role>(tensor.role)));
            w.key("layer");
            tensor.block == no_block ? w.null() : w.value(facts.layer_of(tensor));
            w.key("dtype").value(weight_type_name(static_cast<Dtype>(tensor.dtype)));
            w.key("scales").value(granularity_name(static_cast<Granularity>(tensor.granularity)));
            w.key("rows").value(tensor.rows);
            w.key("cols").value(tensor.cols);
            w.key("offset").value(tensor.offset);
            w.key("bytes").value(tensor.size);
            if (tensor.group > 0) w.key("group").value(tensor.group);
            if (tensor.group > 0)
                w.key("scale_type")
                    .value(tensor.scale_type == static_cast<uint8_t>(ScaleType::f16) ? "binary16"
                                                                                     : "bfloat16");
            w.key("input").value(input_name(static_cast<Input>(tensor.input)));
            if (tensor.input_bits > 0) w.key("input_bits").value(uint32_t{tensor.input_bits});
            w.key("input_scale").value(tensor.input_scale);
            w.end_object();
        }
        w.end_array();
    }
    w.end_object();
    return w.text() + "\n";
}

std::string blob_text(const Facts &facts, const InspectOptions &options) {
    const adder_model_info &info = facts.blob.info();
    const BlobHeader &header = *facts.model.header;
    Lines lines;
    lines.add("name", json_quote(facts.text(ADDER_TEXT_NAME)));
    lines.add("shape", shape_line(facts.model.architecture, info.n_layer));
    lines.add("parameters", count_text(info.parameters));
    lines.add("blob", bytes_text(info.blob_bytes));
    std::vector<std::string> dtypes;
    for (const auto &[dtype, bytes] : facts.bytes_by_dtype) dtypes.push_back(dtype + " " + bytes_text(bytes));
    dtypes.push_back("scales " + bytes_text(facts.scale_bytes));
    lines.add("weights", list_text(dtypes) + format("; %.2f bits per weight", facts.blob.bits_per_weight()));
    lines.add("activations", info.int8_activations ? "int8" : "f32");
    lines.add("checksum", facts.checksum_ok ? "ok" : facts.checksum_text);
    lines.add("fingerprint", facts.fingerprint());
    lines.add("read per token", bytes_text(info.bytes_per_token));
    std::vector<std::string> ends;
    for (const int32_t token : info.eos_tokens)
        if (token >= 0) ends.push_back(std::to_string(token));
    lines.add("begin, end tokens", (info.bos_token >= 0 ? std::to_string(info.bos_token) : "none") + "; " +
                                       (ends.empty() ? "none" : list_text(ends)));
    lines.add("generation",
              format("temperature %g, top-k %u, top-p %g, min-p %g, repetition penalty %g",
                     static_cast<double>(header.temperature), header.top_k, static_cast<double>(header.top_p),
                     static_cast<double>(header.min_p), static_cast<double>(header.repetition_penalty)));
    lines.add(
        "tokenizer",
        facts.model.has_tokenizer
            ? format("%u tokens, %u of them special, ", facts.model.tokenizer.tokens, facts.special_tokens) +
                  (takes_longest(facts.model.tokenizer) ? "the longest at each place"
                                                        : format("%u merges", facts.merges()))
            : "none");
    lines.add("chat template", info.has_chat_template ? "" : "none");
    for (const ChatPart &part : chat_parts)
        if (info.has_chat_template && facts.text(part.which).data() != nullptr)
            lines.add(std::string("  ") + part.name, json_quote(facts.text(part.which)));
    const std::string_view record = facts.text(ADDER_TEXT_QUANTIZATION_RECORD);
    lines.add("quantization", record.empty() ? "no record" : "");
    if (!record.empty())
        add_record(lines, Json::parse(record, facts.blob.path() + ": quantization record"), "  ");
    lines.add("state", bytes_text(adder_state_size(facts.blob.model())) + " when saved");
    add_arena(&lines, facts.arena, options.session);
    std::string text =
        format("%s: an Adder blob of format version %u\n", facts.blob.path().c_str(), info.format_version) +
        lines.text();
    if (!options.tensors) return text;
    text += "\n  layer  role           dtype  scales       rows     cols        offset         bytes  input "
            "scale\n";
    for (uint32_t i = 0; i < header.tensor_count; ++i) {
        const BlobTensor &tensor = facts.model.tensors[i];
        const std::string layer = tensor.block == no_block ? "-" : std::to_string(facts.layer_of(tensor));
        text += format("  %5s  %-13s  %-5s  %-6s  %9u  %7u  %12llu  %12llu  %11g\n", layer.c_str(),
                       role_name(static_cast<Role>(tensor.role)),
                       weight_type_name(static_cast<Dtype>(tensor.dtype)),
                       granularity_name(static_cast<Granularity>(tensor.granularity)), tensor.rows,
                       tensor.cols, static_cast<unsigned long long>(tensor.offset),
                       static_cast<unsigned long long>(tensor.size), static_cast<double>(tensor.input_scale));
    }
    return text;
}

}  // namespace

std::string inspect_blob(const std::string &path, const InspectOptions &options, bool *damaged) {
    const Facts facts(path, options);
    *damaged = !facts.checksum_ok;
    return options.json ? blob_json(facts, options) : blob_text(facts, options);
}

}  // namespace adder
