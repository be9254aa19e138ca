// Mamba-2's scan over each session's tokens, token by token; per head, with its group's B and C:
//   dt = clamp(softplus(dt + dt_bias));  S = exp(dt A) S + dt x B^T;  y = S C + D x, times silu(z) where the gate comes first
#pragma once

#include "backends/cuda/batch.h"
#include "backends/cuda/convolution.h"
#include "backends/cuda/launch.h"
#include "backends/cuda/stream.h"

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
    int64_t recent;        // likewise, of the ring (states.h): x [heads, head_dim], B [groups, d_state], dt [heads] of each entry
    int64_t recent_stride; // from an entry to the next
    int32_t heads, heads_a_group, head_dim, d_state;
    int32_t layer;
};

// Parts under a policy (policy.h) have its numbers in all of these.

// A step: of `scan`, x, b and c are not read.
struct Mamba2Step {
    Mamba2Scan scan;
    Convolution convolution;  // reads its `in`, and keeps the window
    // y, gated, as the product behind takes it: times norm_weight, with its squares in mamba2_step_parts() parts. NULL: y in FP32.
    Operand out;
    const float* norm_weight;
};

constexpr int32_t mamba2_most_states = 256;

// One token of each session, with its convolution. The state is read and, but for parts that fold, stays as it is:
//   y = exp(l_t) S C_t + sum_{j <= t} exp(l_t - l_j) dt_j (C_t . B_j) x_j + D x_t
// over the tokens that wait in the ring and this one, l_j the sum of dt A up to token j; x_t, B_t and dt_t become the ring's next entry. A part
// that folds has S = exp(l_t) S + sum_j exp(l_t - l_j) dt_j x_j B_j^T instead.
bool mamba2_step_takes(int64_t head_dim, int64_t d_state, int64_t d_conv);
int32_t mamba2_step_parts(const Mamba2Scan& s);
void mamba2_step(const Queue& queue, const Batch& batch, const Mamba2Step& s);

// Brings what waits in the parts' rings into their states, of all layers, whose states are layer_floats apart.
void mamba2_fold(const Queue& queue, const Batch& batch, const Mamba2Scan& first_layer, const float* const* a, int32_t layers, int64_t layer_floats);

// A layer's state of the batch's one part with what waits brought in, to `out`, [heads, head_dim, d_state]; the part stays as it is.
void mamba2_fold_layer(const Queue& queue, const Batch& batch, const Mamba2Scan& first_layer, const float* const* a, int64_t layer,
                       int64_t layer_floats, float* out);

// Any number of tokens, convolved before; nothing waits in the rings.
void mamba2_scan(const Queue& queue, const Batch& batch, const Mamba2Scan& s);

}  // namespace mamba::cuda
