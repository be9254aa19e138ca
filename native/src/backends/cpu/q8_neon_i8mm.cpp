#include "base/platform.h"

#if MAMBA_NEON_I8MM
#include <limits>

#include "backends/cpu/blocking.h"
#include "backends/cpu/q8_neon.h"
#include "backends/cpu/simd_neon.h"

namespace mamba::neon {
namespace {
#include "backends/cpu/simd_math.inl"

MAMBA_ALWAYS_INLINE int32x4_t dot(int32x4_t sum, int8x16_t a, int8x16_t b) { return vdotq_s32(sum, a, b); }
// sum[i][j] += the dot product of bytes 8 i .. 8 i + 7 of x and 8 j .. 8 j + 7 of w.
MAMBA_ALWAYS_INLINE int32x4_t mmla(int32x4_t sum, int8x16_t x, int8x16_t w) { return vmmlaq_s32(sum, x, w); }
#define MAMBA_MMLA 1
#include "backends/cpu/q8_neon.inl"
}  // namespace

void matmul_q8_i8mm(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t x_stride, int64_t rows, const float* bias,
                    bool add, float* y, int64_t y_stride, float* scratch) {
    matmul_q8(w, begin, end, x, x_stride, rows, bias, add, y, y_stride, scratch);
}

}  // namespace mamba::neon
#endif
