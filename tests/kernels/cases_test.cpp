// The list of kernels that the bench times: every function of the table is on it, and every table gives scalar's bits.
// SPDX-License-Identifier: MIT
#include <cstddef>
#include <memory>

#include "converter/bench/kernel_cases.h"
#include "tests/kernels/kernel_test.h"

namespace adder {
namespace {

constexpr KernelShape shapes[] = {{8, 64, 1}, {40, 192, 3}, {96, 768, 1}, {48, 128, 16}};

// The operands of a call between guard pages.
class GuardedOperands {
  public:
    GuardedOperands(const std::vector<Operand> &operands, Placement placement) {
        for (size_t i = 0; i < operands.size(); ++i) {
            const size_t size = element_size(operands[i].contents);
            switch (size) {
            case 1: add<int8_t>(operands[i], placement); break;
            case 2: add<uint16_t>(operands[i], placement); break;
            default: add<float>(operands[i], placement); break;
            }
        }
    }
    void *const *pointers() const { return pointers_.data(); }

  private:
    template <typename T>
    void add(const Operand &operand, Placement placement) {
        std::vector<T> values(operand.count);
        if (operand.count > 0)
            fill_operand(operand.contents, operand.count, static_cast<uint32_t>(pointers_.size()),
                         values.data());
        auto guarded = std::make_shared<Guarded<T>>(values, placement);
        pointers_.push_back(guarded->data());
        owned_.push_back(guarded);
    }
    std::vector<std::shared_ptr<void>> owned_;
    std::vector<void *> pointers_;
};

// The bytes of all operands after a call over parts [0, split), then [split, all).
std::vector<std::vector<uint8_t>> results(const KernelCase &kernel, const KernelTable &table,
                                          const KernelShape &shape, Placement placement, uint32_t split) {
    const std::vector<Operand> operands = kernel.operands(shape);
    const GuardedOperands guarded(operands, placement);
    kernel.call(table, shape, guarded.pointers(), 0, split);
    kernel.call(table, shape, guarded.pointers(), split, kernel.part_count(shape));
    std::vector<std::vector<uint8_t>> bytes;
    for (size_t i = 0; i < operands.size(); ++i) {
        const auto *const first = static_cast<const uint8_t *>(guarded.pointers()[i]);
        bytes.emplace_back(first, first + operands[i].count * element_size(operands[i].contents));
    }
    return bytes;
}

class KernelCases : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Isa, KernelCases, testing::ValuesIn(built()), table_name);

TEST_P(KernelCases, GiveTheBitsOfScalar) {
    for (const KernelCase &kernel : kernel_cases())
        for (const KernelShape &shape : shapes)
            for (Placement placement : all_placements)
                for (uint32_t split : {0u, kernel.part_count(shape) / 2}) {
                    SCOPED_TRACE(testing::Message()
                                 << kernel.name << ", " << shape.rows << " x " << shape.cols << ", "
                                 << shape.tokens << " tokens, split " << split);
                    const auto expected = results(kernel, scalar(), shape, Placement::at_end, 0);
                    const auto actual = results(kernel, table(), shape, placement, split);
                    for (size_t i = 0; i < expected.size(); ++i)
                        ASSERT_TRUE(expected[i] == actual[i]) << "operand " << i;
                }
}

// What is declared as written is, all of it and nothing else: the bench counts these bytes.
TEST(KernelCaseList, DeclaresWhatIsWritten) {
    const FloatModeScope mode;
    for (const KernelCase &kernel : kernel_cases())
        for (const KernelShape &shape : shapes) {
            const std::vector<Operand> operands = kernel.operands(shape);
            const GuardedOperands before(operands, Placement::at_end);
            const auto after = results(kernel, scalar(), shape, Placement::at_end, 0);
            for (size_t i = 0; i < operands.size(); ++i) {
                if (operands[i].count == 0) continue;
                const bool changed = memcmp(before.pointers()[i], after[i].data(), after[i].size()) != 0;
                EXPECT_EQ(operands[i].written, changed) << kernel.name << ", operand " << i;
            }
            EXPECT_GT(kernel.work(shape), 0) << kernel.name;
        }
}

// Each case calls the function of its own position in the table, so that none is missing: with null in its place the call
// would end the program.
TEST(KernelTables, HaveEveryFunction) {
    for (const KernelTable *table : built()) {
        const size_t first = offsetof(KernelTable, usable);
        for (size_t offset = first; offset < sizeof *table; offset += sizeof(void (*)())) {
            void (*function)();
            memcpy(&function, reinterpret_cast<const unsigned char *>(table) + offset, sizeof function);
            EXPECT_NE(function, nullptr)
                << table->name << ", function " << (offset - first) / sizeof function;
        }
    }
}

TEST(KernelCaseList, HasEveryFunctionOfTheTable) {
    using Function = void (*)();
    constexpr size_t first = offsetof(KernelTable, matmul_q8);
    constexpr size_t functions = (sizeof(KernelTable) - first) / sizeof(Function);
    ASSERT_EQ(kernel_cases().size(), functions);
    for (size_t i = 0; i < functions; ++i) {
        alignas(KernelTable) unsigned char bytes[sizeof(KernelTable)] = {};
        const size_t offset = first + i * sizeof(Function);
        memcpy(bytes + offset, reinterpret_cast<const unsigned char *>(&scalar()) + offset, sizeof(Function));
        KernelTable alone;
        memcpy(&alone, bytes, sizeof alone);
        const KernelShape shape = {8, 64, 1};
        const KernelCase &kernel = kernel_cases()[i];
        const FloatModeScope mode;
        const auto expected = results(kernel, scalar(), shape, Placement::at_end, 0);
        EXPECT_EQ(expected, results(kernel, alone, shape, Placement::at_end, 0)) << kernel.name;
    }
}

}  // namespace
}  // namespace adder
