#if defined(__GNUC__) && !defined(__clang__)
// GCC's own AVX-512 header leaves a register undefined on purpose and warns of it (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "loops.h"

#if MAMBA_X64
#include <immintrin.h>

namespace mamba::bench {
namespace avx512 {
namespace {
#include "loops_memory.inl"

constexpr int chains = 16;
}  // namespace
}  // namespace avx512

const MemoryLoops avx512_memory_loops{avx512::read, avx512::update};

double avx512_fma(int64_t turns) {
    constexpr int lanes = 16;
    __m512 sums[avx512::chains];
    for (int i = 0; i < avx512::chains; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
    const __m512 factor = _mm512_set1_ps(0.5f);
    for (int64_t turn = 0; turn < turns; ++turn) {
        for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, factor, factor);
    }
    __m512 all = sums[0];
    for (int i = 1; i < avx512::chains; ++i) all = _mm512_add_ps(all, sums[i]);
    volatile float sink = _mm512_cvtss_f32(all);
    static_cast<void>(sink);
    return 2.0 * avx512::chains * lanes * static_cast<double>(turns);
}

double avx512_vnni(int64_t turns) {
    constexpr int products = 64;  // of one instruction
    __m512i sums[avx512::chains];
    for (int i = 0; i < avx512::chains; ++i) sums[i] = _mm512_set1_epi32(i);
    const __m512i factor = _mm512_set1_epi8(1);
    for (int64_t turn = 0; turn < turns; ++turn) {
        for (__m512i& sum : sums) sum = _mm512_dpbusd_epi32(sum, factor, factor);
    }
    __m512i all = sums[0];
    for (int i = 1; i < avx512::chains; ++i) all = _mm512_add_epi32(all, sums[i]);
    volatile int sink = _mm_cvtsi128_si32(_mm512_castsi512_si128(all));
    static_cast<void>(sink);
    return 2.0 * avx512::chains * products * static_cast<double>(turns);
}

}  // namespace mamba::bench
#endif
