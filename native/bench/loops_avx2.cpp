#include "loops.h"

#if MAMBA_X64
#include <immintrin.h>

namespace mamba::bench {
namespace avx2 {
namespace {
#include "loops_memory.inl"
}  // namespace
}  // namespace avx2

const MemoryLoops avx2_memory_loops{avx2::read, avx2::update};

double avx2_fma(int64_t turns) {
    constexpr int chains = 12, lanes = 8;  // two units, four cycles to a result: 8 chains keep them busy
    __m256 sums[chains];
    for (int i = 0; i < chains; ++i) sums[i] = _mm256_set1_ps(static_cast<float>(i));
    const __m256 factor = _mm256_set1_ps(0.5f);
    for (int64_t turn = 0; turn < turns; ++turn) {
        for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, factor, factor);
    }
    __m256 all = sums[0];
    for (int i = 1; i < chains; ++i) all = _mm256_add_ps(all, sums[i]);
    volatile float sink = _mm256_cvtss_f32(all);
    static_cast<void>(sink);
    return 2.0 * chains * lanes * static_cast<double>(turns);
}

}  // namespace mamba::bench
#endif
