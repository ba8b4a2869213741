// Planning and writing of blobs.
// SPDX-License-Identifier: MIT
#include "converter/blob/writer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "converter/base/error.h"
#include "converter/base/progress.h"
#include "converter/blob/file.h"
#include "converter/blob/tensor.h"
#include "runtime/crc32.h"

namespace adder {
namespace {

uint64_t align_up(uint64_t offset) {
    return (offset + (blob_alignment - 1)) / blob_alignment * blob_alignment;
}

class BlobLayout {
  public:
    BlobLayout(const Checkpoint &checkpoint, const Plan &plan, const BlobContents &contents)
        : checkpoint_(checkpoint), plan_(plan), shape_(checkpoint.shape()) {
        for (BlobShape &shape : shape_.shapes) {
            const BlockKind &kind = *find_block_kind(shape.kind);
            const StateType type = kind.has_cache ? contents.cache : contents.state;
            if (type <= kind.state_types) shape.state_type = static_cast<uint8_t>(type);
        }
        shape_.number_blocks();
        plan_header(contents);
        plan_tensors();
        place(contents);
    }

    const ModelShape &shape() const { return shape_; }
    const BlobHeader &header() const { return header_; }
    const std::vector<BlobTensor> &tensors() const { return tensors_; }
    const std::vector<BlobSection> &sections() const { return sections_; }
    uint64_t weight_bits() const { return weight_bits_; }

  private:
    void plan_header(const BlobContents &contents) {
        std::memcpy(header_.magic, blob_magic, sizeof blob_magic);
        header_.format_version = ADDER_FORMAT_VERSION;
        header_.header_size = sizeof(BlobHeader);
        header_.flags = shape_.architecture().flags;
        header_.d_model = shape_.d_model;
        header_.vocab_size = shape_.vocab_size;
        header_.layer_count = shape_.n_layer;
        header_.block_count = shape_.block_count();
        header_.shape_count = static_cast<uint32_t>(shape_.shapes.size());
        header_.norm_epsilon = shape_.norm_epsilon;
        header_.embedding_scale = shape_.embedding_scale;
        header_.logit_scale = 1.0f;
        header_.logit_softcap = shape_.logit_softcap;
        header_.parameters = checkpoint_.parameters();
        header_.bos_token = contents.bos_token;
        std::memcpy(header_.eos_tokens, contents.eos_tokens, sizeof header_.eos_tokens);
        header_.temperature = contents.defaults.temperature;
        header_.top_k = contents.defaults.top_k;
        header_.top_p = contents.defaults.top_p;
        header_.min_p = contents.defaults.min_p;
        header_.repetition_penalty = contents.defaults.repetition_penalty;
    }

    void plan_tensor(const BlockView &view, const TensorRow &row, uint32_t block) {
        BlobTensor entry{};
        const bool matrix = row.form == Form::matrix;
        const LinearPlan plan = matrix ? plan_.of(row.role, block) : LinearPlan{Dtype::f32};
        const Dtype dtype = plan.weights;
        entry.role = static_cast<uint16_t>(row.role);
        entry.block = static_cast<uint16_t>(block);
        entry.dtype = static_cast<uint8_t>(dtype);
        const Granularity granularity = dtype == Dtype::f32    ? Granularity::none
                                        : dtype == Dtype::int8 ? plan.granularity
                                                               : Granularity::group;
        entry.granularity = static_cast<uint8_t>(granularity);
        entry.scale_type = static_cast<uint8_t>(dtype == Dtype::f32    ? ScaleType::none
                                                : dtype == Dtype::int8 ? ScaleType::f32
                                                : plan.keep            ? ScaleType::f16
                                                                       : ScaleType::bf16);
        entry.rows = row.rows.sum(view.dims);
        entry.cols = view.dims[row.cols];
        const TensorExtent extent = tensor_extent(row, view.dims, dtype);
        entry.size = extent.bytes;
        entry.tiles = extent.rows / tile_size;
        if (dtype == Dtype::int4) entry.group = plan.group == 0 ? extent.cols : plan.group;
        if (has_input(row, header_.flags)) {
            entry.input = static_cast<uint8_t>(plan.input);
            if (has_codes(plan.input)) entry.input_bits = static_cast<uint8_t>(plan.input_bits);
        }
        tensors_.push_back(entry);
        // conv_bias is written as zeros where the checkpoint has none: no parameters of it.
        if (row.role == Role::conv_bias && !shape_.conv_bias) return;
        const uint64_t weights = uint64_t{entry.rows} * entry.cols;
        const TensorExtent unpadded{entry.rows, entry.cols, 0};
        weight_bits_ += weights * (dtype == Dtype::f32    ? 32
                                   : dtype == Dtype::int8 ? 8
                                                          : 4) +
                        8 * scale_extent(unpadded, granularity, entry.group).bytes;
    }

    void plan_end(Role role) { plan_tensor(shape_.view(no_block), *find_row(model_ends, role), no_block); }

    void plan_tensors() {
        plan_end(Role::embedding);
        for (uint32_t block = 0; block < shape_.block_count(); ++block) {
            const BlockView view = shape_.view(block);
            for (uint32_t i = 0; i < view.kind->tensor_count; ++i)
                if (is_present(view.kind->tensors[i], view.shape->flags))
                    plan_tensor(view, view.kind->tensors[i], block);
        }
        plan_end(Role::final_norm);
        if (shape_.layer_norm) plan_end(Role::final_norm_bias);
        if (!shape_.tied) plan_end(Role::head);
    }

    // Header, the tables of shapes, blocks, tensors and sections; then sections, then tensors with their scales after them.
    void place(const BlobContents &contents) {
        sections_.push_back(BlobSection{section_golden, 0, 0, sizeof(BlobGolden) + 4 * contents.golden.size()});
        for (const auto &[kind, bytes] : contents.sections)
            sections_.push_back(BlobSection{kind, 0, 0, bytes.size()});
        std::sort(sections_.begin(), sections_.end(),
                  [](const BlobSection &a, const BlobSection &b) { return a.kind < b.kind; });
        header_.tensor_count = static_cast<uint32_t>(tensors_.size());
        header_.section_count = static_cast<uint32_t>(sections_.size());
        header_.shape_table_offset = sizeof(BlobHeader);
        header_.block_table_offset = header_.shape_table_offset + shape_.shapes.size() * sizeof(BlobShape);
        header_.tensor_table_offset =
            align_up(header_.block_table_offset + shape_.blocks.size() * sizeof(BlobBlock));
        header_.section_table_offset = header_.tensor_table_offset + tensors_.size() * sizeof(BlobTensor);
        uint64_t end = align_up(header_.section_table_offset + sections_.size() * sizeof(BlobSection));
        header_.payload_offset = end;
        const auto put = [&end](uint64_t size) {
            const uint64_t offset = end;
            end = align_up(end + size);
            return offset;
        };
        for (BlobSection &section : sections_) section.offset = put(section.size);
        for (BlobTensor &entry : tensors_) {
            entry.offset = put(entry.size);
            const TensorExtent extent{tile_size * entry.tiles, round_up_to_tile(entry.cols), entry.size};
            const uint64_t scales =
                scale_extent(extent, static_cast<Granularity>(entry.granularity), entry.group).bytes;
            if (scales > 0) entry.scale_offset = put(scales);
            if (has_multipliers(static_cast<Input>(entry.input)))
                entry.multiplier_offset = put(4 * uint64_t{extent.cols});
        }
        header_.blob_size = end;
    }

    const Checkpoint &checkpoint_;
    const Plan &plan_;
    ModelShape shape_;
    BlobHeader header_{};
    std::vector<BlobTensor> tensors_;
    std::vector<BlobSection> sections_;
    uint64_t weight_bits_ = 0;
};

constexpr uint64_t piece = uint64_t{64} << 20;  // bytes that a walk over the blob keeps resident

}  // namespace

struct BlobWriter::State {
    State(const std::string &given_path, const Checkpoint &given_checkpoint, const Plan &given_plan,
          const BlobContents &given_contents)
        : checkpoint(given_checkpoint), plan(given_plan), contents(given_contents),
          layout(given_checkpoint, given_plan, given_contents), path(given_path), file(path),
          blob(file.map(layout.header().blob_size)), alive(layout.tensors().size(), 1),
          progress("writing", layout.header().blob_size) {}

    const BlobSection &section_of(uint32_t kind) const {
        for (const BlobSection &section : layout.sections())
            if (section.kind == kind) return section;
        fail(ExitCode::failure, "%s: no section of kind %u", path.c_str(), kind);
    }

    // The checksums cover everything written so far.
    void write_checksums() {
        BlobHeader *header = reinterpret_cast<BlobHeader *>(blob);
        uint32_t crc = 0;
        for (uint64_t first = header->payload_offset; first < header->blob_size; first += piece) {
            const uint64_t size = std::min(piece, header->blob_size - first);
            crc = crc32(crc, blob + first, size);
            file.release(first, size);
        }
        header->payload_crc = crc;
        header->metadata_crc = 0;
        header->metadata_crc = crc32(0, blob, header->payload_offset);
    }

    void write_golden();
    void write_finish();

    const Checkpoint &checkpoint;
    const Plan &plan;
    const BlobContents &contents;
    const BlobLayout layout;
    std::string path;
    AtomicFile file;
    uint8_t *const blob;
    Model model{};
    std::vector<uint8_t> alive;  // of each tensor; bytes: threads write side by side
    Progress progress;
};

// Runs the golden case on the blob as it stands, and records the logits' checksum in it.
void BlobWriter::State::write_golden() {
    const BlobSection &section = section_of(section_golden);
    const Tokens &tokens = contents.golden;
    BlobGolden golden{0, static_cast<uint32_t>(tokens.size())};
    std::memcpy(blob + section.offset, &golden, sizeof golden);
    std::memcpy(blob + section.offset + sizeof golden, tokens.data(), tokens.size() * sizeof(int32_t));
    write_checksums();
    adder_model opened;
    check(adder_model_open(&opened, blob, layout.header().blob_size, nullptr), path);
    const size_t arena_size = adder_arena_size(&opened, nullptr);
    const std::unique_ptr<void, decltype(&std::free)> arena(std::aligned_alloc(ADDER_ALIGNMENT, arena_size),
                                                            &std::free);
    if (!arena) fail(ExitCode::failure, "%s: no memory for an arena of %zu bytes", path.c_str(), arena_size);
    adder_session *session = nullptr;
    check(adder_session_init(&session, &opened, nullptr, arena.get(), arena_size, nullptr), path);
    check(adder_feed(session, tokens.data(), tokens.size() - 1), path + ": golden case");
    float *logits = nullptr;
    check(adder_step(session, tokens.back(), &logits), path + ": golden case");
    golden.logits_crc = crc32(0, logits, size_t{4} * layout.header().vocab_size);
    std::memcpy(blob + section.offset, &golden, sizeof golden);
    write_checksums();
}

// Measured on the finished blob, and written into it: a section's text of a size that was reserved for it.
void BlobWriter::State::write_finish() {
    const std::string text = contents.finish(file.temporary_path());
    const BlobSection &section = section_of(contents.finished_section);
    if (text.size() > section.size)
        fail(ExitCode::failure, "%s: %zu bytes of text for a section of %llu", path.c_str(), text.size(),
             static_cast<unsigned long long>(section.size));
    std::memset(blob + section.offset, ' ', section.size);
    std::memcpy(blob + section.offset, text.data(), text.size());
    write_checksums();
}

BlobWriter::BlobWriter(const std::string &path, const Checkpoint &checkpoint, const Plan &plan,
                       const BlobContents &contents)
    : state_(std::make_unique<State>(path, checkpoint, plan, contents)) {
    State &s = *state_;
    const BlobHeader &header = s.layout.header();
    std::memcpy(s.blob, &header, sizeof header);
    const auto put = [&](uint64_t offset, const auto &table) {
        std::memcpy(s.blob + offset, table.data(), table.size() * sizeof table[0]);
    };
    put(header.shape_table_offset, s.layout.shape().shapes);
    put(header.block_table_offset, s.layout.shape().blocks);
    put(header.tensor_table_offset, s.layout.tensors());
    put(header.section_table_offset, s.layout.sections());
    for (const BlobSection &section : s.layout.sections())
        for (const auto &[kind, bytes] : contents.sections)
            if (kind == section.kind) std::copy(bytes.begin(), bytes.end(), s.blob + section.offset);
    s.model.blob = s.blob;
    s.model.header = reinterpret_cast<const BlobHeader *>(s.blob);
    s.model.tensors = reinterpret_cast<const BlobTensor *>(s.blob + header.tensor_table_offset);
    s.model.sections = reinterpret_cast<const BlobSection *>(s.blob + header.section_table_offset);
    s.model.architecture = s.layout.shape().architecture();
}

BlobOutline outline_blob(const Checkpoint &checkpoint, const Plan &plan, const BlobContents &contents) {
    const BlobLayout layout(checkpoint, plan, contents);
    return {layout.tensors(),
            layout.shape(),
            {layout.header().blob_size, layout.header().parameters, layout.weight_bits(), {}}};
}

BlobWriter::~BlobWriter() = default;

const Model &BlobWriter::model() const { return state_->model; }

void BlobWriter::write(const std::vector<TensorId> &ids, const Calibration &calibration, ThreadPool &pool) {
    pool.run(static_cast<uint32_t>(ids.size()), [&](uint32_t i, uint32_t) {
        throw_if_interrupted();
        write_tensor(ids[i], calibration, nullptr);
    });
}

void BlobWriter::write_rounded(const TensorId &id, const Calibration &calibration, const Int4Matrix &matrix) {
    write_tensor(id, calibration, &matrix);
}

void BlobWriter::write_tensor(const TensorId &id, const Calibration &calibration, const Int4Matrix *rounded) {
    State &s = *state_;
    const BlobHeader &header = s.layout.header();
    const uint32_t index = tensor_index(s.model, id.block, id.role);
    BlobTensor &entry = reinterpret_cast<BlobTensor *>(s.blob + header.tensor_table_offset)[index];
    s.alive[index] = quantize_tensor(s.checkpoint, s.plan, calibration, rounded, &entry, s.blob);
    s.file.release(entry.offset, entry.size);
    s.progress.advance(entry.size);
}

std::vector<TensorId> BlobWriter::tensors() const {
    std::vector<TensorId> ids;
    for (const BlobTensor &entry : state_->layout.tensors())
        ids.push_back({static_cast<Role>(entry.role), entry.block});
    return ids;
}

WrittenBlob BlobWriter::finish() {
    State &s = *state_;
    s.write_golden();
    if (s.contents.finish) s.write_finish();
    s.file.commit();
    WrittenBlob written{s.layout.header().blob_size, s.layout.header().parameters, s.layout.weight_bits(), {}};
    for (size_t i = 0; i < s.alive.size(); ++i)
        if (!s.alive[i])
            written.notes.push_back("all weights of " +
                                    s.checkpoint.tensor_name(static_cast<Role>(s.layout.tensors()[i].role),
                                                             s.layout.tensors()[i].block) +
                                    " are zero");
    return written;
}

void BlobWriter::release(uint32_t block) {
    const State &s = *state_;
    for (const BlobTensor &entry : s.layout.tensors())
        if (entry.block == block) s.file.release(entry.offset, entry.size);
}

}  // namespace adder
