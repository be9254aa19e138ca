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

// Q8_0 by integer dot products (q8_vnni.inl): weight rows that are spread to 16 bits at a time, and with what memory; and rows of x that
// are cut at a time, so that spreading takes little beside the products: as many as find room in what widened rows take, and at least 60.
inline constexpr int64_t q8_group = 32;
static constexpr int64_t q8_group_floats(int64_t cols) { return (q8_group * cols / 2 + q8_group * cols / 64 + lanes) / lanes * lanes; }
static constexpr int64_t q8_row_floats(int64_t cols) { return cols / 2 + cols / 32; }
static constexpr int64_t q8_rows(int64_t cols) {
    const int64_t fit = (65536 - q8_group_floats(cols)) / q8_row_floats(cols) / tile_rows * tile_rows;
    return fit < 60 ? 60 : fit;
}
static constexpr int64_t q8_floats(int64_t cols) { return cols < 32 ? 0 : q8_group_floats(cols) + q8_rows(cols) * q8_row_floats(cols); }

}  // namespace mamba::blocking
