#include "backends/cpu/kernels.h"
#include "base/platform.h"

#if MAMBA_ARM64
#include <limits>
#include <optional>

#include "backends/cpu/blocking.h"
#include "backends/cpu/mamba2_parts.h"
#include "backends/cpu/q8_neon.h"
#include "backends/cpu/simd_neon.h"

namespace mamba::neon {
namespace {
#include "backends/cpu/simd_math.inl"
#include "backends/cpu/kernels_simd.inl"

// Processors without dotprod: products of 16 bits, added in pairs.
MAMBA_ALWAYS_INLINE int32x4_t dot(int32x4_t sum, int8x16_t a, int8x16_t b) {
    return vpadalq_s16(vpadalq_s16(sum, vmull_s8(vget_low_s8(a), vget_low_s8(b))), vmull_high_s8(a, b));
}
#define MAMBA_MMLA 0
#include "backends/cpu/q8_neon.inl"

// The matmul of every type but Q8_0 with `q8` for that.
template <auto q8>
void matmul_with(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t x_stride, int64_t rows, const float* bias, bool add,
                 float* y, int64_t y_stride, float* scratch) {
    if (w.type == WeightType::q8_0) q8(w, begin, end, x, x_stride, rows, bias, add, y, y_stride, scratch);
    else matmul(w, begin, end, x, x_stride, rows, bias, add, y, y_stride, scratch);
}

constexpr Kernels table_with(decltype(Kernels::matmul) matmul_of_all) {
    Kernels kernels = table;
    kernels.matmul = matmul_of_all;
    return kernels;
}

constexpr Kernels plain_table = table_with(matmul_with<matmul_q8>);
#if MAMBA_NEON_DOTPROD
constexpr Kernels dotprod_table = table_with(matmul_with<matmul_q8_dotprod>);
#endif
#if MAMBA_NEON_I8MM
constexpr Kernels i8mm_table = table_with(matmul_with<matmul_q8_i8mm>);
#endif

}  // namespace
}  // namespace mamba::neon
#endif

namespace mamba {

const Kernels* neon_kernels([[maybe_unused]] NeonProducts products) {
#if MAMBA_ARM64
    switch (products) {
        case NeonProducts::plain: return &neon::plain_table;
        case NeonProducts::dotprod:
#  if MAMBA_NEON_DOTPROD
            return &neon::dotprod_table;
#  else
            break;
#  endif
        case NeonProducts::i8mm:
#  if MAMBA_NEON_I8MM
            return &neon::i8mm_table;
#  else
            break;
#  endif
    }
#endif
    return nullptr;
}

const Kernels* neon_kernels() {
    const platform::CpuFeatures& features = platform::cpu_features();
    const Kernels* best = neon_kernels(NeonProducts::plain);
    if (const Kernels* k = neon_kernels(NeonProducts::dotprod); k != nullptr && features.dotprod) best = k;
    if (const Kernels* k = neon_kernels(NeonProducts::i8mm); k != nullptr && features.i8mm) best = k;
    return best;
}

}  // namespace mamba
