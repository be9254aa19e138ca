// Sizes that every table shares, so that scratch memory fits whichever one is chosen.
#pragma once

#include <cstdint>

namespace mamba::blocking {

inline constexpr int64_t lanes = 16;            // of one vector: every row in scratch is padded to a multiple
inline constexpr int64_t weight_rows = 32;      // rows widened to FP32 at a time: 32 x 1,536 floats are 192 KiB of L2
inline constexpr int64_t tile_rows = 6;         // most rows of x in one register tile
inline constexpr int64_t accumulator_floats = tile_rows * weight_rows * lanes;

constexpr int64_t padded(int64_t n) { return (n + lanes - 1) / lanes * lanes; }

}  // namespace mamba::blocking
