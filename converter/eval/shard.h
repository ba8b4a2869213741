// One evaluation spread over processes: each writes what it found, exactly, as JSON; the parts are put together again.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "converter/eval/result.h"

namespace adder {

// Every sum and log-likelihood in a form that reads back as the same bits.
std::string write_shard(const Evaluation &evaluation);

// Throws Error(bad_input) if the text is no shard's; `name` stands in messages. Whatever the text is, the figures of
// what is returned can be computed.
Evaluation read_shard(std::string_view text, const std::string &name);

// Parts of one evaluation as one: the same models, texts, tasks and settings in each, and each shard once. Throws
// Error(bad_input) naming the file that does not fit.
Evaluation merge_shards(std::vector<Evaluation> parts, const std::vector<std::string> &names);

}  // namespace adder
