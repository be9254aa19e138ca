#if defined(__GNUC__) && !defined(__clang__)
// GCC's own AVX-512 header leaves a register undefined on purpose and warns of it (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "base/platform.h"

#if MAMBA_X64
#include <limits>

#include "backends/cpu/blocking.h"
#include "backends/cpu/q8_vnni.h"
#include "backends/cpu/simd_avx512.h"

namespace mamba::avx512 {
namespace {
#include "backends/cpu/simd_math.inl"

#include "backends/cpu/row_tiles.inl"
#include "backends/cpu/q8_layout.inl"

using Ints = __m512i;

MAMBA_ALWAYS_INLINE Ints zero_ints() { return _mm512_setzero_si512(); }
MAMBA_ALWAYS_INLINE Ints load_ints(const std::byte* p) { return _mm512_loadu_si512(p); }
MAMBA_ALWAYS_INLINE Ints add_ints(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
MAMBA_ALWAYS_INLINE Ints broadcast_pair(const int16_t* p) {
    int32_t pair;
    std::memcpy(&pair, p, sizeof pair);
    return _mm512_set1_epi32(pair);
}
MAMBA_ALWAYS_INLINE Ints dot_pairs(Ints sum, Ints a, Ints b) {
#if defined(__GNUC__) && !defined(__clang__)
    // GCC copies every sum before its own intrinsic.
    asm("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
#else
    return _mm512_dpwssd_epi32(sum, a, b);
#endif
}
MAMBA_ALWAYS_INLINE Part to_part(Ints a) { return {_mm512_cvtepi32_ps(a)}; }
MAMBA_ALWAYS_INLINE Part broadcast_part(float value) { return broadcast(value); }
MAMBA_ALWAYS_INLINE Part load_scales(const std::byte* p) { return load_f16(p); }

// The transpose of 16 rows of eight times four bytes; then columns 0 and 2 of each four, and 1 and 3, with 16 bits.
MAMBA_ALWAYS_INLINE void spread(const std::byte* const (&rows)[16], std::byte* out) {
    const auto load_row = [&](int r) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[r])); };
    __m512i two[8], four[8];
    MAMBA_UNROLL
    for (int i = 0; i < 8; i += 2) {
        const int r = i < 4 ? i : 4 + i;  // rows r and r + 4 side by side: the last step brings them into order
        const __m512i a = _mm512_inserti64x4(_mm512_castsi256_si512(load_row(r)), load_row(r + 4), 1);
        const __m512i b = _mm512_inserti64x4(_mm512_castsi256_si512(load_row(r + 1)), load_row(r + 5), 1);
        two[i] = _mm512_unpacklo_epi32(a, b);
        two[i + 1] = _mm512_unpackhi_epi32(a, b);
    }
    MAMBA_UNROLL
    for (int i = 0; i < 8; i += 4) {
        MAMBA_UNROLL
        for (int j = 0; j < 2; ++j) {
            four[i + 2 * j] = _mm512_unpacklo_epi64(two[i + j], two[i + 2 + j]);
            four[i + 2 * j + 1] = _mm512_unpackhi_epi64(two[i + j], two[i + 2 + j]);
        }
    }
    const auto put = [&](int64_t quad, __m512i bytes) {
        _mm512_storeu_si512(out + 2 * quad * pair_bytes, _mm512_srai_epi16(_mm512_slli_epi16(bytes, 8), 8));
        _mm512_storeu_si512(out + (2 * quad + 1) * pair_bytes, _mm512_srai_epi16(bytes, 8));
    };
    MAMBA_UNROLL
    for (int j = 0; j < 4; ++j) {
        put(j, _mm512_shuffle_i32x4(four[j], four[4 + j], _MM_SHUFFLE(2, 0, 2, 0)));
        put(4 + j, _mm512_shuffle_i32x4(four[j], four[4 + j], _MM_SHUFFLE(3, 1, 3, 1)));
    }
}

MAMBA_ALWAYS_INLINE float cut(const float* x, int16_t* out) {
    const __m512 values[] = {_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16)};
    // As whole numbers, which order as the floats do and keep NaN above all.
    const auto magnitude = [&](int i) { return _mm512_castps_si512(_mm512_abs_ps(values[i])); };
    const int32_t most = _mm512_reduce_max_epi32(_mm512_max_epi32(magnitude(0), magnitude(1)));
    const FixedPoint fixed(_mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(most))));
    MAMBA_UNROLL
    for (int i = 0; i < 2; ++i) {
        const __m256i v = _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(_mm512_mul_ps(values[i], _mm512_set1_ps(fixed.scale))));
        const __m256i low = _mm256_shufflelo_epi16(v, _MM_SHUFFLE(3, 1, 2, 0));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 16 * i), _mm256_shufflehi_epi16(low, _MM_SHUFFLE(3, 1, 2, 0)));
    }
    return fixed.unit;
}

#include "backends/cpu/q8_vnni.inl"
}  // namespace

void matmul_q8_vnni(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t x_stride, int64_t rows, const float* bias,
                    bool add, float* y, int64_t y_stride, float* scratch) {
    matmul_q8(w, begin, end, x, x_stride, rows, {bias, add, y, y_stride}, scratch);
}

}  // namespace mamba::avx512
#endif
