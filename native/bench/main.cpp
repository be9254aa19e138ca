// mamba_bench [Google Benchmark's options]: ceilings of this machine, then every kernel beside them.
// mamba_bench --ceilings: only the ceilings, as one JSON document.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstring>

#include "ceilings.h"
#include "first_token.h"
#include "kernel_bench.h"

namespace {

using namespace mamba::bench;

void print_ceilings_as_json() {
    const char* between = "[";
    for (const int threads : thread_counts()) {
        std::printf("%s{\"threads\":%d", between, threads);
        for (const auto& [name, rate] : ceilings(threads).fields()) std::printf(",\"%s\":%.4g", name.c_str(), rate);
        std::printf("}");
        between = ",\n ";
    }
    std::printf("]\n");
}

// Into the head of every output format.
void add_ceilings_to_context() {
    for (const int threads : thread_counts()) {
        std::string text;
        for (const auto& [name, rate] : ceilings(threads).fields()) {
            char value[64];
            std::snprintf(value, sizeof value, "%s%s %.1f", text.empty() ? "" : ", ", name.c_str(), rate / 1e9);
            text += value;
        }
        benchmark::AddCustomContext("G/s of " + std::to_string(threads) + (threads == 1 ? " thread" : " threads"), text);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 3 && std::strcmp(argv[1], "--first-token") == 0) return take_first_token(argv[2]);
    if (argc == 2 && std::strcmp(argv[1], "--ceilings") == 0) {
        print_ceilings_as_json();
        return 0;
    }
    // Short runs of many cases, unless the caller says otherwise: of two such options the last one counts.
    char short_runs[] = "--benchmark_min_time=0.1";
    std::vector<char*> arguments(argv, argv + argc);
    arguments.insert(arguments.begin() + 1, short_runs);
    int count = static_cast<int>(arguments.size());
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 1;
    add_ceilings_to_context();
    add_first_token_benchmark(argv[0]);
    add_matmul_benchmarks();
    add_scan_benchmarks();
    add_elementwise_benchmarks();
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
