// What chat templates do with values: truth, printing, methods, filters, tests.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "converter/text/jinja.h"

namespace adder::jinja {

bool is_true(const Value &value);

// Nothing from a function below: this is unsupported.
std::optional<std::string> printed(const Value &value);  // as {{ }} prints it; not lists, dicts, namespaces
std::optional<int64_t> length_of(const Value &value);
// Texts: strip, lstrip, rstrip, upper, lower, startswith, endswith, split. Dicts: get.
std::optional<Value> call_method(const Value &object, const std::string &name, const Value::List &arguments);
// trim, upper, lower, string, safe, length, count, first, last, default, d.
std::optional<Value> apply_filter(const Value &object, const std::string &name, const Value::List &arguments);
// defined, undefined, none, string, mapping, iterable, sequence, boolean, number, integer, true, false, even, odd.
std::optional<bool> apply_test(const Value &object, const std::string &name);

}  // namespace adder::jinja
