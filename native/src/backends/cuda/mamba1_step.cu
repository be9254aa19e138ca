// A block has eight sessions, the columns of a tensor core's product, and a stretch of channels: it convolves them, multiplies them with
// its columns of x_proj, and leaves that share of the sum in memory. When all blocks of the eight sessions have done so, each adds up their
// shares, in order, multiplies dt_proj's rows of its own channels, and goes through its states, which have been on their way meanwhile. All
// blocks are on the device together (a cooperative launch), so that they can wait for each other; more sessions come tile by tile.
#include <algorithm>

#include "backends/cuda/mamba1_step.h"
#include "backends/cuda/operand.cuh"

namespace mamba::cuda {
namespace {

constexpr int sessions = mamba1_step_sessions, states = mamba1_step_states, most_taps = 4;
constexpr int32_t most_columns = 320, most_shares = 32;
constexpr int warp_channels = 32;                           // whose states a warp has
constexpr int passes = warp_channels * states / 4 / 32;     // channels of which a lane has four states, as many as it has of dt
constexpr int share_steps = 10;                             // most of a block's, of 32 channels, in a product with x_proj

// Bytes between rows of 16-bit numbers in shared memory: the four lanes of two rows that read 16 bytes at a time meet in no bank.
__host__ __device__ constexpr int pitch_of(int columns) { return (columns * 2 + 191) / 128 * 128 - 64; }

// What a block keeps in shared memory, by where it begins.
struct Room {
    int steps, v, sums, r, bc, bytes;

    __host__ __device__ Room(int channels, int dt_rank, int columns) {
        constexpr int number = static_cast<int>(sizeof(float));
        steps = channels * states * sessions * number;            // behind the states, [sessions][channels][states]
        v = steps + channels * (sessions + 1) * 2 * number;       // [channels][sessions + 1]: dt, dt v; then y
        sums = v + sessions * pitch_of(channels);                 // [sessions] of pitch_of(channels)
        r = sums + sessions * columns * number;                   // [sessions][columns]
        bc = r + sessions * pitch_of((dt_rank + 31) / 32 * 32);   // [sessions] of so much
        bytes = bc + sessions * 2 * states * number;              // [sessions][2 states]
    }
};

__device__ __forceinline__ unsigned acquire(const unsigned* at) {
    unsigned v;
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(v) : "l"(at) : "memory");
    return v;
}

// Four channels of a session's convolution: everything is asked for before anything is used.
struct Inputs {
    float4 bias, newest, past[most_taps - 1], weight[most_taps];  // weight[most_taps - 1]: the newest's

    __device__ __forceinline__ void load(const Mamba1Step& p, const Part& part, int channel) {
        const float4 none = make_float4(0, 0, 0, 0);
        newest = *reinterpret_cast<const float4*>(p.projected + part.first_row * p.projected_stride + channel);
        bias = p.conv_bias != nullptr ? *reinterpret_cast<const float4*>(p.conv_bias + channel) : none;
        const float* const window = part.state + p.window + channel;
#pragma unroll
        for (int k = 0; k < most_taps; ++k) {
            const int tap = k - (most_taps - p.d_conv);  // of the model's
            weight[k] = tap >= 0 ? *reinterpret_cast<const float4*>(p.conv_weight + static_cast<int64_t>(tap) * p.d_inner + channel) : none;
            if (k + 1 == most_taps) continue;
            const int row = part.phase + 1 + tap;
            const float* const from = window + static_cast<int64_t>(row < p.d_conv ? row : row - p.d_conv) * p.d_inner;
            past[k] = tap >= 0 ? *reinterpret_cast<const float4*>(from) : none;
        }
    }
    template <typename T>
    __device__ __forceinline__ uint2 convolved() const {
        float4 sum = bias;
#pragma unroll
        for (int k = 0; k < most_taps; ++k) {
            const float4 in = k + 1 == most_taps ? newest : past[k];
            sum = make_float4(fmaf(weight[k].x, in.x, sum.x), fmaf(weight[k].y, in.y, sum.y), fmaf(weight[k].z, in.z, sum.z),
                              fmaf(weight[k].w, in.w, sum.w));
        }
        return make_uint2(narrow_pair<T>(silu_fast(sum.x), silu_fast(sum.y)), narrow_pair<T>(silu_fast(sum.z), silu_fast(sum.w)));
    }
};

#if defined(MAMBA_CUDA_HOPPER) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
// Copies to shared memory that no thread waits for while they are under way: one for each of `count` sessions, all told by one barrier.
class StateCopies {
public:
    __device__ __forceinline__ explicit StateCopies(unsigned long long* barrier) : barrier_(shared_address(barrier)) {
        if (threadIdx.x == 0) asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(barrier_) : "memory");
    }
    __device__ __forceinline__ void start(const Part* parts, int count, int64_t from, float* to, int floats) const {
        if (threadIdx.x != 0) return;
        const auto bytes = static_cast<uint32_t>(floats) * 4;
        asm volatile("fence.proxy.async.shared::cta;" ::: "memory");  // what was there before has been read
        const auto all = bytes * static_cast<uint32_t>(count);
        asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier_), "r"(all) : "memory");
        for (int s = 0; s < count; ++s) {
            asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
                         ::"r"(shared_address(to + s * floats)), "l"(parts[s].state + from), "r"(bytes), "r"(barrier_) : "memory");
        }
    }
    __device__ __forceinline__ void wait() {
        unsigned there = 0;
        while (there == 0) {
            asm volatile("{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}"
                         : "=r"(there) : "r"(barrier_), "r"(parity_) : "memory");
        }
        parity_ ^= 1;
    }

private:
    uint32_t barrier_, parity_ = 0;
};
#else
// As many copies of 16 bytes by all threads.
class StateCopies {
public:
    __device__ __forceinline__ explicit StateCopies(unsigned long long*) {}
    __device__ __forceinline__ void start(const Part* parts, int count, int64_t from, float* to, int floats) const {
        for (int s = 0; s < count; ++s) {
            for (int i = threadIdx.x * 4; i < floats; i += static_cast<int>(blockDim.x) * 4) {
                copy_16(shared_address(to + s * floats + i), parts[s].state + from + i, true);
            }
        }
        end_copies();
    }
    __device__ __forceinline__ void wait() const {}  // copies_left, before the barrier that comes earlier
};
#endif

// x_proj's result of a session becomes r, b and c, by a warp.
template <typename T>
__device__ __forceinline__ void part_columns(const Mamba1Step& p, const float* sums, T* r, float* bc) {
    static_assert(2 * states == 32, "a lane has one of b and c");
    const int lane = threadIdx.x % 32, rank = p.dt_rank;
    const float own = sums[rank + lane];
    float scale_r = 1, scale_b = 1, scale_c = 1;
    if (p.norms) {
        float of_r = 0;
        for (int col = lane; col < rank; col += 32) of_r = fmaf(sums[col], sums[col], of_r);
        scale_r = rsqrtf(warp_sum(of_r) / static_cast<float>(rank) + p.norm_eps);
        scale_b = rsqrtf(warp_sum(lane < states ? own * own : 0.0f) / static_cast<float>(states) + p.norm_eps);
        scale_c = rsqrtf(warp_sum(lane < states ? 0.0f : own * own) / static_cast<float>(states) + p.norm_eps);
    }
    const auto weighted = [&](float value, float scale, const float* weight, int at) {
        return value * scale * (p.norms && weight != nullptr ? weight[at] : 1.0f);
    };
    for (int col = lane; col < (rank + 31) / 32 * 32; col += 32) {
        r[col] = narrow<T>(col < rank ? weighted(sums[col], scale_r, p.dt_norm, col) : 0.0f);
    }
    bc[lane] = lane < states ? weighted(own, scale_b, p.b_norm, lane) : weighted(own, scale_c, p.c_norm, lane - states);
}

// Which of 32 values is which k of a product does not matter as long as both sides agree: a lane takes eight neighbours of rows g
// and g + 8.
template <typename T, int Steps>
struct LeftSide {
    uint4 low[Steps], high[Steps];

    // w: of row g and the lane's eight. values: of a row.
    __device__ __forceinline__ void load(const T* w, int64_t stride, int from, int values, bool low_there, bool high_there) {
        const int q = threadIdx.x % 4;
#pragma unroll
        for (int k = 0; k < Steps; ++k) {
            const bool some = (from + k) * 32 + q * 8 < values;
            low[k] = some && low_there ? *reinterpret_cast<const uint4*>(w + (from + k) * 32) : make_uint4(0, 0, 0, 0);
            high[k] = some && high_there ? *reinterpret_cast<const uint4*>(w + 8 * stride + (from + k) * 32) : make_uint4(0, 0, 0, 0);
        }
    }
    // right: of session g and the lane's eight, in shared memory.
    __device__ __forceinline__ void multiply(const unsigned char* right, int steps, float (&sums)[2][4]) const {
#pragma unroll
        for (int k = 0; k < Steps; ++k) {
            if (k >= steps) break;
            const uint4 by = *reinterpret_cast<const uint4*>(right + k * 64);
            multiply_add<T>(sums[0], low[k].x, high[k].x, low[k].y, high[k].y, by.x, by.y);
            multiply_add<T>(sums[1], low[k].z, high[k].z, low[k].w, high[k].w, by.z, by.w);
        }
    }
};

// RankSteps: of 32, at least those of dt_rank. A warp has 16 columns of x_proj, and 32 channels where there are as many.
template <typename T, int RankSteps, bool Policied>
__global__ __launch_bounds__((RankSteps * 32 + 2 * states) * 2, 1) void step(Batch batch, Mamba1Step p, Mamba1Shares shares, int tiles) {
    allow_next();
    extern __shared__ __align__(128) unsigned char shared[];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, g = lane / 4, q = lane % 4, threads = static_cast<int>(blockDim.x);
    const int first_channel = static_cast<int>(blockIdx.x) * shares.channels, channels = min(shares.channels, p.d_inner - first_channel);
    const int channel0 = first_channel + warp * warp_channels, wanted = p.dt_rank + 2 * states, column = warp * 16 + g;
    const bool scans = warp * warp_channels < channels, multiplies = warp * 16 < shares.columns;
    const int v_pitch = pitch_of(shares.channels), r_pitch = pitch_of((p.dt_rank + 31) / 32 * 32);
    const Room room(shares.channels, p.dt_rank, shares.columns);
    float* const held = reinterpret_cast<float*>(shared);
    float2* const steps = reinterpret_cast<float2*>(shared + room.steps) + warp * warp_channels * (sessions + 1);
    unsigned char* const v_tile = shared + room.v;
    float* const sums_tile = reinterpret_cast<float*>(shared + room.sums);
    unsigned char* const r_tile = shared + room.r;
    float* const bc = reinterpret_cast<float*>(shared + room.bc);
    __shared__ Part parts[sessions];
    __shared__ unsigned long long barrier;
    StateCopies copies(&barrier);
    // A lane's states, four of each of the warp's channels g, g + 8, g + 16 and g + 24: in a layer's, and in a session's here.
    const int64_t at = static_cast<int64_t>(channel0) * states + lane * 4;
    const float* const mine_held = held + warp * warp_channels * states + lane * 4;

    for (int tile = static_cast<int>(blockIdx.y); tile < tiles; tile += static_cast<int>(gridDim.y)) {
        const int first = tile * sessions, count = min(sessions, batch.rows - first), quads = channels / 4;
        if (threadIdx.x < sessions) parts[threadIdx.x] = batch.parts[first + min(static_cast<int>(threadIdx.x), count - 1)];
        const T* const x_proj = static_cast<const T*>(p.x_proj) + min(column, wanted - 1) * p.x_proj_stride + first_channel + q * 8;
        LeftSide<T, share_steps / 2> left, right_half;
        const auto load_half = [&](LeftSide<T, share_steps / 2>& side, int from) {
            side.load(x_proj, p.x_proj_stride, from, channels, multiplies && column < wanted, multiplies && column + 8 < wanted);
        };
        load_half(left, 0);
        __syncthreads();

        // ---- The convolution, four channels a thread at a time, two times under way; behind its inputs the states set out
        constexpr int together = 2;
        for (int from = threadIdx.x; from < sessions * quads || from == static_cast<int>(threadIdx.x); from += together * threads) {
            Inputs inputs[together];
#pragma unroll
            for (int i = 0; i < together; ++i) {
                const int index = min(from + i * threads, sessions * quads - 1);
                inputs[i].load(p, parts[index / quads], first_channel + index % quads * 4);
            }
            if (from == static_cast<int>(threadIdx.x)) {
                copies.start(parts, count, p.state + static_cast<int64_t>(first_channel) * states, held, channels * states);
            }
#pragma unroll
            for (int i = 0; i < together; ++i) {
                const int index = from + i * threads, session = index / quads, channel = index % quads * 4;
                if (index >= sessions * quads) continue;
                *reinterpret_cast<uint2*>(v_tile + session * v_pitch + channel * 2) = inputs[i].template convolved<T>();
                if (session >= count) continue;
                float* const window = parts[session].state + p.window + static_cast<int64_t>(parts[session].phase) * p.d_inner;
                *reinterpret_cast<float4*>(window + first_channel + channel) = inputs[i].newest;
            }
        }
        load_half(right_half, share_steps / 2);
        __syncthreads();

        // ---- This block's share of x_proj v
        const unsigned char* const v = v_tile + g * v_pitch + q * 16;
        float products[2][4] = {};
        left.multiply(v, channels / 32, products);
        right_half.multiply(v + share_steps / 2 * 64, channels / 32 - share_steps / 2, products);
        const int share_quads = static_cast<int>(shares.floats() / 4);
        float4* const of_tile = reinterpret_cast<float4*>(p.shares) + static_cast<int64_t>(tile) * shares.count * share_quads;
        if (multiplies) {
            __stcg(of_tile + static_cast<int64_t>(blockIdx.x) * share_quads + threadIdx.x,
                   make_float4(products[0][0] + products[1][0], products[0][1] + products[1][1], products[0][2] + products[1][2],
                               products[0][3] + products[1][3]));
        }
        __threadfence();
        __syncthreads();
        unsigned* const arrived = p.arrived + 2 * tile;
        if (threadIdx.x == 0) atomicAdd(arrived, 1u);

        // ---- What the scan will want travels while others finish
        const T* const dt_proj = static_cast<const T*>(p.dt_proj) + (channel0 + g) * p.dt_proj_stride + q * 8;
        LeftSide<T, RankSteps> upper, lower;
        upper.load(dt_proj, p.dt_proj_stride, 0, p.dt_rank, scans, scans);
        if (RankSteps <= 5) lower.load(dt_proj + 16 * p.dt_proj_stride, p.dt_proj_stride, 0, p.dt_rank, scans, scans);
        float bias[warp_channels / 8], skip[warp_channels / 8], z[warp_channels / 8][2];
        float4 rate[passes];
#pragma unroll
        for (int i = 0; i < warp_channels / 8; ++i) {
            const int channel = scans ? channel0 + i * 8 + g : 0;
            bias[i] = p.dt_bias[channel];
            skip[i] = p.d[channel];
            rate[i] = *reinterpret_cast<const float4*>(p.a + (scans ? at + i * 128 : 0));
#pragma unroll
            for (int j = 0; j < 2; ++j) z[i][j] = p.projected[parts[2 * q + j].first_row * p.projected_stride + p.d_inner + channel];
        }
        if (threadIdx.x == 0) {
            const auto all = static_cast<unsigned>(shares.count);
            while (acquire(arrived) < all) {}
            // The last to leave clears both for the next layer.
            if (atomicAdd(arrived + 1, 1u) + 1 == all) arrived[0] = arrived[1] = 0;
        }
        __syncthreads();

        // ---- The sum of all shares, as r, b and c
        for (int i = threadIdx.x; i < share_quads; i += threads) {
            float4 sum = make_float4(0, 0, 0, 0);
#pragma unroll 16
            for (int s = 0; s < shares.count; ++s) {
                const float4 share = __ldcg(of_tile + static_cast<int64_t>(s) * share_quads + i);
                sum = make_float4(sum.x + share.x, sum.y + share.y, sum.z + share.z, sum.w + share.w);
            }
            float* const to = sums_tile + i % 4 * 2 * shares.columns + i / 32 * 16 + i % 32 / 4;
            to[0] = sum.x, to[shares.columns] = sum.y, to[8] = sum.z, to[shares.columns + 8] = sum.w;
        }
        __syncthreads();
        for (int s = warp; s < sessions; s += threads / 32) {
            part_columns<T>(p, sums_tile + s * shares.columns, reinterpret_cast<T*>(r_tile + s * r_pitch), bc + s * 2 * states);
        }
        copies_left<0>();
        __syncthreads();

        if (scans) {
            // ---- dt: rows of the products are channels, columns sessions; a lane has g and g + 8 of sixteen channels, sessions 2 q and
            // 2 q + 1
            if (RankSteps > 5) lower.load(dt_proj + 16 * p.dt_proj_stride, p.dt_proj_stride, 0, p.dt_rank, true, true);
#pragma unroll
            for (float4& a : rate) a = make_float4(a.x * log2_e, a.y * log2_e, a.z * log2_e, a.w * log2_e);
            float values[warp_channels / 8][2];
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                float sums[2][4] = {};
                (half == 0 ? upper : lower).multiply(r_tile + g * r_pitch + q * 16, (p.dt_rank + 31) / 32, sums);
#pragma unroll
                for (int i = 0; i < 2; ++i) {
                    const int channel = half * 16 + i * 8 + g;
#pragma unroll
                    for (int j = 0; j < 2; ++j) {
                        const T* const row = reinterpret_cast<const T*>(v_tile + (2 * q + j) * v_pitch);
                        const float value = widen(row[warp * warp_channels + channel]);
                        float dt = softplus_fast(sums[0][i * 2 + j] + sums[1][i * 2 + j] + bias[half * 2 + i]);
                        if constexpr (Policied) {
                            const PartPolicy& policy = batch.policies[first + min(2 * q + j, count - 1)];
                            dt = policy_step(policy, p.layer, p.d_inner, channel0 + channel, 0, dt);
                            if (policy.sums != nullptr && 2 * q + j < count) {
                                atomicAdd(policy.sums + static_cast<int64_t>(p.layer) * p.d_inner + channel0 + channel, static_cast<double>(dt));
                            }
                        }
                        steps[channel * (sessions + 1) + 2 * q + j] = make_float2(dt, dt * value);
                        values[half * 2 + i][j] = value;
                    }
                }
            }
            copies.wait();
            __syncwarp();

            // ---- The scan; y takes the place of dt
            static_assert(passes == 4, "each of four lanes keeps one y");
#pragma unroll 2
            for (int s = 0; s < count; ++s) {
                const float4 b = *reinterpret_cast<const float4*>(bc + s * 2 * states + q * 4);
                const float4 c = *reinterpret_cast<const float4*>(bc + s * 2 * states + states + q * 4);
                float* const to = parts[s].state + p.state + at;
                float mine = 0;
                // Under a policy: of A, added to log-decays, and a window's newest state.
                float scale = 1, kept = 0;
                float* newest = nullptr;
                if constexpr (Policied) {
                    const PartPolicy& policy = batch.policies[first + s];
                    scale = scaled_decay(policy, p.layer, 1.0f), kept = policy.log_retention * log2_e;
                    if (policy.newest != nullptr && policy.fed_from == 0) newest = policy.newest + p.state + at;
                }
#pragma unroll
                for (int i = 0; i < passes; ++i) {
                    const float2 by = steps[(i * 8 + g) * (sessions + 1) + s];
                    float4 h = *reinterpret_cast<const float4*>(mine_held + s * channels * states + i * 128);
                    const auto decay = [&](float a) { return exp2_fast(Policied ? fmaf(by.x, a * scale, kept) : by.x * a); };
                    const auto advance = [&](float4& state) {
                        state.x = fmaf(decay(rate[i].x), state.x, by.y * b.x);
                        state.y = fmaf(decay(rate[i].y), state.y, by.y * b.y);
                        state.z = fmaf(decay(rate[i].z), state.z, by.y * b.z);
                        state.w = fmaf(decay(rate[i].w), state.w, by.y * b.w);
                    };
                    advance(h);
                    if (Policied && newest != nullptr) {
                        float4 begun = *reinterpret_cast<const float4*>(newest + i * 128);
                        advance(begun);
                        *reinterpret_cast<float4*>(newest + i * 128) = begun;
                    }
                    *reinterpret_cast<float4*>(to + i * 128) = h;
                    float y = fmaf(h.x, c.x, h.y * c.y) + fmaf(h.z, c.z, h.w * c.w);
                    y += __shfl_xor_sync(0xffffffffu, y, 1);
                    y += __shfl_xor_sync(0xffffffffu, y, 2);
                    if (q == i) mine = y;
                }
                if constexpr (Policied) mine *= batch.policies[first + s].output_scale;
                __syncwarp();  // all have read dt
                steps[(q * 8 + g) * (sessions + 1) + s].x = mine;
            }
            __syncwarp();
#pragma unroll
            for (int i = 0; i < warp_channels / 8; ++i) {
#pragma unroll
                for (int j = 0; j < 2; ++j) {
                    if (2 * q + j >= count) continue;
                    const float y = fmaf(skip[i], values[i][j], steps[(i * 8 + g) * (sessions + 1) + 2 * q + j].x) * silu_fast(z[i][j]);
                    const int64_t to = static_cast<int64_t>(parts[2 * q + j].first_row) * p.d_inner + channel0 + i * 8 + g;
                    if (p.narrow) static_cast<T*>(p.y)[to] = narrow<T>(y);
                    else static_cast<float*>(p.y)[to] = y;
                }
            }
        }
        if (!scans) copies.wait();
        __syncthreads();  // shared memory is free for the next tile
    }
}

template <typename T, int RankSteps, bool Policied>
void launch(const Queue& queue, const Batch& batch, const Mamba1Step& p) {
    const Mamba1Shares shares = mamba1_shares(queue, p.d_inner, p.dt_rank, batch.rows);
    const int tiles = (batch.rows + sessions - 1) / sessions, down = std::min(tiles, queue.units / shares.count);
    const int bytes = Room(shares.channels, p.dt_rank, shares.columns).bytes;
    check(cudaFuncSetAttribute(step<T, RankSteps, Policied>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "the step's shared memory");
    const auto warps = static_cast<unsigned>(std::max(shares.columns / 16, shares.channels / warp_channels));
    queue.launch_together(step<T, RankSteps, Policied>, dim3(static_cast<unsigned>(shares.count), static_cast<unsigned>(down)), warps * 32,
                          static_cast<size_t>(bytes), "the step", batch, p, shares, tiles);
}

template <typename T, bool Policied>
void launch_fitting(const Queue& queue, const Batch& batch, const Mamba1Step& p) {
    if (p.dt_rank <= 5 * 32) launch<T, 5, Policied>(queue, batch, p);
    else launch<T, (most_columns - 2 * states) / 32, Policied>(queue, batch, p);
}

template <typename T>
void launch_fitting(const Queue& queue, const Batch& batch, const Mamba1Step& p) {
    if (batch.policies != nullptr) launch_fitting<T, true>(queue, batch, p);
    else launch_fitting<T, false>(queue, batch, p);
}

}  // namespace

Mamba1Shares mamba1_shares(const Queue& queue, int32_t d_inner, int32_t dt_rank, int32_t rows) {
    const int32_t columns = (dt_rank + 2 * states + 15) / 16 * 16, slices = (d_inner + 31) / 32, tiles = (rows + sessions - 1) / sessions;
    int32_t most = share_steps;
    while (most > 1 && static_cast<size_t>(Room(most * 32, dt_rank, columns).bytes) > queue.shared_bytes) --most;
    const int32_t wanted = std::min(most_shares, std::max(1, queue.units / tiles)), each = std::min(most, (slices + wanted - 1) / wanted);
    return {(slices + each - 1) / each, each * 32, columns};
}

bool mamba1_step_takes(const Queue& queue, int32_t type, int32_t d_inner, int32_t d_state, int32_t d_conv, int32_t dt_rank) {
    return (type == MAMBA_WEIGHT_BF16 || type == MAMBA_WEIGHT_F16) && d_inner % 32 == 0 && d_state == states && d_conv <= most_taps &&
           dt_rank % 8 == 0 && dt_rank + 2 * states <= most_columns && mamba1_shares(queue, d_inner, dt_rank, 512).count <= queue.units;
}

size_t mamba1_step_bytes(const Queue& queue, int32_t d_inner, int32_t dt_rank, int32_t rows) {
    size_t most = 0;
    for (int32_t some = 1; some <= rows; some += sessions) {  // fewer rows have more shares
        const Mamba1Shares shares = mamba1_shares(queue, d_inner, dt_rank, some);
        const auto tiles = static_cast<size_t>((some + sessions - 1) / sessions);
        most = std::max(most, tiles * static_cast<size_t>(shares.count * shares.floats()) * sizeof(float));
    }
    return most;
}

Mamba1Step mamba1_layer(const device::Model& shape, const LayerWeights& layer, const States& states, int64_t index, const float* projected,
                        int64_t width) {
    Mamba1Step p{};
    p.type = layer.x_proj.type;
    p.d_inner = static_cast<int32_t>(shape.d_inner);
    p.d_conv = static_cast<int32_t>(shape.d_conv);
    p.dt_rank = static_cast<int32_t>(shape.dt_rank);
    p.projected = projected;
    p.projected_stride = width;
    p.conv_weight = layer.conv_weight;
    p.conv_bias = layer.conv_bias;
    p.x_proj = layer.x_proj.data;
    p.x_proj_stride = layer.x_proj.pitch / 2;
    p.dt_proj = layer.dt_proj.data;
    p.dt_proj_stride = layer.dt_proj.pitch / 2;
    p.dt_bias = layer.dt_bias;
    p.a = layer.a;
    p.d = layer.d;
    p.norms = shape.dt_b_c_norm != 0;
    p.dt_norm = layer.dt_norm;
    p.b_norm = layer.b_norm;
    p.c_norm = layer.c_norm;
    p.norm_eps = shape.dt_b_c_norm_eps;
    p.window = states.window(index);
    p.state = states.ssm(index);
    p.layer = static_cast<int32_t>(index);
    return p;
}

void mamba1_step(const Queue& queue, const Batch& batch, const Mamba1Step& p) {
    if (p.type == MAMBA_WEIGHT_BF16) launch_fitting<__nv_bfloat16>(queue, batch, p);
    else launch_fitting<__half>(queue, batch, p);
}

}  // namespace mamba::cuda
