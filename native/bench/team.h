// The engine's threads, for the benchmarks. As in the engine the calling thread only waits.
#pragma once

#include <functional>

#include "engine/thread_pool.h"

namespace mamba::bench {

// One pool for each count of threads, started at the first use.
ThreadPool& team(int threads);

// The counts that are measured: one, and one a processor.
std::vector<int> thread_counts();

}  // namespace mamba::bench
