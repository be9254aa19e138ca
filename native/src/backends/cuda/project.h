// Products of rows with a matrix: y[m, j] = (add ? y[m, j] : 0) + bias[j] + sum_k x[m, k] w[j, k], summed in FP32.
#pragma once

#include "backends/cuda/launch.h"
#include "backends/cuda/weights.h"

namespace mamba::cuda {

struct Product {
    const float* x;
    int64_t x_stride;
    int32_t rows;
    const float* bias;  // NULL: none
    bool add;
    float* y;
    int64_t y_stride;
    // What is done to a row of x on its way in: 0 nothing; else its groups of norm_group values are each divided by their root mean square
    // and multiplied by norm_weight (NULL: ones).
    int32_t norm_group;
    const float* norm_weight;
    float norm_eps;
};

// Rows up to which the weights are read for few rows at a time, at the speed of the memory.
constexpr int32_t most_few_rows = 16;

// Columns that a warp takes at once, 8 a lane.
constexpr int32_t warp_cols = 256;
// What rows of x may take of a block's shared memory, on every device.
constexpr size_t most_shared = size_t{96} << 10;

constexpr int32_t few_threads = 512;

// What a product with m rows at a time takes.
inline size_t shared_bytes(const Queue& queue, const Weight& w, const Product& p, int m) {
    const size_t groups = p.norm_group > 0 ? static_cast<size_t>(w.cols / p.norm_group) : 0;
    const auto share = static_cast<size_t>((w.rows + queue.units - 1) / queue.units);
    return static_cast<size_t>(m) * (round_up(static_cast<size_t>(w.padded_cols), warp_cols) + share + few_threads / 32 + groups) * sizeof(float);
}

// Whether a norm can be part of the product; where it cannot, norm_group is to be 0.
bool takes_norm(const Queue& queue, const Weight& w, const Product& p);

void project(const Queue& queue, const Weight& w, const Product& p);
// The same for weights of this type: project_*.cu.
template <int Type>
void project_type(const Queue& queue, const Weight& w, const Product& p);
template <> void project_type<MAMBA_WEIGHT_F32>(const Queue& queue, const Weight& w, const Product& p);
template <> void project_type<MAMBA_WEIGHT_F16>(const Queue& queue, const Weight& w, const Product& p);
template <> void project_type<MAMBA_WEIGHT_BF16>(const Queue& queue, const Weight& w, const Product& p);
template <> void project_type<MAMBA_WEIGHT_Q8_0>(const Queue& queue, const Weight& w, const Product& p);
template <> void project_type<MAMBA_WEIGHT_Q6_K>(const Queue& queue, const Weight& w, const Product& p);
template <> void project_type<MAMBA_WEIGHT_Q4_K>(const Queue& queue, const Weight& w, const Product& p);

}  // namespace mamba::cuda
