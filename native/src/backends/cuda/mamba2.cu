#include "backends/cuda/mamba2.h"

#include "backends/cuda/state_norm.cuh"

namespace mamba::cuda {
namespace {

constexpr int warps = 4, threads = 32 * warps;

// A warp has Rows rows of a head's state, 32 columns side by side in its lanes, Each times. Policied: parts have policies, of a window the
// newest state beside the other.
template <int Each, int Rows, bool Policied>
__global__ __launch_bounds__(threads) void scan(Batch batch, Mamba2Scan s) {
    allow_next();
    const int lane = threadIdx.x % 32;
    const int rows_a_block = warps * Rows, blocks_a_head = (s.head_dim + rows_a_block - 1) / rows_a_block;
    const int head = blockIdx.x / blocks_a_head, group = head / s.heads_a_group;
    const int first = blockIdx.x % blocks_a_head * rows_a_block + static_cast<int>(threadIdx.x) / 32 * Rows;
    float a = s.a[head];
    const float skip = s.d[head], bias = s.dt_bias[head];
    begin_dependent();
    const Part part = batch.parts[blockIdx.y];
    PartPolicy policy;
    if constexpr (Policied) {
        policy = batch.policies[blockIdx.y];
        if (policy.caps != nullptr) return;  // scan_heads_capped
        a = scaled_decay(policy, s.layer, a);
    }
    float* state = part.state + s.state + static_cast<int64_t>(head) * s.head_dim * s.d_state;
    float held[Rows][Each];
#pragma unroll
    for (int r = 0; r < Rows; ++r) {
#pragma unroll
        for (int i = 0; i < Each; ++i) {
            const int n = lane + 32 * i;
            held[r][i] = n < s.d_state && first + r < s.head_dim ? state[(first + r) * s.d_state + n] : 0.0f;
        }
    }
    float newest[Policied ? Rows : 1][Policied ? Each : 1];
    double steps = 0;
    if constexpr (Policied) {
        const float* const from = policy.newest != nullptr ? policy.newest + (state - part.state) : state;
#pragma unroll
        for (int r = 0; r < Rows; ++r) {
#pragma unroll
            for (int i = 0; i < Each; ++i) {
                const int n = lane + 32 * i;
                newest[r][i] = n < s.d_state && first + r < s.head_dim ? from[(first + r) * s.d_state + n] : 0.0f;
            }
        }
    }
    for (int64_t row = part.first_row; row < part.first_row + part.count; ++row) {
        float dt = fminf(fmaxf(softplus(s.dt[row * s.dt_stride + head] + bias), s.dt_min), s.dt_max), log_decay = dt * a;
        bool feeds = false, moves = false;
        if constexpr (Policied) {
            const int token = static_cast<int>(row - part.first_row);
            dt = policy_step(policy, s.layer, s.heads, head, token, dt);
            log_decay = fmaf(dt, a, policy.log_retention);
            steps += dt;
            feeds = policy.newest != nullptr && token >= policy.fed_from, moves = token > 0 && moves_before(policy, token);
        }
        const float decay = expf(log_decay);
        float b[Each], c[Each];
#pragma unroll
        for (int i = 0; i < Each; ++i) {
            const int n = lane + 32 * i;
            b[i] = n < s.d_state ? s.b[row * s.stride + group * s.d_state + n] : 0.0f;
            c[i] = n < s.d_state ? s.c[row * s.stride + group * s.d_state + n] : 0.0f;
        }
#pragma unroll
        for (int r = 0; r < Rows; ++r) {
            const int channel = head * s.head_dim + min(first + r, s.head_dim - 1);
            const float x = s.x[row * s.stride + channel];
            float y = 0;
#pragma unroll
            for (int i = 0; i < Each; ++i) {
                if constexpr (Policied) {
                    if (moves) held[r][i] = newest[r][i], newest[r][i] = 0;
                    if (feeds) newest[r][i] = fmaf(decay, newest[r][i], dt * x * b[i]);
                }
                held[r][i] = fmaf(decay, held[r][i], dt * x * b[i]);
                y = fmaf(held[r][i], c[i], y);
            }
            y = warp_sum(y);
            if constexpr (Policied) y *= policy.output_scale;
            if (lane != 0 || first + r >= s.head_dim) continue;
            y = fmaf(skip, x, y);
            if (s.z != nullptr) y *= silu(s.z[row * s.z_stride + channel]);
            s.y[row * s.y_stride + channel] = y;
        }
    }
#pragma unroll
    for (int r = 0; r < Rows; ++r) {
#pragma unroll
        for (int i = 0; i < Each; ++i) {
            const int n = lane + 32 * i;
            if (n < s.d_state && first + r < s.head_dim) state[(first + r) * s.d_state + n] = held[r][i];
        }
    }
    if constexpr (Policied) {
        if (policy.sums != nullptr && first == 0 && lane == 0) policy.sums[static_cast<int64_t>(s.layer) * s.heads + head] += steps;
        if (policy.newest == nullptr) return;
        float* const to = policy.newest + (state - part.state);
#pragma unroll
        for (int r = 0; r < Rows; ++r) {
#pragma unroll
            for (int i = 0; i < Each; ++i) {
                const int n = lane + 32 * i;
                if (n < s.d_state && first + r < s.head_dim) to[(first + r) * s.d_state + n] = newest[r][i];
            }
        }
    }
}

// A head's tokens, for scan_capped().
struct HeadTokens {
    const Mamba2Scan& s;
    const Part& part;
    const PartPolicy& policy;
    int head, group;
    float skip, bias;
    double steps = 0;

    __device__ int64_t row(int t) const { return part.first_row + t; }
    __device__ float dt(int t) {
        const float v = fminf(fmaxf(softplus(s.dt[row(t) * s.dt_stride + head] + bias), s.dt_min), s.dt_max);
        steps += v;
        return v;
    }
    __device__ float x(int t, int p) const { return s.x[row(t) * s.stride + head * s.head_dim + p]; }
    __device__ float b(int t, int n) const { return s.b[row(t) * s.stride + group * s.d_state + n]; }
    __device__ float c(int t, int n) const { return s.c[row(t) * s.stride + group * s.d_state + n]; }
    __device__ void emit(int t, int p, float y) const {
        y = fmaf(skip, x(t, p), y);
        const int channel = head * s.head_dim + p;
        if (s.z != nullptr) y *= silu(s.z[row(t) * s.z_stride + channel]);
        s.y[row(t) * s.y_stride + channel] = y;
    }
    __device__ void end(int) const {}
};

constexpr int capped_threads = 256;

__global__ __launch_bounds__(capped_threads) void scan_heads_capped(Batch batch, Mamba2Scan s) {
    allow_next();
    begin_dependent();
    const PartPolicy policy = batch.policies[blockIdx.y];
    if (policy.caps == nullptr) return;
    const Part part = batch.parts[blockIdx.y];
    const int head = static_cast<int>(blockIdx.x);
    HeadTokens tokens{s, part, policy, head, head / s.heads_a_group, s.d[head], s.dt_bias[head]};
    float* const state = part.state + s.state + static_cast<int64_t>(head) * s.head_dim * s.d_state;
    const int64_t step = static_cast<int64_t>(s.layer) * s.heads + head;
    scan_capped<capped_threads>(tokens, state, s.head_dim, s.d_state, s.a[head], policy.caps[step], part.count);
    if (policy.sums != nullptr && threadIdx.x == 0) policy.sums[step] += tokens.steps;
}

template <int Each>
void launch(const Queue& queue, dim3 grid, const Batch& batch, const Mamba2Scan& s) {
    constexpr int rows = 4;
    if (batch.policies != nullptr) queue.launch(scan<Each, rows, true>, grid, threads, 0, "the scan", batch, s);
    else queue.launch(scan<Each, rows, false>, grid, threads, 0, "the scan", batch, s);
}

}  // namespace

void mamba2_scan(const Queue& queue, const Batch& batch, const Mamba2Scan& s) {
    constexpr int rows = 4, rows_a_block = warps * rows;
    const dim3 grid(static_cast<unsigned>(s.heads * ((s.head_dim + rows_a_block - 1) / rows_a_block)), static_cast<unsigned>(batch.part_count));
    const int each = (s.d_state + 31) / 32;
    if (each <= 1) launch<1>(queue, grid, batch, s);
    else if (each <= 2) launch<2>(queue, grid, batch, s);
    else if (each <= 4) launch<4>(queue, grid, batch, s);
    else launch<8>(queue, grid, batch, s);
    if (!batch.capped) return;
    const dim3 heads(static_cast<unsigned>(s.heads), static_cast<unsigned>(batch.part_count));
    queue.launch(scan_heads_capped, heads, capped_threads, 0, "the scan", batch, s);
}

}  // namespace mamba::cuda
