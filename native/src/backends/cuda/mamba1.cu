#include "backends/cuda/mamba1.h"

namespace mamba::cuda {
namespace {

constexpr int threads = 128;
// Lanes that share a channel's states, neighbours of which are neighbours in memory.
constexpr int lanes = 4, channels = threads / lanes;

// Each: states a lane holds.
template <int Each>
__global__ __launch_bounds__(threads) void scan(Batch batch, Mamba1Scan s) {
    allow_next();
    const int lane = threadIdx.x % lanes, channel = min(static_cast<int>(blockIdx.x) * channels + static_cast<int>(threadIdx.x) / lanes, s.d_inner - 1);
    const bool mine = static_cast<int>(blockIdx.x) * channels + static_cast<int>(threadIdx.x) / lanes < s.d_inner;
    float a[Each];
#pragma unroll
    for (int i = 0; i < Each; ++i) {
        const int n = lane * Each + i;
        a[i] = n < s.d_state ? s.a[static_cast<int64_t>(channel) * s.d_state + n] : 0.0f;
    }
    const float skip = s.d[channel], bias = s.dt_bias[channel];
    begin_dependent();
    const Part part = batch.parts[blockIdx.y];
    float* state = part.state + s.state + static_cast<int64_t>(channel) * s.d_state;
    float held[Each];
#pragma unroll
    for (int i = 0; i < Each; ++i) {
        const int n = lane * Each + i;
        held[i] = n < s.d_state ? state[n] : 0.0f;
    }
    for (int64_t row = part.first_row; row < part.first_row + part.count; ++row) {
        const float v = s.v[row * s.v_stride + channel], dt = softplus(s.dt[row * s.dt_stride + channel] + bias);
        const float* b = s.b + row * s.bc_stride;
        const float* c = s.c + row * s.bc_stride;
        float y = 0;
#pragma unroll
        for (int i = 0; i < Each; ++i) {
            const int n = lane * Each + i;
            if (n >= s.d_state) continue;
            held[i] = fmaf(expf(dt * a[i]), held[i], dt * b[n] * v);
            y = fmaf(c[n], held[i], y);
        }
#pragma unroll
        for (int step = lanes / 2; step > 0; step /= 2) y += __shfl_xor_sync(0xffffffffu, y, step);
        if (lane == 0 && mine) s.y[row * s.y_stride + channel] = fmaf(skip, v, y) * silu(s.z[row * s.z_stride + channel]);
    }
#pragma unroll
    for (int i = 0; i < Each; ++i) {
        const int n = lane * Each + i;
        if (n < s.d_state && mine) state[n] = held[i];
    }
}

}  // namespace

void mamba1_scan(const Queue& queue, const Batch& batch, const Mamba1Scan& s) {
    const dim3 grid(static_cast<unsigned>((s.d_inner + channels - 1) / channels), static_cast<unsigned>(batch.part_count));
    const int each = (s.d_state + lanes - 1) / lanes;
    if (each <= 4) queue.launch(scan<4>, grid, threads, 0, "the scan", batch, s);
    else queue.launch(scan<mamba1_most_states / lanes>, grid, threads, 0, "the scan", batch, s);
}

}  // namespace mamba::cuda
