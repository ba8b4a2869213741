// Putting a blob together: tokenizer, texts, defaults, calibration, weights; then checking it.
// SPDX-License-Identifier: MIT
#include "converter/convert.h"

#include <algorithm>
#include <cstring>

#include "converter/blob_file.h"
#include "converter/calibration_text.h"
#include "converter/chat_template.h"
#include "converter/error.h"
#include "converter/eval_report.h"
#include "converter/quantization_record.h"
#include "converter/tokens.h"
#include "kernels/scalar/hadamard.h"
#include "runtime/arena.h"
#include "runtime/crc32.h"

namespace adder {
namespace {

// Token ids for a checkpoint without a tokenizer: every id is as likely as any other.
Tokens random_tokens(uint32_t count, uint32_t vocab_size) {
    Tokens tokens(count);
    uint64_t state = 1;
    for (int32_t &token : tokens) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        token = static_cast<int32_t>((state >> 33) % vocab_size);
    }
    return tokens;
}

std::vector<CalibrationText> read_calibration(const ConvertOptions &options, const Checkpoint &checkpoint,
                                              const CheckpointTokenizer &tokenizer) {
    std::vector<CalibrationText> texts;
    if (tokenizer.empty()) {
        if (!options.calibration_files.empty())
            bad_input("%s: the checkpoint has no tokenizer.json, so that --calib %s cannot be read",
                      options.checkpoint.c_str(), options.calibration_files[0].c_str());
        texts.push_back({"random tokens", 0, 0, random_tokens(8192, checkpoint.config().vocab_size)});
        return texts;
    }
    const auto add = [&](const std::string &name, std::string_view text, const std::string &shown) {
        texts.push_back({name, text.size(), crc32(0, text.data(), text.size()),
                         tokenize_text(tokenizer.tokenizer(), text, true, shown)});
        if (texts.back().tokens.empty()) bad_input("%s: the calibration text is empty", shown.c_str());
    };
    for (const std::string &path : options.calibration_files) {
        const MappedFile file(path);
        add(file_name(path), file.text(), path);
    }
    if (texts.empty()) add("built-in", default_calibration_text(), "the built-in calibration text");
    return texts;
}

// Windows of all texts, within the limit of tokens; each text gets an equal share of it.
std::vector<Tokens> calibration_windows(const std::vector<CalibrationText> &texts,
                                        const ConvertOptions &options) {
    const uint64_t window = options.calibration_window;
    const size_t limit = std::max<uint64_t>(1, options.calibration_tokens / window / texts.size());
    std::vector<Tokens> windows;
    for (const CalibrationText &text : texts) {
        std::vector<Tokens> part = cut_windows(text.tokens, options.calibration_window, limit);
        std::move(part.begin(), part.end(), std::back_inserter(windows));
    }
    return windows;
}

void take_generation_defaults(const Checkpoint &checkpoint, BlobContents *contents) {
    const GenerationConfig &given = checkpoint.generation();
    const ModelConfig &config = checkpoint.config();
    adder_sampler &defaults = contents->defaults;
    defaults = adder_sampler{};
    // What the checkpoint leaves open: moderate sampling, as a base model in greedy mode repeats itself.
    defaults.temperature = static_cast<float>(given.temperature.value_or(0.8));
    if (given.do_sample.has_value() && !*given.do_sample) defaults.temperature = 0.0f;
    defaults.top_k = given.top_k.value_or(0);
    defaults.top_p = static_cast<float>(given.top_p.value_or(0.95));
    defaults.min_p = static_cast<float>(given.min_p.value_or(0.0));
    defaults.repetition_penalty = static_cast<float>(given.repetition_penalty.value_or(1.0));

    const auto bos = given.bos_token_id ? given.bos_token_id : config.bos_token_id;
    contents->bos_token = bos ? static_cast<int32_t>(*bos) : -1;
    const std::vector<uint32_t> &eos =
        given.eos_token_ids.empty() ? config.eos_token_ids : given.eos_token_ids;
    if (eos.size() > 4)
        bad_input("%s: %zu end tokens (eos_token_id); a blob holds at most 4", checkpoint.directory().c_str(),
                  eos.size());
    for (size_t i = 0; i < eos.size(); ++i) contents->eos_tokens[i] = static_cast<int32_t>(eos[i]);
}

void add_text(BlobContents *contents, adder_text kind, const std::string &text) {
    contents->sections.emplace_back(static_cast<uint32_t>(kind),
                                    std::vector<uint8_t>(text.begin(), text.end()));
}

// Does the text hold a control token? A template made for any role gives prefixes of roles that the vocabulary, and so
// the training, knows nothing of.
bool has_special_token(const Tokenizer &tokenizer, const std::string &text) {
    for (const int32_t id : tokenize_text(tokenizer, text, true, "chat template")) {
        const uint8_t *bytes = nullptr;
        uint32_t size = 0;
        bool special = false;
        if (token_bytes(&tokenizer, id, &bytes, &size, &special) && special) return true;
    }
    return false;
}

void add_chat_template(const Checkpoint &checkpoint, const CheckpointTokenizer &tokenizer,
                       BlobContents *contents, std::vector<std::string> *warnings) {
    if (checkpoint.tokenizer_config_path().empty() || tokenizer.empty()) return;
    std::string warning;
    const std::optional<ChatTemplate> chat = read_chat_template(checkpoint.tokenizer_config_path(), &warning);
    if (!warning.empty()) warnings->push_back(warning);
    if (!chat) return;
    if (!chat->begin.empty()) add_text(contents, ADDER_TEXT_CHAT_BEGIN, chat->begin);
    if (chat->has_system && (has_special_token(tokenizer.tokenizer(), chat->system_prefix) ||
                             !has_special_token(tokenizer.tokenizer(), chat->user_prefix))) {
        add_text(contents, ADDER_TEXT_SYSTEM_PREFIX, chat->system_prefix);
        add_text(contents, ADDER_TEXT_SYSTEM_SUFFIX, chat->system_suffix);
    }
    add_text(contents, ADDER_TEXT_USER_PREFIX, chat->user_prefix);
    add_text(contents, ADDER_TEXT_USER_SUFFIX, chat->user_suffix);
    add_text(contents, ADDER_TEXT_ASSISTANT_PREFIX, chat->assistant_prefix);
    add_text(contents, ADDER_TEXT_ASSISTANT_SUFFIX, chat->assistant_suffix);
}

// Opens the finished file as a user would, and repeats its golden case.
uint64_t verify_written(const std::string &path) {
    const BlobFile blob(path);
    const Session session(blob, adder_options{});
    adder_error error{};
    if (adder_selftest(session.get(), &error) != ADDER_OK) {
        char text[256];
        adder_error_text(&error, text, sizeof text);
        fail(ExitCode::failure, "%s: %s", path.c_str(), text);
    }
    return session.arena_bytes();
}

}  // namespace

Plan make_plan(const ConvertOptions &options, const Checkpoint &checkpoint) {
    const ModelConfig &config = checkpoint.config();
    Plan plan(options.recipe, config);
    apply_rules(options.rules, config, &plan);
    plan.each_linear([&](Role role, uint32_t layer) {
        if (plan.of(role, layer).search_alpha)
            fail(ExitCode::usage, "%s: alpha=auto is not supported yet", plan_name(role, layer).c_str());
        if (plan.of(role, layer).input == Input::hadamard && config.d_inner % hadamard_size != 0)
            bad_input("%s: recipe %s transforms the input of %s in blocks of %u, and d_inner is %u",
                      options.checkpoint.c_str(), options.recipe.name.c_str(), plan_name(role, layer).c_str(),
                      hadamard_size, config.d_inner);
    });
    return plan;
}

namespace {

// All that is decided and checked before the first pass over the calibration text.
struct Preparation {
    explicit Preparation(const ConvertOptions &given)
        : options(given), checkpoint(options.checkpoint), tokenizer(checkpoint),
          plan(make_plan(options, checkpoint)) {
        take_generation_defaults(checkpoint, &contents);
        if (tokenizer.empty())
            warnings.push_back(options.checkpoint +
                               " has no tokenizer.json: the blob takes token ids, no text" +
                               (plan.needs_calibration() ? ", and was calibrated on random tokens" : ""));
        else
            contents.sections.emplace_back(section_tokenizer, tokenizer.section());
        for (const std::string &tensor : checkpoint.unused_tensors())
            warnings.push_back("tensor " + tensor + " is no part of the model and was left out");
        texts = read_calibration(options, checkpoint, tokenizer);
        if (plan.needs_calibration()) cut_texts();
        contents.golden = texts[0].tokens;
        contents.golden.resize(std::min<size_t>(contents.golden.size(), 16));
        add_text(&contents, ADDER_TEXT_NAME,
                 options.name.empty() ? file_name(options.checkpoint) : options.name);
        // The record tells what the finished blob is worth: room for it is kept, and filled when that is known.
        std::string draft = record(nullptr);
        if (!options.quality.texts.empty()) draft.append(quality_room(options.quality), ' ');
        add_text(&contents, ADDER_TEXT_QUANTIZATION_RECORD, draft);
        add_chat_template(checkpoint, tokenizer, &contents, &warnings);
    }

    std::string record(const Quality *quality) const {
        return quantization_record({options.recipe.name, options.rules, plan, options.calibration_window,
                                    calibration_tokens, texts, quality});
    }

    void cut_texts() {
        windows = calibration_windows(texts, options);
        for (const Tokens &window : windows) calibration_tokens += window.size();
        if (calibration_tokens < 128 && !tokenizer.empty())
            bad_input("%s: %llu calibration tokens; at least 128 are needed", texts[0].name.c_str(),
                      static_cast<unsigned long long>(calibration_tokens));
    }

    const ConvertOptions &options;
    const Checkpoint checkpoint;
    const CheckpointTokenizer tokenizer;
    const Plan plan;
    std::vector<CalibrationText> texts;
    std::vector<Tokens> windows;  // of the texts; none if nothing depends on them
    uint64_t calibration_tokens = 0;
    BlobContents contents{};
    std::vector<std::string> warnings;
};

}  // namespace

DryRun dry_run(const ConvertOptions &options, ThreadPool &pool) {
    check_held_out(options.quality, options.calibration_files);
    const Preparation prepared(options);
    DryRun result{outline_blob(prepared.checkpoint, prepared.plan, prepared.contents),
                  prepared.plan,
                  flags_of(prepared.checkpoint.config()),
                  0,
                  prepared.calibration_tokens,
                  {},
                  prepared.warnings};
    Model model{};
    model.shape = result.outline.shape;
    for (const BlobTensor &tensor : result.outline.tensors) note_form(&model, tensor);
    adder_options resolved;
    options_resolve(nullptr, &resolved, nullptr);
    result.arena_bytes = arena_plan(model, resolved).total;
    result.estimate = estimate_conversion(prepared.plan, prepared.checkpoint.config(), result.outline.shape,
                                          prepared.calibration_tokens, result.outline.blob.bytes, pool);
    return result;
}

Conversion convert(const ConvertOptions &options, ThreadPool &pool) {
    check_held_out(options.quality, options.calibration_files);
    Preparation prepared(options);
    Conversion result{};
    result.calibration_tokens = prepared.calibration_tokens;
    result.warnings = prepared.warnings;
    Calibration calibration;
    if (!prepared.windows.empty()) {
        FloatModel model(prepared.checkpoint, pool);
        calibration = calibrate(model, prepared.windows, prepared.plan, pool);
        for (const std::string &note : calibration.notes) result.warnings.push_back(note);
    }
    if (!options.quality.texts.empty())
        prepared.contents.finish = [&](const std::string &blob) {
            result.quality = measure_quality(blob, options.checkpoint, options.quality, pool);
            result.gate_missed = missed_gate(*result.quality, options.quality);
            if (!result.gate_missed.empty() && !options.quality.keep)
                fail(ExitCode::quality_gate, "%s was not written: %s", options.output.c_str(),
                     result.gate_missed.c_str());
            return prepared.record(&*result.quality);
        };
    result.blob =
        write_blob(options.output, prepared.checkpoint, prepared.plan, calibration, prepared.contents, pool);
    result.warnings.insert(result.warnings.end(), result.blob.notes.begin(), result.blob.notes.end());
    result.arena_bytes = verify_written(options.output);
    return result;
}

}  // namespace adder
