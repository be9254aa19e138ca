#include "backends/cuda/states.h"

namespace mamba::cuda {
namespace {

constexpr size_t line = 32;  // floats

// Left free beside states: what a kernel loads when it is first launched, in the midst of a run, is to find room.
constexpr size_t reserve_bytes = size_t{192} << 20;

int64_t whole_lines(int64_t floats) { return static_cast<int64_t>(round_up(static_cast<size_t>(floats), line)); }

size_t bytes_of(int64_t floats) { return static_cast<size_t>(floats) * sizeof(float); }

}  // namespace

States::States(const device::Model& m)
    : layers_(m.layer_count), d_model_(m.d_model), d_conv_(m.d_conv),
      channels_(m.head_count > 0 ? m.d_inner + 2 * m.group_count * m.d_state : m.d_inner),
      entry_floats_(m.head_count > 0 ? m.d_inner + m.group_count * m.d_state + m.head_count : 0), host_ssm_floats_(m.d_inner * m.d_state), ssm_floats_(whole_lines(host_ssm_floats_)),
      window_floats_(whole_lines(d_conv_ * channels_)), entry_stride_(whole_lines(entry_floats_)),
      layer_floats_(window_floats_ + ssm_floats_ + ring_entries * entry_stride_),
      slot_floats_(layers_ * layer_floats_ + whole_lines(d_model_)) {}

int32_t States::take() {
    if (free_.empty()) {
        slots_.reserve(slots_.size() + 1);
        free_.reserve(slots_.size() + 1);  // so that giving back needs no memory
        pending_.reserve(slots_.size() + 1);
        size_t free = 0, total = 0;
        check(cudaMemGetInfo(&free, &total), "asking for the device's free memory");
        if (free < slot_bytes() + reserve_bytes) {
            fail(MAMBA_OUT_OF_MEMORY, "a session's state needs ", slot_bytes() >> 20, " MiB of the device's memory, and ", free >> 20,
                 " MiB of ", total >> 20, " are free, of which ", reserve_bytes >> 20, " are left to kernels");
        }
        slots_.emplace_back(static_cast<size_t>(slot_floats_), "a session's state");
        free_.push_back(static_cast<int32_t>(slots_.size()) - 1);
        pending_.push_back(0);
    }
    const int32_t slot = free_.back();
    free_.pop_back();
    return slot;
}

void States::clear(int32_t slot, cudaStream_t stream) {
    check(cudaMemsetAsync(at(slot), 0, bytes_of(slot_floats_), stream), "clearing a state");
    set_pending(slot, 0);
}

void States::copy(int32_t from, int32_t to, cudaStream_t stream) {
    check(cudaMemcpyAsync(at(to), at(from), bytes_of(slot_floats_), cudaMemcpyDeviceToDevice, stream), "copying a state");
    set_pending(to, pending(from));
}

void States::read_layers(const float* from, float* to, int64_t host_pitch, int64_t floats, cudaStream_t stream) const {
    check(cudaMemcpy2DAsync(to, bytes_of(host_pitch), from, bytes_of(layer_floats_), bytes_of(floats), static_cast<size_t>(layers_),
                            cudaMemcpyDefault, stream), "reading a state");
}

void States::write_layers(float* to, const float* from, int64_t host_pitch, int64_t floats, cudaStream_t stream) const {
    check(cudaMemcpy2DAsync(to, bytes_of(layer_floats_), from, bytes_of(host_pitch), bytes_of(floats), static_cast<size_t>(layers_),
                            cudaMemcpyHostToDevice, stream), "writing a state");
}

void States::read(const float* from, int64_t position, int32_t entries, void* values, void* hidden, cudaStream_t stream) const {
    const int64_t host_ssm = (d_conv_ - 1) * channels_, host_layer = host_ssm + host_ssm_floats_;
    auto* to = static_cast<float*>(values);
    for (int64_t i = 0; i < d_conv_ - 1; ++i) {
        const int64_t ring = (position + 1 + i) % d_conv_;  // of position - (d_conv - 1) + i
        read_layers(from + ring * channels_, to + i * channels_, host_layer, channels_, stream);
    }
    read_layers(from + ssm(0), to + host_ssm, host_layer, host_ssm_floats_, stream);
    to += layers_ * host_layer;
    for (int32_t i = 0; i < entries; ++i, to += layers_ * entry_floats_) {
        read_layers(from + recent(0) + i * entry_stride_, to, entry_floats_, entry_floats_, stream);
    }
    check(cudaMemcpyAsync(hidden, from + this->hidden(), bytes_of(d_model_), cudaMemcpyDefault, stream), "reading a state");
}

void States::write(int32_t slot, int64_t position, const void* values, int32_t entries, const void* hidden, cudaStream_t stream) {
    const int64_t host_ssm = (d_conv_ - 1) * channels_, host_layer = host_ssm + host_ssm_floats_;
    const auto* from = static_cast<const float*>(values);
    for (int64_t i = 0; i < d_conv_ - 1; ++i) {
        const int64_t ring = (position + 1 + i) % d_conv_;
        write_layers(at(slot) + ring * channels_, from + i * channels_, host_layer, channels_, stream);
    }
    write_layers(at(slot) + ssm(0), from + host_ssm, host_layer, host_ssm_floats_, stream);
    from += layers_ * host_layer;
    for (int32_t i = 0; i < entries; ++i, from += layers_ * entry_floats_) {
        write_layers(at(slot) + recent(0) + i * entry_stride_, from, entry_floats_, entry_floats_, stream);
    }
    check(cudaMemcpyAsync(at(slot) + this->hidden(), hidden, bytes_of(d_model_), cudaMemcpyHostToDevice, stream), "writing a state");
    set_pending(slot, entries);
}

}  // namespace mamba::cuda
