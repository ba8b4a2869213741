// Writes GGUF files.
// SPDX-License-Identifier: MIT
#include "tests/support/gguf_builder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "converter/quantize/halves.h"
#include "tests/support/families.h"
#include "tests/support/pytorch_builder.h"

namespace adder::test {
namespace {

std::string u32_bytes(uint64_t value) { return little_endian(value, 4); }
std::string u64_bytes(uint64_t value) { return little_endian(value, 8); }

std::string float_bytes(float value) {
    char bytes[4];
    std::memcpy(bytes, &value, 4);  // the tests' machines are little-endian
    return {bytes, 4};
}

std::vector<float> floats_of(const Tensor &tensor) {
    std::vector<float> values(tensor.data.size() / 4);
    std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
    return values;
}

std::string bytes_of(const std::vector<float> &values) {
    return {reinterpret_cast<const char *>(values.data()), values.size() * 4};
}

struct Name {
    const char *ours, *theirs;
};

// What follows a layer's prefix.
constexpr Name mamba_names[] = {{"norm.weight", "attn_norm.weight"},
                                {"mixer.in_proj.weight", "ssm_in.weight"},
                                {"mixer.in_proj.bias", "ssm_in.bias"},
                                {"mixer.conv1d.weight", "ssm_conv1d.weight"},
                                {"mixer.conv1d.bias", "ssm_conv1d.bias"},
                                {"mixer.x_proj.weight", "ssm_x.weight"},
                                {"mixer.dt_proj.weight", "ssm_dt.weight"},
                                {"mixer.dt_proj.bias", "ssm_dt.bias"},
                                {"mixer.dt_bias", "ssm_dt.bias"},
                                {"mixer.A_log", "ssm_a"},
                                {"mixer.D", "ssm_d"},
                                {"mixer.norm.weight", "ssm_norm.weight"},
                                {"mixer.out_proj.weight", "ssm_out.weight"},
                                {"mixer.out_proj.bias", "ssm_out.bias"},
                                {"backbone.embeddings.weight", "token_embd.weight"},
                                {"backbone.norm_f.weight", "output_norm.weight"},
                                {"lm_head.weight", "output.weight"}};
constexpr Name rwkv_names[] = {{"attn_norm", "attn_norm"},
                               {"ffn_norm", "attn_norm_2"},
                               {"attn.g_norm", "time_mix_ln"},
                               {"attn.k_k", "time_mix_k_k.weight"},
                               {"attn.k_a", "time_mix_k_a.weight"},
                               {"attn.r_k", "time_mix_r_k.weight"},
                               {"attn.r_proj", "time_mix_receptance"},
                               {"attn.k_proj", "time_mix_key"},
                               {"attn.v_proj", "time_mix_value"},
                               {"attn.o_proj", "time_mix_output"},
                               {"ffn.x_k", "channel_mix_lerp_k.weight"},
                               {"ffn.key", "channel_mix_key"},
                               {"ffn.value", "channel_mix_value"},
                               {"model.embeddings", "token_embd"},
                               {"model.layers.0.pre_norm", "token_embd_norm"},
                               {"model.norm", "output_norm"},
                               {"lm_head", "output"}};

// "backbone.layers.3.x": "blk.3." and "x".
std::pair<std::string, std::string> split(const std::string &name, const std::string &layers) {
    if (name.compare(0, layers.size(), layers) != 0 || name.find("pre_norm") != std::string::npos)
        return {"", name};
    const size_t dot = name.find('.', layers.size());
    return {"blk." + name.substr(layers.size(), dot - layers.size()) + ".", name.substr(dot + 1)};
}

void add_mamba(const Tensor &tensor, const ModelConfig &config, GgufBuilder *file) {
    const auto [prefix, rest] = split(tensor.name, "backbone.layers.");
    const std::string &own = rest;
    const auto name = std::find_if(std::begin(mamba_names), std::end(mamba_names),
                                   [&](const Name &one) { return own == one.ours; });
    if (name == std::end(mamba_names)) throw std::runtime_error("no GGUF name of " + tensor.name);
    GgufTensor written{prefix + name->theirs, 0, tensor.shape, tensor.data};
    const bool heads = config.model_type == "mamba2";
    if (own == "mixer.A_log") {
        std::vector<float> values = floats_of(tensor);
        for (float &value : values) value = static_cast<float>(-std::exp(static_cast<double>(value)));
        written.data = bytes_of(values);
    }
    if (heads && (own == "mixer.A_log" || own == "mixer.D")) written.shape.push_back(1);
    if (own == "mixer.conv1d.weight") written.shape.erase(written.shape.begin() + 1);
    if (own == "mixer.norm.weight") written.shape = {config.n_group, written.shape[0] / config.n_group};
    file->tensors.push_back(written);
}

void add_rwkv(const Tensor &tensor, GgufBuilder *file) {
    auto [prefix, rest] = split(tensor.name, "model.layers.");
    if (rest.compare(0, 7, "attn.x_") == 0) {  // in one, in the order in which they come
        const std::string name = prefix + "time_mix_lerp_fused.weight";
        if (file->tensors.empty() || file->tensors.back().name != name)
            file->tensors.push_back({name, 0, {0, 1, 1, tensor.shape.back()}, ""});
        ++file->tensors.back().shape[0];
        file->tensors.back().data += tensor.data;
        return;
    }
    const size_t low = rest.find("_lora.lora.");
    if (low != std::string::npos) {  // attn.w_lora.lora.0.weight, .2.weight, .2.bias: w1, w2, w0
        const std::string end = rest.substr(low + 11);
        const char *const digit = end == "0.weight" ? "1" : end == "2.weight" ? "2" : "0";
        const std::string which = rest.substr(5, low - 5);
        file->tensors.push_back(
            {prefix + "time_mix_" + which + digit + ".weight", 0, tensor.shape, tensor.data});
        if (prefix == "blk.0." && which == "a")
            file->tensors.push_back({prefix + "time_mix_v" + digit + ".weight", 0, tensor.shape, tensor.data});
        return;
    }
    for (const Name &name : rwkv_names) {
        const size_t size = std::strlen(name.ours);
        if (rest.compare(0, size, name.ours) != 0 || (rest.size() > size && rest[size] != '.')) continue;
        GgufTensor written{prefix + name.theirs + rest.substr(size), 0, tensor.shape, tensor.data};
        if (rest == "attn.r_k") written.shape = {tensor.shape[0] * tensor.shape[1]};
        file->tensors.push_back(written);
        return;
    }
    throw std::runtime_error("no GGUF name of " + tensor.name);
}

}  // namespace

std::string gguf_text(const std::string &text) { return u64_bytes(text.size()) + text; }

GgufBuilder &GgufBuilder::raw(const std::string &key, uint32_t type, const std::string &value) {
    keys.push_back(gguf_text(key) + u32_bytes(type) + value);
    return *this;
}
GgufBuilder &GgufBuilder::u32(const std::string &key, uint32_t value) {
    return raw(key, 4, u32_bytes(value));
}
GgufBuilder &GgufBuilder::number(const std::string &key, float value) {
    return raw(key, 6, float_bytes(value));
}
GgufBuilder &GgufBuilder::boolean(const std::string &key, bool value) {
    return raw(key, 7, little_endian(value, 1));
}
GgufBuilder &GgufBuilder::string(const std::string &key, const std::string &value) {
    return raw(key, 8, gguf_text(value));
}
GgufBuilder &GgufBuilder::strings(const std::string &key, const std::vector<std::string> &values) {
    std::string bytes = u32_bytes(8) + u64_bytes(values.size());
    for (const std::string &value : values) bytes += gguf_text(value);
    return raw(key, 9, bytes);
}
GgufBuilder &GgufBuilder::integers(const std::string &key, const std::vector<int32_t> &values) {
    std::string bytes = u32_bytes(5) + u64_bytes(values.size());
    for (const int32_t value : values) bytes += u32_bytes(static_cast<uint32_t>(value));
    return raw(key, 9, bytes);
}
GgufBuilder &GgufBuilder::booleans(const std::string &key, const std::vector<bool> &values) {
    std::string bytes = u32_bytes(7) + u64_bytes(values.size());
    for (const bool value : values) bytes += value ? '\1' : '\0';
    return raw(key, 9, bytes);
}
GgufBuilder &GgufBuilder::numbers(const std::string &key, const std::vector<float> &values) {
    return raw(key, 9, u32_bytes(6) + u64_bytes(values.size()) + bytes_of(values));
}
GgufBuilder &GgufBuilder::tensor(const std::string &name, uint32_t type, std::vector<uint64_t> shape,
                                 const std::string &data) {
    tensors.push_back({name, type, std::move(shape), data});
    return *this;
}

void GgufBuilder::drop(const std::string &key) {
    const std::string start = gguf_text(key);
    keys.erase(std::remove_if(keys.begin(), keys.end(),
                              [&](const std::string &one) { return one.compare(0, start.size(), start) == 0; }),
               keys.end());
}

GgufTensor &GgufBuilder::find(const std::string &name) {
    for (GgufTensor &one : tensors)
        if (one.name == name) return one;
    throw std::runtime_error("no tensor " + name);
}

std::string GgufBuilder::bytes() const {
    std::string file = magic + u32_bytes(version), data;
    file += u64_bytes(counts.size() > 1 ? counts[1] : tensors.size());
    file += u64_bytes(counts.empty() ? keys.size() : counts[0]);
    for (const std::string &key : keys) file += key;
    const auto pad = [&](std::string *text) {
        text->append((alignment - text->size() % alignment) % alignment, '\0');
    };
    for (size_t i = 0; i < tensors.size(); ++i) {
        const GgufTensor &one = tensors[i];
        file += gguf_text(one.name) + u32_bytes(one.shape.size());
        for (size_t d = one.shape.size(); d-- > 0;) file += u64_bytes(one.shape[d]);
        file += u32_bytes(one.type) + u64_bytes(i < places.size() ? places[i] : data.size());
        data += one.data;
        pad(&data);
    }
    if (!tensors.empty()) pad(&file);
    return file + data;
}

std::string q8_0_blocks(const std::vector<float> &values) {
    std::string blocks;
    for (size_t begin = 0; begin < values.size(); begin += 32) {
        float largest = 0;
        for (size_t i = 0; i < 32; ++i) largest = std::max(largest, std::fabs(values[begin + i]));
        const uint16_t scale = float_to_f16(largest / 127);
        const float step = float_of_f16(scale);
        blocks += little_endian(scale, 2);
        for (size_t i = 0; i < 32; ++i)
            blocks += static_cast<char>(step > 0 ? std::lround(values[begin + i] / step) : 0);
    }
    return blocks;
}

std::vector<float> floats_of_q8_0(const std::string &blocks) {
    std::vector<float> values;
    for (size_t at = 0; at < blocks.size(); at += 34) {
        const auto low = static_cast<uint8_t>(blocks[at]), high = static_cast<uint8_t>(blocks[at + 1]);
        const float step = float_of_f16(static_cast<uint16_t>(low | high << 8));
        for (size_t i = 0; i < 32; ++i)
            values.push_back(static_cast<float>(static_cast<int8_t>(blocks[at + 2 + i])) * step);
    }
    return values;
}

std::string q4_0_blocks(const std::vector<float> &values) {
    std::string blocks;
    for (size_t begin = 0; begin < values.size(); begin += 32) {
        float largest = 0;
        for (size_t i = 0; i < 32; ++i)
            if (std::fabs(values[begin + i]) > std::fabs(largest)) largest = values[begin + i];
        const uint16_t scale = float_to_f16(largest / -8);
        const float step = float_of_f16(scale);
        blocks += little_endian(scale, 2);
        const auto code = [&](size_t i) {
            const float exact = step != 0 ? values[begin + i] / step + 8.5f : 8;
            return static_cast<unsigned>(std::min(15.0f, std::max(0.0f, exact)));
        };
        for (size_t i = 0; i < 16; ++i) blocks += static_cast<char>(code(i) | code(i + 16) << 4);
    }
    return blocks;
}

std::vector<float> floats_of_q4_0(const std::string &blocks) {
    std::vector<float> values;
    for (size_t at = 0; at < blocks.size(); at += 18) {
        const auto low = static_cast<uint8_t>(blocks[at]), high = static_cast<uint8_t>(blocks[at + 1]);
        const float step = float_of_f16(static_cast<uint16_t>(low | high << 8));
        for (size_t i = 0; i < 32; ++i) {
            const auto byte = static_cast<uint8_t>(blocks[at + 2 + i % 16]);
            values.push_back(static_cast<float>(static_cast<int>(i < 16 ? byte & 15 : byte >> 4) - 8) * step);
        }
    }
    return values;
}

void make_q4_0(GgufBuilder *quantized, GgufBuilder *dequantized) {
    for (size_t i = 0; i < quantized->tensors.size(); ++i) {
        GgufTensor &tensor = quantized->tensors[i];
        if (tensor.type != 0 || tensor.shape.size() != 2 || tensor.shape[1] % 32 != 0 || tensor.shape[0] < 8)
            continue;
        std::vector<float> values(tensor.data.size() / 4);
        std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
        tensor.type = 2;
        tensor.data = q4_0_blocks(values);
        dequantized->tensors[i].data = bytes_of(floats_of_q4_0(tensor.data));
    }
}

std::vector<std::string> gguf_model_types() {
    return {"mamba", "falcon_mamba", "mamba2",     "rwkv7", "granitemoehybrid",
            "bamba", "falcon_h1",    "nemotron_h", "lfm2",  "qwen3_5_text"};
}

std::string gguf_architecture(const std::string &model_type) {
    if (model_type == "falcon_mamba") return "mamba";
    if (model_type == "granitemoehybrid" || model_type == "bamba") return "granitehybrid";
    if (model_type == "qwen3_5_text") return "qwen35";
    return model_type == "falcon_h1" ? "falcon-h1" : model_type;
}

GgufBuilder gguf_checkpoint(const CheckpointSpec &spec) {
    const ModelConfig &config = spec.config;
    if (is_hybrid(config.model_type))
        return gguf_hybrid(Json::parse(config_text(spec), "config.json"), checkpoint_tensors(spec));
    const bool rwkv = config.model_type == "rwkv7", norms = config.model_type == "falcon_mamba";
    GgufBuilder file;
    const std::string name = gguf_architecture(config.model_type), prefix = name + ".";
    file.string("general.architecture", name).string("general.name", "toy");
    file.u32(prefix + "context_length", 1 << 20).u32(prefix + "embedding_length", config.d_model);
    file.u32(prefix + "block_count", config.n_layer).u32(prefix + "attention.head_count", 0);
    if (rwkv) {
        const ModelShape shape = shape_of(config);
        const auto dim = [&](Dim which) { return shape.dim(which); };
        file.number(prefix + "attention.layer_norm_epsilon", config.norm_epsilon);
        file.u32(prefix + "wkv.head_size", config.d_model / dim(Dim::n_head));
        file.u32(prefix + "attention.decay_lora_rank", dim(Dim::w_rank));
        file.u32(prefix + "attention.iclr_lora_rank", dim(Dim::a_rank));
        file.u32(prefix + "attention.value_residual_mix_lora_rank", config.d_conv);
        file.u32(prefix + "attention.gate_lora_rank", dim(Dim::g_rank));
        file.u32(prefix + "feed_forward_length", dim(Dim::d_ffn));
    } else {
        file.u32(prefix + "feed_forward_length", 0);
        file.u32(prefix + "ssm.conv_kernel", config.d_conv).u32(prefix + "ssm.inner_size", config.d_inner);
        file.u32(prefix + "ssm.state_size", config.d_state);
        if (name == "mamba2") {
            file.u32(prefix + "ssm.time_step_rank", config.n_head);
            file.u32(prefix + "ssm.group_count", config.n_group);
        } else {
            file.u32(prefix + "ssm.time_step_rank", config.dt_rank);
            file.boolean(prefix + "ssm.dt_b_c_rms", norms);
        }
        file.number(prefix + "attention.layer_norm_rms_epsilon", config.norm_epsilon);
    }
    for (const Tensor &tensor : checkpoint_tensors(spec))
        rwkv ? add_rwkv(tensor, &file) : add_mamba(tensor, config, &file);
    return file;
}

void round_decays(const std::string &name, std::vector<float> &values) {
    if (name.size() < 5 || name.compare(name.size() - 5, 5, "A_log") != 0) return;
    constexpr double log2_e = 1.4426950408889634;
    for (float &value : values)
        for (;; value = std::nextafter(value, 100.0f)) {
            const double exact = -std::exp(static_cast<double>(value));
            if (static_cast<float>(exact * log2_e) ==
                static_cast<float>(static_cast<double>(static_cast<float>(exact)) * log2_e))
                break;
        }
}

}  // namespace adder::test
