// What this machine reaches with loops that do nothing else, measured by this binary before it measures the kernels.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "mamba/c_api.h"
#include "model/tensor.h"

namespace mamba::bench {

// Where bytes come from: memory that is read alone, memory that is read and written, or a cache of the core's own.
enum class Traffic { read, read_write, cache };

struct Ceilings {
    int threads = 0;
    // Operations a second of all threads together, in registers; 0 where the processor has no such instructions.
    double avx2_fma = 0, avx512_fma = 0, avx512_vnni = 0, amx_bf16 = 0, amx_int8 = 0, neon_fma = 0;
    // Bytes a second of all threads together: memory far larger than the caches, read, or read and written; and 1 MiB a thread
    // read and written.
    double read = 0, read_write = 0, cache_read_write = 0;

    // The arithmetic that a table of kernels can use on weights of this type.
    double arithmetic(mamba_isa isa, WeightType type) const;
    double bandwidth(Traffic traffic) const;
    // Every field that is there, by name.
    std::vector<std::pair<std::string, double>> fields() const;
};

// Measured at the first call for a count of threads.
const Ceilings& ceilings(int threads);

}  // namespace mamba::bench
