#include "backends/cuda/mamba1.h"

#include "backends/cuda/state_norm.cuh"

namespace mamba::cuda {
namespace {

constexpr int threads = 128;
// Lanes that share a channel's states, neighbours of which are neighbours in memory.
constexpr int lanes = 4, channels = threads / lanes;

// Each: states a lane holds. Policied: parts have policies, of a window the newest state beside the other.
template <int Each, bool Policied>
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
    PartPolicy policy;
    if constexpr (Policied) {
        policy = batch.policies[blockIdx.y];
        if (policy.caps != nullptr) return;  // scan_channels_capped
#pragma unroll
        for (int i = 0; i < Each; ++i) a[i] = scaled_decay(policy, s.layer, a[i]);
    }
    float* state = part.state + s.state + static_cast<int64_t>(channel) * s.d_state;
    float held[Each];
#pragma unroll
    for (int i = 0; i < Each; ++i) {
        const int n = lane * Each + i;
        held[i] = n < s.d_state ? state[n] : 0.0f;
    }
    float newest[Policied ? Each : 1];
    double steps = 0;
    if constexpr (Policied) {
        const float* const from = policy.newest != nullptr ? policy.newest + (state - part.state) : state;
#pragma unroll
        for (int i = 0; i < Each; ++i) newest[i] = lane * Each + i < s.d_state ? from[lane * Each + i] : 0.0f;
    }
    for (int64_t row = part.first_row; row < part.first_row + part.count; ++row) {
        const float v = s.v[row * s.v_stride + channel];
        float dt = softplus(s.dt[row * s.dt_stride + channel] + bias);
        bool feeds = false, moves = false;
        if constexpr (Policied) {
            const int token = static_cast<int>(row - part.first_row);
            dt = policy_step(policy, s.layer, s.d_inner, channel, token, dt);
            steps += dt;
            feeds = policy.newest != nullptr && token >= policy.fed_from, moves = token > 0 && moves_before(policy, token);
        }
        const float* b = s.b + row * s.bc_stride;
        const float* c = s.c + row * s.bc_stride;
        float y = 0;
#pragma unroll
        for (int i = 0; i < Each; ++i) {
            const int n = lane * Each + i;
            if (n >= s.d_state) continue;
            if constexpr (Policied) {
                const float decay = expf(fmaf(dt, a[i], policy.log_retention)), input = dt * b[n] * v;
                if (moves) held[i] = newest[i], newest[i] = 0;
                if (feeds) newest[i] = fmaf(decay, newest[i], input);
                held[i] = fmaf(decay, held[i], input);
            } else {
                held[i] = fmaf(expf(dt * a[i]), held[i], dt * b[n] * v);
            }
            y = fmaf(c[n], held[i], y);
        }
#pragma unroll
        for (int step = lanes / 2; step > 0; step /= 2) y += __shfl_xor_sync(0xffffffffu, y, step);
        if constexpr (Policied) y *= policy.output_scale;
        if (lane == 0 && mine) s.y[row * s.y_stride + channel] = fmaf(skip, v, y) * silu(s.z[row * s.z_stride + channel]);
    }
#pragma unroll
    for (int i = 0; i < Each; ++i) {
        const int n = lane * Each + i;
        if (n < s.d_state && mine) state[n] = held[i];
    }
    if constexpr (Policied) {
        if (policy.sums != nullptr && lane == 0 && mine) policy.sums[static_cast<int64_t>(s.layer) * s.d_inner + channel] += steps;
        if (policy.newest == nullptr || !mine) return;
        float* const to = policy.newest + (state - part.state);
#pragma unroll
        for (int i = 0; i < Each; ++i) {
            if (lane * Each + i < s.d_state) to[lane * Each + i] = newest[i];
        }
    }
}

// A channel's tokens, for scan_capped_channels().
struct ChannelTokens {
    const Mamba1Scan& s;
    const Part& part;
    int channel;
    double steps = 0;

    __device__ int64_t row(int t) const { return part.first_row + t; }
    __device__ float dt(int t) {
        const float v = softplus(s.dt[row(t) * s.dt_stride + channel] + s.dt_bias[channel]);
        steps += v;
        return v;
    }
    __device__ float v(int t) const { return s.v[row(t) * s.v_stride + channel]; }
    __device__ float b(int t, int n) const { return s.b[row(t) * s.bc_stride + n]; }
    __device__ float c(int t, int n) const { return s.c[row(t) * s.bc_stride + n]; }
    __device__ void emit(int t, float y) const {
        s.y[row(t) * s.y_stride + channel] = fmaf(s.d[channel], v(t), y) * silu(s.z[row(t) * s.z_stride + channel]);
    }
};

__global__ __launch_bounds__(capped_channels) void scan_channels_capped(Batch batch, Mamba1Scan s) {
    allow_next();
    extern __shared__ float held[];
    begin_dependent();
    const PartPolicy policy = batch.policies[blockIdx.y];
    if (policy.caps == nullptr) return;
    const Part part = batch.parts[blockIdx.y];
    const int channel = static_cast<int>(blockIdx.x * capped_channels + threadIdx.x);
    const bool there = channel < s.d_inner;
    ChannelTokens tokens{s, part, there ? channel : 0};
    const int64_t of_channel = static_cast<int64_t>(tokens.channel) * s.d_state;
    scan_capped_channels(tokens, held, part.state + s.state + of_channel, s.a + of_channel, s.d_state,
                         policy.caps[static_cast<int64_t>(s.layer) * gridDim.x + blockIdx.x], part.count, there);
    if (policy.sums != nullptr && there) policy.sums[static_cast<int64_t>(s.layer) * s.d_inner + channel] += tokens.steps;
}

template <int Each>
void launch(const Queue& queue, dim3 grid, const Batch& batch, const Mamba1Scan& s) {
    if (batch.policies != nullptr) queue.launch(scan<Each, true>, grid, threads, 0, "the scan", batch, s);
    else queue.launch(scan<Each, false>, grid, threads, 0, "the scan", batch, s);
}

}  // namespace

void mamba1_scan(const Queue& queue, const Batch& batch, const Mamba1Scan& s) {
    const dim3 grid(static_cast<unsigned>((s.d_inner + channels - 1) / channels), static_cast<unsigned>(batch.part_count));
    const int each = (s.d_state + lanes - 1) / lanes;
    if (each <= 4) launch<4>(queue, grid, batch, s);
    else launch<mamba1_most_states / lanes>(queue, grid, batch, s);
    if (!batch.capped) return;
    const dim3 blocks(static_cast<unsigned>((s.d_inner + capped_channels - 1) / capped_channels), static_cast<unsigned>(batch.part_count));
    const size_t bytes = capped_channels * static_cast<size_t>(s.d_state + 1) * sizeof(float);
    queue.launch(scan_channels_capped, blocks, capped_channels, bytes, "the scan", batch, s);
}

}  // namespace mamba::cuda
