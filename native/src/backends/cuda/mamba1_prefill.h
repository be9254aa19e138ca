// Mamba-1 between in_proj and out_proj for many tokens (mamba1.h: for few). Two kernels, three where a part's tokens are shared out in segments:
//   mamba1_inputs   v = silu(conv(u)); r | b | c = x_proj v, each normed where the model says so
//   mamba1_scan     dt = softplus(dt_proj r + dt_bias); s[n] = exp(dt a[n]) s[n] + dt b[n] v; y = (sum_n c[n] s[n] + d v) silu(z)
// The expanded state [tokens, d_inner, d_state] lives in registers alone. Activations are of one type, that of the projections' weights;
// the state, the convolution's window, dt, b and c are FP32.
//
// Bytes a token, BF16 at d_inner 5120, d_state 16, dt_rank 160: inputs read u and write v (20 KB); the scan reads v and z and writes y (31 KB), r, b, c
// (448 bytes) from the cache once a tile of channels. 22 ns at 3 TB/s (H100: 0.2 us a layer and token in all, of which the projections 0.12).
// FLOP a token: x_proj and dt_proj 3.6 M on the tensor cores; d_inner d_state = 82 K exponentials at 16 a clock and multiprocessor, 22 ns on
// an H100, which bounds the scan.
#pragma once

#include "backends/cuda/batch.h"
#include "backends/cuda/gemm.h"

namespace mamba::cuda {

struct Mamba1Prefill {
    int32_t type;  // of activations and of x_proj and dt_proj: MAMBA_WEIGHT_F32, _F16 or _BF16
    int32_t d_inner, d_state, d_conv, dt_rank;  // d_inner: a multiple of 8; d_conv <= 4

    const void* projected;  // [rows, 2 d_inner]: u, then z; the stride counts elements, a multiple of 8
    int64_t projected_stride;
    const float* conv_weight;  // [d_conv, d_inner], last tap newest
    const float* conv_bias;    // [d_inner] or NULL
    const void* x_proj;        // [dt_rank + 2 d_state, d_inner]
    int64_t x_proj_stride;
    const void* dt_proj;       // [d_inner, dt_rank], rows zero beyond dt_rank up to a multiple of 8
    int64_t dt_proj_stride;
    const float* dt_bias;      // [d_inner]
    const float* a;            // [d_inner, d_state], negative
    const float* d;            // [d_inner]
    bool norms;                // r, b and c are divided by their root mean square
    const float *dt_norm, *b_norm, *c_norm;  // and multiplied by these; NULL: ones
    float norm_eps;
    int64_t window, state;     // offsets in a part's state, in floats (states.h)

    void* v;        // [rows, d_inner]
    void* r;        // [rows, mamba1_rank_pitch(dt_rank)], zeros beyond dt_rank
    float* bc;      // [rows, 2 d_state]
    float* dt;      // [rows, d_inner]; FP32 activations alone
    void* y;        // [rows, d_inner] out
    Workspace workspace;  // mamba1_workspace_bytes; its first mamba1_counter_bytes zero before the first use
    int32_t layer;
};

__host__ __device__ constexpr int32_t mamba1_rank_pitch(int32_t dt_rank) { return (dt_rank + 31) / 32 * 32; }

constexpr size_t mamba1_counter_bytes = 65536;
// For batches of up to `rows` rows and `parts` parts.
size_t mamba1_workspace_bytes(int32_t type, int32_t d_inner, int32_t d_state, int32_t dt_rank, int32_t rows, int32_t parts);

// library NULL: own kernels (asked for with FP32 activations alone).
void mamba1_inputs(const Queue& queue, CublasLt* library, const Batch& batch, const Mamba1Prefill& p);
// After mamba1_inputs. Advances the parts' states and windows. segments 0: as many as fill the device. Of parts with policies (policy.h) it
// knows no newest states, and takes one segment.
void mamba1_scan(const Queue& queue, const Batch& batch, const Mamba1Prefill& p, int32_t segments = 0);
// The same of parts under a state-norm, all of them.
void mamba1_scan_capped(const Queue& queue, const Batch& batch, const Mamba1Prefill& p);

}  // namespace mamba::cuda
