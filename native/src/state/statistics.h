// Numbers about a layer's state, head by head: mamba_head_statistics.
#pragma once

#include "mamba/c_api.h"
#include "model/model.h"

namespace mamba {

// Channels of Mamba-1 that are looked at together, as the heads of Mamba-2 are.
inline constexpr int64_t block_channels = 64;

// Heads of a layer; of Mamba-1 its blocks, the last one maybe smaller.
int64_t head_or_block_count(const ModelConfig& config);

// Over the values of a head.
struct HeadMoments {
    double sum = 0, squares = 0;
    float max_abs = 0;
};

// Values of a head's state; of Mamba-1 of a block's.
int64_t head_floats(const ModelConfig& config, int64_t head);
// norm, variance, max_abs and rms of `count` values.
void write_moments(const HeadMoments& moments, int64_t count, mamba_head_statistics& out);

// What is left of the first of some tokens, summed up over the values of a head that have a decay of their own.
struct HeadRetention {
    double logs = 0, left = 0;
};

// Values of a head that have a decay of their own: Mamba-2 one, Mamba-1 all.
int64_t head_decays(const ModelConfig& config, int64_t head);
// retention, horizon and log_retention of so many of them over so many tokens; those of no sums.
void write_retention(const HeadRetention& retention, int64_t decays, int64_t tokens, mamba_head_statistics& out);
void write_no_retention(mamba_head_statistics& out);
// Those of every head of a layer's state [d_inner, d_state]. NaN in a state is NaN in its norm.
void measure_state(const ModelConfig& config, const float* state, mamba_head_statistics* heads);
// retention, horizon and log_retention from the layer's sums of dt (state/tracking.h) over so many tokens; NULL: NaN. What a policy makes of
// the decay: A is multiplied with decay_scale, and log_retention added to the log-decay of each token.
void measure_decay(const ModelConfig& config, const Layer& layer, const double* step_sums, int64_t tokens, mamba_head_statistics* heads,
                   double decay_scale = 1, double log_retention = 0);

}  // namespace mamba
