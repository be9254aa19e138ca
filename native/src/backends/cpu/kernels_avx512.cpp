#if defined(__GNUC__) && !defined(__clang__)
// GCC's own AVX-512 header leaves a register undefined on purpose and warns of it (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "backends/cpu/kernels.h"
#include "base/platform.h"

#if MAMBA_X64
#include <limits>
#include <optional>

#include "backends/cpu/blocking.h"
#include "backends/cpu/mamba2_parts.h"
#include "backends/cpu/q8_vnni.h"
#include "backends/cpu/simd_avx512.h"

namespace mamba::avx512 {
namespace {
#include "backends/cpu/simd_math.inl"
#include "backends/cpu/kernels_simd.inl"
#include "backends/cpu/q8_vnni_table.inl"
}  // namespace
}  // namespace mamba::avx512
#endif

namespace mamba {

const Kernels* avx512_kernels([[maybe_unused]] bool vnni) {
#if MAMBA_X64
    return vnni ? &avx512::vnni_table : &avx512::table;
#else
    return nullptr;
#endif
}

const Kernels* avx512_kernels() { return avx512_kernels(platform::cpu_features().avx512_vnni); }

}  // namespace mamba
