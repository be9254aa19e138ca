// Sums over the values of each head's state, for statistics.
#pragma once

#include "backends/cuda/launch.h"
#include "backends/device.h"

namespace mamba::cuda {

// Channels of Mamba-1 that are looked at together, as the heads of Mamba-2 are (state/statistics.h).
constexpr int32_t measured_channels = 64;

// A layer's state. Device memory.
struct Measured {
    const float* values;     // `count`, of which each head has head_values behind each other, the last one what is left
    int32_t count, head_values;
    const double* sums;      // of dt, each of decays_a_sum decays behind each other; NULL: there are none
    const float* a;          // a decay each, head_decays to a head
    int32_t head_decays, decays_a_sum;
    const float* decay_scale;  // of all of them; NULL: 1
    double added;            // to the log of what is left
};
void measure_heads(const Queue& queue, const Measured& m, device::HeadSums* heads);

}  // namespace mamba::cuda
