// Products of FP32, every one of them an FP32 multiply-add: no tensor core takes FP32 without rounding it. A block computes 128 x 128 of
// y, a thread 8 x 8, from 16 columns of k at a time in shared memory, the next of which are read meanwhile.
#include "backends/cuda/gemm_tile.cuh"

namespace mamba::cuda {
namespace {

constexpr int size = 128, depth = 16, threads = 256, pitch = size + 4;

__global__ __launch_bounds__(threads, 2) void multiply(Gemm g) {
    __shared__ __align__(16) float x_tile[2][depth][pitch], w_tile[2][depth][pitch];
    const Tile tile = tile_of<size, size>(g, static_cast<int>(blockIdx.x));
    const int across = threadIdx.x % 16 * 4, down = threadIdx.x / 16 * 4;  // of two groups of four each, 64 apart
    const int load_row = threadIdx.x / 4, load_col = threadIdx.x % 4 * 4;
    const auto* const x = static_cast<const float*>(g.x);
    const auto* const w = static_cast<const float*>(g.w);
    float4 x_next[2], w_next[2];
    const auto read = [&](int first) {
        const int col = first + load_col;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const int row = load_row + i * 64;
            const bool inside = col < g.k;
            x_next[i] = w_next[i] = make_float4(0, 0, 0, 0);
            if (inside && tile.row + row < g.m) x_next[i] = *reinterpret_cast<const float4*>(x + (tile.row + row) * g.x_stride + col);
            if (inside && tile.col + row < g.n) w_next[i] = *reinterpret_cast<const float4*>(w + (tile.col + row) * g.w_stride + col);
        }
    };
    const auto put = [&](int which) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const int row = load_row + i * 64;
            const float a[4] = {x_next[i].x, x_next[i].y, x_next[i].z, x_next[i].w};
            const float b[4] = {w_next[i].x, w_next[i].y, w_next[i].z, w_next[i].w};
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                x_tile[which][load_col + j][row] = a[j];
                w_tile[which][load_col + j][row] = b[j];
            }
        }
    };

    float sums[8][8] = {};
    begin_dependent();
    allow_next();
    read(0);
    put(0);
    __syncthreads();
    for (int first = 0, which = 0; first < g.k; first += depth, which ^= 1) {
        const bool more = first + depth < g.k;
        if (more) read(first + depth);
#pragma unroll
        for (int k = 0; k < depth; ++k) {
            float a[8], b[8];
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                *reinterpret_cast<float4*>(a + i * 4) = *reinterpret_cast<const float4*>(&x_tile[which][k][down + i * 64]);
                *reinterpret_cast<float4*>(b + i * 4) = *reinterpret_cast<const float4*>(&w_tile[which][k][across + i * 64]);
            }
#pragma unroll
            for (int i = 0; i < 8; ++i) {
#pragma unroll
                for (int j = 0; j < 8; ++j) sums[i][j] = fmaf(a[i], b[j], sums[i][j]);
            }
        }
        if (more) put(which ^ 1);
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < 8; ++i) {
#pragma unroll
        for (int j = 0; j < 8; j += 2) {
            write_pair<float>(g, tile.row + down + i % 4 + i / 4 * 64, tile.col + across + j % 4 + j / 4 * 64, sums[i][j], sums[i][j + 1]);
        }
    }
}

}  // namespace

bool gemm_f32(const Queue& queue, const Gemm& g) {
    if (g.type != MAMBA_WEIGHT_F32 || g.k % 4 != 0) return false;
    queue.launch(multiply, dim3(tile_count<size, size>(g)), threads, 0, "a product", g);
    return true;
}

}  // namespace mamba::cuda
