// The kernel of stream.h for one type of weights; each type is a file of its own, so that they compile side by side.
#pragma once

#include <algorithm>

#include "backends/cuda/cluster.cuh"
#include "backends/cuda/dequantize.cuh"
#include "backends/cuda/operand.cuh"
#include "backends/cuda/stream.h"

namespace mamba::cuda {
namespace {

constexpr int stream_threads = 256;
// Of the weights a warp has 32 rows of a block's 128, and half of each chunk's columns, so that what it reads of x meets 32 rows.
constexpr int warp_rows = 32, halves = 2, block_rows = stream_block_rows;
static_assert(block_rows == stream_threads / 32 / halves * warp_rows, "all warps have rows");
constexpr int chunk_cols = 64, chunk_bytes = 128;  // of a row of x
constexpr int sums_stride = block_rows + 4;  // so that a warp's writes meet in no bank

// Four 16-bit pairs, the operand of the tensor cores, of eight weights.
template <int Type>
__device__ __forceinline__ uint4 narrowed(const Eight<Type>& eight) {
    float v[8];
    eight.widen(v);
    return make_uint4(narrow_pair<__nv_bfloat16>(v[0], v[1]), narrow_pair<__nv_bfloat16>(v[2], v[3]), narrow_pair<__nv_bfloat16>(v[4], v[5]),
                      narrow_pair<__nv_bfloat16>(v[6], v[7]));
}

__device__ __forceinline__ float4 added(const float4& a, const float4& b) { return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }

// A stage of shared memory: 64 columns of x, and of the block's weights where those are BF16: only copies to shared memory are under
// way in any number, while a warp waits for all of its loads to registers at once. Quantized weights come to registers, some chunks at a time.
template <int Type, int Tiles>
struct StreamStage {
    static constexpr bool weights = Type == MAMBA_WEIGHT_BF16;
    static constexpr int x_bytes = 8 * Tiles * chunk_bytes, bytes = x_bytes + (weights ? block_rows * chunk_bytes : 0);
    static constexpr int count = weights ? static_cast<int>(stream_shared_bytes) / bytes : 4;
    static constexpr int depth = weights ? 1 : sizeof(Eight<Type>) > 16 ? 2 : 3;  // chunks in registers
};

// Weight rows are the rows of 16 x 8 x 16 products and rows of x their columns. A lane reads 16 consecutive bytes of four weight rows and as
// much of a row of x: which of 32 columns is which k of a product does not matter, as long as both sides agree. A block has 128 weight rows
// and its part of the columns; the blocks of a cluster have the other parts, and add up theirs at the end, each for some rows of x.
template <int Type, int Tiles>
__global__ __launch_bounds__(stream_threads, 2) void stream_rows(Weight w, StreamProduct p) {
    allow_next();
    using Number = __nv_bfloat16;
    using Stage = StreamStage<Type, Tiles>;
    constexpr int most_rows = 8 * Tiles, depth = Stage::depth, quarters = warp_rows / 8;
    extern __shared__ __align__(128) unsigned char shared[];
    __shared__ float squares[stream_threads / most_streamed_rows][most_streamed_rows];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, g = lane / 4, q = lane % 4, half = warp % halves;
    const int splits = static_cast<int>(gridDim.x), part = static_cast<int>(blockIdx.x);
    const int chunks = w.cols / chunk_cols, begin = chunks * part / splits, end = chunks * (part + 1) / splits;
    const int first = static_cast<int>(blockIdx.y) * block_rows, warp_first = warp / halves * warp_rows;
    const unsigned char* rows[quarters];
#pragma unroll
    for (int i = 0; i < quarters; ++i) rows[i] = w.data + min(first + warp_first + 8 * i + g, w.rows - 1) * w.pitch;

    // Copies are asked for chunk by chunk, so addresses only move on. Of the weights a lane brings what it will read itself.
    const uint32_t stages = shared_address(shared), own_piece = static_cast<uint32_t>(Stage::x_bytes + warp * quarters * 512 + lane * 16);
    constexpr uint32_t stages_end = Stage::count * Stage::bytes;
    const unsigned char* weights_from[quarters];
#pragma unroll
    for (int i = 0; i < quarters; ++i) weights_from[i] = rows[i] + begin * chunk_bytes + half * 64 + q * 16;
    const auto bring = [&](uint32_t stage) {
#pragma unroll
        for (int i = 0; i < quarters; ++i) {
            copy_16(stages + stage + own_piece + i * 512, weights_from[i], true);
            weights_from[i] += chunk_bytes;
        }
    };
    Eight<Type> ahead[depth][quarters];
    const auto ask = [&](Eight<Type> (&to)[quarters], int chunk) {
        if (chunk >= end) return;
#pragma unroll
        for (int i = 0; i < quarters; ++i) to[i].load(rows[i], w.cols, chunk * chunk_cols + half * 32 + 8 * q);
    };
    if constexpr (Stage::weights) {
#pragma unroll
        for (int i = 0; i < Stage::count - 1; ++i) {
            if (begin + i < end) bring(i * Stage::bytes);
        }
    } else {
#pragma unroll
        for (int d = 0; d < depth; ++d) ask(ahead[d], begin + d);
    }
    begin_dependent();

    // Eight threads bring a row of x.
    constexpr int x_rows = stream_threads / 8, x_times = (most_rows + x_rows - 1) / x_rows;
    const int x_row = static_cast<int>(threadIdx.x) / 8, x_unit = static_cast<int>(threadIdx.x) % 8;
    const uint32_t x_piece = static_cast<uint32_t>(x_row * chunk_bytes + (x_unit ^ x_row % 2 * 4) * 16);
    const Number* x_from[x_times];
#pragma unroll
    for (int i = 0; i < x_times; ++i) {
        x_from[i] = static_cast<const Number*>(p.x.data) + min(x_row + i * x_rows, p.rows - 1) * p.x.stride + begin * chunk_cols + x_unit * 8;
    }
    const auto copy = [&](uint32_t stage) {
#pragma unroll
        for (int i = 0; i < x_times; ++i) {
            if (x_rows * (i + 1) > most_rows && x_row + i * x_rows >= most_rows) break;
            copy_16(stages + stage + x_piece + i * x_rows * chunk_bytes, x_from[i], x_row + i * x_rows < p.rows);
            x_from[i] += chunk_cols;
        }
    };
#pragma unroll
    for (int i = 0; i < Stage::count - 1; ++i) {
        if (begin + i < end) copy(i * Stage::bytes);
        end_copies();
    }
    {
        const int row = threadIdx.x % most_streamed_rows, slice = threadIdx.x / most_streamed_rows;
        float sum = 0;
        if (row < p.rows) {
#pragma unroll 8
            for (int i = slice; i < p.x.parts; i += stream_threads / most_streamed_rows) sum += p.x.squares[i * most_streamed_rows + row];
        }
        squares[slice][row] = sum;
    }

    float sums[quarters / 2][Tiles][4] = {};
    const uint32_t mine = static_cast<uint32_t>(g * chunk_bytes + ((half * 4 + q) ^ g % 2 * 4) * 16);
    uint32_t at = 0, free = (Stage::count - 1) * Stage::bytes;  // the stages that are read and written next
#pragma unroll 1
    for (int chunk = begin; chunk < end; chunk += depth) {
#pragma unroll
        for (int d = 0; d < depth; ++d) {
            if (chunk + d >= end) break;
            copies_left<Stage::count - 2>();
            __syncthreads();  // the stage is here for all, and nobody reads the one before any more
            if (chunk + d + Stage::count - 1 < end) {
                if constexpr (Stage::weights) bring(free);
                copy(free);
            }
            end_copies();
            const uint32_t stage = stages + at;
            free = at;
            at = at + Stage::bytes == stages_end ? 0 : at + Stage::bytes;
            uint4 weights[quarters];
#pragma unroll
            for (int i = 0; i < quarters; ++i) {
                if constexpr (Stage::weights) weights[i] = shared_four(stage + own_piece + i * 512);
                else weights[i] = narrowed(ahead[d][i]);
            }
#pragma unroll
            for (int t = 0; t < Tiles; ++t) {
                const uint4 x = shared_four(stage + mine + static_cast<uint32_t>(t * 8 * chunk_bytes));
#pragma unroll
                for (int i = 0; i < quarters / 2; ++i) {
                    const uint4 &a = weights[2 * i], &b = weights[2 * i + 1];
                    multiply_add<Number>(sums[i][t], a.x, b.x, a.y, b.y, x.x, x.y);
                    multiply_add<Number>(sums[i][t], a.z, b.z, a.w, b.w, x.z, x.w);
                }
            }
            if constexpr (!Stage::weights) ask(ahead[d], chunk + d + depth);
        }
    }
    copies_left<0>();
    __syncthreads();

    // [halves][most_rows][sums_stride], over the stages.
    float* const own = reinterpret_cast<float*>(shared);
#pragma unroll
    for (int i = 0; i < quarters / 2; ++i) {
#pragma unroll
        for (int t = 0; t < Tiles; ++t) {
            float* const to = own + (half * most_rows + t * 8 + 2 * q) * sums_stride + warp_first + i * 16 + g;
            to[0] = sums[i][t][0];
            to[sums_stride] = sums[i][t][1];
            to[8] = sums[i][t][2];
            to[sums_stride + 8] = sums[i][t][3];
        }
    }
    if (splits > 1) cluster_meet();
    else __syncthreads();

    const int col = first + lane * 4;
    const bool there = col < w.rows;
#pragma unroll 2
    for (int m = part * (stream_threads / 32) + warp; m < p.rows; m += splits * (stream_threads / 32)) {
        float* const to = p.y + m * p.y_stride + col;
        float4 result = make_float4(0, 0, 0, 0), bias = result, weight = result;
        if (there && p.add) result = *reinterpret_cast<const float4*>(to);
        if (there && p.bias != nullptr) bias = *reinterpret_cast<const float4*>(p.bias + col);
        if (there && p.next.data != nullptr) weight = *reinterpret_cast<const float4*>(p.next_weight + col);
        float scale = 1.0f;
        if (p.x.parts > 0) {
            float sum = 0;
#pragma unroll
            for (int i = 0; i < stream_threads / most_streamed_rows; ++i) sum += squares[i][m];
            scale = 1.0f / sqrtf(sum / static_cast<float>(w.cols) + p.eps);
        }
        const float* const part_at = own + m * sums_stride + lane * 4;
        float4 sum = make_float4(0, 0, 0, 0);
        if (splits == 1) {
            sum = added(*reinterpret_cast<const float4*>(part_at), *reinterpret_cast<const float4*>(part_at + most_rows * sums_stride));
        } else {
            float4 parts[most_cluster][halves];
#pragma unroll
            for (int i = 0; i < most_cluster; ++i) {
                if (i >= splits) continue;
                parts[i][0] = of_cluster(part_at, i);
                parts[i][1] = of_cluster(part_at + most_rows * sums_stride, i);
            }
#pragma unroll
            for (int i = 0; i < most_cluster; ++i) {
                if (i < splits) sum = added(sum, added(parts[i][0], parts[i][1]));
            }
        }
        result.x = fmaf(sum.x, scale, result.x + bias.x);
        result.y = fmaf(sum.y, scale, result.y + bias.y);
        result.z = fmaf(sum.z, scale, result.z + bias.z);
        result.w = fmaf(sum.w, scale, result.w + bias.w);
        if (there) *reinterpret_cast<float4*>(to) = result;
        if (p.next.data == nullptr) continue;
        float all = there ? result.x * result.x + result.y * result.y + (result.z * result.z + result.w * result.w) : 0.0f;
        all = warp_sum(all);
        if (lane == 0) p.next.squares[static_cast<int>(blockIdx.y) * most_streamed_rows + m] = all;
        if (there) {
            *reinterpret_cast<uint2*>(static_cast<Number*>(p.next.data) + m * p.next.stride + col) =
                make_uint2(narrow_pair<Number>(result.x * weight.x, result.y * weight.y), narrow_pair<Number>(result.z * weight.z, result.w * weight.w));
        }
    }
    if (splits > 1) cluster_leave();
}

template <int Type, int Tiles>
void launch_stream(const Queue& queue, const Weight& w, const StreamProduct& p) {
    using Stage = StreamStage<Type, Tiles>;
    constexpr int bytes = std::max(Stage::count * Stage::bytes, halves * 8 * Tiles * sums_stride * static_cast<int>(sizeof(float)));
    // Each time: it holds for the current device alone.
    check(cudaFuncSetAttribute(stream_rows<Type, Tiles>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
          "a product's shared memory");
    const int blocks = (w.rows + block_rows - 1) / block_rows, chunks = w.cols / chunk_cols;
    // Parts enough for each multiprocessor to have a block, some two; the same for any number of rows.
    const int splits = queue.overlap ? std::max(1, std::min({(queue.units * 5 / 4 + blocks / 2) / blocks, chunks / 2, most_cluster})) : 1;
    queue.launch_clusters(stream_rows<Type, Tiles>, dim3(static_cast<unsigned>(splits), static_cast<unsigned>(blocks)),
                          static_cast<unsigned>(splits), stream_threads, bytes, "a product", w, p);
}

}  // namespace

template <int Type>
void stream_any(const Queue& queue, const Weight& w, const StreamProduct& p) {
    if (p.rows <= 16) launch_stream<Type, 2>(queue, w, p);
    else if (p.rows <= 32) launch_stream<Type, 4>(queue, w, p);
    else launch_stream<Type, 8>(queue, w, p);
}

}  // namespace mamba::cuda
