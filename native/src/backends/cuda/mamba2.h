// Mamba-2's scan over each session's tokens, token by token; per head, with its group's B and C:
//   dt = clamp(softplus(dt + dt_bias));  S = exp(dt A) S + dt x B^T;  y = S C + D x, times silu(z) where the gate comes first
#pragma once

#include "backends/cuda/batch.h"
#include "backends/cuda/convolution.h"
#include "backends/cuda/launch.h"

namespace mamba::cuda {

struct Mamba2Scan {
    const float* x;        // [rows, heads, head_dim], after convolution and SiLU
    const float* b;        // [rows, groups, d_state], likewise
    const float* c;
    int64_t stride;        // of x, b and c
    const float* dt;       // [rows, heads], before its bias
    int64_t dt_stride;
    const float* z;        // [rows, heads, head_dim], the gate; NULL: it is applied later
    int64_t z_stride;
    const float* a;        // [heads], negative
    const float* d;        // [heads]
    const float* dt_bias;  // [heads]
    float dt_min, dt_max;
    float* y;              // [rows, heads, head_dim] out
    int64_t y_stride;
    int64_t state;         // offset in the state, in floats: [heads, head_dim, d_state]
    int32_t heads, heads_a_group, head_dim, d_state;
};

constexpr int32_t mamba2_most_states = 256;

// One token of each session, with its convolution: x, b and c are not read, c.in is, and the window moves on.
void mamba2_step(const Queue& queue, const Batch& batch, const Mamba2Scan& s, const Convolution& c);
// Any number of tokens, convolved before.
void mamba2_scan(const Queue& queue, const Batch& batch, const Mamba2Scan& s);

}  // namespace mamba::cuda
