// Mamba-2 between in_proj and out_proj for many tokens at a time, in the chunked form (SSD), on tensor cores: three kernels.
//   prepare   causal convolution + SiLU of x, B and C; dt = clamp(softplus(dt + dt_bias)) and its decays, summed up inside each chunk;
//             C B^T of each chunk and group
//   scan      each head, chunk after chunk: y = (masked, decayed C B^T) (dt x) + decayed C S^T + D x, gated, and the state S
//   norm      RMS of each group of a row
// Chunks lie on a grid of absolute positions. A state goes from chunk to chunk by the same operations wherever a run begins or ends,
// so that cutting a session's tokens on the grid changes no bit; nor do a run's other pieces.
// What moves through memory, and how many operations, is said at each kernel, for a token of Mamba-2 2.7B (d_inner 5120, 80 heads of
// 64, d_state 128, one group) in BF16.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "backends/cuda/policy.h"

namespace mamba::cuda {

// Tokens of a chunk; a chunk begins where position % ssd_chunk is 0.
constexpr int32_t ssd_chunk = 64;

// Tokens of one session: rows first_row .. first_row + count of a run. In device memory.
struct Mamba2Piece {
    float* state;          // the session's slot
    int32_t first_row;
    int32_t count;         // at least 1
    int32_t window_phase;  // position of the first token, modulo d_conv
    int32_t chunk_phase;   // the same, modulo ssd_chunk
    int32_t first_chunk;   // chunks of the run's pieces before this one
    int32_t chunk_count;   // ssd_chunks(chunk_phase, count)
};

// Chunks that `count` tokens from `position` touch.
inline int32_t ssd_chunks(int64_t position, int64_t count) {
    return static_cast<int32_t>((position % ssd_chunk + count + ssd_chunk - 1) / ssd_chunk);
}

// Where parts have windows: what lies between their borders, of every part the first, then of every part the second, and so on. Each round
// needs the states that the one before left. Pieces as above, with their chunks' place among those of the whole run; in device memory.
struct Mamba2Round {
    const Mamba2Piece* pieces;
    const Mamba2Piece* fed;  // those of them that newest states get, with their slots
    const Move* moves;       // before it
    int32_t piece_count, fed_count, move_count;
};

struct Mamba2Shape {
    int32_t heads, groups, head_dim, d_state, d_conv;

    __host__ __device__ int32_t d_inner() const { return heads * head_dim; }
    __host__ __device__ int32_t channels() const { return d_inner() + 2 * groups * d_state; }
};

struct Mamba2PrefillArgs {
    Mamba2Shape shape;
    // Activations and products are FP32; else they are BF16, with sums, decays and states in FP32.
    bool exact;

    // [rows, ...], a row: z [d_inner], x [d_inner], B [groups, d_state], C [groups, d_state], dt [heads]. Begins on 16 bytes, as does
    // each row.
    const void* projected;
    int64_t projected_stride;  // values
    void* out;                 // [rows, d_inner]
    int64_t out_stride;

    const Mamba2Piece* pieces;
    int32_t piece_count, rows, chunk_count;

    int64_t window;  // offset in a state, in floats: [d_conv, channels], the input at position t in row t % d_conv
    int64_t state;   // likewise: [heads, head_dim, d_state]. Both on 16 bytes.

    const float* conv_weight;  // [d_conv, channels], last tap newest
    const float* conv_bias;    // [channels] or NULL
    const float* a;            // [heads], negative
    const float* d;            // [heads]
    const float* dt_bias;      // [heads]
    float dt_min, dt_max;

    bool norm;                 // else out = y * silu(z)
    bool norm_before_gate;     // out = rms(y) * weight * silu(z); else rms(y * silu(z)) * weight
    const float* norm_weight;  // [d_inner]
    float norm_eps;

    void* workspace;  // mamba2_prefill_workspace() bytes, on 256

    const PartPolicy* policies;  // [piece_count]; NULL: no piece has any
    bool in_rounds;              // else every piece is read at once
    const Mamba2Round* rounds;   // in host memory
    int32_t round_count;
    const Mamba2Piece* capped;   // those under a state-norm, which are in no round, and their policies
    const PartPolicy* capped_policies;
    int32_t capped_count;
    int32_t layer;
    bool states_only;            // of scan: no outputs
};

// What the kernels can take; elsewhere the recurrence (mamba2.h) is to be used.
bool mamba2_prefill_takes(const Mamba2Shape& shape);
size_t mamba2_prefill_workspace(const Mamba2Shape& shape, bool exact, int64_t rows, int64_t chunks);
// Queues the kernels; nothing waits and nothing is allocated.
cudaError_t mamba2_prefill(const Mamba2PrefillArgs& args, const Queue& queue);

}  // namespace mamba::cuda
