#if defined(__GNUC__) && !defined(__clang__)
// GCC's own AVX-512 header leaves a register undefined on purpose and warns of it (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "backends/cpu/kernels.h"
#include "base/platform.h"

#if MAMBA_X64
#include <limits>

#include "backends/cpu/blocking.h"
#include "backends/cpu/mamba2_parts.h"
#include "backends/cpu/simd_avx512.h"

namespace mamba::avx512 {
namespace {
#include "backends/cpu/simd_math.inl"
#include "backends/cpu/kernels_simd.inl"
}  // namespace
}  // namespace mamba::avx512
#endif

namespace mamba {

const Kernels* avx512_kernels() {
#if MAMBA_X64
    return &avx512::table;
#else
    return nullptr;
#endif
}

}  // namespace mamba
