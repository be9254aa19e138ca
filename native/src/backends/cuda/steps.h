// Steps of 5 to 64 sessions of Mamba-2: three kernels a layer, products that read each weight once (stream.h) around mamba2_step, and what
// passes between them already as the next one takes it.
#pragma once

#include "backends/cuda/batch.h"
#include "backends/cuda/mamba2.h"
#include "backends/cuda/states.h"
#include "backends/cuda/stream.h"
#include "backends/cuda/weights.h"

namespace mamba::cuda {

// What a layer's scan reads, but for x, B, C and y. projected: in_proj's rows, `width` apart.
Mamba2Scan mamba2_layer(const device::Model& shape, const LayerWeights& layer, const States& states, int64_t index, float* projected, int64_t width);

class Steps {
public:
    // Takes the memory for 64 rows, none where takes() is never true.
    Steps(const device::Model& shape, const Weights& weights, const States& states);

    size_t bytes() const { return model_rows_.bytes() + inner_rows_.bytes() + model_squares_.bytes() + inner_squares_.bytes(); }

    // Whether a step of so many sessions is computed here.
    bool takes(const Queue& queue, int32_t rows) const { return takes_ && fits(queue, rows); }
    // All layers of x, [rows, d_model] FP32, in place. projected: [rows, width] FP32, free to use.
    void run(const Queue& queue, const Batch& batch, float* x, float* projected, int64_t width) const;

    // Whether logits of so many rows are computed here, and how: y [rows, head.rows] of x [rows, d_model].
    bool takes_head(const Queue& queue, int32_t rows) const { return takes_head_ && fits(queue, rows); }
    void head(const Queue& queue, const float* x, int32_t rows, float* y) const;

private:
    // Fewer rows keep more than BF16 of their precision in project().
    static bool fits(const Queue& queue, int32_t rows) {
        // Without clusters a small matrix has too few blocks.
        return rows >= least_streamed_rows && rows <= most_streamed_rows && queue.overlap && queue.shared_bytes >= stream_shared_bytes;
    }

    const device::Model shape_;
    const Weights& weights_;
    const States& states_;
    bool takes_ = false, takes_head_ = false;
    DeviceArray<uint16_t> model_rows_, inner_rows_;  // BF16: what enters in_proj and out_proj
    DeviceArray<float> model_squares_, inner_squares_;
};

}  // namespace mamba::cuda
