// Rotary position embedding.
// SPDX-License-Identifier: MIT
#include "converter/families/rope.h"

#include <cmath>

#include "converter/base/error.h"

namespace adder::rope {

uint32_t read_pairs(const ConfigReader &config, uint32_t head_dim, double default_factor, ModelShape *model) {
    if (config.find("rope_scaling") != nullptr)
        bad_input("%s is set, which is not supported", config.what("rope_scaling").c_str());
    static const Json none = Json::parse("{}", "");
    const Json *const found = config.find("rope_parameters");
    const std::string name = config.what("rope_parameters");
    const ConfigReader inner(found != nullptr ? *found : none, name);
    if (const auto type = inner.string("rope_type"))
        if (*type != "default")
            bad_input("%s is %s; \"default\" is needed", inner.what("rope_type").c_str(),
                      json_quote(*type).c_str());
    const auto number = [&](const char *key, double low, double high) {
        const auto value = inner.number(key, low, high);
        return value ? value : config.number(key, low, high);
    };
    model->rope_base = number("rope_theta", 1, 1e12).value_or(10000);
    const double factor = number("partial_rotary_factor", 1e-6, 1).value_or(default_factor);
    const double exact = factor * head_dim / 2;
    const uint32_t pairs = static_cast<uint32_t>(exact);
    if (pairs < 1 || static_cast<double>(pairs) != exact)
        bad_input("%s is %g, which is not an even number of the %u channels of a head",
                  config.what("partial_rotary_factor").c_str(), factor, head_dim);
    return pairs;
}

DenseTensor turn_steps(double base, uint32_t pairs, bool low) {
    DenseTensor steps{pairs, 1, std::vector<float>(pairs)};
    constexpr long double two_pi = 6.283185307179586476925286766559L;
    for (uint32_t i = 0; i < pairs; ++i) {
        const long double step =
            std::pow(static_cast<long double>(base), -static_cast<long double>(i) / pairs) / two_pi;
        const auto bits = static_cast<uint64_t>(std::round(step * 0x1p48L));
        steps.values[i] = static_cast<float>(low ? bits & 0xffffff : bits >> 24) * 0x1p-24f;
    }
    return steps;
}

}  // namespace adder::rope
