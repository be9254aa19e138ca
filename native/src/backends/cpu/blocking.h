// Sizes that every table shares, so that scratch memory fits whichever one is chosen. Functions are static: a file compiled for
// AVX-512 must not lend its copy to others.
#pragma once

#include <cstdint>

namespace mamba::blocking {

inline constexpr int64_t lanes = 16;           // of one vector: rows in scratch begin at a multiple
inline constexpr int64_t tile_rows = 6;        // most rows of x in one register tile
inline constexpr int64_t slab = 768;           // columns of x that stay in L1 while a block of weights passes: 6 x 768 floats, 18 KiB
inline constexpr int64_t max_weight_rows = 48;
inline constexpr int64_t accumulator_floats = tile_rows * max_weight_rows * lanes;  // sums between slabs: 18 KiB

static constexpr int64_t padded(int64_t n) { return (n + lanes - 1) / lanes * lanes; }

// Weight rows widened to FP32 at a time: 256 KiB, a part of L2. A multiple of 4.
static constexpr int64_t weight_rows(int64_t cols) {
    const int64_t rows = 65536 / (padded(cols) + 1) / 4 * 4;
    return rows < 8 ? 8 : rows > max_weight_rows ? max_weight_rows : rows;
}

}  // namespace mamba::blocking
