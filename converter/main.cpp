// The host program `adder`: the list of its commands.
// SPDX-License-Identifier: MIT
#include "converter/cli.h"
#include "converter/progress.h"

int main(int argc, char **argv) {
    adder::install_interrupt_handler();
    return adder::cli_main(
        {
            adder::convert_command(),
            adder::inspect_command(),
            adder::run_command(),
            adder::verify_command(),
            adder::eval_command(),
            adder::bench_command(),
        },
        argc, argv);
}
