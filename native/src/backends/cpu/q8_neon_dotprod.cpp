#include "base/platform.h"

#if MAMBA_NEON_DOTPROD
#include <limits>

#include "backends/cpu/blocking.h"
#include "backends/cpu/q8_neon.h"
#include "backends/cpu/simd_neon.h"

namespace mamba::neon {
namespace {
#include "backends/cpu/simd_math.inl"

MAMBA_ALWAYS_INLINE int32x4_t dot(int32x4_t sum, int8x16_t a, int8x16_t b) { return vdotq_s32(sum, a, b); }
#define MAMBA_MMLA 0
#include "backends/cpu/q8_neon.inl"
}  // namespace

void matmul_q8_dotprod(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t x_stride, int64_t rows, const float* bias,
                       bool add, float* y, int64_t y_stride, float* scratch) {
    matmul_q8(w, begin, end, x, x_stride, rows, bias, add, y, y_stride, scratch);
}

}  // namespace mamba::neon
#endif
