// adder bench: tokens per second of a blob, for the prompt and for generation.
// SPDX-License-Identifier: MIT
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "converter/blob_file.h"
#include "converter/cli.h"
#include "converter/error.h"
#include "converter/json.h"
#include "converter/progress.h"
#include "converter/thread_pool.h"
#include "runtime/model.h"

namespace adder {

namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t warm_up_steps = 4;

// What one repeat of a test took.
struct Sample {
    double seconds;
    uint64_t page_faults;
};

// A row of the result: one test with one number of threads and one instruction set.
struct Row {
    bool prompt;
    uint32_t tokens, threads;
    std::string isa;
    double bytes_per_token;  // of the blob, read
    std::vector<Sample> samples;

    // Of the samples' seconds, 0: the least, 0.5: the median, 1: the most.
    double seconds(double quantile) const {
        std::vector<double> sorted;
        for (const Sample &sample : samples) sorted.push_back(sample.seconds);
        std::sort(sorted.begin(), sorted.end());
        const size_t n = sorted.size();
        if (quantile == 0.5) return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
        return quantile < 0.5 ? sorted.front() : sorted.back();
    }
    double tokens_per_second(double quantile = 0.5) const { return tokens / seconds(quantile); }
    double gb_per_second() const { return tokens_per_second() * bytes_per_token * 1e-9; }
    uint64_t page_faults() const {
        uint64_t most = 0;
        for (const Sample &sample : samples) most = std::max(most, sample.page_faults);
        return most;
    }
};

uint64_t page_faults_so_far() {
    struct rusage usage {};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<uint64_t>(usage.ru_minflt) + static_cast<uint64_t>(usage.ru_majflt);
}

std::vector<std::string> split(const std::string &list) {
    std::vector<std::string> items(1);
    for (const char c : list) {
        if (c == ',') {
            items.emplace_back();
        } else {
            items.back() += c;
        }
    }
    return items;
}

std::vector<uint32_t> thread_counts(const std::string &list) {
    std::vector<uint32_t> counts;
    for (const std::string &item : split(list)) {
        char *end = nullptr;
        const unsigned long count = std::strtoul(item.c_str(), &end, 10);
        if (item.empty() || item[0] < '0' || item[0] > '9' || *end != '\0' || count < 1 || count > 256)
            fail(ExitCode::usage, "--threads is %s; numbers from 1 to 256 with commas between are needed",
                 list.c_str());
        counts.push_back(static_cast<uint32_t>(count));
    }
    return counts;
}

// Bytes of the blob that the layers read once a chunk, and all that a generated token reads: the head comes on top.
struct Traffic {
    double layers, token;
};

Traffic traffic_of(const BlobFile &blob) {
    const Model &model = *model_of(blob.model());
    const BlobHeader &header = *model.header;
    const BlobTensor &head = model.tensors[tensor_index(header.flags, header.n_layer, Role::head, 0)];
    const bool per_row = head.granularity == static_cast<uint8_t>(Granularity::row);
    const uint64_t head_bytes = head.size + (per_row ? uint64_t{4} * model.shape.vocab_padded : 0);
    const auto token = static_cast<double>(blob.info().bytes_per_token);
    return {token - static_cast<double>(head_bytes), token};
}

// The same tokens for everyone: spread over the vocabulary, no two alike in a row.
class TokenSource {
  public:
    explicit TokenSource(uint32_t vocab_size) : vocab_size_(vocab_size) {}
    int32_t next() {
        random_ = random_ * 6364136223846793005u + 1442695040888963407u;
        return static_cast<int32_t>((random_ >> 33) % vocab_size_);
    }

  private:
    uint32_t vocab_size_;
    uint64_t random_ = 1;
};

class Bench {
  public:
    explicit Bench(const Arguments &arguments)
        : blob_(arguments.positional()[0]), traffic_(traffic_of(blob_)),
          prompt_tokens_(static_cast<uint32_t>(arguments.integer("prompt", 512, 0, 1 << 24))),
          generate_tokens_(static_cast<uint32_t>(arguments.integer("tokens", 128, 0, 1 << 24))),
          chunk_(static_cast<uint32_t>(arguments.integer("chunk", 16, 1, 4096))),
          repeats_(static_cast<uint32_t>(arguments.integer("repeats", 5, 1, 10000))) {
        if (prompt_tokens_ == 0 && generate_tokens_ == 0)
            fail(ExitCode::usage, "-p 0 and -n 0 leave nothing to measure");
        const std::vector<std::string> isas =
            arguments.has("isa") ? split(arguments.text("isa")) : std::vector<std::string>{""};
        for (const uint32_t threads : thread_counts(arguments.text("threads", "1")))
            for (const std::string &isa : isas) configurations_.push_back({threads, isa});
        const double chunks = (prompt_tokens_ + chunk_ - 1) / chunk_;
        for (const Configuration &configuration : configurations_) {
            if (prompt_tokens_ > 0)
                rows_.push_back({true,
                                 prompt_tokens_,
                                 configuration.threads,
                                 configuration.isa,
                                 traffic_.layers * chunks / prompt_tokens_,
                                 {}});
            if (generate_tokens_ > 0)
                rows_.push_back(
                    {false, generate_tokens_, configuration.threads, configuration.isa, traffic_.token, {}});
        }
    }

    // The configurations take turns, so that a machine that others use as well slows all of them alike.
    void measure() {
        Progress progress("bench", uint64_t{repeats_} * configurations_.size());
        for (uint32_t repeat = 0; repeat < repeats_; ++repeat) {
            size_t row = 0;
            for (const Configuration &configuration : configurations_) {
                measure(configuration, &row);
                progress.advance();
            }
        }
    }

    std::string report() const;
    void print_table() const;

    // Mapping the file and adder_model_open: the median over the repeats, as the machine is shared.
    double open_milliseconds() const {
        std::vector<double> seconds;
        for (uint32_t i = 0; i < repeats_; ++i)
            seconds.push_back(BlobFile(blob_.path(), BlobFile::Checksum::skip).open_seconds());
        std::nth_element(seconds.begin(), seconds.begin() + repeats_ / 2, seconds.end());
        return seconds[repeats_ / 2] * 1e3;
    }

  private:
    struct Configuration {
        uint32_t threads;
        std::string isa;  // empty: the best
    };

    // One repeat. Only one arena is there at a time.
    void measure(const Configuration &configuration, size_t *row) {
        ThreadPool pool(configuration.threads);
        adder_options options{};
        options.chunk = chunk_;
        options.threads = configuration.threads;
        options.parallel_for = ThreadPool::parallel_for;
        options.parallel_context = &pool;
        options.isa = configuration.isa.empty() ? nullptr : configuration.isa.c_str();
        const Session session(blob_, options);
        arena_bytes_ = session.arena_bytes();

        TokenSource source(blob_.info().vocab_size);
        std::vector<int32_t> chunk(chunk_);
        const auto feed = [&](uint32_t count) {
            for (uint32_t i = 0; i < count; ++i) chunk[i] = source.next();
            check(adder_feed(session.get(), chunk.data(), count), blob_.path());
            throw_if_interrupted();
        };
        const auto step = [&] {
            float *logits = nullptr;
            check(adder_step(session.get(), source.next(), &logits), blob_.path());
            throw_if_interrupted();
        };
        feed(chunk_);
        for (uint32_t i = 0; i < warm_up_steps; ++i) step();
        if (prompt_tokens_ > 0)
            record(&rows_[(*row)++], session, [&] {
                for (uint32_t done = 0; done < prompt_tokens_; done += chunk_)
                    feed(std::min(chunk_, prompt_tokens_ - done));
            });
        if (generate_tokens_ > 0)
            record(&rows_[(*row)++], session, [&] {
                for (uint32_t i = 0; i < generate_tokens_; ++i) step();
            });
    }

    template <typename Work>
    static void record(Row *row, const Session &session, const Work &work) {
        row->isa = adder_session_isa(session.get());
        adder_state_reset(session.get());
        row->samples.reserve(row->samples.size() + 1);
        const uint64_t faults = page_faults_so_far();
        const Clock::time_point start = Clock::now();
        work();
        const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        row->samples.push_back({seconds, page_faults_so_far() - faults});
    }

    uint64_t generation_page_faults() const {
        uint64_t most = 0;
        for (const Row &row : rows_)
            if (!row.prompt) most = std::max(most, row.page_faults());
        return most;
    }

    BlobFile blob_;
    const Traffic traffic_;
    const uint32_t prompt_tokens_, generate_tokens_, chunk_, repeats_;
    std::vector<Configuration> configurations_;
    std::vector<Row> rows_;
    size_t arena_bytes_ = 0;
};

// "model name" of /proc/cpuinfo; empty where there is none.
std::string cpu_name() {
    std::string name;
    if (std::FILE *const file = std::fopen("/proc/cpuinfo", "re")) {
        char line[512];
        while (name.empty() && std::fgets(line, sizeof line, file) != nullptr) {
            const char *const colon = std::strchr(line, ':');
            const bool names_it =
                std::strncmp(line, "model name", 10) == 0 || std::strncmp(line, "Model", 5) == 0;
            if (colon != nullptr && names_it) name = std::string(colon + 1, std::strcspn(colon + 1, "\n"));
        }
        std::fclose(file);
    }
    return name.empty() ? name : name.substr(name.find_first_not_of(' ') == std::string::npos ? 0 : 1);
}

double load_average() {
    double load = 0;
    return getloadavg(&load, 1) == 1 ? load : -1;
}

const char *compiler_name() {
#if defined(__clang__)
    return __VERSION__;
#else
    return "gcc " __VERSION__;
#endif
}

std::string Bench::report() const {
    JsonWriter w;
    w.begin_object();
    w.key("model").value(blob_.path());
    w.key("rows").begin_array();
    for (const Row &row : rows_) {
        w.begin_object();
        w.key("test").value(row.prompt ? "prompt" : "generate");
        w.key("tokens").value(row.tokens);
        w.key("threads").value(row.threads);
        w.key("isa").value(row.isa);
        w.key("tokens_per_second").value(row.tokens_per_second());
        w.key("tokens_per_second_min").value(row.tokens_per_second(1));
        w.key("tokens_per_second_max").value(row.tokens_per_second(0));
        w.key("bytes_per_token").value(row.bytes_per_token);
        w.key("gb_per_second").value(row.gb_per_second());
        w.key("page_faults").value(row.page_faults());
        w.end_object();
    }
    w.end_array();
    w.key("blob_bytes").value(blob_.info().blob_bytes);
    w.key("arena_bytes").value(uint64_t{arena_bytes_});
    w.key("state_bytes").value(uint64_t{adder_state_size(blob_.model())});
    w.key("peak_rss_bytes").value(peak_rss_bytes());
    w.key("generation_page_faults").value(generation_page_faults());
    w.key("open_milliseconds").value(open_milliseconds());
    w.key("chunk").value(chunk_);
    w.key("repeats").value(repeats_);
    w.key("compiler").value(compiler_name());
    w.key("cpu").value(cpu_name());
    w.key("load_average").value(load_average());
    w.end_object();
    return w.text() + "\n";
}

void Bench::print_table() const {
    std::string out = format("%s on %s, %s, load %.2f\n\n", blob_.path().c_str(), cpu_name().c_str(),
                             compiler_name(), load_average());
    out += "test      tokens  threads  isa      tokens/s  (min .. max)          bytes/token   GB/s\n";
    for (const Row &row : rows_) {
        const std::string range = format("%.1f .. %.1f", row.tokens_per_second(1), row.tokens_per_second(0));
        out += format("%-8s  %6u  %7u  %-7s  %8.1f  %-20s  %11.0f  %5.2f\n",
                      row.prompt ? "prompt" : "generate", row.tokens, row.threads, row.isa.c_str(),
                      row.tokens_per_second(), range.c_str(), row.bytes_per_token, row.gb_per_second());
    }
    out += format(
        "\nmedian of %u; chunk %u; blob %llu bytes, opened in %.2f ms; arena %zu bytes; peak resident %llu "
        "bytes; %llu page faults while generating\n",
        repeats_, chunk_, static_cast<unsigned long long>(blob_.info().blob_bytes), open_milliseconds(),
        arena_bytes_, static_cast<unsigned long long>(peak_rss_bytes()),
        static_cast<unsigned long long>(generation_page_faults()));
    print(out);
}

int run_bench(const Arguments &arguments) {
    Bench bench(arguments);
    bench.measure();
    if (arguments.has("json")) {
        print(bench.report());
    } else {
        bench.print_table();
    }
    return static_cast<int>(ExitCode::ok);
}

}  // namespace

Command bench_command() {
    return {
        "bench",
        "FILE.adder [OPTIONS]",
        "Measure tokens per second",
        "Measures two things: prompt, taking in tokens in chunks without computing logits, and generate, one "
        "token at a "
        "time with the logits of each, without sampling. Every repeat begins with a short warm-up that is "
        "not counted; "
        "numbers are medians over the repeats, and the different threads and instruction sets take turns.\n"
        "\nbytes/token are those of the blob that have to be read for a token: for prompt the layers' "
        "weights once a "
        "chunk, for generate those of the head as well. GB/s is that times tokens/s.",
        {"adder bench adder-13m.adder", "adder bench adder-13m.adder -t 1,2,4 --json",
         "adder bench adder-13m.adder --isa scalar,avx2 -p 256 -n 64 -r 9"},
        {
            {"prompt", 'p', "N", false, "Tokens of the prompt; 0: do not measure it (default: 512)."},
            {"tokens", 'n', "N", false, "Tokens to generate; 0: do not measure it (default: 128)."},
            {"threads", 't', "LIST", false, "Numbers of threads, with commas between (default: 1)."},
            {"repeats", 'r', "N", false, "Repeats of each measurement (default: 5)."},
            {"chunk", 0, "N", false,
             "Tokens of the prompt that go through a layer together, 1 to 4096 (default: 16)."},
            {"isa", 0, "LIST", false,
             "Instruction sets, with commas between (default: ADDER_ISA in the environment, else the best of "
             "this "
             "CPU)."},
            {"json", 0, nullptr, false, "Print one JSON object."},
        },
        1,
        1,
        run_bench,
    };
}

}  // namespace adder
