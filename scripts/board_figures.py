#!/usr/bin/env python3
# Prints tables of docs/porting.md: what models need on Cortex-M cores, by running them on emulated boards, or the instructions
# of a token on 64-bit ARM Linux, under qemu-aarch64.
# SPDX-License-Identifier: MIT
#
#     scripts/board_figures.py --plugin libinsn.so --build build --work /tmp/boards
#     scripts/board_figures.py --plugin libinsn.so --build build --work /tmp/boards --linux CHECKPOINT...
#
# build is a host's build with the tools and tests. A checkpoint is converted with best. The plugin is one for qemu (TCG plugins) that counts executed instructions
# between the hints #0x70 and #0x71, and writes roi_insns=N to the file that its argument out= names. Needs what
# toolchains/arm-none-eabi.cmake needs.
import argparse
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORES = [("M4", "mps2-an386"), ("M7", "mps2-an500"), ("M33", "mps2-an505"), ("M55", "mps3-an547")]
INT4 = ["--recipe", "small", "--set", "embedding=int4"]
CPUS = [("neon", "cortex-a53"), ("dotprod", "cortex-a76"), ("i8mm", "max")]
MODELS = [
    ("adder-1m-int4", "int4 (`small`, int4 embedding)", INT4),
    ("adder-1m-int4", "int8 (`best`)", ["--recipe", "best"]),
    ("adder-13m", "int4 (`small`, int4 embedding)", INT4),
    ("adder-13m", "int8 (`best`)", ["--recipe", "best"]),
]


def run(*command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


def export(tool, checkpoint, options, folder):
    blob = folder.with_suffix(".adder")
    run(tool, "convert", checkpoint, "-q", "-o", blob, *options)
    run(tool, "export-c", blob, "-q", "-o", folder, "--name", "model", "--chunk", "1", "--form", "incbin")
    arena = int(re.search(r"ARENA_BYTES \(ADDER_SESSION_BYTES \+ (\d+)\)", (folder / "model.h").read_text())[1]) + 128
    return blob.stat().st_size, arena


# Returns the kernels, the bytes of stack, and the instructions of a token.
def count(board, folder, arguments):
    build = arguments.work / board
    run("cmake", "-S", ROOT, "-B", build, "-G", "Ninja", "-DADDER_TESTS=ON", "-DADDER_QEMU=ON", f"-DADDER_BOARD={board}",
        f"-DCMAKE_TOOLCHAIN_FILE={ROOT}/toolchains/arm-none-eabi.cmake", f"-DADDER_MODEL={folder}",
        f"-DADDER_HOST_BUILD={arguments.build.resolve()}", f"-DCMAKE_BUILD_TYPE={arguments.build_type}")
    run("cmake", "--build", build, "--target", "adder-steps")
    counted = build / "counted"
    counted.unlink(missing_ok=True)
    machine = re.search(r"board_machine (\S+)\)", (ROOT / "examples/firmware/boards" / board / "board.cmake").read_text())[1]
    text = run("qemu-system-arm", "-M", machine, "-nographic", "-monitor", "none", "-serial", "stdio", "-semihosting-config",
               "enable=on,target=native", "-plugin", f"{arguments.plugin.resolve()},out={counted}", "-kernel",
               build / "bin/adder-steps.elf")
    isa, tokens, stack = text.split()
    return isa, int(stack), int(re.search(r"roi_insns=(\d+)", counted.read_text())[1]) / int(tokens)


# Returns the instructions of a token on each CPU.
def count_on_linux(folder, arguments):
    build = arguments.work.resolve() / "aarch64"
    run("cmake", "-S", ROOT, "-B", build, "-G", "Ninja", "-DADDER_TOOLS=OFF", "-DADDER_EXAMPLES=OFF",
        "-DCMAKE_BUILD_TYPE=Release", f"-DCMAKE_TOOLCHAIN_FILE={ROOT}/toolchains/aarch64-linux-gnu.cmake")
    run("cmake", "--build", build)
    program = build / "adder-steps"
    run("aarch64-linux-gnu-gcc", "-std=c11", "-O2", "-static", f"-I{ROOT}/include", f"-I{ROOT}/examples/firmware", f"-I{folder}",
        ROOT / "tests/firmware/steps.c", ROOT / "tests/firmware/host_port.c", ROOT / "examples/firmware/text.c",
        folder / "model.S", next(build.rglob("libadder.a")), "-o", program)
    instructions = []
    for isa, cpu in CPUS:
        counted = build / "counted"
        counted.unlink(missing_ok=True)
        text = run("qemu-aarch64", "-cpu", cpu, "-plugin", f"{arguments.plugin.resolve()},out={counted}", program)
        assert text.split()[0] == isa, f"{cpu} got {text}"
        instructions.append(int(re.search(r"roi_insns=(\d+)", counted.read_text())[1]) / int(text.split()[1]))
    return instructions


def print_linux(arguments):
    print("| model | blob | " + " | ".join(f"{isa} ({cpu})" for isa, cpu in CPUS) + " |")
    print("|" + "---|" * (2 + len(CPUS)))
    for i, checkpoint in enumerate(arguments.linux):
        folder = arguments.work.resolve() / f"linux{i}"
        blob, _ = export(arguments.build / "bin/adder", checkpoint, ["--recipe", "best"], folder)
        cells = [f"{instructions / 1e6:.2f} M" for instructions in count_on_linux(folder, arguments)]
        print(f"| {checkpoint.name} | {blob:,} | " + " | ".join(cells) + " |", flush=True)


def print_boards(arguments):
    rows, kernels = [], {}
    for i, (name, weights, options) in enumerate(MODELS):
        folder = arguments.work.resolve() / f"model{i}"
        blob, arena = export(arguments.build / "bin/adder", ROOT / "examples/models" / name, options, folder)
        cells, stacks = [], []
        for core, board in CORES:
            kernels[core], stack, instructions = count(board, folder, arguments)
            stacks.append(stack)
            cells.append(f"{instructions / 1e6:.2f} M")
        rows.append(f"| {name} | {weights} | {blob:,} | {arena:,} | {max(stacks):,} | " + " | ".join(cells) + " |")
    print("| model | weights | flash for the blob | arena | stack | "
          + " | ".join(f"{core}, {kernels[core]}" for core, _ in CORES) + " |")
    print("|" + "---|" * (5 + len(CORES)))
    print("\n".join(rows))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--plugin", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--build-type", default="MinSizeRel")
    parser.add_argument("--linux", type=pathlib.Path, nargs="+")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.linux:
        print_linux(arguments)
    else:
        print_boards(arguments)


main()
