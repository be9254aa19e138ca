// The state-norm policy: a token enters the state, the state's norm is brought under its cap, and the token reads it; then the next. A head of
// Mamba-2, or a block of 64 channels of Mamba-1, is one block's, which goes through the tokens one after another: no part of this is a
// product over many tokens, so it is as slow as it is on the processor.
#pragma once

#include "backends/cuda/batch.h"

namespace mamba::cuda {

constexpr int32_t capped_channels = 64;  // of a block of Mamba-1

#if defined(__CUDACC__)

// The sum over a block of Threads threads; scratch: Threads / 32 doubles.
template <int Threads>
__device__ __forceinline__ double sum_of_all(double value, double* scratch) {
#pragma unroll
    for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
    __syncthreads();  // nobody reads the sum before
    if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = value;
    __syncthreads();
    double total = 0;
    for (int i = 0; i < Threads / 32; ++i) total += scratch[i];
    return total;
}

// What a state is multiplied with; towards zero, so that rounding does not leave the norm above its cap.
__device__ __forceinline__ float cap_factor(double squares, float cap) {
    const double size = sqrt(squares);
    return size > cap ? nextafterf(static_cast<float>(cap / size), 0.0f) : 1.0f;
}

// A head of Mamba-2: `held` is its state, [head_dim, d_state], where the block's threads find it best. The source gives dt(t), x(t, p), b(t, n) and
// c(t, n), takes emit(t, p, y) of y = h C from one thread a row, and end(t) from all of them.
template <int Threads, typename Source>
__device__ __forceinline__ void scan_capped(Source& source, float* held, int head_dim, int d_state, float a, float cap, int tokens) {
    __shared__ double scratch[Threads / 32];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    for (int t = 0; t < tokens; ++t) {
        const float dt = source.dt(t), decay = expf(dt * a);
        double squares = 0;
        for (int p = warp; p < head_dim; p += Threads / 32) {
            const float x = dt * source.x(t, p);
            for (int n = lane; n < d_state; n += 32) {
                const float h = fmaf(decay, held[p * d_state + n], x * source.b(t, n));
                held[p * d_state + n] = h;
                squares += static_cast<double>(h) * h;
            }
        }
        const float factor = cap_factor(sum_of_all<Threads>(squares, scratch), cap);
        for (int p = warp; p < head_dim; p += Threads / 32) {
            float y = 0;
            for (int n = lane; n < d_state; n += 32) {
                const float h = held[p * d_state + n] * factor;
                held[p * d_state + n] = h;
                y = fmaf(h, source.c(t, n), y);
            }
            y = warp_sum(y);
            if (lane == 0) source.emit(t, p, y);
        }
        source.end(t);
    }
}

// A block of Mamba-1's channels, a thread each; held: the block's part of shared memory, [capped_channels, d_state + 1]. The source gives dt(t),
// v(t), b(t, n) and c(t, n) of this thread's channel, and takes emit(t, y). there: whether there is such a channel.
template <typename Source>
__device__ __forceinline__ void scan_capped_channels(Source& source, float* held, float* state, const float* a, int d_state, float cap, int tokens,
                                                     bool there) {
    __shared__ double scratch[capped_channels / 32];
    float* const mine = held + threadIdx.x * (d_state + 1);
    for (int n = 0; n < d_state; ++n) mine[n] = there ? state[n] : 0.0f;
    for (int t = 0; t < tokens; ++t) {
        const float dt = there ? source.dt(t) : 0.0f, input = there ? dt * source.v(t) : 0.0f;
        double squares = 0;
        for (int n = 0; n < d_state && there; ++n) {
            const float h = fmaf(expf(dt * a[n]), mine[n], input * source.b(t, n));
            mine[n] = h;
            squares += static_cast<double>(h) * h;
        }
        const float factor = cap_factor(sum_of_all<capped_channels>(squares, scratch), cap);
        float y = 0;
        for (int n = 0; n < d_state && there; ++n) {
            mine[n] *= factor;
            y = fmaf(mine[n], source.c(t, n), y);
        }
        if (there) source.emit(t, y);
    }
    for (int n = 0; n < d_state && there; ++n) state[n] = mine[n];
}

#endif

}  // namespace mamba::cuda
