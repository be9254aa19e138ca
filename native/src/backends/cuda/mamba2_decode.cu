#include "backends/cuda/mamba2_decode.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "backends/cuda/mma.h"
#include "backends/cuda/steps.h"

namespace mamba::cuda {
namespace {

constexpr int warps = 16, threads = 32 * warps;
constexpr int group = 8;                         // weight rows of a tile: the columns of a tensor core's product
constexpr int most_shares = 10;                  // steps of 16 columns that a warp can have
constexpr size_t own_shared = size_t{28} << 10;  // what the kernel declares, and some
constexpr int most_conv = 4, head_dim = 64, d_state = 128, channels = head_dim + 2 * d_state, rows_a_warp = head_dim / warps;

// ---- Numbers of 16 bits

__device__ __forceinline__ uint32_t narrow(float2 v) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(v.x, v.y);
    return *reinterpret_cast<const uint32_t*>(&pair);
}

__device__ __forceinline__ float2 widen(uint32_t pair) {
    return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u));
}

// Two of four INT8 as BF16, exactly. With the low seven bits behind those of 128 a number is 128 + bits, and its sign bit makes 256 of 128.
template <int Selector>
__device__ __forceinline__ uint32_t two_of(uint32_t four) {
    const uint32_t apart = __byte_perm(four, 0, Selector);
    const uint32_t raised = (apart & 0x007f007fu) | 0x43004300u, offset = (apart & 0x00800080u) | 0x43004300u;
    const __nv_bfloat162 v = __hsub2(*reinterpret_cast<const __nv_bfloat162*>(&raised), *reinterpret_cast<const __nv_bfloat162*>(&offset));
    return *reinterpret_cast<const uint32_t*>(&v);
}

// ---- The grid's barrier

// What the block's threads wrote can be seen by all that have waited.
__device__ __forceinline__ void arrive(unsigned int* arrived) {
    __syncthreads();
    if (threadIdx.x == 0) asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(arrived) : "memory");
}

__device__ __forceinline__ void await(unsigned int* arrived, unsigned int target) {
    if (threadIdx.x == 0) {
        unsigned int seen = 0;
        do asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(seen) : "l"(arrived) : "memory");
        while (seen < target);
    }
    __syncthreads();
}

// ---- The weights' way to shared memory

// A warp's tiles, in the order in which it multiplies them: for each layer those of in_proj, then those of out_proj, pass by pass. A tile
// is the warp's columns of eight rows, and with Q8_0 32 bytes of each row's scales.
template <int Type, int Depth>
class Ring {
public:
    __device__ Ring(const Mamba2DecodeArgs& p, unsigned char* memory, int lane, int warp)
        : p_(p), at_(shared_address(memory) + static_cast<uint32_t>(warp * Depth * p.tile_bytes)), lane_(lane), warp_(warp) {
        const auto blocks = static_cast<int64_t>(gridDim.x), block = static_cast<int64_t>(blockIdx.x);
        in = {static_cast<int>(p.first.in_proj.rows * block / blocks), static_cast<int>(p.first.in_proj.rows * (block + 1) / blocks)};
        out = {static_cast<int>(p.first.out_proj.rows * block / blocks), static_cast<int>(p.first.out_proj.rows * (block + 1) / blocks)};
        for (int i = 0; i < Depth; ++i) ask();
    }

    // The shared address of the next tile, which has arrived.
    __device__ __forceinline__ uint32_t next() {
        copy_wait<Depth - 1>();
        __syncwarp();
        return at_ + static_cast<uint32_t>(turn_ * p_.tile_bytes);
    }
    // The tile has been read: another one takes its place.
    __device__ __forceinline__ void done() {
        __syncwarp();
        ask();
    }

    int2 in, out;  // the block's rows of in_proj and out_proj: from, until

private:
    static constexpr int number_bytes = Type == MAMBA_WEIGHT_Q8_0 ? 1 : 2;

    // Called once for each place of the ring, and then behind each tile: the place is that of the tile read last.
    __device__ __forceinline__ void ask() {
        if (layer_ < p_.layers) {
            const bool first = matrix_ == 0;
            const unsigned char* const data = first ? p_.first.in_proj.data : p_.first.out_proj.data;
            const int64_t pitch = first ? p_.first.in_proj.pitch : p_.first.out_proj.pitch;
            const int cols = first ? p_.d_model : p_.d_inner, count = first ? in.y - in.x : out.y - out.x;
            const int row = tile_ * group, left = count - row, column = (pass_ * warps + warp_) * p_.steps * 16;
            const unsigned char* const from = data + layer_ * p_.layer_bytes + ((first ? in.x : out.x) + row) * pitch;
            const uint32_t to = at_ + static_cast<uint32_t>(turn_ * p_.tile_bytes);
            const int units = p_.steps * number_bytes;  // of 16 bytes, of a row
            for (int i = lane_; i < group * units; i += 32) {
                const int r = i / units, unit = i - r * units;
                copy_async(to + static_cast<uint32_t>(r * p_.row_bytes + unit * 16),
                           from + (r < left ? r : 0) * pitch + column * number_bytes + unit * 16, r < left);
            }
            if (Type == MAMBA_WEIGHT_Q8_0 && lane_ < 2 * group) {
                const int r = lane_ / 2, at = (column / 32 * 2 & ~15) + lane_ % 2 * 16;
                const bool there = r < left && cols + at + 16 <= pitch;
                copy_async(to + static_cast<uint32_t>(group * p_.row_bytes + lane_ * 16), from + (there ? r * pitch + cols + at : 0),
                           there);
            }
            if (++tile_ * group >= count) {
                tile_ = 0;
                if (++pass_ == (first ? 1 : p_.passes)) {
                    pass_ = 0;
                    layer_ += matrix_;
                    matrix_ ^= 1;
                }
            }
        }
        copy_commit();
        if (++turn_ == Depth) turn_ = 0;
    }

    const Mamba2DecodeArgs& p_;
    const uint32_t at_;
    const int lane_, warp_;
    int layer_ = 0, matrix_ = 0, pass_ = 0, tile_ = 0, turn_ = 0;
};

// ---- A product

// A block's rows of a matrix times the normed rows of x: each warp multiplies its columns, `finish(row, m, value)` gets the sums.
// slots: [warps, most_rows, rows]
template <int Matrix, int Type, int Depth, typename Finish>
__device__ __forceinline__ void product(const Mamba2DecodeArgs& p, Ring<Type, Depth>& ring, const float* x, const float* norm, float* slots,
                                        float (&squares)[warps][Mamba2Decode::most_rows], const Finish& finish) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, g = lane / 4, q = lane % 4, rows = p.batch.rows, steps = p.steps;
    const int passes = Matrix == 0 ? 1 : p.passes, cols = Matrix == 0 ? p.d_model : p.d_inner;
    const int2 own = Matrix == 0 ? ring.in : ring.out;
    const int count = own.y - own.x;
    constexpr bool q8 = Type == MAMBA_WEIGHT_Q8_0;
    const float* const row = x + static_cast<int64_t>(min(g, rows - 1)) * cols;
    float sum_of_squares = 0;
    for (int pass = 0; pass < passes; ++pass) {
        const int first = (pass * warps + warp) * steps * 16;
        uint32_t a[most_shares][4];
#pragma unroll
        for (int s = 0; s < most_shares; ++s) {
            // Which of 16 columns is which k of a product does not matter, as long as both sides agree.
            const int column = first + min(s, steps - 1) * 16 + (q8 ? 4 : 2) * q;
            float2 v[2] = {__ldcg(reinterpret_cast<const float2*>(row + column)),
                           __ldcg(reinterpret_cast<const float2*>(row + column + (q8 ? 2 : 8)))};
            const float2 by[2] = {__ldg(reinterpret_cast<const float2*>(norm + column)),
                                  __ldg(reinterpret_cast<const float2*>(norm + column + (q8 ? 2 : 8)))};
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                if (g >= rows || s >= steps) v[i] = make_float2(0, 0);
                sum_of_squares = fmaf(v[i].x, v[i].x, fmaf(v[i].y, v[i].y, sum_of_squares));
                v[i] = make_float2(v[i].x * by[i].x, v[i].y * by[i].y);
                a[s][2 * i] = narrow(v[i]);
                const float2 rounded = widen(a[s][2 * i]);
                a[s][2 * i + 1] = narrow(make_float2(v[i].x - rounded.x, v[i].y - rounded.y));
            }
        }
        for (int at = 0; at < count; at += group) {
            const uint32_t tile = ring.next(), from = tile + static_cast<uint32_t>(lane % 8 * p.row_bytes + lane / 8 * 16);
            float c[2][4] = {};
            if constexpr (q8) {
                const uint32_t scales = tile + static_cast<uint32_t>(group * p.row_bytes + 2 * q * 32 - (first / 32 * 2 & ~15));
#pragma unroll
                for (int s = 0; s < most_shares; s += 4) {
                    if (s >= steps) break;
                    uint32_t four[4];
                    load_matrices(four, from + static_cast<uint32_t>(s * 16));
#pragma unroll
                    for (int i = 0; i < 4 && s + i < most_shares; ++i) {
                        if (s + i >= steps) break;
                        const uint32_t at_scale = scales + static_cast<uint32_t>((first + (s + i) * 16) / 32 * 2);
                        float part[4] = {};
                        mma(part, a[s + i], two_of<0x4140>(four[i]), two_of<0x4342>(four[i]));
                        float by[2];
#pragma unroll
                        for (int n = 0; n < 2; ++n) {
                            unsigned short bits;
                            asm volatile("ld.shared.u16 %0, [%1];" : "=h"(bits) : "r"(at_scale + static_cast<uint32_t>(n * 32)));
                            by[n] = __half2float(__ushort_as_half(bits));
                        }
#pragma unroll
                        for (int k = 0; k < 4; ++k) c[0][k] = fmaf(part[k], by[k % 2], c[0][k]);
                    }
                }
            } else {
#pragma unroll
                for (int s = 0; s < most_shares; s += 2) {
                    if (s >= steps) break;
                    uint32_t b[4];
                    load_matrices(b, from + static_cast<uint32_t>(s * 32));
                    mma(c[0], a[s], b[0], b[1]);
                    if (s + 1 < steps) mma(c[1], a[s + 1], b[2], b[3]);
                }
            }
            ring.done();
            if (g < rows) {
                float* const slot = slots + (warp * p.most_rows + at + 2 * q) * rows + g;
                const float v[2] = {c[0][0] + c[1][0] + c[0][2] + c[1][2], c[0][1] + c[1][1] + c[0][3] + c[1][3]};
                slot[0] = pass == 0 ? v[0] : slot[0] + v[0];
                slot[rows] = pass == 0 ? v[1] : slot[rows] + v[1];
            }
        }
    }
    sum_of_squares += __shfl_xor_sync(0xffffffffu, sum_of_squares, 1);
    sum_of_squares += __shfl_xor_sync(0xffffffffu, sum_of_squares, 2);
    if (q == 0) squares[warp][g] = sum_of_squares;
    __syncthreads();
    for (int i = threadIdx.x; i < count * rows; i += threads) {
        const int j = i / rows, m = i % rows;
        float sum = 0, all = 0;
#pragma unroll
        for (int w = 0; w < warps; ++w) {
            sum += slots[(w * p.most_rows + j) * rows + m];
            all += squares[w][m];
        }
        finish(own.x + j, m, sum / sqrtf(all / static_cast<float>(cols) + p.norm_eps));
    }
}

// ---- The step

struct StepMemory {
    float inputs[most_conv][channels], taps[most_conv][channels], offsets[channels];  // the newest last, their taps, and the bias
    float x[ring_entries][head_dim], b[ring_entries][d_state], c[d_state];
    float dots[ring_entries], weights[ring_entries], decay, outputs[head_dim];
};

// One token of one session in one head, as mamba2_step (mamba2.h) computes it: a whole block has one head here, and its copies do not wait for
// those of the ring of weights. What depends on no other block is read before projected(), which waits for in_proj.
template <typename Projected>
__device__ __forceinline__ void step(const Mamba2DecodeArgs& p, int layer, int unit, StepMemory& m, const Projected& projected) {
    const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
    const Mamba2Scan& s = p.scan;
    const int head = unit % s.heads, conv_taps = p.convolution.d_conv;
    const Part part = p.batch.parts[unit / s.heads];
    const int recent = part.recent;
    const auto of_layer = [&](const float* vector) {
        return reinterpret_cast<const float*>(reinterpret_cast<const char*>(vector) + layer * p.layer_bytes);
    };
    float* const own = part.state + layer * p.state_floats;
    float* const window = own + p.convolution.window;
    float* const state = own + s.state + static_cast<int64_t>(head) * head_dim * d_state;
    float* const ring = own + s.recent;
    const int all_channels = p.convolution.channels;
    const auto channel_of = [&](int at) { return at < head_dim ? head * head_dim + at : p.d_inner + at - head_dim; };

    float4 held[rows_a_warp];
#pragma unroll
    for (int r = 0; r < rows_a_warp; ++r)
        held[r] = __ldcs(reinterpret_cast<const float4*>(state + (warp * rows_a_warp + r) * d_state) + lane);
    if (thread < channels / 4) {
        const int at = thread * 4, channel = channel_of(at);
        const float4 zero = make_float4(0, 0, 0, 0);
        int slot = part.phase;
#pragma unroll
        for (int k = most_conv - 1; k >= 0; --k) {
            const int tap = k - (most_conv - conv_taps);
            const float4 weight =
                __ldg(reinterpret_cast<const float4*>(of_layer(p.first.conv_weight) + max(tap, 0) * all_channels + channel));
            *reinterpret_cast<float4*>(&m.taps[k][at]) = tap >= 0 ? weight : zero;
            if (k == most_conv - 1) continue;
            slot = slot == 0 ? conv_taps - 1 : slot - 1;
            const float4 input = __ldcg(reinterpret_cast<const float4*>(window + slot * all_channels + channel));
            *reinterpret_cast<float4*>(&m.inputs[k][at]) = tap >= 0 ? input : zero;
        }
        *reinterpret_cast<float4*>(&m.offsets[at]) =
            p.first.conv_bias != nullptr ? __ldg(reinterpret_cast<const float4*>(of_layer(p.first.conv_bias) + channel)) : zero;
    }
    constexpr int fours = (head_dim + d_state) / 4;  // of an entry of the ring
    for (int i = thread; i < recent * fours; i += threads) {
        const int entry = i / fours, at = i % fours * 4;
        const float* const from = ring + entry * s.recent_stride + channel_of(at);
        float* const to = at < head_dim ? &m.x[entry][at] : &m.b[entry][at - head_dim];
        *reinterpret_cast<float4*>(to) = __ldcg(reinterpret_cast<const float4*>(from));
    }
    const int64_t dt_at = p.d_inner + d_state + head;
    float dt = warp == 0 && lane < recent ? __ldcg(ring + lane * s.recent_stride + dt_at) : 0.0f;
    const float a = of_layer(p.first.a)[head], skip = of_layer(p.first.d)[head], dt_bias = of_layer(p.first.dt_bias)[head];

    projected();
    const int64_t row = part.first_row;
    const float* const in = p.projected + row * p.width;  // z, x, B, C, dt
    float* const entry = ring + recent * s.recent_stride;
    if (thread < channels / 4) {
        *reinterpret_cast<float4*>(&m.inputs[most_conv - 1][thread * 4]) =
            __ldcg(reinterpret_cast<const float4*>(in + p.d_inner + channel_of(thread * 4)));
    }
    float2 z = make_float2(0, 0);
    if (warp == 0) {
        z = __ldcg(reinterpret_cast<const float2*>(in + head * head_dim) + lane);
        const float now = fminf(fmaxf(softplus(__ldcg(in + p.d_inner + all_channels + head) + dt_bias), s.dt_min), s.dt_max);
        if (lane == recent) {
            dt = now;
            if (part.folds == 0) entry[dt_at] = now;
        }
        // From here on back to each entry, and to each one behind it.
        float since = dt;
#pragma unroll
        for (int distance = 1; distance < ring_entries; distance *= 2) {
            const float later = __shfl_down_sync(0xffffffffu, since, distance);
            if (lane + distance < 32) since += later;
        }
        const float after = __shfl_down_sync(0xffffffffu, since, 1);
        if (lane <= recent) m.weights[lane] = expf(a * (lane == recent ? 0.0f : after)) * dt;
        if (lane == 0) m.decay = expf(a * since);
    }
    __syncthreads();

    // B and C are every head's input, and one's to keep. What is written here, to window and ring, is nothing that other blocks read.
    for (int at = thread; at < channels; at += threads) {
        const int channel = channel_of(at), n = at - head_dim;
        float sum = m.offsets[at];
#pragma unroll
        for (int k = 0; k < most_conv; ++k) sum = fmaf(m.taps[k][at], m.inputs[k][at], sum);
        const float out = silu(sum);
        if (n < 0)
            m.x[recent][at] = out;
        else if (n < d_state)
            m.b[recent][n] = out;
        else
            m.c[n - d_state] = out;
        if (n >= 0 && head != 0) continue;
        window[part.phase * all_channels + channel] = m.inputs[most_conv - 1][at];
        if (part.folds == 0 && n < d_state) entry[channel] = out;
    }
    __syncthreads();

    const float4 c = *reinterpret_cast<const float4*>(&m.c[4 * lane]);
    if (warp <= recent) {
        const float4 b = *reinterpret_cast<const float4*>(&m.b[warp][4 * lane]);
        const float dot = warp_sum(fmaf(c.x, b.x, fmaf(c.y, b.y, fmaf(c.z, b.z, c.w * b.w))));
        if (lane == 0) m.dots[warp] = dot;
    }
    float y[rows_a_warp];
#pragma unroll
    for (int r = 0; r < rows_a_warp; ++r) y[r] = fmaf(held[r].x, c.x, fmaf(held[r].y, c.y, fmaf(held[r].z, c.z, held[r].w * c.w)));
    const float total = warp_sums(y, lane);
    if (lane % 8 == 0) m.outputs[warp * rows_a_warp + lane / 8] = total;
    __syncthreads();

    const float decay = m.decay;
    if (warp == 0) {
        float2 out = make_float2(decay * m.outputs[2 * lane], decay * m.outputs[2 * lane + 1]), v = out;
        for (int j = 0; j <= recent; ++j) {
            const float by = m.weights[j] * m.dots[j];
            v = *reinterpret_cast<const float2*>(&m.x[j][2 * lane]);
            out = make_float2(fmaf(by, v.x, out.x), fmaf(by, v.y, out.y));
        }
        out = make_float2(fmaf(skip, v.x, out.x) * silu(z.x), fmaf(skip, v.y, out.y) * silu(z.y));
        *reinterpret_cast<float2*>(p.y + row * p.d_inner + head * head_dim + 2 * lane) = out;
    }
    if (part.folds != 0) {
#pragma unroll
        for (int r = 0; r < rows_a_warp; ++r)
            held[r] = make_float4(held[r].x * decay, held[r].y * decay, held[r].z * decay, held[r].w * decay);
        for (int j = 0; j <= recent; ++j) {
            const float by = m.weights[j];
            const float4 b = *reinterpret_cast<const float4*>(&m.b[j][4 * lane]);
#pragma unroll
            for (int r = 0; r < rows_a_warp; ++r) {
                const float v = m.x[j][warp * rows_a_warp + r];
                held[r] = make_float4(fmaf(v, by * b.x, held[r].x), fmaf(v, by * b.y, held[r].y), fmaf(v, by * b.z, held[r].z),
                                      fmaf(v, by * b.w, held[r].w));
            }
        }
#pragma unroll
        for (int r = 0; r < rows_a_warp; ++r) __stcs(reinterpret_cast<float4*>(state + (warp * rows_a_warp + r) * d_state) + lane, held[r]);
    }
}

// ---- All of it

template <int Type, int Depth>
__global__ __launch_bounds__(threads, 1) void decode(const __grid_constant__ Mamba2DecodeArgs p) {
    extern __shared__ __align__(128) unsigned char memory[];
    __shared__ __align__(16) StepMemory step_memory;
    __shared__ float squares[warps][Mamba2Decode::most_rows];
    float* const slots = reinterpret_cast<float*>(memory + warps * Depth * p.tile_bytes);
    Ring<Type, Depth> ring(p, memory, threadIdx.x % 32, threadIdx.x / 32);
    const auto of_layer = [&](const float* vector, int layer) {
        return reinterpret_cast<const float*>(reinterpret_cast<const char*>(vector) + layer * p.layer_bytes);
    };
    unsigned int target = 0;
    for (int layer = 0; layer < p.layers; ++layer) {
        const float* const in_bias = p.first.in_proj_bias != nullptr ? of_layer(p.first.in_proj_bias, layer) : nullptr;
        product<0>(p, ring, p.x, of_layer(p.first.norm, layer), slots, squares, [&](int row, int m, float value) {
            p.projected[m * p.width + row] = value + (in_bias != nullptr ? in_bias[row] : 0.0f);
        });
        arrive(p.arrived);
        target += gridDim.x;
        bool waited = false;
        const auto wait = [&] {
            if (!waited) await(p.arrived, target);
            waited = true;
        };
        for (int unit = blockIdx.x; unit < p.scan.heads * p.batch.part_count; unit += gridDim.x) {
            step(p, layer, unit, step_memory, wait);
            __syncthreads();
        }
        wait();

        arrive(p.arrived);
        target += gridDim.x;
        await(p.arrived, target);
        const float* const out_bias = p.first.out_proj_bias != nullptr ? of_layer(p.first.out_proj_bias, layer) : nullptr;
        product<1>(p, ring, p.y, of_layer(p.first.gated_norm, layer), slots, squares, [&](int row, int m, float value) {
            float* const to = p.x + static_cast<int64_t>(m) * p.d_model + row;
            *to = __ldcg(to) + value + (out_bias != nullptr ? out_bias[row] : 0.0f);
        });
        if (layer + 1 == p.layers) break;
        arrive(p.arrived);
        target += gridDim.x;
        await(p.arrived, target);
    }
    copy_wait<0>();
}

template <int Type, int Depth>
void launch(const Queue& queue, const Mamba2DecodeArgs& args, size_t bytes) {
    const auto kernel = decode<Type, Depth>;
    // Each time: it holds for the current device alone.
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(queue.shared_bytes - own_shared)),
          "the shared memory of a step");
    queue.launch_together(kernel, dim3(static_cast<unsigned>(queue.units)), threads, bytes, "a step", args);
}

size_t shared_bytes(const Mamba2DecodeArgs& args, int depth) {
    return static_cast<size_t>(warps) *
           (static_cast<size_t>(depth * args.tile_bytes) + static_cast<size_t>(args.most_rows * args.batch.rows) * sizeof(float));
}

template <int Type>
void launch_deepest(const Queue& queue, const Mamba2DecodeArgs& args) {
    const size_t room = queue.shared_bytes - own_shared;
    if (shared_bytes(args, 6) <= room)
        launch<Type, 6>(queue, args, shared_bytes(args, 6));
    else if (shared_bytes(args, 4) <= room)
        launch<Type, 4>(queue, args, shared_bytes(args, 4));
    else
        launch<Type, 3>(queue, args, shared_bytes(args, 3));
}

// Whether each of the layers' addresses lies `bytes` behind that of the layer before.
bool evenly_placed(const std::vector<LayerWeights>& layers, int64_t bytes) {
    for (size_t i = 1; i < layers.size(); ++i) {
        const auto follows = [&](const void* before, const void* address) {
            return before == nullptr ? address == nullptr : static_cast<const char*>(before) + bytes == address;
        };
        const LayerWeights &a = layers[i - 1], &b = layers[i];
        const auto same = [&](const Weight& v, const Weight& w) {
            return v.type == w.type && v.pitch == w.pitch && v.rows == w.rows && follows(v.data, w.data);
        };
        if (!same(a.in_proj, b.in_proj) || !same(a.out_proj, b.out_proj) || !follows(a.norm, b.norm) ||
            !follows(a.in_proj_bias, b.in_proj_bias) || !follows(a.conv_weight, b.conv_weight) || !follows(a.conv_bias, b.conv_bias) ||
            !follows(a.dt_bias, b.dt_bias) || !follows(a.a, b.a) || !follows(a.d, b.d) || !follows(a.gated_norm, b.gated_norm) ||
            !follows(a.out_proj_bias, b.out_proj_bias)) {
            return false;
        }
    }
    return true;
}

bool asked_for() {
    const char* asked = std::getenv("MAMBA_CUDA_DECODE");
    return asked != nullptr && std::strcmp(asked, "1") == 0;
}

}  // namespace

Mamba2Decode::Mamba2Decode(const device::Model& shape, const Weights& weights, const States& states, const Queue& queue) {
    const std::vector<LayerWeights>& layers = weights.layers;
    args_.first = layers[0];
    args_.layer_bytes = layers.size() > 1 ? layers[1].in_proj.data - layers[0].in_proj.data : 0;
    type_ = layers[0].in_proj.type;
    const bool type = layers[0].out_proj.type == type_ && (type_ == MAMBA_WEIGHT_BF16 || type_ == MAMBA_WEIGHT_Q8_0);
    const bool heads = shape.head_count > 0 && shape.group_count == 1 && shape.head_dim == head_dim && shape.d_state == d_state &&
                       shape.d_conv <= most_conv && shape.gated_norm != 0 && layers[0].gated_norm != nullptr && shape.norm_before_gate == 0;
    const int64_t shares = shape.d_model / (16 * warps);
    const bool sizes =
        shape.d_model % (16 * warps) == 0 && shape.d_inner % shape.d_model == 0 && shares <= most_shares && shape.d_model >= queue.units;
    if (!asked_for() || !type || !heads || !sizes || !evenly_placed(layers, args_.layer_bytes)) return;
    args_.scan = mamba2_layer(shape, layers[0], states, 0, nullptr, 0);
    args_.convolution.window = states.window(0);
    args_.convolution.channels = static_cast<int32_t>(shape.d_inner + 2 * d_state);
    args_.convolution.d_conv = static_cast<int32_t>(shape.d_conv);
    args_.state_floats = states.layer_floats();
    args_.layers = static_cast<int32_t>(shape.layer_count);
    args_.d_model = static_cast<int32_t>(shape.d_model);
    args_.d_inner = static_cast<int32_t>(shape.d_inner);
    args_.norm_eps = shape.norm_eps;
    args_.steps = args_.d_model / (16 * warps);
    args_.passes = args_.d_inner / args_.d_model;
    const bool q8 = type_ == MAMBA_WEIGHT_Q8_0;
    args_.row_bytes = (args_.steps * (q8 ? 1 : 2) | 1) * 16;  // so that eight rows' 16 bytes are in different banks
    // What is read of four 16 byte columns beyond a warp's share is not used, but must be there.
    args_.tile_bytes = group * args_.row_bytes + (q8 ? group * 32 : 0);
    const int32_t most = (std::max(args_.first.in_proj.rows, args_.first.out_proj.rows) + queue.units - 1) / queue.units;
    args_.most_rows = (most + group - 1) / group * group;
    args_.batch.rows = most_rows;
    if (queue.shared_bytes < own_shared + shared_bytes(args_, 3)) return;
    arrived_ = DeviceArray<unsigned int>(1, "working memory");
    takes_ = true;
}

void Mamba2Decode::run(const Queue& queue, const Batch& batch, float* x, float* projected, int64_t width, float* y) const {
    Mamba2DecodeArgs args = args_;
    args.batch = batch;
    args.x = x;
    args.projected = projected;
    args.width = width;
    args.y = y;
    args.arrived = arrived_.data();
    check(cudaMemsetAsync(args.arrived, 0, sizeof(unsigned int), queue.stream), "a step");
    if (type_ == MAMBA_WEIGHT_BF16)
        launch_deepest<MAMBA_WEIGHT_BF16>(queue, args);
    else
        launch_deepest<MAMBA_WEIGHT_Q8_0>(queue, args);
}

}  // namespace mamba::cuda
