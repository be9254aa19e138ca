#include "backends/cpu/kernels.h"
#include "base/platform.h"

#if MAMBA_X64
#include <limits>
#include <optional>

#include "backends/cpu/blocking.h"
#include "backends/cpu/mamba2_parts.h"
#include "backends/cpu/q8_vnni.h"
#include "backends/cpu/simd_avx2.h"

namespace mamba::avx2 {
namespace {
#include "backends/cpu/simd_math.inl"
#include "backends/cpu/kernels_simd.inl"

#  if MAMBA_AVX_VNNI
#    include "backends/cpu/q8_vnni_table.inl"
#  endif
}  // namespace
}  // namespace mamba::avx2
#endif

namespace mamba {

const Kernels* avx2_kernels([[maybe_unused]] bool vnni) {
#if MAMBA_X64
    if (!vnni) return &avx2::table;
#  if MAMBA_AVX_VNNI
    return &avx2::vnni_table;
#  endif
#endif
    return nullptr;
}

const Kernels* avx2_kernels() {
    const Kernels* const best = avx2_kernels(platform::cpu_features().avx_vnni);
    return best != nullptr ? best : avx2_kernels(false);
}

}  // namespace mamba
