// Sixteen floats in four NEON registers, with the results of simd_avx512.h bit for bit except subnormal powers of 2. Included by the files
// for arm64 alone; everything is local to each, so that the linker can never give one a function that was compiled for another's
// instructions.
#pragma once

#include <arm_neon.h>
#if defined(_MSC_VER) && !defined(__clang__)
#  include <intrin.h>
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "backends/cpu/unroll.h"
#include "base/platform.h"
#include "mamba/c_api.h"

namespace mamba::neon {
namespace {

constexpr mamba_isa this_isa = MAMBA_ISA_NEON;
constexpr int tile_rows = 3;       // register tile of matmul: 6 sums in 24 of 32 registers
constexpr int tile_weights = 2;
constexpr int panel_weights = 2;   // the same with weights from a panel
constexpr int stream_weights = 4;  // weight rows read at once for a single row of x
constexpr int tile_vectors = 1;    // register tile of the chunk form: 4 rows x 1 vector

struct Vec16 {
    float32x4_t a, b, c, d;
};

MAMBA_ALWAYS_INLINE Vec16 broadcast(float value) {
    const float32x4_t all = vdupq_n_f32(value);
    return {all, all, all, all};
}
MAMBA_ALWAYS_INLINE Vec16 zero() { return broadcast(0.0f); }
MAMBA_ALWAYS_INLINE Vec16 load(const float* p) { return {vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}; }
MAMBA_ALWAYS_INLINE void store(float* p, Vec16 v) {
    vst1q_f32(p, v.a);
    vst1q_f32(p + 4, v.b);
    vst1q_f32(p + 8, v.c);
    vst1q_f32(p + 12, v.d);
}
// The first n lanes, 0 <= n <= 16; the others read as 0 and are not written.
MAMBA_ALWAYS_INLINE Vec16 load_first(const float* p, int64_t n) {
    float values[16] = {};
    std::memcpy(values, p, static_cast<size_t>(n) * sizeof(float));
    return load(values);
}
MAMBA_ALWAYS_INLINE void store_first(float* p, Vec16 v, int64_t n) {
    float values[16];
    store(values, v);
    std::memcpy(p, values, static_cast<size_t>(n) * sizeof(float));
}

// What products with panels compute at a time: all lanes.
constexpr int passes = 1;
using Part = Vec16;
MAMBA_ALWAYS_INLINE Part load_part(const float* p) { return load(p); }
MAMBA_ALWAYS_INLINE void store_part(float* p, Part a) { store(p, a); }
MAMBA_ALWAYS_INLINE Part zero_part() { return zero(); }
MAMBA_ALWAYS_INLINE Part part(Vec16 a, int) { return a; }
MAMBA_ALWAYS_INLINE Vec16 whole(const Part (&parts)[passes]) { return parts[0]; }

MAMBA_ALWAYS_INLINE Vec16 operator+(Vec16 x, Vec16 y) {
    return {vaddq_f32(x.a, y.a), vaddq_f32(x.b, y.b), vaddq_f32(x.c, y.c), vaddq_f32(x.d, y.d)};
}
MAMBA_ALWAYS_INLINE Vec16 operator-(Vec16 x, Vec16 y) {
    return {vsubq_f32(x.a, y.a), vsubq_f32(x.b, y.b), vsubq_f32(x.c, y.c), vsubq_f32(x.d, y.d)};
}
MAMBA_ALWAYS_INLINE Vec16 operator*(Vec16 x, Vec16 y) {
    return {vmulq_f32(x.a, y.a), vmulq_f32(x.b, y.b), vmulq_f32(x.c, y.c), vmulq_f32(x.d, y.d)};
}
MAMBA_ALWAYS_INLINE Vec16 operator/(Vec16 x, Vec16 y) {
    return {vdivq_f32(x.a, y.a), vdivq_f32(x.b, y.b), vdivq_f32(x.c, y.c), vdivq_f32(x.d, y.d)};
}
// x * y + z and x * y - z, rounded once.
MAMBA_ALWAYS_INLINE Vec16 fma(Vec16 x, Vec16 y, Vec16 z) {
    return {vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b), vfmaq_f32(z.c, x.c, y.c), vfmaq_f32(z.d, x.d, y.d)};
}
MAMBA_ALWAYS_INLINE Vec16 fms(Vec16 x, Vec16 y, Vec16 z) {
    return fma(x, y, {vnegq_f32(z.a), vnegq_f32(z.b), vnegq_f32(z.c), vnegq_f32(z.d)});
}
// y where either is NaN, which NEON's own minimum and maximum do not give.
MAMBA_ALWAYS_INLINE float32x4_t min(float32x4_t x, float32x4_t y) { return vbslq_f32(vcltq_f32(x, y), x, y); }
MAMBA_ALWAYS_INLINE float32x4_t max(float32x4_t x, float32x4_t y) { return vbslq_f32(vcgtq_f32(x, y), x, y); }
MAMBA_ALWAYS_INLINE Vec16 min(Vec16 x, Vec16 y) { return {min(x.a, y.a), min(x.b, y.b), min(x.c, y.c), min(x.d, y.d)}; }
MAMBA_ALWAYS_INLINE Vec16 max(Vec16 x, Vec16 y) { return {max(x.a, y.a), max(x.b, y.b), max(x.c, y.c), max(x.d, y.d)}; }
MAMBA_ALWAYS_INLINE float32x4_t scale_by_power(float32x4_t v, float32x4_t n) {
    const int32x4_t scaled = vaddq_s32(vreinterpretq_s32_f32(v), vshlq_n_s32(vcvtq_s32_f32(n), 23));
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_s32(scaled), vcltq_f32(n, vdupq_n_f32(-126.0f))));
}
// v * 2^n for whole n, by addition to the exponent; 0 where n < -126.
MAMBA_ALWAYS_INLINE Vec16 scale_by_power(Vec16 v, Vec16 n) {
    return {scale_by_power(v.a, n.a), scale_by_power(v.b, n.b), scale_by_power(v.c, n.c), scale_by_power(v.d, n.d)};
}
// v less the next whole number above it: exact for v <= 0.
MAMBA_ALWAYS_INLINE Vec16 below_ceiling(Vec16 v) { return v - Vec16{vrndpq_f32(v.a), vrndpq_f32(v.b), vrndpq_f32(v.c), vrndpq_f32(v.d)}; }

MAMBA_ALWAYS_INLINE uint16x8_t load_halves(const std::byte* p) { return vld1q_u16(reinterpret_cast<const uint16_t*>(p)); }
MAMBA_ALWAYS_INLINE float32x4_t bf16_to_f32(uint16x4_t bits) { return vreinterpretq_f32_u32(vshll_n_u16(bits, 16)); }
MAMBA_ALWAYS_INLINE float32x4_t f16_to_f32(uint16x4_t bits) { return vcvt_f32_f16(vreinterpret_f16_u16(bits)); }
MAMBA_ALWAYS_INLINE float32x4_t int16_to_f32(int16x4_t v) { return vcvtq_f32_s32(vmovl_s16(v)); }

MAMBA_ALWAYS_INLINE Vec16 load_bf16(const std::byte* p) {
    const uint16x8_t low = load_halves(p), high = load_halves(p + 16);
    return {bf16_to_f32(vget_low_u16(low)), bf16_to_f32(vget_high_u16(low)), bf16_to_f32(vget_low_u16(high)),
            bf16_to_f32(vget_high_u16(high))};
}
MAMBA_ALWAYS_INLINE Vec16 load_f16(const std::byte* p) {
    const uint16x8_t low = load_halves(p), high = load_halves(p + 16);
    return {f16_to_f32(vget_low_u16(low)), f16_to_f32(vget_high_u16(low)), f16_to_f32(vget_low_u16(high)), f16_to_f32(vget_high_u16(high))};
}
MAMBA_ALWAYS_INLINE int8x16_t load_bytes(const std::byte* p) { return vld1q_s8(reinterpret_cast<const int8_t*>(p)); }
MAMBA_ALWAYS_INLINE Vec16 int8_to_f32(int8x16_t bytes) {
    const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
    return {int16_to_f32(vget_low_s16(low)), int16_to_f32(vget_high_s16(low)), int16_to_f32(vget_low_s16(high)),
            int16_to_f32(vget_high_s16(high))};
}
MAMBA_ALWAYS_INLINE Vec16 load_int8(const std::byte* p) { return int8_to_f32(load_bytes(p)); }
// One FP16 in all lanes.
MAMBA_ALWAYS_INLINE Vec16 broadcast_f16(const std::byte* p) {
    const float32x4_t value = f16_to_f32(vld1_dup_u16(reinterpret_cast<const uint16_t*>(p)));
    return {value, value, value, value};
}
// The FP16 scale of a Q8_0 block in all lanes.
MAMBA_ALWAYS_INLINE Vec16 load_scale(const std::byte* block) { return broadcast_f16(block); }

// d * scale of the eight groups of a block of Q4_K, then d_min * minimum: all that describes them are the first 16 bytes of the block.
MAMBA_ALWAYS_INLINE Vec16 group_factors(const std::byte* block) {
    constexpr uint8_t none = 255;
    constexpr uint8_t low_places[16] = {4, 5, 6, 7, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15};
    constexpr uint8_t high_places[16] = {none, none, none, none, 4, 5, 6, 7, none, none, none, none, 8, 9, 10, 11};
    constexpr uint8_t low_bits[16] = {63, 63, 63, 63, 15, 15, 15, 15, 63, 63, 63, 63, 15, 15, 15, 15};
    constexpr int8_t shifts[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -4, -4, -4, -4};
    const uint8x16_t head = vreinterpretq_u8_s8(load_bytes(block));
    const uint8x16_t low = vandq_u8(vshlq_u8(vqtbl1q_u8(head, vld1q_u8(low_places)), vld1q_s8(shifts)), vld1q_u8(low_bits));
    const uint8x16_t high = vandq_u8(vshrq_n_u8(vqtbl1q_u8(head, vld1q_u8(high_places)), 2), vdupq_n_u8(48));
    const Vec16 factors = int8_to_f32(vreinterpretq_s8_u8(vorrq_u8(low, high)));
    const Vec16 d = broadcast_f16(block), d_min = broadcast_f16(block + sizeof(uint16_t));
    return {vmulq_f32(factors.a, d.a), vmulq_f32(factors.b, d.b), vmulq_f32(factors.c, d_min.c), vmulq_f32(factors.d, d_min.d)};
}

// What the 4-bit numbers of a group of Q4_K mean: scale * n - minimum.
struct Levels {
    Vec16 scale, minimum;
};
MAMBA_ALWAYS_INLINE Levels levels(float scale, float minimum) { return {broadcast(scale), broadcast(minimum)}; }
// 16 bytes, each of which holds two numbers.
struct Nibbles {
    uint8x16_t bytes;
};
MAMBA_ALWAYS_INLINE Nibbles load_nibbles(const std::byte* p) { return {vreinterpretq_u8_s8(load_bytes(p))}; }
MAMBA_ALWAYS_INLINE Vec16 level(uint8x16_t n, Levels l) { return fms(int8_to_f32(vreinterpretq_s8_u8(n)), l.scale, l.minimum); }
MAMBA_ALWAYS_INLINE Vec16 low_nibbles(Nibbles n, Levels l) { return level(vandq_u8(n.bytes, vdupq_n_u8(15)), l); }
MAMBA_ALWAYS_INLINE Vec16 high_nibbles(Nibbles n, Levels l) { return level(vshrq_n_u8(n.bytes, 4), l); }

// The 128 numbers of half a block of Q6_K (64 bytes of low bits, 32 of high ones), less 32.
MAMBA_ALWAYS_INLINE void six_bits(const std::byte* low, const std::byte* high, std::byte* out) {
    const uint8x16_t four = vdupq_n_u8(15), two = vdupq_n_u8(48);
    const auto put = [&](int i, uint8x16_t l, uint8x16_t shifted) {
        const uint8x16_t n = vorrq_u8(l, vandq_u8(shifted, two));
        vst1q_s8(reinterpret_cast<int8_t*>(out + i), vsubq_s8(vreinterpretq_s8_u8(n), vdupq_n_s8(32)));
    };
    for (int i = 0; i < 32; i += 16) {
        const uint8x16_t l0 = vreinterpretq_u8_s8(load_bytes(low + i)), l1 = vreinterpretq_u8_s8(load_bytes(low + 32 + i));
        const uint8x16_t h = vreinterpretq_u8_s8(load_bytes(high + i));
        put(i, vandq_u8(l0, four), vshlq_n_u8(h, 4));
        put(i + 32, vandq_u8(l1, four), vshlq_n_u8(h, 2));
        put(i + 64, vshrq_n_u8(l0, 4), h);
        put(i + 96, vshrq_n_u8(l1, 4), vshrq_n_u8(h, 2));
    }
}
// scale * (n - 32) of 16 of them.
MAMBA_ALWAYS_INLINE Vec16 six_bit_weights(const std::byte* n, float scale, float) { return fma(broadcast(scale), load_int8(n), zero()); }
#if defined(_MSC_VER) && !defined(__clang__)
MAMBA_ALWAYS_INLINE void prefetch(const std::byte* p) { __prefetch(p); }
MAMBA_ALWAYS_INLINE void prefetch_far(const std::byte* p) { __prefetch(p); }
#else
MAMBA_ALWAYS_INLINE void prefetch(const std::byte* p) { __builtin_prefetch(p, 0, 3); }
// Into L2, for later.
MAMBA_ALWAYS_INLINE void prefetch_far(const std::byte* p) { __builtin_prefetch(p, 0, 2); }
#endif

MAMBA_ALWAYS_INLINE float square_root(float a) { return vgetq_lane_f32(vsqrtq_f32(vdupq_n_f32(a)), 0); }

// The sums of lanes i, i + 4, i + 8 and i + 12: lanes i and i + 8 first.
MAMBA_ALWAYS_INLINE float32x4_t add_quarters(Vec16 v) { return vaddq_f32(vaddq_f32(v.a, v.c), vaddq_f32(v.b, v.d)); }
// The tree: lanes i and i + 8, then i + 4, i + 2, i + 1.
MAMBA_ALWAYS_INLINE float sum(Vec16 v) {
    const float32x4_t four = add_quarters(v);
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(vpadd_f32(two, two), 0);
}
// Lanes 0 + 2 and 1 + 3 of x, then of y.
MAMBA_ALWAYS_INLINE float32x4_t add_halves(float32x4_t x, float32x4_t y) {
    return vaddq_f32(vcombine_f32(vget_low_f32(x), vget_low_f32(y)), vcombine_f32(vget_high_f32(x), vget_high_f32(y)));
}
// out[0..3] = the four sums, by the same tree.
MAMBA_ALWAYS_INLINE void store_sums(float* out, Vec16 p, Vec16 q, Vec16 r, Vec16 s) {
    const float32x4_t first = add_halves(add_quarters(p), add_quarters(q)), second = add_halves(add_quarters(r), add_quarters(s));
    vst1q_f32(out, vpaddq_f32(first, second));
}

// Lane i of vector j becomes lane j of vector i.
MAMBA_ALWAYS_INLINE void transpose(float32x4_t (&v)[4]) {
    const float32x4_t even01 = vtrn1q_f32(v[0], v[1]), odd01 = vtrn2q_f32(v[0], v[1]);
    const float32x4_t even23 = vtrn1q_f32(v[2], v[3]), odd23 = vtrn2q_f32(v[2], v[3]);
    v[0] = vcombine_f32(vget_low_f32(even01), vget_low_f32(even23));
    v[1] = vcombine_f32(vget_low_f32(odd01), vget_low_f32(odd23));
    v[2] = vcombine_f32(vget_high_f32(even01), vget_high_f32(even23));
    v[3] = vcombine_f32(vget_high_f32(odd01), vget_high_f32(odd23));
}
// Four vectors, one below the other, become one quarter of 4 rows.
template <float32x4_t Vec16::*from, float32x4_t Vec16::*to>
MAMBA_ALWAYS_INLINE void transpose_tile(const Vec16* in, Vec16* out) {
    float32x4_t v[4] = {in[0].*from, in[1].*from, in[2].*from, in[3].*from};
    transpose(v);
    MAMBA_UNROLL
    for (int i = 0; i < 4; ++i) out[i].*to = v[i];
}
template <float32x4_t Vec16::*to>
MAMBA_ALWAYS_INLINE void transpose_four_rows(const Vec16* in, Vec16* out) {
    transpose_tile<&Vec16::a, to>(in, out);
    transpose_tile<&Vec16::b, to>(in, out + 4);
    transpose_tile<&Vec16::c, to>(in, out + 8);
    transpose_tile<&Vec16::d, to>(in, out + 12);
}
// Lane i of row j becomes lane j of row i.
MAMBA_ALWAYS_INLINE void transpose(Vec16 (&rows)[16]) {
    Vec16 out[16];
    transpose_four_rows<&Vec16::a>(rows, out);
    transpose_four_rows<&Vec16::b>(rows + 4, out);
    transpose_four_rows<&Vec16::c>(rows + 8, out);
    transpose_four_rows<&Vec16::d>(rows + 12, out);
    MAMBA_UNROLL
    for (int i = 0; i < 16; ++i) rows[i] = out[i];
}

// out[j][i] = in[i][j] for a 4 x 4 tile.
MAMBA_ALWAYS_INLINE void transpose4(const float* in, int64_t in_stride, float* out, int64_t out_stride) {
    float32x4_t v[4] = {vld1q_f32(in), vld1q_f32(in + in_stride), vld1q_f32(in + 2 * in_stride), vld1q_f32(in + 3 * in_stride)};
    transpose(v);
    MAMBA_UNROLL
    for (int i = 0; i < 4; ++i) vst1q_f32(out + i * out_stride, v[i]);
}

}  // namespace
}  // namespace mamba::neon
