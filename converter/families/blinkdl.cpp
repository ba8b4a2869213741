// What the RWKV families have in common.
// SPDX-License-Identifier: MIT
#include "converter/families/blinkdl.h"

#include <algorithm>
#include <cstring>

#include "converter/base/error.h"
#include "converter/families/backbone.h"

namespace adder::blinkdl {
namespace {

// What tells the versions from each other, the newest first, as far as BlinkDL's files have been published.
constexpr Names versions[] = {{"att.k_k", "7"},         {"att.time_maa_rkvw_w1", "6 variant"},
                              {"att.time_maa_x", "6"},  {"att.gate.weight", "5.2"},
                              {"att.ln_x.weight", "5"}, {"att.time_first", "4"}};

}  // namespace

std::string version_of(const TensorFiles &files) {
    if (files.find("emb.weight") == nullptr) return {};
    for (const Names &one : versions)
        if (files.find(std::string("blocks.0.") + one.theirs) != nullptr) return one.ours;
    return {};
}

bool split_block(const std::string &name, uint32_t *block, std::string *rest) {
    constexpr char prefix[] = "blocks.";
    const size_t begin = strlen(prefix), dot = name.find('.', begin);
    if (name.compare(0, begin, prefix) != 0 || dot == std::string::npos || dot == begin || dot > begin + 4)
        return false;
    *block = 0;
    for (size_t i = begin; i < dot; ++i) {
        if (name[i] < '0' || name[i] > '9') return false;
        *block = 10 * *block + static_cast<uint32_t>(name[i] - '0');
    }
    *rest = name.substr(dot + 1);
    return true;
}

std::string rename(const std::string &name, const std::vector<Names> &whole, const char *prefix,
                   const std::vector<Names> &beginnings) {
    for (const Names &one : whole)
        if (name == one.theirs) return one.ours;
    const std::string blocks = "blocks.";
    const size_t dot = name.find('.', blocks.size());
    if (name.compare(0, blocks.size(), blocks) != 0 || dot == std::string::npos) return name;
    const std::string block = prefix + name.substr(blocks.size(), dot + 1 - blocks.size());
    const std::string rest = name.substr(dot + 1);
    for (const Names &one : beginnings)
        if (rest.compare(0, strlen(one.theirs), one.theirs) == 0)
            return block + one.ours + rest.substr(strlen(one.theirs));
    return block + rest;
}

uint32_t count_blocks(const TensorFiles &files, const std::function<bool(const std::string &)> &known,
                      const std::function<std::string(const std::string &)> &variant) {
    uint32_t count = 0;
    files.each([&](const TensorView &view) {
        uint32_t block = 0;
        std::string rest;
        if (!split_block(view.name, &block, &rest)) return;
        count = std::max(count, block + 1);
        if (!known(rest))
            bad_input("%s: tensor %s is of %s", view.file->c_str(), json_quote(view.name).c_str(),
                      variant(rest).c_str());
    });
    return count;
}

uint64_t extent_in(const TensorFiles &files, const std::string &name, size_t which, size_t dimensions) {
    const TensorView &view = files.tensor(name);
    if (view.shape.size() != dimensions)
        bad_input("%s: tensor %s has %zu dimensions; %zu %s needed", view.file->c_str(),
                  json_quote(name).c_str(), view.shape.size(), dimensions, dimensions == 1 ? "is" : "are");
    return view.shape[which];
}

void require_word(const ConfigReader &config, const char *key, const char *needed) {
    if (const auto word = config.string(key))
        if (*word != needed)
            bad_input("%s is %s; \"%s\" is needed", config.what(key).c_str(), json_quote(*word).c_str(),
                      needed);
}

void require_truth(const ConfigReader &config, const char *key, bool needed) {
    if (config.boolean(key).value_or(needed) != needed)
        bad_input("%s is %s; %s is needed", config.what(key).c_str(), needed ? "false" : "true",
                  needed ? "true" : "false");
}

DenseTensor read_mix(const TensorFiles &files, const std::string &name, bool share_of_now) {
    const DenseTensor shift = backbone::read(files, name, 1);
    DenseTensor mix = backbone::filled(shift.rows, 2, 1.0f);
    for (uint32_t i = 0; i < shift.rows; ++i)
        mix.values[2 * i + 1] =
            share_of_now ? static_cast<float>(1 - static_cast<double>(shift.values[i])) : shift.values[i];
    return mix;
}

DenseTensor read_all(const TensorFiles &files, const std::vector<std::string> &names) {
    DenseTensor all{};
    all.cols = 1;
    for (const std::string &name : names) {
        const DenseTensor one = backbone::read(files, name, 1);
        all.rows += one.rows;
        all.values.insert(all.values.end(), one.values.begin(), one.values.end());
    }
    return all;
}

DenseTensor transposed(const DenseTensor &from) {
    DenseTensor to{from.cols, from.rows, std::vector<float>(from.values.size())};
    for (uint32_t row = 0; row < from.rows; ++row)
        for (uint32_t col = 0; col < from.cols; ++col)
            to.values[size_t{col} * from.rows + row] = from.values[size_t{row} * from.cols + col];
    return to;
}

void tune(Recipe *recipe, const std::vector<Role> &wide, const std::vector<Role> &low_first,
          const std::vector<Role> &low_second) {
    if (recipe->name == "naive" || recipe->name == "float") return;
    const bool fixed = recipe->name == "smooth" || recipe->name == "static";
    const bool small = recipe->name.compare(0, 5, "small") == 0;
    for (const std::vector<Role> *roles : {&wide, &low_first})
        for (const Role role : *roles) {
            recipe->of(role).input = fixed ? Input::fixed : Input::token;
            recipe->of(role).alpha = fixed ? 0.5f : 0.0f;
        }
    for (const Role role : low_second) recipe->of(role).input = fixed ? Input::floats : Input::token;
    LinearPlan &squares = recipe->of(Role::ffn_value), &out = recipe->of(Role::out_proj);
    squares.input = out.input;
    if (!small) return;
    for (const Role role : wide) {
        recipe->of(role).weights = Dtype::int4;
        recipe->of(role).gptq = true;
        if (recipe->name != "small") recipe->of(role).group = 128;
    }
    for (LinearPlan *plan : {&squares, &out}) {
        plan->weights = Dtype::int4;
        plan->gptq = true;
    }
}

}  // namespace adder::blinkdl
