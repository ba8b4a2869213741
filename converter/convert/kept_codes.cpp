// Which codes are kept, and what gives way to them.
// SPDX-License-Identifier: MIT
#include "converter/convert/kept_codes.h"

#include <algorithm>

#include "converter/base/error.h"
#include "converter/plan/names.h"
#include "converter/quantize/grid.h"

namespace adder {
namespace {

constexpr uint32_t q4_0_block = 32;

class Keeper {
  public:
    Keeper(const Checkpoint &checkpoint, Plan *plan)
        : checkpoint_(checkpoint), shape_(checkpoint.shape()), plan_(*plan) {}

    std::vector<std::string> run() {
        if (!plan_.tied()) keep(Role::embedding, no_block);
        plan_.each_linear([&](Role role, uint32_t block) { keep(role, block); });
        if (kept_ == 0)
            bad_input("%s has no matrix of Q4_0 whose codes could be kept", checkpoint_.path().c_str());
        plan_.each_input([&](Role role, uint32_t block) { leave_input_alone(role, block); });
        add_note(
            changed_,
            "are Q4_0, but the model is computed with multiples of them, which no binary16 scales, or with their "
            "columns in an order that splits their groups: they are quantized anew");
        add_note(smoothed_, "have inputs whose smoothing would change codes that are kept: it is off");
        add_note(transformed_,
                 "have inputs whose Hadamard transform would change codes that are kept: they have one scale "
                 "a token instead");
        return std::move(notes_);
    }

  private:
    bool is_q4_0(Role role, uint32_t block) const {
        const TensorView *const view = checkpoint_.files().find(checkpoint_.tensor_name(role, block));
        return view != nullptr && view->dtype == DType::q4_0;
    }

    void keep(Role role, uint32_t block) {
        LinearPlan &plan = plan_.of(role, block);
        if (!plan.keep) return;
        plan.keep = false;
        if (!is_q4_0(role, block)) return;
        if (!find_half_grid(checkpoint_.read(role, block), q4_0_block)) {
            changed_.push_back(plan_name(shape_, role, block));
            return;
        }
        plan.keep = true;
        plan.weights = Dtype::int4;
        plan.group = q4_0_block;
        plan.gptq = false;
        ++kept_;
    }

    // Of an input, by the first of those that take it.
    void leave_input_alone(Role owner, uint32_t block) {
        const std::vector<Role> sharers = input_sharers(shape_, owner, block);
        const bool takes = std::any_of(sharers.begin(), sharers.end(),
                                       [&](Role role) { return plan_.of(role, block).keep; });
        const Role maker = input_maker(shape_, owner, block);
        const bool makes = maker != Role::none && is_matrix(maker) && plan_.of(maker, block).keep;
        const LinearPlan &plan = plan_.of(owner, block);
        const bool transformed = takes && plan.input == Input::hadamard;
        const bool smoothed =
            (takes || makes) && has_scale(plan.input) && (plan.alpha > 0 || plan.search_alpha);
        if (transformed) transformed_.push_back(plan_name(shape_, owner, block));
        if (smoothed) smoothed_.push_back(plan_name(shape_, owner, block));
        for (const Role role : sharers) {
            LinearPlan &one = plan_.of(role, block);
            if (transformed) one.input = Input::token;
            if (!smoothed) continue;
            one.alpha = 0;
            one.search_alpha = false;
        }
    }

    void add_note(const std::vector<std::string> &names, const char *what) {
        if (names.empty()) return;
        const std::string more = names.size() > 1 ? format(" and %zu more", names.size() - 1) : "";
        notes_.push_back(names[0] + more + " " + what);
    }

    const Checkpoint &checkpoint_;
    const ModelShape &shape_;
    Plan &plan_;
    size_t kept_ = 0;
    std::vector<std::string> changed_, smoothed_, transformed_, notes_;
};

}  // namespace

std::vector<std::string> keep_codes(const Checkpoint &checkpoint, Plan *plan) {
    return Keeper(checkpoint, plan).run();
}

}  // namespace adder
