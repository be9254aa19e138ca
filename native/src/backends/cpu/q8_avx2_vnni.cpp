#include "base/platform.h"

#if MAMBA_X64 && MAMBA_AVX_VNNI
#include <limits>

#include "backends/cpu/blocking.h"
#include "backends/cpu/q8_vnni.h"
#include "backends/cpu/simd_avx2.h"

namespace mamba::avx2 {
namespace {
#include "backends/cpu/simd_math.inl"

#include "backends/cpu/row_tiles.inl"
#include "backends/cpu/q8_layout.inl"

using Ints = __m256i;

MAMBA_ALWAYS_INLINE Ints zero_ints() { return _mm256_setzero_si256(); }
MAMBA_ALWAYS_INLINE Ints load_ints(const std::byte* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
MAMBA_ALWAYS_INLINE Ints add_ints(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
MAMBA_ALWAYS_INLINE Ints broadcast_pair(const int16_t* p) {
    int32_t pair;
    std::memcpy(&pair, p, sizeof pair);
    return _mm256_set1_epi32(pair);
}
MAMBA_ALWAYS_INLINE Ints dot_pairs(Ints sum, Ints a, Ints b) {
#if defined(__GNUC__) && !defined(__clang__)
    // GCC copies every sum before its own intrinsic, and with so many of them to memory.
    asm("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
    return sum;
#else
    return _mm256_dpwssd_avx_epi32(sum, a, b);
#endif
}
MAMBA_ALWAYS_INLINE Part to_part(Ints a) { return {_mm256_cvtepi32_ps(a)}; }
MAMBA_ALWAYS_INLINE Part broadcast_part(float value) { return {_mm256_set1_ps(value)}; }
MAMBA_ALWAYS_INLINE Part load_scales(const std::byte* p) { return {_mm256_cvtph_ps(load_128(p))}; }
MAMBA_ALWAYS_INLINE Part operator+(Part a, Part b) { return {_mm256_add_ps(a.v, b.v)}; }
MAMBA_ALWAYS_INLINE Part operator*(Part a, Part b) { return {_mm256_mul_ps(a.v, b.v)}; }

// The transpose of eight rows of eight times four bytes; then columns 0 and 2 of each four, and 1 and 3, with 16 bits.
MAMBA_ALWAYS_INLINE void spread(const std::byte* const (&rows)[8], std::byte* out) {
    __m256i two[8], four[8];
    MAMBA_UNROLL
    for (int i = 0; i < 8; i += 2) {
        const __m256i a = load_ints(rows[i]), b = load_ints(rows[i + 1]);
        two[i] = _mm256_unpacklo_epi32(a, b);
        two[i + 1] = _mm256_unpackhi_epi32(a, b);
    }
    MAMBA_UNROLL
    for (int i = 0; i < 8; i += 4) {
        MAMBA_UNROLL
        for (int j = 0; j < 2; ++j) {
            four[i + 2 * j] = _mm256_unpacklo_epi64(two[i + j], two[i + 2 + j]);
            four[i + 2 * j + 1] = _mm256_unpackhi_epi64(two[i + j], two[i + 2 + j]);
        }
    }
    const auto put = [&](int64_t quad, __m256i bytes) {
        auto* const first = reinterpret_cast<__m256i*>(out + 2 * quad * pair_bytes);
        auto* const second = reinterpret_cast<__m256i*>(out + (2 * quad + 1) * pair_bytes);
        _mm256_storeu_si256(first, _mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8));
        _mm256_storeu_si256(second, _mm256_srai_epi16(bytes, 8));
    };
    MAMBA_UNROLL
    for (int j = 0; j < 4; ++j) {
        put(j, _mm256_permute2x128_si256(four[j], four[4 + j], 0x20));
        put(4 + j, _mm256_permute2x128_si256(four[j], four[4 + j], 0x31));
    }
}

MAMBA_ALWAYS_INLINE float cut(const float* x, int16_t* out) {
    __m256 values[4];
    MAMBA_UNROLL
    for (int i = 0; i < 4; ++i) values[i] = _mm256_loadu_ps(x + 8 * i);
    // As whole numbers, which order as the floats do and keep NaN above all.
    const auto magnitude = [&](int i) { return _mm256_and_si256(_mm256_castps_si256(values[i]), _mm256_set1_epi32(0x7fffffff)); };
    const __m256i eight = _mm256_max_epi32(_mm256_max_epi32(magnitude(0), magnitude(1)), _mm256_max_epi32(magnitude(2), magnitude(3)));
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(2, 3, 0, 1)));
    const FixedPoint fixed(_mm_cvtss_f32(_mm_castsi128_ps(four)));
    const __m256 scale = _mm256_set1_ps(fixed.scale);
    MAMBA_UNROLL
    for (int i = 0; i < 4; i += 2) {
        const __m256i a = _mm256_cvtps_epi32(_mm256_mul_ps(values[i], scale));
        const __m256i b = _mm256_cvtps_epi32(_mm256_mul_ps(values[i + 1], scale));
        const __m256i v = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), _MM_SHUFFLE(3, 1, 2, 0));
        const __m256i low = _mm256_shufflelo_epi16(v, _MM_SHUFFLE(3, 1, 2, 0));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 8 * i), _mm256_shufflehi_epi16(low, _MM_SHUFFLE(3, 1, 2, 0)));
    }
    return fixed.unit;
}

#include "backends/cpu/q8_vnni.inl"
}  // namespace

void matmul_q8_vnni(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t x_stride, int64_t rows, const float* bias,
                    bool add, float* y, int64_t y_stride, float* scratch) {
    matmul_q8(w, begin, end, x, x_stride, rows, {bias, add, y, y_stride}, scratch);
}

}  // namespace mamba::avx2
#endif
