// What segments of a long part leave each other in the workspace: where a part's state begins, and for each segment the sum of dt of each
// channel and the state that it would end in, begun from zeros. exp(a * sum of dt) is the decay of what was there before.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cuda/memory.h"

namespace mamba::cuda {

constexpr int32_t mamba1_most_segments = 16;

struct Mamba1Segments {
    float* begin;  // [parts, d_inner, d_state]
    float* ends;   // [parts, segments, d_inner, d_state]
    float* sums;   // [parts, segments, d_inner]
    int32_t count;
};

// Segments are used where one part's channels are too few to fill a device, so parts times segments stay below mamba1_most_segments + 1
// and a batch of more parts has none.
inline size_t mamba1_segments_bytes(int32_t d_inner, int32_t d_state, int32_t parts) {
    const size_t channels = static_cast<size_t>(d_inner) * static_cast<size_t>(parts < mamba1_most_segments ? parts : mamba1_most_segments);
    return channels * sizeof(float) * (static_cast<size_t>(d_state) + mamba1_most_segments * (static_cast<size_t>(d_state) + 1));
}

}  // namespace mamba::cuda
