// The promise: the same bits for every instruction set, chunk, number of threads, and way of cutting the tokens.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <thread>

#include "kernels/kernels.h"
#include "kernels/scalar/hadamard.h"
#include "runtime/stream.h"
#include "tests/support/families.h"
#include "tests/support/random.h"
#include "tests/support/sample.h"
#include "tests/support/shared.h"
#include "tests/support/stream_source.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace adder::test {
namespace {

// ---- Ways to run the tasks of a session -----------------------------------------------------------------------------

void forwards(void *, adder_task task, void *argument, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) task(argument, i);
}

void backwards(void *, adder_task task, void *argument, uint32_t count) {
    for (uint32_t i = count; i-- > 0;) task(argument, i);
}

// A thread a task, each with a float mode of its own that the library has to replace.
void on_threads(void *, adder_task task, void *argument, uint32_t count) {
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < count; ++i)
        threads.emplace_back([=] {
#if defined(__SSE2__)
            const unsigned mode = i % 2 == 0 ? 0x1f80 : 0x5f80;  // the default; rounding up
            _mm_setcsr(mode);
#endif
            task(argument, i);
#if defined(__SSE2__)
            if ((_mm_getcsr() & ~0x3fu) != mode) abort();
#endif
        });
    for (std::thread &thread : threads) thread.join();
}

// ---- Shapes ---------------------------------------------------------------------------------------------------------

struct Quantized {
    const char *name;
    Recipe recipe;
};

Recipe plain(Dtype weights, bool codes, Granularity granularity = Granularity::row) {
    Recipe recipe;
    recipe.set_weights(weights);
    recipe.set_inputs(codes);
    recipe.set_granularity(granularity);
    return recipe;
}

// Every input that takes one has one scale per token.
Recipe dynamic(Dtype weights) {
    Recipe recipe = plain(weights, true);
    for (Role role : all_linear_roles()) recipe.of(role).input = Input::token;
    return recipe;
}

// Codes of four bits in every input.
Recipe four_bits(Recipe recipe) {
    recipe.set_input_bits(4);
    return recipe;
}

// Linear layers of float weights beside those of codes, of which some share an input.
Recipe mixed(Recipe recipe, std::initializer_list<Role> floats) {
    for (Role role : floats) recipe.of(role).weights = Dtype::f32;
    return recipe;
}

const Quantized recipes[] = {
    {"w8a8row", plain(Dtype::int8, true)},
    {"w8a8tensor", plain(Dtype::int8, true, Granularity::tensor)},
    {"w8f32row", plain(Dtype::int8, false)},
    {"w8f32tensor", plain(Dtype::int8, false, Granularity::tensor)},
    {"f32a8", plain(Dtype::f32, true)},
    {"f32f32", plain(Dtype::f32, false)},
    {"w4a8", plain(Dtype::int4, true)},
    {"w4f32", plain(Dtype::int4, false)},
    {"w8token", dynamic(Dtype::int8)},
    {"w4token", dynamic(Dtype::int4)},
    {"f32token", dynamic(Dtype::f32)},
    {"smooth", recipe_named("smooth")},
    {"best", recipe_named("best")},
    {"small", recipe_named("small")},
    {"static", recipe_named("static")},
    {"w8a4", four_bits(plain(Dtype::int8, true))},
    {"w4a4token", four_bits(dynamic(Dtype::int4))},
    {"f32a4", four_bits(plain(Dtype::f32, true))},
    {"static4", four_bits(recipe_named("static"))},
    {"smallest", recipe_named("smallest")},
    {"mixed8", mixed(plain(Dtype::int8, true), {Role::bcdt_proj, Role::dt_proj, Role::out_proj})},
    {"mixedtoken", mixed(dynamic(Dtype::int4), {Role::in_proj, Role::x_proj})},
};

// Larger weights and longer steps than those of a fresh model: else the scan's part in the logits is lost in rounding,
// and so would be its mistakes.
void make_lively(BlobSpec &spec) {
    spec.checkpoint.scale = 0.6f;
    spec.checkpoint.edit = [](const std::string &name, std::vector<float> &values) {
        if (name.find("dt_proj.bias") == std::string::npos && name.find("dt_bias") == std::string::npos)
            return;
        for (float &value : values) value += 4;
    };
}

BlobSpec spec_of(const TinyModel &shape, const Recipe &recipe) {
    BlobSpec spec;
    spec.checkpoint.config = shape.config;
    spec.state = shape.state;
    spec.cache = shape.cache;
    make_lively(spec);
    spec.recipe = recipe;
    // The Hadamard transform takes blocks of 64.
    Input &input = spec.recipe.of(Role::out_proj).input;
    if (input == Input::hadamard && shape.config.d_inner % hadamard_size != 0) input = Input::fixed;
    return spec;
}

// Logits after each token, token by token, and the state after the last.
struct Expected {
    std::vector<std::vector<float>> logits;
    std::vector<uint8_t> state;
};

Expected step_by_step(const AlignedBytes &blob, const Tokens &tokens, const char *isa) {
    adder_options options{};
    options.isa = isa;
    options.chunk = 1;
    TestSession session(blob, options);
    Expected expected;
    for (const int32_t token : tokens) expected.logits.push_back(session.step(token));
    expected.state = session.state();
    return expected;
}

bool same_bits(const std::vector<float> &a, const float *b) {
    return std::memcmp(a.data(), b, a.size() * sizeof(float)) == 0;
}

// What was begun, to its end; the logits of a step.
const float *finish(adder_session *session) {
    float *logits = nullptr;
    for (uint32_t left = adder_slices_left(session); left > 0; --left) {
        EXPECT_EQ(adder_slices_left(session), left);
        EXPECT_EQ(adder_continue(session, &logits), left > 1 ? ADDER_MORE : ADDER_OK);
        EXPECT_TRUE(left == 1 || logits == nullptr);
    }
    EXPECT_EQ(adder_slices_left(session), 0u);
    return logits;
}

// One session on the tokens: cut into calls at random places, some fed, some scored, some stepped, whole or in slices.
void expect_same(TestSession &session, const Tokens &tokens, const Expected &expected,
                 const adder_options &options, uint64_t seed) {
    struct Check {
        const Expected *expected;
        size_t base, calls, wrong;
        static void take(void *context, size_t index, const float *logits) {
            Check &check = *static_cast<Check *>(context);
            check.wrong +=
                index != check.calls++ || !same_bits(check.expected->logits[check.base + index], logits);
        }
    };
    for (size_t done = 0; done < tokens.size();) {
        const size_t left = tokens.size() - done;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const size_t n = 1 + static_cast<size_t>(seed >> 40) % left,
                     kind = static_cast<size_t>(seed >> 33) % 6;
        if (kind == 5) {
            ASSERT_EQ(adder_step_begin(session.get(), tokens[done]), ADDER_OK);
            const float *logits = finish(session.get());
            ASSERT_TRUE(same_bits(expected.logits[done], logits)) << "step in slices at " << done;
            done += 1;
        } else if (kind == 4) {
            const size_t chunk = std::min<size_t>(n, options.chunk == 0 ? 16 : options.chunk);
            ASSERT_EQ(adder_feed_begin(session.get(), tokens.data() + done, chunk), ADDER_OK);
            finish(session.get());
            done += chunk;
        } else if (kind == 0) {
            const std::vector<float> logits = session.step(tokens[done]);
            ASSERT_TRUE(same_bits(logits, expected.logits[done].data())) << "step at " << done;
            done += 1;
        } else if (kind == 1) {
            Check check{&expected, done, 0, 0};
            ASSERT_EQ(adder_score(session.get(), tokens.data() + done, n, Check::take, &check), ADDER_OK);
            ASSERT_EQ(check.calls, n);
            ASSERT_EQ(check.wrong, 0u) << "scored from " << done;
            done += n;
        } else {
            ASSERT_EQ(adder_feed(session.get(), tokens.data() + done, n), ADDER_OK);
            done += n;
        }
        ASSERT_EQ(adder_session_position(session.get()), done);
    }
    ASSERT_EQ(session.state(), expected.state);
}

void expect_same(const AlignedBytes &blob, const Tokens &tokens, const Expected &expected,
                 const adder_options &options, uint64_t seed) {
    TestSession session(blob, options);
    expect_same(session, tokens, expected, options, seed);
}

// All combinations for one blob.
void expect_same_everywhere(const AlignedBytes &blob, size_t longest, const std::vector<uint32_t> &chunks,
                            uint32_t vocab_size) {
    const Tokens all = random_tokens(longest, vocab_size, 3);
    const Expected whole = step_by_step(blob, all, "scalar");
    for (const auto &row : whole.logits)
        for (const float value : row) ASSERT_TRUE(std::isfinite(value));
    uint64_t seed = 1;
    Sample sample(11, blob.size() / 64);
    for (const char *isa : usable_isas()) {
        SCOPED_TRACE(isa);
        const Expected again = step_by_step(blob, all, isa);
        ASSERT_EQ(again.state, whole.state);
        for (size_t t = 0; t < longest; ++t)
            ASSERT_TRUE(same_bits(again.logits[t], whole.logits[t].data())) << t;
        for (const uint32_t chunk : chunks)
            for (const uint32_t threads : {1u, 2u, 3u, 8u}) {
                if (!sample.takes()) continue;
                SCOPED_TRACE("chunk " + std::to_string(chunk) + ", threads " + std::to_string(threads));
                const adder_parallel_for run = threads == 2 ? backwards : threads == 3 ? forwards : backwards;
                const adder_options options{
                    chunk, 1 + static_cast<uint32_t>(seed % chunk), threads, 1, run, nullptr, isa, 0, 0, {}};
                ASSERT_NO_FATAL_FAILURE(expect_same(blob, all, whole, options, ++seed));
            }
    }
}

// Some thousands of them are listed whenever the program starts: no copies, and a short text.
struct Combination {
    const TinyModel *shape;
    const Quantized *recipe;
};

// What keeps halves has them in its name: qemu's Haswell leaves it out (tests/emulation.cmake).
std::string name_of(const Combination &one) {
    const bool halves = one.shape->state == StateType::f16 || one.shape->cache == StateType::f16;
    return std::string(one.shape->name) + (halves ? "_halves_" : "_") + one.recipe->name;
}

void PrintTo(const Combination &one, std::ostream *out) { *out << name_of(one); }

// Each shape with each recipe; of a sample, each with every third.
std::vector<Combination> combinations() {
    static_assert(std::size(recipes) % 3 != 0, "else a sample would leave recipes out");
    std::vector<Combination> all;
    Sample sample(3);
    for (const TestFamily &family : test_families())
        for (const TinyModel &shape : family.tiny)
            for (const Quantized &recipe : recipes)
                if (sample.takes()) all.push_back({&shape, &recipe});
    return all;
}

class SessionBits : public testing::TestWithParam<Combination> {
  protected:
    const TinyModel &shape = *GetParam().shape;
    const AlignedBytes blob = build_blob(spec_of(shape, GetParam().recipe->recipe));
};

TEST_P(SessionBits, AreTheSameEverywhere) {
    expect_same_everywhere(blob, 70, {1, 2, 3, 7, 16, 64}, shape.config.vocab_size);
}

TEST_P(SessionBits, AreTheSameForEveryPromptLength) {
    const Tokens all = random_tokens(70, shape.config.vocab_size, 5);
    adder_options options{};
    TestSession stepped(blob, options);
    Sample sample(5);
    for (size_t n = 1; n <= all.size(); ++n) {
        stepped.step(all[n - 1]);
        if (!sample.takes()) continue;
        TestSession fed(blob, options);
        ASSERT_EQ(adder_feed(fed.get(), all.data(), n), ADDER_OK);
        ASSERT_EQ(fed.state(), stepped.state()) << n << " tokens";
    }
}

TEST_P(SessionBits, AreTheSameOnRealThreads) {
    const Tokens tokens = random_tokens(6, shape.config.vocab_size, 5);
    const Expected expected = step_by_step(blob, tokens, "scalar");
    for (const uint32_t threads : {2u, 8u}) {
        const adder_options options{4, 2, threads, 1, on_threads, nullptr, nullptr, 0, 0, {}};
        ASSERT_NO_FATAL_FAILURE(expect_same(blob, tokens, expected, options, threads));
    }
}

// A blob behind callbacks, through the least buffer that there can be and through a larger one.
TEST_P(SessionBits, AreTheSameFromAStream) {
    const Tokens tokens = random_tokens(20, shape.config.vocab_size, 5);
    const Expected expected = step_by_step(blob, tokens, "scalar");
    StreamSource at_once(blob), ahead(blob, true);
    const uint32_t least = stream_least_buffer(*model_of(TestSession(at_once.get()).model()));
    uint64_t seed = 1;
    Sample sample(5);
    for (const char *isa : usable_isas())
        for (StreamSource *source : {&at_once, &ahead})
            for (const uint32_t buffer : {least, 3 * least, 0u})
                for (const uint32_t chunk : {1u, 5u}) {
                    if (!sample.takes()) continue;
                    SCOPED_TRACE(std::string(isa) + ", buffer " + std::to_string(buffer));
                    const uint32_t threads = 1 + static_cast<uint32_t>(seed % 3);
                    const adder_options options{chunk,   chunk, threads, 1, backwards,
                                                nullptr, isa,   buffer,  0, {}};
                    TestSession session(source->get(), options);
                    ASSERT_NO_FATAL_FAILURE(expect_same(session, tokens, expected, options, ++seed));
                }
}

// Several sessions, each with tokens of its own: some of them at a time, in any order, some stepped alone in between.
TEST_P(SessionBits, AreTheSameForManyAtOnce) {
    constexpr size_t all = 4, length = 8;
    std::vector<Tokens> tokens;
    std::vector<Expected> expected;
    for (size_t i = 0; i < all; ++i) {
        tokens.push_back(random_tokens(length, shape.config.vocab_size, 50 + i));
        expected.push_back(step_by_step(blob, tokens[i], "scalar"));
    }
    SplitMix random(9);
    Sample sample(3);
    for (const char *isa : usable_isas())
        for (const uint32_t threads : {1u, 3u}) {
            if (!sample.takes()) continue;
            SCOPED_TRACE(std::string(isa) + ", threads " + std::to_string(threads));
            const adder_options options{all, all, threads, 1, backwards, nullptr, isa, 0, 0, {}};
            std::vector<std::unique_ptr<TestSession>> sessions;
            std::vector<size_t> order(all);
            for (size_t i = 0; i < all; ++i) {
                sessions.push_back(std::make_unique<TestSession>(blob, options));
                order[i] = i;
            }
            const auto place = [&](size_t i) { return adder_session_position(sessions[i]->get()); };
            for (;;) {
                for (size_t i = all; i-- > 1;) std::swap(order[i], order[random.below(i + 1)]);
                std::vector<size_t> taken;
                for (const size_t i : order)
                    if (place(i) < length && random.below(4) != 0) taken.push_back(i);
                if (std::all_of(order.begin(), order.end(), [&](size_t i) { return place(i) == length; }))
                    break;
                if (taken.empty()) continue;
                if (taken.size() == 1) {
                    sessions[taken[0]]->step(tokens[taken[0]][place(taken[0])]);
                    continue;
                }
                std::vector<adder_session *> many;
                Tokens next;
                for (const size_t i : taken) {
                    many.push_back(sessions[i]->get());
                    next.push_back(tokens[i][place(i)]);
                }
                std::vector<float *> logits(taken.size());
                ASSERT_EQ(adder_step_many(many.data(), next.data(), static_cast<uint32_t>(many.size()),
                                          logits.data(), nullptr),
                          ADDER_OK);
                for (size_t k = 0; k < taken.size(); ++k)
                    ASSERT_TRUE(same_bits(expected[taken[k]].logits[place(taken[k]) - 1], logits[k]))
                        << taken.size() << " sessions, " << k << " of them after " << place(taken[k]);
            }
            for (size_t i = 0; i < all; ++i) ASSERT_EQ(sessions[i]->state(), expected[i].state) << i;
        }
}

TEST_P(SessionBits, SelftestPassesOnEveryIsa) {
    for (const char *isa : usable_isas()) {
        adder_options options{};
        options.isa = isa;
        TestSession session(blob, options);
        EXPECT_STREQ(adder_session_isa(session.get()), isa);
        session.step(1);
        EXPECT_EQ(adder_selftest(session.get(), nullptr), ADDER_OK) << isa;
        EXPECT_EQ(adder_session_position(session.get()), 0u);
        EXPECT_EQ(session.state(), TestSession(blob).state());
    }
}

INSTANTIATE_TEST_SUITE_P(Shapes, SessionBits, testing::ValuesIn(combinations()),
                         [](const auto &test) { return name_of(test.param); });

// The limit is read from the blob: with it changed and nothing else, codes above 7 are clamped.
TEST(Session, InputsOfFourBitsAreClampedToSeven) {
    for (const Recipe &recipe : {plain(Dtype::int8, true), dynamic(Dtype::int8), recipe_named("static")}) {
        TinyModel shape = {"static", sized(40, 64, 8, 3, 251, false, false, true)};
        shape.config.dt_rank = 5;
        BlobSpec spec = spec_of(shape, recipe);
        AlignedBytes blob = build_blob(spec);
        for (uint32_t i = 0; i < header_of(blob).tensor_count; ++i) {
            AlignedBytes narrow = blob;
            BlobTensor &tensor = tensors_of(narrow)[i];
            if (tensor.input_bits == 0) continue;
            ASSERT_EQ(tensor.input_bits, 8);
            tensor.input_bits = 4;
            fix_checksums(narrow);
            const auto logits = [](const AlignedBytes &one) {
                TestSession session(one);
                const Tokens tokens = random_tokens(30, 251, 5);
                EXPECT_EQ(adder_feed(session.get(), tokens.data(), tokens.size()), ADDER_OK);
                return session.step(1);
            };
            EXPECT_TRUE(logits(blob) != logits(narrow)) << "tensor " << i << ", input " << int{tensor.input};
        }
    }
}

// Counts the tasks of a session's jobs, and runs them.
struct TaskCounts {
    size_t jobs = 0;
    uint32_t least = UINT32_MAX, most = 0;
    static void run(void *context, adder_task task, void *argument, uint32_t count) {
        TaskCounts &counts = *static_cast<TaskCounts *>(context);
        ++counts.jobs;
        counts.least = std::min(counts.least, count);
        counts.most = std::max(counts.most, count);
        backwards(nullptr, task, argument, count);
    }
};

// What is less than two parts' work never reaches parallel_for.
TEST(Session, WorkIsNotCutIntoPartsTooSmallForAThread) {
    TinyModel shape = {"wide", sized(64, 128, 8, 4, 251, true, false, true)};
    shape.config.dt_rank = 5;
    const AlignedBytes blob = build_blob(spec_of(shape, plain(Dtype::int8, true)));
    const Tokens tokens = random_tokens(40, shape.config.vocab_size, 5);
    const Expected expected = step_by_step(blob, tokens, "scalar");
    for (const char *isa : usable_isas()) {
        SCOPED_TRACE(isa);
        const auto counts_with = [&](uint32_t least_part) {
            TaskCounts counts;
            const adder_options options{8, 1, 4, least_part, TaskCounts::run, &counts, isa, 0, 0, {}};
            expect_same(blob, tokens, expected, options, 7);
            return counts;
        };
        const TaskCounts all = counts_with(1);
        EXPECT_EQ(all.least, 4u);
        const TaskCounts some = counts_with(5000);
        EXPECT_GT(some.jobs, 0u);
        EXPECT_LT(some.jobs, all.jobs);
        EXPECT_GE(some.least, 2u);
        EXPECT_LT(some.least, 4u);
        EXPECT_EQ(some.most, 4u);
        EXPECT_EQ(counts_with(UINT32_MAX).jobs, 0u);
        const TaskCounts usual = counts_with(0), named = counts_with(kernels_find(isa)->least_part);
        EXPECT_EQ(usual.jobs, named.jobs);
        EXPECT_LT(usual.jobs, all.jobs);
    }
}

class ModelBits : public testing::TestWithParam<const char *> {};

TEST_P(ModelBits, AreTheSameEverywhere) {
    BlobSpec spec;
    spec.directory = model_directory(GetParam());
    if (spec.directory.empty()) GTEST_SKIP() << shared_missing;
    const AlignedBytes blob = build_blob(spec);
    const TestSession session(blob);
    EXPECT_EQ(adder_selftest(session.get(), nullptr), ADDER_OK);
    const bool large = session.info().d_model > 200;
    expect_same_everywhere(blob, large ? 20 : 33,
                           large ? std::vector<uint32_t>{1, 16} : std::vector<uint32_t>{1, 7, 16},
                           session.info().vocab_size);
}

INSTANTIATE_TEST_SUITE_P(Models, ModelBits,
                         testing::Values("conformance/mamba", "conformance/mamba_untied_odd", "adder-1m-int4",
                                         "adder-13m"),
                         [](const auto &test) {
                             std::string name = test.param;
                             for (char &c : name)
                                 if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                             return name;
                         });

// ---- The self-test --------------------------------------------------------------------------------------------------

TEST(Session, SelftestSeesAChangedWeight) {
    BlobSpec spec;
    make_lively(spec);
    AlignedBytes blob = build_blob(spec);
    const BlobTensor *tensors = tensors_of(blob);
    for (uint32_t i = 0; i < header_of(blob).tensor_count; ++i) {
        const BlobTensor tensor = tensors[i];
        AlignedBytes changed = blob;
        uint8_t *const weights = changed.data() + tensor.offset;
        for (size_t k = 0; k < tensor.size; ++k)  // of floats the exponent, of codes the sign
            if (tensor.dtype == 1 || k % 4 == 3)
                weights[k] = static_cast<uint8_t>(weights[k] ^ (tensor.dtype == 1 ? 0x40 : 0x02));
        TestSession session(changed);  // opens: the metadata is right
        adder_error error{};
        EXPECT_EQ(adder_selftest(session.get(), &error), ADDER_ERROR_SELFTEST)
            << "tensor " << i << ", role " << tensor.role;
        EXPECT_NE(error.found, error.needed);
        EXPECT_EQ(adder_session_position(session.get()), 0u);
    }
}

TEST(Session, SelftestNeedsAGoldenCase) {
    AlignedBytes blob = build_blob(BlobSpec());
    ASSERT_EQ(sections_of(blob)[0].kind, section_golden);
    sections_of(blob)[0].kind = 77;
    fix_checksums(blob);
    TestSession session(blob);
    EXPECT_EQ(adder_selftest(session.get(), nullptr), ADDER_ERROR_UNSUPPORTED);
}

}  // namespace
}  // namespace adder::test
