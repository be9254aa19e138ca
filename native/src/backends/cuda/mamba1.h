// Mamba-1's selective scan over each session's tokens, token by token:
//   dt = softplus(dt + dt_bias);  s[n] = exp(dt A[n]) s[n] + dt B[n] v;  y = (sum_n C[n] s[n] + D v) silu(z)
#pragma once

#include "backends/cuda/batch.h"
#include "backends/cuda/launch.h"

namespace mamba::cuda {

struct Mamba1Scan {
    const float* v;        // [rows, d_inner], after convolution and SiLU
    int64_t v_stride;
    const float* dt;       // [rows, d_inner], before its bias
    int64_t dt_stride;
    const float* b;        // [rows, d_state]
    const float* c;
    int64_t bc_stride;
    const float* z;        // [rows, d_inner], the gate
    int64_t z_stride;
    const float* a;        // [d_inner, d_state], negative
    const float* d;        // [d_inner]
    const float* dt_bias;  // [d_inner]
    float* y;              // [rows, d_inner] out
    int64_t y_stride;
    int64_t state;         // offset in the state, in floats: [d_inner, d_state]
    int32_t d_inner, d_state;
    int32_t layer;
};

constexpr int32_t mamba1_most_states = 64;

// Parts under a policy (policy.h) have its numbers in it.
void mamba1_scan(const Queue& queue, const Batch& batch, const Mamba1Scan& s);

}  // namespace mamba::cuda
