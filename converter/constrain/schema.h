// JSON Schemas as constraints.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/constrain/expression.h"
#include "converter/text/json.h"

namespace adder {

struct SchemaOptions {
    bool any_order = false;    // of an object's members; else that of `properties`
    bool spaces = false;       // one may follow each colon and comma between values; else none does
    uint32_t max_length = 64;  // characters of a string without maxLength
    uint32_t max_items = 8;    // of an array without maxItems
    uint32_t depth = 8;        // how often a $ref may lead to a schema from within it
    uint32_t decimals = 6;     // of a number, at most max_decimals
};

// JSON texts that are valid for the schema (2020-12): type, const, enum, anyOf, oneOf (as anyOf), $ref into the document; properties,
// required, additionalProperties true and false; items, minItems, maxItems; pattern, minLength, maxLength; minimum, maximum,
// exclusiveMinimum, exclusiveMaximum. Not all that are valid: members that `properties` does not name are never written, a number
// has no exponent, a character one form.
// What else a schema holds is refused by Error(bad_input), which names `what`, the JSON pointer and the keyword, but for annotations
// that allow and forbid nothing. `notes` gets a sentence for each thing that is taken in another way than it says.
Expr parse_schema(const Json &schema, const std::string &what, const SchemaOptions &options,
                  std::vector<std::string> *notes);

}  // namespace adder
