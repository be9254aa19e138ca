// Long-context policies as the kernels see them; what they mean: docs/architecture.md, "Long-context policies".
#pragma once

#include <cstdint>

#include "backends/cuda/launch.h"

namespace mamba::cuda {

// What a part of a run is under. In device memory, one for each part where any has a policy or sums; neutral for the others. A "step" is a
// head of Mamba-2 or a channel of Mamba-1: what has a dt of its own. Token numbers are the part's.
struct PartPolicy {
    const float* delta_scales;  // [layers], of dt; NULL: ones
    const float* decay_scales;  // [layers], of A; NULL: ones
    const float* least_steps;   // [layers, steps]: a smaller dt is 0; NULL: none is
    const float* caps;          // [layers, heads or blocks of 64 channels]: of the state's norm; NULL: there are none
    float* newest;              // the slot whose SSM states begin with a window's newest block; NULL: there is none
    double* sums;               // [layers, steps], of dt; NULL: nobody adds them up
    float log_retention;        // added to each log-decay
    float output_scale;         // of what the state gives, beside D x
    int32_t filtered;           // tokens that least_steps applies to
    int32_t fed_from;           // `newest` gets the tokens from this one on
    int32_t moved_at;           // where a block begins: `newest` takes the state's place, and begins anew
    int32_t window;             // tokens from there to the next such place
};

// A state whose place a newer one takes.
struct Move {
    float* state;
    float* newest;
};

// The SSM states of `layers` layers, layer_floats apart, the first at `first` of a slot, of `floats` each. Waits for all kernels before, and
// those behind it find what it wrote.
void move_states(const Queue& queue, const Move* moves, int32_t count, int64_t first, int64_t floats, int64_t layers, int64_t layer_floats);

#if defined(__CUDACC__)

__device__ __forceinline__ float scaled_decay(const PartPolicy& p, int layer, float a) {
    return p.decay_scales != nullptr ? a * p.decay_scales[layer] : a;
}

// dt of a token, after softplus and clamp, as the policy has it.
__device__ __forceinline__ float policy_step(const PartPolicy& p, int layer, int steps, int index, int token, float dt) {
    if (p.delta_scales != nullptr) dt *= p.delta_scales[layer];
    if (p.least_steps != nullptr && token < p.filtered && dt < p.least_steps[static_cast<int64_t>(layer) * steps + index]) dt = 0;
    return dt;
}

__device__ __forceinline__ bool moves_before(const PartPolicy& p, int token) {
    return p.newest != nullptr && token >= p.moved_at && (token - p.moved_at) % p.window == 0;
}

#endif

}  // namespace mamba::cuda
