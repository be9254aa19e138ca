// Mamba-1 between in_proj and out_proj for one token each of many sessions, BF16 or FP16 weights (mamba1_prefill.h: many tokens of a
// session; mamba1.h: everything else). One kernel:
//   v = silu(conv(u)); r | b | c = x_proj v, each normed where the model says so; dt = softplus(dt_proj r + dt_bias);
//   s[n] = exp(dt a[n]) s[n] + dt b[n] v; y = (sum_n c[n] s[n] + d v) silu(z)
// Sums, windows, states, dt, b and c are FP32; v and r are rounded to what they are multiplied with.
//
// Bytes a session at d_inner 5120, d_state 16: state 328 KB read and written, window 61 KB read and 20 KB written. Weights of both
// products, 3.6 MB, come once from memory and then from the cache for every eight sessions.
#pragma once

#include "backends/cuda/batch.h"
#include "backends/cuda/launch.h"
#include "backends/cuda/states.h"
#include "backends/cuda/weights.h"

namespace mamba::cuda {

struct Mamba1Step {
    int32_t type;                        // of x_proj and dt_proj: MAMBA_WEIGHT_F16 or _BF16
    int32_t d_inner, d_conv, dt_rank;    // d_state: mamba1_step_states

    const float* projected;    // [rows, 2 d_inner]: u, then z; the stride is a multiple of 4
    int64_t projected_stride;
    const float* conv_weight;  // [d_conv, d_inner], last tap newest
    const float* conv_bias;    // [d_inner] or NULL
    const void* x_proj;        // [dt_rank + 2 d_state, d_inner]; strides count elements, multiples of 8
    int64_t x_proj_stride;
    const void* dt_proj;       // [d_inner, dt_rank]
    int64_t dt_proj_stride;
    const float* dt_bias;      // [d_inner]
    const float* a;            // [d_inner, d_state], negative
    const float* d;            // [d_inner]
    bool norms;                // r, b and c are divided by their root mean square
    const float *dt_norm, *b_norm, *c_norm;  // and multiplied by these; NULL: ones
    float norm_eps;
    int64_t window, state;     // offsets in a part's state, in floats (states.h)

    float* shares;             // mamba1_step_bytes
    unsigned* arrived;         // two for every eight rows, zero before the first use
    void* y;                   // [rows, d_inner] out, of type where narrow, else FP32
    bool narrow;
    int32_t layer;
};

constexpr int32_t mamba1_step_states = 16;
constexpr int32_t mamba1_step_sessions = 8;  // of a block

// How channels, and with them x_proj's sum, are shared out among blocks.
struct Mamba1Shares {
    int32_t count;     // of stretches of channels
    int32_t channels;  // of a stretch, a multiple of 32; the last may have fewer
    int32_t columns;   // dt_rank + 2 d_state, up to a multiple of 16

    // A share of eight sessions: for every 16 columns the sums as a warp of tensor cores leaves them, four a lane.
    __host__ __device__ int64_t floats() const { return int64_t{columns} * mamba1_step_sessions; }
};
Mamba1Shares mamba1_shares(const Queue& queue, int32_t d_inner, int32_t dt_rank, int32_t rows);

bool mamba1_step_takes(const Queue& queue, int32_t type, int32_t d_inner, int32_t d_state, int32_t d_conv, int32_t dt_rank);
// What shares take, for up to `rows` rows.
size_t mamba1_step_bytes(const Queue& queue, int32_t d_inner, int32_t dt_rank, int32_t rows);

// A layer whose x_proj and dt_proj are used as they are; shares, arrived, y and narrow are left to the caller. projected: [rows, width].
Mamba1Step mamba1_layer(const device::Model& shape, const LayerWeights& layer, const States& states, int64_t index, const float* projected,
                        int64_t width);

// A batch of one row a part. Advances the parts' states and windows. Parts under a policy (policy.h) have its numbers in it, but not its caps.
void mamba1_step(const Queue& queue, const Batch& batch, const Mamba1Step& p);

}  // namespace mamba::cuda
