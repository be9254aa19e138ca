// A session's state as bytes: what `mamba_session_save` writes and any engine of the same model reads, on any device.
//
//   offset  size  field (all little-endian)
//        0     8  magic "MAMBASES"
//        8     4  version, 2
//       12     4  policy kind, 0: none
//       16    16  fingerprint of the model
//       32     8  token_count
//       40     8  token_hash
//       48     8  floats of state: of all layers, then of the pending entries of the ring
//       56     8  floats of hidden (d_model)
//       64   4*n  state, StateLayout's order, then hidden
//   64+4*n     8  checksum of everything before
//
// In version 1 nothing is pending; it is read too.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "state/state.h"

namespace mamba {

size_t snapshot_size(const State& state);
// `out` holds snapshot_size(state) bytes.
void save_snapshot(const State& state, const std::array<uint64_t, 2>& fingerprint, std::byte* out);
// Fills `state`, which has the sizes of the model that is to go on. Throws Error: MAMBA_BAD_FORMAT for bytes that are no intact
// snapshot, MAMBA_MISMATCH for one of another model or version. `state` is unspecified afterwards.
void load_snapshot(const std::byte* bytes, size_t length, const std::array<uint64_t, 2>& fingerprint, State& state);

}  // namespace mamba
