// One token of each session: everything between the two projections in one kernel. Of what it reads, only the projected row depends on
// the kernel before; state, window and their weights are under way before that one ends.
#include "backends/cuda/mamba2.h"

namespace mamba::cuda {
namespace {

constexpr int warps = 8, threads = 32 * warps;

// A warp has Rows rows of a head's state, and a lane Each neighbours of each. A block convolves its rows' x and its group's B and C.
template <int Each, int Rows>
__global__ __launch_bounds__(threads) void step(Batch batch, Mamba2Scan s, Convolution c) {
    allow_next();
    constexpr int rows_a_block = warps * Rows, most_states = 32 * Each;
    constexpr int most_channels = (rows_a_block + 2 * most_states + threads - 1) / threads;  // a thread convolves
    __shared__ float values[rows_a_block + 2 * most_states];  // x, B, C
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int blocks_a_head = (s.head_dim + rows_a_block - 1) / rows_a_block, part_of_head = blockIdx.x % blocks_a_head;
    const int head = blockIdx.x / blocks_a_head, group = head / s.heads_a_group;
    const int block_first = part_of_head * rows_a_block, first = block_first + warp * Rows;
    const int d_inner = s.heads * s.head_dim, groups = s.heads / s.heads_a_group;
    const Part part = batch.parts[blockIdx.y];
    const int64_t row = part.first_row;
    const float a = s.a[head], skip = s.d[head], bias = s.dt_bias[head];

    float* const state = part.state + s.state + static_cast<int64_t>(head) * s.head_dim * s.d_state;
    float held[Rows][Each];
#pragma unroll
    for (int r = 0; r < Rows; ++r) {
        const bool there = first + r < s.head_dim;
        float* const from = state + static_cast<int64_t>(first + r) * s.d_state + lane * Each;
        if (Each % 4 == 0 && s.d_state == most_states) {
#pragma unroll
            for (int i = 0; i < Each; i += 4) {
                const float4 v = there ? *reinterpret_cast<const float4*>(from + i) : make_float4(0, 0, 0, 0);
                held[r][i] = v.x, held[r][(i + 1) % Each] = v.y, held[r][(i + 2) % Each] = v.z, held[r][(i + 3) % Each] = v.w;
            }
        } else {
#pragma unroll
            for (int i = 0; i < Each; ++i) held[r][i] = there && lane * Each + i < s.d_state ? from[i] : 0.0f;
        }
    }

    // The past of the convolution. Channel index in the layer, or -1.
    int channel[most_channels];
    float sum[most_channels], newest[most_channels];
#pragma unroll
    for (int i = 0; i < most_channels; ++i) {
        const int at = threadIdx.x + i * threads;
        channel[i] = -1;
        if (at < rows_a_block) {
            if (block_first + at < s.head_dim) channel[i] = head * s.head_dim + block_first + at;
        } else if (at < rows_a_block + most_states) {
            if (at - rows_a_block < s.d_state) channel[i] = d_inner + group * s.d_state + at - rows_a_block;
        } else if (at < rows_a_block + 2 * most_states) {
            const int n = at - rows_a_block - most_states;
            if (n < s.d_state) channel[i] = d_inner + (groups + group) * s.d_state + n;
        }
        if (channel[i] < 0) continue;
        sum[i] = c.bias != nullptr ? c.bias[channel[i]] : 0.0f;
        const float* window = part.state + c.window + channel[i];
        for (int k = 0; k + 1 < c.d_conv; ++k) {
            sum[i] = fmaf(c.weight[k * c.channels + channel[i]], window[(part.phase + 1 + k) % c.d_conv * c.channels], sum[i]);
        }
        newest[i] = c.weight[(c.d_conv - 1) * c.channels + channel[i]];
    }
    begin_dependent();

    const float raw = s.dt[row * s.dt_stride + head] + bias;
    const bool gates = s.z != nullptr && lane < Rows && first + lane < s.head_dim;
    const float gate = gates ? s.z[row * s.z_stride + head * s.head_dim + first + lane] : 0.0f;
    // B and C of a group are many blocks' input, and one block's to keep. The row that is written here is none that others read.
    const bool keeps_group = part_of_head == 0 && head % s.heads_a_group == 0;
#pragma unroll
    for (int i = 0; i < most_channels; ++i) {
        if (channel[i] < 0) continue;
        const float in = c.in[row * c.in_stride + channel[i]];
        values[threadIdx.x + i * threads] = silu(fmaf(newest[i], in, sum[i]));
        if (channel[i] < d_inner || keeps_group) part.state[c.window + part.phase * c.channels + channel[i]] = in;
    }
    const float dt = fminf(fmaxf(softplus(raw), s.dt_min), s.dt_max);
    const float decay = expf(dt * a);
    __syncthreads();

    float b[Each], cs[Each];
#pragma unroll
    for (int i = 0; i < Each; ++i) {
        const int n = lane * Each + i;
        b[i] = n < s.d_state ? values[rows_a_block + n] : 0.0f;
        cs[i] = n < s.d_state ? values[rows_a_block + most_states + n] : 0.0f;
    }
    float mine = 0;
#pragma unroll
    for (int r = 0; r < Rows; ++r) {
        const float x = first + r < s.head_dim ? values[warp * Rows + r] : 0.0f;
        float y = 0;
#pragma unroll
        for (int i = 0; i < Each; ++i) {
            held[r][i] = fmaf(decay, held[r][i], dt * x * b[i]);
            y = fmaf(held[r][i], cs[i], y);
        }
        float* const to = state + static_cast<int64_t>(first + r) * s.d_state + lane * Each;
        if (first + r < s.head_dim) {
            if (Each % 4 == 0 && s.d_state == most_states) {
#pragma unroll
                for (int i = 0; i < Each; i += 4) {
                    *reinterpret_cast<float4*>(to + i) =
                        make_float4(held[r][i], held[r][(i + 1) % Each], held[r][(i + 2) % Each], held[r][(i + 3) % Each]);
                }
            } else {
#pragma unroll
                for (int i = 0; i < Each; ++i) {
                    if (lane * Each + i < s.d_state) to[i] = held[r][i];
                }
            }
        }
        y = fmaf(skip, x, warp_sum(y));
        if (lane == r) mine = y;
    }
    if (lane < Rows && first + lane < s.head_dim) {
        if (s.z != nullptr) mine *= silu(gate);
        s.y[row * s.y_stride + head * s.head_dim + first + lane] = mine;
    }
}

template <int Rows>
int blocks_a_part(const Mamba2Scan& s) {
    return s.heads * ((s.head_dim + warps * Rows - 1) / (warps * Rows));
}

template <int Each, int Rows>
void launch(const Queue& queue, const Batch& batch, const Mamba2Scan& s, const Convolution& c) {
    const dim3 grid(static_cast<unsigned>(blocks_a_part<Rows>(s)), static_cast<unsigned>(batch.part_count));
    queue.launch(step<Each, Rows>, grid, threads, 0, "the step", batch, s, c);
}

// Every block convolves its group's B and C beside its own rows, so it has as many rows as leave the device blocks enough.
template <int Each>
void launch_best(const Queue& queue, const Batch& batch, const Mamba2Scan& s, const Convolution& c) {
    const int enough = 4 * queue.units;
    if (Each <= 4 && s.head_dim >= warps * 8 && blocks_a_part<8>(s) * batch.part_count >= enough) launch<Each, Each <= 4 ? 8 : 4>(queue, batch, s, c);
    else if (s.head_dim >= warps * 4 && blocks_a_part<4>(s) * batch.part_count >= enough) launch<Each, 4>(queue, batch, s, c);
    else launch<Each, 2>(queue, batch, s, c);
}

}  // namespace

void mamba2_step(const Queue& queue, const Batch& batch, const Mamba2Scan& s, const Convolution& c) {
    if (s.d_state <= 32) launch_best<1>(queue, batch, s, c);
    else if (s.d_state <= 64) launch_best<2>(queue, batch, s, c);
    else if (s.d_state <= 128) launch_best<4>(queue, batch, s, c);
    else launch_best<8>(queue, batch, s, c);
}

}  // namespace mamba::cuda
