// Convolution, SiLU, dt and decays. A token of 2.7B: 10.9 KB read and 10.8 KB written, and 66,000 FMAs: bound by memory.
#include "backends/cuda/mamba2_chunks.h"

namespace mamba::cuda::ssd {
namespace {

constexpr int threads = 128, warps = threads / 32;
constexpr int most_taps = 4;
constexpr int some_heads = 16;              // of a block that prepares dt

// A thread convolves 8 channels of `run` tokens, one after another.
template <typename T>
__device__ void convolve(const Mamba2PrefillArgs& s, const Work& w, int channels, int run, int64_t index) {
    const int runs = ssd_chunk / run;
    const int vectors = channels / 8;
    const int unit = static_cast<int>(index / vectors), channel = static_cast<int>(index % vectors) * 8;
    if (unit >= s.chunk_count * runs) return;
    const Chunk chunk = find_chunk(s.pieces, s.piece_count, unit / runs);
    const int begin = unit % runs * run, end = min(begin + run, chunk.count);
    if (begin >= end) return;
    const Mamba2Piece piece = s.pieces[chunk.piece];
    const int d_conv = s.shape.d_conv, d_inner = s.shape.d_inner();
    const T* in = static_cast<const T*>(s.projected) + static_cast<int64_t>(piece.first_row) * s.projected_stride + d_inner + channel;
    T* out = static_cast<T*>(w.convolved) + static_cast<int64_t>(chunk.first_row) * channels + channel;

    float weight[most_taps][8] = {}, bias[8] = {}, past[most_taps - 1][8] = {};
    Eight e;
    if (s.conv_bias != nullptr) {
        e.load(s.conv_bias + channel);
        e.get<float>(bias);
    }
#pragma unroll
    for (int k = 0; k < most_taps; ++k) {  // tap k - (most_taps - d_conv) of the model
        const int tap = k - (most_taps - d_conv);
        if (tap < 0) continue;
        e.load(s.conv_weight + static_cast<int64_t>(tap) * channels + channel);
        e.get<float>(weight[k]);
    }
#pragma unroll
    for (int k = 0; k < most_taps - 1; ++k) {
        const int t = chunk.first + begin + k - (most_taps - 1);  // among the piece's tokens
        if (k < most_taps - d_conv) continue;
        if (t >= 0) {
            e.load(in + t * s.projected_stride);
            e.template get<T>(past[k]);
        } else {
            e.load(piece.state + s.window + static_cast<int64_t>((piece.window_phase + t + d_conv) % d_conv) * channels + channel);
            e.get<float>(past[k]);
        }
    }
    in += static_cast<int64_t>(chunk.first) * s.projected_stride;
    constexpr int ahead = sizeof(T) == sizeof(float) ? 4 : 8;
    for (int first = begin; first < end; first += ahead) {
        Eight next[ahead];
#pragma unroll
        for (int i = 0; i < ahead; ++i) {
            if (first + i < end) next[i].load(in + (first + i) * s.projected_stride);
        }
#pragma unroll
        for (int i = 0; i < ahead; ++i) {
            if (first + i >= end) break;
            float now[8], sum[8];
            next[i].template get<T>(now);
#pragma unroll
            for (int e = 0; e < 8; ++e) {
                sum[e] = bias[e];
                sum[e] = fmaf(weight[0][e], past[0][e], sum[e]);
                sum[e] = fmaf(weight[1][e], past[1][e], sum[e]);
                sum[e] = fmaf(weight[2][e], past[2][e], sum[e]);
                sum[e] = silu_of<T>(fmaf(weight[3][e], now[e], sum[e]));
                past[0][e] = past[1][e];
                past[1][e] = past[2][e];
                past[2][e] = now[e];
            }
            store(out + static_cast<int64_t>(first + i) * channels, sum);
        }
    }
}

template <typename T>
__device__ void decays(const Mamba2PrefillArgs& s, const Work& w, int block) {
    __shared__ float dts[some_heads][ssd_chunk + 1];
    const int heads = s.shape.heads, blocks_a_chunk = (heads + some_heads - 1) / some_heads;
    const int index = block / blocks_a_chunk, first_head = block % blocks_a_chunk * some_heads;
    const Chunk chunk = find_chunk(s.pieces, s.piece_count, index);
    const T* in = static_cast<const T*>(s.projected) + static_cast<int64_t>(chunk.first_row) * s.projected_stride + s.shape.d_inner() +
                  s.shape.channels();
    for (int i = static_cast<int>(threadIdx.x); i < some_heads * ssd_chunk; i += threads) {
        const int token = i / some_heads, head = first_head + i % some_heads;
        float dt = 0;
        if (token < chunk.count && head < heads) {
            const float v = value(in[token * s.projected_stride + head]) + s.dt_bias[head];
            dt = fminf(fmaxf(v > 20.0f ? v : log1pf(expf(v)), s.dt_min), s.dt_max);
        }
        dts[i % some_heads][token] = dt;
    }
    __syncthreads();
    constexpr float log2_e = 1.44269504088896340736f;
    const int lane = threadIdx.x % 32;
    const bool exact = s.exact;
    for (int i = static_cast<int>(threadIdx.x) / 32; i < some_heads && first_head + i < heads; i += warps) {
        const int head = first_head + i;
        const float a = exact ? s.a[head] : s.a[head] * log2_e;
        const float dt0 = dts[i][2 * lane], dt1 = dts[i][2 * lane + 1];
        const float first = dt0 * a, both = first + dt1 * a;
        float sum = both;
#pragma unroll
        for (int step = 1; step < 32; step *= 2) {
            const float other = __shfl_up_sync(0xffffffffu, sum, step);
            if (lane >= step) sum += other;
        }
        const float before = __shfl_up_sync(0xffffffffu, sum, 1);
        const float l0 = lane > 0 ? before + first : first, l1 = sum;
        const float last = __shfl_sync(0xffffffffu, sum, 31);
        const int64_t at = static_cast<int64_t>(index) * heads + head;
        reinterpret_cast<float4*>(w.steps + at * ssd_chunk)[lane] = make_float4(dt0, l0, dt1, l1);
        const auto decay = [exact](float l) { return exact ? expf(l) : exp2f(l); };
        float* inflow = w.inflow + at * inflow_floats;
        reinterpret_cast<float2*>(inflow)[lane] = make_float2(decay(last - l0) * dt0, decay(last - l1) * dt1);
        if (lane == 0) inflow[ssd_chunk] = decay(last);
    }
}

template <typename T>
__global__ __launch_bounds__(threads) void prepare_chunks(Mamba2PrefillArgs s, Work w, int decay_blocks, int run) {
    if (static_cast<int>(blockIdx.x) < decay_blocks) {
        decays<T>(s, w, static_cast<int>(blockIdx.x));
    } else {
        const int channels = s.shape.channels();
        convolve<T>(s, w, channels, run, static_cast<int64_t>(blockIdx.x - decay_blocks) * threads + threadIdx.x);
    }
}

}  // namespace

cudaError_t prepare(const Mamba2PrefillArgs& s, const Work& w, cudaStream_t stream) {
    const int decay_blocks = s.chunk_count * ((s.shape.heads + some_heads - 1) / some_heads);
    // Long runs, which load fewer weights, where there are enough of them.
    const int64_t vectors = s.shape.channels() / 8;
    const int run = s.chunk_count * vectors >= 65536 ? ssd_chunk : 16;
    const int64_t units = static_cast<int64_t>(s.chunk_count) * (ssd_chunk / run) * vectors;
    const auto blocks = static_cast<unsigned>(decay_blocks + (units + threads - 1) / threads);
    if (s.exact) prepare_chunks<float><<<blocks, threads, 0, stream>>>(s, w, decay_blocks, run);
    else prepare_chunks<bf16><<<blocks, threads, 0, stream>>>(s, w, decay_blocks, run);
    return cudaGetLastError();
}

}  // namespace mamba::cuda::ssd
