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

// Q8_0 by integer dot products.
void matmul_vnni(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t x_stride, int64_t rows, const float* bias, bool add,
                 float* y, int64_t y_stride, float* scratch) {
    if (w.type == WeightType::q8_0) matmul_q8_vnni(w, begin, end, x, x_stride, rows, bias, add, y, y_stride, scratch);
    else matmul(w, begin, end, x, x_stride, rows, bias, add, y, y_stride, scratch);
}

constexpr Kernels vnni_table = [] {
    Kernels kernels = table;
    kernels.matmul = matmul_vnni;
    return kernels;
}();
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
