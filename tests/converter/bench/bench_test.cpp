// adder bench: its report in every form, what its numbers must add up to, the timing of steps, errors. No time is judged.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <sched.h>

#include <algorithm>
#include <cmath>

#include "converter/bench/machine.h"
#include "converter/bench/matrices.h"
#include "converter/bench/probe.h"
#include "converter/bench/report.h"
#include "converter/bench/stats.h"
#include "converter/bench/steps.h"
#include "converter/bench/team.h"
#include "converter/blob/file.h"
#include "converter/text/json.h"
#include "kernels/cases.h"
#include "tests/converter/eval/toy.h"
#include "tests/support/blob_builder.h"
#include "tests/support/command.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

double number(const Json &object, const char *key) {
    const Json *const value = object.find(key);
    if (value == nullptr || !value->is_number()) {
        ADD_FAILURE() << key << " is missing";
        return std::nan("");
    }
    return value->number(key);
}

std::string text(const Json &object, const char *key) {
    const Json *const value = object.find(key);
    return value != nullptr && value->is_string() ? value->string(key) : "(no text)";
}

// Fields of a line without quotes.
std::vector<std::string> split(const std::string &line, char by) {
    std::vector<std::string> fields(1);
    for (const char c : line) {
        if (c == by)
            fields.emplace_back();
        else
            fields.back() += c;
    }
    return fields;
}

class Bench : public testing::Test {
  protected:
    void SetUp() override {
        const AlignedBytes blob = build_blob(BlobSpec{});
        write_text(blob_, {reinterpret_cast<const char *>(blob.data()), blob.size()});
    }
    // bench with those arguments; what it printed.
    std::string bench(std::vector<std::string> words, int expected = 0) {
        words.insert(words.begin(), "bench");
        words.emplace_back("-q");
        const Outcome outcome = adder_command(std::move(words));
        err_ = outcome.err;
        EXPECT_EQ(outcome.code, expected) << err_;
        return outcome.out;
    }
    Json json(std::vector<std::string> words) {
        words.insert(words.end(), {"-o", "json"});
        return Json::parse(bench(std::move(words)), "bench");
    }

    TemporaryDirectory directory_;
    std::string blob_ = directory_.file("toy.adder");
    std::string err_;
};

TEST_F(Bench, MeasuresEveryConfiguration) {
    const Json report =
        json({blob_, "-p", "20", "-n", "6", "-r", "2", "-t", "1,2", "--isa", "scalar", "--chunk", "8"});
    const std::vector<Json> &rows = report.find("rates")->array("rates");
    const char *const tests[] = {"prompt", "generate", "matrices", "read", "product"};
    ASSERT_EQ(rows.size(), 10u);
    for (size_t i = 0; i < rows.size(); ++i) {
        const Json &row = rows[i];
        EXPECT_EQ(text(row, "test"), tests[i % 5]);
        EXPECT_EQ(number(row, "threads"), i < 5 ? 1 : 2);
        EXPECT_EQ(text(row, "isa"), "scalar");
        const double rate = number(row, "tokens_per_second");
        EXPECT_GT(rate, 0);
        EXPECT_LE(number(row, "tokens_per_second_min"), rate * (1 + 1e-9));
        EXPECT_GE(number(row, "tokens_per_second_max"), rate * (1 - 1e-9));
        EXPECT_NEAR(number(row, "milliseconds_per_token") * rate, 1000, 1e-6);
        if (!row.find("bytes_per_token")->is_null()) {
            const double gb = rate * number(row, "bytes_per_token") * 1e-9;
            EXPECT_NEAR(number(row, "gb_per_second"), gb, 1e-9 * gb);
            EXPECT_GT(number(row, "percent_of_read"), 0);
        }
        if (!row.find("products_per_token")->is_null()) {
            const double gmac = rate * number(row, "products_per_token") * 1e-9;
            EXPECT_NEAR(number(row, "gmac_per_second"), gmac, 1e-9 * gmac);
            EXPECT_GT(number(row, "percent_of_product"), 0);
        }
        EXPECT_EQ(row.find("percent_of_matrices")->is_null(), i % 5 != 1);
        if (i % 5 == 3) {
            EXPECT_LE(number(row, "percent_of_read"), 100.0001);
        }
        if (i % 5 == 4) {
            EXPECT_LE(number(row, "percent_of_product"), 100.0001);
        }
    }
    const BlobFile blob(blob_);
    EXPECT_EQ(number(rows[1], "bytes_per_token"), static_cast<double>(blob.info().bytes_per_token));
    EXPECT_LT(number(rows[0], "bytes_per_token"), number(rows[1], "bytes_per_token") * 3 / 20);
    EXPECT_LT(number(rows[0], "products_per_token"), number(rows[1], "products_per_token"));
    EXPECT_EQ(number(rows[1], "products_per_token"), number(rows[2], "products_per_token"));
    EXPECT_EQ(text(report, "model"), blob_);
    EXPECT_GT(number(report, "peak_rss_bytes"), number(report, "arena_bytes"));
    EXPECT_GT(number(report, "anonymous_bytes"), number(report, "state_bytes"));
    EXPECT_GT(number(*report.find("machine"), "cpus"), 0);
    EXPECT_HAS(text(*report.find("machine"), "isas"), "scalar");
}

TEST_F(Bench, SeveralSessionsReadTheWeightsTogether) {
    const Json report = json({blob_, "-p", "0", "-n", "6", "-r", "2", "--sessions", "1,3"});
    std::vector<double> sessions;
    const std::vector<Json> &rows = report.find("rates")->array("rates");
    for (const Json &row : rows) {
        if (text(row, "test") != "many") continue;
        sessions.push_back(number(row, "sessions"));
        EXPECT_GT(number(row, "tokens_per_second"), 0);
        EXPECT_GT(number(row, "ratio_to_generate"), 0);
        EXPECT_EQ(number(row, "bytes_per_token") * sessions.back(), number(rows[0], "bytes_per_token"));
    }
    EXPECT_EQ(sessions, (std::vector<double>{1, 3}));
    EXPECT_HAS(bench({blob_, "-p", "0", "-n", "2", "-r", "1", "--sessions", "2"}), "x generate");
    bench({blob_, "-n", "2", "--sessions", "0"}, 2);
    EXPECT_HAS(err_, "--sessions is 0; numbers from 1 to 256");
    bench({blob_, "-n", "0", "--sessions", "2"}, 2);
    EXPECT_HAS(err_, "--sessions with -n 0");
}

TEST_F(Bench, LatenciesAreInOrder) {
    const Json report = json({blob_, "-p", "0", "-n", "50", "-r", "2"});
    const Json &row = report.find("latency")->array("latency").at(0);
    EXPECT_EQ(number(row, "tokens"), 100);
    double last = 0;
    for (const char *key : {"min_microseconds", "p50_microseconds", "p90_microseconds", "p99_microseconds",
                            "max_microseconds"}) {
        EXPECT_GE(number(row, key), last) << key;
        last = number(row, key);
    }
    EXPECT_GT(last, 0);
}

TEST_F(Bench, StepsAddUpToTheToken) {
    const Json report = json({blob_, "-p", "16", "-n", "8", "-r", "1"});
    for (const char *const test : {"prompt", "generate"}) {
        double sum = 0, all = 0, share = 0;
        for (const Json &row : report.find("steps")->array("steps")) {
            if (text(row, "test") != test) continue;
            const double time = number(row, "microseconds_per_token");
            if (text(row, "step") == "all") {
                all = time;
            } else {
                sum += time;
                share += number(row, "percent");
                EXPECT_TRUE(time >= 0 || text(row, "step") == "rest");
            }
        }
        EXPECT_GT(all, 0) << test;
        EXPECT_NEAR(sum, all, 1e-6 * all) << test;
        EXPECT_NEAR(share, 100, 1e-3) << test;
    }
}

TEST_F(Bench, ALongGenerationIsComparedWithItsBeginning) {
    const Json report = json({blob_, "-p", "0", "-n", "0", "--long", "400", "-r", "1"});
    const Json &row = report.find("growth")->array("growth").at(0);
    EXPECT_EQ(number(row, "tokens"), 400);
    EXPECT_GT(number(row, "first_tokens_per_second"), 0);
    EXPECT_GT(number(row, "last_tokens_per_second"), 0);
    const double change = number(row, "change_percent");
    EXPECT_TRUE(number(row, "change_low_percent") <= change && change <= number(row, "change_high_percent"));
    EXPECT_GT(number(row, "change_low_percent"), -100);
#ifdef __linux__
    EXPECT_GT(number(row, "resident_bytes_before"), 0);
    EXPECT_GT(number(row, "resident_bytes_after"), 0);
#endif
    EXPECT_TRUE(report.find("latency")->array("latency").empty());
}

TEST_F(Bench, CsvHasOneHeaderForAllTables) {
    std::string out = bench({blob_, "-p", "8", "-n", "8", "-r", "1", "-o", "csv"});
    out.erase(std::remove(out.begin(), out.end(), '\r'), out.end());
    std::vector<std::string> lines = split(out, '\n');
    ASSERT_TRUE(lines.back().empty());
    lines.pop_back();
    const std::vector<std::string> header = split(lines[0], ',');
    EXPECT_EQ(header[0], "table");
    std::vector<std::string> tables;
    for (const std::string &line : lines) {
        if (line.find('"') == std::string::npos) {
            EXPECT_EQ(split(line, ',').size(), header.size()) << line;
        }
        const std::string table = split(line, ',')[0];
        if (tables.empty() || tables.back() != table) tables.push_back(table);
    }
    EXPECT_EQ(tables, (std::vector<std::string>{"table", "rates", "latency", "steps", "facts"}));
}

TEST_F(Bench, TheTableAndMarkdownSayTheSame) {
    const std::string table = bench({blob_, "-p", "0", "-n", "3", "-r", "1"});
    EXPECT_HAS(table, "generate");
    EXPECT_EQ(table.find("prompt "), std::string::npos);
    EXPECT_HAS(table, "page faults while generating");
    const std::string markdown = bench({blob_, "-p", "0", "-n", "3", "-r", "1", "-o", "md"});
    size_t columns = 0;
    for (const std::string &line : split(markdown, '\n')) {
        if (line.empty() || line[0] != '|') {
            columns = 0;
            continue;
        }
        const auto bars = static_cast<size_t>(std::count(line.begin(), line.end(), '|'));
        if (columns == 0) columns = bars;
        EXPECT_EQ(bars, columns) << line;
    }
    EXPECT_HAS(markdown, "| generate | 3 | 1 |");
}

TEST_F(Bench, TimesKernelsWithEveryInstructionSet) {
    const Json report = json({"kernels", "--kernel", "matmul_q8,scan,quantize", "-r", "1", "--chunk", "2"});
    const std::vector<Json> &rows = report.find("kernels")->array("kernels");
    const size_t isas = isa_names().size();
    ASSERT_EQ(rows.size(), (2 * 3 + 2 * 3 + 3) * isas);
    size_t row = 0;
    for (const KernelCase &kernel : kernel_cases())
        for (const char *const wanted : {"matmul_q8", "scan", "quantize"}) {
            if (kernel.name != std::string(wanted)) continue;
            const size_t calls = kernel.parts == KernelCase::Parts::tiles ? 2 : 1;
            for (size_t i = 0; i < 3 * calls * isas; ++i, ++row) {
                EXPECT_EQ(text(rows[row], "kernel"), kernel.name);
                EXPECT_EQ(text(rows[row], "isa"), isa_names()[i % isas]);
                EXPECT_GT(number(rows[row], "gb_per_second"), 0);
                EXPECT_GT(number(rows[row], kernel.matrix ? "gmac_per_second" : "gelements_per_second"), 0);
                if (i % isas == 0) {
                    EXPECT_EQ(number(rows[row], "times_scalar"), 1);
                }
            }
        }
}

TEST_F(Bench, TimesTheMatricesOfAModel) {
    const Json report = json({"kernels", "--model", blob_, "-r", "1", "-t", "1,2", "--isa", "scalar"});
    const std::vector<Json> &rows = report.find("matrices")->array("matrices");
    ASSERT_EQ(rows.size(), 12u);
    double matrices = 0, products = 0, bytes = 0;
    for (size_t i = 0; i < 5; ++i) {
        matrices += number(rows[i], "matrices");
        products += number(rows[i], "products_per_token");
        bytes += number(rows[i], "bytes_per_token");
    }
    EXPECT_EQ(text(rows[5], "role"), "all");
    EXPECT_EQ(number(rows[5], "matrices"), matrices);
    EXPECT_EQ(number(rows[5], "products_per_token"), products);
    EXPECT_EQ(number(rows[5], "bytes_per_token"), bytes);
    EXPECT_EQ(matrices, 2 * 4 + 1);  // of the toy's two layers
    EXPECT_LT(bytes, static_cast<double>(BlobFile(blob_).info().bytes_per_token));
}

TEST_F(Bench, WrongUseIsAnError) {
    for (const std::vector<std::string> &words :
         std::vector<std::vector<std::string>>{{blob_, "-p", "0", "-n", "0"},
                                               {blob_, "-t", "1,"},
                                               {blob_, "-t", "0"},
                                               {blob_, "-o", "yaml"},
                                               {blob_, "--long", "99"},
                                               {blob_, "--isa", "z80"},
                                               {blob_, "--kernel", "scan"},
                                               {blob_, "--model", blob_},
                                               {blob_, "--pin", "-t", "256"},
                                               {"kernels", "-n", "3"},
                                               {"kernels", "--isa", "z80"},
                                               {"kernels", "--kernel", "skan"},
                                               {"kernels", "--model", blob_, "--kernel", "scan"}}) {
        EXPECT_EQ(bench(words, 2), "");
        EXPECT_HAS(err_, "adder bench: ");
    }
    bench({directory_.file("none.adder")}, 3);
    EXPECT_HAS(err_, "none.adder");
}

// ---- The parts ----------------------------------------------------------------------------------

TEST(BenchSteps, TimingChangesNoBitAndSeesEveryCall) {
    const AlignedBytes blob = build_blob(BlobSpec{});
    TestSession plain(blob), timed(blob);
    std::vector<float> expected, actual;
    for (const int32_t token : {1, 5, 2}) expected = plain.step(token);
    const KernelTable *const kernels = timed.get()->kernels;
    {
        StepTimer timer(timed.get());
        EXPECT_STREQ(timed.get()->kernels->name, kernels->name);
        for (const int32_t token : {1, 5, 2}) actual = timed.step(token);
        const StepTimes times = timer.take();
        const auto calls = [&](Step step) { return times.calls[static_cast<uint32_t>(step)]; };
        const uint64_t layers = 3 * timed.info().n_layer;  // of three tokens
        EXPECT_EQ(calls(Step::in_proj), 2 * layers);       // x and z
        EXPECT_EQ(calls(Step::conv), layers);
        EXPECT_EQ(calls(Step::x_proj), layers);
        EXPECT_EQ(calls(Step::dt_proj), layers);
        EXPECT_EQ(calls(Step::scan), layers);
        EXPECT_EQ(calls(Step::out_proj), layers);
        EXPECT_EQ(calls(Step::norm), layers + 3);
        EXPECT_EQ(calls(Step::head), 3u);
        for (uint32_t step = 0; step < step_count; ++step)
            EXPECT_EQ(times.seconds[step] > 0, times.calls[step] > 0) << step;
        EXPECT_EQ(timer.take().calls, (std::array<uint64_t, step_count>{}));
    }
    EXPECT_EQ(timed.get()->kernels, kernels);
    EXPECT_EQ(expected, actual);
}

TEST(BenchMatrices, CountsTheProductsOfAToken) {
    const AlignedBytes blob = build_blob(BlobSpec{});
    const TestSession session(blob);
    const Model &model = *model_of(session.model());
    TokenMatrices matrices(model);
    // Of the toy: d_model 16, d_inner 32, x_proj's rows 1, 4 and 4, each part from a tile on, dt_rank 1, vocabulary 32.
    const double layer = 2.0 * 32 * 16 + (8 + 8 + 8) * 32.0 + 32 * 8.0 + 16 * 32.0;
    EXPECT_EQ(matrices.all().products, 2 * layer + 32.0 * 16);
    std::array<uint64_t, step_count> ticks{};
    matrices.run(*kernels_best(), Team{1, 0, nullptr, nullptr}, &ticks);
    for (const Step step : {Step::in_proj, Step::x_proj, Step::dt_proj, Step::out_proj, Step::head})
        EXPECT_GT(ticks[static_cast<uint32_t>(step)], 0u) << step_name(step);
}

TEST(BenchProbe, KnowsTheInstructionSetsOfThisCpu) {
    const Team alone{1, 0, nullptr, nullptr};
    for (const std::string &isa : isa_names()) EXPECT_GT(probe_product(alone, isa.c_str()), 0) << isa;
    EXPECT_EQ(probe_product(alone, "z80"), 0);
    const std::vector<uint8_t> bytes(100003, 1);
    EXPECT_GT(probe_read(alone, bytes.data() + 1, bytes.size() - 1), 0);
}

#ifdef __linux__
TEST(BenchTeam, BindsEachThreadToACpuOfItsOwn) {
    const auto cpus = [] {
        cpu_set_t set;
        CPU_ZERO(&set);
        EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
        return CPU_COUNT(&set);
    };
    const int before = cpus();
    const auto threads = static_cast<uint32_t>(std::min(before, 2));
    {
        const BenchTeam pinned(threads, true);
        std::vector<int> where(threads, -1), counts(threads, 0);
        team_run(pinned.team(), threads, [&](Range range) {
            for (uint32_t i = range.begin; i < range.end; ++i) {
                where[i] = sched_getcpu();
                counts[i] = cpus();
            }
        });
        for (uint32_t i = 0; i < threads; ++i) {
            EXPECT_EQ(counts[i], 1);
            EXPECT_GE(where[i], 0);
        }
    }
    EXPECT_EQ(cpus(), before);
}
#endif

TEST(BenchStats, MedianQuantilesAndSpread) {
    Samples samples;
    EXPECT_TRUE(std::isnan(samples.median()));
    for (const double value : {7.0, 1.0, 3.0, 2.0}) samples.add(value);
    EXPECT_EQ(samples.median(), 2.5);
    EXPECT_EQ(samples.least(), 1);
    EXPECT_EQ(samples.most(), 7);
    EXPECT_NEAR(samples.quantile(0.9), 5.8, 1e-12);
    EXPECT_NEAR(samples.spread_percent(), 40, 1e-12);  // deviations 4.5, 1.5, 0.5, 0.5
}

TEST(BenchReport, EveryFormOfATable) {
    BenchReport report;
    report.machine = {{"cpu", std::string("a, b"), "a, b"}, {"load_average", 0.5, "load 0.50"}};
    report.tables = {{"rates",
                      "Rates",
                      {{"test", "test"}, {"hidden", nullptr}, {"gb", "GB/s", 1}, {"bytes", "bytes"}},
                      {{std::string("x|y"), 1.25, 2.25, uint64_t{1234567}}, {std::string("z"), {}, {}, {}}}}};
    report.facts = {{"repeats", uint64_t{5}, "medians of 5"}};
    EXPECT_EQ(bench_report_text(report, "table"), "a, b; load 0.50\n\n"
                                                  "Rates\n"
                                                  "test  GB/s      bytes\n"
                                                  "x|y    2.2  1,234,567\n"
                                                  "z        -          -\n\n"
                                                  "medians of 5\n");
    EXPECT_EQ(bench_report_text(report, "md"), "a, b; load 0.50\n\n"
                                               "Rates\n\n"
                                               "| test | GB/s | bytes |\n"
                                               "|---|---:|---:|\n"
                                               "| x\\|y | 2.2 | 1,234,567 |\n"
                                               "| z | - | - |\n\n"
                                               "medians of 5\n");
    EXPECT_EQ(bench_report_text(report, "csv"), "table,key,value,test,hidden,gb,bytes\r\n"
                                                "rates,,,x|y,1.25,2.25,1234567\r\n"
                                                "rates,,,z,,,\r\n"
                                                "facts,cpu,\"a, b\",,,,\r\n"
                                                "facts,load_average,0.5,,,,\r\n"
                                                "facts,repeats,5,,,,\r\n");
    const Json json = Json::parse(bench_report_text(report, "json"), "json");
    EXPECT_EQ(number(json.find("rates")->array("rates").at(0), "hidden"), 1.25);
    EXPECT_TRUE(json.find("rates")->array("rates").at(1).find("gb")->is_null());
    EXPECT_EQ(text(*json.find("machine"), "cpu"), "a, b");
    EXPECT_EQ(number(json, "repeats"), 5);
}

}  // namespace
}  // namespace adder::test
