// docs/memory.md against the library: its formulas, its table of models, and the stack that calls use.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <ucontext.h>

#include <cctype>
#include <cstring>
#include <map>

#include "converter/convert/stack_bounds.h"
#include "runtime/arena.h"
#include "runtime/model.h"
#include "runtime/session.h"
#include "runtime/stream.h"
#include "tests/support/stream_source.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

using Variables = std::map<std::string, uint64_t>;

// Sums, differences and products of numbers, variables, parentheses and r8(...).
class Formula {
  public:
    Formula(const std::string &text, const Variables &variables) : at_(text.c_str()), variables_(variables) {}
    uint64_t value() {
        const uint64_t result = sum();
        if (*at_ != '\0') throw std::runtime_error(std::string("formula: cannot read ") + at_);
        return result;
    }

  private:
    bool take(char c) {
        while (*at_ == ' ') ++at_;
        if (*at_ != c) return false;
        ++at_;
        return true;
    }
    uint64_t sum() {
        uint64_t result = product();
        for (;;) {
            if (take('+'))
                result += product();
            else if (take('-'))
                result -= product();
            else
                return result;
        }
    }
    uint64_t product() {
        uint64_t result = factor();
        while (take('*')) result *= factor();
        return result;
    }
    uint64_t factor() {
        if (take('(')) {
            const uint64_t result = sum();
            if (!take(')')) throw std::runtime_error("formula: a parenthesis is missing");
            return result;
        }
        std::string name;
        while (std::isalnum(static_cast<unsigned char>(*at_)) || *at_ == '_') name += *at_++;
        if (name == "r8") return (factor() + 7) / 8 * 8;
        if (name == "r64") return (factor() + 63) / 64;
        if (!name.empty() && std::isdigit(static_cast<unsigned char>(name[0]))) return std::stoull(name);
        return variables_.at(name);
    }
    const char *at_;
    const Variables &variables_;
};

std::string trimmed(const std::string &text) {
    const size_t first = text.find_first_not_of(" `"), last = text.find_last_not_of(" `");
    return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

// The rows of the table whose header begins with `| first |`, as cells.
std::vector<std::vector<std::string>> table(const std::string &first) {
    const std::string page = read_text(std::string(ADDER_SOURCE_DIR) + "/docs/memory.md");
    std::vector<std::vector<std::string>> rows;
    size_t at = page.find("\n| " + first + " |");
    for (int line = 0; at != std::string::npos && page[at + 1] == '|'; ++line) {
        const size_t end = page.find('\n', at + 1);
        std::vector<std::string> cells;
        for (size_t bar = at + 1; bar + 1 < end;) {
            const size_t next = page.find('|', bar + 1);
            cells.push_back(trimmed(page.substr(bar + 1, next - bar - 1)));
            bar = next;
        }
        if (line >= 2) rows.push_back(cells);
        at = end;
    }
    return rows;
}

// A model of a shape, without a blob behind it: enough to ask for sizes.
class ModelOfShape {
  public:
    ModelOfShape(const Variables &v, bool codes, bool float_weights) {
        const auto number = [&](const char *name) { return static_cast<uint32_t>(v.at(name)); };
        header_.flags = blob_tied_head;
        Model m{};
        m.header = &header_;
        m.shape = make_shape(number("d_model"), number("n_layer"), number("vocab_size"), number("d_inner"),
                             number("d_state"), number("d_conv"), number("dt_rank"));
        m.code_inputs = codes;
        m.float_weights = float_weights;
        std::memcpy(&model_, &m, sizeof m);
    }
    const adder_model *get() const { return &model_; }

  private:
    BlobHeader header_{};
    adder_model model_{};
};

// The page counts with pointers of 8 bytes, and says by how much less a session is where they have 4.
constexpr uint64_t of_small_pointers = sizeof(void *) == 4 ? 192 - 128 : 0;

uint64_t arena_by_formulas(const Variables &variables, bool codes, bool float_weights) {
    uint64_t total = 0;
    for (const auto &row : table("region")) {
        const bool needs_codes = row[2].find("codes") != std::string::npos;
        const bool needs_floats = row[2].find("float weights") != std::string::npos;
        if ((needs_codes && !codes) || (needs_floats && !float_weights)) continue;
        total += (Formula(row[1], variables).value() + 63) / 64 * 64;
    }
    return total - of_small_pointers;
}

// What the library says of a size that size_t cannot hold.
size_t or_0(uint64_t size) { return size <= SIZE_MAX ? static_cast<size_t>(size) : 0; }

TEST(Memory, ArenaHasTheSizeThatTheFormulasGive) {
    ASSERT_EQ(table("region").size(), 14u);
    static_assert(ADDER_SESSION_BYTES == 192 - of_small_pointers, "as docs/memory.md says");
    uint64_t seed = 1;
    const auto draw = [&seed](uint64_t most) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const uint64_t bits = (seed >> 20) % 20;  // small numbers as often as large ones
        return 1 + (seed >> 40) % std::min<uint64_t>(most, uint64_t{1} << bits);
    };
    for (int run = 0; run < 300; ++run) {
        Variables v{{"d_model", draw(max_d_model)},       {"n_layer", draw(max_n_layer)},
                    {"vocab_size", draw(max_vocab_size)}, {"d_inner", draw(max_d_inner)},
                    {"d_state", draw(max_d_state)},       {"d_conv", draw(max_d_conv)},
                    {"dt_rank", draw(max_dt_rank)},       {"chunk", draw(max_chunk)}};
        v["logit_rows"] = draw(v["chunk"]);
        adder_options options{};
        options.chunk = static_cast<uint32_t>(v["chunk"]);
        options.logit_rows = static_cast<uint32_t>(v["logit_rows"]);
        for (const bool codes : {false, true})
            for (const bool float_weights : {false, true}) {
                const ModelOfShape model(v, codes, float_weights);
                ASSERT_EQ(adder_arena_size(model.get(), &options),
                          or_0(arena_by_formulas(v, codes, float_weights)));
                ASSERT_EQ(
                    adder_state_size(model.get()),
                    or_0(64 + Formula("4 * n_layer * r8(d_inner) * (d_conv - 1 + d_state)", v).value()));
            }
    }
}

TEST(Memory, AStreamedModelHasTheSizesThatTheFormulasGive) {
    static_assert(sizeof(void *) != 8 || (sizeof(StreamReader) + 63) / 64 * 64 == 192,
                  "as docs/memory.md says");
    ASSERT_EQ(table("streamed").size(), 2u);
    ASSERT_EQ(table("part").size(), 7u);
    const uint32_t shapes[][5] = {
        // d_model, d_inner, d_state, d_conv, dt_rank: another part is largest in each
        {16, 32, 4, 4, 1},
        {300, 24, 8, 4, 3},
        {8, 24, 40, 3, 2},
        {8, 8, 1, 40, 1},
        {8, 8, 2, 2, 70}};
    for (const auto &shape : shapes) {
        BlobSpec spec;
        spec.recipe = recipe_named("best");
        ModelConfig &c = spec.checkpoint.config;
        c.d_model = shape[0], c.d_inner = shape[1], c.d_state = shape[2], c.d_conv = shape[3];
        c.dt_rank = shape[4];
        const AlignedBytes blob = build_blob(spec);
        Variables v{{"d_model", c.d_model},
                    {"d_inner", c.d_inner},
                    {"d_state", c.d_state},
                    {"d_conv", c.d_conv},
                    {"dt_rank", c.dt_rank}};
        uint64_t least = 0;
        for (const auto &row : table("part")) least = std::max(least, Formula(row[1], v).value());
        for (const bool ahead : {false, true}) {
            const StreamSource source(blob, ahead);
            adder_options options{};
            options.stream_buffer = static_cast<uint32_t>(least);
            const TestSession session(source.get(), options), in_memory(blob);
            EXPECT_EQ(stream_least_buffer(*model_of(session.model())), least);
            v["stream_buffer"] = least;
            v["buffers"] = ahead ? 2 : 1;
            uint64_t size = adder_arena_size(in_memory.model(), nullptr);
            for (const auto &row : table("streamed")) size += Formula(row[1], v).value();
            EXPECT_EQ(adder_arena_size(session.model(), &options) + (sizeof(void *) == 4 ? 192 - 128 : 0),
                      size);
        }
    }
}

// Header, tables, weights and scales by row, as the converter lays them out (one section table for the golden case).
uint64_t blob_bytes(const Variables &v) {
    const ModelOfShape model(v, true, false);
    const Shape &shape = model_of(model.get())->shape;
    const auto align = [](uint64_t n) { return (n + 63) / 64 * 64; };
    const uint64_t tensors = tensor_count(blob_tied_head, shape.n_layer);
    uint64_t total = align(sizeof(BlobHeader) + tensors * sizeof(BlobTensor));
    const auto add = [&](Role role, uint64_t times) {
        const Dtype dtype = is_matrix(role) ? Dtype::int8 : Dtype::f32;
        const TensorExtent extent = tensor_extent(shape, role, dtype);
        total +=
            times * (align(extent.bytes) + (dtype == Dtype::int8 ? align(4 * uint64_t{extent.rows}) : 0) +
                     (role == Role::x_proj ? align(4 * uint64_t{extent.cols}) : 0));
    };
    add(Role::embedding, 1);
    add(Role::final_norm, 1);
    for (const Role role : {Role::norm, Role::in_proj, Role::conv_weight, Role::conv_bias, Role::x_proj,
                            Role::dt_proj, Role::dt_bias, Role::A2, Role::D, Role::out_proj})
        add(role, shape.n_layer);
    return total;
}

TEST(Memory, TheTableOfModelsIsRight) {
    const auto rows = table("model");
    ASSERT_GE(rows.size(), 7u);
    std::string expected_table, found_table;
    for (const auto &row : rows) {
        ASSERT_EQ(row.size(), 9u) << row[0];
        Variables v{{"d_model", std::stoull(row[1])},
                    {"n_layer", std::stoull(row[2])},
                    {"vocab_size", std::stoull(row[3])},
                    {"dt_rank", std::stoull(row[4])},
                    {"d_state", 16},
                    {"d_conv", 4}};
        v["d_inner"] = 2 * v["d_model"];
        const ModelOfShape model(v, true, false);
        adder_options one{}, sixteen{};
        one.chunk = 1;
        sixteen.chunk = 16;
        const std::string numbers[] = {
            std::to_string(blob_bytes(v)), std::to_string(adder_state_size(model.get())),
            std::to_string(adder_arena_size(model.get(), &one) + of_small_pointers),
            std::to_string(adder_arena_size(model.get(), &sixteen) + of_small_pointers)};
        expected_table += "|";
        for (size_t i = 0; i < 5; ++i) expected_table += " " + row[i] + " |";
        for (const std::string &number : numbers) expected_table += " " + number + " |";
        expected_table += "\n";
        found_table += "|";
        for (const std::string &cell : row) found_table += " " + cell + " |";
        found_table += "\n";
    }
    EXPECT_EQ(found_table, expected_table);  // the second is what the page should say
}

TEST(Memory, ABlobHasTheSizeThatThePageCounts) {
    BlobSpec spec;
    spec.recipe = recipe_named("best");
    const AlignedBytes blob = build_blob(spec);
    const ModelConfig &c = spec.checkpoint.config;
    const Variables v{{"d_model", c.d_model}, {"n_layer", c.n_layer}, {"vocab_size", c.vocab_size},
                      {"dt_rank", c.dt_rank}, {"d_state", c.d_state}, {"d_conv", c.d_conv},
                      {"d_inner", c.d_inner}};
    // On top: the golden case of four tokens, and its entry in the section table, which fits into the padding.
    const uint64_t tables = sizeof(BlobHeader) + tensor_count(blob_tied_head, c.n_layer) * sizeof(BlobTensor);
    EXPECT_EQ(blob.size(), blob_bytes(v) + 64 + (tables % 64 == 0 ? 64 : 0));
}

// ---- The stack ------------------------------------------------------------------------------------------------------

TEST(Memory, ThePageHasTheBoundsOfTheStackThatADryRunStates) {
    std::string expected, found;
    for (const StackBound &bound : stack_bounds)
        expected += std::string(bound.build) + " " + std::to_string(bound.f32) + " " +
                    std::to_string(bound.int8) + " " + std::to_string(bound.int4) + "\n";
    for (const auto &row : table("stack"))
        found += row[0] + " " + row[1] + " " + row[2] + " " + row[3] + "\n";
    EXPECT_EQ(found, expected);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__linux__)

// Runs `call` on a painted stack of its own, and says how much of that was used.
size_t stack_used(void (*call)()) {
    static ucontext_t here, there;
    static void (*run)();
    run = call;
    std::vector<uint8_t> stack(1 << 18, 0x5c);
    getcontext(&there);
    there.uc_stack.ss_sp = stack.data();
    there.uc_stack.ss_size = stack.size();
    there.uc_link = &here;
    makecontext(
        &there, [] { run(); }, 0);
    swapcontext(&here, &there);
    size_t untouched = 0;
    while (untouched < stack.size() && stack[untouched] == 0x5c) ++untouched;
    return stack.size() - untouched;
}

struct Calls {
    AlignedBytes blob;
    adder_model model;
    adder_session *session;
    adder_options options;
    AlignedBytes arena{1 << 18};
    float logits[260];
    int32_t ids[8000];
    std::vector<uint8_t> state = std::vector<uint8_t>(1 << 16);
    Tokens tokens = random_tokens(40, 260, 1);
    adder_error error;
    adder_sampler sampler;
};
Calls *calls;

const StackBound &stack_bound(const std::string &isa) {
    const char *build = isa == "scalar" || isa == "i8mm"    ? isa.c_str()
                        : isa == "neon" || isa == "dotprod" ? "neon"
                                                            : "simd";
    for (const StackBound &bound : stack_bounds)
        if (std::strcmp(bound.build, build) == 0) return bound;
    throw std::runtime_error(isa);
}

TEST(Memory, CallsUseNoMoreStackThanThePageSays) {
    stack_used([] {});  // binds what stack_used itself calls
    const size_t empty = stack_used([] {});
    for (const char *isa : usable_isas())
        for (const Dtype weights : {Dtype::f32, Dtype::int8, Dtype::int4}) {
            Calls c{};
            calls = &c;
            BlobSpec spec;
            spec.checkpoint.config.vocab_size = 260;
            spec.tokenizer = true;
            spec.recipe.set_weights(weights);
            spec.recipe.set_inputs(weights != Dtype::f32);
            c.blob = build_blob(spec);
            c.options.isa = isa;
            const struct {
                const char *name;
                void (*call)();
            } all[] = {
                {"adder_model_open",
                 [] {
                     adder_model_open(&calls->model, calls->blob.data(), calls->blob.size(), &calls->error);
                 }},
                {"adder_model_verify", [] { adder_model_verify(&calls->model, &calls->error); }},
                {"adder_session_init",
                 [] {
                     adder_session_init(&calls->session, &calls->model, &calls->options, calls->arena.data(),
                                        calls->arena.size(), &calls->error);
                 }},
                {"adder_feed",
                 [] { adder_feed(calls->session, calls->tokens.data(), calls->tokens.size()); }},
                {"adder_selftest", [] { adder_selftest(calls->session, &calls->error); }},
                {"adder_state_save",
                 [] { adder_state_save(calls->session, calls->state.data(), calls->state.size()); }},
                {"adder_state_load",
                 [] {
                     adder_state_load(calls->session, calls->state.data(), calls->state.size(),
                                      &calls->error);
                 }},
                {"adder_tokenize",
                 [] {
                     static const char text[] =
                         "abc <|end|> don't \xC3\xA9 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
                     size_t count = 0;
                     adder_tokenize(&calls->model, text, sizeof text - 1, 1, calls->ids, 8000, &count);
                 }},
                {"adder_sample",
                 [] {
                     adder_sampler_init(&calls->sampler, &calls->model);
                     calls->sampler.top_k = 40;
                     adder_sample(&calls->sampler, calls->logits, 260);
                 }},
            };
            size_t most = 0;
            for (const auto &one : all) {
                const size_t used =
                    stack_used(one.call) - empty;  // 0: no deeper than the empty one's way back
                EXPECT_LE(used, stack_bound(isa).of(weights)) << one.name << ", " << isa;
                most = std::max(most, used);
                RecordProperty(one.name, static_cast<int>(used));
            }
            EXPECT_GT(most, 64u) << "nothing was measured";
        }
}
#endif

}  // namespace
}  // namespace adder::test
