// The ring of recent inputs of Mamba-2 (backends/cpu/kernels.h), as the kernels take it from a session's array.
#pragma once

#include "backends/cpu/kernels.h"
#include "engine/thread_pool.h"
#include "model/model.h"
#include "state/layout.h"
#include "state/policy_state.h"

namespace mamba {

// A layer's entries, the first at `entry`, `stride` floats apart.
Mamba2Ring ring_at(const ModelConfig& config, float* entry, int64_t stride, int64_t pending);
// Heads of a layer whose state and ring lie there, without tokens.
Mamba2Scan ring_scan(const ModelConfig& config, Range heads, const Layer& layer, float* state, const Mamba2Ring& ring);
// Brings the `pending` entries behind the states of `values` into the states of these heads of every layer, and into what the policy holds
// beside them; `position` tokens have been read. The ring stays as it is. scratch: mamba2_scratch_floats().
void fold_ring(const Model& model, const StateLayout& layout, const Kernels& kernels, Range heads, float* values, int64_t pending,
               PolicyState& policy, int64_t position, float* scratch);

}  // namespace mamba
