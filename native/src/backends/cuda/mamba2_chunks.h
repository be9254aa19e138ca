// What the kernels of Mamba-2's prefill share: working memory, where a chunk lies, and loads and stores of 8 values.
#pragma once

#include <cuda_bf16.h>

#include "backends/cuda/mamba2_prefill.h"

namespace mamba::cuda::ssd {

using bf16 = __nv_bfloat16;

// Floats of a chunk and head in Work::inflow: how much of each token is left when the chunk ends, times its dt; then how much of the
// state that entered is left; then, up to a multiple of 16 bytes, a zero and, where pieces have policies, the sum of dt as a double, else zeros.
constexpr int inflow_floats = ssd_chunk + 4;

// Of 16 tokens i and 16 tokens j of a chunk, where j does not lie behind i: i's are 0 | 1, 1 | 2, 2, 2 | 3, ...
constexpr int product_blocks = (ssd_chunk / 16) * (ssd_chunk / 16 + 1) / 2;

// Parts of the workspace.
struct Work {
    void* convolved;   // [rows, channels], activations: x, B, C after convolution and SiLU
    float2* steps;     // [chunks, heads, ssd_chunk]: dt, and the sum of dt * A up to this token of the chunk (times log2(e) unless exact).
                       // Behind the last token: 0, and the last sum. For outputs alone, so a policy's output scale is in both.
    float* inflow;     // [chunks, heads, inflow_floats]
    void* states;      // [chunks, heads, head_dim, d_state], activations: what enters each chunk. For the plain kernels.
    uint4* products;   // [chunks, groups, product_blocks, 32 lanes]: C B^T in BF16, as fragments (mma.h). For the tensor core kernels.
    float* squares;    // [rows, slices]: sums of squares, a slice of a head each
    size_t bytes;
};
Work divide(const Mamba2Shape& shape, bool exact, int64_t rows, int64_t chunks, void* workspace);

// Rows of a head of which the sum of squares is one number.
constexpr int tensor_slice = 32, plain_slice = 64;
// Whether there are tensor core kernels for it.
bool on_tensor_cores(const Mamba2PrefillArgs& args);
// Whether y is gated before the norm, if there is one.
__host__ __device__ inline bool gates_early(const Mamba2PrefillArgs& args) { return !(args.norm && args.norm_before_gate); }
// Of all heads.
int slices(const Mamba2PrefillArgs& args);

// The kernels, in order.
cudaError_t prepare(const Mamba2PrefillArgs& args, const Work& work, cudaStream_t stream);
cudaError_t scan(const Mamba2PrefillArgs& args, const Work& work, cudaStream_t stream);
cudaError_t norm(const Mamba2PrefillArgs& args, const Work& work, cudaStream_t stream);
// For pieces under a state-norm, in place of scan or plain_scan.
cudaError_t scan_capped(const Mamba2PrefillArgs& args, const Work& work, cudaStream_t stream);
// The chunks' sums of dt to those that the pieces' policies have. After prepare.
cudaError_t add_steps(const Mamba2PrefillArgs& args, const Work& work, cudaStream_t stream);
// What the tensor cores' products and scan do, in FP32 arithmetic, for activations of either kind and every shape.
cudaError_t plain_states(const Mamba2PrefillArgs& args, const Work& work, cudaStream_t stream);
cudaError_t plain_scan(const Mamba2PrefillArgs& args, const Work& work, cudaStream_t stream);

#if defined(__CUDACC__)

struct Chunk {
    int piece;
    int first;      // its first token among the piece's
    int first_row;
    int count;
};

__device__ __forceinline__ Chunk chunk_of(const Mamba2Piece& piece, int index_of_piece, int index) {
    const int begin = max(0, index * ssd_chunk - piece.chunk_phase);
    const int end = min(piece.count, (index + 1) * ssd_chunk - piece.chunk_phase);
    return {index_of_piece, begin, piece.first_row + begin, end - begin};
}

// Chunk `index` of the run.
__device__ __forceinline__ Chunk find_chunk(const Mamba2Piece* pieces, int piece_count, int index) {
    int low = 0, high = piece_count - 1;  // the last piece that begins at or before it
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        if (pieces[middle].first_chunk <= index) low = middle;
        else high = middle - 1;
    }
    return chunk_of(pieces[low], low, index - pieces[low].first_chunk);
}

// To a few units in the last place of FP32.
__device__ __forceinline__ float silu(float v) {
    float power, inverse;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(v * -1.44269504088896340736f));
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(inverse) : "f"(1.0f + power));
    return v * inverse;
}
__device__ __forceinline__ float exact_silu(float v) { return v / (1.0f + expf(-v)); }
template <typename T>
__device__ __forceinline__ float silu_of(float v) {
    return sizeof(T) == sizeof(float) ? exact_silu(v) : silu(v);
}

__device__ __forceinline__ float value(float v) { return v; }
__device__ __forceinline__ float value(bf16 v) { return __bfloat162float(v); }
__device__ __forceinline__ void put(float* to, float v) { *to = v; }
__device__ __forceinline__ void put(bf16* to, float v) { *to = __float2bfloat16_rn(v); }

__device__ __forceinline__ float low_half(uint32_t pair) { return __uint_as_float(pair << 16); }
__device__ __forceinline__ float high_half(uint32_t pair) { return __uint_as_float(pair & 0xffff0000u); }
// Two values in one register, `low` first.
__device__ __forceinline__ uint32_t pack(float low, float high) {
    uint32_t pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

// 8 values, as they lie in memory: loads can be under way before the first is used.
struct Eight {
    uint4 a, b;

    __device__ __forceinline__ void load(const bf16* from) { a = *reinterpret_cast<const uint4*>(from); }
    __device__ __forceinline__ void load(const float* from) {
        a = *reinterpret_cast<const uint4*>(from);
        b = *reinterpret_cast<const uint4*>(from + 4);
    }
    template <typename T>
    __device__ __forceinline__ void get(float (&v)[8]) const {
        if (sizeof(T) == sizeof(float)) {
            v[0] = __uint_as_float(a.x), v[1] = __uint_as_float(a.y), v[2] = __uint_as_float(a.z), v[3] = __uint_as_float(a.w);
            v[4] = __uint_as_float(b.x), v[5] = __uint_as_float(b.y), v[6] = __uint_as_float(b.z), v[7] = __uint_as_float(b.w);
        } else {
            v[0] = low_half(a.x), v[1] = high_half(a.x), v[2] = low_half(a.y), v[3] = high_half(a.y);
            v[4] = low_half(a.z), v[5] = high_half(a.z), v[6] = low_half(a.w), v[7] = high_half(a.w);
        }
    }
};
__device__ __forceinline__ void store(bf16* to, const float (&v)[8]) {
    *reinterpret_cast<uint4*>(to) = make_uint4(pack(v[0], v[1]), pack(v[2], v[3]), pack(v[4], v[5]), pack(v[6], v[7]));
}
__device__ __forceinline__ void store(float* to, const float (&v)[8]) {
    *reinterpret_cast<float4*>(to) = make_float4(v[0], v[1], v[2], v[3]);
    *reinterpret_cast<float4*>(to + 4) = make_float4(v[4], v[5], v[6], v[7]);
}

// The last d_conv - 1 inputs of a piece to its window, by `threads` threads, of which this is `thread`. After prepare, which reads the
// window.
__device__ __forceinline__ void keep_window(const Mamba2PrefillArgs& s, const Mamba2Piece& piece, int thread, int threads) {
    const int channels = s.shape.channels(), d_conv = s.shape.d_conv;
    for (int channel = thread; channel < channels; channel += threads) {
        for (int t = max(0, piece.count - (d_conv - 1)); t < piece.count; ++t) {
            const int64_t at = (piece.first_row + t) * s.projected_stride + s.shape.d_inner() + channel;
            piece.state[s.window + static_cast<int64_t>((piece.window_phase + t) % d_conv) * channels + channel] =
                s.exact ? static_cast<const float*>(s.projected)[at] : value(static_cast<const bf16*>(s.projected)[at]);
        }
    }
}

#endif

}  // namespace mamba::cuda::ssd
