// How likely each of several answers is, over the tree of what they begin with alike.
// SPDX-License-Identifier: MIT
#include "adder/config.h"
#if ADDER_SAMPLER

#include <string.h>

#include "kernels/float_mode.h"
#include "kernels/kernels.h"
#include "kernels/scalar/math.h"
#include "runtime/error.h"
#include "runtime/logits.h"
#include "runtime/session.h"

namespace adder {
namespace {

constexpr float log_2 = 0x1.62e430p-1f;

// The natural logarithm of a sum of weights, 1 or more.
float log_of(float sum) {
    uint32_t bits;
    memcpy(&bits, &sum, sizeof bits);
    const auto exponent = static_cast<int32_t>(bits >> 23) - 127;
    bits = (bits & 0x7FFFFFu) | 0x3F800000u;
    float fraction;  // 1 .. 2
    memcpy(&fraction, &bits, sizeof fraction);
    return static_cast<float>(exponent) * log_2 + log1p_f32(fraction - 1.0f);
}

// Of the answers in the order of their tokens those that begin alike stand side by side: a node of the tree is its depth in tokens,
// and the first answer that passes it. What follows on a node is scored for all of them at once, when its logits are there. Where some
// go on in another way than the first, a mark is set; depths of marks stand in `choices[].depth`, as on a stack.
class Tree {
  public:
    Tree(adder_choice *choices, uint32_t n) : choices_(choices), n_(n) { sort(); }

    // Of the marks that there are at once; 0 if beyond size_t.
    size_t bytes(const adder_model *model) {
        walk();
        const uint64_t size = uint64_t{most_} * adder_mark_size(model);
        return size <= SIZE_MAX ? static_cast<size_t>(size) : 0;
    }

    adder_status score(adder_session *session, int32_t token, uint8_t *memory) {
        session_ = session;
        memory_ = memory;
        mark_bytes_ = adder_mark_size(session->handle);
        float *logits = nullptr;
        const adder_status status = adder_step(session, token, &logits);
        if (status != ADDER_OK) return status;
        for (uint32_t i = 0; i < n_; ++i) choices_[i].log_probability = 0;
        score_node(0, 0, logits);
        const adder_status walked = walk();
        const adder_status back = adder_state_load(session, memory, mark_bytes_, nullptr);
        return walked != ADDER_OK ? walked : back;
    }

  private:
    adder_choice &at(uint32_t place) const { return choices_[choices_[place].order]; }

    // Does an answer come before another? Of two that begin alike the shorter.
    bool before(const adder_choice &a, const adder_choice &b) const {
        const uint32_t common = in_common(a, b);
        if (common == a.count || common == b.count) return a.count < b.count;
        return a.tokens[common] < b.tokens[common];
    }

    static uint32_t in_common(const adder_choice &a, const adder_choice &b) {
        uint32_t n = 0;
        while (n < a.count && n < b.count && a.tokens[n] == b.tokens[n]) ++n;
        return n;
    }

    // Shell's: without memory, and as good as any for what people choose from.
    void sort() {
        for (uint32_t i = 0; i < n_; ++i) choices_[i].order = i;
        for (uint32_t gap = n_ / 2; gap > 0; gap /= 2)
            for (uint32_t i = gap; i < n_; ++i)
                for (uint32_t k = i; k >= gap && before(at(k), at(k - gap)); k -= gap) {
                    const uint32_t order = choices_[k].order;
                    choices_[k].order = choices_[k - gap].order;
                    choices_[k - gap].order = order;
                }
    }

    // The depth down to which the nodes of the answer at place `to` have been seen on the way of that at `from`.
    uint32_t depth_seen(uint32_t from, uint32_t to) const {
        const uint32_t common = in_common(at(from), at(to)), last = at(from).count - 1;
        return common < last ? common : last;
    }

    bool passes(uint32_t place, uint32_t first, uint32_t depth) const {
        return place < n_ && in_common(at(first), at(place)) >= depth;
    }

    // Will an answer behind that at `first` go on from the node at this depth?
    bool is_left_again(uint32_t first, uint32_t depth) const {
        for (uint32_t i = first + 1; passes(i, first, depth); ++i)
            if (depth_seen(i - 1, i) == depth && at(i).count > depth + 1) return true;
        return false;
    }

    void score_node(uint32_t first, uint32_t depth, float *logits) {
        const uint32_t n = session_->model().architecture.vocab_size;
        const KernelTable &kernels = *session_->kernels;
        const FloatModeScope mode;
        kernels.clamp(logits, n, highest_logit);
        const float highest = logits[kernels.argmax(logits, n)];
        for (uint32_t i = first; passes(i, first, depth); ++i)
            if (at(i).count > depth) at(i).log_probability += logits[at(i).tokens[depth]] - highest;
        kernels.softmax_weights(logits, n, highest, log2_e, highest_logit);
        // In parts, so that rounding does not grow with the vocabulary.
        float sum = 0;
        for (uint32_t i = 0; i < n;) {
            float part = 0;
            for (const uint32_t end = n - i < 256 ? n : i + 256; i < end; ++i) part += logits[i];
            sum += part;
        }
        const float log_sum = log_of(sum);
        for (uint32_t i = first; passes(i, first, depth); ++i)
            if (at(i).count > depth) at(i).log_probability -= log_sum;
    }

    struct Segment {
        Tree *tree;
        uint32_t place, depth;  // of the first of its nodes
        static void take(void *context, size_t index, const float *logits) {
            const Segment &segment = *static_cast<Segment *>(context);
            adder_session &session = *segment.tree->session_;
            segment.tree->score_node(segment.place, segment.depth + static_cast<uint32_t>(index),
                                     session.logits + (logits - session.logits));
        }
    };

    // From the node at depth `from` to that at `to`.
    adder_status read(uint32_t place, uint32_t from, uint32_t to) {
        if (session_ == nullptr) return ADDER_OK;
        Segment segment{this, place, from + 1};
        return adder_score(session_, at(place).tokens + from, to - from, Segment::take, &segment);
    }

    adder_status mark(uint32_t depth) {
        choices_[marks_].depth = depth;
        ++marks_;
        most_ = marks_ > most_ ? marks_ : most_;
        if (session_ == nullptr) return ADDER_OK;
        return adder_mark_save(session_, memory_ + (marks_ - 1) * mark_bytes_, mark_bytes_);
    }

    adder_status back_to(uint32_t depth) {
        while (choices_[marks_ - 1].depth > depth) --marks_;
        if (session_ == nullptr) return ADDER_OK;
        return adder_state_load(session_, memory_ + (marks_ - 1) * mark_bytes_, mark_bytes_, nullptr);
    }

    adder_status walk() {
        marks_ = most_ = 0;
        adder_status status = mark(0);
        for (uint32_t i = 0; i < n_ && status == ADDER_OK; ++i) {
            uint32_t depth = i == 0 ? 0 : depth_seen(i - 1, i);
            const uint32_t last = at(i).count - 1;
            if (depth >= last) continue;  // scored with those before it
            if (i > 0) status = back_to(depth);
            while (depth < last && status == ADDER_OK) {
                uint32_t to = depth + 1;
                while (to < last && !is_left_again(i, to)) ++to;
                status = read(i, depth, to);
                if (status == ADDER_OK && is_left_again(i, to)) status = mark(to);
                depth = to;
            }
        }
        return status;
    }

    adder_choice *choices_;
    uint32_t n_, marks_ = 0, most_ = 0;
    adder_session *session_ = nullptr;
    uint8_t *memory_ = nullptr;
    size_t mark_bytes_ = 0;
};

// The first that cannot be read, or n.
uint32_t find_unsound(const Model &model, const adder_choice *choices, uint32_t n) {
    const uint32_t vocab_size = model.architecture.vocab_size;
    for (uint32_t i = 0; i < n; ++i) {
        const adder_choice &choice = choices[i];
        if (choice.tokens == nullptr || choice.count == 0) return i;
        for (uint32_t k = 0; k < choice.count; ++k)
            if (static_cast<uint32_t>(choice.tokens[k]) >= vocab_size) return i;
    }
    return n;
}

}  // namespace
}  // namespace adder

using namespace adder;

extern "C" size_t adder_choose_size(const adder_model *model, adder_choice *choices, uint32_t n) {
    if (!model || !choices || n == 0 || find_unsound(*model_of(model), choices, n) < n) return 0;
    return Tree(choices, n).bytes(model);
}

extern "C" adder_status adder_choose(adder_session *session, int32_t token, adder_choice *choices, uint32_t n,
                                     void *memory, size_t size, adder_error *error) {
    if (!session || !memory) return report(error, ADDER_ERROR_ARGUMENT, session ? "memory" : "session");
    if (!choices || n == 0) return report(error, ADDER_ERROR_ARGUMENT, "choices", 0, 1);
    const uint32_t unsound = find_unsound(session->model(), choices, n);
    if (unsound < n) return report(error, ADDER_ERROR_TOKEN, "choice", unsound, n);
    Tree tree(choices, n);
    const size_t needed = tree.bytes(session->handle);
    if (size < needed || needed == 0) return report(error, ADDER_ERROR_BUFFER, "bytes", size, needed);
    const adder_status status = tree.score(session, token, static_cast<uint8_t *>(memory));
    return status == ADDER_OK ? status : report(error, status, "choices");
}

#endif  // ADDER_SAMPLER
