// Drives a fuzz target where libFuzzer is not at hand: mutates seeds at random, and keeps the input that crashed.
// SPDX-License-Identifier: MIT
//
// Usage: fuzz_x [-seconds N] [-runs N] [-seed S] [-max-size N] [-crash FILE] [seed file or directory]...
// Without -seconds and -runs every seed runs once, as it is: that replays a crash. There is no coverage
// feedback; a target's own seeds and words have to reach its corners.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/random.h"

// What a target defines: the first always, the others if it likes. Words end with a null pointer.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern "C" [[gnu::weak]] void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t));
extern "C" [[gnu::weak]] const char *const adder_fuzz_words[];

// The sanitizers' run-time library calls back before it ends the process; absent in a plain build.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)(void));

// gcc's undefined-behaviour run-time library beside its address sanitizer knows only a callback of its own:
// let it abort, which the signal handler sees.
extern "C" const char *__ubsan_default_options();
extern "C" const char *__ubsan_default_options() { return "abort_on_error=1:print_stacktrace=1"; }

namespace {

using Bytes = std::vector<uint8_t>;

constexpr int hang_seconds = 20;  // one input may not take longer

std::vector<Bytes> corpus;
Bytes input;  // the one that runs
const char *crash_path = "crash.bin";

// Async-signal-safe. Once only: a sanitizer reports and then aborts.
void keep_input() {
    static volatile sig_atomic_t kept = 0;
    if (kept) return;
    kept = 1;
    const int descriptor = open(crash_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    const uint8_t *data = input.data();
    size_t left = input.size();
    while (descriptor >= 0 && left > 0) {
        const ssize_t written = write(descriptor, data, left);
        if (written <= 0) break;
        data += written;
        left -= static_cast<size_t>(written);
    }
    const char *const parts[] = {"\nthe input that did this is in ", crash_path, "\n"};
    for (const char *part : parts) {
        if (write(STDERR_FILENO, part, std::strlen(part)) < 0) break;
    }
}

void on_signal(int number) {
    if (number == SIGALRM) {
        const char text[] = "one input takes too long";
        if (write(STDERR_FILENO, text, sizeof text - 1) < 0) _exit(1);
    }
    keep_input();
    signal(number, SIG_DFL);
    raise(number);
}

void install_handlers() {
    static uint8_t stack[1 << 16];  // a stack overflow needs another stack to be reported on
    stack_t alternative{};
    alternative.ss_sp = stack;
    alternative.ss_size = sizeof stack;
    sigaltstack(&alternative, nullptr);
    const bool sanitized = __sanitizer_set_death_callback != nullptr;
    if (sanitized) __sanitizer_set_death_callback(keep_input);
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_ONSTACK;
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM}) {
        // A sanitizer has a better report of the first ones than this handler.
        if (!sanitized || number == SIGABRT || number == SIGALRM) sigaction(number, &action, nullptr);
    }
}

using Random = adder::test::SplitMix;

void insert(Bytes &bytes, size_t at, const uint8_t *data, size_t size) {
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), data, data + size);
}

void overwrite(Bytes &bytes, size_t at, const uint8_t *data, size_t size) {
    std::copy_n(data, std::min(size, bytes.size() - at), bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

void insert_word(Bytes &bytes, Random &random) {
    if (&adder_fuzz_words == nullptr || adder_fuzz_words[0] == nullptr) return;
    size_t count = 0;
    while (adder_fuzz_words[count] != nullptr) ++count;
    const char *const word = adder_fuzz_words[random.below(count)];
    insert(bytes, random.below(bytes.size() + 1), reinterpret_cast<const uint8_t *>(word), std::strlen(word));
}

// An integer near a limit, as binary of 1 to 8 bytes or as decimal text.
void put_integer(Bytes &bytes, Random &random) {
    const uint64_t base = uint64_t{1} << random.below(64);
    const uint64_t value = (random.below(4) == 0 ? 0 : base) + random.below(5) - 2;
    uint8_t data[32];
    size_t size = size_t{1} << random.below(4);
    if (random.below(2) == 0) {
        for (size_t i = 0; i < size; ++i) data[i] = static_cast<uint8_t>(value >> (8 * i));
    } else {
        char text[32];
        size = static_cast<size_t>(
            std::snprintf(text, sizeof text, "%llu", static_cast<unsigned long long>(value)));
        std::memcpy(data, text, size);
    }
    const size_t at = random.below(bytes.size() + 1);
    random.below(2) == 0 ? insert(bytes, at, data, size) : overwrite(bytes, at, data, size);
}

void mutate(Bytes &bytes, Random &random) {
    const size_t at = random.below(bytes.size() + 1);
    const size_t length = std::min(bytes.size() - at, random.below(64) + 1);
    const auto position = [&](size_t i) { return bytes.begin() + static_cast<std::ptrdiff_t>(i); };
    switch (random.below(10)) {
    case 0:
        if (at < bytes.size()) bytes[at] = static_cast<uint8_t>(bytes[at] ^ 1u << random.below(8));
        break;
    case 1:
        if (at < bytes.size()) bytes[at] = static_cast<uint8_t>(random.next());
        break;
    case 2: bytes.resize(at); break;
    case 3: bytes.erase(position(at), position(at + length)); break;
    case 4: {  // a block, once more somewhere
        const Bytes block(position(at), position(at + length));
        const size_t times = random.below(4) == 0 ? random.below(80) : 1;
        for (size_t i = 0; i < times; ++i) insert(bytes, at, block.data(), block.size());
        break;
    }
    case 5: {  // the rest of another input
        const Bytes &other = corpus[random.below(corpus.size())];
        const size_t from = random.below(other.size() + 1);
        bytes.resize(at);
        insert(bytes, at, other.data() + from, other.size() - from);
        break;
    }
    case 6:
        if (at < bytes.size())
            bytes[at] = static_cast<uint8_t>(bytes[at] + (random.below(2) == 0 ? 1 : 0xFF));
        break;
    case 7:
    case 8: put_integer(bytes, random); break;
    default: insert_word(bytes, random); break;
    }
}

void add_seed(const uint8_t *data, size_t size) { corpus.emplace_back(data, data + size); }

void add_file(const std::filesystem::path &path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        std::fprintf(stderr, "cannot read %s\n", path.c_str());
        std::exit(2);
    }
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

void add_path(const char *path) {
    if (!std::filesystem::is_directory(path)) return add_file(path);
    std::vector<std::filesystem::path> files;  // sorted: a seed number has to mean the same run everywhere
    for (const auto &entry : std::filesystem::directory_iterator(path)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const auto &file : files) add_file(file);
}

uint64_t number_of(const char *option, const char *text) {
    char *end = nullptr;
    errno = 0;
    const uint64_t number = text == nullptr ? 0 : std::strtoull(text, &end, 10);
    if (text == nullptr || *text < '0' || *text > '9' || *end != '\0' || errno != 0) {
        std::fprintf(stderr, "%s needs a number\n", option);
        std::exit(2);
    }
    return number;
}

void run() {
    alarm(hang_seconds);
    // A block of its own size, so that a sanitizer sees a read past the end.
    const Bytes exact(input);
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

int main(int count, char **arguments) {
    uint64_t seconds = 0, runs = 0, seed = 1, max_size = 1 << 16;
    bool has_paths = false;
    for (int i = 1; i < count; ++i) {
        const std::string option = arguments[i];
        const char *const value = i + 1 < count ? arguments[i + 1] : nullptr;
        if (option == "-seconds") {
            seconds = number_of("-seconds", value), ++i;
        } else if (option == "-runs") {
            runs = number_of("-runs", value), ++i;
        } else if (option == "-seed") {
            seed = number_of("-seed", value), ++i;
        } else if (option == "-max-size") {
            max_size = number_of("-max-size", value), ++i;
        } else if (option == "-crash" && value != nullptr) {
            crash_path = value, ++i;
        } else if (option[0] == '-') {
            std::fprintf(stderr, "unknown option %s\n", option.c_str());
            return 2;
        } else {
            add_path(arguments[i]);
            has_paths = true;
        }
    }
    if (adder_fuzz_seeds != nullptr && !(has_paths && seconds == 0 && runs == 0)) adder_fuzz_seeds(add_seed);
    if (corpus.empty()) corpus.emplace_back();
    install_handlers();

    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
    uint64_t done = 0;
    for (const Bytes &bytes : corpus) input = bytes, run(), ++done;
    Random random(seed);
    while ((runs > 0 && done < runs) || (seconds > 0 && elapsed() < static_cast<double>(seconds))) {
        if (runs > 0 && done >= runs) break;
        input = corpus[random.below(corpus.size())];
        for (size_t changes = random.below(5) + 1; changes > 0; --changes) mutate(input, random);
        if (input.size() > max_size) input.resize(static_cast<size_t>(max_size));
        run();
        ++done;
    }
    alarm(0);
    const double time = elapsed();
    std::printf("%llu runs of seed %llu in %.1f s, %.0f a second\n", static_cast<unsigned long long>(done),
                static_cast<unsigned long long>(seed), time, static_cast<double>(done) / std::max(time, 1e-9));
    return 0;
}
