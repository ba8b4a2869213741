// The rows of every experiment, as options of adder convert where they are conversions.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>
#include <tuple>

#include "converter/base/error.h"
#include "converter/families/family.h"
#include "converter/plan/names.h"
#include "converter/plan/recipe.h"
#include "converter/study/study.h"

namespace adder {
namespace {

using Words = std::vector<std::string>;

// What Mamba-PTQ calls naive: the simplest scales that there are. int4 cannot have one scale per tensor; one per row is the nearest.
constexpr char naive_weights[] = "int8,tensor", naive_input[] = "input=static,scale=absmax";
constexpr char naive_int4[] = "int4,row,nearest";

std::string set(const std::string &pattern, std::initializer_list<std::string> values) {
    std::string rule = "--set=" + pattern;
    const char *separator = "=";
    for (const std::string &value : values) {
        rule += separator + value;
        separator = ",";
    }
    return rule;
}

std::string number(double value) { return format("%g", value); }

class Rows {
  public:
    explicit Rows(const ModelShape &shape) : shape_(shape) {
        for (uint32_t block = 0; block < shape.block_count(); ++block)
            for (const Role role : linear_roles_of(shape, block)) {
                if (can_smooth(shape, role, block, static_input_of(shape, role, block)))
                    smoothable_.insert(role);
                else
                    rigid_[role].push_back(plan_name(shape, role, block));
                if (has(linears_, role)) continue;
                has_diagonals_ |= is_diagonal(shape, role, block);
                linears_.push_back(role);
                sharers_[input_owner(shape, role, block)].push_back(role);
                if (input_owner(shape, role, block) == role) inputs_.push_back(role);
            }
    }

    std::vector<StudyRow> all(bool with_tasks) {
        inputs();
        table();
        if (with_tasks) tasks();
        alpha();
        granularity();
        outliers();
        state();
        layers();
        tensors();
        return std::move(rows_);
    }

  private:
    StudyRow &add(const char *experiment, const std::string &series, const std::string &at) {
        rows_.emplace_back();
        rows_.back().experiment = experiment;
        rows_.back().series = series;
        rows_.back().at = at;
        return rows_.back();
    }
    StudyRow &convert(const char *experiment, const std::string &series, const std::string &at, Words words) {
        StudyRow &row = add(experiment, series, at);
        row.convert = std::move(words);
        return row;
    }

    void inputs() {
        for (const Role role : inputs_) add("inputs", role_name(role), "all layers").input = role;
        add("inputs", role_name(Role::head), "all layers").input = Role::head;
    }

    void table() {
        const std::string every = "layers.*.*";
        const auto add = [&](const char *series, const char *at, Words words) {
            convert("table", series, at, std::move(words));
        };
        add("naive", "W8", {"--recipe=naive", "--acts=f32"});
        add("cured", "W8", {"--recipe=best", "--acts=f32"});
        add("naive", "W4", {"--recipe=naive", "--acts=f32", set(every, {naive_int4})});
        add("cured", "W4", {"--recipe=small", "--acts=f32"});
        add("naive", "W8A8", {"--recipe=naive"});
        add("smoothing alone", "W8A8", {"--recipe=smooth"});
        add("static, Hadamard", "W8A8", {"--recipe=static"});
        add("cured", "W8A8", {"--recipe=best"});
        add("naive", "W4A8", {"--recipe=naive", set(every, {naive_int4})});
        add("cured", "W4A8", {"--recipe=small"});
        add("naive", "W4A4", {"--recipe=naive", set(every, {naive_int4, "act-bits=4"})});
        // Four bits in the inputs of those layers whose weights have four.
        Words tokens = {"--recipe=small"}, both = tokens, cured = tokens;
        for (const Role owner : int4_inputs()) {
            const bool transformed = takes(owner, Input::hadamard);
            const std::string pattern = pattern_of_input(owner);
            const Words hadamard = {set(pattern, {"input=hadamard", "alpha=0.6", "act-bits=4"})};
            tokens.push_back(set(pattern, {"input=token", "act-bits=4"}));
            both.push_back(transformed ? hadamard[0] : tokens.back());
            cured.push_back(transformed ? hadamard[0] : set(pattern, {"input=static", "act-bits=4"}));
        }
        add("one scale per token", "W4A4", tokens);
        add("token and Hadamard", "W4A4", both);
        add("cured", "W4A4", cured);
    }

    void tasks() {
        const auto add = [&](const char *series, const char *at, Words words) {
            convert("tasks", series, at, std::move(words)).tasks = true;
        };
        add("naive", "W8A8", {"--recipe=naive"});
        add("smoothing alone", "W8A8", {"--recipe=smooth"});
        add("static, Hadamard", "W8A8", {"--recipe=static"});
        add("cured", "W8A8", {"--recipe=best"});
        add("naive", "W4A8", {"--recipe=naive", set("layers.*.*", {naive_int4})});
        add("cured", "W4A8", {"--recipe=small"});
    }

    void alpha() {
        constexpr double alphas[] = {0, 0.25, 0.5, 0.7, 0.75, 1};
        for (Role role : inputs_)
            for (double alpha : alphas)
                if (alpha == 0 || smoothable_.count(role) != 0) {
                    Words words = {"--recipe=float"};
                    if (alpha != 0 && rigid_.count(role) != 0)
                        for (const std::string &name : rigid_.at(role))
                            words.push_back(set(name, {naive_weights, naive_input}));
                    words.push_back(
                        set(pattern_of_input(role), {naive_weights, naive_input, "alpha=" + number(alpha)}));
                    convert("alpha", role_name(role), number(alpha), std::move(words));
                }
        for (double alpha : alphas)
            convert("alpha", "all", number(alpha), {"--recipe=naive", "--smooth=" + number(alpha)});
    }

    void granularity() {
        const auto add = [&](const char *series, const char *at, std::initializer_list<std::string> values) {
            convert("granularity", series, at, {"--recipe=float", set("layers.*.*", values)});
        };
        for (const char *scales : {"tensor", "row"}) add("int8", scales, {"int8", scales});
        for (const char *rounding : {"nearest", "gptq"})
            for (const char *scales : {"row", "128", "64", "32"}) {
                const bool gptq = rounding == std::string("gptq");
                // What gptq does not round takes the nearest codes where nothing is said.
                if (gptq && has_diagonals_)
                    add("int4, GPTQ", scales, {"int4", std::string("group=") + scales});
                else
                    add(gptq ? "int4, GPTQ" : "int4", scales,
                        {"int4", std::string("group=") + scales, rounding});
            }
    }

    void outliers() {
        std::vector<std::optional<Role>> roles(inputs_.begin(), inputs_.end());
        roles.push_back(Role::head);
        roles.push_back(std::nullopt);
        for (const std::optional<Role> &role : roles)
            for (bool random : {false, true})
                for (double sigma : study_sigmas)
                    add("outliers", std::string(role ? role_name(*role) : "all") + (random ? ", random" : ""),
                        number(sigma))
                        .zeroing = StudyRow::Zeroing{role, sigma, random};
    }

    void state() {
        for (const std::string &part : state_parts(shape_))
            for (const auto &[type_name, type] : state_types()) {
                const bool scaled = type == RoundedType::i16 || type == RoundedType::i8;
                if (scaled && has_one_number(shape_, part)) continue;  // a scale of its own holds it
                add("state", part, type_name).state = StateRounding{part, type};
            }
    }

    void layers() {
        const auto add = [&](const char *series, std::initializer_list<std::string> values) {
            for (uint32_t layer = 0; layer < shape_.n_layer; ++layer)
                convert("layers", series, std::to_string(layer),
                        {"--recipe=float", set(format("layers.%u.*", layer), values)});
        };
        add("W8A8", {naive_weights, naive_input});
        add("W4", {naive_int4});
    }

    void tensors() {
        const auto add = [&](const char *series, const char *recipe, bool input,
                             std::initializer_list<std::string> values) {
            for (Role role : input ? inputs_ : linears_) {
                const std::string name = role_name(role);
                convert("tensors", series, name,
                        {recipe, set(input ? pattern_of_input(role) : "layers.*." + name, values)});
            }
            convert("tensors", series, role_name(Role::head), {recipe, set(role_name(Role::head), values)});
        };
        add("int8 weights", "--recipe=float", false, {naive_weights});
        add("int4 weights", "--recipe=float", false, {naive_int4});
        add("int8 input", "--recipe=float", true, {naive_input});
        add("all but its weights", "--recipe=naive", false, {"f32"});
        add("all but its input", "--recipe=naive", true, {"input=float"});
    }

    static bool has(const std::vector<Role> &roles, Role role) {
        return std::find(roles.begin(), roles.end(), role) != roles.end();
    }

    // The inputs of the layers that recipe small gives int4 weights, in the order of the blocks.
    std::vector<Role> int4_inputs() const {
        const Recipe small = recipe_for(shape_, recipe_named("small"));
        std::vector<Role> owners;
        for (const Role owner : inputs_) {
            const std::vector<Role> &sharers = sharers_.at(owner);
            if (std::any_of(sharers.begin(), sharers.end(),
                            [&](Role role) { return small.of(role).weights == Dtype::int4; }))
                owners.push_back(owner);
        }
        return owners;
    }

    // Can all that take this input take it so?
    bool takes(Role owner, Input input) const {
        for (uint32_t block = 0; block < shape_.block_count(); ++block)
            for (const Role role : linear_roles_of(shape_, block))
                if (input_owner(shape_, role, block) == owner &&
                    (inputs_of(shape_, role, block) & input_bit(input)) == 0)
                    return false;
        return true;
    }

    // The linear layers that take the input of one, in all layers: layers.*.in_proj, or layers.*.{in_proj,bcdt_proj}.
    std::string pattern_of_input(Role owner) const {
        const std::vector<Role> &roles = sharers_.at(owner);
        std::string names = role_name(roles[0]);
        for (size_t i = 1; i < roles.size(); ++i) names += std::string(",") + role_name(roles[i]);
        return "layers.*." + (roles.size() > 1 ? "{" + names + "}" : names);
    }

    const ModelShape &shape_;
    std::vector<Role> linears_, inputs_;  // of the blocks; those that own their input
    bool has_diagonals_ = false;
    std::set<Role> smoothable_;                       // with a static input, in some block ...
    std::map<Role, std::vector<std::string>> rigid_;  // ... and where they are not
    std::map<Role, std::vector<Role>> sharers_;
    std::vector<StudyRow> rows_;
};

}  // namespace

const std::vector<Experiment> &experiments() {
    static const std::vector<Experiment> list = {
        {"inputs", "Outlier channels of the inputs",
         "Which inputs of linear layers have channels far beyond the rest, and whose are they?",
         "The float model on the calibration text. A channel's magnitude is its largest of all tokens; it is an outlier "
         "beyond so many standard deviations above the mean of its input's channels. In most layers: the channel that is "
         "one beyond 4 sigma most often. First token's: of the channels beyond 4 sigma, those whose largest magnitude the "
         "first token of a sequence had.",
         "input of", "layers", true,
         "Mamba-PTQ (arXiv 2407.12397), LLM.int8() (arXiv 2208.07339), RWKVQuant (arXiv 2505.03803)"},
        {"table", "Weights and activations",
         "What do 8 and 4 bits cost, as simply as can be and with what is known to help?",
         "naive: weights with one scale per tensor (int4: per row), inputs of linear layers with one static scale, the "
         "largest magnitude over the codes. cured: recipe best, and for int4 small, which has int4 by GPTQ in groups of 32 "
         "in the large layers of a block; W4A4: four bits in the inputs of those, static, with a Hadamard transform where a "
         "layer can take one. Embedding and head are int8.",
         "recipe", "configuration", false,
         "Mamba-PTQ (arXiv 2407.12397), SmoothQuant (arXiv 2211.10438), GPTQ (arXiv 2210.17323), QuaRot (arXiv 2404.00456), "
         "Quamba (arXiv 2410.13229)"},
        {"tasks", "Zero-shot tasks", "What of it is seen in the tasks that papers print?",
         "The figure that the literature prints of a task: accuracy, of HellaSwag and ARC challenge by the length of the "
         "choices. The changes against the checkpoint in float are paired, example by example.",
         "recipe", "configuration", false,
         "Mamba-PTQ (arXiv 2407.12397); LAMBADA (arXiv 1606.06031), HellaSwag (arXiv 1905.07830), PIQA (arXiv 1911.11641), ARC "
         "(arXiv 1803.05457), WinoGrande (arXiv 1907.10641)"},
        {"alpha", "Strength of smoothing", "What does smoothing mend, where, and with which alpha?",
         "One kind of layer W8A8 with naive scales and the rest float, or all W8A8; 0 is no smoothing.",
         "input of", "alpha", true, "SmoothQuant (arXiv 2211.10438), Mamba-PTQ (arXiv 2407.12397)"},
        {"granularity", "Scales of the weights", "How many scales do the weights need?",
         "Weights of all linear layers alone, inputs, embedding and head in float; 128, 64 and 32 are columns a scale.",
         "weights", "scale for", false, "GPTQ (arXiv 2210.17323)"},
        {"outliers", "Outlier channels",
         "What does the float model lose without its outlier channels, and without as many others?",
         "Channels whose largest magnitude is beyond so many standard deviations are zeroed at the inputs of linear layers, "
         "or as many random ones that are no outliers; nothing is quantized. Inputs without such channels have no rows.",
         "zeroed", "sigma", true, "Mamba-PTQ (arXiv 2407.12397), LLM.int8() (arXiv 2208.07339)"},
        {"state", "Precision of the state", "Does the error of a rounded state grow with time?",
         "The float model with a part of its state rounded after every token; int16 and int8 with one scale a channel, found "
         "anew each time, where a channel has more than one number.",
         "state", "type", false, "Mamba-PTQ (arXiv 2407.12397), Quamba2 (arXiv 2503.22879)"},
        {"layers", "Sensitivity by layer", "Which layers lose most?",
         "One layer is quantized, the rest is float: W8A8 with naive scales, or weights int4 with one scale a row.",
         "configuration", "layer", false, "Mamba-PTQ (arXiv 2407.12397), KL Lens (arXiv 2604.13440)"},
        {"tensors", "Sensitivity by tensor", "Weights or inputs, and of which linear layer?",
         "One kind of weights or inputs is quantized in all layers and the rest is float; or all is naive W8A8 and one is "
         "float. A tied head is the embedding too.",
         "quantized", "tensor", true, "Mamba-PTQ (arXiv 2407.12397), KL Lens (arXiv 2604.13440)"},
    };
    return list;
}

std::vector<StudyRow> study_rows(const ModelShape &shape, bool tasks) { return Rows(shape).all(tasks); }

bool same_row(const StudyRow &a, const StudyRow &b) {
    const auto key = [](const StudyRow &row) {
        const bool zeroed = row.zeroing.has_value(), rounded = row.state.has_value();
        const Role all = Role::embedding;  // which is no input
        return std::make_tuple(
            row.experiment, row.series, row.at, row.convert, zeroed,
            zeroed ? row.zeroing->role.value_or(all) : all, zeroed ? row.zeroing->sigma : 0,
            zeroed && row.zeroing->random, rounded, rounded ? row.state->part : std::string(),
            rounded ? row.state->type : RoundedType::f32, row.input.value_or(all), row.tasks);
    };
    return key(a) == key(b);
}

}  // namespace adder
