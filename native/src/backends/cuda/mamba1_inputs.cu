// Mamba-1's convolution with x_proj: a block takes 64 tokens and a stretch of channels, 64 at a time. It convolves them, keeps v for the scan
// and in shared memory, and multiplies that with x_proj's columns, which are copied two slices ahead. Stretches are shared out so that the
// device is full; sums of theirs meet in the workspace, where the last block of a tile of tokens adds them in order (so the result does not
// depend on who is last), norms them and writes r, b and c.
#include <algorithm>

#include "backends/cuda/cublaslt.h"
#include "backends/cuda/gemm_tile.cuh"
#include "backends/cuda/mamba1_prefill.h"
#include "backends/cuda/mamba1_segments.h"

namespace mamba::cuda {
namespace {

constexpr int tile_rows = 64, slice = 64, threads = 256, stages = 3, most_taps = 4;
// Warps: two down, four across; each computes 32 rows and 8 * Tiles columns.
constexpr int warps_across = 4;
constexpr int32_t most_tiles = 12;
constexpr int32_t most_splits = 16;

constexpr int32_t columns_of(const int32_t dt_rank, const int32_t d_state) { return dt_rank + 2 * d_state; }

// Rows of 128 bytes; 16-byte pieces change places by the row.
__device__ __forceinline__ uint32_t place(int row, int piece) { return static_cast<uint32_t>(row * 128 + (piece ^ row % 8) * 16); }

// A token and where it stands in its part.
struct Token {
    const float* state;
    int row, t, phase;
};

__device__ __forceinline__ Token token_of(const Batch& batch, int row) {
    const Part part = batch.parts[batch.part_of[row]];
    return {part.state, row, row - part.first_row, part.phase};
}

// Four channels of taps, newest first, zeros where the model has fewer; and their bias.
struct Taps {
    float4 weight[most_taps], bias;

    // `weights` and `biases` (NULL: none) of the first of the four.
    __device__ __forceinline__ void load(const float* weights, const float* biases, int d_conv, int d_inner) {
        const float4 none = make_float4(0, 0, 0, 0);
#pragma unroll
        for (int back = 0; back < most_taps; ++back) {
            weight[back] = none;
            if (back < d_conv) weight[back] = *reinterpret_cast<const float4*>(weights + static_cast<int64_t>(d_conv - 1 - back) * d_inner);
        }
        bias = biases != nullptr ? *reinterpret_cast<const float4*>(biases) : none;
    }
    // sum += the tap's weight times in, four channels.
    __device__ __forceinline__ void add(int back, const float* in, float* sum) const {
        sum[0] = fmaf(weight[back].x, in[0], sum[0]);
        sum[1] = fmaf(weight[back].y, in[1], sum[1]);
        sum[2] = fmaf(weight[back].z, in[2], sum[2]);
        sum[3] = fmaf(weight[back].w, in[3], sum[3]);
    }
    __device__ __forceinline__ void begin(float* sum) const { sum[0] = bias.x, sum[1] = bias.y, sum[2] = bias.z, sum[3] = bias.w; }
};

// v of eight channels of a token whose inputs may reach into the window that the state keeps: the beginning of a part, and where speed is no
// matter. Everything is read before anything is used. Not inlined, so that its registers are no burden to the kernel. u, window, weights and
// biases are those of the first channel; u of the token itself.
template <typename T>
__device__ __noinline__ Octet<T> convolve_token(const T* u, int64_t u_stride, const float* window, int t, int phase, int d_conv, int d_inner,
                                                const float* weights, const float* biases) {
    // Both places are read wherever the token stands: no branch comes between the loads.
    Octet<T> of_batch[most_taps];
    Octet<float> kept[most_taps];
#pragma unroll
    for (int back = 0; back < most_taps; ++back) {
        if (back >= d_conv) continue;
        const int row = phase + min(t, back) - back + d_conv;  // below 2 d_conv
        of_batch[back].load(u - min(t, back) * u_stride);
        kept[back].load(window + static_cast<int64_t>(row < d_conv ? row : row - d_conv) * d_inner);
    }
    float v[8];
    Taps taps[2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        taps[half].load(weights + half * 4, biases == nullptr ? nullptr : biases + half * 4, d_conv, d_inner);
        taps[half].begin(v + half * 4);
    }
#pragma unroll
    for (int back = most_taps - 1; back >= 0; --back) {
        if (back >= d_conv) continue;
        float in[8], before[8];
        of_batch[back].widen(in);
        kept[back].widen(before);
#pragma unroll
        for (int i = 0; i < 8; ++i) in[i] = t >= back ? in[i] : before[i];
#pragma unroll
        for (int half = 0; half < 2; ++half) taps[half].add(back, in + half * 4, v + half * 4);
    }
#pragma unroll
    for (float& value : v) value = silu_fast(value);
    Octet<T> octet;
    octet.narrow(v);
    return octet;
}

template <typename T>
__device__ __forceinline__ Octet<T> convolve_token(const Mamba1Prefill& p, const Token& token, int channel) {
    return convolve_token<T>(static_cast<const T*>(p.projected) + token.row * p.projected_stride + channel, p.projected_stride,
                             token.state + p.window + channel, token.t, token.phase, p.d_conv, p.d_inner, p.conv_weight + channel,
                             p.conv_bias == nullptr ? nullptr : p.conv_bias + channel);
}

template <typename T>
__global__ __launch_bounds__(threads) void convolve_rows(Batch batch, Mamba1Prefill p) {
    begin_dependent();
    allow_next();
    const int channel = (blockIdx.y * threads + threadIdx.x) * 8;
    if (channel >= p.d_inner) return;
    const Token token = token_of(batch, static_cast<int>(blockIdx.x));
    convolve_token<T>(p, token, channel).store(static_cast<T*>(p.v) + static_cast<int64_t>(token.row) * p.d_inner + channel);
}

// A row of x_proj's result in a warp's registers, lane by lane, becomes r, b and c.
template <typename T, int Tiles>
__device__ __forceinline__ void write_row(const Mamba1Prefill& p, float (&values)[Tiles], int64_t row) {
    const int lane = threadIdx.x % 32, rank = p.dt_rank, n = p.d_state;
    float scale_r = 1, scale_b = 1, scale_c = 1;
    if (p.norms) {
        float r = 0, b = 0, c = 0;
#pragma unroll
        for (int j = 0; j < Tiles; ++j) {
            const int col = j * 32 + lane;
            const float square = values[j] * values[j];
            if (col < rank) r += square;
            else if (col < rank + n) b += square;
            else if (col < rank + 2 * n) c += square;
        }
        scale_r = rsqrtf(warp_sum(r) / static_cast<float>(rank) + p.norm_eps);
        scale_b = rsqrtf(warp_sum(b) / static_cast<float>(n) + p.norm_eps);
        scale_c = rsqrtf(warp_sum(c) / static_cast<float>(n) + p.norm_eps);
    }
    const int pitch = mamba1_rank_pitch(rank);
    T* const r = static_cast<T*>(p.r) + row * pitch;
#pragma unroll
    for (int j = 0; j < Tiles; ++j) {
        const int col = j * 32 + lane;
        float value = values[j];
        if (col < rank) {
            value *= scale_r;
            if (p.norms && p.dt_norm != nullptr) value *= p.dt_norm[col];
            r[col] = narrow<T>(value);
        } else if (col < rank + 2 * n) {
            const bool is_b = col < rank + n;
            const int i = is_b ? col - rank : col - rank - n;
            const float* weight = is_b ? p.b_norm : p.c_norm;
            value *= is_b ? scale_b : scale_c;
            if (p.norms && weight != nullptr) value *= weight[i];
            p.bc[row * 2 * n + col - rank] = value;
        }
    }
    for (int col = rank + lane; col < pitch; col += 32) r[col] = narrow<T>(0.0f);
}

template <typename T, int Tiles>
__global__ __launch_bounds__(threads, Tiles <= 6 ? 2 : 1) void convolve_project(Batch batch, Mamba1Prefill p, unsigned* arrived, float* partial) {
    constexpr int columns = warps_across * Tiles * 8;
    constexpr int v_bytes = tile_rows * slice * 2, w_bytes = columns * slice * 2;
    extern __shared__ __align__(128) unsigned char shared[];
    __shared__ bool last;
    const uint32_t v_base = shared_address(shared), w_base = v_base + 2 * v_bytes;
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warp_row = warp % 2 * 32, warp_col = warp / 2 * Tiles * 8;
    // Tiles in order: the first, which looks into the window, is the slowest, and so begins first.
    const int first_row = static_cast<int>(blockIdx.y) * tile_rows, split = static_cast<int>(blockIdx.x), splits = static_cast<int>(gridDim.x);
    const int slices = (p.d_inner + slice - 1) / slice;
    const int begin = static_cast<int>(static_cast<int64_t>(slices) * split / splits);
    const int end = static_cast<int>(static_cast<int64_t>(slices) * (split + 1) / splits);
    const int wanted = p.dt_rank + 2 * p.d_state;
    // Eight channels of two tokens in a row a thread.
    const int piece = threadIdx.x % 8, pair = threadIdx.x / 8;
    const T* const w = static_cast<const T*>(p.x_proj);

    const auto copy_w = [&](int index) {
        const uint32_t to = w_base + static_cast<uint32_t>(index % stages * w_bytes);
        const int channel = index * slice + piece * 8;
#pragma unroll
        for (int i = 0; i < Tiles; ++i) {
            const int col = i * 32 + pair;
            const bool there = col < wanted && channel < p.d_inner;
            copy_16(to + place(col, piece), there ? w + col * p.x_proj_stride + channel : w, there);
        }
    };

    // Weights are nobody's result: they travel before what earlier kernels wrote is there.
    for (int i = 0; i < stages - 1; ++i) {
        if (begin + i < end) copy_w(begin + i);
        end_copies();
    }
    begin_dependent();
    allow_next();
    const int row = first_row + pair * 2;
    const bool first_there = row < batch.rows, second_there = row + 1 < batch.rows;
    const Token first = token_of(batch, min(row, batch.rows - 1)), second = token_of(batch, min(row + 1, batch.rows - 1));
    // Neither looks into the window, and both look at the same rows.
    const bool inside = second_there && first.t >= most_taps - 1 && second.t == first.t + 1;
    Octet<T> in[most_taps + 1];
    const auto read_u = [&](int index) {
        const int channel = index * slice + piece * 8;
        if (!inside || channel >= p.d_inner) return;
        const T* const u = static_cast<const T*>(p.projected) + (row - (most_taps - 1)) * p.projected_stride + channel;
#pragma unroll
        for (int i = 0; i <= most_taps; ++i) in[i].load(u + i * p.projected_stride);
    };
    // The slice's v of this thread's tokens, to shared and device memory.
    const auto convolve_slice = [&](int index) {
        const int channel = index * slice + piece * 8;
        unsigned char* const to = shared + index % 2 * v_bytes;
        Octet<T> out[2] = {};
        if (channel < p.d_inner) {
            if (inside) {
                float v[2][8];
#pragma unroll
                for (int half = 0; half < 2; ++half) {
                    Taps taps;
                    const int at = channel + half * 4;
                    taps.load(p.conv_weight + at, p.conv_bias == nullptr ? nullptr : p.conv_bias + at, p.d_conv, p.d_inner);
                    taps.begin(v[0] + half * 4);
                    taps.begin(v[1] + half * 4);
#pragma unroll
                    for (int i = 0; i <= most_taps; ++i) {
                        float u[8];
                        in[i].widen(u);
                        if (i < most_taps) taps.add(most_taps - 1 - i, u + half * 4, v[0] + half * 4);
                        if (i > 0) taps.add(most_taps - i, u + half * 4, v[1] + half * 4);
                    }
                }
#pragma unroll
                for (int j = 0; j < 8; ++j) v[0][j] = silu_fast(v[0][j]), v[1][j] = silu_fast(v[1][j]);
                out[0].narrow(v[0]);
                out[1].narrow(v[1]);
            } else {
                if (first_there) out[0] = convolve_token<T>(p, first, channel);
                if (second_there) out[1] = convolve_token<T>(p, second, channel);
            }
        }
        T* const kept = static_cast<T*>(p.v) + static_cast<int64_t>(row) * p.d_inner + channel;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            out[i].store(reinterpret_cast<T*>(to + place(pair * 2 + i, piece)));
            if (channel < p.d_inner && (i == 0 ? first_there : second_there)) out[i].store(kept + i * p.d_inner);
        }
    };

    float sums[2][Tiles][4] = {};
    if (begin < end) read_u(begin);
    for (int index = begin; index < end; ++index) {
        convolve_slice(index);
        copies_left<stages - 2>();
        __syncthreads();
        if (index + stages - 1 < end) copy_w(index + stages - 1);
        end_copies();
        if (index + 1 < end) read_u(index + 1);
        const uint32_t v_at = v_base + static_cast<uint32_t>(index % 2 * v_bytes), w_at = w_base + static_cast<uint32_t>(index % stages * w_bytes);
#pragma unroll
        for (int half = 0; half < 2; ++half) {  // 32 channels each
            uint32_t a[2][2][4];
#pragma unroll
            for (int i = 0; i < 2; ++i) {
#pragma unroll
                for (int step = 0; step < 2; ++step) {
                    load_matrices(a[i][step], v_at + place(warp_row + i * 16 + lane % 16, half * 4 + step * 2 + lane / 16));
                }
            }
#pragma unroll
            for (int j = 0; j < Tiles; ++j) {
                uint32_t b[4];
                load_matrices(b, w_at + place(warp_col + j * 8 + lane % 8, half * 4 + lane / 8));
#pragma unroll
                for (int i = 0; i < 2; ++i) {
                    multiply_add<T>(sums[i][j], a[i][0][0], a[i][0][1], a[i][0][2], a[i][0][3], b[0], b[1]);
                    multiply_add<T>(sums[i][j], a[i][1][0], a[i][1][1], a[i][1][2], a[i][1][3], b[2], b[3]);
                }
            }
        }
    }
    copies_left<0>();

    float* const tile = partial + static_cast<int64_t>(blockIdx.y) * splits * tile_rows * columns;
    float* const mine = tile + split * tile_rows * columns;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
#pragma unroll
        for (int j = 0; j < Tiles; ++j) {
            float* const at = mine + (warp_row + i * 16 + lane / 4) * columns + warp_col + j * 8 + lane % 4 * 2;
            *reinterpret_cast<float2*>(at) = make_float2(sums[i][j][0], sums[i][j][1]);
            *reinterpret_cast<float2*>(at + 8 * columns) = make_float2(sums[i][j][2], sums[i][j][3]);
        }
    }
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        last = atomicAdd(arrived + blockIdx.y, 1u) + 1 == static_cast<unsigned>(splits);
        if (last) arrived[blockIdx.y] = 0;  // for the next layer
    }
    __syncthreads();
    if (!last) return;
    __threadfence();
    for (int i = warp; i < tile_rows && first_row + i < batch.rows; i += threads / 32) {
        float values[Tiles] = {};
#pragma unroll 4
        for (int s = 0; s < splits; ++s) {
#pragma unroll
            for (int j = 0; j < Tiles; ++j) values[j] += __ldcg(tile + (s * tile_rows + i) * columns + j * 32 + lane);
        }
        write_row<T, Tiles>(p, values, first_row + i);
    }
}

template <typename T, int Tiles>
void launch(const Queue& queue, const Batch& batch, const Mamba1Prefill& p) {
    constexpr size_t bytes = 2 * tile_rows * slice * 2 + static_cast<size_t>(stages) * warps_across * Tiles * 8 * slice * 2;
    check(cudaFuncSetAttribute(convolve_project<T, Tiles>, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
          "the convolution's shared memory");
    const int tiles = (batch.rows + tile_rows - 1) / tile_rows, slices = (p.d_inner + slice - 1) / slice;
    const int splits = std::max(1, std::min({4 * multiprocessor_count() / tiles, slices, static_cast<int>(most_splits)}));
    auto* const arrived = static_cast<unsigned*>(p.workspace.data);
    auto* const partial = reinterpret_cast<float*>(static_cast<unsigned char*>(p.workspace.data) + mamba1_counter_bytes);
    queue.launch(convolve_project<T, Tiles>, dim3(static_cast<unsigned>(splits), static_cast<unsigned>(tiles)), threads, bytes,
                 "the convolution and x_proj", batch, p, arrived, partial);
}

// Rows of x_proj's and dt_proj's results by the general kernels: FP32 activations, and widths that the fused kernel is not made for.
template <typename T>
__global__ __launch_bounds__(threads) void split_rows(Mamba1Prefill p, const float* projected, int rows) {
    begin_dependent();
    allow_next();
    const int row = blockIdx.x * (threads / 32) + threadIdx.x / 32;
    if (row >= rows) return;
    constexpr int most = 32;  // columns of a lane
    const int columns = p.dt_rank + 2 * p.d_state;
    float values[most];
#pragma unroll
    for (int j = 0; j < most; ++j) {
        const int col = j * 32 + threadIdx.x % 32;
        values[j] = col < columns ? projected[static_cast<int64_t>(row) * columns + col] : 0.0f;
    }
    write_row<T, most>(p, values, row);
}

template <typename T>
void launch_apart(const Queue& queue, CublasLt* library, const Batch& batch, const Mamba1Prefill& p) {
    const dim3 grid(static_cast<unsigned>(batch.rows), static_cast<unsigned>((p.d_inner / 8 + threads - 1) / threads));
    queue.launch(convolve_rows<T>, grid, threads, 0, "the convolution", batch, p);
    const int32_t columns = columns_of(p.dt_rank, p.d_state);
    unsigned char* const after = static_cast<unsigned char*>(p.workspace.data) + mamba1_counter_bytes;
    auto* const projected = reinterpret_cast<float*>(after);
    // What is left of the workspace serves the products.
    const size_t used = round_up(static_cast<size_t>(batch.rows) * static_cast<size_t>(columns) * sizeof(float), 256);
    const Workspace rest{after + used, p.workspace.bytes - mamba1_counter_bytes - used};
    gemm(queue, library, rest, {p.type, batch.rows, columns, p.d_inner, p.v, p.d_inner, p.x_proj, p.x_proj_stride, nullptr, false, false, projected,
                                columns});
    const auto blocks = static_cast<unsigned>((batch.rows + threads / 32 - 1) / (threads / 32));
    queue.launch(split_rows<T>, dim3(blocks), threads, 0, "the norms of dt, b and c", p, static_cast<const float*>(projected), batch.rows);
    if (p.type != MAMBA_WEIGHT_F32) return;
    const int32_t rank = static_cast<int32_t>(round_up(static_cast<size_t>(p.dt_rank), 8));
    gemm(queue, library, rest, {p.type, batch.rows, p.d_inner, rank, p.r, mamba1_rank_pitch(p.dt_rank), p.dt_proj, p.dt_proj_stride, nullptr, false,
                                false, p.dt, p.d_inner});
}

template <typename T>
void launch_fused(const Queue& queue, CublasLt* library, const Batch& batch, const Mamba1Prefill& p) {
    const int32_t tiles = (columns_of(p.dt_rank, p.d_state) + 31) / 32;
    if (tiles <= 3) launch<T, 3>(queue, batch, p);
    else if (tiles <= 4) launch<T, 4>(queue, batch, p);
    else if (tiles <= 5) launch<T, 5>(queue, batch, p);
    else if (tiles <= 6) launch<T, 6>(queue, batch, p);
    else if (tiles <= 9) launch<T, 9>(queue, batch, p);
    else if (tiles <= most_tiles) launch<T, most_tiles>(queue, batch, p);
    else launch_apart<T>(queue, library, batch, p);
}

}  // namespace

size_t mamba1_workspace_bytes(int32_t type, int32_t d_inner, int32_t d_state, int32_t dt_rank, int32_t rows, int32_t parts) {
    const auto columns = round_up(static_cast<size_t>(columns_of(dt_rank, d_state)), 32) + 64;
    const size_t tiles = static_cast<size_t>(rows + tile_rows - 1) / tile_rows;
    // Splits times tiles are at most four blocks a multiprocessor, or one split.
    const size_t blocks = std::max<size_t>(tiles, 4 * static_cast<size_t>(multiprocessor_count()));
    const size_t inputs = blocks * tile_rows * columns * sizeof(float) + (type == MAMBA_WEIGHT_F32 ? gemm_workspace_bytes : 0);
    return mamba1_counter_bytes + std::max(inputs, mamba1_segments_bytes(d_inner, d_state, parts));
}

void mamba1_inputs(const Queue& queue, CublasLt* library, const Batch& batch, const Mamba1Prefill& p) {
    if (p.type == MAMBA_WEIGHT_BF16) launch_fused<__nv_bfloat16>(queue, library, batch, p);
    else if (p.type == MAMBA_WEIGHT_F16) launch_fused<__half>(queue, library, batch, p);
    else launch_apart<float>(queue, library, batch, p);
}

}  // namespace mamba::cuda
