// What files say of the texts that something was made on.
// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "converter/base/error.h"
#include "converter/text/json.h"

namespace adder {

// [{"name": ..., "bytes": ..., "crc32": "01234567"}, ...] of anything that has these three.
template <typename Text>
void write_texts(JsonWriter &json, const std::vector<Text> &texts) {
    json.begin_array();
    for (const Text &text : texts)
        json.begin_object()
            .key("name")
            .value(text.name)
            .key("bytes")
            .value(text.bytes)
            .key("crc32")
            .value(format("%08x", text.crc))
            .end_object();
    json.end_array();
}

}  // namespace adder
