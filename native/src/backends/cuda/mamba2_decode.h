// Steps of up to eight sessions of Mamba-2 as one kernel that never lets go of the device: all layers, with barriers between their phases.
//
//   in_proj of the normed rows | convolution, step size, state, gate (mamba2.h) | norm, out_proj, residual
//
// Weights depend on nothing, so each warp keeps bringing its next ones to shared memory, across phases, layers and barriers, and memory
// works while the sessions' rows pass from block to block. Rows are multiplied on tensor cores, as sums of two numbers of 16 bits, which is
// nearly FP32; one to eight sessions take the same time for it.
#pragma once

#include "backends/cuda/batch.h"
#include "backends/cuda/mamba2.h"
#include "backends/cuda/states.h"
#include "backends/cuda/weights.h"

namespace mamba::cuda {

struct Mamba2DecodeArgs {
    LayerWeights first;     // of layer 0; those of layer i are i * layer_bytes behind
    int64_t layer_bytes;
    Mamba2Scan scan;        // of layer 0; states and rings of layer i are i * state_floats behind
    Convolution convolution;
    int64_t state_floats;
    Batch batch;
    float* x;               // [rows, d_model] in and out
    float* projected;       // [rows, width]
    int64_t width;
    float* y;               // [rows, d_inner]
    unsigned int* arrived;  // 0 before
    int32_t layers, d_model, d_inner;
    float norm_eps;
    int32_t steps;          // of 16 columns: a warp's share of d_model
    int32_t passes;         // over d_inner, each of as many columns as d_model has
    int32_t row_bytes;      // of a warp's share of a weight row in shared memory, an odd multiple of 16
    int32_t tile_bytes;     // of eight of them
    int32_t most_rows;      // of a matrix a block has, a multiple of eight
};

class Mamba2Decode {
public:
    static constexpr int32_t most_rows = 8;  // that it can take

    Mamba2Decode(const device::Model& shape, const Weights& weights, const States& states, const Queue& queue);

    // Whether a step of so many sessions is computed here: only with MAMBA_CUDA_DECODE=1 in the environment, since the kernels of steps are
    // as fast or faster for most models (docs/cuda.md).
    bool takes(int32_t rows) const { return takes_ && rows <= most_rows; }
    void run(const Queue& queue, const Batch& batch, float* x, float* projected, int64_t width, float* y) const;

private:
    Mamba2DecodeArgs args_{};
    int32_t type_ = 0;
    bool takes_ = false;
    DeviceArray<unsigned int> arrived_;
};

}  // namespace mamba::cuda
