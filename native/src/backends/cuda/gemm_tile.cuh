// What the product kernels share: which tile a block computes, and how results are written.
#pragma once

#include "backends/cuda/gemm.h"
#include "backends/cuda/operand.cuh"

namespace mamba::cuda {

struct Tile {
    int row, col;
};

// Blocks that run at the same time share operands: eight tiles down, then one to the right.
template <int Rows, int Cols>
__device__ __forceinline__ Tile tile_of(const Gemm& g, int index) {
    constexpr int down = 8;
    const int tall = (g.m + Rows - 1) / Rows, wide = (g.n + Cols - 1) / Cols;
    const int band = index / (down * wide), height = min(down, tall - band * down), within = index - band * down * wide;
    return {(band * down + within % height) * Rows, within / height * Cols};
}

template <int Rows, int Cols>
inline unsigned tile_count(const Gemm& g) {
    return static_cast<unsigned>((g.m + Rows - 1) / Rows) * static_cast<unsigned>((g.n + Cols - 1) / Cols);
}

// Two neighbours of a row of y. T: the type of a narrow y.
template <typename T>
__device__ __forceinline__ void write_pair(const Gemm& g, int row, int col, float first, float second) {
    if (row >= g.m || col >= g.n) return;
    const bool both = col + 1 < g.n;
    if (g.bias != nullptr) {
        first += g.bias[col];
        if (both) second += g.bias[col + 1];
    }
    const int64_t at = row * g.y_stride + col;
    if (g.narrow) {
        T* const y = static_cast<T*>(g.y) + at;
        if (both && g.y_stride % 2 == 0 && sizeof(T) == 2) {
            *reinterpret_cast<uint32_t*>(y) = narrow_pair<T>(first, second);
            return;
        }
        y[0] = narrow<T>(first);
        if (both) y[1] = narrow<T>(second);
        return;
    }
    float* const y = static_cast<float*>(g.y) + at;
    if (both && g.y_stride % 2 == 0) {
        auto* const pair = reinterpret_cast<float2*>(y);
        const float2 old = g.add ? *pair : make_float2(0, 0);
        *pair = make_float2(old.x + first, old.y + second);
        return;
    }
    y[0] = (g.add ? y[0] : 0.0f) + first;
    if (both) y[1] = (g.add ? y[1] : 0.0f) + second;
}

inline int multiprocessor_count() {
    int device = 0, count = 1;
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device);
    return count;
}

}  // namespace mamba::cuda
