// The scan of a piece whose session is under a long-context policy: what the policy changes is done around the kernels, by each thread to
// its own heads or channels, so that a session without one costs a single branch a piece.
#pragma once

#include <cstdint>

#include "backends/cpu/kernels.h"
#include "state/policy_state.h"

namespace mamba {

// What the policy changes of the recurrence itself, for whoever scans or folds: A, D and the log-retention.
void apply_policy(const PolicyState& policy, size_t layer, Mamba2Scan& s);

// The scan's heads of one layer. dt: what s.dt points at; that of these heads is changed where the policy says so.
void scan_under_policy(const Kernels& kernels, PolicyState& policy, size_t layer, Mamba2Scan s, float* dt, float* scratch);
// The same of Mamba-1's channels; position: of the first token. Under state-norm the channels are whole blocks (block_channels).
void scan_under_policy(const Kernels& kernels, PolicyState& policy, size_t layer, Mamba1Channels c, float* dt, int64_t position);

// What beside the layer's state waits for the ring's tokens gets them, as mamba2_fold does; `position` tokens have been read.
void fold_under_policy(const Kernels& kernels, PolicyState& policy, size_t layer, Mamba2Scan s, int64_t position, float* scratch);

// Makes of a copy of a layer's state as it is kept, after `position` tokens with nothing waiting, the state that is read.
void reduce_to_window(const PolicyState& policy, size_t layer, const Model& model, int64_t position, float* state);

}  // namespace mamba
