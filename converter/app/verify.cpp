// adder verify: a blob against the checkpoint that it came from, layer by layer.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "converter/app/cli.h"
#include "converter/app/pages.h"
#include "converter/base/error.h"
#include "converter/blob/file.h"
#include "converter/blob/session.h"
#include "converter/blob/text.h"
#include "converter/calibrate/default_text.h"
#include "converter/convert/record.h"
#include "converter/eval/math.h"
#include "converter/import/tokens.h"
#include "converter/model/float_model.h"
#include "converter/model/packing.h"
#include "converter/text/json.h"
#include "runtime/session.h"

namespace adder {
namespace {

// How far a vector of the blob is from the float model's, over all tokens.
struct Difference {
    double squared_error = 0, squared_reference = 0;
    double max_error = 0, max_reference = 0;
    void add(float reference, float value) {
        const double error = std::fabs(static_cast<double>(value) - static_cast<double>(reference));
        squared_error += error * error;
        squared_reference += static_cast<double>(reference) * static_cast<double>(reference);
        max_error = error <= max_error ? max_error : error;  // a NaN stays
        max_reference = std::max(max_reference, std::fabs(static_cast<double>(reference)));
    }
    double relative_rms() const {
        return squared_reference > 0 ? std::sqrt(squared_error / squared_reference) : std::sqrt(squared_error);
    }
    double relative_max() const { return max_reference > 0 ? max_error / max_reference : max_error; }
};

struct Verification {
    size_t tokens = 0;
    std::vector<Difference> layers;  // the residual stream after each layer
    Difference logits;
    double kl = 0;                    // mean over positions, nats
    size_t same_top1 = 0;             // positions
    ptrdiff_t first_other_top1 = -1;  // position
};

// The float model's residual stream after each layer, and its logits.
struct Reference {
    std::vector<std::vector<float>> residuals;  // [blocks][tokens][d_model_padded]
    std::vector<float> logits;                  // [tokens][vocab_size]
};

Reference run_reference(FloatModel &model, const Tokens &tokens) {
    const ModelShape &shape = model.shape();
    const size_t width = shape.d_model_padded();
    Reference reference;
    reference.residuals.assign(shape.block_count(), std::vector<float>(tokens.size() * width));
    reference.logits.resize(tokens.size() * shape.vocab_size);
    FloatModel::Visitor visitor;
    visitor.residual = [&](uint32_t block, size_t, uint32_t first, const float *residual, uint32_t count) {
        std::copy_n(residual, count * width, &reference.residuals[block][first * width]);
    };
    visitor.logits = [&](size_t, uint32_t position, const float *logits, uint32_t) {
        std::copy_n(logits, shape.vocab_size, &reference.logits[size_t{position} * shape.vocab_size]);
    };
    model.run({tokens}, visitor);
    return reference;
}

// Steps the blob token by token, looking at the residual stream after each layer on the way.
Verification compare(const BlobFile &blob, const Reference &reference, const Tokens &tokens) {
    const Architecture &shape = model_of(blob.model())->architecture;
    const Session session(blob, adder_options{});
    Verification result;
    result.tokens = tokens.size();
    result.layers.resize(shape.block_count);
    struct Step {
        const Reference &reference;
        const Architecture &shape;
        Verification &result;
        size_t token;
        static void look(void *context, uint32_t block, const float *residual) {
            const Step &step = *static_cast<const Step *>(context);
            const float *expected = &step.reference.residuals[block][step.token * step.shape.d_model_padded()];
            for (uint32_t i = 0; i < step.shape.d_model; ++i)
                step.result.layers[block].add(expected[i], residual[i]);
        }
    };
    for (size_t t = 0; t < tokens.size(); ++t) {
        Step step{reference, shape, result, t};
        float *logits = nullptr;
        check(session_trace_step(session.get(), tokens[t], &logits, Step::look, &step), blob.path());
        const float *expected = &reference.logits[t * shape.vocab_size];
        for (uint32_t i = 0; i < shape.vocab_size; ++i) result.logits.add(expected[i], logits[i]);
        result.kl += kl_divergence(expected, logits, shape.vocab_size) / static_cast<double>(tokens.size());
        const bool same = std::max_element(expected, expected + shape.vocab_size) - expected ==
                          std::max_element(logits, logits + shape.vocab_size) - logits;
        result.same_top1 += same;
        if (!same && result.first_other_top1 < 0) result.first_other_top1 = static_cast<ptrdiff_t>(t);
    }
    return result;
}

void require_same_shape(const BlobFile &blob, const Checkpoint &checkpoint) {
    const ModelShape &shape = checkpoint.shape();
    const Architecture &found = model_of(blob.model())->architecture;
    const auto compare = [&](const char *name, uint32_t of_blob, uint32_t of_checkpoint) {
        if (of_blob != of_checkpoint)
            bad_input("%s is not of %s: %s is %u there, and %u in the checkpoint", blob.path().c_str(),
                      checkpoint.path().c_str(), name, of_blob, of_checkpoint);
    };
    compare("d_model", found.d_model, shape.d_model);
    compare("n_layer", blob.info().n_layer, shape.n_layer);
    compare("vocab_size", found.vocab_size, shape.vocab_size);
    compare("the number of blocks", found.block_count, shape.block_count());
    for (uint32_t block = 0; block < found.block_count; ++block) {
        const BlockView a = block_view(found, block), b = shape.view(block);
        compare("the kind of a block", a.shape->kind, b.shape->kind);
        for (uint32_t i = 0; i < a.kind->dim_count; ++i) {
            const Dim dim = a.kind->dims[i].dim;
            compare(dim_name(dim), a.dims[dim], b.dims[dim]);
        }
    }
}

void print_json(const Verification &v, bool within, double tolerance) {
    JsonWriter json;
    json.begin_object().key("tokens").value(static_cast<uint64_t>(v.tokens)).key("layers").begin_array();
    for (size_t i = 0; i < v.layers.size(); ++i)
        json.begin_object()
            .key("layer")
            .value(static_cast<uint64_t>(i))
            .key("relative_rms")
            .value(v.layers[i].relative_rms())
            .key("max_error")
            .value(v.layers[i].max_error)
            .end_object();
    json.end_array().key("logits").begin_object();
    json.key("relative_rms").value(v.logits.relative_rms()).key("relative_max").value(v.logits.relative_max());
    json.key("max_error").value(v.logits.max_error).end_object();
    json.key("kl_mean").value(v.kl);
    json.key("same_top1").value(static_cast<double>(v.same_top1) / static_cast<double>(v.tokens));
    json.key("first_other_top1").value(static_cast<int64_t>(v.first_other_top1));
    if (tolerance > 0) json.key("tolerance").value(tolerance).key("within_tolerance").value(within);
    json.end_object();
    std::printf("%s\n", json.text().c_str());
}

void print_table(const Verification &v, const Tokens &tokens) {
    std::printf("residual stream, %zu tokens\n", v.tokens);
    std::printf("%8s  %12s  %12s\n", "layer", "relative rms", "max error");
    for (size_t i = 0; i < v.layers.size(); ++i)
        std::printf("%8zu  %12.3g  %12.3g\n", i, v.layers[i].relative_rms(), v.layers[i].max_error);
    std::printf("%8s  %12.3g  %12.3g\n", "logits", v.logits.relative_rms(), v.logits.max_error);
    const auto parts = std::find_if(v.layers.begin(), v.layers.end(),
                                    [](const Difference &d) { return !(d.relative_rms() < 1e-3); });
    if (parts == v.layers.end())
        std::printf("no layer parts by more than 0.001 (relative rms)\n");
    else
        std::printf("they first part by more than 0.001 (relative rms) behind layer %td\n",
                    parts - v.layers.begin());
    std::printf("mean KL %.6f, same top-1 %.2f %%", v.kl,
                100.0 * static_cast<double>(v.same_top1) / static_cast<double>(v.tokens));
    if (v.first_other_top1 >= 0)
        std::printf(", the first other one after token %td (id %d)", v.first_other_top1,
                    tokens[static_cast<size_t>(v.first_other_top1)]);
    std::printf("\n");
}

int run_verify(const Arguments &arguments) {
    if (!arguments.has("against")) fail(ExitCode::usage, "against what? Give --against CHECKPOINT");
    const BlobFile blob(arguments.positional()[0]);
    // In the basis of the blob's residual stream, or every layer would part.
    const Checkpoint checkpoint(
        arguments.text("against"),
        is_rotated(blob.text(ADDER_TEXT_QUANTIZATION_RECORD), blob.info().d_model, blob.path()));
    require_same_shape(blob, checkpoint);

    const uint32_t whole_text = ADDER_TOKENIZE_SPECIAL | ADDER_TOKENIZE_BEGIN;
    Tokens tokens;
    if (arguments.has("ids")) {
        tokens = parse_ids(arguments.text("ids"), blob.info().vocab_size);
    } else if (arguments.has("text-file")) {
        const MappedFile file(arguments.text("text-file"));
        tokens = tokenize(blob, file.text(), whole_text);
    } else if (blob.info().has_tokenizer) {
        tokens = tokenize(
            blob, arguments.has("prompt") ? arguments.text("prompt") : std::string(default_calibration_text()),
            whole_text);
    } else {
        fail(ExitCode::usage, "%s carries no tokenizer: give --ids", blob.path().c_str());
    }
    const size_t limit = static_cast<size_t>(arguments.integer("tokens", 256, 1, 1 << 16));
    if (tokens.size() > limit) tokens.resize(limit);
    if (tokens.empty()) fail(ExitCode::usage, "the text is empty");

    ThreadPool pool(static_cast<uint32_t>(arguments.integer("threads", 0, 0, 256)));
    FloatModel model(checkpoint, pool);
    const Verification v = compare(blob, run_reference(model, tokens), tokens);
    const Model &m = *model_of(blob.model());
    const bool exact = m.tensors[0].dtype == static_cast<uint8_t>(Dtype::f32) && !blob.info().int8_activations;
    const double tolerance = arguments.number("tolerance", exact ? 1e-3 : 0.0, 0.0, 1e9);
    const bool within = tolerance == 0 || v.logits.relative_max() <= tolerance;
    if (arguments.has("json"))
        print_json(v, within, tolerance);
    else
        print_table(v, tokens);
    if (!within)
        fail(ExitCode::quality_gate, "%s: the logits differ by %.3g of the largest; %.3g is allowed",
             blob.path().c_str(), v.logits.relative_max(), tolerance);
    return 0;
}

}  // namespace

Command verify_command() {
    return {"verify",
            "FILE.adder --against CHECKPOINT",
            "Compare a blob with its checkpoint, layer by layer",
            "Runs the float model and the blob over the same text and reports how far the residual stream is "
            "apart after\n"
            "each layer, where they first part, and what that does to the logits.",
            {"adder verify model.adder --against CHECKPOINT",
             "adder verify model.adder --against DIR -p \"Once upon a time\""},
            {
                {"against", 0, "DIR", false, "The checkpoint."},
                {"prompt", 'p', "TEXT", false, "Text to run (default: the built-in calibration text)."},
                {"text-file", 'f', "FILE", false, "Text to run, from a file."},
                {"ids", 0, "LIST", false, "Token ids to run: 5,17,3."},
                {"tokens", 0, "N", false, "At most so many tokens (default 256)."},
                {"tolerance", 0, "R", false,
                 "Exit with 4 if logits differ by more than R of the largest (default 0.001 for float blobs, "
                 "else none)."},
                {"threads", 't', "N", false, "Threads (default: all CPUs)."},
                {"json", 0, nullptr, false, "One JSON document on standard output."},
            },
            1,
            1,
            run_verify};
}

}  // namespace adder
