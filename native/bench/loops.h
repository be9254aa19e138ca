// Loops that keep one part of the processor busy and do nothing else: what they reach, a kernel can reach at most. The
// files are compiled for their instructions; call a loop only where the processor has them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/platform.h"

namespace mamba::bench {

// Arithmetic on registers. Each returns the operations done; a multiply and an add are two.
using ArithmeticLoop = double (*)(int64_t turns);

// Memory, in eight streams at once, as decoding walks rows of weights. `read` returns a sum; `update` reads and writes every
// float in place. `words` is a multiple of 64, `floats` of 128.
struct MemoryLoops {
    uint64_t (*read)(const uint64_t* memory, size_t words);
    void (*update)(float* memory, size_t floats);
};

extern const MemoryLoops portable_memory_loops;

#if MAMBA_X64
double avx2_fma(int64_t turns);
double avx512_fma(int64_t turns);
double avx512_vnni(int64_t turns);
double amx_bf16(int64_t turns);
double amx_int8(int64_t turns);

extern const MemoryLoops avx2_memory_loops;
extern const MemoryLoops avx512_memory_loops;
#endif

#if defined(__aarch64__)
double neon_fma(int64_t turns);
#endif

}  // namespace mamba::bench
