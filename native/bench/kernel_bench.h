// What the benchmarks of kernels share: the tables that run here, inputs, and how a result is judged.
#pragma once

#include <benchmark/benchmark.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "backends/cpu/kernels.h"
#include "base/buffer.h"
#include "ceilings.h"
#include "team.h"

namespace mamba::bench {

// Vector tables of this build that this processor runs, least first. The scalar one is a reference, not meant to be fast.
std::vector<const Kernels*> tables();

// What one iteration does at least, and the units that do it.
struct Work {
    double operations = 0;  // a multiply and an add are two
    double bytes = 0;
    Traffic traffic = Traffic::cache;
    WeightType type = WeightType::f32;  // decides on the arithmetic: vectors, integer dot products, tiles
    std::map<std::string, double> units = {};  // what else is counted, by the name of its rate
};

// One thread's part of one iteration. Iterations are numbered, so that each can take other memory than the last.
using Body = std::function<void(const ThreadPool& pool, int worker, int64_t turn)>;

// Registers NAME/ISA/threads:T for every count of threads. `make` allocates what a case needs.
void add(const std::string& name, const Kernels& kernels, const Work& work, const std::function<Body()>& make);

// Reproducible numbers from -1 to 1.
Buffer<float> random_floats(int64_t count, float scale = 1);

// More than the caches hold: what a model's weights or states, each used once a token, come from.
inline constexpr int64_t far_bytes = int64_t{256} << 20;
inline int64_t copies_in_memory(size_t bytes) { return 1 + far_bytes / static_cast<int64_t>(bytes); }

void add_matmul_benchmarks();
void add_scan_benchmarks();
void add_elementwise_benchmarks();
void add_first_token_benchmark(const char* program);

}  // namespace mamba::bench
