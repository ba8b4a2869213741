// Numbers of evaluations: log-sum-exp and KL divergence of rows of logits, and sample statistics.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace adder {

// log(sum(exp(logits))). The exponentials are docs/numerics.md's, without libm, and all sums have a fixed order: the
// result is the same bits on every machine up to one call of log.
double log_sum_exp(const float *logits, uint32_t n);

// KL(base || model) of two rows of logits, in nats, not below 0; with the rows' log-sum-exps.
double kl_divergence(const float *base, double base_lse, const float *model, double model_lse, uint32_t n);
double kl_divergence(const float *base, const float *model, uint32_t n);

// The index of the highest logit, the lowest of equals.
uint32_t top1(const float *logits, uint32_t n);

// A figure and its standard error; NaN where there is none.
struct Estimate {
    double value = std::numeric_limits<double>::quiet_NaN();
    double error = std::numeric_limits<double>::quiet_NaN();
};

// The mean of a sample, and sqrt(sum((x - mean)^2) / (n - 1) / n).
Estimate mean_of(const std::vector<double> &sample);

// sum(x) / sum(n) over clusters, and the standard error of that ratio, clusters taken as independent:
// sqrt(B / (B - 1) * sum((x_b - n_b * ratio)^2)) / sum(n).
struct Cluster {
    double n, x;
};
Estimate ratio_of(const std::vector<Cluster> &clusters);

}  // namespace adder
