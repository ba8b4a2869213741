// Fuzz target: the reader of GGUF files: every value and every element that it hands out, the tokenizer, the chat
// template, and the model that the families make of it.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "converter/base/error.h"
#include "converter/families/family.h"
#include "converter/families/gguf.h"
#include "converter/import/gguf.h"
#include "converter/import/gguf_parts.h"
#include "converter/import/gguf_tokenizer.h"
#include "runtime/tokenizer.h"
#include "tests/support/gguf_builder.h"

using namespace adder;
using namespace adder::test;

static void read_tensors(const TensorTable &table, const uint8_t *data, size_t size) {
    std::vector<float> values;
    for (const TensorView &tensor : table.tensors) {
        if (tensor.size > 0 && (tensor.data < data || tensor.data + span_bytes(tensor) > data + size))
            std::abort();
        if (table.find(tensor.name) != &tensor) std::abort();
        uint64_t bytes = 0;
        each_bytes(tensor, [&](const uint8_t *, size_t count) { bytes += count; });
        if (bytes != tensor.size) std::abort();
        if (!is_readable(tensor.dtype)) continue;
        values.resize(static_cast<size_t>(tensor.elements));
        convert_to_float(tensor, 0, tensor.elements, values.data());
    }
}

// Of whatever type a value is, the others are refused.
static void read_keys(const GgufMetadata &metadata) {
    metadata.each("", [&](const std::string &key, const GgufValue &) {
        uint32_t read = 0;
        const auto attempt = [&](const auto &code) {
            try {
                code();
                ++read;
            } catch (const Error &) {
            }
        };
        attempt([&] { metadata.integer(key, 0, 1000); });
        attempt([&] { metadata.number(key); });
        attempt([&] { metadata.boolean(key); });
        attempt([&] { metadata.string(key); });
        attempt([&] { metadata.strings(key); });
        attempt([&] { metadata.integers(key); });
        attempt([&] { metadata.numbers(key); });
        if (read > 2) std::abort();             // integers are numbers
        attempt([&] { metadata.flags(key); });  // booleans, or integers
    });
}

// What a family makes of it has the shapes that it says, and elements that lie in the file.
static void read_model(const GgufFile &file) {
    try {
        TensorFiles files(file);
        const ModelShape shape = read_model_shape(Json::parse(config_from_gguf(&files), "input"), "input");
        generation_from_gguf(file.metadata);
        std::vector<float> values;
        for (const TensorSpec &spec : shape.family->tensors(shape)) {
            const TensorView &tensor = files.tensor(spec.name, spec.shape);
            values.resize(static_cast<size_t>(tensor.elements));
            convert_to_float(tensor, 0, tensor.elements, values.data());
        }
        for (uint32_t block = 0; block < shape.block_count(); ++block) {
            const BlockView view = shape.view(block);
            for (uint32_t i = 0; i < view.kind->tensor_count; ++i)
                if (is_present(view.kind->tensors[i], view.shape->flags))
                    shape.family->read(files, shape, view.kind->tensors[i].role, block);
        }
    } catch (const Error &) {
    }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string text(reinterpret_cast<const char *>(data), size);
    if (const auto name = gguf_part_name(text); name && name->path() != text) std::abort();
    try {
        const GgufFile file = parse_gguf(data, size, "input");
        if (file.parts.number < 1 || file.parts.number > file.parts.count) std::abort();
        read_tensors(file.table, data, size);
        read_keys(file.metadata);
        read_model(file);
        gguf_chat_template(file.metadata);
        const std::vector<uint8_t> section = import_gguf_tokenizer(file.metadata, 1000);
        Tokenizer tokenizer{};
        if (tokenizer_open(&tokenizer, section.data(), section.size()) != TokenizeStatus::ok) std::abort();
    } catch (const Error &) {
    }
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    const auto add_file = [&](const GgufBuilder &file) {
        const std::string bytes = file.bytes();
        add(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
    };
    GgufBuilder file;
    file.u32("general.alignment", 32).string("general.architecture", "mamba").number("eps", 1e-5f);
    file.boolean("b", true)
        .integers("i", {1, 2})
        .numbers("f", {1, 2})
        .raw("split.count", 2, std::string("\2\0", 2))
        .raw("split.no", 2, std::string("\1\0", 2))
        .raw("split.tensors.count", 5, std::string("\4\0\0\0", 4));
    const struct {
        uint32_t type;
        uint64_t columns;
        size_t bytes;
    } types[] = {{0, 2, 8},   {1, 2, 4},   {30, 2, 4},     {2, 32, 18},    {3, 32, 20},    {6, 32, 22},
                 {7, 32, 24}, {8, 32, 34}, {12, 256, 144}, {13, 256, 176}, {14, 256, 210}, {26, 2, 8}};
    for (const auto &type : types)
        file.tensor("t" + std::to_string(type.type), type.type, {1, type.columns},
                    std::string(type.bytes, '\x35'));
    add_file(file);
    for (const std::string &type : gguf_model_types()) {
        CheckpointSpec spec;
        spec.config.model_type = type;
        spec.config.d_model = 32;
        spec.config.head_dim = 8;
        add_file(gguf_checkpoint(spec));
    }
    const std::string name = "m-00002-of-00003.gguf";
    add(reinterpret_cast<const uint8_t *>(name.data()), name.size());
    const std::vector<std::string> tokens = {"<s>", "a", "b", "ab", "\\n", "\\x00"};
    for (const char *model : {"gpt2", "rwkv", "llama"}) {
        GgufBuilder tokenizer;
        tokenizer.string("tokenizer.ggml.model", model).string("tokenizer.ggml.pre", "gpt-2");
        tokenizer.strings("tokenizer.ggml.tokens", tokens).strings("tokenizer.ggml.merges", {"a b"});
        tokenizer.integers("tokenizer.ggml.token_type", {model[0] == 'l' ? 2 : 3, 1, 1, 1, 1, 1});
        tokenizer.numbers("tokenizer.ggml.scores", {0, -1, -2, -3, -4, -5});
        tokenizer.boolean("tokenizer.ggml.add_bos_token", false).string("tokenizer.chat_template", "{{ a }}");
        tokenizer.u32("tokenizer.ggml.bos_token_id", 0);
        add_file(tokenizer);
    }
}

extern "C" const char *const adder_fuzz_words[] = {"GGUF",
                                                   "general.alignment",
                                                   "split.count",
                                                   "split.no",
                                                   "split.tensors.count",
                                                   "attention.head_count_kv",
                                                   "feed_forward_length",
                                                   "granitehybrid",
                                                   "falcon-h1",
                                                   "nemotron_h",
                                                   "lfm2",
                                                   "tokenizer.ggml.model",
                                                   "tokenizer.ggml.tokens",
                                                   "tokenizer.ggml.merges",
                                                   "tokenizer.ggml.scores",
                                                   "tokenizer.ggml.token_type",
                                                   "tokenizer.ggml.add_space_prefix",
                                                   "gpt2",
                                                   "rwkv",
                                                   "llama",
                                                   "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
                                                   "\\x",
                                                   nullptr};
