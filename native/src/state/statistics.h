// Numbers about a layer's state, head by head: mamba_head_statistics.
#pragma once

#include "mamba/c_api.h"
#include "model/model.h"

namespace mamba {

// Channels of Mamba-1 that are looked at together, as the heads of Mamba-2 are.
inline constexpr int64_t block_channels = 64;

// Heads of a layer; of Mamba-1 its blocks, the last one maybe smaller.
int64_t head_or_block_count(const ModelConfig& config);

// norm, variance, max_abs and rms of a layer's state [d_inner, d_state]. NaN in a state is NaN in its norm.
void measure_state(const ModelConfig& config, const float* state, mamba_head_statistics* heads);
// retention, horizon and log_retention from the layer's sums of dt (state/tracking.h) over so many tokens; NULL: NaN. What a policy makes of
// the decay: A is multiplied with decay_scale, and log_retention added to the log-decay of each token.
void measure_decay(const ModelConfig& config, const Layer& layer, const double* step_sums, int64_t tokens, mamba_head_statistics* heads,
                   double decay_scale = 1, double log_retention = 0);

}  // namespace mamba
