// The commands of `adder`, in the order in which the help lists them.
// SPDX-License-Identifier: MIT
#include "converter/app/cli.h"

namespace adder {

std::vector<Command> all_commands() {
    return {
        convert_command(),  calibrate_command(), inspect_command(),     export_c_command(),
        run_command(),      verify_command(),    eval_command(),        bench_command(),
        outliers_command(), study_command(),     make_random_command(),
    };
}

}  // namespace adder
