// What /proc, /sys and the C library tell about the machine.
// SPDX-License-Identifier: MIT
#include "converter/bench/machine.h"

#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "converter/base/error.h"
#include "kernels/kernels.h"

namespace adder {
namespace {

// Calls take(line) for the lines of a text file of /proc or /sys, which may be long, until it returns false.
template <typename Take>
void for_lines(const std::string &path, const Take &take) {
    std::FILE *const file = std::fopen(path.c_str(), "re");
    if (file == nullptr) return;
    char line[1024];
    while (std::fgets(line, sizeof line, file) != nullptr)
        if (!take(std::string(line, std::strcspn(line, "\n")))) break;
    std::fclose(file);
}

// The first line; empty if there is none.
std::string line_of(const std::string &path) {
    std::string first;
    for_lines(path, [&](const std::string &line) {
        first = line;
        return false;
    });
    return first;
}

// "model name" of x86's /proc/cpuinfo, "Model" of boards; empty where there is none.
std::string cpu_name() {
    std::string name;
    for_lines("/proc/cpuinfo", [&](const std::string &line) {
        if (line.compare(0, 10, "model name") != 0 && line.compare(0, 5, "Model") != 0) return true;
        const size_t colon = line.find(':');
        const size_t first = colon == std::string::npos ? colon : line.find_first_not_of(' ', colon + 1);
        if (first != std::string::npos) name = line.substr(first);
        return name.empty();
    });
    return name;
}

uint64_t usable_cpus() {
#ifdef __linux__
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<uint64_t>(CPU_COUNT(&set));
#endif
    return std::thread::hardware_concurrency();
}

std::string compiler_name() {
#if defined(__clang__)
    return __VERSION__;
#else
    return "gcc " __VERSION__;
#endif
}

// The number in front of a unit, as /proc and /sys write it: "  64 kB", "1024K".
uint64_t kib(const std::string &text) { return std::strtoull(text.c_str(), nullptr, 10); }

}  // namespace

std::vector<std::string> isa_names() {
    std::vector<std::string> names;
    uint32_t count = 0;
    const KernelTable *const *const tables = kernels_built(&count);
    for (uint32_t i = 0; i < count; ++i)
        if (tables[i]->usable()) names.emplace_back(tables[i]->name);
    return names;
}

std::vector<BenchFact> machine_facts() {
    double load = 0;
    const bool has_load = getloadavg(&load, 1) == 1;
    const std::string cpu = cpu_name();
    const uint64_t cpus = usable_cpus();
    std::string isas;
    for (const std::string &isa : isa_names()) isas += (isas.empty() ? "" : " ") + isa;
    return {
        {"cpu", cpu, cpu},
        {"cpus", cpus, format("%llu CPUs", static_cast<unsigned long long>(cpus))},
        {"isas", isas, isas},
        {"compiler", compiler_name(), compiler_name()},
        {"load_average", has_load ? BenchCell(load) : BenchCell(),
         has_load ? format("load %.2f", load) : std::string()},
    };
}

size_t cache_bytes(int level) {
    for (int index = 0; index < 8; ++index) {
        const std::string cache = format("/sys/devices/system/cpu/cpu0/cache/index%d/", index);
        if (line_of(cache + "level") != std::to_string(level) || line_of(cache + "type") == "Instruction")
            continue;
        if (const uint64_t size = kib(line_of(cache + "size"))) return static_cast<size_t>(size) * 1024;
    }
    return level == 1 ? size_t{32} << 10 : level == 2 ? size_t{512} << 10 : size_t{8} << 20;
}

}  // namespace adder
