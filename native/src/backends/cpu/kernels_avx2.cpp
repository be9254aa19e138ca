#include "backends/cpu/kernels.h"
#include "base/platform.h"

#if MAMBA_X64
#include <limits>

#include "backends/cpu/blocking.h"
#include "backends/cpu/mamba2_parts.h"
#include "backends/cpu/simd_avx2.h"

namespace mamba::avx2 {
namespace {
#include "backends/cpu/simd_math.inl"
#include "backends/cpu/kernels_simd.inl"
}  // namespace
}  // namespace mamba::avx2
#endif

namespace mamba {

const Kernels* avx2_kernels() {
#if MAMBA_X64
    return &avx2::table;
#else
    return nullptr;
#endif
}

}  // namespace mamba
