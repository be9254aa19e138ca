// The kernels of project.h for one type of weights: each type is a file of its own, so that they compile side by side.
#pragma once

#include <algorithm>

#include "backends/cuda/dequantize.cuh"
#include "backends/cuda/project.h"

namespace mamba::cuda {
namespace {

// Few rows: a block has its share of the weight rows, and its warps equal shares of those, cut at chunks of 256 columns wherever that falls.
// A lane reads 16 bytes at a time, so a warp reads 512 consecutive bytes, several such chunks under way; the first do not depend on earlier
// kernels and are asked for before those end. x is in shared memory. What warps have of a row is added in the order of its columns.
template <int Type, int M>
__global__ __launch_bounds__(few_threads, M == 1 ? 2 : 1) void few_rows(Weight w, Product p) {
    allow_next();
    constexpr int warps = few_threads / 32;
    constexpr int depth = sizeof(Eight<Type>) > 16 ? 3 : 6;
    // [M][2][eighths] of float4: the first four of every eight columns, then the others, so that lanes read neighbouring banks.
    extern __shared__ float4 shared[];
    __shared__ float partial[M][warps];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, m0 = blockIdx.y * M;
    const int chunks = (w.padded_cols + warp_cols - 1) / warp_cols, eighths = chunks * (warp_cols / 8);
    const int share = (w.rows + static_cast<int>(gridDim.x) - 1) / static_cast<int>(gridDim.x), first = blockIdx.x * share;
    const int count = max(0, min(share, w.rows - first)), units = count * chunks;
    const int begin = units * warp / warps, end = units * (warp + 1) / warps;

    Eight<Type> ahead[depth];
    int asked = begin, asked_chunk = chunks > 0 ? begin % chunks : 0;
    const unsigned char* asked_row = w.data + static_cast<int64_t>(first + begin / chunks) * w.pitch;
    const auto ask = [&](Eight<Type>& to) {
        if (asked >= end) return;
        const int col = asked_chunk * warp_cols + lane * 8;
        if (col < w.padded_cols) to.load(asked_row, w.cols, col);
        ++asked;
        if (++asked_chunk == chunks) {
            asked_chunk = 0;
            asked_row += w.pitch;
        }
    };
#pragma unroll
    for (int d = 0; d < depth; ++d) ask(ahead[d]);
    begin_dependent();

    // Thread m * count + j adds up row j for row m of x; what is there already comes now.
    float before = 0;
    if (threadIdx.x < M * count) {
        const int m = m0 + threadIdx.x / count, j = first + threadIdx.x % count;
        if (p.add && m < p.rows) before = p.y[static_cast<int64_t>(m) * p.y_stride + j];
    }

    // With one group the root mean square is divided by at the end, and needs no pass of its own.
    const int groups = p.norm_group > 0 ? w.cols / p.norm_group : 0;
    float* const slots = reinterpret_cast<float*>(shared + M * 2 * eighths);  // [M][share + warps]
    float* const scales = slots + M * (share + warps);                       // [M][groups], of several
    if (groups > 1) {
        for (int m = 0; m < M; ++m) {
            const float* x = p.x + static_cast<int64_t>(min(m0 + m, p.rows - 1)) * p.x_stride;
            for (int g = 0; g < groups; ++g) {
                float sum = 0;
                for (int i = threadIdx.x; i < p.norm_group; i += few_threads) sum = fmaf(x[g * p.norm_group + i], x[g * p.norm_group + i], sum);
                sum = block_sum<few_threads>(sum, partial[m]);
                if (threadIdx.x == 0) scales[m * groups + g] = 1.0f / sqrtf(sum / static_cast<float>(p.norm_group) + p.norm_eps);
                __syncthreads();
            }
        }
    }
    for (int i = threadIdx.x; i < M * (share + warps); i += few_threads) slots[i] = 0;  // a warp without a chunk of a row has nothing of it
    const bool aligned = p.x_stride % 4 == 0 && w.cols % 4 == 0 && reinterpret_cast<size_t>(p.x) % 16 == 0;
#pragma unroll
    for (int m = 0; m < M; ++m) {
        const float* x = p.x + static_cast<int64_t>(min(m0 + m, p.rows - 1)) * p.x_stride;
        float squares = 0;
#pragma unroll 4
        for (int quad = threadIdx.x; quad < 2 * eighths; quad += few_threads) {
            const int col = 4 * quad;
            float v[4] = {}, factor[4] = {1, 1, 1, 1};
            if (aligned && col < w.cols) {
                const float4 four = *reinterpret_cast<const float4*>(x + col);
                v[0] = four.x, v[1] = four.y, v[2] = four.z, v[3] = four.w;
                if (p.norm_weight != nullptr) {
                    const float4 weights = __ldg(reinterpret_cast<const float4*>(p.norm_weight + col));
                    factor[0] = weights.x, factor[1] = weights.y, factor[2] = weights.z, factor[3] = weights.w;
                }
            } else {
#pragma unroll
                for (int k = 0; k < 4; ++k) {
                    if (col + k >= w.cols) continue;
                    v[k] = x[col + k];
                    if (p.norm_weight != nullptr) factor[k] = p.norm_weight[col + k];
                }
            }
            squares += v[0] * v[0] + v[1] * v[1] + v[2] * v[2] + v[3] * v[3];
            if (groups > 1) {
#pragma unroll
                for (int k = 0; k < 4; ++k) factor[k] *= col + k < w.cols ? scales[m * groups + (col + k) / p.norm_group] : 0.0f;
            }
            shared[(m * 2 + quad % 2) * eighths + quad / 2] = make_float4(v[0] * factor[0], v[1] * factor[1], v[2] * factor[2], v[3] * factor[3]);
        }
        squares = warp_sum(squares);
        if (lane == 0) partial[m][warp] = squares;
    }
    __syncthreads();

    // A warp's part of row j is in slot j + warp: rows of the next warp do not come before its last.
    float sums[M] = {};
    int chunk = chunks > 0 ? begin % chunks : 0, row = chunks > 0 ? begin / chunks : 0;
    const auto put = [&] {
#pragma unroll
        for (int m = 0; m < M; ++m) {
            const float sum = warp_sum(sums[m]);
            if (lane == 0) slots[m * (share + warps) + row + warp] = sum;
            sums[m] = 0;
        }
        chunk = 0;
        ++row;
    };
    for (int start = begin; start < end; start += depth) {
#pragma unroll
        for (int d = 0; d < depth; ++d) {
            if (start + d >= end) break;
            const int eighth = chunk * (warp_cols / 8) + lane;
            if (eighth * 8 < w.padded_cols) {
                float weights[8];
                ahead[d].widen(weights);
#pragma unroll
                for (int m = 0; m < M; ++m) {
                    const float4 low = shared[m * 2 * eighths + eighth], high = shared[(m * 2 + 1) * eighths + eighth];
                    float sum = sums[m];
                    sum = fmaf(weights[0], low.x, sum);
                    sum = fmaf(weights[1], low.y, sum);
                    sum = fmaf(weights[2], low.z, sum);
                    sum = fmaf(weights[3], low.w, sum);
                    sum = fmaf(weights[4], high.x, sum);
                    sum = fmaf(weights[5], high.y, sum);
                    sum = fmaf(weights[6], high.z, sum);
                    sums[m] = fmaf(weights[7], high.w, sum);
                }
            }
            ask(ahead[d]);
            if (++chunk == chunks) put();
        }
    }
    if (begin < end && chunk != 0) put();
    __syncthreads();

    for (int i = threadIdx.x; i < M * count; i += few_threads) {
        const int m = i / count, j = i % count;
        if (m0 + m >= p.rows) continue;
        float* const to = p.y + static_cast<int64_t>(m0 + m) * p.y_stride + first + j;
        float scale = 1.0f;
        if (groups == 1) {
            float squares = 0;
#pragma unroll
            for (int k = 0; k < warps; ++k) squares += partial[m][k];
            scale = 1.0f / sqrtf(squares / static_cast<float>(w.cols) + p.norm_eps);
        }
        // Unit u belongs to the last warp that begins at or before it.
        const int from = ((j * chunks + 1) * warps - 1) / units, until = ((j + 1) * chunks * warps - 1) / units;
        float sum = 0;
        for (int k = from; k <= until; ++k) sum += slots[m * (share + warps) + j + k];
        if (p.add && i >= few_threads) before = *to;
        *to = fmaf(sum, scale, (p.add ? before : 0.0f) + (p.bias != nullptr ? p.bias[first + j] : 0.0f));
    }
}

constexpr int tile_threads = 256;

// Many rows, in FP32: tiles of 64 x 64 over 32 columns at a time, 4 x 4 a thread.
template <int Type>
__global__ __launch_bounds__(tile_threads) void many_rows(Weight w, Product p) {
    allow_next();
    constexpr int side = 64, depth = 32, pad = 4;
    __shared__ float xs[depth][side + pad], ws[depth][side + pad];
    begin_dependent();
    const int j0 = blockIdx.x * side, m0 = blockIdx.y * side;
    const int row = threadIdx.x / 4, eight = threadIdx.x % 4 * 8;  // what this thread brings
    const int tx = threadIdx.x % 16 * 4, ty = threadIdx.x / 16 * 4;  // what it computes
    const unsigned char* weights = w.data + static_cast<int64_t>(min(j0 + row, w.rows - 1)) * w.pitch;
    const float* x = p.x + static_cast<int64_t>(min(m0 + row, p.rows - 1)) * p.x_stride;
    float sums[4][4] = {};
    for (int start = 0; start < w.padded_cols; start += depth) {
        const int col = start + eight;
        float wide[8] = {}, values[8] = {};
        if (col < w.padded_cols) {
            Eight<Type> numbers;
            numbers.load(weights, w.cols, col);
            numbers.widen(wide);
#pragma unroll
            for (int k = 0; k < 8; ++k) values[k] = col + k < w.cols ? x[col + k] : 0.0f;
        }
        __syncthreads();
#pragma unroll
        for (int k = 0; k < 8; ++k) {
            ws[eight + k][row] = wide[k];
            xs[eight + k][row] = values[k];
        }
        __syncthreads();
#pragma unroll
        for (int k = 0; k < depth; ++k) {
            const float4 a = *reinterpret_cast<const float4*>(&xs[k][ty]), b = *reinterpret_cast<const float4*>(&ws[k][tx]);
            const float av[4] = {a.x, a.y, a.z, a.w}, bv[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
            for (int i = 0; i < 4; ++i) {
#pragma unroll
                for (int j = 0; j < 4; ++j) sums[i][j] = fmaf(av[i], bv[j], sums[i][j]);
            }
        }
    }
    for (int i = 0; i < 4; ++i) {
        for (int j = 0; j < 4; ++j) {
            if (m0 + ty + i >= p.rows || j0 + tx + j >= w.rows) continue;
            float* y = p.y + static_cast<int64_t>(m0 + ty + i) * p.y_stride + j0 + tx + j;
            *y = (p.add ? *y : 0.0f) + (p.bias != nullptr ? p.bias[j0 + tx + j] : 0.0f) + sums[i][j];
        }
    }
}

template <int Type, int M>
void launch_few(const Queue& queue, const Weight& w, const Product& p) {
    const auto kernel = few_rows<Type, M>;
    // Each time: it holds for the current device alone.
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(most_shared)),
          "a product's shared memory");
    const dim3 grid(static_cast<unsigned>(queue.units), static_cast<unsigned>((p.rows + M - 1) / M));
    queue.launch(kernel, grid, few_threads, shared_bytes(queue, w, p, M), "a product", w, p);
}

}  // namespace

// In FP32, for every type.
template <int Type>
void project_any(const Queue& queue, const Weight& w, const Product& p) {
    if (p.rows > most_few_rows || shared_bytes(queue, w, p, 1) > most_shared) {
        const dim3 grid(static_cast<unsigned>((w.rows + 63) / 64), static_cast<unsigned>((p.rows + 63) / 64));
        queue.launch(many_rows<Type>, grid, tile_threads, 0, "a product", w, p);
    } else if (p.rows > 2 && shared_bytes(queue, w, p, 4) <= most_shared) {
        launch_few<Type, 4>(queue, w, p);
    } else if (p.rows > 1 && shared_bytes(queue, w, p, 2) <= most_shared) {
        launch_few<Type, 2>(queue, w, p);
    } else {
        launch_few<Type, 1>(queue, w, p);
    }
}

}  // namespace mamba::cuda
