// The pool of sessions' states. A slot is one stretch of floats: layer after layer, each
//   [d_conv, channels]  the convolution's inputs, that of position t in row t % d_conv; then, at a multiple of 32 floats,
//   [d_inner, d_state]  the SSM state, in the host's order (state/layout.h); then, of Mamba-2,
//   [16, x | B | dt]    the ring of recent inputs, what each layer has of the host's entries: tokens that the SSM state does not contain yet
// and behind them the hidden vector. The host's window of d_conv - 1 rows, oldest first, is turned as the position says.
//
// How many entries of a slot's ring wait is known here, not on the device. Kernels that read rings (mamba2_step) are told so by each Part;
// before all others a run has the rings folded (mamba2_fold), after which a slot is its windows and SSM states alone.
#pragma once

#include <vector>

#include "backends/cuda/memory.h"
#include "backends/device.h"

namespace mamba::cuda {

constexpr int32_t ring_entries = device::ring_entries;

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
    int64_t recent(int64_t layer) const { return layer * layer_floats_ + window_floats_ + ssm_floats_; }
    int64_t recent_stride() const { return entry_stride_; }
    int64_t layer_floats() const { return layer_floats_; }
    int64_t hidden() const { return layers_ * layer_floats_; }
    int32_t phase(int64_t position) const { return static_cast<int32_t>(position % d_conv_); }

    // Entries of the slot's ring that wait, as of what has been queued.
    int32_t pending(int32_t slot) const { return pending_[static_cast<size_t>(slot)]; }
    void set_pending(int32_t slot, int32_t entries) { pending_[static_cast<size_t>(slot)] = entries; }

    // All are queued on the stream.
    void clear(int32_t slot, cudaStream_t stream);
    void copy(int32_t from, int32_t to, cudaStream_t stream);
    // Between a slot and the host's layout, with what waits in the ring behind it. Host memory of either kind. from: what a slot holds, in
    // memory of either device.
    void read(const float* from, int64_t position, int32_t entries, void* values, void* hidden, cudaStream_t stream) const;
    void write(int32_t slot, int64_t position, const void* values, int32_t entries, const void* hidden, cudaStream_t stream);

private:
    // Copies `floats` of each layer, layer_floats_ and `host_pitch` floats apart.
    void read_layers(const float* from, float* to, int64_t host_pitch, int64_t floats, cudaStream_t stream) const;
    void write_layers(float* to, const float* from, int64_t host_pitch, int64_t floats, cudaStream_t stream) const;

    int64_t layers_, d_model_, d_conv_, channels_, entry_floats_;  // the last: of a layer in an entry of the ring
    int64_t host_ssm_floats_, ssm_floats_, window_floats_, entry_stride_, layer_floats_, slot_floats_;
    std::vector<DeviceArray<float>> slots_;
    std::vector<int32_t> free_, pending_;
};

}  // namespace mamba::cuda
