#include "backends/cuda/states.h"

namespace mamba::cuda {
namespace {

constexpr size_t line = 32;  // floats

// Left free beside states: what a kernel loads when it is first launched, in the midst of a run, is to find room.
constexpr size_t reserve_bytes = size_t{192} << 20;

int64_t whole_lines(int64_t floats) { return static_cast<int64_t>(round_up(static_cast<size_t>(floats), line)); }

}  // namespace

States::States(const device::Model& m)
    : layers_(m.layer_count), d_model_(m.d_model), d_conv_(m.d_conv),
      channels_(m.head_count > 0 ? m.d_inner + 2 * m.group_count * m.d_state : m.d_inner), ssm_floats_(m.d_inner * m.d_state),
      window_floats_(whole_lines(d_conv_ * channels_)), layer_floats_(window_floats_ + whole_lines(ssm_floats_)),
      slot_floats_(layers_ * layer_floats_ + whole_lines(d_model_)) {}

int32_t States::take() {
    if (free_.empty()) {
        slots_.reserve(slots_.size() + 1);
        free_.reserve(slots_.size() + 1);  // so that giving back needs no memory
        size_t free = 0, total = 0;
        check(cudaMemGetInfo(&free, &total), "asking for the device's free memory");
        if (free < slot_bytes() + reserve_bytes) {
            fail(MAMBA_OUT_OF_MEMORY, "a session's state needs ", slot_bytes() >> 20, " MiB of the device's memory, and ", free >> 20,
                 " MiB of ", total >> 20, " are free, of which ", reserve_bytes >> 20, " are left to kernels");
        }
        slots_.emplace_back(static_cast<size_t>(slot_floats_), "a session's state");
        free_.push_back(static_cast<int32_t>(slots_.size()) - 1);
    }
    const int32_t slot = free_.back();
    free_.pop_back();
    return slot;
}

void States::clear(int32_t slot, cudaStream_t stream) const {
    check(cudaMemsetAsync(at(slot), 0, static_cast<size_t>(slot_floats_) * sizeof(float), stream), "clearing a state");
}

void States::copy(int32_t from, int32_t to, cudaStream_t stream) const {
    const size_t bytes = static_cast<size_t>(slot_floats_) * sizeof(float);
    check(cudaMemcpyAsync(at(to), at(from), bytes, cudaMemcpyDeviceToDevice, stream), "copying a state");
}

void States::read(const float* from, int64_t position, void* values, void* hidden, cudaStream_t stream) const {
    constexpr size_t f = sizeof(float);
    const auto layers = static_cast<size_t>(layers_), host_pitch = static_cast<size_t>((d_conv_ - 1) * channels_ + ssm_floats_) * f;
    const size_t pitch = static_cast<size_t>(layer_floats_) * f, row = static_cast<size_t>(channels_) * f;
    auto* to = static_cast<char*>(values);
    for (int64_t i = 0; i < d_conv_ - 1; ++i) {
        const int64_t ring = (position + 1 + i) % d_conv_;  // of position - (d_conv - 1) + i
        check(cudaMemcpy2DAsync(to + static_cast<size_t>(i) * row, host_pitch, from + ring * channels_, pitch, row, layers,
                                cudaMemcpyDefault, stream), "reading a state");
    }
    check(cudaMemcpy2DAsync(to + static_cast<size_t>(d_conv_ - 1) * row, host_pitch, from + window_floats_, pitch,
                            static_cast<size_t>(ssm_floats_) * f, layers, cudaMemcpyDefault, stream), "reading a state");
    check(cudaMemcpyAsync(hidden, from + this->hidden(), static_cast<size_t>(d_model_) * f, cudaMemcpyDefault, stream), "reading a state");
}

void States::write(int32_t slot, int64_t position, const void* values, const void* hidden, cudaStream_t stream) const {
    constexpr size_t f = sizeof(float);
    const auto layers = static_cast<size_t>(layers_), host_pitch = static_cast<size_t>((d_conv_ - 1) * channels_ + ssm_floats_) * f;
    const size_t pitch = static_cast<size_t>(layer_floats_) * f, row = static_cast<size_t>(channels_) * f;
    const auto* from = static_cast<const char*>(values);
    for (int64_t i = 0; i < d_conv_ - 1; ++i) {
        const int64_t ring = (position + 1 + i) % d_conv_;
        check(cudaMemcpy2DAsync(at(slot) + ring * channels_, pitch, from + static_cast<size_t>(i) * row, host_pitch, row, layers,
                                cudaMemcpyHostToDevice, stream), "writing a state");
    }
    check(cudaMemcpy2DAsync(at(slot) + window_floats_, pitch, from + static_cast<size_t>(d_conv_ - 1) * row, host_pitch,
                            static_cast<size_t>(ssm_floats_) * f, layers, cudaMemcpyHostToDevice, stream), "writing a state");
    check(cudaMemcpyAsync(at(slot) + this->hidden(), hidden, static_cast<size_t>(d_model_) * f, cudaMemcpyHostToDevice, stream), "writing a state");
}

}  // namespace mamba::cuda
