// A session's state as bytes: what `mamba_session_save` writes and any engine of the same model reads, on any device.
//
//   offset  size  field (all little-endian)
//        0     8  magic "MAMBASES"
//        8     4  version: 3 where sections follow, else 2
//       12     4  kind of the long-context policy, 0: none
//       16    16  fingerprint of the model
//       32     8  token_count
//       40     8  token_hash
//       48     8  floats of state: of all layers, then of the pending entries of the ring
//       56     8  floats of hidden (d_model)
//       64   4*n  state, StateLayout's order, then hidden
//   64+4*n        sections, of version 3: each a tag of 8 characters, padded with zeros, 8 bytes for the length of what follows, and that
//      end     8  checksum of everything before
//
// Sections, each at most once:
//   "STEPSUMS"  8 bytes: tokens tracked, then StateLayout::step_sums doubles (state/tracking.h)
//   "POLICY"    where there is a policy: 8 bytes window; 4 each retention, insertion, norm scale, values a layer; 8 origin of the window's
//               blocks; then as floats the layers' values and PolicyState::states, as doubles PolicyState::steps
//
// In version 1 nothing is pending. Versions 1 and 2 are read too, and 2 is written where it says all, for libraries that know no other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "state/state.h"

namespace mamba {

inline constexpr int64_t most_tokens = int64_t{1} << 56;  // of a session: decades of reading; sums with it do not overflow

size_t snapshot_size(const State& state);
// `out` holds snapshot_size(state) bytes.
void save_snapshot(const State& state, const std::array<uint64_t, 2>& fingerprint, std::byte* out);
// Fills `state`, which has the sizes of the model that is to go on, whose layout has `step_sums`. model: for who takes saved policies too,
// NULL refuses them. Throws Error: MAMBA_BAD_FORMAT for bytes that are no intact snapshot, MAMBA_MISMATCH for one of another model or
// version. `state` is unspecified afterwards.
void load_snapshot(const std::byte* bytes, size_t length, const std::array<uint64_t, 2>& fingerprint, State& state,
                   int64_t step_sums = 0, const Model* model = nullptr);

}  // namespace mamba
