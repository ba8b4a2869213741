// Tables of families, applied to GGUF files.
// SPDX-License-Identifier: MIT
#include "converter/families/gguf.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/base/error.h"
#include "converter/families/family.h"
#include "converter/import/gguf_splits.h"

namespace adder {
namespace {

constexpr char architecture_key[] = "general.architecture";
constexpr char embedding[] = "token_embd.weight";

// "blk.3.ssm_in.weight": the number as it stands, and the name within the layer; false for other tensors.
bool split_layer(const std::string &name, std::string *number, std::string *rest) {
    const std::string prefix = "blk.";
    if (name.compare(0, prefix.size(), prefix) != 0) return false;
    const size_t end = name.find_first_not_of("0123456789", prefix.size());
    if (end == std::string::npos || end == prefix.size() || name[end] != '.') return false;
    *number = name.substr(prefix.size(), end - prefix.size());
    *rest = name.substr(end + 1);
    return true;
}

std::vector<std::string> words(const std::string &text) {
    std::vector<std::string> list;
    for (size_t at = 0; at <= text.size();) {
        const size_t end = std::min(text.find(' ', at), text.size());
        list.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return list;
}

// A tensor of another shape than can be made so stays as it is, and is refused for its shape.
std::vector<TensorFiles::NamedView> parts_of(const GgufName &name, const std::string &prefix,
                                             uint64_t head_dim, TensorView view) {
    view.negative_exp = name.negative_exp;
    std::vector<uint64_t> &shape = view.shape;
    switch (name.shape) {
    case GgufShape::plain: break;
    case GgufShape::vector: shape = {view.elements}; break;
    case GgufShape::taps:
        if (shape.size() == 2) shape.insert(shape.begin() + 1, 1);
        break;
    case GgufShape::heads:
        if (head_dim > 0 && view.elements % head_dim == 0) shape = {view.elements / head_dim, head_dim};
        break;
    case GgufShape::halves:
        if (shape.size() == 2 && head_dim > 0 && head_dim <= UINT32_MAX && shape[0] % head_dim == 0 &&
            head_dim % 2 == 0)
            view.head_rows = static_cast<uint32_t>(head_dim);
        break;
    case GgufShape::rows: {
        const std::vector<std::string> names = words(name.ours);
        if (shape.size() < 2 || shape[0] != names.size()) return {{view.name, view}};
        std::vector<TensorFiles::NamedView> rows;
        view.elements /= names.size();
        view.size /= names.size();
        shape = {1, 1, view.elements};
        for (const std::string &row : names) {
            rows.emplace_back(prefix + row, view);
            view.data += view.size;
        }
        return rows;
    }
    }
    return {{prefix + name.ours, view}};
}

// Those of layers [left_out.first, left_out.second) are left out.
std::vector<TensorFiles::NamedView> arranged(const GgufForm &form, uint64_t head_dim,
                                             std::pair<int64_t, int64_t> left_out, const TensorView &tensor) {
    std::string number, rest = tensor.name, prefix;
    const bool in_layer = split_layer(tensor.name, &number, &rest);
    if (in_layer && number.size() < 10) {
        const int64_t layer = std::stoll(number);
        if (layer >= left_out.first && layer < left_out.second) return {};
    }
    if (in_layer) prefix = form.layers + number + ".";
    for (const GgufName &name : in_layer ? form.within : form.whole)
        if (rest == name.theirs) return parts_of(name, prefix, head_dim, tensor);
    return {{tensor.name, tensor}};
}

const GgufForm &form_of(const GgufMetadata &metadata) {
    const auto architecture = metadata.string(architecture_key);
    for (const Family *family : families())
        if (family->gguf != nullptr && architecture && *architecture == family->gguf->architecture)
            return *family->gguf;
    std::string supported;
    for (const std::string &one : gguf_architectures())
        supported += (supported.empty() ? "" : ", ") + json_quote(one);
    bad_input("%s is %s; supported: %s", metadata.what(architecture_key).c_str(),
              architecture ? json_quote(*architecture).c_str() : "missing", supported.c_str());
}

}  // namespace

GgufKeys::GgufKeys(const GgufMetadata &metadata, const TensorFiles &files)
    : metadata_(metadata), files_(files), architecture_(metadata.string(architecture_key).value_or("")) {}

int64_t GgufKeys::integer(const char *key) const {
    if (const auto value = metadata_.integer(name(key), 0, INT32_MAX)) return *value;
    metadata_.refuse(name(key), "is missing; an integer is needed");
}

bool GgufKeys::has_in_layers(const std::string &name) const {
    bool found = false;
    std::string number, rest;
    files_.each([&](const TensorView &tensor) {
        found = found || (split_layer(tensor.name, &number, &rest) && rest == name);
    });
    return found;
}

std::vector<int64_t> GgufKeys::layers(const char *key) const {
    const int64_t count = integer("block_count");
    const GgufValue *const value = metadata_.find(name(key));
    // Of more layers than there may be, which is found later, no more than these.
    if (value == nullptr || !value->is_array)
        return std::vector<int64_t>(static_cast<size_t>(std::min<int64_t>(count, max_n_layer)), integer(key));
    std::vector<int64_t> list = metadata_.integers(name(key));
    check_length(key, list.size());
    for (const int64_t one : list)
        if (one < 0 || one > INT32_MAX)
            metadata_.refuse(name(key), format("has %lld; an integer from 0 to %d is needed",
                                               static_cast<long long>(one), INT32_MAX));
    return list;
}

void GgufKeys::check_length(const char *key, size_t length) const {
    const int64_t count = integer("block_count");
    const bool possible = count > 0 && count <= max_n_layer;  // else it is found later
    if (possible && length != static_cast<size_t>(count))
        refuse(key, format("has %zu elements; block_count is %lld", length, static_cast<long long>(count)));
}

std::vector<bool> GgufKeys::layer_flags(const char *key) const {
    std::vector<bool> list = metadata_.flags(name(key));
    check_length(key, list.size());
    return list;
}

int64_t GgufKeys::further_layers() const {
    const int64_t further = find_integer("nextn_predict_layers").value_or(0);
    if (further > 0 && further >= integer("block_count"))
        refuse("nextn_predict_layers",
               format("is %lld; less than block_count, %lld, is needed", static_cast<long long>(further),
                      static_cast<long long>(integer("block_count"))));
    return further;
}

int64_t GgufKeys::quotient(const char *key, const char *divisor) const {
    const int64_t a = integer(key), b = integer(divisor);
    if (b == 0 || a % b != 0)
        metadata_.refuse(name(divisor), format("is %lld; a number is needed that divides %s, %lld",
                                               static_cast<long long>(b), key, static_cast<long long>(a)));
    return a / b;
}

double GgufKeys::number(const char *key) const {
    const auto value = metadata_.number(name(key));
    if (!value) metadata_.refuse(name(key), "is missing; a number is needed");
    if (!std::isfinite(*value))
        metadata_.refuse(name(key), format("is %g; a finite number is needed", *value));
    return *value;
}

void GgufKeys::require(const char *key, int64_t value) const {
    const auto found = metadata_.integer(name(key), 0, INT32_MAX);
    if (found && *found != value)
        metadata_.refuse(name(key), format("is %lld; %lld is needed", static_cast<long long>(*found),
                                           static_cast<long long>(value)));
}

void GgufKeys::begin(const char *model_type, JsonWriter *json) const {
    json->begin_object().key("model_type").value(model_type);
    copy("embedding_length", "hidden_size", json);
    json->key("num_hidden_layers").value(own_layers());
    // As many as the embedding has rows: what the file counts may be without those that fill it up.
    const TensorView &table = files_.tensor(embedding);
    if (table.shape.size() != 2)
        bad_input("%s: tensor %s has %zu dimensions; 2 are needed", table.file->c_str(),
                  json_quote(embedding).c_str(), table.shape.size());
    json->key("vocab_size").value(table.shape[0]);
    const auto token = [&](const char *which) {
        return metadata_.integer(std::string("tokenizer.ggml.") + which + "_token_id", 0, INT32_MAX);
    };
    if (const auto bos = token("bos")) json->key("bos_token_id").value(*bos);
    std::vector<int64_t> ends;
    for (const char *which : {"eos", "eot", "eom"})
        if (const auto id = token(which))
            if (std::count(ends.begin(), ends.end(), *id) == 0) ends.push_back(*id);
    json->key("eos_token_id").begin_array();
    for (const int64_t id : ends) json->value(id);
    json->end_array();
}

void GgufKeys::copy_number(const char *key, const char *ours, JsonWriter *json) const {
    // Written as the float that it is in the file, so that it reads as the number that was meant.
    json->key(ours).value(static_cast<float>(number(key)));
}

void GgufKeys::copy(const std::vector<GgufMember> &members, JsonWriter *json) const {
    for (const GgufMember &member : members) {
        switch (member.kind) {
        case GgufMember::Kind::integer: copy(member.theirs, member.ours, json); break;
        case GgufMember::Kind::number_if_there:
            if (!has(member.theirs)) break;
            [[fallthrough]];
        case GgufMember::Kind::number: copy_number(member.theirs, member.ours, json); break;
        case GgufMember::Kind::alike: {
            int64_t found = 0;
            for (const int64_t one : layers(member.theirs)) {
                if (one != 0 && found != 0 && one != found)
                    refuse(member.theirs, format("has %lld and %lld; one number for all layers that have any "
                                                 "is needed",
                                                 static_cast<long long>(found), static_cast<long long>(one)));
                if (one != 0) found = one;
            }
            if (found != 0) json->key(member.ours).value(found);
            break;
        }
        }
    }
}

void GgufKeys::write_expand(const char *ours, int64_t width, JsonWriter *json) const {
    // 0 is refused as the width.
    const auto d_model = static_cast<double>(std::max<int64_t>(integer("embedding_length"), 1));
    // The quotient, or the next number, whose product with the width of the model is not below.
    double expand = static_cast<double>(width) / d_model;
    if (expand * d_model < static_cast<double>(width))
        expand = std::nextafter(expand, std::numeric_limits<double>::infinity());
    json->key(ours).value(expand);
}

std::vector<std::string> gguf_architectures() {
    std::vector<std::string> all;
    for (const Family *family : families())
        if (family->gguf != nullptr) all.emplace_back(family->gguf->architecture);
    return all;
}

std::string_view gguf_split_of_family(std::string_view name) {
    for (const Family *family : families())
        if (family->gguf_split != nullptr && name == family->name) return family->gguf_split;
    return "";
}

std::string config_from_gguf(TensorFiles *files) {
    const GgufMetadata &metadata = *files->gguf();
    const GgufForm &form = form_of(metadata);
    const GgufKeys keys(metadata, *files);
    const std::string config = form.config(keys);
    const uint64_t head_dim = form.head_dim == nullptr ? 0 : form.head_dim(keys);
    std::pair<int64_t, int64_t> left_out;
    if (form.without_further_layers) left_out = {keys.own_layers(), keys.integer("block_count")};
    files->arrange([&](const TensorView &tensor) { return arranged(form, head_dim, left_out, tensor); });
    return config;
}

std::string generation_from_gguf(const GgufMetadata &metadata) {
    struct Member {
        const char *theirs, *ours;
    };
    JsonWriter json;
    json.begin_object();
    for (const Member &one : {Member{"temp", "temperature"}, Member{"top_p", "top_p"},
                              Member{"min_p", "min_p"}, Member{"penalty_repeat", "repetition_penalty"}}) {
        const std::string key = std::string("general.sampling.") + one.theirs;
        const auto value = metadata.number(key);
        if (!value) continue;
        if (!std::isfinite(*value)) metadata.refuse(key, format("is %g; a finite number is needed", *value));
        json.key(one.ours).value(static_cast<float>(*value));
    }
    if (const auto top_k = metadata.integer("general.sampling.top_k", 0, INT32_MAX))
        json.key("top_k").value(*top_k);
    return json.end_object().text();
}

}  // namespace adder
