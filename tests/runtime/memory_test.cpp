// docs/memory.md against the library: its formulas, its table of models, and the stack that calls use.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <ucontext.h>

#include <cstring>
#include <map>
#include <set>

#include "converter/convert/stack_bounds.h"
#include "converter/families/random_checkpoint.h"
#include "converter/plan/names.h"
#include "runtime/arena.h"
#include "runtime/model.h"
#include "runtime/session.h"
#include "runtime/stream.h"
#include "tests/runtime/memory_page.h"
#include "tests/support/families.h"
#include "tests/support/sample.h"
#include "tests/support/stream_source.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

// A model of some blocks, without a blob behind it: enough to ask for sizes.
class ModelOfShape {
  public:
    ModelOfShape(const ModelShape &shape, bool codes, bool float_weights) : shape_(shape) {
        header_.flags = shape_.tied ? uint32_t{blob_tied_head} : 0;
        Model m{};
        m.header = &header_;
        m.architecture = shape_.architecture();
        m.code_inputs = codes;
        m.float_weights = float_weights;
        std::memcpy(&model_, &m, sizeof m);
    }
    ModelOfShape(const ModelOfShape &) = delete;
    const adder_model *get() const { return &model_; }

  private:
    const ModelShape shape_;
    BlobHeader header_{};
    adder_model model_{};
};

// How the page names blocks whose input is that of others.
constexpr char beside[] = " beside another block";

// Blocks of one shape, with the variables of the page's formulas.
struct Blocks {
    std::string family;  // the kind's title, by which the page's tables name it
    Variables variables;
    bool is_beside = false;

    BlobShape shape() const {
        const auto number = [&](const char *name) {
            const auto found = variables.find(name);
            return found == variables.end() ? 0 : static_cast<uint32_t>(found->second);
        };
        BlobShape shape{};
        for (const BlockKind *kind : all_kinds())
            if (family == kind_title(kind->id)) shape.kind = static_cast<uint16_t>(kind->id);
        if (family == "RWKV-7") shape.flags = shape_value_residual;
        if (is_beside) shape.flags = shape_beside;
        shape.state_type = static_cast<uint8_t>(number("number") == 2 ? StateType::f16 : StateType::f32);
        if (number("kept") != 0)
            shape.state_type = static_cast<uint8_t>(number("kept") == 1   ? StateType::int8
                                                    : number("kept") == 2 ? StateType::f16
                                                                          : StateType::f32);
        for (uint32_t dim = 0; dim < stored_dims; ++dim)
            shape.dim[dim] = number(dim_name(static_cast<Dim>(dim)));
        return shape;
    }
    bool has(const std::string &of) const {
        return of == "all" || of == family || (is_beside && of == family + beside);
    }
};

// The page counts with pointers of 8 bytes, and says by how much less a session is where they have 4.
constexpr uint64_t of_small_pointers = sizeof(void *) == 4 ? 192 - 128 : 0;

uint64_t round_up(uint64_t bytes) { return (bytes + 63) / 64 * 64; }

// Regions of all are those of a model; the buffers of blocks of several kinds lie in the same place.
uint64_t arena_by_formulas(const std::vector<Blocks> &blocks, bool codes, bool float_weights) {
    uint64_t total = 0, state = 0, cache = 0, work = 0;
    for (const Blocks &one : blocks) {
        uint64_t own = 0;
        for (const auto &row : table("region")) {
            const bool needs_codes = row[3].find("codes") != std::string::npos;
            const bool needs_floats = row[3].find("float weights") != std::string::npos;
            if (!one.has(row[1]) || (needs_codes && !codes) || (needs_floats && !float_weights)) continue;
            const uint64_t bytes = Formula(row[2], one.variables).value();
            if (row[0] == "state")
                state += bytes;
            else if (row[0] == "cache")
                cache += bytes;
            else if (row[0] == "carried")
                total += round_up(bytes);
            else if (row[1] != "all")
                own += round_up(bytes);
            else if (&one == &blocks[0])
                total += round_up(bytes);
        }
        work = std::max(work, own);
    }
    return total + round_up(state) + round_up(cache) + work - of_small_pointers;
}

uint64_t state_by_formulas(const std::vector<Blocks> &blocks) {
    uint64_t total = 64;
    for (const Blocks &one : blocks)
        for (const auto &row : table("region"))
            if ((row[0] == "state" || row[0] == "cache") && one.has(row[1]))
                total += Formula(row[2], one.variables).value();
    return total;
}

// What the library says of a size that size_t cannot hold.
size_t or_0(uint64_t size) { return size <= SIZE_MAX ? static_cast<size_t>(size) : 0; }

// Numbers up to a bound, small ones as often as large ones.
class Draw {
  public:
    uint64_t operator()(uint64_t most) {
        seed_ = seed_ * 6364136223846793005u + 1442695040888963407u;
        const uint64_t bits = (seed_ >> 20) % 20;
        return 1 + (seed_ >> 40) % std::min<uint64_t>(most, uint64_t{1} << bits);
    }

  private:
    uint64_t seed_ = 1;
};

// Dimensions of a kind that fit each other; d_model is the model's.
void draw_dimensions(Draw &draw, Blocks *blocks) {
    Variables &v = blocks->variables;
    const std::string &family = blocks->family;
    // Heads of a multiple of 8 channels, up to a total.
    const auto heads = [&](uint64_t total, uint64_t groups) {
        v["n_head"] = groups * draw(16);
        v["head_dim"] = 8 * draw(total / v["n_head"] / 8);
        v["d_inner"] = v["n_head"] * v["head_dim"];
    };
    v["n_layer"] = draw(max_n_layer / 8);
    if (family == "Mamba") {
        v["d_state"] = draw(max_d_state);
        v["d_conv"] = draw(max_d_conv);
        v["d_inner"] = draw(max_d_inner);
        v["dt_rank"] = draw(max_dt_rank);
    } else if (family == "Mamba-2") {
        v["d_state"] = draw(max_d_state);
        v["d_conv"] = draw(max_d_conv);
        v["n_group"] = draw(16);
        heads(max_d_inner, v["n_group"]);
        v["number"] = draw(2) * 2;
    } else if (family == "Griffin") {
        heads(max_d_inner, 1);
        v["d_conv"] = draw(max_d_conv);
    } else if (family == "Griffin's attention") {
        v["n_group"] = draw(16);
        heads(max_d_inner, v["n_group"]);
        v["window"] = draw(65536);
        v["n_turn"] = draw(v["head_dim"] / 2);
        v["d_kv"] = v["n_group"] * v["head_dim"];
    } else if (family == "Grouped-query attention") {
        v["n_group"] = draw(16);
        heads(max_d_inner, v["n_group"]);
        v["d_kv"] = v["n_group"] * v["head_dim"];
        v["n_layer"] = draw(16);
        v["kept"] = uint64_t{1} << (draw(3) - 1);
        v["scaled"] = v["kept"] == 1;
    } else if (family == "Gated DeltaNet") {
        v["d_state"] = 8 * draw(max_d_state / 8);
        v["d_conv"] = draw(max_d_conv);
        v["n_group"] = draw(16);
        heads(max_d_inner, v["n_group"]);
        v["number"] = draw(2) * 2;
    } else if (family == "LFM2") {
        v["d_inner"] = draw(max_d_inner);
        v["d_conv"] = draw(max_d_conv);
    } else if (family == "Griffin's MLP" || family == "SwiGLU" || family == "Squared-ReLU MLP") {
        v["d_inner"] = draw(max_d_inner);
    } else if (family.find("channel mix") != std::string::npos) {
        v["d_ffn"] = draw(max_d_inner);
    } else {  // a time mix
        v["d_inner"] = v["d_model"];
        v["head_dim"] = v["d_model"] % 64 == 0 ? 64 : 8;
        v["n_head"] = v["d_model"] / v["head_dim"];
        for (const char *rank : {"w_rank", "a_rank", "v_rank", "g_rank"})
            v["max_rank"] = std::max(v["max_rank"], v[rank] = draw(max_dt_rank));
    }
}

TEST(Memory, ArenaHasTheSizeThatTheFormulasGive) {
    static_assert(ADDER_SESSION_BYTES == 192 - of_small_pointers, "as docs/memory.md says");
    const std::vector<std::vector<std::string>> models = {
        {"Mamba"},
        {"Mamba-2"},
        {"Mamba", "Mamba-2"},
        {"Griffin", "Griffin's attention", "Griffin's MLP"},
        {"Mamba-2", "Grouped-query attention", "SwiGLU"},
        {"Mamba-2", std::string("Grouped-query attention") + beside},
        {"Mamba-2", "Squared-ReLU MLP"},
        {"LFM2", "Grouped-query attention", "SwiGLU"},
        {"Gated DeltaNet", "Grouped-query attention", "SwiGLU"},
        {"RWKV-7", "RWKV-7's channel mix"},
        {"RWKV-4", "RWKV's channel mix with a receptance"},
        {"RWKV-5", "RWKV's channel mix with a receptance"}};
    std::set<std::string> counted;  // kinds
    Draw draw;
    const int runs = all_combinations() ? 300 : 60;
    for (int run = 0; run < runs; ++run) {
        Variables common{
            {"d_model", draw(max_d_model)}, {"vocab_size", draw(max_vocab_size)}, {"chunk", draw(max_chunk)}};
        common["logit_rows"] = draw(common["chunk"]);
        common["context"] = draw(1 << 16);
        const std::vector<std::string> &families = models[run % models.size()];
        if (families[0].compare(0, 4, "RWKV") == 0) common["d_model"] = (common["d_model"] + 7) / 8 * 8;
        std::vector<Blocks> blocks;
        for (const std::string &family : families) {
            const bool is_beside =
                family.size() > sizeof beside && family.substr(family.size() + 1 - sizeof beside) == beside;
            const std::string name = is_beside ? family.substr(0, family.size() + 1 - sizeof beside) : family;
            blocks.push_back({name, common, is_beside});
            draw_dimensions(draw, &blocks.back());
            counted.insert(name);
        }
        ModelShape shape;
        shape.d_model = static_cast<uint32_t>(common["d_model"]);
        shape.vocab_size = static_cast<uint32_t>(common["vocab_size"]);
        for (const Blocks &one : blocks) {
            shape.shapes.push_back(one.shape());
            for (uint64_t i = 0; i < one.variables.at("n_layer"); ++i)
                shape.blocks.push_back({static_cast<uint16_t>(shape.shapes.size() - 1), 0, 0, 0});
        }
        shape.number_blocks();
        adder_options options{};
        options.chunk = static_cast<uint32_t>(common["chunk"]);
        options.logit_rows = static_cast<uint32_t>(common["logit_rows"]);
        options.context = static_cast<uint32_t>(common["context"]);
        for (const bool codes : {false, true})
            for (const bool float_weights : {false, true}) {
                const ModelOfShape model(shape, codes, float_weights);
                ASSERT_EQ(adder_arena_size(model.get(), &options),
                          or_0(arena_by_formulas(blocks, codes, float_weights)))
                    << families[0];
                ASSERT_EQ(adder_state_size_at(model.get(), common["context"]), or_0(state_by_formulas(blocks)))
                    << families[0];
            }
    }
    for (const BlockKind *kind : all_kinds()) EXPECT_EQ(counted.count(kind_title(kind->id)), 1u);
}

TEST(Memory, AStreamedModelHasTheSizesThatTheFormulasGive) {
    static_assert(sizeof(void *) != 8 || (sizeof(StreamReader) + 63) / 64 * 64 == 192,
                  "as docs/memory.md says");
    ASSERT_EQ(table("streamed").size(), 2u);
    ASSERT_EQ(table("part").size(), 13u);
    const struct {
        const char *model_type;
        std::vector<std::string> families;  // whose rows of the table it has
    } kinds[] = {{"mamba", {"all", "Mamba"}},
                 {"falcon_mamba", {"all", "Mamba", "Falcon-Mamba"}},
                 {"mamba2", {"all", "Mamba-2"}}};
    const uint32_t shapes[][6] = {
        // d_model, d_inner, d_state, d_conv, dt_rank, n_head: another part is largest in each
        {16, 32, 4, 4, 1, 4}, {300, 24, 8, 4, 3, 3}, {8, 24, 40, 3, 2, 3},  {8, 8, 1, 40, 1, 1},
        {8, 8, 2, 2, 70, 1},  {8, 8, 90, 2, 3, 1},   {8, 128, 2, 2, 3, 16}, {8, 1024, 2, 2, 3, 128}};
    std::map<std::string, int> largest;  // how often a part was
    for (const auto &kind : kinds)
        for (const auto &shape : shapes) {
            SCOPED_TRACE(std::string(kind.model_type) + " " + std::to_string(&shape - shapes));
            BlobSpec spec;
            spec.recipe = recipe_named("best");
            ModelConfig &c = spec.checkpoint.config;
            c.model_type = kind.model_type;
            c.d_model = shape[0], c.d_inner = shape[1], c.d_state = shape[2], c.d_conv = shape[3];
            c.dt_rank = shape[4], c.n_head = shape[5];
            const AlignedBytes blob = build_blob(spec);
            Variables v{{"d_model", c.d_model}, {"d_inner", c.d_inner}, {"d_state", c.d_state},
                        {"d_conv", c.d_conv},   {"dt_rank", c.dt_rank}, {"n_head", c.n_head}};
            uint64_t least = 0;
            std::string part;
            for (const auto &row : table("part")) {
                if (std::find(kind.families.begin(), kind.families.end(), row[1]) == kind.families.end())
                    continue;
                const uint64_t bytes = Formula(row[2], v).value();
                if (bytes > least) part = row[1] + " " + row[0];
                least = std::max(least, bytes);
            }
            ++largest[part];
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
    EXPECT_GE(largest.size(), 8u);
}

uint64_t tensor_count(const ModelShape &shape) {
    uint64_t count = (shape.tied ? 2 : 3) + (shape.layer_norm ? 1 : 0);  // embedding, final norm, head
    for (uint32_t block = 0; block < shape.block_count(); ++block) {
        const BlockView view = shape.view(block);
        count += tensors_of_block(*view.kind, view.shape->flags);
    }
    return count;
}

// Header, tables, weights and scales by row, as the converter lays them out (one section table for the golden case).
uint64_t blob_bytes(const ModelShape &shape) {
    const Architecture architecture = shape.architecture();
    uint64_t total = round_up(round_up(sizeof(BlobHeader) + shape.shapes.size() * sizeof(BlobShape) +
                                       shape.blocks.size() * sizeof(BlobBlock)) +
                              tensor_count(shape) * sizeof(BlobTensor));
    const auto add = [&](const TensorRow &row, const BlockView &view) {
        const Dtype dtype = row.form == Form::matrix ? Dtype::int8 : Dtype::f32;
        const TensorExtent extent = tensor_extent(row, view.dims, dtype);
        total += round_up(extent.bytes) + (dtype == Dtype::int8 ? round_up(4 * uint64_t{extent.rows}) : 0) +
                 (row.role == Role::x_proj ? round_up(4 * uint64_t{extent.cols}) : 0);
    };
    const BlockView ends = ends_view(architecture);
    for (uint32_t i = 0; i < ends.kind->tensor_count; ++i)
        if (!(shape.tied && ends.kind->tensors[i].role == Role::head) &&
            is_present(ends.kind->tensors[i], static_cast<uint16_t>(architecture.flags)))
            add(ends.kind->tensors[i], ends);
    for (uint32_t block = 0; block < shape.block_count(); ++block) {
        const BlockView view = shape.view(block);
        for (uint32_t i = 0; i < view.kind->tensor_count; ++i)
            if (is_present(view.kind->tensors[i], view.shape->flags)) add(view.kind->tensors[i], view);
    }
    return total;
}

// A model of the page, by its name or by its numbers.
ModelShape named_shape(const std::vector<std::string> &row) {
    const std::vector<std::string> published = published_models();
    if (std::find(published.begin(), published.end(), row[0]) != published.end()) return shape_like(row[0]);
    return shape_like(row[1] + "," + row[2] + "," + row[3]);
}

uint64_t arena_bytes(const ModelShape &shape, uint32_t chunk, uint32_t context = 0, uint32_t logit_rows = 1) {
    adder_options options{};
    options.chunk = chunk;
    options.logit_rows = logit_rows;
    options.context = context;
    return adder_arena_size(ModelOfShape(shape, true, false).get(), &options) + of_small_pointers;
}
uint64_t saved_bytes(const ModelShape &shape, uint64_t position = 0) {
    return adder_state_size_at(ModelOfShape(shape, true, false).get(), position);
}

std::string line(const std::vector<std::string> &cells) {
    std::string text = "|";
    for (const std::string &cell : cells) text += " " + cell + " |";
    return text + "\n";
}

TEST(Memory, TheTablesOfModelsAreRight) {
    ASSERT_GE(table("model").size(), 8u);
    ASSERT_GE(table("Mamba-2 model").size(), 5u);
    ASSERT_GE(table("published").size(), 6u);
    ASSERT_GE(table("hybrid").size(), 8u);
    std::string expected, found;  // the first is what the page should say
    const auto text = [](uint64_t number) { return std::to_string(number); };
    for (const auto &row : table("model")) {
        ASSERT_EQ(row.size(), 9u) << row[0];
        const ModelShape shape = named_shape(row);
        expected += line({row[0], text(shape.d_model), text(shape.blocks.size()), text(shape.vocab_size),
                          text(shape.dim(Dim::dt_rank)), text(blob_bytes(shape)), text(saved_bytes(shape)),
                          text(arena_bytes(shape, 1)), text(arena_bytes(shape, 16))});
        found += line(row);
    }
    for (const auto &row : table("Mamba-2 model")) {
        ASSERT_EQ(row.size(), 9u) << row[0];
        ModelShape floats = named_shape(row), halves = floats;
        halves.shapes[0].state_type = static_cast<uint8_t>(StateType::f16);
        halves.number_blocks();
        expected +=
            line({row[0], text(floats.d_model), text(floats.blocks.size()), text(floats.dim(Dim::n_head)),
                  text(blob_bytes(floats)), text(saved_bytes(floats)), text(saved_bytes(halves)),
                  text(arena_bytes(floats, 16)), text(arena_bytes(halves, 16))});
        found += line(row);
    }
    for (const auto &row : table("published")) {
        const ModelShape shape = shape_like(row[0]);
        expected += line({row[0], text(shape.d_model), text(shape.blocks.size() / 2), text(shape.vocab_size),
                          text(blob_bytes(shape)), text(saved_bytes(shape)), text(arena_bytes(shape, 1)),
                          text(arena_bytes(shape, 16))});
        found += line(row);
    }
    for (const auto &row : table("hybrid")) {
        ModelShape shape = shape_like(row[0]);
        for (BlobShape &one : shape.shapes)
            if (find_block_kind(one.kind)->has_cache) one.state_type = static_cast<uint8_t>(StateType::int8);
        shape.number_blocks();
        expected += line({row[0], text(shape.d_model), text(shape.vocab_size), text(blob_bytes(shape)),
                          text(adder_mark_size(ModelOfShape(shape, true, false).get())),
                          text(saved_bytes(shape, 2048)), text(saved_bytes(shape, 8192)),
                          text(arena_bytes(shape, 1, 2048)), text(arena_bytes(shape, 1, 8192))});
        found += line(row);
    }
    EXPECT_EQ(found, expected);
}

TEST(Memory, SessionsThatStepTogetherTakeWhatThePageSays) {
    ASSERT_GE(table("together").size(), 5u);
    std::string expected, found;
    for (const auto &row : table("together")) {
        const ModelShape shape = shape_like(row[0] == "adder-13m" ? "384,12,4096" : row[0]);
        std::vector<std::string> cells = {row[0]};
        for (const uint32_t n : {1u, 8u, 16u, 100u})
            cells.push_back(std::to_string(arena_bytes(shape, n, 0, n) + (n - 1) * arena_bytes(shape, 1)));
        expected += line(cells);
        found += line(row);
    }
    EXPECT_EQ(found, expected);
}

TEST(Memory, ABlobHasTheSizeThatThePageCounts) {
    for (const std::string &model_type : model_types())
        for (const bool tied : {false, true}) {
            BlobSpec spec;
            spec.recipe = recipe_named("best");
            spec.checkpoint.config.model_type = model_type;
            spec.checkpoint.config.tie_word_embeddings = tied;
            const ModelShape shape = shape_of(spec.checkpoint.config);
            // On top: the golden case of four tokens, and its entry in the section table, where that is not padding.
            const uint64_t tensors = tensor_count(shape) * sizeof(BlobTensor);
            EXPECT_EQ(build_blob(spec).size(), blob_bytes(shape) + 64 + (tensors % 64 == 0 ? 64 : 0))
                << model_type;
        }
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
    const char *build = isa == "scalar" || isa == "avx2" || isa == "i8mm" ? isa.c_str()
                        : isa == "neon" || isa == "dotprod"               ? "neon"
                                                                          : "simd";
    for (const StackBound &bound : stack_bounds)
        if (std::strcmp(bound.build, build) == 0) return bound;
    throw std::runtime_error(isa);
}

TEST(Memory, CallsUseNoMoreStackThanThePageSays) {
    stack_used([] {});  // binds what stack_used itself calls
    const size_t empty = stack_used([] {});
    for (const std::string &family : model_types())
        for (const char *isa : usable_isas())
            for (const Dtype weights : {Dtype::f32, Dtype::int8, Dtype::int4}) {
                Calls c{};
                calls = &c;
                BlobSpec spec;
                spec.checkpoint.config.model_type = family;
                spec.state = narrowest_state(family);
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
                         adder_model_open(&calls->model, calls->blob.data(), calls->blob.size(),
                                          &calls->error);
                     }},
                    {"adder_model_verify", [] { adder_model_verify(&calls->model, &calls->error); }},
                    {"adder_session_init",
                     [] {
                         adder_session_init(&calls->session, &calls->model, &calls->options,
                                            calls->arena.data(), calls->arena.size(), &calls->error);
                     }},
                    {"adder_feed",
                     [] { adder_feed(calls->session, calls->tokens.data(), calls->tokens.size()); }},
                    {"adder_step_many",
                     [] { adder_step_many(&calls->session, calls->tokens.data(), 1, nullptr, &calls->error); }},
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
                    EXPECT_LE(used, stack_bound(isa).of(weights)) << one.name << ", " << isa << ", " << family;
                    most = std::max(most, used);
                    RecordProperty(family + " " + one.name, static_cast<int>(used));
                }
                EXPECT_GT(most, 64u) << "nothing was measured";
            }
}
#endif

}  // namespace
}  // namespace adder::test
