// Describes a checkpoint directory: configuration, weights, tokenizer, and the arena that its blob will need.
// SPDX-License-Identifier: MIT
#include <map>
#include <optional>
#include <set>

#include "converter/base/error.h"
#include "converter/import/chat_template.h"
#include "converter/inspect/inspect.h"
#include "converter/model/checkpoint.h"
#include "runtime/arena.h"

namespace adder {

namespace {

struct Facts {
    const Checkpoint checkpoint;
    uint64_t parameters = 0;
    std::map<std::string, uint64_t> parameters_by_dtype;
    std::set<std::string> files;
    std::optional<ChatTemplate> chat;
    std::string chat_warning;
    ArenaReport arena;
    uint64_t state;

    Facts(const std::string &directory, const InspectOptions &options) : checkpoint(directory) {
        for (const TensorSpec &spec : specs()) {
            const TensorView &tensor = checkpoint.files().tensor(spec.name);
            parameters += tensor.elements;
            parameters_by_dtype[dtype_name(tensor.dtype)] += tensor.elements;
            files.insert(*tensor.file);
        }
        chat = find_chat_template(checkpoint.tokenizer_config_path(), checkpoint.tokenizer_path(),
                                  &chat_warning);
        ModelShape shape = checkpoint.shape();
        for (BlobShape &one : shape.shapes)
            if (find_block_kind(one.kind)->has_cache) one.state_type = static_cast<uint8_t>(StateType::int8);
        shape.number_blocks();
        const Architecture architecture = shape.architecture();
        arena = arena_report(architecture, true, false, options.session);
        state = state_bytes(architecture);
    }

    std::vector<TensorSpec> specs() const { return checkpoint.shape().family->tensors(checkpoint.shape()); }

    std::string chat_text() const {
        return chat ? "yes" : chat_warning.empty() ? "none" : "none: " + chat_warning;
    }
};

std::string checkpoint_json(const Facts &facts, const InspectOptions &options) {
    const ModelShape &shape = facts.checkpoint.shape();
    JsonWriter w;
    w.begin_object();
    w.key("kind").value("checkpoint");
    w.key("path").value(facts.checkpoint.path());
    write_shape(w, shape.architecture(), shape.n_layer);
    w.key("parameters").value(facts.parameters);
    w.key("parameters_by_dtype").begin_object();
    for (const auto &[dtype, count] : facts.parameters_by_dtype) w.key(dtype).value(count);
    w.end_object();
    w.key("files").begin_array();
    for (const std::string &file : facts.files) w.value(file);
    w.end_array();
    w.key("tokenizer").value(!facts.checkpoint.tokenizer_path().empty());
    w.key("chat_template").value(facts.chat.has_value());
    w.key("chat_template_warning");
    facts.chat_warning.empty() ? w.null() : w.value(facts.chat_warning);
    w.key("unused_tensors").begin_array();
    for (const std::string &name : facts.checkpoint.unused_tensors()) w.value(name);
    w.end_array();
    w.key("state_bytes").value(facts.state);
    write_arena(w, facts.arena, options.session);
    if (options.tensors) {
        w.key("tensors").begin_array();
        for (const TensorSpec &spec : facts.specs()) {
            const TensorView &tensor = facts.checkpoint.files().tensor(spec.name);
            w.begin_object();
            w.key("name").value(tensor.name);
            w.key("dtype").value(dtype_name(tensor.dtype));
            w.key("shape").begin_array();
            for (const uint64_t extent : tensor.shape) w.value(extent);
            w.end_array();
            w.key("file").value(*tensor.file);
            w.end_object();
        }
        w.end_array();
    }
    w.end_object();
    return w.text() + "\n";
}

std::string checkpoint_text(const Facts &facts, const InspectOptions &options) {
    const ModelShape &shape = facts.checkpoint.shape();
    Lines lines;
    lines.add("shape", shape_line(shape.architecture(), shape.n_layer));
    lines.add("head", shape.tied ? "the embedding" : "of its own");
    std::vector<std::string> dtypes;
    for (const auto &[dtype, count] : facts.parameters_by_dtype)
        dtypes.push_back(dtype + " " + count_text(count));
    lines.add("parameters", count_text(facts.parameters) + ": " + list_text(dtypes));
    lines.add("files", list_text({facts.files.begin(), facts.files.end()}));
    lines.add("tokenizer",
              facts.checkpoint.tokenizer_path().empty() ? "none" : facts.checkpoint.tokenizer_path());
    lines.add("chat template", facts.chat_text());
    std::vector<std::string> unused;
    for (const std::string &name : facts.checkpoint.unused_tensors()) unused.push_back(json_quote(name));
    lines.add("unused tensors", unused.empty() ? "none" : list_text(unused));
    std::string text = facts.checkpoint.path() + ": a checkpoint\n" + lines.text();
    Lines converted;
    converted.add("state", bytes_text(facts.state));
    add_arena(&converted, facts.arena, options.session);
    text += "\nConverted with the defaults, int8 weights and activations:\n" + converted.text();
    if (options.tensors) {
        text += "\n";
        for (const TensorSpec &spec : facts.specs()) {
            const TensorView &tensor = facts.checkpoint.files().tensor(spec.name);
            text += format("  %-44s  %-4s  %s\n", tensor.name.c_str(), dtype_name(tensor.dtype),
                           shape_text(tensor.shape).c_str());
        }
    }
    return text;
}

}  // namespace

std::string inspect_checkpoint(const std::string &directory, const InspectOptions &options) {
    const Facts facts(directory, options);
    return options.json ? checkpoint_json(facts, options) : checkpoint_text(facts, options);
}

}  // namespace adder
