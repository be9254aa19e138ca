// The pool of sessions' states. A slot is one stretch of floats: layer after layer, each
//   [d_conv, channels]  the convolution's inputs, that of position t in row t % d_conv; then, at a multiple of 32 floats,
//   [d_inner, d_state]  the SSM state, in the host's order (state/layout.h)
// and behind them the hidden vector. The host's window of d_conv - 1 rows, oldest first, is turned as the position says.
#pragma once

#include <vector>

#include "backends/cuda/memory.h"
#include "backends/device.h"

namespace mamba::cuda {

class States {
public:
    explicit States(const device::Model& model);

    int32_t take();
    // later: the slot is still being copied from, so that others are taken before it.
    void give(int32_t slot, bool later) { free_.insert(later ? free_.begin() : free_.end(), slot); }
    size_t slot_bytes() const { return static_cast<size_t>(slot_floats_) * sizeof(float); }
    float* at(int32_t slot) const { return slots_[static_cast<size_t>(slot)].data(); }

    // Offsets in a slot, in floats.
    int64_t window(int64_t layer) const { return layer * layer_floats_; }
    int64_t ssm(int64_t layer) const { return layer * layer_floats_ + window_floats_; }
    int64_t hidden() const { return layers_ * layer_floats_; }
    int32_t phase(int64_t position) const { return static_cast<int32_t>(position % d_conv_); }

    // All are queued on the stream.
    void clear(int32_t slot, cudaStream_t stream) const;
    void copy(int32_t from, int32_t to, cudaStream_t stream) const;
    // Between a slot and the host's layout. from: what a slot holds, in memory of either kind.
    void read(const float* from, int64_t position, void* values, void* hidden, cudaStream_t stream) const;
    void write(int32_t slot, int64_t position, const void* values, const void* hidden, cudaStream_t stream) const;

private:
    int64_t layers_, d_model_, d_conv_, channels_, ssm_floats_, window_floats_, layer_floats_, slot_floats_;
    std::vector<DeviceArray<float>> slots_;
    std::vector<int32_t> free_;
};

}  // namespace mamba::cuda
