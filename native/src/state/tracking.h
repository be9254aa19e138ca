// What a session adds up about its decay while it is asked to: sums of the step sizes dt that its scans took. What is left of a token's
// share of the state is exp(A * sum of dt since), so one number a head (Mamba-2) or channel (Mamba-1) tells it for all of the state.
#pragma once

#include <cstdint>

#include "base/buffer.h"
#include "state/device_states.h"

namespace mamba {

struct Tracking {
    int64_t count = 0;     // of sums, StateLayout::step_sums; 0: not asked to
    int64_t tokens = 0;    // in the sums
    Buffer<double> sums;   // empty where they live on a device
    DeviceSums on_device;  // or else there

    bool on() const { return count > 0; }
    int64_t bytes() const { return count * static_cast<int64_t>(sizeof(double)); }
    // From now on, with sums of zero. Throws MAMBA_OUT_OF_MEMORY, and then nothing has changed.
    void start(int64_t sum_count, DeviceStates* device = nullptr);
    void stop();
    // Zeros.
    void clear();
    // Throws MAMBA_OUT_OF_MEMORY, and then nothing has changed.
    void assign(const Tracking& other);

    // All sums, from and to host memory.
    void read(double* values) const;
    void write(const double* values);

    // On the CPU: adds dt [tokens, end - begin], rows `stride` floats apart, to sums [begin, end): token after token, so that their bits do not
    // depend on where the input was cut. Counts no tokens. For the thread whose heads or channels they are.
    void add(int64_t begin, int64_t end, const float* dt, int64_t stride, int64_t dt_tokens);
};

}  // namespace mamba
