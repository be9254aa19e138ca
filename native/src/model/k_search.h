// What the searches for Q6_K and Q4_K share: rounding and sums that every platform does alike.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/half.h"

namespace mamba::k_search {

inline constexpr float most_f16 = 65504.0f;
inline constexpr float least_f16 = 0x1p-24f;

// Half to even, exact for |x| < 2^22; an expression that becomes vector code.
inline float nearest(float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }
inline float limit(float x, float low, float high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}

// A sum in four lanes and one order, so that a vector of four gives the same bits as four numbers.
struct Sum {
    float lane[4] = {};
    float total() const { return (lane[0] + lane[1]) + (lane[2] + lane[3]); }
};

// The scale as FP16 has it; not 0, so that what is left of tiny weights can be told.
inline float stored_scale(float value) {
    return std::copysign(f16_to_f32(f32_to_f16(limit(std::fabs(value), least_f16, most_f16))), value);
}

// False also where one is no number.
inline bool all_within(const float* x, int64_t n, float low, float high) {
    bool within = true;
    for (int64_t i = 0; i < n; ++i) within &= x[i] >= low && x[i] <= high;
    return within;
}

}  // namespace mamba::k_search
