// One token of each session: everything between the two projections in one kernel. Of what it reads, only the projected row depends on
// the kernel before; state, ring, window and their weights are under way before that one ends.
#include "backends/cuda/mamba2.h"

#include "backends/cuda/operand.cuh"
#include "backends/cuda/states.h"

namespace mamba::cuda {
namespace {

// A unit is up to 64 rows of a head: eight warps have eight rows each. A block has one or two units of a group, and convolves the group's B
// and C for them.
constexpr int unit_warps = 8, rows_a_warp = 8, unit_rows = unit_warps * rows_a_warp;
constexpr int most_conv = 4;

// A lane has Each neighbours of each of its warp's rows. Policied: parts have policies.
template <int Each, int Units, bool Policied>
__global__ __launch_bounds__(32 * unit_warps * Units, Each > 4 ? 1 : Units == 2 ? 2 : 3) void step(Batch batch, Mamba2Step step) {
    allow_next();
    constexpr int warps = unit_warps * Units, threads = 32 * warps, states = 32 * Each, channels = Units * unit_rows + 2 * states;
    // What is convolved, x, B and C: the inputs, the newest last, their taps, and the bias.
    __shared__ __align__(16) float inputs[most_conv][channels], taps[most_conv][channels], offsets[channels];
    __shared__ __align__(16) float x[Units][ring_entries][unit_rows];  // what waits in the ring, and behind it this token
    __shared__ __align__(16) float b[ring_entries][states];
    __shared__ __align__(16) float c[states];
    __shared__ __align__(16) float gates[Units][unit_rows], factors[Units][unit_rows];  // z, and the norm behind it
    __shared__ float dots[ring_entries], weights[Units][ring_entries], decays[Units], outputs[Units][unit_rows];
    const Mamba2Scan& s = step.scan;
    const Convolution& conv = step.convolution;
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, own = warp / unit_warps;
    const int units_a_head = (s.head_dim + unit_rows - 1) / unit_rows, first_unit = static_cast<int>(blockIdx.x) * Units;
    const auto head_of = [&](int unit) { return (first_unit + unit) / units_a_head; };
    const auto row_of = [&](int unit) { return (first_unit + unit) % units_a_head * unit_rows; };
    const int head = head_of(own), group = head / s.heads_a_group, unit_first = row_of(own);
    const int first = unit_first + warp % unit_warps * rows_a_warp;
    const int d_inner = s.heads * s.head_dim, groups = s.heads / s.heads_a_group;
    const Part part = batch.parts[blockIdx.y];
    const int recent = part.recent;
    const int64_t row = part.first_row;

    // Everything is asked for before anything is waited for: the state in registers, all else by way of shared memory.
    // The channel in the layer of value `at` of `inputs`, or -1. Four neighbours are neighbours there too.
    const auto channel_of = [&](int at) {
        const int unit = at / unit_rows, n = at - Units * unit_rows;
        if (n < 0) return row_of(unit) + at % unit_rows < s.head_dim ? head_of(unit) * s.head_dim + row_of(unit) + at % unit_rows : -1;
        if (n < states) return n < s.d_state ? d_inner + group * s.d_state + n : -1;
        return n - states < s.d_state ? d_inner + (groups + group) * s.d_state + n - states : -1;
    };
    for (int at = threadIdx.x * 4; at < channels; at += threads * 4) {
        const int channel = max(channel_of(at), 0);
        int slot = part.phase;
#pragma unroll
        for (int k = most_conv - 1; k >= 0; --k) {
            // Tap k is most_conv - 1 - k tokens old; those that the model lacks are zeros.
            const int tap = k - (most_conv - conv.d_conv);
            copy_16(shared_address(&taps[k][at]), conv.weight + max(tap, 0) * conv.channels + channel, tap >= 0);
            if (k == most_conv - 1) continue;
            slot = slot == 0 ? conv.d_conv - 1 : slot - 1;
            copy_16(shared_address(&inputs[k][at]), part.state + conv.window + slot * conv.channels + channel, tap >= 0);
        }
        copy_16(shared_address(&offsets[at]), conv.bias != nullptr ? conv.bias + channel : conv.weight, conv.bias != nullptr);
    }

    float* const state = part.state + s.state + static_cast<int64_t>(head) * s.head_dim * s.d_state;
    float held[rows_a_warp][Each];
    const bool there = first < s.head_dim, whole = Each % 4 == 0 && s.d_state == states;
    if (whole && there) {
        const auto* const from = reinterpret_cast<const float4*>(state + first * states) + lane * (Each / 4);
#pragma unroll
        for (int r = 0; r < rows_a_warp; ++r) {
#pragma unroll
            for (int i = 0; i < Each / 4; ++i) {
                const float4 v = __ldcs(from + r * (states / 4) + i);
                held[r][4 * i] = v.x, held[r][4 * i + 1] = v.y, held[r][4 * i + 2] = v.z, held[r][4 * i + 3] = v.w;
            }
        }
    } else {
#pragma unroll
        for (int r = 0; r < rows_a_warp; ++r) {
#pragma unroll
            for (int i = 0; i < Each; ++i) {
                const int n = lane * Each + i;
                held[r][i] = there && n < s.d_state ? state[(first + r) * s.d_state + n] : 0.0f;
            }
        }
    }

    // The ring: the rows' x, the group's B, and, to the units' first warps, a dt for each lane.
    float* const ring = part.state + s.recent;
    const int fours = Units * unit_rows / 4 + s.d_state / 4;  // of an entry
    for (int i = threadIdx.x; i < recent * fours; i += threads) {
        const int entry = i / fours, at = i % fours;
        const float* const from = ring + entry * s.recent_stride;
        if (at < Units * unit_rows / 4) {
            const int unit = at / (unit_rows / 4), r = at % (unit_rows / 4) * 4;
            const bool there = row_of(unit) + r < s.head_dim;
            copy_16(shared_address(&x[unit][entry][r]), from + head_of(unit) * s.head_dim + (there ? row_of(unit) + r : 0), there);
        } else {
            const int n = (at - Units * unit_rows / 4) * 4;
            copy_16(shared_address(&b[entry][n]), from + d_inner + group * s.d_state + n, true);
        }
    }
    // To shared memory: `from`, of all heads, for the units' rows.
    const auto bring = [&](float (&to)[Units][unit_rows], const float* from) {
        const int unit = threadIdx.x / (unit_rows / 4), r = threadIdx.x % (unit_rows / 4) * 4;
        if (unit < Units && row_of(unit) + r < s.head_dim) copy_16(shared_address(&to[unit][r]), from + head_of(unit) * s.head_dim + row_of(unit) + r, true);
    };
    if (step.norm_weight != nullptr) bring(factors, step.norm_weight);
    const bool leads = warp % unit_warps == 0;
    const int64_t dt_at = d_inner + groups * s.d_state + head;
    float dt = leads && lane < recent ? ring[lane * s.recent_stride + dt_at] : 0.0f;
    PartPolicy policy;
    float rate = 0;
    if constexpr (Policied) {
        policy = batch.policies[blockIdx.y];
        rate = scaled_decay(policy, s.layer, s.a[head]);
    }
    begin_dependent();

    for (int at = threadIdx.x * 4; at < channels; at += threads * 4) {
        copy_16(shared_address(&inputs[most_conv - 1][at]), conv.in + row * conv.in_stride + max(channel_of(at), 0), true);
    }
    if (s.z != nullptr) bring(gates, s.z + row * s.z_stride);
    end_copies();
    float* const entry = ring + recent * s.recent_stride;
    if (leads) {
        const float a = Policied ? rate : s.a[head];
        float now = fminf(fmaxf(softplus(s.dt[row * s.dt_stride + head] + s.dt_bias[head]), s.dt_min), s.dt_max);
        if constexpr (Policied) {
            now = policy_step(policy, s.layer, s.heads, head, 0, now);
            // Nobody waits for an addition whose result is not asked for.
            if (policy.sums != nullptr && lane == 0 && unit_first == 0) {
                atomicAdd(policy.sums + static_cast<int64_t>(s.layer) * s.heads + head, static_cast<double>(now));
            }
        }
        if (lane == recent) {
            dt = now;
            if (part.folds == 0 && unit_first == 0) entry[dt_at] = now;
        }
        // From here on back to each entry, and to each one behind it.
        float since = dt;
#pragma unroll
        for (int distance = 1; distance < ring_entries; distance *= 2) {
            const float later = __shfl_down_sync(0xffffffffu, since, distance);
            if (lane + distance < 32) since += later;
        }
        const float after = __shfl_down_sync(0xffffffffu, since, 1);
        float of_entry = a * (lane == recent ? 0.0f : after), of_state = a * since;
        if constexpr (Policied) {
            const float each = policy.log_retention;
            of_entry += each * static_cast<float>(recent - lane), of_state += each * static_cast<float>(recent + 1);
        }
        if (lane <= recent) weights[own][lane] = expf(of_entry) * dt;
        if (lane == 0) decays[own] = expf(of_state);
    }
    copies_left<0>();
    __syncthreads();

    // B and C of a group are many blocks' input, and one block's to keep. What is written here, to window and ring, is nothing that others read.
    const bool keeps_group = first_unit % (s.heads_a_group * units_a_head) == 0;
    for (int at = threadIdx.x; at < channels; at += threads) {
        const int channel = channel_of(at), n = at - Units * unit_rows;
        if (channel < 0) continue;
        float sum = offsets[at];
#pragma unroll
        for (int k = 0; k < most_conv; ++k) sum = fmaf(taps[k][at], inputs[k][at], sum);
        const float out = silu(sum);
        if (n < 0) x[at / unit_rows][recent][at % unit_rows] = out;
        else if (n < states) b[recent][n] = out;
        else c[n - states] = out;
        if (n >= 0 && !keeps_group) continue;
        part.state[conv.window + part.phase * conv.channels + channel] = inputs[most_conv - 1][at];
        if (part.folds == 0 && n < states) entry[channel] = out;
    }
    __syncthreads();

    float cs[Each];
#pragma unroll
    for (int i = 0; i < Each; ++i) cs[i] = lane * Each + i < s.d_state ? c[lane * Each + i] : 0.0f;
    for (int j = warp; j <= recent; j += warps) {
        float dot = 0;
#pragma unroll
        for (int i = 0; i < Each; ++i) dot = fmaf(cs[i], lane * Each + i < s.d_state ? b[j][lane * Each + i] : 0.0f, dot);
        dot = warp_sum(dot);
        if (lane == 0) dots[j] = dot;
    }
    float y[rows_a_warp];
#pragma unroll
    for (int r = 0; r < rows_a_warp; ++r) {
        y[r] = 0;
#pragma unroll
        for (int i = 0; i < Each; ++i) y[r] = fmaf(held[r][i], cs[i], y[r]);
    }
    const float product = warp_sums(y, lane);
    if (lane % 4 == 0) outputs[own][warp % unit_warps * rows_a_warp + lane / 4] = product;
    __syncthreads();

    const float decay = decays[own];
    if (leads) {
        // Two neighbouring rows a lane.
        const int pair = unit_first + 2 * lane;
        const bool writes = pair < s.head_dim;
        const float skip = s.d[head];
        float2 out = make_float2(decay * outputs[own][2 * lane], decay * outputs[own][2 * lane + 1]), v = out;
        for (int j = 0; j <= recent; ++j) {
            const float by = weights[own][j] * dots[j];
            v = *reinterpret_cast<const float2*>(&x[own][j][2 * lane]);
            out.x = fmaf(by, v.x, out.x);
            out.y = fmaf(by, v.y, out.y);
        }
        if constexpr (Policied) {
            out.x *= policy.output_scale, out.y *= policy.output_scale;
        }
        out.x = fmaf(skip, v.x, out.x);
        out.y = fmaf(skip, v.y, out.y);
        if (s.z != nullptr) out.x *= silu(gates[own][2 * lane]), out.y *= silu(gates[own][2 * lane + 1]);
        const int64_t at = head * s.head_dim + pair;
        if (step.out.data == nullptr) {
            if (writes) *reinterpret_cast<float2*>(s.y + row * s.y_stride + at) = out;
        } else {
            if (writes) {
                *reinterpret_cast<uint32_t*>(static_cast<__nv_bfloat16*>(step.out.data) + row * step.out.stride + at) =
                    narrow_pair<__nv_bfloat16>(out.x * factors[own][2 * lane], out.y * factors[own][2 * lane + 1]);
            }
            const float squares = warp_sum(writes ? fmaf(out.x, out.x, out.y * out.y) : 0.0f);
            if (lane == 0) step.out.squares[(first_unit + own) * most_streamed_rows + row] = squares;
        }
    }
    if (part.folds == 0) return;
    // held = decay held + all that waits, to `to`, the block's rows of a state.
    const auto bring_in = [&](float* to) {
#pragma unroll
        for (int r = 0; r < rows_a_warp; ++r) {
#pragma unroll
            for (int i = 0; i < Each; ++i) held[r][i] *= decay;
        }
        for (int j = 0; j <= recent; ++j) {
            const float by = weights[own][j];
            float bs[Each];
#pragma unroll
            for (int i = 0; i < Each; ++i) bs[i] = by * b[j][lane * Each + i];
#pragma unroll
            for (int r = 0; r < rows_a_warp; ++r) {
                const float v = x[own][j][warp % unit_warps * rows_a_warp + r];
#pragma unroll
                for (int i = 0; i < Each; ++i) held[r][i] = fmaf(v, bs[i], held[r][i]);
            }
        }
        if (!there) return;
#pragma unroll
        for (int r = 0; r < rows_a_warp; ++r) {
            if (whole) {
                auto* const four = reinterpret_cast<float4*>(to + (first + r) * states) + lane * (Each / 4);
#pragma unroll
                for (int i = 0; i < Each / 4; ++i) {
                    __stcs(four + i, make_float4(held[r][4 * i], held[r][4 * i + 1], held[r][4 * i + 2], held[r][4 * i + 3]));
                }
            } else {
#pragma unroll
                for (int i = 0; i < Each; ++i) {
                    const int n = lane * Each + i;
                    if (n < s.d_state) to[(first + r) * s.d_state + n] = held[r][i];
                }
            }
        }
    };
    bring_in(state);
    if constexpr (Policied) {
        // A window's newest state is read by nobody yet: it gets what the ring holds where the other one does.
        if (policy.newest == nullptr || policy.fed_from > 0) return;
        float* const newest = policy.newest + s.state + static_cast<int64_t>(head) * s.head_dim * s.d_state;
#pragma unroll
        for (int r = 0; r < rows_a_warp; ++r) {
#pragma unroll
            for (int i = 0; i < Each; ++i) {
                const int n = lane * Each + i;
                held[r][i] = there && n < s.d_state ? newest[(first + r) * s.d_state + n] : 0.0f;
            }
        }
        bring_in(newest);
    }
}

template <int Each, int Units, bool Policied = false>
void launch(const Queue& queue, const Batch& batch, const Mamba2Step& s) {
    const dim3 grid(static_cast<unsigned>(mamba2_step_parts(s.scan) / Units), static_cast<unsigned>(batch.part_count));
    queue.launch(step<Each, Units, Policied>, grid, 32 * unit_warps * Units, 0, "the step", batch, s);
}

// Two units share the convolution of B and C, where they leave the device blocks enough.
template <int Each>
void launch_best(const Queue& queue, const Batch& batch, const Mamba2Step& s) {
    const int units = mamba2_step_parts(s.scan);
    const bool pairs = Each <= 4 && units / (s.scan.heads / s.scan.heads_a_group) % 2 == 0 && units / 2 * batch.part_count >= 4 * queue.units;
    constexpr int two = Each <= 4 ? 2 : 1;
    if (batch.policies != nullptr) return pairs ? launch<Each, two, true>(queue, batch, s) : launch<Each, 1, true>(queue, batch, s);
    if (pairs) launch<Each, two>(queue, batch, s);
    else launch<Each, 1>(queue, batch, s);
}

}  // namespace

bool mamba2_step_takes(int64_t head_dim, int64_t d_state, int64_t d_conv) { return head_dim % rows_a_warp == 0 && d_state % 4 == 0 && d_conv <= most_conv; }

int32_t mamba2_step_parts(const Mamba2Scan& s) { return s.heads * ((s.head_dim + unit_rows - 1) / unit_rows); }

void mamba2_step(const Queue& queue, const Batch& batch, const Mamba2Step& s) {
    if (s.scan.d_state <= 32) launch_best<1>(queue, batch, s);
    else if (s.scan.d_state <= 64) launch_best<2>(queue, batch, s);
    else if (s.scan.d_state <= 128) launch_best<4>(queue, batch, s);
    else launch_best<8>(queue, batch, s);
}

}  // namespace mamba::cuda
