// Convolution, SiLU, dt and decays, and for the tensor cores C B^T of each chunk and group, once for all heads: the block that convolves a
// chunk's B and C multiplies them too. A token of 2.7B: 10.9 KB read and 10.9 KB written, 22,000 FMAs of the convolution and 5,000 of
// C B^T: bound by memory.
#include "backends/cuda/mamba2_chunks.h"
#include "backends/cuda/mma.h"

namespace mamba::cuda::ssd {
namespace {

constexpr int threads = 128, warps = threads / 32;
constexpr int most_taps = 4;
constexpr int some_heads = 16;              // of a block that prepares dt

// Eight channels of a chunk's tokens begin .. end, one after another, to memory and to take(token, values).
template <typename T, typename Take>
__device__ __forceinline__ void convolve(const Mamba2PrefillArgs& s, const Work& w, const Chunk& chunk, int channel, int begin, int end,
                                         const Take& take) {
    const Mamba2Piece piece = s.pieces[chunk.piece];
    const int d_conv = s.shape.d_conv, channels = s.shape.channels();
    const T* in = static_cast<const T*>(s.projected) + piece.first_row * s.projected_stride + s.shape.d_inner() + channel;
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
            take(first + i, sum);
        }
    }
}

// A thread convolves 8 of the first `channels` channels of `run` tokens.
template <typename T>
__device__ void convolve_runs(const Mamba2PrefillArgs& s, const Work& w, int channels, int run, int64_t index) {
    const int runs = ssd_chunk / run, vectors = channels / 8, unit = static_cast<int>(index / vectors);
    if (unit >= s.chunk_count * runs) return;
    const Chunk chunk = find_chunk(s.pieces, s.piece_count, unit / runs);
    const int begin = unit % runs * run, end = min(begin + run, chunk.count);
    if (begin >= end) return;
    convolve<T>(s, w, chunk, static_cast<int>(index % vectors) * 8, begin, end, [](int, const float (&)[8]) {});
}

// B and C of a chunk and group, and their products: a warp has 16 tokens i, and goes over the tokens j up to its last.
template <int N>
__device__ void multiply(const Mamba2PrefillArgs& s, const Work& w, int block) {
    constexpr int units = N / 8, run = ssd_chunk * 2 * units / threads;  // tokens a thread convolves
    static_assert(warps == ssd_chunk / 16 && run > 0, "a warp for 16 tokens");
    extern __shared__ __align__(128) unsigned char shared[];
    const uint32_t b = shared_address(shared), c = b + ssd_chunk * N * 2;
    const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, lane = thread % 32;
    const int index = block / s.shape.groups, group = block % s.shape.groups;
    const Chunk chunk = find_chunk(s.pieces, s.piece_count, index);
    {
        const bool of_c = thread % (2 * units) >= units;
        const int unit = thread % units, begin = thread / (2 * units) * run;
        const auto place = [&](int token) { return (of_c ? c : b) + tile_at<units>(token, unit); };
        const int channel = s.shape.d_inner() + ((of_c ? s.shape.groups : 0) + group) * N + unit * 8;
        if (begin < chunk.count) {
            convolve<bf16>(s, w, chunk, channel, begin, min(begin + run, chunk.count), [&](int token, const float (&v)[8]) {
                put_shared(place(token), make_uint4(pack(v[0], v[1]), pack(v[2], v[3]), pack(v[4], v[5]), pack(v[6], v[7])));
            });
        }
        for (int token = max(begin, chunk.count); token < begin + run; ++token) put_shared(place(token), make_uint4(0, 0, 0, 0));
    }
    __syncthreads();
    const LaneTile<units> c_lane(warp * 16 + lane / 8 % 2 * 8 + lane % 8, lane / 16), b_lane(lane / 16 * 8 + lane % 8, lane / 8 % 2);
    uint4* out = w.products + (static_cast<int64_t>(block) * product_blocks + warp * (warp + 1) / 2) * 32 + lane;
    for (int j = 0; j <= warp; ++j) {
        float sum[2][4] = {};
#pragma unroll
        for (int k = 0; k < N / 16; ++k) {
            uint32_t of_c[4], of_b[4];
            load_matrices(of_c, c_lane(c, 0, 2 * k));
            load_matrices(of_b, b_lane(b + static_cast<uint32_t>(j * 16 * N * 2), 0, 2 * k));
            mma(sum[0], of_c, of_b[0], of_b[1]);
            mma(sum[1], of_c, of_b[2], of_b[3]);
        }
        out[j * 32] = make_uint4(pack(sum[0][0], sum[0][1]), pack(sum[0][2], sum[0][3]), pack(sum[1][0], sum[1][1]),
                                 pack(sum[1][2], sum[1][3]));
    }
}

template <typename T>
__device__ void decays(const Mamba2PrefillArgs& s, const Work& w, int block) {
    __shared__ float dts[some_heads][ssd_chunk + 1];
    constexpr float log2_e = 1.44269504088896340736f;
    const int heads = s.shape.heads, blocks_a_chunk = (heads + some_heads - 1) / some_heads;
    const int index = block / blocks_a_chunk, first_head = block % blocks_a_chunk * some_heads;
    const Chunk chunk = find_chunk(s.pieces, s.piece_count, index);
    const PartPolicy* const policy = s.policies != nullptr ? s.policies + chunk.piece : nullptr;
    const T* in = static_cast<const T*>(s.projected) + static_cast<int64_t>(chunk.first_row) * s.projected_stride + s.shape.d_inner() +
                  s.shape.channels();
    for (int i = static_cast<int>(threadIdx.x); i < some_heads * ssd_chunk; i += threads) {
        const int token = i / some_heads, head = first_head + i % some_heads;
        float dt = 0;
        if (token < chunk.count && head < heads) {
            const float v = value(in[token * s.projected_stride + head]) + s.dt_bias[head];
            dt = fminf(fmaxf(v > 20.0f ? v : log1pf(expf(v)), s.dt_min), s.dt_max);
            if (policy != nullptr) dt = policy_step(*policy, s.layer, heads, head, chunk.first + token, dt);
        }
        dts[i % some_heads][token] = dt;
    }
    __syncthreads();
    const int lane = threadIdx.x % 32;
    const bool exact = s.exact;
    // Of each token, and of outputs.
    float retention = 0, scale = 1, log_scale = 0;
    if (policy != nullptr) {
        const float unit = exact ? 1.0f : log2_e;
        retention = policy->log_retention * unit, scale = policy->output_scale, log_scale = logf(scale) * unit;
    }
    for (int i = static_cast<int>(threadIdx.x) / 32; i < some_heads && first_head + i < heads; i += warps) {
        const int head = first_head + i;
        float a = exact ? s.a[head] : s.a[head] * log2_e;
        if (policy != nullptr) a = scaled_decay(*policy, s.layer, a);
        const float dt0 = dts[i][2 * lane], dt1 = dts[i][2 * lane + 1];
        float first = dt0 * a, both = first + dt1 * a;
        if (policy != nullptr) {
            const float kept0 = 2 * lane < chunk.count ? retention : 0.0f, kept1 = 2 * lane + 1 < chunk.count ? retention : 0.0f;
            first += kept0, both += kept0 + kept1;
        }
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
        reinterpret_cast<float4*>(w.steps + at * ssd_chunk)[lane] =
            policy == nullptr ? make_float4(dt0, l0, dt1, l1) : make_float4(scale * dt0, l0 + log_scale, scale * dt1, l1 + log_scale);
        const auto decay = [exact](float l) { return exact ? expf(l) : exp2f(l); };
        float* inflow = w.inflow + at * inflow_floats;
        reinterpret_cast<float2*>(inflow)[lane] = make_float2(decay(last - l0) * dt0, decay(last - l1) * dt1);
        if (lane == 0) *reinterpret_cast<float4*>(inflow + ssd_chunk) = make_float4(decay(last), 0, 0, 0);
        if (policy != nullptr && policy->sums != nullptr) {
            double all = static_cast<double>(dt0) + static_cast<double>(dt1);
#pragma unroll
            for (int step = 16; step > 0; step /= 2) all += __shfl_xor_sync(0xffffffffu, all, step);
            if (lane == 0) *reinterpret_cast<double*>(inflow + ssd_chunk + 2) = all;
        }
    }
}

// A thread a head of a piece; chunk after chunk, so that the sums' bits depend on no cut on the grid.
__global__ __launch_bounds__(threads) void add_chunks(Mamba2PrefillArgs s, Work w) {
    const Mamba2Piece piece = s.pieces[blockIdx.y];
    double* const sums = s.policies[blockIdx.y].sums;
    const int head = static_cast<int>(blockIdx.x * threads + threadIdx.x), heads = s.shape.heads;
    if (sums == nullptr || head >= heads) return;
    double sum = sums[static_cast<int64_t>(s.layer) * heads + head];
#pragma unroll 16
    for (int index = 0; index < piece.chunk_count; ++index) {
        const float* const inflow = w.inflow + (static_cast<int64_t>(piece.first_chunk + index) * heads + head) * inflow_floats;
        sum += *reinterpret_cast<const double*>(inflow + ssd_chunk + 2);
    }
    sums[static_cast<int64_t>(s.layer) * heads + head] = sum;
}

// N: of B and C, 0: no products. The longest work comes first.
template <typename T, int N>
__global__ __launch_bounds__(threads) void prepare_chunks(Mamba2PrefillArgs s, Work w, int of_products, int of_decays, int run) {
    const int block = static_cast<int>(blockIdx.x);
    if (block < of_products) {
        if constexpr (N > 0) multiply<N>(s, w, block);
    } else if (block < of_products + of_decays) {
        decays<T>(s, w, block - of_products);
    } else {
        const int channels = N > 0 ? s.shape.d_inner() : s.shape.channels();
        convolve_runs<T>(s, w, channels, run, static_cast<int64_t>(block - of_products - of_decays) * threads + threadIdx.x);
    }
}

template <typename T, int N>
cudaError_t launch(const Mamba2PrefillArgs& s, const Work& w, cudaStream_t stream) {
    constexpr int bytes = 2 * ssd_chunk * N * 2;
    const cudaError_t error = cudaFuncSetAttribute(prepare_chunks<T, N>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    if (error != cudaSuccess) return error;
    const int of_products = N > 0 ? s.chunk_count * s.shape.groups : 0;
    const int of_decays = s.chunk_count * ((s.shape.heads + some_heads - 1) / some_heads);
    // Long runs, which load fewer weights, where there are enough of them.
    const int64_t vectors = (N > 0 ? s.shape.d_inner() : s.shape.channels()) / 8;
    const int run = s.chunk_count * vectors >= 65536 ? ssd_chunk : 16;
    const int64_t units = static_cast<int64_t>(s.chunk_count) * (ssd_chunk / run) * vectors;
    const auto blocks = static_cast<unsigned>(of_products + of_decays + (units + threads - 1) / threads);
    prepare_chunks<T, N><<<blocks, threads, bytes, stream>>>(s, w, of_products, of_decays, run);
    return cudaGetLastError();
}

}  // namespace

cudaError_t add_steps(const Mamba2PrefillArgs& s, const Work& w, cudaStream_t stream) {
    const dim3 grid(static_cast<unsigned>((s.shape.heads + threads - 1) / threads), static_cast<unsigned>(s.piece_count));
    add_chunks<<<grid, threads, 0, stream>>>(s, w);
    return cudaGetLastError();
}

cudaError_t prepare(const Mamba2PrefillArgs& s, const Work& w, cudaStream_t stream) {
    if (s.exact) return launch<float, 0>(s, w, stream);
    if (!on_tensor_cores(s)) return launch<bf16, 0>(s, w, stream);
    switch (s.shape.d_state) {
        case 16: return launch<bf16, 16>(s, w, stream);
        case 32: return launch<bf16, 32>(s, w, stream);
        case 64: return launch<bf16, 64>(s, w, stream);
        case 128: return launch<bf16, 128>(s, w, stream);
        default: return launch<bf16, 256>(s, w, stream);
    }
}

}  // namespace mamba::cuda::ssd
