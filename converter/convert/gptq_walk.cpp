// The walk over the blocks with two residual streams, and the moments of one linear layer at a time.
// SPDX-License-Identifier: MIT
#include "converter/convert/gptq_walk.h"
#include "converter/plan/names.h"

#include <algorithm>
#include <map>
#include <set>

#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/blob/tensor.h"
#include "converter/plan/rules.h"
#include "converter/quantize/fit.h"
#include "converter/quantize/gptq.h"
#include "converter/quantize/grid.h"
#include "converter/quantize/hessian.h"
#include "converter/quantize/refine.h"
#include "runtime/model.h"

namespace adder {
namespace {

// Sequences whose inputs are kept at a time. Sums depend on it, so it is the same for all.
constexpr size_t wave = 32;

// A tied head's table is the embedding, too, whose errors have no Hessian: the larger damping keeps its rows close.
constexpr double tied_damping = 0.3;

class BlockRounder {
  public:
    BlockRounder(FloatModel &model, const std::vector<Tokens> &tokens, const Plan &plan,
                 const Calibration &calibration, BlobWriter *blob, StreamFile *kept)
        : model_(model), kept_(kept), runner_(model.runner()), checkpoint_(model.checkpoint()), plan_(plan),
          calibration_(calibration), blob_(*blob), sequences_(plain_sequences(tokens)),
          exact_(model.embed(sequences_)), rounded_(sequences_, model.shape()) {}

    std::vector<std::string> run() {
        const uint32_t blocks = model_.shape().block_count();
        Progress progress("rounding", blocks);
        const TensorId table{Role::embedding, no_block}, final_norm{Role::final_norm, no_block};
        blob_.write({final_norm}, calibration_, runner_.pool());
        if (model_.shape().layer_norm)
            blob_.write({{Role::final_norm_bias, no_block}}, calibration_, runner_.pool());
        if (plan_.tied() && wants_gptq(table))
            round_table();
        else
            blob_.write({table}, calibration_, runner_.pool());
        embed_rounded();
        for (uint32_t block = 0; block < blocks; ++block) {
            throw_if_interrupted();
            round_block(block);
            progress.advance();
        }
        if (plan_.tied()) return std::move(notes_);
        const TensorId head{Role::head, no_block};
        if (wants_gptq(head))
            round(head);
        else
            blob_.write({head}, calibration_, runner_.pool());
        return std::move(notes_);
    }

  private:
    void embed_rounded() {
        const uint32_t stride = model_.shape().d_model_padded();
        for (size_t i = 0; i < sequences_.size(); ++i)
            for (size_t t = 0; t < sequences_[i].tokens.size(); ++t)
                embed_token(blob_.model(), model_matrix(blob_.model(), Role::embedding),
                            static_cast<uint32_t>(sequences_[i].tokens[t]), rounded_.of(i) + t * stride);
        blob_.release(no_block);
    }

    // A tied table is rounded as the head that it is, before the walk that begins with it as the embedding: to the float
    // model's inputs of the head.
    void round_table() {
        const uint32_t blocks = model_.shape().block_count();
        if (kept_ == nullptr || !kept_->load(blocks - 1, &exact_))
            for (uint32_t block = 0; block < blocks; ++block) run_exact(block);
        const TensorId table{Role::embedding, no_block};
        const DenseTensor weights = weights_of(table);
        HessianSum hessian(weights.cols);
        each_wave([&](size_t begin, size_t end) {
            inputs({Role::head, no_block}, begin, end, exact_, &x_);
            hessian.add(x_.data(), x_.size() / weights.cols, weights.cols, runner_.pool());
        });
        round_with(table, weights, hessian, GptqFactor(hessian, runner_.pool(), tied_damping));
        exact_ = model_.embed(sequences_);
    }

    void run_exact(uint32_t block) {
        if (kept_ != nullptr && kept_->load(block, &exact_)) return;
        runner_.run(block, FloatBlock(checkpoint_, block), sequences_, 0, sequences_.size(), &exact_, {});
        if (kept_ != nullptr) kept_->store(block, exact_);
    }

    template <typename Body>
    void each_wave(const Body &body) const {
        for (size_t begin = 0; begin < sequences_.size(); begin += wave)
            body(begin, std::min(begin + wave, sequences_.size()));
    }

    bool wants_gptq(const TensorId &id) const {
        if (!is_matrix(id.role)) return false;
        const LinearPlan &plan = plan_.of(id.role, id.block);
        return needs_hessian(plan) && !find_int4_grid(weights_of(id), plan.group);
    }

    DenseTensor weights_of(const TensorId &id) const {
        return read_folded(checkpoint_, plan_, calibration_, id.role, id.block);
    }

    bool of_stream(const TensorId &id) const { return takes_stream(model_.shape(), id.role, id.block); }
    bool to_stream(const TensorId &id) const { return adds_to_stream(model_.shape(), id.role, id.block); }

    void round_block(uint32_t block) {
        std::vector<TensorId> others;
        std::set<Role> later;
        for (const TensorId &id : blob_.tensors()) {
            if (id.block != block) continue;
            if (wants_gptq(id))
                later.insert(id.role);
            else
                others.push_back(id);
        }
        blob_.write(others, calibration_, runner_.pool());
        // What takes the stream is fitted to that of the float model before the block, what adds to it to that after.
        const std::vector<Role> &roles = plan_.roles(block);
        std::map<Role, std::vector<TensorId>> by_input;  // under the first that takes it
        std::vector<Role> inputs;                        // in the order of the roles
        for (Role role : roles) {
            if (!later.count(role) || !of_stream({role, block})) continue;
            std::vector<TensorId> &sharers = by_input[input_owner(model_.shape(), role, block)];
            if (sharers.empty()) inputs.push_back(input_owner(model_.shape(), role, block));
            sharers.push_back({role, block});
        }
        for (Role input : inputs) round_together(by_input[input]);
        run_exact(block);
        for (Role role : roles)
            if (later.count(role) && !of_stream({role, block})) round({role, block});
        runner_.run(block, WrittenBlock(blob_.model(), block), sequences_, 0, sequences_.size(), &rounded_,
                    {});
        blob_.release(block);
    }

    // The inputs of a linear layer for sequences [begin, end), one after the other, [tokens][cols].
    void inputs(const TensorId &id, size_t begin, size_t end, const ResidualStreams &streams,
                std::vector<float> *result) {
        const uint32_t cols = extent_of(model_.shape(), id.role, id.block).cols;
        const LinearPlan &plan = plan_.of(id.role, id.block);
        // What makes the input has been divided already, unless the multipliers of the codes do it.
        const bool divided =
            plan.input != Input::hadamard && input_maker(model_.shape(), id.role, id.block) != Role::none;
        const std::vector<float> none;
        const std::vector<float> &factors = divided ? none : calibration_.of(id.role, id.block).factors;
        std::vector<size_t> first(end - begin + 1, 0);
        for (size_t i = begin; i < end; ++i)
            first[i - begin + 1] = first[i - begin] + sequences_[i].tokens.size();
        std::vector<float> &kept = *result;
        kept.resize(first.back() * cols);
        const auto keep = [&](size_t sequence, uint32_t token, const float *values, uint32_t stride,
                              uint32_t tokens) {
            for (uint32_t t = 0; t < tokens; ++t) {
                float *const to = &kept[(first[sequence - begin] + token + t) * cols];
                std::copy_n(values + size_t{t} * stride, cols, to);
                fold_input(plan.input, factors, to, cols);
            }
        };
        if (id.block == no_block) {
            Linear no_rows{};
            no_rows.dtype = Dtype::f32;
            no_rows.input = Input::floats;
            runner_.run_head(
                model_final_norm(blob_.model()), model_final_norm_bias(blob_.model()), no_rows, sequences_,
                begin, end, streams,
                [&](size_t sequence, uint32_t token, const float *input, uint32_t tokens, uint32_t) {
                    keep(sequence, token, input, model_.shape().d_model_padded(), tokens);
                });
            return;
        }
        // The block as far as it has been rounded, up to this input.
        runner_.run_to(id.role, id.block, WrittenBlock(blob_.model(), id.block), sequences_, begin, end,
                       streams, [&](Role, size_t sequence, uint32_t token, const LinearInputs &rows, uint32_t) {
                           keep(sequence, token, rows.values, rows.stride, rows.tokens);
                       });
    }

    // What the outputs of a block's last matrix should be, and the bias does not add: the way from the rounded stream in front of
    // the layer to the float model's after it. [tokens][d_model]
    void missing_outputs(uint32_t block, size_t begin, size_t end, std::vector<float> *result) const {
        const uint32_t d_model = model_.shape().d_model, stride = model_.shape().d_model_padded();
        std::vector<float> bias(d_model, 0.0f);
        const Role last = linear_roles_of(model_.shape(), block).back();
        if (const Role role = bias_of(model_.shape(), last, block); role != Role::none)
            bias = checkpoint_.read(role, block).values;
        std::vector<float> &missing = *result;
        missing.clear();
        for (size_t i = begin; i < end; ++i)
            for (size_t t = 0; t < sequences_[i].tokens.size(); ++t)
                for (uint32_t j = 0; j < d_model; ++j)
                    missing.push_back(exact_.of(i)[t * stride + j] - rounded_.of(i)[t * stride + j] - bias[j]);
    }

    // What the inputs of a linear layer are like.
    struct Moments {
        // y x^T: of the last matrix with its wanted outputs, after a norm with what is missing in its input.
        Moments(uint32_t cols, uint32_t rows_of_y) : hessian(cols), cross(rows_of_y, cols, false) {}
        HessianSum hessian;
        MomentSum cross;
    };

    Moments moments_of(const TensorId &id, uint32_t rows) {
        ThreadPool &pool = runner_.pool();
        const uint32_t cols = extent_of(model_.shape(), id.role, id.block).cols;
        const bool outputs = to_stream(id), norm_made = of_stream(id);
        Moments moments(cols, outputs ? rows : norm_made ? cols : 0);
        each_wave([&](size_t begin, size_t end) {
            inputs(id, begin, end, rounded_, &x_);
            const size_t tokens = x_.size() / cols;
            moments.hessian.add(x_.data(), tokens, cols, pool);
            if (!outputs && !norm_made) return;
            if (outputs)
                missing_outputs(id.block, begin, end, &y_);
            else
                inputs(id, begin, end, exact_, &y_);
            if (norm_made)
                for (size_t i = 0; i < y_.size(); ++i) y_[i] -= x_[i];
            moments.cross.add({y_.data(), moments.cross.rows()}, {x_.data(), cols}, tokens, pool);
        });
        return moments;
    }

    void round(const TensorId &id) {
        DenseTensor weights = weights_of(id);
        const Moments moments = moments_of(id, weights.rows);
        round(id, &weights, moments, GptqFactor(moments.hessian, runner_.pool()));
    }

    void round(const TensorId &id, DenseTensor *weights, const Moments &moments, const GptqFactor &factor) {
        ThreadPool &pool = runner_.pool();
        // Without a factor there is nothing to solve with.
        if (to_stream(id) && factor.damping() > 0)
            fit_outputs(weights, moments.cross, moments.hessian, factor, pool);
        if (of_stream(id) && factor.damping() > 0) fit_inputs(weights, moments.cross, factor, pool);
        round_with(id, *weights, moments.hessian, factor);
    }

    // Those that take one input of the stream, which none of them changes for the others.
    void round_together(const std::vector<TensorId> &ids) {
        const Moments moments = moments_of(ids[0], extent_of(model_.shape(), ids[0].role, ids[0].block).rows);
        const GptqFactor factor(moments.hessian, runner_.pool());
        for (const TensorId &id : ids) {
            DenseTensor weights = weights_of(id);
            round(id, &weights, moments, factor);
        }
    }

    void round_with(const TensorId &id, const DenseTensor &weights, const HessianSum &hessian,
                    const GptqFactor &factor) {
        ThreadPool &pool = runner_.pool();
        if (!factor.note().empty())
            notes_.push_back(plan_name(model_.shape(), id.role, id.block) + ": " + factor.note());
        Int4Matrix matrix = round_int4(weights, plan_.of(id.role, id.block).group, hessian.importance(), pool);
        gptq(weights, factor, pool, &matrix);
        if (factor.damping() > 0) refine(weights, hessian, factor.damping(), pool, &matrix);
        blob_.write_rounded(id, calibration_, matrix);
    }

    FloatModel &model_;
    StreamFile *const kept_;  // of the float model; may be null
    BlockRunner &runner_;
    const Checkpoint &checkpoint_;
    const Plan &plan_;
    const Calibration &calibration_;
    BlobWriter &blob_;
    const std::vector<Sequence> sequences_;
    ResidualStreams exact_;     // of the float model
    ResidualStreams rounded_;   // of the model in the blob
    std::vector<float> x_, y_;  // of one wave: kept, as the system's memory is slow to come by
    std::vector<std::string> notes_;
};

}  // namespace

bool needs_hessians(const Plan &plan) {
    bool any = false;
    plan.each_linear([&](Role role, uint32_t block) { any = any || needs_hessian(plan.of(role, block)); });
    return any;
}

std::vector<std::string> write_with_gptq(FloatModel &model, const std::vector<Tokens> &tokens,
                                         const Plan &plan, const Calibration &calibration, BlobWriter *blob,
                                         StreamFile *kept) {
    return BlockRounder(model, tokens, plan, calibration, blob, kept).run();
}

}  // namespace adder
