// What is done to each row by itself: embedding, norms, bringing rows together.
#pragma once

#include "backends/cuda/batch.h"
#include "backends/cuda/launch.h"
#include "backends/cuda/weights.h"

namespace mamba::cuda {

// x[row] = the embedding of the row's token, FP32; x: [rows, d_model].
void embed(const Queue& queue, const Weight& table, const Batch& batch, float* x);

// y[row] = rms(x[row], weight), group by group; weight NULL: ones. y may be x.
struct RowNorm {
    const float* x;
    int64_t x_stride;
    float* y;
    int64_t y_stride;
    int32_t rows, width, group;
    const float* weight;
    float eps;
    const float* gate;  // not NULL: the result is multiplied by silu(gate[row])
    int64_t gate_stride;
};
void norm_rows(const Queue& queue, const RowNorm& n);

// hidden[row] = rms(x[row], weight), and each part's last one also to its state, at `offset` floats.
void final_norm(const Queue& queue, const Batch& batch, const float* x, const float* weight, float eps, int32_t d_model, float* hidden,
                int64_t offset);

// to[i] = *from[i], of `width` floats. `from` is in device memory.
void gather(const Queue& queue, const float* const* from, int32_t rows, int32_t width, float* to);

}  // namespace mamba::cuda
