// GPTQ through the whole model: each layer is rounded to what the rounded layers before it make of its input.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "converter/blob/writer.h"
#include "converter/calibrate/calibration.h"
#include "converter/model/float_model.h"
#include "converter/model/stream_file.h"
#include "converter/plan/plan.h"

namespace adder {

// Does the plan ask for GPTQ anywhere?
bool needs_hessians(const Plan &plan);

// Writes all tensors of the blob; those that the plan asks GPTQ for, and that lie on no grid already, are rounded with
// the Hessian of their inputs on the sequences. The inputs are those of the quantized model: a layer that has been
// rounded is run by the runtime's kernels, and its outputs go into the next. Layers that feed the residual stream make
// up for what is lost before them: the weights of in_proj and out_proj are first moved to where the squared distance
// from the float model's values is least (quantize/fit.h).
//
// Memory: two residual streams of all tokens, the inputs of one wave of sequences, and the moments of one matrix. The
// result does not depend on the number of threads. `kept`, if there is one, has the float model's streams on these
// sequences, or takes them. Returns what was done other than the plan asks, a sentence each.
std::vector<std::string> write_with_gptq(FloatModel &model, const std::vector<Tokens> &tokens,
                                         const Plan &plan, const Calibration &calibration, BlobWriter *blob,
                                         StreamFile *kept = nullptr);

}  // namespace adder
