// A fast 128-bit hash against accident, not against attack: fingerprints of weights.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace mamba {

using Hash128 = std::array<uint64_t, 2>;

// The same on every platform. About as fast as memory is read: the inner loop is eight independent 32 x 32 -> 64 bit
// multiply-adds, which compilers turn into vector instructions (the construction of XXH3's long form, own constants).
Hash128 hash128(const void* data, size_t bytes, uint64_t seed = 0);

}  // namespace mamba
