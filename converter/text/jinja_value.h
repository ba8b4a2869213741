// What chat templates do with values: truth, printing, methods, filters, tests.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "converter/text/jinja.h"

namespace adder::jinja {

// Of a call: what is given by place, and by name.
struct Arguments {
    Value::List positional;
    Value::Dict named;
};

bool is_true(const Value &value);

// Nothing from a function below: this is unsupported.
std::optional<std::string> printed(const Value &value);  // as {{ }} prints it; not lists, dicts, namespaces
std::optional<int64_t> length_of(const Value &value);
// Texts: strip, lstrip, rstrip, upper, lower, capitalize, startswith, endswith, split, replace. Dicts: get, items, keys, values.
std::optional<Value> call_method(const Value &object, const std::string &name, const Value::List &arguments);
// trim, upper, lower, capitalize, string, safe, int, replace, length, count, first, last, list, reverse, join, items, map and
// selectattr and rejectattr by an attribute, tojson of texts, numbers and lists, default, d.
std::optional<Value> apply_filter(const Value &object, const std::string &name, const Arguments &arguments);
// defined, undefined, none, string, mapping, iterable, sequence, boolean, number, integer, true, false, even, odd.
std::optional<bool> apply_test(const Value &object, const std::string &name);

}  // namespace adder::jinja
