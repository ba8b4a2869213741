// The choice of the instruction set: by option, by the environment, by the CPU.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "kernels/kernels.h"
#include "tests/support/blob_builder.h"

namespace adder::test {
namespace {

// The environment without a variable, until the end of the scope.
class WithoutVariable {
  public:
    explicit WithoutVariable(const char *name) : name_(name) {
        if (const char *value = std::getenv(name)) {
            value_ = value;
            was_set_ = true;
        }
        unsetenv(name);
    }
    ~WithoutVariable() { was_set_ ? setenv(name_, value_.c_str(), 1) : unsetenv(name_); }
    WithoutVariable(const WithoutVariable &) = delete;
    WithoutVariable &operator=(const WithoutVariable &) = delete;

  private:
    const char *name_;
    std::string value_;
    bool was_set_ = false;
};

// Whoever knows the CPU, as he does who has it emulated, says which kernels it should get.
TEST(Isa, TheCpuGetsTheKernelsExpectedOfIt) {
    const char *expected = std::getenv("ADDER_EXPECT_ISA");
    if (expected == nullptr) GTEST_SKIP() << "ADDER_EXPECT_ISA names none";
    EXPECT_STREQ(kernels_best()->name, expected);
}

// ADDER_ISA decides where the options do not, and is never passed over.
TEST(Isa, TheEnvironmentChooses) {
    const AlignedBytes blob = build_blob(BlobSpec());
    adder_model model;
    ASSERT_EQ(adder_model_open(&model, blob.data(), blob.size(), nullptr), ADDER_OK);
    AlignedBytes arena(adder_arena_size(&model, nullptr));
    adder_session *session = nullptr;
    const auto init = [&](const char *isa, adder_error *error) {
        adder_options options{};
        options.isa = isa;
        return adder_session_init(&session, &model, &options, arena.data(), arena.size(), error);
    };
    const WithoutVariable environment("ADDER_ISA");
    ASSERT_EQ(init(nullptr, nullptr), ADDER_OK);
    const std::string best = adder_session_isa(session);
    EXPECT_EQ(best, usable_isas().back());
    for (const char *isa : usable_isas()) {
        setenv("ADDER_ISA", isa, 1);
        ASSERT_EQ(init(nullptr, nullptr), ADDER_OK);
        EXPECT_STREQ(adder_session_isa(session), isa);
    }
    setenv("ADDER_ISA", "", 1);  // as if not set
    ASSERT_EQ(init(nullptr, nullptr), ADDER_OK);
    EXPECT_EQ(best, adder_session_isa(session));

    setenv("ADDER_ISA", "pdp-11", 1);
    adder_error error{};
    EXPECT_EQ(init(nullptr, &error), ADDER_ERROR_ISA);
    EXPECT_EQ(session, nullptr);
    char text[256];
    adder_error_text(&error, text, sizeof text);
    EXPECT_NE(std::strstr(text, "pdp-11 (from ADDER_ISA); usable here: scalar"), nullptr) << text;
    for (const char *isa : usable_isas()) EXPECT_NE(std::strstr(text, isa), nullptr) << text;
    ASSERT_EQ(init("scalar", nullptr), ADDER_OK);  // the option wins
    EXPECT_STREQ(adder_session_isa(session), "scalar");
}

}  // namespace
}  // namespace adder::test
