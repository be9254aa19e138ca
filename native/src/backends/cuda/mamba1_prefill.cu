// Mamba-1's selective scan, parallel in time. A block takes 4 channels a warp and 128 tokens at a time. First dt of all of them, from r and
// dt_proj on the tensor cores; then a lane holds 16 tokens of a channel, and for each state n computes their decays and inputs once, folds
// them to one pair (decay, end), scans the pairs over the 8 lanes of the channel by shuffles, and walks its tokens again from the state
// that it was given: one exponential, six FP32 operations and a few loads a token, channel and state. The state is carried in shared
// memory from 128 tokens to the next. Where channels are too few to fill the device, a part is cut in segments: a pass before this one
// computes what each ends in (mamba1_segments.h), and each begins from what those before it come to.
#include <algorithm>

#include "backends/cuda/gemm_tile.cuh"
#include "backends/cuda/mamba1_prefill.h"
#include "backends/cuda/mamba1_segments.h"

namespace mamba::cuda {
namespace {

constexpr int tile_tokens = 128, each = 16, lanes = tile_tokens / each, warp_channels = 32 / lanes;
// Floats between runs of 16 tokens, and between channels, so that 16-byte reads of a warp fall in different banks.
constexpr int run_pitch = each + 4, row_pitch = lanes * run_pitch, channel_pitch = row_pitch + 8;

__device__ __forceinline__ int place(int token) { return token / each * run_pitch + token % each; }

// Ends: the pass that finds what segments end in; Outputs: everything else.
enum class Pass { ends, outputs };

// dt of a block's tokens, before its bias: [128 tokens, channels], 16 x 8 products by the warps in turn. Both operands come straight from the
// cache, 16 bytes a lane: products may take k in any order if both do, so a lane's eight are two steps' share.
template <typename T, int Warps>
__device__ __forceinline__ void multiply_rank(const Mamba1Prefill& p, int64_t first, int last, int channel0, float (&sums)[8 / Warps][Warps / 2][4]) {
    constexpr int tall = 8 / Warps, wide = Warps / 2;
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int pitch = mamba1_rank_pitch(p.dt_rank);
    const T* const r = static_cast<const T*>(p.r);
    const T* const w = static_cast<const T*>(p.dt_proj);
    for (int k = lane % 4 * 8; k < pitch; k += 32) {
        uint4 b[wide];
#pragma unroll
        for (int j = 0; j < wide; ++j) {
            b[j] = make_uint4(0, 0, 0, 0);
            if (k < p.dt_rank) b[j] = __ldg(reinterpret_cast<const uint4*>(w + (channel0 + j * 8 + lane / 4) * p.dt_proj_stride + k));
        }
#pragma unroll
        for (int i = 0; i < tall; ++i) {
            const int token = (warp * tall + i) * 16 + lane / 4;
            const uint4 low = *reinterpret_cast<const uint4*>(r + (first + min(token, last)) * pitch + k);
            const uint4 high = *reinterpret_cast<const uint4*>(r + (first + min(token + 8, last)) * pitch + k);
#pragma unroll
            for (int j = 0; j < wide; ++j) {
                multiply_add<T>(sums[i][j], low.x, high.x, low.y, high.y, b[j].x, b[j].y);
                multiply_add<T>(sums[i][j], low.z, high.z, low.w, high.w, b[j].z, b[j].w);
            }
        }
    }
}

template <typename T, int Warps, Pass pass, bool Policied>
__global__ __launch_bounds__(Warps * 32, 12 / Warps) void scan(Batch batch, Mamba1Prefill p, Mamba1Segments segments) {
    constexpr int channels = Warps * warp_channels, threads = Warps * 32;
    extern __shared__ __align__(16) float shared[];
    const int n_count = p.d_state;
    float* const b_tile = shared;                                  // [d_state][row_pitch]
    float* const c_tile = b_tile + n_count * row_pitch;            // [d_state][row_pitch]
    float* const dt_tile = c_tile + n_count * row_pitch;           // [channels][channel_pitch]; later y
    float* const dv_tile = dt_tile + channels * channel_pitch;     // [channels][channel_pitch]: dt v
    float* const rate = dv_tile + channels * channel_pitch;        // [channels][d_state]: a log2 e
    float* const held = rate + channels * n_count;                 // [channels][d_state]: the state
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int run = lane / warp_channels, channel = warp * warp_channels + lane % warp_channels;  // of the scan
    const int channel0 = static_cast<int>(blockIdx.x) * channels, mine = channel0 + channel;
    const int64_t states0 = static_cast<int64_t>(channel0) * n_count;

    for (int i = threadIdx.x; i < channels * n_count; i += threads) rate[i] = p.a[states0 + i] * log2_e;
    begin_dependent();
    allow_next();
    PartPolicy policy;
    if constexpr (Policied) {
        policy = batch.policies[blockIdx.y];
        for (int i = threadIdx.x; i < channels * n_count; i += threads) rate[i] = scaled_decay(policy, p.layer, rate[i]);
    }
    double step_sum = 0;
    const int segment = static_cast<int>(blockIdx.z);
    const Part part = batch.parts[blockIdx.y];
    float* const state = part.state + p.state + states0;
    const int64_t of_part = static_cast<int64_t>(blockIdx.y) * p.d_inner * n_count + states0;
    const auto of_segment = [&](int s) { return (static_cast<int64_t>(blockIdx.y) * segments.count + s) * p.d_inner; };
    const int tiles = (part.count + tile_tokens - 1) / tile_tokens;
    const int begin = static_cast<int>(static_cast<int64_t>(tiles) * segment / segments.count);
    const int end = static_cast<int>(static_cast<int64_t>(tiles) * (segment + 1) / segments.count);
    for (int i = threadIdx.x; i < channels * n_count; i += threads) {
        float value = 0;
        if (pass == Pass::ends) {
            if (segment == 0) segments.begin[of_part + i] = state[i];
        } else if (segments.count == 1) {
            value = state[i];
        } else {
            value = segments.begin[of_part + i];
            for (int s = 0; s < segment; ++s) {
                const float decay = exp2_fast(p.a[states0 + i] * log2_e * segments.sums[of_segment(s) + channel0 + i / n_count]);
                value = fmaf(decay, value, segments.ends[of_segment(s) * n_count + states0 + i]);
            }
        }
        held[i] = value;
    }
    const T* const v_in = static_cast<const T*>(p.v) + channel0;
    const T* const z_in = static_cast<const T*>(p.projected) + p.d_inner + channel0;
    // What dt begins with: of the channels that this lane's products are of, or of the one that it reads.
    constexpr int wide = sizeof(T) == 4 ? 1 : Warps / 2;
    float dt_bias[wide][2];
#pragma unroll
    for (int j = 0; j < wide; ++j) {
        const int at = sizeof(T) == 4 ? static_cast<int>(threadIdx.x) % channels : j * 8 + lane % 4 * 2;
        dt_bias[j][0] = p.dt_bias[channel0 + at];
        dt_bias[j][1] = p.dt_bias[channel0 + (sizeof(T) == 4 ? at : at + 1)];
    }
    float dt_sum = 0;

    for (int tile = begin; tile < end; ++tile) {
        const int there = min(tile_tokens, part.count - tile * tile_tokens);
        const int64_t first = part.first_row + static_cast<int64_t>(tile) * tile_tokens;
        __syncthreads();  // the tiles of the tokens before are no longer read

        // ---- b and c, turned so that tokens are neighbours: read first, so that they travel while dt is computed
        constexpr int batch_quads = 8;
        const int quads = tile_tokens * (n_count / (pass == Pass::ends ? 4 : 2));  // c is not asked for where a segment ends
        float4 bc[batch_quads];
        const auto read_bc = [&](int from) {
#pragma unroll
            for (int i = 0; i < batch_quads; ++i) {
                const int index = from + i * threads + static_cast<int>(threadIdx.x), token = index % tile_tokens, n = index / tile_tokens * 4;
                if (index < quads) bc[i] = *reinterpret_cast<const float4*>(p.bc + (first + min(token, there - 1)) * 2 * n_count + n);
            }
        };
        const auto put_bc = [&](int from) {
#pragma unroll
            for (int i = 0; i < batch_quads; ++i) {
                const int index = from + i * threads + static_cast<int>(threadIdx.x), token = index % tile_tokens, n = index / tile_tokens * 4;
                if (index >= quads) continue;
                float* const to = b_tile + n * row_pitch + place(token);
                to[0] = bc[i].x, to[row_pitch] = bc[i].y, to[2 * row_pitch] = bc[i].z, to[3 * row_pitch] = bc[i].w;
            }
        };
        read_bc(0);
        // The next tile's v and z come nearer meanwhile.
        for (int token = threadIdx.x; token < tile_tokens && tile + 1 < end; token += threads) {
            const int64_t row = first + min(token + tile_tokens, part.count - 1 - tile * tile_tokens);
            asm volatile("prefetch.global.L2 [%0];" ::"l"(v_in + row * p.d_inner));
            if (pass == Pass::outputs) asm volatile("prefetch.global.L2 [%0];" ::"l"(z_in + row * p.projected_stride));
        }

        // ---- dt, and dt v
        const auto put = [&](int token, int at, float before, float v) {
            float dt = softplus_fast(before) * (token < there ? 1.0f : 0.0f);  // a product, since a choice would become a branch
            if constexpr (Policied) dt = policy_step(policy, p.layer, p.d_inner, channel0 + at, tile * tile_tokens + token, dt);
            dt_tile[at * channel_pitch + place(token)] = dt;
            dv_tile[at * channel_pitch + place(token)] = dt * v;
        };
        if constexpr (sizeof(T) == 4) {
            const int at = static_cast<int>(threadIdx.x) % channels;  // threads is a multiple of channels
            for (int token = threadIdx.x / channels; token < tile_tokens; token += threads / channels) {
                const int64_t row = first + min(token, there - 1);
                put(token, at, p.dt[row * p.d_inner + channel0 + at] + dt_bias[0][0], v_in[row * p.d_inner + at]);
            }
        } else {
            constexpr int tall = 8 / Warps;
            uint32_t v[tall][wide][2];
            float sums[tall][wide][4];
#pragma unroll
            for (int i = 0; i < tall; ++i) {
#pragma unroll
                for (int j = 0; j < wide; ++j) {
#pragma unroll
                    for (int k = 0; k < 2; ++k) {
                        const int token = (warp * tall + i) * 16 + lane / 4 + k * 8;
                        v[i][j][k] = *reinterpret_cast<const uint32_t*>(v_in + (first + min(token, there - 1)) * p.d_inner + j * 8 + lane % 4 * 2);
                        sums[i][j][k * 2] = dt_bias[j][0], sums[i][j][k * 2 + 1] = dt_bias[j][1];
                    }
                }
            }
            multiply_rank<T, Warps>(p, first, there - 1, channel0, sums);
#pragma unroll
            for (int i = 0; i < tall; ++i) {
#pragma unroll
                for (int j = 0; j < wide; ++j) {
#pragma unroll
                    for (int k = 0; k < 2; ++k) {
                        const int token = (warp * tall + i) * 16 + lane / 4 + k * 8;
                        float v0, v1;
                        widen_pair<T>(v[i][j][k], v0, v1);
                        put(token, j * 8 + lane % 4 * 2, sums[i][j][k * 2], v0);
                        put(token, j * 8 + lane % 4 * 2 + 1, sums[i][j][k * 2 + 1], v1);
                    }
                }
            }
        }
        put_bc(0);
        for (int from = batch_quads * threads; from < quads; from += batch_quads * threads) read_bc(from), put_bc(from);
        // ---- What the gate will want travels during the scan: eight channels of a token, of one row or two
        constexpr int outputs = tile_tokens * (channels / 8) / threads;
        Octet<T> v_out[outputs], z_out[outputs];
        if (pass == Pass::outputs && sizeof(T) == 2) {
#pragma unroll
            for (int i = 0; i < outputs; ++i) {
                const int index = i * threads + static_cast<int>(threadIdx.x), from = index / tile_tokens * 8;
                const int64_t row = first + min(index % tile_tokens, there - 1);
                v_out[i].load(v_in + row * p.d_inner + from);
                z_out[i].load(z_in + row * p.projected_stride + from);
            }
        }
        __syncthreads();

        // ---- The scan
        float dt[each], dv[each], y[each];
        const auto read = [](const float* from, float (&to)[each]) {
#pragma unroll
            for (int i = 0; i < each; i += 4) {
                const float4 four = *reinterpret_cast<const float4*>(from + i);
                to[i] = four.x, to[i + 1] = four.y, to[i + 2] = four.z, to[i + 3] = four.w;
            }
        };
        float* const at = dt_tile + channel * channel_pitch + run * run_pitch;
        read(at, dt);
        read(dv_tile + channel * channel_pitch + run * run_pitch, dv);
        float total = 0;
#pragma unroll
        for (int i = 0; i < each; ++i) total += dt[i], y[i] = 0;
        asm("" : "+f"(total));  // kept, not summed again for each state
        dt_sum += total;
        // Of the run's tokens those that are there, and what the policy adds to their log-decays.
        const int present = Policied ? min(max(there - run * each, 0), each) : each;
        const float retention = Policied ? policy.log_retention * log2_e : 0.0f;
        if constexpr (Policied) step_sum += total;
        int run_at = run * run_pitch, state_at = channel * n_count;
        asm("" : "+r"(run_at), "+r"(state_at));  // kept, not found again for each state
        for (int n = 0; n < n_count; ++n) {
            const float a = rate[state_at + n], before = held[state_at + n];
            float decay[each], input[each];
            read(b_tile + n * row_pitch + run_at, input);
            float sum = 0;
#pragma unroll
            for (int i = 0; i < each; ++i) {
                decay[i] = Policied ? exp2_fast(fmaf(dt[i], a, i < present ? retention : 0.0f)) : exp2_fast(dt[i] * a);
                input[i] *= dv[i];
                sum = fmaf(decay[i], sum, input[i]);
            }
            float product = Policied ? exp2_fast(fmaf(total, a, retention * static_cast<float>(present))) : exp2_fast(total * a);
#pragma unroll
            for (int step = warp_channels; step < 32; step *= 2) {
                const float earlier_product = __shfl_up_sync(0xffffffffu, product, step), earlier = __shfl_up_sync(0xffffffffu, sum, step);
                if (lane >= step) {
                    sum = fmaf(product, earlier, sum);
                    product *= earlier_product;
                }
            }
            const float after = fmaf(product, before, sum);
            if (pass == Pass::outputs) {
                const float given = __shfl_up_sync(0xffffffffu, after, warp_channels);
                float s = run == 0 ? before : given;
                float c[each];
                read(c_tile + n * row_pitch + run_at, c);
#pragma unroll
                for (int i = 0; i < each; ++i) {
                    s = fmaf(decay[i], s, input[i]);
                    y[i] = fmaf(c[i], s, y[i]);
                }
            }
            __syncwarp();
            if (run == lanes - 1) held[state_at + n] = after;
        }
        if constexpr (pass == Pass::outputs) {
            // ---- D v, the gate, and out
            if constexpr (Policied) {
#pragma unroll
                for (int i = 0; i < each; ++i) y[i] *= policy.output_scale;
            }
#pragma unroll
            for (int i = 0; i < each; i += 4) *reinterpret_cast<float4*>(at + i) = make_float4(y[i], y[i + 1], y[i + 2], y[i + 3]);
            __syncthreads();
#pragma unroll
            for (int i = 0; i < outputs; ++i) {
                const int index = i * threads + static_cast<int>(threadIdx.x), token = index % tile_tokens, from = index / tile_tokens * 8;
                if (token >= there) continue;
                const int64_t row = first + token;
                if (sizeof(T) == 4) {
                    v_out[i].load(v_in + row * p.d_inner + from);
                    z_out[i].load(z_in + row * p.projected_stride + from);
                }
                Octet<T> octet;
                float v[8], z[8], out[8];
                v_out[i].widen(v);
                z_out[i].widen(z);
#pragma unroll
                for (int k = 0; k < 8; ++k) {
                    out[k] = fmaf(p.d[channel0 + from + k], v[k], dt_tile[(from + k) * channel_pitch + place(token)]) * silu_fast(z[k]);
                }
                octet.narrow(out);
                octet.store(static_cast<T*>(p.y) + row * p.d_inner + channel0 + from);
            }
        }
    }
    __syncthreads();

    if (pass == Pass::ends) {
#pragma unroll
        for (int step = warp_channels; step < 32; step *= 2) dt_sum += __shfl_xor_sync(0xffffffffu, dt_sum, step);
        if (run == 0) segments.sums[of_segment(segment) + mine] = dt_sum;
        for (int i = threadIdx.x; i < channels * n_count; i += threads) segments.ends[of_segment(segment) * n_count + states0 + i] = held[i];
        return;
    }
    if constexpr (Policied) {
#pragma unroll
        for (int step = warp_channels; step < 32; step *= 2) step_sum += __shfl_xor_sync(0xffffffffu, step_sum, step);
        if (policy.sums != nullptr && run == 0) policy.sums[static_cast<int64_t>(p.layer) * p.d_inner + mine] += step_sum;
    }
    if (segment != segments.count - 1) return;
    for (int i = threadIdx.x; i < channels * n_count; i += threads) state[i] = held[i];
    // The window: a ring of d_conv inputs, which the next tokens' convolution reads.
    const T* const u = static_cast<const T*>(p.projected) + channel0;
    for (int i = threadIdx.x; i < (p.d_conv - 1) * channels; i += threads) {
        const int t = part.count - 1 - i / channels, at = i % channels;
        if (t < 0) continue;
        part.state[p.window + static_cast<int64_t>((part.phase + t) % p.d_conv) * p.d_inner + channel0 + at] =
            widen(u[(part.first_row + t) * p.projected_stride + at]);
    }
}

template <typename T, int Warps>
void launch(const Queue& queue, const Batch& batch, const Mamba1Prefill& p, int32_t wanted) {
    constexpr int channels = Warps * warp_channels;
    const int blocks = p.d_inner / channels * batch.part_count;
    // A pass more costs as much again, so only where two thirds of the device would have nothing to do, and parts are long.
    const int fill = 2 * multiprocessor_count(), tiles = std::max(1, batch.rows / batch.part_count / tile_tokens);
    int count = wanted;
    if (count == 0) count = blocks >= fill ? 1 : std::min((fill + blocks - 1) / blocks, tiles / 8);
    const int most = batch.part_count <= mamba1_most_segments ? mamba1_most_segments : 1;
    count = batch.policies != nullptr ? 1 : std::max(1, std::min(count, most));

    auto* const begin = reinterpret_cast<float*>(static_cast<unsigned char*>(p.workspace.data) + mamba1_counter_bytes);
    const int64_t states = static_cast<int64_t>(p.d_inner) * p.d_state * batch.part_count;
    const Mamba1Segments segments{begin, begin + states, begin + states + states * count, count};
    const int bytes = static_cast<int>(sizeof(float)) * (2 * p.d_state * row_pitch + 2 * channels * channel_pitch + 2 * channels * p.d_state);
    const auto across = static_cast<unsigned>(p.d_inner / channels), down = static_cast<unsigned>(batch.part_count);
    if (count > 1) {
        const auto ends = scan<T, Warps, Pass::ends, false>;
        check(cudaFuncSetAttribute(ends, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "the scan's shared memory");
        queue.launch(ends, dim3(across, down, static_cast<unsigned>(count - 1)), Warps * 32, static_cast<size_t>(bytes), "the scan's segments", batch,
                     p, segments);
    }
    const auto outputs = batch.policies != nullptr ? scan<T, Warps, Pass::outputs, true> : scan<T, Warps, Pass::outputs, false>;
    check(cudaFuncSetAttribute(outputs, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "the scan's shared memory");
    queue.launch(outputs, dim3(across, down, static_cast<unsigned>(count)), Warps * 32, static_cast<size_t>(bytes), "the scan", batch, p, segments);
}

template <typename T>
void launch_best(const Queue& queue, const Batch& batch, const Mamba1Prefill& p, int32_t segments) {
    // Four warps read r half as often; two make twice as many blocks.
    const bool four = p.d_inner % 16 == 0 && p.d_inner / 16 * batch.part_count >= 2 * multiprocessor_count();
    if (four) launch<T, 4>(queue, batch, p, segments);
    else launch<T, 2>(queue, batch, p, segments);
}

}  // namespace

void mamba1_scan(const Queue& queue, const Batch& batch, const Mamba1Prefill& p, int32_t segments) {
    if (p.d_inner % 8 != 0 || p.d_state % 4 != 0) fail(MAMBA_INTERNAL, "a scan of ", p.d_inner, " channels and ", p.d_state, " states");
    MAMBA_CUDA_FOR_OPERAND(p.type, launch_best<Operand>(queue, batch, p, segments))
}

}  // namespace mamba::cuda
