// Sixteen floats in two AVX2 registers, with the results of simd_avx512.h bit for bit except subnormal powers of 2. Included by
// kernels_avx2.cpp alone; everything is local to that file, so that the linker can never give another file a function that was compiled
// for AVX2.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "backends/cpu/unroll.h"
#include "base/platform.h"
#include "mamba/c_api.h"

namespace mamba::avx2 {
namespace {

constexpr mamba_isa this_isa = MAMBA_ISA_AVX2;
constexpr int tile_rows = 3;       // register tile of matmul: 6 sums in 12 registers
constexpr int tile_weights = 2;
constexpr int panel_weights = 4;   // the same with weights from a panel: 12 sums of one half of the lanes at a time
constexpr int stream_weights = 4;  // weight rows read at once for a single row of x
constexpr int tile_vectors = 1;    // register tile of the chunk form: 4 rows x 1 vector

struct Vec16 {
    __m256 lo, hi;
};

// A mask of the first n of 8 lanes; n below 0 counts as 0.
MAMBA_ALWAYS_INLINE __m256i first_lanes(int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

MAMBA_ALWAYS_INLINE Vec16 zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
MAMBA_ALWAYS_INLINE Vec16 broadcast(float value) { return {_mm256_set1_ps(value), _mm256_set1_ps(value)}; }
MAMBA_ALWAYS_INLINE Vec16 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
MAMBA_ALWAYS_INLINE void store(float* p, Vec16 a) {
    _mm256_storeu_ps(p, a.lo);
    _mm256_storeu_ps(p + 8, a.hi);
}
// The first n lanes, 0 <= n <= 16; the others read as 0 and are not written.
MAMBA_ALWAYS_INLINE Vec16 load_first(const float* p, int64_t n) {
    return {_mm256_maskload_ps(p, first_lanes(n)), _mm256_maskload_ps(p + 8, first_lanes(n - 8))};
}
MAMBA_ALWAYS_INLINE void store_first(float* p, Vec16 a, int64_t n) {
    _mm256_maskstore_ps(p, first_lanes(n), a.lo);
    _mm256_maskstore_ps(p + 8, first_lanes(n - 8), a.hi);
}

// What products with panels compute at a time: one half of the lanes, and the other in a second pass over the same rows. Twice as many sums
// find room in the registers that way, so that each row of x and of weights is loaded half as often.
constexpr int passes = 2;
struct Part {
    __m256 v;
};
MAMBA_ALWAYS_INLINE Part load_part(const float* p) { return {_mm256_loadu_ps(p)}; }
MAMBA_ALWAYS_INLINE void store_part(float* p, Part a) { _mm256_storeu_ps(p, a.v); }
MAMBA_ALWAYS_INLINE Part zero_part() { return {_mm256_setzero_ps()}; }
MAMBA_ALWAYS_INLINE Part fma(Part a, Part b, Part c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
MAMBA_ALWAYS_INLINE Part part(Vec16 a, int pass) { return {pass == 0 ? a.lo : a.hi}; }
MAMBA_ALWAYS_INLINE Vec16 whole(const Part (&parts)[passes]) { return {parts[0].v, parts[1].v}; }

MAMBA_ALWAYS_INLINE Vec16 operator+(Vec16 a, Vec16 b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
MAMBA_ALWAYS_INLINE Vec16 operator-(Vec16 a, Vec16 b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
MAMBA_ALWAYS_INLINE Vec16 operator*(Vec16 a, Vec16 b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
MAMBA_ALWAYS_INLINE Vec16 operator/(Vec16 a, Vec16 b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
// a * b + c and a * b - c, rounded once.
MAMBA_ALWAYS_INLINE Vec16 fma(Vec16 a, Vec16 b, Vec16 c) {
    return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
MAMBA_ALWAYS_INLINE Vec16 fms(Vec16 a, Vec16 b, Vec16 c) {
    return {_mm256_fmsub_ps(a.lo, b.lo, c.lo), _mm256_fmsub_ps(a.hi, b.hi, c.hi)};
}
// b where either is NaN.
MAMBA_ALWAYS_INLINE Vec16 min(Vec16 a, Vec16 b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
MAMBA_ALWAYS_INLINE Vec16 max(Vec16 a, Vec16 b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
MAMBA_ALWAYS_INLINE __m256 scale_by_power(__m256 a, __m256 n) {
    const __m256i power = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    const __m256 scaled = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), power));
    return _mm256_and_ps(_mm256_cmp_ps(n, _mm256_set1_ps(-126.0f), _CMP_NLT_UQ), scaled);
}
// a * 2^n for whole n, by addition to the exponent; 0 where n < -126.
MAMBA_ALWAYS_INLINE Vec16 scale_by_power(Vec16 a, Vec16 n) { return {scale_by_power(a.lo, n.lo), scale_by_power(a.hi, n.hi)}; }
// a less the next whole number above it: exact for a <= 0.
MAMBA_ALWAYS_INLINE Vec16 below_ceiling(Vec16 a) { return a - Vec16{_mm256_ceil_ps(a.lo), _mm256_ceil_ps(a.hi)}; }

MAMBA_ALWAYS_INLINE __m128i load_128(const std::byte* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
MAMBA_ALWAYS_INLINE __m128i load_64(const std::byte* p) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); }
MAMBA_ALWAYS_INLINE __m256 bf16_to_f32(__m128i bits) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16)); }

MAMBA_ALWAYS_INLINE Vec16 load_bf16(const std::byte* p) { return {bf16_to_f32(load_128(p)), bf16_to_f32(load_128(p + 16))}; }
MAMBA_ALWAYS_INLINE Vec16 load_f16(const std::byte* p) { return {_mm256_cvtph_ps(load_128(p)), _mm256_cvtph_ps(load_128(p + 16))}; }
MAMBA_ALWAYS_INLINE Vec16 load_int8(const std::byte* p) {
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(load_64(p))), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(load_64(p + 8)))};
}
// The FP16 scale of a Q8_0 block in all lanes. Converts 16 bytes of the block, straight from memory: that is cheaper than two.
MAMBA_ALWAYS_INLINE Vec16 load_scale(const std::byte* block) {
    const __m256 value = _mm256_broadcastss_ps(_mm256_castps256_ps128(_mm256_cvtph_ps(load_128(block))));
    return {value, value};
}
// One FP16 in all lanes.
MAMBA_ALWAYS_INLINE Vec16 broadcast_f16(const std::byte* p) {
    uint16_t bits;
    std::memcpy(&bits, p, sizeof bits);
    const __m256 value = _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(bits)));
    return {value, value};
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
    const __m128i head = load_128(block);
    const __m128i factors = unpacked_factors(head);
    const __m128 d = _mm_cvtph_ps(head);
    return {_mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(factors)), _mm256_broadcastss_ps(d)),
            _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(factors, 8))), _mm256_broadcastss_ps(_mm_movehdup_ps(d)))};
}

// What the 4-bit numbers of a group of Q4_K mean: scale * n - minimum.
struct Levels {
    __m256 scale, minimum;
};
MAMBA_ALWAYS_INLINE Levels levels(float scale, float minimum) { return {_mm256_set1_ps(scale), _mm256_set1_ps(minimum)}; }
// 16 bytes, each of which holds two numbers.
struct Nibbles {
    __m256i lo, hi;
};
MAMBA_ALWAYS_INLINE Nibbles load_nibbles(const std::byte* p) {
    return {_mm256_cvtepu8_epi32(load_64(p)), _mm256_cvtepu8_epi32(load_64(p + 8))};
}
MAMBA_ALWAYS_INLINE __m256 level(__m256i n, Levels l) { return _mm256_fmsub_ps(_mm256_cvtepi32_ps(n), l.scale, l.minimum); }
MAMBA_ALWAYS_INLINE Vec16 low_nibbles(Nibbles n, Levels l) {
    const __m256i four = _mm256_set1_epi32(15);
    return {level(_mm256_and_si256(n.lo, four), l), level(_mm256_and_si256(n.hi, four), l)};
}
MAMBA_ALWAYS_INLINE Vec16 high_nibbles(Nibbles n, Levels l) {
    return {level(_mm256_srli_epi32(n.lo, 4), l), level(_mm256_srli_epi32(n.hi, 4), l)};
}

// The 128 numbers of half a block of Q6_K (64 bytes of low bits, 32 of high ones), less 32.
MAMBA_ALWAYS_INLINE void six_bits(const std::byte* low, const std::byte* high, std::byte* out) {
    const __m256i four = _mm256_set1_epi8(15), two = _mm256_set1_epi8(48), bias = _mm256_set1_epi8(32);
    const __m256i l0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(low));
    const __m256i l1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(low + 32));
    const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(high));
    const auto put = [&](int64_t i, __m256i l, __m256i shifted) {
        const __m256i n = _mm256_or_si256(_mm256_and_si256(l, four), _mm256_and_si256(shifted, two));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 32 * i), _mm256_sub_epi8(n, bias));
    };
    put(0, l0, _mm256_slli_epi16(h, 4));
    put(1, l1, _mm256_slli_epi16(h, 2));
    put(2, _mm256_srli_epi16(l0, 4), h);
    put(3, _mm256_srli_epi16(l1, 4), _mm256_srli_epi16(h, 2));
}
// scale * (n - 32) of 16 of them.
MAMBA_ALWAYS_INLINE Vec16 six_bit_weights(const std::byte* n, float scale, float) { return fma(broadcast(scale), load_int8(n), zero()); }

MAMBA_ALWAYS_INLINE void prefetch(const std::byte* p) { _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0); }
// Into L2, for later.
MAMBA_ALWAYS_INLINE void prefetch_far(const std::byte* p) { _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T1); }

MAMBA_ALWAYS_INLINE float square_root(float a) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(a))); }

// The tree: lanes i and i + 8, then i + 4, i + 2, i + 1.
MAMBA_ALWAYS_INLINE float sum(Vec16 a) {
    const __m256 eight = _mm256_add_ps(a.lo, a.hi);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_shuffle_ps(four, four, 1)));
}
// The sums of lanes i, i + 4, i + 8 and i + 12: a's in the lower half, b's in the upper.
MAMBA_ALWAYS_INLINE __m256 add_quarters(Vec16 a, Vec16 b) {
    const __m256 a8 = _mm256_add_ps(a.lo, a.hi), b8 = _mm256_add_ps(b.lo, b.hi);
    return _mm256_add_ps(_mm256_blend_ps(a8, b8, 0xf0), _mm256_permute2f128_ps(a8, b8, 0x21));
}
// out[0..3] = the four sums, by the same tree.
MAMBA_ALWAYS_INLINE void store_sums(float* out, Vec16 a, Vec16 b, Vec16 c, Vec16 d) {
    const __m256 ab = add_quarters(a, b), cd = add_quarters(c, d);
    const __m256 first = _mm256_shuffle_ps(ab, cd, _MM_SHUFFLE(1, 0, 1, 0)), second = _mm256_shuffle_ps(ab, cd, _MM_SHUFFLE(3, 2, 3, 2));
    const __m256 two = _mm256_add_ps(first, second);
    const __m256 one = _mm256_add_ps(two, _mm256_permute_ps(two, _MM_SHUFFLE(2, 3, 0, 1)));  // a a c c | b b d d
    _mm_storeu_ps(out, _mm_blend_ps(_mm256_castps256_ps128(one), _mm256_extractf128_ps(one, 1), 0xa));
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

// The 8 x 8 tile of one half of 8 rows, transposed into one half of 8 rows.
template <__m256 Vec16::*from, __m256 Vec16::*to>
MAMBA_ALWAYS_INLINE void transpose8(const Vec16* in, Vec16* out) {
    __m256 pairs[8], quads[8];
    MAMBA_UNROLL
    for (int i = 0; i < 8; i += 2) {
        pairs[i] = _mm256_unpacklo_ps(in[i].*from, in[i + 1].*from);
        pairs[i + 1] = _mm256_unpackhi_ps(in[i].*from, in[i + 1].*from);
    }
    MAMBA_UNROLL
    for (int i = 0; i < 8; i += 4) {
        MAMBA_UNROLL
        for (int j = 0; j < 2; ++j) {  // columns 2 j and 2 j + 1, and those 4 further, of rows i .. i + 3
            quads[i + 2 * j] = _mm256_shuffle_ps(pairs[i + j], pairs[i + 2 + j], _MM_SHUFFLE(1, 0, 1, 0));
            quads[i + 2 * j + 1] = _mm256_shuffle_ps(pairs[i + j], pairs[i + 2 + j], _MM_SHUFFLE(3, 2, 3, 2));
        }
    }
    MAMBA_UNROLL
    for (int j = 0; j < 4; ++j) {
        out[j].*to = _mm256_permute2f128_ps(quads[j], quads[4 + j], 0x20);
        out[4 + j].*to = _mm256_permute2f128_ps(quads[j], quads[4 + j], 0x31);
    }
}
// Lane i of row j becomes lane j of row i.
MAMBA_ALWAYS_INLINE void transpose(Vec16 (&rows)[16]) {
    Vec16 out[16];
    transpose8<&Vec16::lo, &Vec16::lo>(rows, out);
    transpose8<&Vec16::lo, &Vec16::hi>(rows + 8, out);
    transpose8<&Vec16::hi, &Vec16::lo>(rows, out + 8);
    transpose8<&Vec16::hi, &Vec16::hi>(rows + 8, out + 8);
    MAMBA_UNROLL
    for (int i = 0; i < 16; ++i) rows[i] = out[i];
}

}  // namespace
}  // namespace mamba::avx2
