// The layer loop: tokens of a slice in, final hidden states out, every session's state advanced.
#pragma once

#include <array>

#include "backends/cpu/kernels.h"
#include "engine/packed_weights.h"
#include "engine/slice.h"
#include "engine/thread_pool.h"
#include "engine/workspace.h"
#include "model/model.h"
#include "state/layout.h"

namespace mamba {

class Forward {
public:
    Forward(const Model& model, const PackedWeights& weights, const StateLayout& layout, const Kernels& kernels, ThreadPool& pool,
            Workspace& workspace)
        : model_(model), config_(model.config), weights_(weights), layout_(layout), kernels_(kernels), pool_(pool), work_(workspace) {}

    // Leaves the final normed hidden states in workspace.normed, row by row, and each piece's last one in its state. Allocates
    // nothing and cannot fail.
    void run(const Slice& slice);

    // Brings what waits in the ring into the states. Cannot fail.
    void fold(State& state);
    // A layer's state as it is read as of the last token, on the calling thread.
    void copy_layer_state(const State& state, int64_t index, float* out) const;

    // out[i, :] = head . rows[i], for rows [d_model] after the final norm; out has stride padded_vocab_size. Cannot fail either.
    void head(const float* rows, int64_t count, float* out);

private:
    // Rows that enter a product: FP32, and where the kernels want it laid out for them. Rows of single tokens come first.
    struct Input {
        const float* rows;
        int64_t stride;
        std::byte* operand;
        int64_t count, singles;
    };

    // Few single tokens of different sessions: what is short is computed by every thread for itself, which costs less than waiting for
    // each other.
    bool is_brief(const Slice& slice) const;
    void brief_mamba2(int worker, const Slice& slice, int64_t index);

    // What waits in the ring, into a copy of a layer's state.
    void fold_copy(const State& state, int64_t index, float* out) const;

    void embed(int worker, const Slice& slice);
    void layer(int worker, const Slice& slice, bool brief, int64_t index);
    // in_proj, and what follows of a column alone: convolution, and the step sizes of Mamba-2.
    void expand(int worker, const Slice& slice, const Layer& layer, const LayerWeights& weights, const LayerState& place, const Input& x);
    void mamba1(int worker, const Slice& slice, bool brief, int64_t index);
    void mamba2(int worker, const Slice& slice, int64_t index);

    // Convolves the piece's channels into out, [rows, conv_channels].
    void convolve(Range channels, const Piece& piece, const Layer& layer, const LayerState& place, const float* in, float* out);
    // Moves the window of these channels on behind the piece.
    void advance_window(Range channels, const Piece& piece, const LayerState& place, const float* in);
    void heads(int worker, Range heads, const Piece& piece, int64_t index, const float* convolved);
    // Row `row` of mixed, gated and normed, to out.
    void gate(int64_t row, const Layer& layer, float* out);

    // Rows of the slice, whose operand the threads share, or in a brief step each has for itself.
    Input input(int worker, const Slice& slice, bool brief, const float* rows, int64_t stride) {
        return {rows, stride, brief ? work_.private_operand(worker) : work_.operand.data(), slice.rows, slice.single_rows};
    }
    OperandForm form(const Weights& weights, bool single) const {
        return kernels_.prepare == nullptr ? OperandForm::plain : operand_form(weights.matrix.type, single);
    }
    // Rows of an input that enter the product in one form, and their operand: single tokens, then the others; all of them in the first
    // part where both take the same form.
    struct Part {
        OperandForm form;
        int64_t first, count;
        std::byte* operand;
    };
    std::array<Part, 2> parts(const Weights& weights, const Input& x) const;
    // Lays row `row` out for a product with the weights.
    void prepare(const Weights& weights, const Input& x, int64_t row);
    // y[i, j] = (add ? y[i, j] : 0) + bias[j] + x[i] . weights[j] for the worker's share of j, or for a range of it.
    void project(int worker, const Weights& weights, const Vector& bias, const Input& x, bool add, float* y, int64_t y_stride);
    void project(int worker, Range columns, const Weights& weights, const Vector& bias, const Input& x, bool add, float* y,
                 int64_t y_stride);

    const Model& model_;
    const ModelConfig& config_;
    const PackedWeights& weights_;
    const StateLayout& layout_;
    const Kernels& kernels_;
    ThreadPool& pool_;
    Workspace& work_;
};

}  // namespace mamba
