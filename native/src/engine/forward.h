// The layer loop: tokens of a slice in, final hidden states out, every session's state advanced.
#pragma once

#include "backends/cpu/kernels.h"
#include "engine/slice.h"
#include "engine/thread_pool.h"
#include "engine/workspace.h"
#include "model/model.h"
#include "state/layout.h"

namespace mamba {

class Forward {
public:
    Forward(const Model& model, const StateLayout& layout, const Kernels& kernels, ThreadPool& pool, Workspace& workspace)
        : model_(model), config_(model.config), layout_(layout), kernels_(kernels), pool_(pool), work_(workspace) {}

    // Leaves the final normed hidden states in workspace.normed, row by row, and each piece's last one in its state. Allocates
    // nothing and cannot fail.
    void run(const Slice& slice);

    // out[i, :] = head . rows[i], for rows [d_model] after the final norm; out has stride padded_vocab_size. Cannot fail either.
    void head(const float* rows, int64_t count, float* out);

private:
    void embed(int worker, const Slice& slice);
    void normalise(int worker, int64_t rows, const Vector& weight);
    void layer(int worker, const Slice& slice, int64_t index);
    void mamba1(int worker, const Slice& slice, const Layer& layer, const LayerState& place);
    void mamba2(int worker, const Slice& slice, const Layer& layer, const LayerState& place);
    // Convolves rows [first_row, +count) for the worker's share of channels and moves the window on.
    void convolve(Range channels, const Piece& piece, const Layer& layer, const LayerState& place, const float* in, int64_t in_stride);
    void heads(int worker, Range heads, const Piece& piece, const Layer& layer, const LayerState& place);
    void project(int worker, const Matrix& weight, const Vector& bias, const float* x, int64_t x_stride, int64_t rows, bool add, float* y,
                 int64_t y_stride);
    float* scratch(int worker) { return work_.scratch.data() + worker * work_.scratch_width; }

    const Model& model_;
    const ModelConfig& config_;
    const StateLayout& layout_;
    const Kernels& kernels_;
    ThreadPool& pool_;
    Workspace& work_;
};

}  // namespace mamba
