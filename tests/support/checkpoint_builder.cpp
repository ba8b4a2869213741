// Writes small checkpoints for tests.
// SPDX-License-Identifier: MIT
#include "tests/support/checkpoint_builder.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "converter/base/error.h"
#include "converter/base/file.h"
#include "converter/text/json.h"
#include "tests/support/families.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {

namespace {

uint32_t bits_of(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

// splitmix64: the same numbers everywhere, unlike the distributions of <random>.
class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed) {}
    float uniform() {  // [-1, 1)
        return static_cast<float>(static_cast<double>(next() >> 40) * 0x1p-23 - 1.0);
    }

  private:
    uint64_t next() {
        uint64_t z = state_ += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }
    uint64_t state_;
};

bool ends_with(const std::string &text, const std::string &end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// `norm`: what the weights of norms are near.
std::vector<float> initial_values(const TensorSpec &tensor, float scale, float norm, Random &random) {
    uint64_t elements = 1;
    for (const uint64_t extent : tensor.shape) elements *= extent;
    std::vector<float> values(static_cast<size_t>(elements));
    const auto is_any = [&](std::initializer_list<const char *> ends) {
        return std::any_of(ends.begin(), ends.end(),
                           [&](const char *end) { return ends_with(tensor.name, end); });
    };
    const bool is_A_log = is_any({"A_log"}), is_D = is_any({"mixer.D"});
    const bool is_norm = is_any({"norm.weight", "norm_f.weight", "ln.weight", "ln1.weight", "ln2.weight",
                                 "ln_out.weight", "ln_x.weight"});
    const bool is_dt_bias = is_any({"dt_proj.bias", "mixer.dt_bias", "linear_attn.dt_bias"});
    for (size_t i = 0; i < values.size(); ++i) {
        const float noise = scale * random.uniform();
        if (is_A_log)
            values[i] = static_cast<float>(std::log(static_cast<double>(i % tensor.shape.back() + 1)));
        else if (is_D)
            values[i] = 1;
        else
            values[i] = (is_norm ? norm : is_dt_bias ? -4.0f : 0.0f) + noise;
    }
    return values;
}

std::vector<TensorSpec> tensors_of(const ModelConfig &config) {
    const ModelShape shape = shape_of(config);
    return shape.family->tensors(shape);
}

std::string shard_name(int index, int count) {
    char name[64];
    std::snprintf(name, sizeof name, "model-%05d-of-%05d.safetensors", index + 1, count);
    return name;
}

void write_shards(const std::string &directory, const std::vector<Tensor> &tensors, int count) {
    JsonWriter index;
    index.begin_object().key("metadata").begin_object().key("total_size").value(0).end_object();
    index.key("weight_map").begin_object();
    std::vector<std::vector<Tensor>> shards(static_cast<size_t>(count));
    for (size_t i = 0; i < tensors.size(); ++i) {
        const size_t shard = i * shards.size() / tensors.size();
        shards[shard].push_back(tensors[i]);
        index.key(tensors[i].name).value(shard_name(static_cast<int>(shard), count));
    }
    index.end_object().end_object();
    for (int i = 0; i < count; ++i) {
        write_text(join_path(directory, shard_name(i, count)),
                   safetensors_file(shards[static_cast<size_t>(i)]));
    }
    write_text(join_path(directory, "model.safetensors.index.json"), index.text());
}

}  // namespace

uint16_t float_to_bf16(float value) {
    const uint32_t bits = bits_of(value);
    if (std::isnan(value)) return static_cast<uint16_t>(bits >> 16 | 0x40);
    return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

uint16_t float_to_f16(float value) {
    const uint32_t sign = bits_of(value) >> 16 & 0x8000;
    const float magnitude = std::fabs(value);
    if (std::isnan(value)) return static_cast<uint16_t>(sign | 0x7E00);
    if (magnitude >= 65520) return static_cast<uint16_t>(sign | 0x7C00);
    // Units of the last place: 2^-24 for subnormals; nearbyint rounds half to even in the default mode, and a
    // carry into the next exponent comes out right.
    const int exponent = magnitude < 0x1p-14f ? -14 : std::ilogb(magnitude);
    const auto units = static_cast<uint32_t>(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
    return static_cast<uint16_t>(sign | (static_cast<uint32_t>(exponent + 14) * 1024 + units));
}

std::string safetensors_bytes(const std::string &header, const std::string &data) {
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xFF);
    return bytes + header + data;
}

Tensor make_tensor(const std::string &name, DType dtype, std::vector<uint64_t> shape,
                   const std::vector<float> &values) {
    Tensor tensor{name, dtype, std::move(shape), {}};
    for (const float value : values) {
        uint32_t bits = bits_of(value);
        if (dtype == DType::f16) bits = float_to_f16(value);
        if (dtype == DType::bf16) bits = float_to_bf16(value);
        tensor.data.append(reinterpret_cast<const char *>(&bits), dtype == DType::f32 ? 4 : 2);
    }
    return tensor;
}

std::string safetensors_file(const std::vector<Tensor> &tensors) {
    JsonWriter header(false);
    std::string data;
    header.begin_object().key("__metadata__").begin_object().key("format").value("pt").end_object();
    for (const Tensor &tensor : tensors) {
        header.key(tensor.name).begin_object().key("dtype").value(dtype_name(tensor.dtype));
        header.key("shape").begin_array();
        for (const uint64_t extent : tensor.shape) header.value(extent);
        header.end_array().key("data_offsets").begin_array().value(uint64_t{data.size()});
        data += tensor.data;
        header.value(uint64_t{data.size()}).end_array().end_object();
    }
    header.end_object();
    std::string text = header.text();
    text.append((8 - text.size() % 8) % 8, ' ');  // as the reference implementation pads
    return safetensors_bytes(text, data);
}

std::string config_text(const CheckpointSpec &spec) {
    const ModelConfig &config = spec.config;
    std::map<std::string, std::string> members{
        {"model_type", json_quote(config.model_type)},
        {"hidden_size", std::to_string(config.d_model)},
        {"num_hidden_layers", std::to_string(config.n_layer)},
        {"vocab_size", std::to_string(config.vocab_size)},
        {"state_size", std::to_string(config.d_state)},
        {"conv_kernel", std::to_string(config.d_conv)},
        {"layer_norm_epsilon", JsonWriter().value(config.norm_epsilon).text()},
        {"use_bias", config.use_bias ? "true" : "false"},
        {"use_conv_bias", config.use_conv_bias ? "true" : "false"},
        {"tie_word_embeddings", config.tie_word_embeddings ? "true" : "false"},
        {"hidden_act", "\"silu\""},
    };
    test_family(config.model_type).members(config, &members);
    if (config.bos_token_id) members["bos_token_id"] = std::to_string(*config.bos_token_id);
    std::string list;
    for (const uint32_t id : config.eos_token_ids) list += (list.empty() ? "" : ", ") + std::to_string(id);
    if (!list.empty()) members["eos_token_id"] = config.eos_token_ids.size() == 1 ? list : "[" + list + "]";
    for (const auto &[key, text] : spec.config_members) members[key] = text;

    std::string text;
    for (const auto &[key, value] : members) {
        if (!value.empty()) text += (text.empty() ? "{\n  " : ",\n  ") + json_quote(key) + ": " + value;
    }
    return text + "\n}\n";
}

ModelShape shape_of(const ModelConfig &config) {
    CheckpointSpec spec;
    spec.config = config;
    return read_model_shape(Json::parse(config_text(spec), "config.json"), "config.json");
}

std::vector<Tensor> checkpoint_tensors(const CheckpointSpec &spec) {
    std::vector<Tensor> tensors;
    Random random(spec.seed);
    // Of hybrids that store them less one near 0, but for the one within the mixer.
    const bool less_one = is_hybrid(spec.config.model_type) && shape_of(spec.config).norms_less_one;
    for (const TensorSpec &needed : tensors_of(spec.config)) {
        const bool is_less = less_one && needed.name.find("linear_attn.") == std::string::npos;
        std::vector<float> values = initial_values(needed, spec.scale, is_less ? 0.0f : 1.0f, random);
        if (spec.edit) spec.edit(needed.name, values);
        std::string name = needed.name;
        if (spec.old_embedding_name && name == "backbone.embeddings.weight")
            name = "backbone.embedding.weight";
        tensors.push_back(make_tensor(name, spec.dtype, needed.shape, values));
    }
    if (spec.edit_tensors) spec.edit_tensors(tensors);
    return tensors;
}

void write_checkpoint(const std::string &directory, const CheckpointSpec &spec) {
    write_text(join_path(directory, "config.json"), config_text(spec));
    const std::vector<Tensor> tensors = checkpoint_tensors(spec);
    if (spec.shards > 0) {
        write_shards(directory, tensors, spec.shards);
    } else {
        write_text(join_path(directory, "model.safetensors"), safetensors_file(tensors));
    }
    for (const auto &[name, text] : spec.files) write_text(join_path(directory, name), text);
}

}  // namespace adder::test
