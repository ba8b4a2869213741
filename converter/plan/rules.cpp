// Parsing of rules, and what each tensor can take.
// SPDX-License-Identifier: MIT
#include "converter/plan/rules.h"

#include <cmath>
#include <cstdlib>

#include "converter/base/file.h"
#include "converter/plan/names.h"
#include "kernels/scalar/hadamard.h"

namespace adder {
namespace {

size_t pattern_size(const RuleSource &source) {
    const size_t equals = source.text.find('=');
    if (equals == std::string::npos)
        source.refuse("a rule is PATTERN=VALUE[,VALUE...], as in layers.*.in_proj=int4,group=64");
    return equals;
}

// A field that is given once; `what` names it where it is given twice.
template <typename T>
void set_once(const RuleSource &source, size_t place, const char *what, std::optional<T> *field, T value) {
    if (field->has_value()) source.refuse_at(place, format("%s given twice", what));
    *field = value;
}

// A finite number that is all of the text.
std::optional<double> number_of(std::string_view text) {
    const std::string digits(text);
    char *end = nullptr;
    const double number = std::strtod(digits.c_str(), &end);
    if (digits.empty() || digits.find_first_not_of("0123456789.") != std::string::npos || *end != '\0')
        return std::nullopt;
    return number;
}

template <typename T>
struct Word {
    std::string_view text;
    T value;
};

template <typename T, size_t n>
std::optional<T> find_word(const Word<T> (&words)[n], std::string_view text) {
    for (const Word<T> &word : words)
        if (word.text == text) return word.value;
    return std::nullopt;
}

constexpr Word<Dtype> weight_words[] = {{"int8", Dtype::int8}, {"int4", Dtype::int4}, {"f32", Dtype::f32}};
constexpr Word<Granularity> scale_words[] = {{"tensor", Granularity::tensor}, {"row", Granularity::row}};
constexpr Word<bool> rounding_words[] = {{"gptq", true}, {"nearest", false}};
constexpr Word<uint32_t> group_words[] = {{"32", 32}, {"64", 64}, {"128", 128}, {"row", 0}};
constexpr Word<uint32_t> bits_words[] = {{"8", 8}, {"4", 4}};
constexpr Word<Input> input_words[] = {{"static", Input::fixed},
                                       {"token", Input::token},
                                       {"channels", Input::channels},
                                       {"hadamard", Input::hadamard},
                                       {"float", Input::floats}};

}  // namespace

PlanRule::PlanRule(RuleSource source) : source_(std::move(source)), pattern_(source_, pattern_size(source_)) {
    const std::string_view text = source_.text;
    for (size_t begin = pattern_size(source_) + 1;;) {
        const size_t end = std::min(text.find(',', begin), text.size());
        parse_value(text.substr(begin, end - begin), begin);
        if (end == text.size()) break;
        begin = end + 1;
    }
    if (granularity_ && group_) source_.refuse("scales given twice");
}

void PlanRule::parse_value(std::string_view value, size_t place) {
    const auto set = [&](const char *what, auto *field, const auto &found, const char *choices) {
        if (!found)
            source_.refuse_at(place,
                              format("'%.*s'; %s", static_cast<int>(value.size()), value.data(), choices));
        set_once(source_, place, what, field, *found);
    };
    const size_t equals = value.find('=');
    const std::string_view key = value.substr(0, equals);
    const std::string_view word = equals == std::string_view::npos ? "" : value.substr(equals + 1);
    if (key == "group") {
        set("scales", &group_, find_word(group_words, word), "a group is 32, 64, 128 or row");
    } else if (key == "input") {
        set("the input", &input_, find_word(input_words, word),
            "an input is static, token, channels, hadamard or float");
    } else if (key == "act-bits") {
        set("act-bits", &input_bits_, find_word(bits_words, word), "act-bits are 8 or 4");
    } else if (key == "scale") {
        parse_scale(word, place);
    } else if (key == "alpha") {
        parse_alpha(word, place);
    } else if (find_word(weight_words, value)) {
        set("weights", &weights_, find_word(weight_words, value), "");
    } else if (find_word(scale_words, value)) {
        set("scales", &granularity_, find_word(scale_words, value), "");
    } else {
        set("the rounding", &gptq_, find_word(rounding_words, value),
            "a value is int8, int4, f32, tensor, row, gptq, nearest, or one of group=, input=, act-bits=, "
            "scale=, "
            "alpha=");
    }
}

void PlanRule::parse_scale(std::string_view value, size_t place) {
    constexpr std::string_view percentile = "percentile:";
    ScaleRule rule = ScaleRule::absmax;
    if (value == "mse") {
        rule = ScaleRule::mse;
    } else if (value.substr(0, percentile.size()) == percentile) {
        rule = ScaleRule::percentile;
        const std::optional<double> percent = number_of(value.substr(percentile.size()));
        if (!percent || !(*percent > 0 && *percent <= 100))
            source_.refuse_at(place, "a percentile is above 0 and at most 100, as in scale=percentile:99.9");
        percentile_ = *percent;
    } else if (value != "absmax") {
        source_.refuse_at(place, "a scale is absmax, mse or percentile:P");
    }
    set_once(source_, place, "scale", &scale_, rule);
}

void PlanRule::parse_alpha(std::string_view value, size_t place) {
    const std::optional<double> alpha = value == "auto" || value == "off" ? 0.0 : number_of(value);
    if (!alpha || !(*alpha >= 0 && *alpha <= 1))
        source_.refuse_at(place, "alpha is a number from 0 to 1, auto or off");
    search_alpha_ = value == "auto";
    set_once(source_, place, "alpha", &alpha_, static_cast<float>(*alpha));
}

void PlanRule::apply(Role role, uint32_t block, const ModelShape &shape, LinearPlan *plan) const {
    const bool no_hessian = role == Role::embedding ? !shape.tied : is_diagonal(shape, role, block);
    if (gptq_ == true && role != Role::embedding && no_hessian)
        source_.refuse(plan_name(shape, role, block) +
                       " is blocks on a diagonal, which gptq does not round: it takes nearest");
    apply_weights(plan_name(shape, role, block), plan, !no_hessian);
    if (role == Role::embedding && !shape.tied) {
        if (input_ || input_bits_ || scale_ || alpha_)
            source_.refuse("the embedding is a table that rows are taken from: it has no input");
        return;
    }
    apply_input(role, block, shape, plan);
}

void PlanRule::apply_weights(const std::string &name, LinearPlan *plan, bool has_input) const {
    if (weights_ || granularity_ || group_ || gptq_) plan->keep = false;
    if (weights_) {
        if (*weights_ == Dtype::int4 && plan->weights != Dtype::int4) plan->gptq = has_input;
        plan->weights = *weights_;
    }
    const char *const type = weight_type_name(plan->weights);
    if (plan->weights == Dtype::int4) {
        if (granularity_ == Granularity::tensor)
            source_.refuse(name + " has int4 weights, which take group=32, 64, 128 or row");
        if (granularity_ == Granularity::row) plan->group = 0;
        if (group_) plan->group = *group_;
        if (gptq_ == true && !has_input)
            source_.refuse("the embedding has no input, which gptq needs: it takes nearest");
        if (gptq_) plan->gptq = *gptq_;
        return;
    }
    if (gptq_) source_.refuse(format("%s has %s weights; gptq and nearest are for int4", name.c_str(), type));
    if (plan->weights == Dtype::f32 && (granularity_ || group_))
        source_.refuse(name + " has f32 weights, which have no scales");
    if (group_) source_.refuse(name + " has int8 weights, which take row or tensor");
    if (granularity_) plan->granularity = *granularity_;
}

void PlanRule::apply_input(Role role, uint32_t block, const ModelShape &shape, LinearPlan *plan) const {
    const std::string name = plan_name(shape, role, block);
    if (input_) {
        const uint8_t possible = inputs_of(shape, role, block);
        plan->input = *input_ == Input::fixed ? static_input_of(shape, role, block) : *input_;
        if ((possible & input_bit(plan->input)) == 0)
            source_.refuse(format("the input of %s can be static, token%s%s or float", name.c_str(),
                                  possible & input_bit(Input::channels) ? ", channels" : "",
                                  possible & input_bit(Input::hadamard) ? ", hadamard" : ""));
        const uint32_t width = extent_of(shape, role, block).cols;
        if (*input_ == Input::hadamard && width % hadamard_size != 0)
            source_.refuse(
                format("the Hadamard transform takes blocks of %u, and d_inner is %u", hadamard_size, width));
    }
    if (input_bits_ && plan->input == Input::floats)
        source_.refuse(name + " has a float input, which has no bits to choose");
    if (input_bits_) plan->input_bits = *input_bits_;
    if ((scale_ || alpha_) && !has_scale(plan->input))
        source_.refuse(format("%s has an input of %s; scale and alpha are for static ones", name.c_str(),
                              plan->input == Input::floats ? "floats" : "one scale a token"));
    if (scale_) plan->rule = *scale_;
    if (scale_ == ScaleRule::percentile) plan->percentile = percentile_;
    if (alpha_) {
        plan->alpha = *alpha_;
        plan->search_alpha = search_alpha_;
    }
    bool smooth = plan->alpha > 0 || plan->search_alpha;
    if (smooth && !can_smooth(shape, role, block, plan->input)) {
        if (alpha_)
            source_.refuse(
                format("nothing that makes the input of %s can smooth it: it takes alpha=off", name.c_str()));
        plan->alpha = 0;
        plan->search_alpha = smooth = false;
    }
    if (smooth && (role == Role::head || role == Role::embedding) && shape.tied)
        source_.refuse("the head is the embedding, which must stay as it is: it takes alpha=off");
}

std::vector<PlanRule> read_rules(const std::string &path) {
    const MappedFile file(path);
    const std::string_view text = file.text();
    std::vector<PlanRule> rules;
    size_t number = 0;
    for (size_t begin = 0; begin < text.size();) {
        const size_t end = std::min(text.find('\n', begin), text.size());
        std::string_view line = text.substr(begin, end - begin);
        begin = end + 1;
        ++number;
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
            line.remove_suffix(1);
        if (line.empty() || line[0] == '#') continue;
        rules.emplace_back(
            RuleSource{std::string(line), format("%s, line %zu", path.c_str(), number), ExitCode::bad_input});
    }
    return rules;
}

void apply_rules(const std::vector<PlanRule> &rules, const ModelShape &shape, Plan *plan) {
    enum class Use { none, shadowed, applied };
    std::vector<Use> uses(rules.size(), Use::none);
    for (const PlanRule &rule : rules) rule.pattern().check_layers(rule.source(), shape.n_layer);
    const auto visit = [&](Role role, uint32_t block) {
        const uint32_t layer = block == no_block ? 0 : shape.blocks[block].layer;
        const PlanRule *winner = nullptr;
        for (size_t i = 0; i < rules.size(); ++i) {
            // A tied head and its embedding are one table with two names.
            const bool matches =
                rules[i].pattern().matches(role, layer) ||
                (role == Role::head && plan->tied() && rules[i].pattern().matches(Role::embedding, 0));
            if (!matches) continue;
            // That the command line overrides a file is what it is there for.
            const bool overridden = winner && winner->source().code != rules[i].source().code;
            uses[i] = !winner || overridden ? Use::applied : std::max(uses[i], Use::shadowed);
            if (winner) continue;
            winner = &rules[i];
            winner->apply(role, block, shape, &plan->of(role, block));
        }
    };
    if (!plan->tied()) visit(Role::embedding, no_block);
    plan->each_linear(visit);
    // An input that several take has one form.
    plan->each_linear([&](Role role, uint32_t block) {
        const Role owner = input_owner(shape, role, block);
        if (same_input(plan->of(role, block), plan->of(owner, block))) return;
        const uint32_t layer = shape.blocks[block].layer;
        for (const PlanRule &rule : rules)
            if (rule.pattern().matches(role, layer) || rule.pattern().matches(owner, layer))
                rule.source().refuse(format("%s and %s take one input, and in one form: set it for both",
                                            plan_name(shape, owner, block).c_str(), role_name(role)));
    });
    for (size_t i = 0; i < rules.size(); ++i) {
        if (uses[i] == Use::none) rules[i].source().refuse("no tensor of the model matches");
        if (uses[i] == Use::shadowed)
            rules[i].source().refuse(
                "all tensors that match belong to earlier rules: the first that matches wins");
    }
}

}  // namespace adder
