// The host program `adder`.
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <unistd.h>

#include "converter/app/cli.h"
#include "converter/base/progress.h"

// A standard stream that the caller has closed would be the next file that is opened, and receive what is printed. It
// becomes one that cannot be read or written.
static void occupy_closed_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (fcntl(stream, F_GETFD) == -1 && open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            _exit(1);
}

int main(int argc, char **argv) {
    occupy_closed_streams();
    adder::install_interrupt_handler();
    return adder::cli_main(adder::all_commands(), argc, argv);
}
