// Products of 5 to 64 rows with a matrix (Mamba-2's steps of many sessions): every weight is read once, on its way to the tensor cores. y[m, n] = (add ? y[m, n] : 0) + bias[n] + scale[m] sum_k x[m, k] w[n, k], summed in FP32.
//
// Rows enter as BF16 that the kernel before has made (Operand), so that nothing stands between a block and its weights: a norm is
// x times its weight, rounded, and the sum of its squares, which a row's result is divided by at the end. The kernel can make the next
// product's rows in the same way.
#pragma once

#include "backends/cuda/launch.h"
#include "backends/cuda/weights.h"

namespace mamba::cuda {

constexpr int32_t least_streamed_rows = 5, most_streamed_rows = 64;
constexpr int32_t stream_block_rows = 128;  // of the weights
// Of shared memory that a block takes: two fit a multiprocessor of Hopper, so that those of the next kernel can begin there. The small devices
// of other generations have less.
constexpr size_t stream_shared_bytes = size_t{108} << 10;

// Rows of a product: `data` [rows, stride] of BF16, 16-byte aligned, the stride a multiple of 8. A norm that is still to be
// divided by: the squares of row m are the sum of squares[i * most_streamed_rows + m] over i < parts; parts 0: there is none.
struct Operand {
    void* data;
    int64_t stride;
    float* squares;
    int32_t parts;
};

struct StreamProduct {
    int32_t rows;
    Operand x;
    float eps;          // of x's norm
    const float* bias;  // NULL: none
    bool add;
    float* y;           // 16-byte aligned, as are rows
    int64_t y_stride;
    // What the next product takes, of y times next_weight; next.data NULL: nothing. next.parts: stream_parts(w).
    Operand next;
    const float* next_weight;
};

// Whether there is a kernel for this matrix: BF16 or quantized weights, columns in multiples of 64 (256 of K quants), rows of 4.
bool streams(const Weight& w);
// Sums of squares that a row of y gets.
int32_t stream_parts(const Weight& w);
void stream(const Queue& queue, const Weight& w, const StreamProduct& p);
template <int Type>
void stream_type(const Queue& queue, const Weight& w, const StreamProduct& p);  // stream_*.cu
template <> void stream_type<MAMBA_WEIGHT_BF16>(const Queue& queue, const Weight& w, const StreamProduct& p);
template <> void stream_type<MAMBA_WEIGHT_Q8_0>(const Queue& queue, const Weight& w, const StreamProduct& p);
template <> void stream_type<MAMBA_WEIGHT_Q6_K>(const Queue& queue, const Weight& w, const StreamProduct& p);
template <> void stream_type<MAMBA_WEIGHT_Q4_K>(const Queue& queue, const Weight& w, const StreamProduct& p);

// Rows of FP32 as an operand in BF16, times weight (NULL: ones), with one part of squares where to.parts is 1. width: a multiple of 4.
void make_operand(const Queue& queue, const float* x, int64_t x_stride, int32_t rows, int32_t width, const float* weight, const Operand& to);

}  // namespace mamba::cuda
