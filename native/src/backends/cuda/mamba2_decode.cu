#include "backends/cuda/mamba2_decode.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "backends/cuda/steps.h"
#include "backends/cuda/streaming.cuh"

namespace mamba::cuda {
namespace {

constexpr int threads = streaming_threads, warps = streaming_warps;
constexpr int passes_out = 2;                    // d_inner / d_model
constexpr size_t own_shared = size_t{26} << 10;  // what the kernel declares, and some
constexpr int most_conv = 4, head_dim = 64, d_state = 128, channels = head_dim + 2 * d_state, rows_a_warp = head_dim / warps;

template <typename T>
__device__ __forceinline__ T* of_layer(T* vector, const Mamba2DecodeArgs& p, int layer) {
    return reinterpret_cast<T*>(reinterpret_cast<const char*>(vector) + layer * p.layer_bytes);
}

// ---- The step

struct StepMemory {
    float inputs[most_conv - 1][channels], taps[most_conv][channels], offsets[channels];  // the newest last, and the bias
    float x[ring_entries][head_dim], b[ring_entries][d_state], c[d_state];  // what waits in the ring, and behind it this token
    float gates[head_dim], dts[ring_entries], weights[ring_entries], dots[ring_entries], decay, a, skip, dt_bias;
};

// One token of one session in one head, as mamba2_step (mamba2.h) computes it: four rows of the state a warp. What depends on no other block
// is asked for by prepare(), a phase ahead.
struct Step {
    float4 held[rows_a_warp];

    static __device__ __forceinline__ int channel_of(const Mamba2DecodeArgs& p, int head, int at) {
        return at < head_dim ? head * head_dim + at : p.d_inner + at - head_dim;
    }

    __device__ __forceinline__ void prepare(const Mamba2DecodeArgs& p, const Part* parts, int layer, int unit, StepMemory& m) {
        const int thread = static_cast<int>(this_thread()), lane = thread & 31, warp = thread >> 5;
        const Mamba2Scan& s = p.scan;
        const int head = unit % s.heads, conv_taps = p.convolution.d_conv, all_channels = p.convolution.channels;
        const Part& part = parts[unit / s.heads];
        const float* const own = part.state + layer * p.state_floats;
        const float* const state = own + s.state + static_cast<int64_t>(head) * head_dim * d_state;
        const float* const ring = own + s.recent;
        // A warp brings an entry of the ring; the last eight a line of what the convolution needs.
        if (warp < part.recent) {
            const float* const from = ring + warp * s.recent_stride;
#pragma unroll
            for (int quad = lane; quad < (head_dim + d_state) / 4; quad += 32) {
                const int at = 4 * quad;
                copy_async(shared_address(at < head_dim ? &m.x[warp][at] : &m.b[warp][at - head_dim]), from + channel_of(p, head, at));
            }
        }
        const int line = warp - (warps - 2 * most_conv);
        if (line >= 0) {
            const int k = line % most_conv, tap = k - (most_conv - conv_taps);  // tap k is most_conv - 1 - k tokens old
            int slot = part.phase + tap + 1;
            if (slot >= conv_taps) slot -= conv_taps;
            const bool is_tap = line < most_conv, is_input = !is_tap && k < most_conv - 1;
            const float* const from = is_tap     ? of_layer(p.first.conv_weight, p, layer) + tap * all_channels
                                      : is_input ? own + p.convolution.window + slot * all_channels
                                                 : of_layer(p.first.conv_bias, p, layer);
            const bool there = is_tap || is_input ? tap >= 0 : p.first.conv_bias != nullptr;
            float* const to = is_tap ? m.taps[k] : is_input ? m.inputs[k] : m.offsets;
#pragma unroll
            for (int quad = lane; quad < channels / 4; quad += 32) {
                copy_async(shared_address(to + 4 * quad), there ? from + channel_of(p, head, 4 * quad) : own, there);
            }
        }
        if (thread < part.recent) copy_word_async(shared_address(&m.dts[thread]), ring + thread * s.recent_stride + p.d_inner + d_state + head);
        if (thread == ring_entries) copy_word_async(shared_address(&m.a), of_layer(p.first.a, p, layer) + head);
        if (thread == ring_entries + 1) copy_word_async(shared_address(&m.skip), of_layer(p.first.d, p, layer) + head);
        if (thread == ring_entries + 2) copy_word_async(shared_address(&m.dt_bias), of_layer(p.first.dt_bias, p, layer) + head);
        copy_commit();
#pragma unroll
        for (int r = 0; r < rows_a_warp; ++r)
            held[r] = __ldcg(reinterpret_cast<const float4*>(state + (warp * rows_a_warp + r) * d_state) + lane);
    }

    __device__ __forceinline__ void run(const Mamba2DecodeArgs& p, const Part* parts, int layer, int unit, uint32_t tag, StepMemory& m) {
        const int thread = static_cast<int>(this_thread()), lane = thread & 31, warp = thread >> 5;
        const Mamba2Scan& s = p.scan;
        const int head = unit % s.heads, all_channels = p.convolution.channels, row = unit / s.heads;
        const Part& part = parts[row];
        const int recent = part.recent;
        float* const own = part.state + layer * p.state_floats;
        float* const entry = own + s.recent + recent * s.recent_stride;
        const uint64_t* const in = p.projected + row * p.width;  // z, x, B, C, dt
        if (thread < channels) {
            const int channel = channel_of(p, head, thread), n = thread - head_dim;
            const float newest = await(in + p.d_inner + channel, tag);
            float sum = fmaf(m.taps[most_conv - 1][thread], newest, m.offsets[thread]);
#pragma unroll
            for (int k = 0; k < most_conv - 1; ++k) sum = fmaf(m.taps[k][thread], m.inputs[k][thread], sum);
            const float out = silu(sum);
            if (n < 0)
                m.x[recent][thread] = out;
            else if (n < d_state)
                m.b[recent][n] = out;
            else
                m.c[n - d_state] = out;
            // B and C are every head's input, and one's to keep. What is written here, to window and ring, is nothing that other blocks read.
            if (n < 0 || head == 0) {
                own[p.convolution.window + part.phase * all_channels + channel] = newest;
                if (part.folds == 0 && n < d_state) entry[channel] = out;
            }
        } else if (thread < channels + head_dim) {
            m.gates[thread - channels] = silu(await(in + head * head_dim + thread - channels, tag));
        } else if (thread / 32 == (channels + head_dim) / 32) {
            const float now = fminf(fmaxf(softplus(await(in + p.d_inner + all_channels + head, tag) + m.dt_bias), s.dt_min), s.dt_max);
            float dt = lane < recent ? m.dts[lane] : 0.0f;
            if (lane == recent) {
                dt = now;
                if (part.folds == 0) entry[p.d_inner + d_state + head] = now;
            }
            // From here on back to each entry, and to each one behind it.
            float since = dt;
#pragma unroll
            for (int distance = 1; distance < ring_entries; distance *= 2) {
                const float later = __shfl_down_sync(0xffffffffu, since, distance);
                if (lane + distance < 32) since += later;
            }
            const float after = __shfl_down_sync(0xffffffffu, since, 1);
            if (lane <= recent) m.weights[lane] = expf(m.a * (lane == recent ? 0.0f : after)) * dt;
            if (lane == 0) m.decay = expf(m.a * since);
        }
        meet();

        const float4 c = *reinterpret_cast<const float4*>(&m.c[4 * lane]);
        if (warp <= recent) {
            const float4 b = *reinterpret_cast<const float4*>(&m.b[warp][4 * lane]);
            const float dot = warp_sum(fmaf(c.x, b.x, fmaf(c.y, b.y, fmaf(c.z, b.z, c.w * b.w))));
            if (lane == 0) m.dots[warp] = dot;
        }
        float y[rows_a_warp];
        const float decay = m.decay;
#pragma unroll
        for (int r = 0; r < rows_a_warp; ++r)
            y[r] = decay * fmaf(held[r].x, c.x, fmaf(held[r].y, c.y, fmaf(held[r].z, c.z, held[r].w * c.w)));
        meet();

        // A lane adds one entry's part of y.
        const int first = warp * rows_a_warp;
        if (lane <= recent) {
            const float by = m.weights[lane] * m.dots[lane];
            const float4 v = *reinterpret_cast<const float4*>(&m.x[lane][first]);
            y[0] = fmaf(by, v.x, y[0]), y[1] = fmaf(by, v.y, y[1]), y[2] = fmaf(by, v.z, y[2]), y[3] = fmaf(by, v.w, y[3]);
        }
        const float total = warp_sums(y, lane);
        if (lane % 8 == 0) {
            const int r = first + lane / 8;
            publish(p.y + row * p.d_inner + head * head_dim + r, fmaf(m.skip, m.x[recent][r], total) * m.gates[r], tag);
        }
        if (part.folds != 0) {
            float* const state = own + s.state + static_cast<int64_t>(head) * head_dim * d_state;
#pragma unroll
            for (int r = 0; r < rows_a_warp; ++r)
                held[r] = make_float4(held[r].x * decay, held[r].y * decay, held[r].z * decay, held[r].w * decay);
#pragma unroll 1
            for (int k = 0; k <= recent; ++k) {
                const float weight = m.weights[k];
                const float4 b = *reinterpret_cast<const float4*>(&m.b[k][4 * lane]);
#pragma unroll
                for (int r = 0; r < rows_a_warp; ++r) {
                    const float x = m.x[k][first + r] * weight;
                    held[r] = make_float4(fmaf(x, b.x, held[r].x), fmaf(x, b.y, held[r].y), fmaf(x, b.z, held[r].z), fmaf(x, b.w, held[r].w));
                }
            }
#pragma unroll
            for (int r = 0; r < rows_a_warp; ++r) __stcs(reinterpret_cast<float4*>(state + (first + r) * d_state) + lane, held[r]);
        }
    }
};

// ---- All of it

// Shared memory beside the ring's stages, in this order.
struct Layout {
    size_t x, slots, own_x, bytes;
    __host__ __device__ Layout(const Mamba2DecodeArgs& p, int x_bytes) {
        const auto rows = static_cast<size_t>(p.batch.rows);
        x = static_cast<size_t>(p.streaming.stages) * group * static_cast<size_t>(p.streaming.row_bytes);
        slots = x + static_cast<size_t>(x_bytes);
        const auto in = static_cast<size_t>(slices * p.most_in), out = static_cast<size_t>(passes_out * slices * p.most_out);
        own_x = slots + (in + out) * rows * sizeof(float);
        bytes = own_x + static_cast<size_t>(p.most_out) * rows * sizeof(float);
    }
};

template <int Type>
__global__ __launch_bounds__(threads + 32, 1) void decode(const __grid_constant__ Mamba2DecodeArgs p) {
    extern __shared__ __align__(128) unsigned char memory[];
    __shared__ __align__(16) StepMemory step_memory;
    __shared__ Squares squares[2];  // of in_proj's rows and of out_proj's: what a phase reads of one is not overwritten by warps ahead of it
    __shared__ __align__(8) RingBarriers barriers;
    __shared__ Part parts[Mamba2Decode::most_rows];
    static_assert(sizeof step_memory + sizeof squares + sizeof barriers + sizeof parts + 1024 <= own_shared, "with 1 KB of the system's own");
    const int rows = p.batch.rows;
    if (threadIdx.x == 0) barriers.set(p.streaming);
    if (threadIdx.x < static_cast<unsigned int>(p.batch.part_count)) parts[threadIdx.x] = p.batch.parts[threadIdx.x];
    __syncthreads();
    Ring ring = barriers.ring(p.streaming, memory);
    const Share in(p.first.in_proj.rows), out(p.first.out_proj.rows);
    if (threadIdx.x >= threads) {
        Bringer<Type> bringer(p.streaming, ring);
        for (int layer = 0; layer < p.layers; ++layer) {
            bringer.bring(p.first.in_proj.data + layer * p.layer_bytes, p.first.in_proj.pitch, 1, in);
            bringer.bring(p.first.out_proj.data + layer * p.layer_bytes, p.first.out_proj.pitch, passes_out, out);
        }
        return;
    }

    const Layout layout(p, Rows<Type>::bytes(p.d_inner, rows));
    const Rows<Type> x{shared_address(memory + layout.x), rows, p.d_inner / unit_cols};
    float* const in_slots = reinterpret_cast<float*>(memory + layout.slots);
    float* const out_slots = in_slots + slices * p.most_in * rows;
    float* const own_x = reinterpret_cast<float*>(memory + layout.own_x);  // [rows, out.count]
    const uint32_t base = *p.epoch + 1;  // the first layer's tag
    for (int m = 0; m < rows; ++m) {
        for (int i = threadIdx.x; i < out.count; i += threads) {
            const int row = out.row(i);
            own_x[m * out.count + i] = p.x[static_cast<int64_t>(m) * p.d_model + row];
            publish(p.rows + m * p.d_model + row, own_x[m * out.count + i], base);
        }
    }
    const int units = p.scan.heads * p.batch.part_count, first_unit = blockIdx.x;
    for (int layer = 0; layer < p.layers; ++layer) {
        const uint32_t tag = base + static_cast<uint32_t>(layer);
        const auto bias = [&](const float* vector, int row) { return vector != nullptr ? of_layer(vector, p, layer)[row] : 0.0f; };
        {
            gather(p.rows, p.d_model, tag, of_layer(p.first.norm, p, layer), x, squares[0]);
            Step step;
            if (first_unit < units) step.prepare(p, parts, layer, first_unit, step_memory);
            multiply(p.streaming, ring, in, 1, x, in_slots);
            for (int m = 0; m < rows; ++m) {
                for (int i = static_cast<int>(this_thread()); i < in.count; i += threads) {
                    const float sum = sum_of(in_slots, slices, in.count * rows, i * rows + m);
                    const int row = in.row(i);
                    publish(p.projected + m * p.width + row,
                            fmaf(sum, over_root_mean_square(squares[0], m, p.d_model, p.norm_eps), bias(p.first.in_proj_bias, row)), tag);
                }
            }
            for (int unit = first_unit; unit < units;) {
                step.run(p, parts, layer, unit, tag, step_memory);
                unit += static_cast<int>(gridDim.x);
                if (unit >= units) break;
                meet();  // what the unit before read is written again
                step.prepare(p, parts, layer, unit, step_memory);
                copy_wait<0>();
                meet();
            }
        }
        gather(p.y, p.d_inner, tag, of_layer(p.first.gated_norm, p, layer), x, squares[1]);
        multiply(p.streaming, ring, out, passes_out, x, out_slots);
        for (int m = 0; m < rows; ++m) {
            for (int i = static_cast<int>(this_thread()); i < out.count; i += threads) {
                const float sum = sum_of(out_slots, passes_out * slices, out.count * rows, i * rows + m);
                const int row = out.row(i);
                const float now = own_x[m * out.count + i] +
                                  fmaf(sum, over_root_mean_square(squares[1], m, p.d_inner, p.norm_eps), bias(p.first.out_proj_bias, row));
                own_x[m * out.count + i] = now;
                if (layer + 1 == p.layers)
                    p.x[static_cast<int64_t>(m) * p.d_model + row] = now;
                else
                    publish(p.rows + m * p.d_model + row, now, tag + 1);
            }
        }
    }
    if (blockIdx.x == 0 && threadIdx.x == 0) *p.epoch = base - 1 + static_cast<uint32_t>(p.layers);
}

template <int Type>
void launch(const Queue& queue, const Mamba2DecodeArgs& args) {
    const auto kernel = decode<Type>;
    // Each time: it holds for the current device alone.
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(queue.shared_bytes - own_shared)),
          "the shared memory of a step");
    const Layout layout(args, Rows<Type>::bytes(args.d_inner, args.batch.rows));
    queue.launch_together(kernel, dim3(static_cast<unsigned>(queue.units)), threads + 32, layout.bytes, "a step", args);
}

// As many as fit with so many rows of x.
int32_t stages_of(const Queue& queue, Mamba2DecodeArgs args, bool q8, int32_t rows) {
    args.batch.rows = rows;
    args.streaming.stages = 0;
    const size_t room = queue.shared_bytes - own_shared;
    const Layout layout(args, q8 ? Rows<MAMBA_WEIGHT_Q8_0>::bytes(args.d_inner, rows) : Rows<MAMBA_WEIGHT_BF16>::bytes(args.d_inner, rows));
    if (layout.bytes > room) return 0;
    return static_cast<int32_t>(std::min<size_t>(most_stages, (room - layout.bytes) / static_cast<size_t>(group * args.streaming.row_bytes)));
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

bool asked(const char* what) {
    const char* value = std::getenv("MAMBA_CUDA_DECODE");
    return value != nullptr && std::strcmp(value, what) == 0;
}

template <typename T>
DeviceArray<T> zeros(size_t count) {
    DeviceArray<T> array(count, "working memory");
    check(cudaMemset(array.data(), 0, array.bytes()), "working memory");
    return array;
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
    const bool sizes = shape.d_model % 256 == 0 && shape.d_inner == passes_out * shape.d_model && shape.d_inner <= 2 * streaming_threads * most_pairs;
    if (!bulk_copies(queue) || asked("0") || !type || !heads || !sizes || !evenly_placed(layers, args_.layer_bytes)) return;
    args_.scan = mamba2_layer(shape, layers[0], states, 0, nullptr, 0);
    args_.convolution.window = states.window(0);
    args_.convolution.channels = static_cast<int32_t>(shape.d_inner + 2 * d_state);
    args_.convolution.d_conv = static_cast<int32_t>(shape.d_conv);
    args_.state_floats = states.layer_floats();
    args_.layers = static_cast<int32_t>(shape.layer_count);
    args_.d_model = static_cast<int32_t>(shape.d_model);
    args_.d_inner = static_cast<int32_t>(shape.d_inner);
    args_.norm_eps = shape.norm_eps;
    const bool q8 = type_ == MAMBA_WEIGHT_Q8_0;
    // A small model's step is bound by its phases, and those of Q8_0 are the longer ones: 130M is slower so.
    if (q8 && shape.d_model < 1024 && !asked("1")) return;
    args_.streaming = streaming_of(args_.d_model, q8);
    const auto most = [&](const Weight& w) { return (w.rows / (group * queue.units) + 1) * group; };
    args_.most_in = most(args_.first.in_proj);
    args_.most_out = most(args_.first.out_proj);
    // For more the kernels of steps are faster.
    const int32_t most_sessions = q8 ? most_rows : 2;
    while (most_rows_ < most_sessions && stages_of(queue, args_, q8, most_rows_ + 1) >= turns) ++most_rows_;
    if (most_rows_ == 0) return;
    args_.width = static_cast<int64_t>(round_up(static_cast<size_t>(args_.first.in_proj.rows), 16));
    epoch_ = zeros<uint32_t>(1);
    words_ = zeros<uint64_t>(static_cast<size_t>(most_rows * (args_.width + shape.d_inner + shape.d_model)));
    args_.epoch = epoch_.data();
    args_.projected = words_.data();
    args_.y = args_.projected + most_rows * args_.width;
    args_.rows = args_.y + most_rows * shape.d_inner;
}

void Mamba2Decode::run(const Queue& queue, const Batch& batch, float* x) const {
    Mamba2DecodeArgs args = args_;
    args.batch = batch;
    args.x = x;
    args.streaming.stages = stages_of(queue, args, type_ == MAMBA_WEIGHT_Q8_0, batch.rows);
    if (type_ == MAMBA_WEIGHT_BF16)
        launch<MAMBA_WEIGHT_BF16>(queue, args);
    else
        launch<MAMBA_WEIGHT_Q8_0>(queue, args);
}

}  // namespace mamba::cuda
