// What plain programs of several RWKVs share: the layers, the channel mix with a receptance, and the comparison with a blob.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/converter/families/plain_model.h"
#include "tests/support/blob_builder.h"

namespace adder::test {

class PlainRwkv {
  public:
    explicit PlainRwkv(const CheckpointSpec &spec)
        : model_(spec), width_(spec.config.d_model), times_(spec.config.n_layer, Vector(width_)),
          channels_(spec.config.n_layer, Vector(width_)) {}
    virtual ~PlainRwkv() = default;

    Vector step(size_t token) {
        Vector x = model_.normed(model_.row("rwkv.embeddings.weight", token, width_), "rwkv.blocks.0.pre_ln");
        for (size_t i = 0; i < times_.size(); ++i) {
            const std::string block = "rwkv.blocks." + std::to_string(i) + ".";
            const Vector n = model_.normed(x, block + "ln1");
            add(&x, time_mix(i, n, block + "attention."));
            times_[i] = n;
            add(&x, channel_mix(model_.normed(x, block + "ln2"), block + "feed_forward.", &channels_[i]));
        }
        return model_.product("head.weight", model_.normed(x, "rwkv.ln_out"));
    }

  protected:
    virtual Vector time_mix(size_t layer, const Vector &n, const std::string &name) = 0;

    // A projection of a token's input and the one before it.
    Vector projected(const Vector &n, const Vector &before, const std::string &name, const char *which) const {
        return model_.product(name + which + ".weight",
                              mixed(n, before, model_.get(name + "time_mix_" + which)));
    }
    Vector projected(size_t layer, const Vector &n, const std::string &name, const char *which) const {
        return projected(n, times_[layer], name, which);
    }

    const PlainModel model_;
    const size_t width_;

  private:
    Vector channel_mix(const Vector &n, const std::string &name, Vector *before) const {
        Vector k = projected(n, *before, name, "key"), r = projected(n, *before, name, "receptance");
        for (double &one : k) one = one > 0 ? one * one : 0;
        Vector v = model_.product(name + "value.weight", k);
        for (size_t i = 0; i < v.size(); ++i) v[i] *= logistic(r[i]);
        *before = n;
        return v;
    }

    std::vector<Vector> times_, channels_;  // of each layer: the inputs of the token before
};

// The logits of 40 tokens, of a blob with float weights, are the program's, to a share of the largest.
inline void expect_equations(const CheckpointSpec &checkpoint, PlainRwkv *plain, double tolerance) {
    BlobSpec spec;
    spec.checkpoint = checkpoint;
    spec.recipe = recipe_named("float");
    const AlignedBytes blob = build_blob(spec);
    TestSession session(blob);
    for (const int32_t token : random_tokens(40, checkpoint.config.vocab_size, 3)) {
        const Vector expected = plain->step(static_cast<size_t>(token));
        const std::vector<float> found = session.step(token);
        double largest = 0;
        for (const double logit : expected) largest = std::max(largest, std::fabs(logit));
        for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(found[i], expected[i], tolerance * largest);
    }
}

}  // namespace adder::test
