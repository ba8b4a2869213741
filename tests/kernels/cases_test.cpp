// The list of kernels that bench and boards call as well: every table gives scalar's bits, in every form of a call.
// SPDX-License-Identifier: MIT
#include <memory>

#include "kernels/cases.h"
#include "tests/kernels/kernel_test.h"

namespace adder {
namespace {

KernelShape shape_of(uint32_t rows, uint32_t cols, uint32_t tokens, uint32_t forms) {
    KernelShape shape{rows, cols, tokens};
    shape.forms = forms;
    return shape;
}
const KernelShape shapes[] = {shape_of(8, 64, 1, 0),
                              shape_of(40, 192, 3, form_add | form_wide_rows),
                              shape_of(96, 768, 1, form_no_bias | form_one_scale),
                              shape_of(48, 128, 16, form_no_codes),
                              shape_of(136, 64, 2, form_half_state | form_half_scales),
                              shape_of(56, 192, 1, form_half_scales),
                              shape_of(104, 128, 6, form_half_scales | form_add),
                              shape_of(80, 64, 3, form_kept_codes | form_wide_rows),
                              shape_of(72, 64, 5, form_no_gate | form_delta_limits | form_wide_rows),
                              shape_of(88, 64, 3, form_no_gate | form_delta_rule | form_wide_rows)};

// The operands of a call between guard pages.
class GuardedOperands {
  public:
    GuardedOperands(const Operands &operands, Filling filling, Placement placement) {
        for (const Operand &operand : operands) {
            switch (element_size(operand.contents)) {
            case 1: add<int8_t>(operand, filling, placement); break;
            case 2: add<uint16_t>(operand, filling, placement); break;
            default: add<float>(operand, filling, placement); break;
            }
        }
    }
    void *const *pointers() const { return pointers_.data(); }

  private:
    template <typename T>
    void add(const Operand &operand, Filling filling, Placement placement) {
        std::vector<T> values(operand.count);
        if (operand.count > 0)
            fill_operand(operand.contents, filling, operand.count, static_cast<uint32_t>(pointers_.size()),
                         values.data());
        auto guarded = std::make_shared<Guarded<T>>(values, placement);
        pointers_.push_back(guarded->data());
        owned_.push_back(guarded);
    }
    std::vector<std::shared_ptr<void>> owned_;
    std::vector<void *> pointers_;
};

// The bytes of all operands after a call over parts [0, split), then [split, all). All NaNs are one.
using Results = std::vector<std::vector<uint8_t>>;
Results results(const KernelCase &kernel, const KernelTable &table, const KernelShape &shape, Filling filling,
                Placement placement, uint32_t split) {
    const Operands operands = kernel.operands(shape);
    const GuardedOperands guarded(operands, filling, placement);
    kernel.call(table, shape, guarded.pointers(), 0, split);
    kernel.call(table, shape, guarded.pointers(), split, kernel.part_count(shape));
    Results bytes;
    for (size_t i = 0; i < operands.size(); ++i) {
        unite_nans(operands[i].contents, operands[i].count, guarded.pointers()[i]);
        const auto *const first = static_cast<const uint8_t *>(guarded.pointers()[i]);
        bytes.emplace_back(first, first + operands[i].count * element_size(operands[i].contents));
    }
    return bytes;
}

class EveryKernel : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Isa, EveryKernel, testing::ValuesIn(built()), table_name);

TEST_P(EveryKernel, GivesTheBitsOfScalar) {
    for (const KernelCase &kernel : kernel_cases())
        for (const KernelShape &shape : shapes)
            for (Filling filling : all_fillings) {
                if (((kernel.halves && (shape.forms & form_half_state) != 0) ||
                     (kernel.matrix && (shape.forms & form_half_scales) != 0)) &&
                    halves_are_flushed())
                    continue;
                const Results expected = results(kernel, scalar(), shape, filling, Placement::at_end, 0);
                for (Placement placement : all_placements)
                    for (uint32_t split : {0u, kernel.part_count(shape) / 2}) {
                        SCOPED_TRACE(testing::Message()
                                     << kernel.name << ", " << shape.rows << " x " << shape.cols << ", "
                                     << shape.tokens << " tokens, forms " << shape.forms << ", filling "
                                     << static_cast<int>(filling) << ", split " << split);
                        const Results actual = results(kernel, table(), shape, filling, placement, split);
                        for (size_t i = 0; i < expected.size(); ++i)
                            ASSERT_TRUE(expected[i] == actual[i]) << "operand " << i;
                    }
            }
}

// What is declared as written is, all of it and nothing else: the bench counts these bytes.
TEST(KernelCaseList, DeclaresWhatIsWritten) {
    const FloatModeScope mode;
    for (const KernelCase &kernel : kernel_cases())
        for (KernelShape shape : shapes) {
            shape.forms = 0;
            const Operands operands = kernel.operands(shape);
            const GuardedOperands before(operands, Filling::ordinary, Placement::at_end);
            const Results after = results(kernel, scalar(), shape, Filling::ordinary, Placement::at_end, 0);
            for (size_t i = 0; i < operands.size(); ++i) {
                if (operands[i].count == 0) continue;
                const bool changed = memcmp(before.pointers()[i], after[i].data(), after[i].size()) != 0;
                EXPECT_EQ(operands[i].written, changed) << kernel.name << ", operand " << i;
            }
            EXPECT_GT(kernel.work(shape), 0u) << kernel.name;
        }
}

TEST(KernelTables, HaveEveryFunction) {
    for (const KernelTable *table : built()) {
#define ADDER_KERNEL(kernel, type, part, step) EXPECT_NE(table->kernel, nullptr) << table->name;
#include "kernels/kernels.inc"
    }
}

// Each case calls the function of its own name: with all others null it still does what it does.
TEST(KernelCaseList, CallsTheFunctionsThatItNames) {
    const FloatModeScope mode;
    const KernelShape shape = shapes[0];
    size_t i = 0;
#define ADDER_KERNEL(kernel, type, part, step)                                                               \
    {                                                                                                        \
        KernelTable alone{};                                                                                 \
        alone.kernel = scalar().kernel;                                                                      \
        const KernelCase &one = kernel_cases()[i++];                                                         \
        EXPECT_STREQ(one.name, #kernel);                                                                     \
        EXPECT_EQ(results(one, scalar(), shape, Filling::ordinary, Placement::at_end, 0),                    \
                  results(one, alone, shape, Filling::ordinary, Placement::at_end, 0));                      \
    }
#include "kernels/kernels.inc"
    EXPECT_EQ(i, kernel_cases().size());
}

}  // namespace
}  // namespace adder
