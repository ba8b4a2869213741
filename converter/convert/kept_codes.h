// Matrices that keep the codes and scales which a GGUF file has: Q4_0, whose blocks are int4 groups with a scale of
// binary16.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "converter/model/checkpoint.h"
#include "converter/plan/plan.h"

namespace adder {

// Of the matrices whose plan says LinearPlan::keep: those that the file has as Q4_0, and whose weights, as the model is
// computed with them, are codes times scales still, become int4 of such groups. Of the others `keep` is taken back.
// What would change the weights that are kept is turned off: smoothing of their input and of inputs that they make; of
// a Hadamard transform one scale a token takes the place. Returns what was turned off or could not be kept, a sentence
// each. Throws Error(bad_input) if nothing is kept.
std::vector<std::string> keep_codes(const Checkpoint &checkpoint, Plan *plan);

}  // namespace adder
