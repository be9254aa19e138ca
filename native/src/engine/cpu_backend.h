// The processors: threads, kernels of one instruction set, panels of the weights.
#pragma once

#include <memory>

#include "engine/backend.h"
#include "engine/forward.h"
#include "engine/packed_weights.h"
#include "engine/thread_pool.h"
#include "engine/workspace.h"
#include "model/model.h"
#include "state/layout.h"

namespace mamba {

class CpuBackend : public Backend {
public:
    // alone: nobody else holds the model, so its weights may go as they are packed.
    CpuBackend(const Model& model, bool alone, const StateLayout& layout, mamba_isa isa, int threads, int64_t rows);

    mamba_device_kind kind() const override { return MAMBA_DEVICE_CPU; }
    int32_t index() const override { return 0; }
    mamba_isa isa() const override { return kernels_.isa; }
    int threads() const override { return pool_.size(); }
    int64_t rows() const override { return work_.rows; }
    int64_t memory_bytes() const override { return work_.bytes() + weights_.bytes(); }
    StateMemory& states() override { return states_; }

    void make_room(int64_t rows, const BatchOutput& output) override;
    void run(const Slice& slice) override { forward_.run(slice); }
    void emit(const std::vector<LogitsRow>& logits, const std::vector<LogitsRow>& top, const BatchOutput& output) override;
    void abandon() override {}  // no error comes after a slice: its memory was there before
    void fold(State& state) override { forward_.fold(state); }
    void copy_layer_state(const State& state, int64_t layer, float* out) override { forward_.copy_layer_state(state, layer, out); }
    void measure(const State& state, int64_t layer, mamba_head_statistics* heads) override;
    void wait() override {}
    double measure_bandwidth() override;

private:
    // Hidden rows are brought together, so that the head is read once for as many as go out side by side.
    void gather(const std::vector<LogitsRow>& rows, size_t begin, size_t end);

    const Model& model_;
    const StateLayout& layout_;
    const Kernels& kernels_;
    StateMemory states_;
    PackedWeights weights_;
    ThreadPool pool_;
    Workspace work_;
    Forward forward_;
    Buffer<float> top_logits_;  // [top_rows, padded_vocab_size]
};

}  // namespace mamba
