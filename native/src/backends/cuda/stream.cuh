// The kernel of stream.h for one type of weights; each type is a file of its own, so that they compile side by side.
#pragma once

#include <algorithm>

#include "backends/cuda/cluster.cuh"
#include "backends/cuda/dequantize.cuh"
#include "backends/cuda/operand.cuh"
#include "backends/cuda/stream.h"

namespace mamba::cuda {
namespace {

constexpr int stream_threads = 256, stream_warps = stream_threads / 32;
constexpr int block_rows = 16 * stream_warps;  // of the weights, 16 a warp
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

// A stage of shared memory: 64 columns of x, and of the block's weights where those are 16-bit numbers: only copies to shared memory are under
// way in any number, while a warp waits for all of its loads to registers at once. Quantized weights come to registers, some chunks at a time.
template <int Type, int Tiles>
struct StreamStage {
    static constexpr bool weights = Type == MAMBA_WEIGHT_BF16 || Type == MAMBA_WEIGHT_F16;
    static constexpr int count = !weights ? 4 : Tiles > 2 ? 4 : 5;
    static constexpr int x_bytes = 8 * Tiles * chunk_bytes, bytes = x_bytes + (weights ? block_rows * chunk_bytes : 0);
    static constexpr int depth = weights ? 1 : sizeof(Eight<Type>) > 16 ? 2 : 3;  // chunks in registers
};

// Weight rows are the rows of 16 x 8 x 16 products and rows of x their columns. A lane reads 16 consecutive weights' bytes of two rows and as
// much of a row of x: which of 32 columns is which k of a product does not matter, as long as both sides agree. A block has 128 weight rows
// and its part of the columns; the blocks of a cluster have the other parts, and add up theirs at the end, each for some rows of x.
template <int Type, int Tiles>
__global__ __launch_bounds__(stream_threads, 2) void stream_rows(Weight w, StreamProduct p) {
    allow_next();
    using Number = std::conditional_t<Type == MAMBA_WEIGHT_F16, __half, __nv_bfloat16>;
    using Stage = StreamStage<Type, Tiles>;
    constexpr int most_rows = 8 * Tiles, depth = Stage::depth;
    extern __shared__ __align__(128) unsigned char shared[];
    __shared__ float squares[stream_threads / most_streamed_rows][most_streamed_rows];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, g = lane / 4, q = lane % 4;
    const int splits = static_cast<int>(gridDim.x), part = static_cast<int>(blockIdx.x);
    const int chunks = w.cols / chunk_cols, begin = chunks * part / splits, end = chunks * (part + 1) / splits;
    const int first = static_cast<int>(blockIdx.y) * block_rows, warp_first = first + warp * 16;
    const auto row_at = [&](int row) { return w.data + min(warp_first + row, w.rows - 1) * w.pitch; };
    const unsigned char *const low = row_at(g), *const high = row_at(g + 8);

    // A lane brings what it will read itself: of two rows, 8 columns in each half of the chunk.
    const uint32_t stages = shared_address(shared), own_piece = static_cast<uint32_t>(Stage::x_bytes + warp * 16 * chunk_bytes + lane * 16);
    const auto stage_of = [&](int chunk) { return stages + static_cast<uint32_t>((chunk - begin) % Stage::count * Stage::bytes); };
    const auto bring = [&](int chunk) {
        const uint32_t to = stage_of(chunk) + own_piece;
        const int at = chunk * chunk_bytes + q * 16;
        copy_16(to, low + at, true);
        copy_16(to + 512, high + at, true);
        copy_16(to + 1024, low + at + 64, true);
        copy_16(to + 1536, high + at + 64, true);
    };
    Eight<Type> ahead[depth][4];
    const auto ask = [&](Eight<Type> (&to)[4], int chunk) {
        if (chunk >= end) return;
        const int col = chunk * chunk_cols + 8 * q;
        to[0].load(low, w.cols, col);
        to[1].load(high, w.cols, col);
        to[2].load(low, w.cols, col + 32);
        to[3].load(high, w.cols, col + 32);
    };
    if constexpr (Stage::weights) {
#pragma unroll
        for (int i = 0; i < Stage::count - 1; ++i) {
            if (begin + i < end) bring(begin + i);
        }
    } else {
#pragma unroll
        for (int d = 0; d < depth; ++d) ask(ahead[d], begin + d);
    }
    begin_dependent();

    const auto copy = [&](int chunk) {
        const uint32_t stage = stage_of(chunk);
#pragma unroll
        for (int i = threadIdx.x; i < most_rows * 8; i += stream_threads) {
            const int row = i / 8, unit = i % 8;
            const auto* from = static_cast<const Number*>(p.x.data) + min(row, p.rows - 1) * p.x.stride + chunk * chunk_cols + unit * 8;
            copy_16(stage + static_cast<uint32_t>(row * chunk_bytes + (unit ^ row % 2 * 4) * 16), from, row < p.rows);
        }
    };
#pragma unroll
    for (int i = 0; i < Stage::count - 1; ++i) {
        if (begin + i < end) copy(begin + i);
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

    float sums[Tiles][4] = {};
    const uint32_t mine = static_cast<uint32_t>(g * chunk_bytes + (q ^ g % 2 * 4) * 16);
    for (int chunk = begin; chunk < end; chunk += depth) {
#pragma unroll
        for (int d = 0; d < depth; ++d) {
            if (chunk + d >= end) break;
            copies_left<Stage::count - 2>();
            __syncthreads();  // the stage is here for all, and nobody reads the one before any more
            const int next = chunk + d + Stage::count - 1;
            if (next < end) {
                if constexpr (Stage::weights) bring(next);
                copy(next);
            }
            end_copies();
            const uint32_t stage = stage_of(chunk + d);
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                uint4 a, b;
                if constexpr (Stage::weights) {
                    a = shared_four(stage + own_piece + half * 1024);
                    b = shared_four(stage + own_piece + half * 1024 + 512);
                } else {
                    a = narrowed(ahead[d][2 * half]);
                    b = narrowed(ahead[d][2 * half + 1]);
                }
#pragma unroll
                for (int t = 0; t < Tiles; ++t) {
                    const uint4 x = shared_four(((stage + mine) ^ static_cast<uint32_t>(half * 64)) + static_cast<uint32_t>(t * 8 * chunk_bytes));
                    multiply_add<Number>(sums[t], a.x, b.x, a.y, b.y, x.x, x.y);
                    multiply_add<Number>(sums[t], a.z, b.z, a.w, b.w, x.z, x.w);
                }
            }
            if constexpr (!Stage::weights) ask(ahead[d], chunk + d + depth);
        }
    }
    copies_left<0>();
    __syncthreads();

    // [most_rows][sums_stride], over the stages.
    float* const own = reinterpret_cast<float*>(shared);
#pragma unroll
    for (int t = 0; t < Tiles; ++t) {
        float* const at = own + (t * 8 + 2 * q) * sums_stride + warp * 16 + g;
        at[0] = sums[t][0];
        at[sums_stride] = sums[t][1];
        at[8] = sums[t][2];
        at[sums_stride + 8] = sums[t][3];
    }
    if (splits > 1) cluster_meet();
    else __syncthreads();

    const int col = first + lane * 4;
    const bool there = col < w.rows;
    for (int m = part * stream_warps + warp; m < p.rows; m += splits * stream_warps) {
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
        float4 parts[most_cluster];
#pragma unroll
        for (int i = 0; i < most_cluster; ++i) {
            if (i < splits) parts[i] = splits > 1 ? of_cluster(own + m * sums_stride + lane * 4, i)
                                                  : *reinterpret_cast<const float4*>(own + m * sums_stride + lane * 4);
        }
        float4 sum = parts[0];
#pragma unroll
        for (int i = 1; i < most_cluster; ++i) {
            if (i < splits) sum.x += parts[i].x, sum.y += parts[i].y, sum.z += parts[i].z, sum.w += parts[i].w;
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
    if (splits > 1) cluster_meet();  // what others still read must not end
}

template <int Type, int Tiles>
void launch_stream(const Queue& queue, const Weight& w, const StreamProduct& p) {
    using Stage = StreamStage<Type, Tiles>;
    constexpr int bytes = std::max(Stage::count * Stage::bytes, 8 * Tiles * sums_stride * static_cast<int>(sizeof(float)));
    static const cudaError_t allowed = cudaFuncSetAttribute(stream_rows<Type, Tiles>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    check(allowed, "a product's shared memory");
    const int blocks = (w.rows + block_rows - 1) / block_rows, chunks = w.cols / chunk_cols;
    // As many parts as let every multiprocessor have two blocks; the same for any number of rows.
    const int splits = queue.overlap ? std::max(1, std::min({2 * queue.units / blocks, chunks / 2, most_cluster})) : 1;
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
