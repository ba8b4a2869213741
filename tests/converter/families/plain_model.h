// Tensors of a checkpoint, and the little algebra that plain models in tests are written with: double precision, no code of the
// library's or the converter's.
// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/checkpoint_builder.h"

namespace adder::test {

using Vector = std::vector<double>;

class PlainModel {
  public:
    explicit PlainModel(const CheckpointSpec &spec) {
        for (const Tensor &tensor : checkpoint_tensors(spec)) {
            std::vector<float> values(tensor.data.size() / sizeof(float));
            std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
            tensors_[tensor.name] = Vector(values.begin(), values.end());
        }
    }

    const Vector &get(const std::string &name) const {
        const auto found = tensors_.find(name);
        if (found == tensors_.end()) throw std::runtime_error("no tensor " + name);
        return found->second;
    }

    // W x, W [rows][x].
    Vector product(const std::string &name, const Vector &x) const {
        const Vector &w = get(name);
        Vector y(w.size() / x.size());
        for (size_t i = 0; i < w.size(); ++i) y[i / x.size()] += w[i] * x[i % x.size()];
        return y;
    }

    // x W, W [x][columns].
    Vector product_of_columns(const std::string &name, const Vector &x) const {
        const Vector &w = get(name);
        const size_t columns = w.size() / x.size();
        Vector y(columns);
        for (size_t i = 0; i < w.size(); ++i) y[i % columns] += w[i] * x[i / columns];
        return y;
    }

    // LayerNorm of each `width` numbers by themselves, then NAME.weight and NAME.bias; in place.
    void norm(Vector *x, const std::string &name, size_t width, double epsilon) const {
        const Vector &weight = get(name + ".weight"), &bias = get(name + ".bias");
        for (size_t first = 0; first < x->size(); first += width) {
            double mean = 0, square = 0;
            for (size_t i = first; i < first + width; ++i) mean += (*x)[i] / static_cast<double>(width);
            for (size_t i = first; i < first + width; ++i)
                square += ((*x)[i] - mean) * ((*x)[i] - mean) / static_cast<double>(width);
            for (size_t i = first; i < first + width; ++i)
                (*x)[i] = ((*x)[i] - mean) / std::sqrt(square + epsilon) * weight[i] + bias[i];
        }
    }
    Vector normed(Vector x, const std::string &name) const {
        norm(&x, name, x.size(), 1e-5);
        return x;
    }

    Vector row(const std::string &name, size_t index, size_t width) const {
        const Vector &table = get(name);
        return Vector(table.begin() + static_cast<long>(index * width),
                      table.begin() + static_cast<long>((index + 1) * width));
    }

  private:
    std::map<std::string, Vector> tensors_;
};

inline double logistic(double x) { return 1 / (1 + std::exp(-x)); }

// n * share + n_before * (1 - share)
inline Vector mixed(const Vector &n, const Vector &before, const Vector &share) {
    Vector x(n.size());
    for (size_t i = 0; i < n.size(); ++i) x[i] = n[i] * share[i] + before[i] * (1 - share[i]);
    return x;
}

inline void add(Vector *x, const Vector &y) {
    for (size_t i = 0; i < x->size(); ++i) (*x)[i] += y[i];
}

}  // namespace adder::test
