// Brings recent inputs into the states where several tokens of a session follow: the states of those sessions read and written once.
#include "backends/cuda/mamba2.h"
#include "backends/cuda/states.h"

namespace mamba::cuda {
namespace {

constexpr int threads = 256;

// A block has 64 rows of the state, one after another, a thread the same column of some.
__global__ __launch_bounds__(threads) void fold(Batch batch, Mamba2Scan s, const float* const* a, int64_t layer_floats) {
    constexpr int rows = 64;
    __shared__ float decays[ring_entries + 1];  // of each entry, times its dt; last, of the state
    const Part part = batch.parts[blockIdx.z];
    if (part.recent == 0) return;
    const int blocks_a_head = (s.head_dim + rows - 1) / rows, head = static_cast<int>(blockIdx.x) / blocks_a_head;
    const int first = static_cast<int>(blockIdx.x) % blocks_a_head * rows, d_inner = s.heads * s.head_dim;
    const int groups = s.heads / s.heads_a_group, group = head / s.heads_a_group;
    float* const layer = part.state + blockIdx.y * layer_floats;
    const float* const ring = layer + s.recent;
    if (threadIdx.x <= part.recent) {
        // Thread 0: of the state; thread i: of entry i - 1.
        const int entry = static_cast<int>(threadIdx.x) - 1;
        const float* const dt = ring + d_inner + groups * s.d_state + head;
        float since = 0;
        for (int j = part.recent - 1; j > entry; --j) since += dt[j * s.recent_stride];
        const float decay = expf(a[blockIdx.y][head] * since);
        if (entry < 0) decays[ring_entries] = decay;
        else decays[entry] = decay * dt[entry * s.recent_stride];
    }
    __syncthreads();
    const int values = min(rows, s.head_dim - first) * s.d_state;
    float* const state = layer + s.state + static_cast<int64_t>(head * s.head_dim + first) * s.d_state;
    for (int i = threadIdx.x; i < values; i += threads) {
        const float* const x = ring + head * s.head_dim + first + i / s.d_state;
        const float* const b = ring + d_inner + group * s.d_state + i % s.d_state;
        float v = decays[ring_entries] * state[i];
        for (int j = 0; j < part.recent; ++j) v = fmaf(decays[j] * x[j * s.recent_stride], b[j * s.recent_stride], v);
        state[i] = v;
    }
}

}  // namespace

void mamba2_fold(const Queue& queue, const Batch& batch, const Mamba2Scan& first_layer, const float* const* a, int32_t layers, int64_t layer_floats) {
    const int blocks_a_head = (first_layer.head_dim + 63) / 64;
    const dim3 grid(static_cast<unsigned>(first_layer.heads * blocks_a_head), static_cast<unsigned>(layers), static_cast<unsigned>(batch.part_count));
    Queue whole = queue;
    whole.overlap = false;  // it writes what the kernels behind it read before they wait
    whole.launch(fold, grid, threads, 0, "bringing recent inputs into the state", batch, first_layer, a, layer_floats);
}

}  // namespace mamba::cuda
