// Sixteen floats in four NEON registers, with the results of simd_avx512.h bit for bit. Included by the files for arm64 alone;
// everything is local to each, so that the linker can never give one a function that was compiled for another's instructions.
#pragma once

#include <arm_neon.h>
#if defined(_MSC_VER) && !defined(__clang__)
#  include <intrin.h>
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/platform.h"
#include "mamba/c_api.h"

namespace mamba::neon {
namespace {

constexpr mamba_isa this_isa = MAMBA_ISA_NEON;
constexpr int tile_rows = 3;       // register tile of matmul: 6 sums in 24 of 32 registers
constexpr int tile_weights = 2;
constexpr int stream_weights = 4;  // weight rows read at once for a single row of x
constexpr int scan_channels = 1;   // one exp of 16 lanes is four chains side by side, and fills the registers
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
    float lanes[16] = {};
    std::memcpy(lanes, p, static_cast<size_t>(n) * sizeof(float));
    return load(lanes);
}
MAMBA_ALWAYS_INLINE void store_first(float* p, Vec16 v, int64_t n) {
    float lanes[16];
    store(lanes, v);
    std::memcpy(p, lanes, static_cast<size_t>(n) * sizeof(float));
}

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
// x * y + z, rounded once.
MAMBA_ALWAYS_INLINE Vec16 fma(Vec16 x, Vec16 y, Vec16 z) {
    return {vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b), vfmaq_f32(z.c, x.c, y.c), vfmaq_f32(z.d, x.d, y.d)};
}
// y where either is NaN, which NEON's own minimum and maximum do not give.
MAMBA_ALWAYS_INLINE float32x4_t min(float32x4_t x, float32x4_t y) { return vbslq_f32(vcltq_f32(x, y), x, y); }
MAMBA_ALWAYS_INLINE float32x4_t max(float32x4_t x, float32x4_t y) { return vbslq_f32(vcgtq_f32(x, y), x, y); }
MAMBA_ALWAYS_INLINE Vec16 min(Vec16 x, Vec16 y) { return {min(x.a, y.a), min(x.b, y.b), min(x.c, y.c), min(x.d, y.d)}; }
MAMBA_ALWAYS_INLINE Vec16 max(Vec16 x, Vec16 y) { return {max(x.a, y.a), max(x.b, y.b), max(x.c, y.c), max(x.d, y.d)}; }
// x > limit ? value : other
MAMBA_ALWAYS_INLINE Vec16 where_greater(Vec16 x, Vec16 limit, Vec16 value, Vec16 other) {
    return {vbslq_f32(vcgtq_f32(x.a, limit.a), value.a, other.a), vbslq_f32(vcgtq_f32(x.b, limit.b), value.b, other.b),
            vbslq_f32(vcgtq_f32(x.c, limit.c), value.c, other.c), vbslq_f32(vcgtq_f32(x.d, limit.d), value.d, other.d)};
}
MAMBA_ALWAYS_INLINE float32x4_t scale_by_power(float32x4_t v, float32x4_t rounded, float32x4_t x, float32x4_t limit) {
    const uint32x4_t power = vshlq_n_u32(vreinterpretq_u32_f32(rounded), 23);
    const uint32x4_t scaled = vaddq_u32(vreinterpretq_u32_f32(v), power);
    return vreinterpretq_f32_u32(vbicq_u32(scaled, vcltq_f32(x, limit)));
}
// v * 2^n by addition to the exponent, n being the low bits of `rounded` (see exp_decay); 0 where x < limit.
MAMBA_ALWAYS_INLINE Vec16 scale_by_power(Vec16 v, Vec16 rounded, Vec16 x, Vec16 limit) {
    return {scale_by_power(v.a, rounded.a, x.a, limit.a), scale_by_power(v.b, rounded.b, x.b, limit.b),
            scale_by_power(v.c, rounded.c, x.c, limit.c), scale_by_power(v.d, rounded.d, x.d, limit.d)};
}

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
MAMBA_ALWAYS_INLINE Vec16 load_int8(const std::byte* p) {
    const int8x16_t bytes = load_bytes(p);
    const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
    return {int16_to_f32(vget_low_s16(low)), int16_to_f32(vget_high_s16(low)), int16_to_f32(vget_low_s16(high)),
            int16_to_f32(vget_high_s16(high))};
}
// The FP16 scale of a Q8_0 block in all lanes.
MAMBA_ALWAYS_INLINE Vec16 load_scale(const std::byte* block) {
    const float32x4_t value = f16_to_f32(vld1_dup_u16(reinterpret_cast<const uint16_t*>(block)));
    return {value, value, value, value};
}
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

// out[j][i] = in[i][j] for a 4 x 4 tile.
MAMBA_ALWAYS_INLINE void transpose4(const float* in, int64_t in_stride, float* out, int64_t out_stride) {
    const float32x4_t a = vld1q_f32(in), b = vld1q_f32(in + in_stride);
    const float32x4_t c = vld1q_f32(in + 2 * in_stride), d = vld1q_f32(in + 3 * in_stride);
    const float32x4_t ab02 = vtrn1q_f32(a, b), ab13 = vtrn2q_f32(a, b), cd02 = vtrn1q_f32(c, d), cd13 = vtrn2q_f32(c, d);
    vst1q_f32(out, vcombine_f32(vget_low_f32(ab02), vget_low_f32(cd02)));
    vst1q_f32(out + out_stride, vcombine_f32(vget_low_f32(ab13), vget_low_f32(cd13)));
    vst1q_f32(out + 2 * out_stride, vcombine_f32(vget_high_f32(ab02), vget_high_f32(cd02)));
    vst1q_f32(out + 3 * out_stride, vcombine_f32(vget_high_f32(ab13), vget_high_f32(cd13)));
}

}  // namespace
}  // namespace mamba::neon
