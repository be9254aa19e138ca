// What scan does, in FP32 arithmetic, for activations of either kind and every shape, and in two steps: each head's state, chunk after
// chunk, and what enters each chunk; then every chunk by itself.
#include "backends/cuda/mamba2_chunks.h"

namespace mamba::cuda::ssd {
namespace {

// A block has 64 rows (of a head's state, or tokens) and 64 columns, a thread 4 and 4 of them.
constexpr int side = plain_slice, deep = 32, threads = 256;
static_assert(side == ssd_chunk && 2 * deep == ssd_chunk, "one pitch and one memory for all");

template <typename T>
__global__ __launch_bounds__(threads) void plain_chain(Mamba2PrefillArgs s, Work w) {
    __shared__ __align__(16) float xs[ssd_chunk][side], bs[ssd_chunk][side];
    const int n = s.shape.d_state, p = s.shape.head_dim, channels = s.shape.channels();
    const int across = (n + side - 1) / side, down = (p + side - 1) / side;
    const int head = static_cast<int>(blockIdx.x) / (across * down), row0 = static_cast<int>(blockIdx.x) / across % down * side;
    const int column0 = static_cast<int>(blockIdx.x) % across * side, group = head / (s.shape.heads / s.shape.groups);
    const Mamba2Piece piece = s.pieces[blockIdx.y];
    const int thread = static_cast<int>(threadIdx.x), r = row0 + thread / 16 * 4, c = column0 + thread % 16 * 4;
    keep_window(s, piece, static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), static_cast<int>(gridDim.x * blockDim.x));
    float* const state = piece.state + s.state + static_cast<int64_t>(head) * p * n;
    T* entering = static_cast<T*>(w.states) + (static_cast<int64_t>(piece.first_chunk) * s.shape.heads + head) * p * n;
    float sum[4][4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) sum[i][j] = r + i < p && c + j < n ? state[(r + i) * n + c + j] : 0.0f;
    }
    for (int index = 0; index < piece.chunk_count; ++index) {
        const Chunk chunk = chunk_of(piece, 0, index);
        const float* inflow = w.inflow + (static_cast<int64_t>(piece.first_chunk + index) * s.shape.heads + head) * inflow_floats;
        const T* from = static_cast<const T*>(w.convolved) + static_cast<int64_t>(chunk.first_row) * channels;
        __syncthreads();
        for (int i = thread; i < ssd_chunk * side; i += threads) {
            const int token = i / side, k = i % side;
            const bool some = token < chunk.count;
            const T* row = from + static_cast<int64_t>(token) * channels;
            xs[token][k] = some && row0 + k < p ? value(row[head * p + row0 + k]) * inflow[token] : 0.0f;
            bs[token][k] = some && column0 + k < n ? value(row[s.shape.d_inner() + group * n + column0 + k]) : 0.0f;
        }
        __syncthreads();
        const float decay = inflow[ssd_chunk];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                if (r + i < p && c + j < n) put(entering + (r + i) * n + c + j, sum[i][j]);
                sum[i][j] *= decay;
            }
        }
        for (int k = 0; k < ssd_chunk; ++k) {
            const float4 x = *reinterpret_cast<const float4*>(&xs[k][thread / 16 * 4]),
                    b = *reinterpret_cast<const float4*>(&bs[k][thread % 16 * 4]);
            const float xv[4] = {x.x, x.y, x.z, x.w}, bv[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
            for (int i = 0; i < 4; ++i) {
#pragma unroll
                for (int j = 0; j < 4; ++j) sum[i][j] = fmaf(xv[i], bv[j], sum[i][j]);
            }
        }
        entering += static_cast<int64_t>(s.shape.heads) * p * n;
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            if (r + i < p && c + j < n) state[(r + i) * n + c + j] = sum[i][j];
        }
    }
}

template <typename T>
__global__ __launch_bounds__(threads) void plain_scan_chunks(Mamba2PrefillArgs s, Work w, bool gate) {
    constexpr int pitch = side + 4;
    __shared__ __align__(16) float bcs[2 * deep][pitch], ss[deep][pitch], xs[ssd_chunk][pitch];
    float(*const bs)[pitch] = bcs;         // [n][j]
    float(*const cs)[pitch] = bcs + deep;  // [n][i]
    float(*const ms)[pitch] = bcs;         // [j][i], after both
    const int n = s.shape.d_state, p = s.shape.head_dim, channels = s.shape.channels(), heads = s.shape.heads;
    const int slices_a_head = (p + side - 1) / side, all = heads * slices_a_head;
    const int index = static_cast<int>(blockIdx.x) / all, item = static_cast<int>(blockIdx.x) % all;
    const int head = item / slices_a_head, row0 = item % slices_a_head * side, group = head / (heads / s.shape.groups);
    const int thread = static_cast<int>(threadIdx.x), i0 = thread / 16 * 4, r0 = thread % 16 * 4;
    const Chunk chunk = find_chunk(s.pieces, s.piece_count, index);
    const T* const rows = static_cast<const T*>(w.convolved) + static_cast<int64_t>(chunk.first_row) * channels;
    const T* const state = static_cast<const T*>(w.states) + ((static_cast<int64_t>(index) * heads + head) * p + row0) * n;
    const float2* const steps = w.steps + (static_cast<int64_t>(index) * heads + head) * ssd_chunk;
    const T* const b_rows = rows + s.shape.d_inner() + group * n;
    const T* const c_rows = b_rows + s.shape.groups * n;

    float product[4][4] = {}, sum[4][4] = {};
    for (int n0 = 0; n0 < n; n0 += deep) {
        __syncthreads();
        for (int i = thread; i < ssd_chunk * deep; i += threads) {
            const int row = i / deep, k = i % deep;
            const bool column = n0 + k < n, token = column && row < chunk.count;
            const int64_t at = static_cast<int64_t>(row) * channels + n0 + k;
            cs[k][row] = token ? value(c_rows[at]) : 0.0f;
            bs[k][row] = token ? value(b_rows[at]) : 0.0f;
            ss[k][row] = column && row0 + row < p ? value(state[row * n + n0 + k]) : 0.0f;
        }
        __syncthreads();
        for (int k = 0; k < deep; ++k) {
            const float4 c = *reinterpret_cast<const float4*>(&cs[k][i0]), b = *reinterpret_cast<const float4*>(&bs[k][r0]);
            const float4 e = *reinterpret_cast<const float4*>(&ss[k][r0]);
            const float cv[4] = {c.x, c.y, c.z, c.w}, bv[4] = {b.x, b.y, b.z, b.w}, ev[4] = {e.x, e.y, e.z, e.w};
#pragma unroll
            for (int i = 0; i < 4; ++i) {
#pragma unroll
                for (int j = 0; j < 4; ++j) {
                    product[i][j] = fmaf(cv[i], bv[j], product[i][j]);
                    sum[i][j] = fmaf(cv[i], ev[j], sum[i][j]);
                }
            }
        }
    }
    __syncthreads();
    const bool exact = s.exact;
    const auto decay = [exact](float l) { return exact ? expf(l) : exp2f(l); };
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const float l = steps[i0 + i].y, from = decay(l);
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const float2 step = steps[r0 + j];
            ms[r0 + j][i0 + i] = r0 + j <= i0 + i ? product[i][j] * decay(l - step.y) * step.x : 0.0f;
            sum[i][j] *= from;
        }
    }
    for (int i = thread; i < ssd_chunk * side; i += threads) {
        const int token = i / side, k = i % side;
        xs[token][k] = token < chunk.count && row0 + k < p ? value(rows[static_cast<int64_t>(token) * channels + head * p + row0 + k])
                : 0.0f;
    }
    __syncthreads();
    for (int k = 0; k < ssd_chunk; ++k) {
        const float4 m = *reinterpret_cast<const float4*>(&ms[k][i0]), x = *reinterpret_cast<const float4*>(&xs[k][r0]);
        const float mv[4] = {m.x, m.y, m.z, m.w}, xv[4] = {x.x, x.y, x.z, x.w};
#pragma unroll
        for (int i = 0; i < 4; ++i) {
#pragma unroll
            for (int j = 0; j < 4; ++j) sum[i][j] = fmaf(mv[i], xv[j], sum[i][j]);
        }
    }
    const float skip = s.d[head];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const int token = i0 + i;
        float square = 0;
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            if (token >= chunk.count || row0 + r0 + j >= p) continue;
            const int column = head * p + row0 + r0 + j;
            float v = fmaf(skip, xs[token][r0 + j], sum[i][j]);
            if (gate) v *= silu_of<T>(value(static_cast<const T*>(s.projected)[(chunk.first_row + token) * s.projected_stride + column]));
            square = fmaf(v, v, square);
            put(static_cast<T*>(s.out) + (chunk.first_row + token) * s.out_stride + column, v);
        }
#pragma unroll
        for (int step = 8; step > 0; step /= 2) square += __shfl_xor_sync(0xffffffffu, square, step);
        if (s.norm && thread % 16 == 0 && token < chunk.count) w.squares[static_cast<int64_t>(chunk.first_row + token)
                * all + item] = square;
    }
}

}  // namespace

cudaError_t plain_states(const Mamba2PrefillArgs& s, const Work& w, cudaStream_t stream) {
    const int across = (s.shape.d_state + side - 1) / side, down = (s.shape.head_dim + side - 1) / side;
    const dim3 grid(static_cast<unsigned>(s.shape.heads * down * across), static_cast<unsigned>(s.piece_count));
    if (s.exact) plain_chain<float><<<grid, threads, 0, stream>>>(s, w);
    else plain_chain<bf16><<<grid, threads, 0, stream>>>(s, w);
    return cudaGetLastError();
}

cudaError_t plain_scan(const Mamba2PrefillArgs& s, const Work& w, cudaStream_t stream) {
    const int blocks = s.chunk_count * s.shape.heads * ((s.shape.head_dim + side - 1) / side);
    if (s.exact) plain_scan_chunks<float><<<static_cast<unsigned>(blocks), threads, 0, stream>>>(s, w, gates_early(s));
    else plain_scan_chunks<bf16><<<static_cast<unsigned>(blocks), threads, 0, stream>>>(s, w, gates_early(s));
    return cudaGetLastError();
}

}  // namespace mamba::cuda::ssd
