// Converting small checkpoints in memory.
// SPDX-License-Identifier: MIT
#include "tests/support/blob_builder.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "converter/blob/writer.h"
#include "converter/calibrate/calibrate.h"
#include "converter/convert/gptq_walk.h"
#include "converter/import/split_automaton.h"
#include "converter/import/tokenizer_section.h"
#include "converter/model/checkpoint.h"
#include "kernels/kernels.h"
#include "runtime/crc32.h"
#include "runtime/tokenizer.h"
#include "tests/support/families.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

void must(adder_status status, const char *what) {
    if (status != ADDER_OK) throw std::runtime_error(std::string(what) + ": " + adder_status_text(status));
}

void check(adder_status status, const adder_error &error) {
    char text[200];
    adder_error_text(&error, text, sizeof text);
    if (status != ADDER_OK) throw std::runtime_error(text);
}

}  // namespace

static SectionSource toy_tokens() {
    SectionSource source;
    for (uint32_t byte = 0; byte < 256; ++byte) {
        source.texts.emplace_back(1, static_cast<char>(byte));
        source.byte_ids[byte] = byte;
    }
    source.texts.insert(source.texts.end(), {"ab", "abc", "<|end|>", "\xC3\xA9"});
    source.merges = {{'a', 'b', 0, 256}, {256, 'c', 1, 257}, {0xC3, 0xA9, 2, 259}};
    source.added = {{258, added_special, false}};
    return source;
}

std::vector<uint8_t> toy_tokenizer() { return write_tokenizer_section(toy_tokens(), "toy"); }

std::vector<uint8_t> toy_longest() { return write_longest_section(toy_tokens(), "toy"); }

std::vector<uint8_t> toy_split() {
    SectionSource source = toy_tokens();
    source.splits.push_back(compile_split({"\\p{L}+|\\P{L}", "toy", false, true}));
    source.begin = 259;
    return write_split_section(source, "toy");
}

std::vector<uint8_t> toy_characters() {
    SectionSource source;
    source.flags = tokenizer_strip_space;
    source.begin = 0;
    source.texts.emplace_back("<s>");
    source.added.push_back({0, added_special, false});
    for (uint32_t byte = 0; byte < 256; ++byte) {
        source.texts.emplace_back(1, static_cast<char>(byte));
        source.byte_ids[byte] = byte + 1;
    }
    for (const char letter : {' ', 'a'}) {
        source.characters.push_back(
            {static_cast<uint32_t>(letter), static_cast<uint32_t>(source.texts.size())});
        source.texts.emplace_back(1, letter);
    }
    return write_characters_section(source, "toy");
}

BlobSpec::BlobSpec() = default;

BlobSpec toy_model(const std::string &model_type, const Recipe &recipe, StateType state) {
    BlobSpec spec;
    spec.recipe = recipe;
    spec.state = state;
    spec.tokenizer = true;
    spec.checkpoint.scale = 0.5f;
    spec.checkpoint.edit = [](const std::string &name, std::vector<float> &values) {
        if (name.find("dt_proj.bias") == std::string::npos && name.find("dt_bias") == std::string::npos)
            return;
        for (float &value : values) value += 3;
    };
    ModelConfig &config = spec.checkpoint.config;
    config.model_type = model_type;
    config.d_model = 36;
    config.n_layer = 3;
    config.vocab_size = 260;
    config.d_inner = 128;
    config.d_state = 13;
    config.dt_rank = 5;
    config.n_head = 8;
    config.n_group = config.norm_groups = 2;
    config.use_bias = true;
    config.tie_word_embeddings = false;
    if (is_hybrid(model_type)) config.d_model = 64;  // whose Hadamard transform fits
    if (is_rwkv(model_type)) {
        config.d_model = 64;  // also the mixer's, which has a Hadamard transform
        config.use_bias = false;
    }
    return spec;
}

AlignedBytes build_blob(const BlobSpec &spec) {
    const TemporaryDirectory directory;
    if (spec.directory.empty()) write_checkpoint(directory.path(), spec.checkpoint);
    const Checkpoint checkpoint(spec.directory.empty() ? directory.path() : spec.directory);
    const uint32_t vocab_size = checkpoint.shape().vocab_size;
    ThreadPool pool(1);
    const Plan plan(recipe_for(checkpoint.shape(), spec.recipe), checkpoint.shape());
    FloatModel model(checkpoint, pool);
    const std::vector<Tokens> sequences = {random_tokens(64, vocab_size, 7)};
    Calibration calibration;
    if (plan.needs_calibration()) calibration = calibrate(model, sequences, plan);
    BlobContents contents{};
    contents.state = spec.state;
    contents.cache = spec.cache;
    contents.defaults.temperature = 0.8f;
    contents.defaults.top_p = 0.95f;
    contents.defaults.repetition_penalty = 1.0f;
    contents.bos_token = contents.eos_tokens[0] = 0;
    for (const int32_t token : spec.golden)
        contents.golden.push_back(static_cast<int32_t>(static_cast<uint32_t>(token) % vocab_size));
    if (spec.tokenizer)
        contents.sections.emplace_back(section_tokenizer, spec.longest      ? toy_longest()
                                                          : spec.characters ? toy_characters()
                                                          : spec.split      ? toy_split()
                                                                            : toy_tokenizer());
    for (const auto &[kind, text] : spec.texts)
        contents.sections.emplace_back(kind, std::vector<uint8_t>(text.begin(), text.end()));
    const std::string path = directory.file("blob.adder");
    {
        BlobWriter blob(path, checkpoint, plan, contents);
        if (needs_hessians(plan))
            write_with_gptq(model, sequences, plan, calibration, &blob);
        else
            blob.write(blob.tensors(), calibration, pool);
        blob.finish();
    }
    const std::string bytes = read_text(path);
    return AlignedBytes(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
}

void fix_checksums(uint8_t *blob, size_t size) {
    BlobHeader header;
    if (size < sizeof header) return;
    std::memcpy(&header, blob, sizeof header);
    const auto end = static_cast<size_t>(std::min<uint64_t>(header.blob_size, size));
    const auto payload = static_cast<size_t>(std::min<uint64_t>(header.payload_offset, end));
    header.payload_crc = crc32(0, blob + payload, end - payload);
    header.metadata_crc = 0;
    std::memcpy(blob, &header, sizeof header);
    header.metadata_crc = crc32(0, blob, std::max(payload, sizeof header));
    std::memcpy(blob, &header, sizeof header);
}

TestSession::TestSession(const AlignedBytes &blob, const adder_options &options) {
    adder_error error{};
    check(adder_model_open(&model_, blob.data(), blob.size(), &error), error);
    init(options);
}

TestSession::TestSession(const adder_source *source, const adder_options &options, uint32_t flags) {
    adder_error error{};
    memory_ = AlignedBytes(adder_stream_memory_size(source, flags, &error));
    std::memset(memory_.data(), 0xA5, memory_.size());
    check(adder_model_open_stream(&model_, source, flags, memory_.data(), memory_.size(), &error), error);
    init(options);
}

void TestSession::init(const adder_options &options) {
    adder_error error{};
    adder_model_get_info(&model_, &info_);
    arena_ = AlignedBytes(adder_arena_size(&model_, &options));
    std::memset(arena_.data(), 0xA5, arena_.size());  // an arena need not be zeroed
    check(adder_session_init(&session_, &model_, &options, arena_.data(), arena_.size(), &error), error);
}

std::vector<uint8_t> TestSession::state() const {
    std::vector<uint8_t> bytes(adder_state_size_at(&model_, adder_session_position(session_)));
    must(adder_state_save(session_, bytes.data(), bytes.size()), "adder_state_save");
    return bytes;
}

std::vector<float> TestSession::step(int32_t token) {
    float *logits = nullptr;
    must(adder_step(session_, token, &logits), "adder_step");
    return std::vector<float>(logits, logits + info_.vocab_size);
}

std::vector<const char *> usable_isas() {
    std::vector<const char *> names;
    uint32_t count = 0;
    const KernelTable *const *tables = kernels_built(&count);
    for (uint32_t i = 0; i < count; ++i)
        if (tables[i]->usable()) names.push_back(tables[i]->name);
    return names;
}

Tokens random_tokens(size_t count, uint32_t vocab_size, uint64_t seed) {
    Tokens tokens(count);
    for (int32_t &token : tokens) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        token = static_cast<int32_t>((seed >> 33) % vocab_size);
    }
    return tokens;
}

}  // namespace adder::test
