// Where each layer's state lies in a session's one array of floats, and behind all states the ring of recent inputs of Mamba-2, entry
// after entry: so that what is meant by a state is the beginning of its array. The same on every device, so that a saved session moves.
#pragma once

#include <cstdint>
#include <vector>

#include "model/config.h"

namespace mamba {

struct LayerState {
    int64_t conv = 0;         // offset of the window: [d_conv - 1, conv_channels], oldest input first
    int64_t conv_floats = 0;
    int64_t ssm = 0;          // offset of the state: Mamba-1 [d_inner, d_state], Mamba-2 [head_count, head_dim, d_state]
    int64_t ssm_floats = 0;
    int64_t step_sums = 0;    // offset in Tracking::sums: Mamba-1 [d_inner], Mamba-2 [head_count]
    int64_t ring = 0;         // offset in an entry of the ring: Mamba-2's x [d_inner], B [group_count, d_state], dt [head_count]
};

struct StateLayout {
    explicit StateLayout(const ModelConfig& config);
    std::vector<LayerState> layers;
    int64_t floats = 0;        // of the states
    int64_t entry_floats = 0;  // of an entry of the ring; 0 where there is none
    int64_t step_sums = 0;     // of all layers

    int64_t bytes() const;     // of a session's array
};

}  // namespace mamba
