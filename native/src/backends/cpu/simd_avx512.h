// Sixteen floats in one AVX-512 register. Included by kernels_avx512.cpp alone; everything is local to that file, so that
// the linker can never give another file a function that was compiled for AVX-512.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "backends/cpu/unroll.h"
#include "base/platform.h"
#include "mamba/c_api.h"

namespace mamba::avx512 {
namespace {

constexpr mamba_isa this_isa = MAMBA_ISA_AVX512;
constexpr int tile_rows = 6;       // register tile of matmul: 24 sums, 4 weight vectors, 1 of x
constexpr int tile_weights = 4;
constexpr int panel_weights = 4;   // the same with weights from a panel
constexpr int stream_weights = 8;  // weight rows read at once for a single row of x
constexpr int tile_vectors = 4;    // register tile of the chunk form: 4 rows x 4 vectors

struct Vec16 {
    __m512 v;
};

MAMBA_ALWAYS_INLINE __mmask16 first_lanes(int64_t n) { return static_cast<__mmask16>((1u << n) - 1u); }

MAMBA_ALWAYS_INLINE Vec16 zero() { return {_mm512_setzero_ps()}; }
MAMBA_ALWAYS_INLINE Vec16 broadcast(float value) { return {_mm512_set1_ps(value)}; }
MAMBA_ALWAYS_INLINE Vec16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
MAMBA_ALWAYS_INLINE void store(float* p, Vec16 a) { _mm512_storeu_ps(p, a.v); }
// The first n lanes, 0 <= n <= 16; the others read as 0 and are not written.
MAMBA_ALWAYS_INLINE Vec16 load_first(const float* p, int64_t n) { return {_mm512_maskz_loadu_ps(first_lanes(n), p)}; }
MAMBA_ALWAYS_INLINE void store_first(float* p, Vec16 a, int64_t n) { _mm512_mask_storeu_ps(p, first_lanes(n), a.v); }

// What products with panels compute at a time: all lanes.
constexpr int passes = 1;
using Part = Vec16;
MAMBA_ALWAYS_INLINE Part load_part(const float* p) { return load(p); }
MAMBA_ALWAYS_INLINE void store_part(float* p, Part a) { store(p, a); }
MAMBA_ALWAYS_INLINE Part zero_part() { return zero(); }
MAMBA_ALWAYS_INLINE Part part(Vec16 a, int) { return a; }
MAMBA_ALWAYS_INLINE Vec16 whole(const Part (&parts)[passes]) { return parts[0]; }

MAMBA_ALWAYS_INLINE Vec16 operator+(Vec16 a, Vec16 b) { return {_mm512_add_ps(a.v, b.v)}; }
MAMBA_ALWAYS_INLINE Vec16 operator-(Vec16 a, Vec16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
MAMBA_ALWAYS_INLINE Vec16 operator*(Vec16 a, Vec16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
MAMBA_ALWAYS_INLINE Vec16 operator/(Vec16 a, Vec16 b) { return {_mm512_div_ps(a.v, b.v)}; }
// a * b + c and a * b - c, rounded once.
MAMBA_ALWAYS_INLINE Vec16 fma(Vec16 a, Vec16 b, Vec16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
MAMBA_ALWAYS_INLINE Vec16 fms(Vec16 a, Vec16 b, Vec16 c) { return {_mm512_fmsub_ps(a.v, b.v, c.v)}; }
// b where either is NaN.
MAMBA_ALWAYS_INLINE Vec16 min(Vec16 a, Vec16 b) { return {_mm512_min_ps(a.v, b.v)}; }
MAMBA_ALWAYS_INLINE Vec16 max(Vec16 a, Vec16 b) { return {_mm512_max_ps(a.v, b.v)}; }
// a * 2^n for whole n; subnormal or 0 where n < -126.
MAMBA_ALWAYS_INLINE Vec16 scale_by_power(Vec16 a, Vec16 n) { return {_mm512_scalef_ps(a.v, n.v)}; }
// a less the next whole number above it: exact for a <= 0.
MAMBA_ALWAYS_INLINE Vec16 below_ceiling(Vec16 a) { return {_mm512_reduce_ps(a.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)}; }

MAMBA_ALWAYS_INLINE Vec16 load_bf16(const std::byte* p) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16))};
}
MAMBA_ALWAYS_INLINE Vec16 load_f16(const std::byte* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
MAMBA_ALWAYS_INLINE Vec16 load_int8(const std::byte* p) {
    const __m512i wide = _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return {_mm512_cvtepi32_ps(wide)};
}
// The FP16 scale of a Q8_0 block in all lanes. Converts 32 bytes of the block, straight from memory: that is cheaper than two.
MAMBA_ALWAYS_INLINE Vec16 load_scale(const std::byte* block) {
    return {_mm512_broadcastss_ps(_mm512_castps512_ps128(load_f16(block).v))};
}
// One FP16 in all lanes.
MAMBA_ALWAYS_INLINE Vec16 broadcast_f16(const std::byte* p) {
    uint16_t bits;
    std::memcpy(&bits, p, sizeof bits);
    return {_mm512_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(bits)))};
}

// The eight scales and the eight minima of a block of Q4_K, as bytes: all that describes them are the first 16 bytes of the block.
MAMBA_ALWAYS_INLINE __m128i unpacked_factors(__m128i head) {
    constexpr char none = -1;
    const __m128i low = _mm_shuffle_epi8(head, _mm_setr_epi8(4, 5, 6, 7, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
    const __m128i high = _mm_shuffle_epi8(head, _mm_setr_epi8(none, none, none, none, 4, 5, 6, 7, none, none, none, none, 8, 9, 10, 11));
    const __m128i low_bits = _mm_setr_epi32(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f);
    return _mm_or_si128(_mm_and_si128(_mm_srlv_epi32(low, _mm_setr_epi32(0, 0, 0, 4)), low_bits),
                        _mm_and_si128(_mm_srli_epi16(high, 2), _mm_set1_epi8(0x30)));
}
// d * scale of the eight groups of a block of Q4_K, then d_min * minimum.
MAMBA_ALWAYS_INLINE Vec16 group_factors(const std::byte* block) {
    const __m128i head = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block));
    const __m512 factors = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(unpacked_factors(head)));
    const __m512i d_then_d_min = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
    return {_mm512_mul_ps(factors, _mm512_permutexvar_ps(d_then_d_min, _mm512_castps128_ps512(_mm_cvtph_ps(head))))};
}

// What the 4-bit numbers of a group of Q4_K mean: scale * n - minimum, all sixteen of them.
struct Levels {
    __m512 values;
};
MAMBA_ALWAYS_INLINE Levels levels(float scale, float minimum) {
    const __m512 n = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return {_mm512_fmsub_ps(n, _mm512_set1_ps(scale), _mm512_set1_ps(minimum))};
}
// 16 bytes, each of which holds two numbers.
struct Nibbles {
    __m512i bytes;
};
MAMBA_ALWAYS_INLINE Nibbles load_nibbles(const std::byte* p) {
    return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
// The permutation looks at the lowest four bits of its index alone.
MAMBA_ALWAYS_INLINE Vec16 low_nibbles(Nibbles n, Levels l) { return {_mm512_permutexvar_ps(n.bytes, l.values)}; }
MAMBA_ALWAYS_INLINE Vec16 high_nibbles(Nibbles n, Levels l) { return {_mm512_permutexvar_ps(_mm512_srli_epi32(n.bytes, 4), l.values)}; }

// The 128 numbers of half a block of Q6_K (64 bytes of low bits, 32 of high ones), each as the third byte of the float 64 + n.
MAMBA_ALWAYS_INLINE void six_bits(const std::byte* low, const std::byte* high, std::byte* out) {
    // Each number is shifted by one here: the third byte of a float begins with the lowest bit of the exponent.
    const __m512i four = _mm512_set1_epi8(0x1e), six = _mm512_set1_epi8(0x7e), exponent = _mm512_set1_epi8(-128);
    const __m512i l = _mm512_loadu_si512(low);
    const __m512i h = _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(high)));
    // The first half of a vector takes bits 0 and 1 of the high bytes, and then 4 and 5; the second half bits 2 and 3, and then 6 and 7.
    const __m256i five = _mm256_set1_epi16(5), three = _mm256_set1_epi16(3);
    const __m512i up = _mm512_sllv_epi16(h, _mm512_inserti64x4(_mm512_castsi256_si512(five), three, 1));
    const __m512i down = _mm512_rolv_epi32(h, _mm512_inserti64x4(_mm512_set1_epi32(1), _mm256_set1_epi32(31), 1));
    constexpr int select = 0xca;       // of the second and the third operand, by the bits of the first
    constexpr int limit_and_set = 0xea;  // the first and the second, or the third
    const __m512i first = _mm512_ternarylogic_epi32(four, _mm512_slli_epi16(l, 1), up, select);
    const __m512i second = _mm512_ternarylogic_epi32(four, _mm512_srli_epi16(l, 3), down, select);
    _mm512_storeu_si512(out, _mm512_ternarylogic_epi32(first, six, exponent, limit_and_set));
    _mm512_storeu_si512(out + 64, _mm512_ternarylogic_epi32(second, six, exponent, limit_and_set));
}
// scale * (n - 32) of 16 of them; offset is -96 * scale, so that both products and the sum are exact.
MAMBA_ALWAYS_INLINE Vec16 six_bit_weights(const std::byte* n, float scale, float offset) {
    const __m512i four_times = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(n)));
    const __m512i places = _mm512_setr_epi32(0, 0x10000, 0x20000, 0x30000, 0x40000, 0x50000, 0x60000, 0x70000, 0x80000, 0x90000, 0xa0000,
                                             0xb0000, 0xc0000, 0xd0000, 0xe0000, 0xf0000);
    const __m512i value = _mm512_mask_shuffle_epi8(_mm512_set1_epi32(0x42000000), 0x4444444444444444, four_times, places);
    return {_mm512_fmadd_ps(_mm512_castsi512_ps(value), _mm512_set1_ps(scale), _mm512_set1_ps(offset))};
}

MAMBA_ALWAYS_INLINE void prefetch(const std::byte* p) { _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0); }
// Into L2, for later.
MAMBA_ALWAYS_INLINE void prefetch_far(const std::byte* p) { _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T1); }

MAMBA_ALWAYS_INLINE float square_root(float a) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(a))); }

// The tree: lanes i and i + 8, then i + 4, i + 2, i + 1.
MAMBA_ALWAYS_INLINE float sum(Vec16 a) {
    const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a.v), 1));
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a.v), high);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_shuffle_ps(four, four, 1)));
}
// The sum of a's halves in the lower half, of b's in the upper.
MAMBA_ALWAYS_INLINE __m512 add_halves(Vec16 a, Vec16 b) {
    const __m512 kept = _mm512_mask_blend_ps(0xff00, a.v, b.v);
    return _mm512_add_ps(kept, _mm512_shuffle_f32x4(a.v, b.v, _MM_SHUFFLE(1, 0, 3, 2)));
}
// out[0..3] = the four sums, by the same tree.
MAMBA_ALWAYS_INLINE void store_sums(float* out, Vec16 a, Vec16 b, Vec16 c, Vec16 d) {
    const __m512 ab = add_halves(a, b), cd = add_halves(c, d);
    __m512 quarters = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, _MM_SHUFFLE(2, 0, 2, 0)),
                                    _mm512_shuffle_f32x4(ab, cd, _MM_SHUFFLE(3, 1, 3, 1)));
    quarters = _mm512_add_ps(quarters, _mm512_permute_ps(quarters, _MM_SHUFFLE(1, 0, 3, 2)));
    quarters = _mm512_add_ps(quarters, _mm512_permute_ps(quarters, _MM_SHUFFLE(2, 3, 0, 1)));
    const __m512i first_of_each = _mm512_setr_epi32(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
    _mm_storeu_ps(out, _mm512_castps512_ps128(_mm512_permutexvar_ps(first_of_each, quarters)));
}

// out[j][i] = in[i][j] for a 4 x 4 tile.
MAMBA_ALWAYS_INLINE void transpose4(const float* in, int64_t in_stride, float* out, int64_t out_stride) {
    __m128 a = _mm_loadu_ps(in), b = _mm_loadu_ps(in + in_stride);
    __m128 c = _mm_loadu_ps(in + 2 * in_stride), d = _mm_loadu_ps(in + 3 * in_stride);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(out, a);
    _mm_storeu_ps(out + out_stride, b);
    _mm_storeu_ps(out + 2 * out_stride, c);
    _mm_storeu_ps(out + 3 * out_stride, d);
}

// Lane i of row j becomes lane j of row i.
MAMBA_ALWAYS_INLINE void transpose(Vec16 (&rows)[16]) {
    __m512 pairs[16], quads[16], halves[16];
    MAMBA_UNROLL
    for (int i = 0; i < 16; i += 2) {
        pairs[i] = _mm512_unpacklo_ps(rows[i].v, rows[i + 1].v);
        pairs[i + 1] = _mm512_unpackhi_ps(rows[i].v, rows[i + 1].v);
    }
    // quads[i + j], i a multiple of 4: columns j, j + 4, j + 8, j + 12 of rows i .. i + 3
    MAMBA_UNROLL
    for (int i = 0; i < 16; i += 4) {
        MAMBA_UNROLL
        for (int j = 0; j < 2; ++j) {
            const __m512d low = _mm512_castps_pd(pairs[i + j]), high = _mm512_castps_pd(pairs[i + 2 + j]);
            quads[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            quads[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    }
    MAMBA_UNROLL
    for (int j = 0; j < 4; ++j) {
        halves[j] = _mm512_shuffle_f32x4(quads[j], quads[4 + j], _MM_SHUFFLE(2, 0, 2, 0));
        halves[4 + j] = _mm512_shuffle_f32x4(quads[j], quads[4 + j], _MM_SHUFFLE(3, 1, 3, 1));
        halves[8 + j] = _mm512_shuffle_f32x4(quads[8 + j], quads[12 + j], _MM_SHUFFLE(2, 0, 2, 0));
        halves[12 + j] = _mm512_shuffle_f32x4(quads[8 + j], quads[12 + j], _MM_SHUFFLE(3, 1, 3, 1));
    }
    MAMBA_UNROLL
    for (int j = 0; j < 4; ++j) {
        rows[j] = {_mm512_shuffle_f32x4(halves[j], halves[8 + j], _MM_SHUFFLE(2, 0, 2, 0))};
        rows[8 + j] = {_mm512_shuffle_f32x4(halves[j], halves[8 + j], _MM_SHUFFLE(3, 1, 3, 1))};
        rows[4 + j] = {_mm512_shuffle_f32x4(halves[4 + j], halves[12 + j], _MM_SHUFFLE(2, 0, 2, 0))};
        rows[12 + j] = {_mm512_shuffle_f32x4(halves[4 + j], halves[12 + j], _MM_SHUFFLE(3, 1, 3, 1))};
    }
}

}  // namespace
}  // namespace mamba::avx512
