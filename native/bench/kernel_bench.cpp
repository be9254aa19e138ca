#include "kernel_bench.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"

namespace mamba::bench {

namespace {

// Google Benchmark calls a case several times until it has run long enough; its inputs are made once.
const Body& kept(const std::string& name, const std::function<Body()>& make) {
    static std::string owner;
    static Body body;
    if (owner != name) {
        body = nullptr;  // before the next ones are made: they may be large
        body = make();
        owner = name;
    }
    return body;
}

// What the slower of arithmetic and memory would take at its limit.
double least_seconds(const Work& work, mamba_isa isa, const Ceilings& limits) {
    const double arithmetic = limits.arithmetic(isa, work.type);
    return std::max(arithmetic == 0 ? 0 : work.operations / arithmetic, work.bytes / limits.bandwidth(work.traffic));
}

void run(benchmark::State& state, const Body& body, const Work& work, mamba_isa isa, int threads) {
    ThreadPool& pool = team(threads);
    const double least = least_seconds(work, isa, ceilings(threads));
    // Iterations between two meetings of the threads: enough for waking them not to count.
    const auto together = static_cast<int64_t>(std::clamp(5e-4 / least, 1.0, 64.0));
    pool.run([&](int worker) { body(pool, worker, 0); });  // touches memory
    int64_t turn = 0;
    const auto start = std::chrono::steady_clock::now();
    while (state.KeepRunningBatch(together)) {
        pool.run([&](int worker) {
            for (int64_t i = 0; i < together; ++i) body(pool, worker, turn + i);
        });
        turn += together;
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / static_cast<double>(turn);
    if (work.operations > 0) state.counters["GFLOP/s"] = work.operations / seconds / 1e9;
    if (work.bytes > 0) state.counters["GB/s"] = work.bytes / seconds / 1e9;
    for (const auto& [unit, count] : work.units) state.counters[unit] = count / seconds;
    state.counters["of_ceiling"] = least / seconds;
}

}  // namespace

std::vector<const Kernels*> tables() {
    std::vector<const Kernels*> found;
    for (const mamba_isa isa : {MAMBA_ISA_NEON, MAMBA_ISA_AVX2, MAMBA_ISA_AVX512, MAMBA_ISA_AMX}) {
        try {
            found.push_back(&select_kernels(isa));
        } catch (const Error&) {
            // Not of this build or not of this processor.
        }
    }
    return found;
}

void add(const std::string& name, const Kernels& kernels, const Work& work, const std::function<Body()>& make) {
    const mamba_isa isa = kernels.isa;
    const std::string of_isa = name + '/' + mamba::name(isa);
    for (const int threads : thread_counts()) {
        const std::string full = of_isa + "/threads:" + std::to_string(threads);
        const auto measure = [=](benchmark::State& state) { run(state, kept(of_isa, make), work, isa, threads); };
        benchmark::RegisterBenchmark(full.c_str(), measure)->UseRealTime();
    }
}

Buffer<float> random_floats(int64_t count, float scale) {
    Buffer<float> values(static_cast<size_t>(count), "a benchmark's input");
    uint32_t state = 1;
    for (float& value : values) {
        state = state * 1664525u + 1013904223u;  // Numerical Recipes
        value = static_cast<float>(static_cast<int32_t>(state)) * (scale * 0x1p-31f);
    }
    return values;
}

}  // namespace mamba::bench
