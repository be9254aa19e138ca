// Steps of one session or a few of Mamba-2 as one kernel that never lets go of the device: all layers, in three phases each.
//
//   in_proj of the normed rows | convolution, step size, state, gate (mamba2.h) | norm, out_proj, residual
//
// Weights depend on nothing, so each block keeps bringing its next ones to shared memory (streaming.cuh) while the sessions' rows pass from block
// to block as words with tags (words.cuh). With MAMBA_CUDA_DECODE=0 in the environment the kernels of steps do it all, with 1 this one does wherever
// it can, small models in Q8_0 included, which are slower so.
#pragma once

#include "backends/cuda/batch.h"
#include "backends/cuda/mamba2.h"
#include "backends/cuda/states.h"
#include "backends/cuda/streaming.h"
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
    uint64_t* projected;    // words (words.cuh): [rows, width]
    int64_t width;
    uint64_t* y;            // likewise: [rows, d_inner], of the step
    uint64_t* rows;         // likewise: [rows, d_model], the residual
    uint32_t* epoch;        // the last tag of the run before
    int32_t layers, d_model, d_inner;
    float norm_eps;
    Streaming streaming;
    int32_t most_in, most_out;  // rows of a matrix a block has, at most
};

class Mamba2Decode {
public:
    static constexpr int32_t most_rows = 4;  // that it can take

    Mamba2Decode(const device::Model& shape, const Weights& weights, const States& states, const Queue& queue);

    // Whether a step of so many sessions is computed here.
    bool takes(int32_t rows) const { return rows <= most_rows_; }
    size_t bytes() const { return epoch_.bytes() + words_.bytes(); }
    void run(const Queue& queue, const Batch& batch, float* x) const;

private:
    Mamba2DecodeArgs args_{};
    int32_t type_ = 0;
    int32_t most_rows_ = 0;  // 0: the model is not taken
    DeviceArray<uint32_t> epoch_;
    DeviceArray<uint64_t> words_;
};

}  // namespace mamba::cuda
