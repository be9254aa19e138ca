// Brings recent inputs into the states where several tokens of a session follow: the states of those sessions read and written once.
#include "backends/cuda/mamba2.h"
#include "backends/cuda/states.h"

namespace mamba::cuda {
namespace {

constexpr int threads = 256;

// A block has 64 rows of the state, one after another, a thread the same column of some. out: where the state of layer first_layer goes, the
// only one; NULL: to its place.
__global__ __launch_bounds__(threads) void fold(Batch batch, Mamba2Scan s, const float* const* a, int64_t layer_floats, int first_layer, float* out) {
    constexpr int rows = 64;
    __shared__ float decays[ring_entries + 1];  // of each entry, times its dt; last, of the state
    const Part part = batch.parts[blockIdx.z];
    if (part.recent == 0) return;
    const int blocks_a_head = (s.head_dim + rows - 1) / rows, head = static_cast<int>(blockIdx.x) / blocks_a_head;
    const int first = static_cast<int>(blockIdx.x) % blocks_a_head * rows, d_inner = s.heads * s.head_dim;
    const int groups = s.heads / s.heads_a_group, group = head / s.heads_a_group;
    const PartPolicy* const policy = batch.policies != nullptr ? batch.policies + blockIdx.z : nullptr;
    const int index = first_layer + static_cast<int>(blockIdx.y);
    float* const layer = part.state + index * layer_floats;
    const float* const ring = layer + s.recent;
    if (threadIdx.x <= part.recent) {
        // Thread 0: of the state; thread i: of entry i - 1.
        const int entry = static_cast<int>(threadIdx.x) - 1;
        const float* const dt = ring + d_inner + groups * s.d_state + head;
        float since = 0;
        for (int j = part.recent - 1; j > entry; --j) since += dt[j * s.recent_stride];
        float rate = a[index][head], kept = 0;
        if (policy != nullptr) {
            rate = scaled_decay(*policy, index, rate);
            kept = policy->log_retention * static_cast<float>(part.recent - 1 - entry);
        }
        const float decay = expf(rate * since + kept);
        if (entry < 0) decays[ring_entries] = decay;
        else decays[entry] = decay * dt[entry * s.recent_stride];
    }
    __syncthreads();
    const int values = min(rows, s.head_dim - first) * s.d_state;
    const int64_t of_layer = static_cast<int64_t>(head * s.head_dim + first) * s.d_state, at = index * layer_floats + s.state + of_layer;
    const float* const state = part.state + at;
    float* const to_state = out != nullptr ? out + of_layer : part.state + at;
    // A window's first block begins where nothing waits: all that waits is for the newest state too, or none of it.
    float* const newest = policy != nullptr && out == nullptr && policy->newest != nullptr && policy->fed_from == 0 ? policy->newest + at : nullptr;
    for (int i = threadIdx.x; i < values; i += threads) {
        const float* const x = ring + head * s.head_dim + first + i / s.d_state;
        const float* const b = ring + d_inner + group * s.d_state + i % s.d_state;
        float v = decays[ring_entries] * state[i], second = newest != nullptr ? decays[ring_entries] * newest[i] : 0.0f;
        for (int j = 0; j < part.recent; ++j) {
            const float by = decays[j] * x[j * s.recent_stride], to = b[j * s.recent_stride];
            v = fmaf(by, to, v), second = fmaf(by, to, second);
        }
        to_state[i] = v;
        if (newest != nullptr) newest[i] = second;
    }
}

}  // namespace

void mamba2_fold(const Queue& queue, const Batch& batch, const Mamba2Scan& first_layer, const float* const* a, int32_t layers, int64_t layer_floats) {
    const int blocks_a_head = (first_layer.head_dim + 63) / 64;
    const dim3 grid(static_cast<unsigned>(first_layer.heads * blocks_a_head), static_cast<unsigned>(layers), static_cast<unsigned>(batch.part_count));
    Queue whole = queue;
    whole.overlap = false;  // it writes what the kernels behind it read before they wait
    float* const in_place = nullptr;
    whole.launch(fold, grid, threads, 0, "bringing recent inputs into the state", batch, first_layer, a, layer_floats, 0, in_place);
}

void mamba2_fold_layer(const Queue& queue, const Batch& batch, const Mamba2Scan& first_layer, const float* const* a, int64_t layer,
                       int64_t layer_floats, float* out) {
    const dim3 grid(static_cast<unsigned>(first_layer.heads * ((first_layer.head_dim + 63) / 64)));
    Queue whole = queue;
    whole.overlap = false;
    whole.launch(fold, grid, threads, 0, "bringing recent inputs into a copy", batch, first_layer, a, layer_floats, static_cast<int>(layer), out);
}

}  // namespace mamba::cuda
