#include "backends/cuda/mamba2.h"

namespace mamba::cuda {
namespace {

constexpr int warps = 4, threads = 32 * warps;

// A warp has Rows rows of a head's state, 32 columns side by side in its lanes, Each times.
template <int Each, int Rows>
__global__ __launch_bounds__(threads) void scan(Batch batch, Mamba2Scan s) {
    allow_next();
    const int lane = threadIdx.x % 32;
    const int rows_a_block = warps * Rows, blocks_a_head = (s.head_dim + rows_a_block - 1) / rows_a_block;
    const int head = blockIdx.x / blocks_a_head, group = head / s.heads_a_group;
    const int first = blockIdx.x % blocks_a_head * rows_a_block + static_cast<int>(threadIdx.x) / 32 * Rows;
    const float a = s.a[head], skip = s.d[head], bias = s.dt_bias[head];
    begin_dependent();
    const Part part = batch.parts[blockIdx.y];
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
    for (int64_t row = part.first_row; row < part.first_row + part.count; ++row) {
        const float dt = fminf(fmaxf(softplus(s.dt[row * s.dt_stride + head] + bias), s.dt_min), s.dt_max);
        const float decay = expf(dt * a);
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
                held[r][i] = fmaf(decay, held[r][i], dt * x * b[i]);
                y = fmaf(held[r][i], c[i], y);
            }
            y = warp_sum(y);
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
}

}  // namespace

void mamba2_scan(const Queue& queue, const Batch& batch, const Mamba2Scan& s) {
    constexpr int rows = 4, rows_a_block = warps * rows;
    const dim3 grid(static_cast<unsigned>(s.heads * ((s.head_dim + rows_a_block - 1) / rows_a_block)), static_cast<unsigned>(batch.part_count));
    const int each = (s.d_state + 31) / 32;
    if (each <= 1) queue.launch(scan<1, rows>, grid, threads, 0, "the scan", batch, s);
    else if (each <= 2) queue.launch(scan<2, rows>, grid, threads, 0, "the scan", batch, s);
    else if (each <= 4) queue.launch(scan<4, rows>, grid, threads, 0, "the scan", batch, s);
    else queue.launch(scan<8, rows>, grid, threads, 0, "the scan", batch, s);
}

}  // namespace mamba::cuda
