// Putting a blob together: tokenizer, texts, defaults, calibration, weights; then checking it.
// SPDX-License-Identifier: MIT
#include "converter/convert/convert.h"
#include "converter/base/paths.h"
#include "converter/plan/names.h"

#include <algorithm>
#include <cstring>

#include "converter/base/error.h"
#include "converter/blob/file.h"
#include "converter/blob/session.h"
#include "converter/calibrate/calibrate.h"
#include "converter/calibrate/texts.h"
#include "converter/convert/gptq_walk.h"
#include "converter/convert/kept_codes.h"
#include "converter/convert/record.h"
#include "converter/import/chat_template.h"
#include "converter/import/tokens.h"
#include "kernels/scalar/hadamard.h"
#include "runtime/arena.h"
#include "runtime/blob_check.h"
#include "runtime/crc32.h"

namespace adder {
namespace {

void take_generation_defaults(const Checkpoint &checkpoint, BlobContents *contents) {
    const GenerationConfig &given = checkpoint.generation();
    const ModelShape &config = checkpoint.shape();
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
        bad_input("%s: %zu end tokens (eos_token_id); a blob holds at most 4", checkpoint.path().c_str(),
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
    for (const int32_t id : tokenize_text(tokenizer, text, tokenize_special, "chat template")) {
        const uint8_t *bytes = nullptr;
        uint32_t size = 0;
        bool special = false;
        if (token_bytes(&tokenizer, id, &bytes, &size, &special) && special) return true;
    }
    return false;
}

void add_chat_template(const Checkpoint &checkpoint, const CheckpointTokenizer &tokenizer,
                       const std::string &form, BlobContents *contents, std::vector<std::string> *warnings) {
    if (tokenizer.empty() || form == "none") return;
    std::string warning;
    const std::optional<ChatTemplate> chat =
        form.empty()
            ? find_chat_template(checkpoint.tokenizer_config_path(), checkpoint.tokenizer_path(), &warning)
            : chat_template_of_form(form, checkpoint.tokenizer_config_path());
    if (!warning.empty())
        warnings->push_back(warning +
                            "; --chat-template plain, chatml or a file gives the blob another, none nothing");
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
    if (!chat->own_system.empty()) add_text(contents, ADDER_TEXT_OWN_SYSTEM, chat->own_system);
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

Plan make_plan(const ConvertOptions &options, const Checkpoint &checkpoint, std::vector<std::string> *notes) {
    const ModelShape &shape = checkpoint.shape();
    Plan plan(recipe_for(shape, options.recipe), shape);
    apply_rules(options.rules, shape, &plan);
    if (options.keep_codes) {
        const std::vector<std::string> found = keep_codes(checkpoint, &plan);
        if (notes != nullptr) notes->insert(notes->end(), found.begin(), found.end());
    }
    plan.each_linear([&](Role role, uint32_t block) {
        const uint32_t width = extent_of(shape, role, block).cols;
        if (plan.of(role, block).input == Input::hadamard && width % hadamard_size != 0)
            bad_input("%s: recipe %s transforms the input of %s in blocks of %u, and d_inner is %u",
                      options.checkpoint.c_str(), options.recipe.name.c_str(),
                      plan_name(shape, role, block).c_str(), hadamard_size, width);
    });
    return plan;
}

namespace {

// All that is decided and checked before the first pass over the calibration text.
struct Preparation {
    explicit Preparation(const ConvertOptions &given)
        : options(given), checkpoint(options.checkpoint, options.rotate, options.tokenizer),
          tokenizer(checkpoint.tokenizer_path(), checkpoint.shape().vocab_size),
          plan(make_plan(options, checkpoint, &warnings)) {
        take_generation_defaults(checkpoint, &contents);
        if (tokenizer.empty())
            warnings.push_back(
                options.checkpoint + " has no tokenizer" +
                (checkpoint.files().gguf() != nullptr ? "" : ".json") + ": the blob takes token ids, no text" +
                (plan.needs_calibration() ? ", and was calibrated on random tokens" : "") + tokenizer_hint());
        else
            contents.sections.emplace_back(section_tokenizer, tokenizer.section());
        const ModelShape &shape = checkpoint.shape();
        warnings.insert(warnings.end(), shape.notes.begin(), shape.notes.end());
        if (source.least_bits < 8 && !options.keep_codes) warnings.push_back(source_warning());
        contents.state = options.state;
        contents.cache =
            options.cache.value_or(options.recipe.name == "float" ? StateType::f32 : StateType::int8);
        for (const BlobShape &one : shape.shapes)
            if (const BlockKind &kind = *find_block_kind(one.kind);
                kind.state_count > 0 && options.state > kind.state_types)
                fail(ExitCode::usage,
                     "--state f16: the state of %s is small and stays in float32; it is for %s",
                     kind_name(static_cast<BlockId>(one.kind)), kinds_of_half_states().c_str());
        for (const std::string &tensor : checkpoint.unused_tensors())
            warnings.push_back("tensor " + tensor + " is not part of the model and was left out");
        if (!options.calibration.empty())
            take_calibration_file();
        else
            take_texts();
        add_text(&contents, ADDER_TEXT_NAME,
                 options.name.empty() ? checkpoint_name(options.checkpoint) : options.name);
        set_record();
        add_chat_template(checkpoint, tokenizer, options.chat_template, &contents, &warnings);
    }

    std::string source_warning() const {
        std::vector<std::string> types;
        for (const auto &[type, count] : source.parameters)
            types.push_back(format("%llu of %s", static_cast<unsigned long long>(count), type.c_str()));
        return options.checkpoint + " holds weights that were quantized before (" + listed(types) +
               " parameters): what that lost stays lost, and scales" +
               (plan.needs_calibration() ? " and calibration" : "") +
               " are those of the dequantized weights; the original checkpoint gives a better blob";
    }

    std::string tokenizer_hint() const {
        const std::string &known = checkpoint.shape().tokenizer;
        return known.empty() ? "" : "; this model's is that of " + known + ", which --tokenizer takes";
    }

    std::string record(const Quality *quality) const {
        return quantization_record(
            {options.recipe.name, options.rules, checkpoint.shape(), plan, calibration,
             calibration_file ? calibration_file->source().window : options.calibration_window,
             calibration_tokens, texts, quality, checkpoint.rotation(), source});
    }

    // The record tells what the finished blob is worth: room for it is kept, and filled when that is known.
    void set_record() {
        std::string draft = record(nullptr);
        if (!options.quality.texts.empty()) draft.append(quality_room(options.quality), ' ');
        auto &sections = contents.sections;
        const auto is_record = [](const auto &section) {
            return section.first == ADDER_TEXT_QUANTIZATION_RECORD;
        };
        sections.erase(std::remove_if(sections.begin(), sections.end(), is_record), sections.end());
        add_text(&contents, ADDER_TEXT_QUANTIZATION_RECORD, draft);
    }

    void take_texts() {
        texts = read_calibration(options.calibration_files, checkpoint, tokenizer, options.calibration_tokens,
                                 options.calibration_window);
        contents.golden = texts[0].windows[0];
        contents.golden.resize(std::min(contents.golden.size(), golden_tokens));
        if (!plan.needs_calibration()) return;
        windows = calibration_windows(texts, tokenizer);
        for (const Tokens &window : windows) calibration_tokens += window.size();
    }

    // What the text would have given, from the file of an earlier run over it.
    void take_calibration_file() {
        if (options.rotate)
            fail(ExitCode::usage,
                 "--calibration %s does not suffice for --rotate, which mixes the channels that it tells of. "
                 "Give "
                 "the text with --calib instead",
                 options.calibration.c_str());
        require_no_text(plan, checkpoint.shape(), options.calibration);
        calibration_file.emplace(read_calibration_file(options.calibration));
        calibration_file->require(checkpoint);
        texts = calibration_file->texts();
        check_held_out("--gate-text", options.quality.texts, {}, texts);
        contents.golden = calibration_file->source().golden;
        if (plan.needs_calibration()) calibration_tokens = calibration_file->source().tokens();
    }

    const ConvertOptions &options;
    const Checkpoint checkpoint;
    const QuantizedSource source = checkpoint.quantized_source();
    const CheckpointTokenizer tokenizer;
    std::vector<std::string> warnings;
    const Plan plan;
    std::vector<CalibrationText> texts;
    std::optional<CalibrationFile> calibration_file;
    std::vector<Tokens> windows;  // of the texts; none if nothing depends on them, or there is a file
    uint64_t calibration_tokens = 0;
    Calibration calibration;  // empty before it is done
    BlobContents contents{};
};

// With default options.
uint64_t arena_bytes(const BlobOutline &outline) {
    Model model{};
    model.architecture = outline.shape.architecture();
    for (const BlobTensor &tensor : outline.tensors) note_form(&model, tensor);
    adder_options resolved;
    options_resolve(model, nullptr, &resolved, nullptr);
    return arena_plan(model, resolved).total;
}

}  // namespace

DryRun dry_run(const ConvertOptions &options, ThreadPool &pool) {
    refuse_standard_output(options.output);
    check_held_out("--gate-text", options.quality.texts, options.calibration_files, {});
    const Preparation prepared(options);
    DryRun result{outline_blob(prepared.checkpoint, prepared.plan, prepared.contents),
                  prepared.plan,
                  0,
                  prepared.calibration_tokens,
                  {},
                  prepared.warnings,
                  prepared.checkpoint.rotation() ? prepared.checkpoint.rotation()->block() : 0};
    result.arena_bytes = arena_bytes(result.outline);
    result.estimate = estimate_conversion(prepared.plan, prepared.checkpoint.shape(),
                                          prepared.calibration_file ? 0 : prepared.calibration_tokens,
                                          result.outline.blob.bytes, pool);
    return result;
}

namespace {

struct GateMissed {};  // thrown through the writer, which then leaves no blob

}  // namespace

Conversion convert(const ConvertOptions &options, ThreadPool &pool) {
    check_can_create(options.output);
    check_held_out("--gate-text", options.quality.texts, options.calibration_files, {});
    Preparation prepared(options);
    Conversion result{};
    result.calibration_tokens = prepared.calibration_tokens;
    result.warnings = prepared.warnings;
    std::optional<FloatModel> model;
    if (prepared.calibration_tokens > 0) {
        if (prepared.calibration_file) {
            prepared.calibration = calibrate(*prepared.calibration_file, prepared.checkpoint, prepared.plan);
        } else {
            model.emplace(prepared.checkpoint, pool);
            prepared.calibration = calibrate(*model, prepared.windows, prepared.plan, options.statistics);
        }
        const std::vector<std::string> &notes = prepared.calibration.notes;
        result.warnings.insert(result.warnings.end(), notes.begin(), notes.end());
        prepared.set_record();  // with what was found
    }
    if (!options.quality.texts.empty())
        prepared.contents.finish = [&](const std::string &blob) {
            result.quality =
                measure_quality(blob, options.checkpoint, options.tokenizer, options.quality, pool);
            result.gate_missed = missed_gate(*result.quality, options.quality);
            if (!result.gate_missed.empty() && !options.quality.keep) throw GateMissed{};
            return prepared.record(&*result.quality);
        };
    BlobWriter blob(options.output, prepared.checkpoint, prepared.plan, prepared.contents);
    if (needs_hessians(prepared.plan)) {
        const std::vector<std::string> notes = write_with_gptq(*model, prepared.windows, prepared.plan,
                                                               prepared.calibration, &blob, options.streams);
        result.warnings.insert(result.warnings.end(), notes.begin(), notes.end());
    } else {
        blob.write(blob.tensors(), prepared.calibration, pool);
    }
    model.reset();
    try {
        result.blob = blob.finish();
    } catch (const GateMissed &) {
        const BlobOutline outline = outline_blob(prepared.checkpoint, prepared.plan, prepared.contents);
        result.blob = outline.blob;
        result.arena_bytes = arena_bytes(outline);
        result.written = false;
        return result;
    }
    result.warnings.insert(result.warnings.end(), result.blob.notes.begin(), result.blob.notes.end());
    result.arena_bytes = verify_written(options.output);
    return result;
}

}  // namespace adder
