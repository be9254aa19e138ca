// Where each layer's state lies in a session's one array of floats. The same on every device, so that a saved session moves.
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
};

struct StateLayout {
    explicit StateLayout(const ModelConfig& config);
    std::vector<LayerState> layers;
    int64_t floats = 0;
};

}  // namespace mamba
