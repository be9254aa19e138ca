// Q8_0 matrices against FP32 rows by integer dot products, one function an instruction set: kernels.h says what a matmul does, and
// q8_vnni.inl how. All give the same bits.
#pragma once

#include "backends/cpu/kernels.h"

namespace mamba::avx2 {
// Needs AVX-VNNI.
void matmul_q8_vnni(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t x_stride, int64_t rows, const float* bias,
                    bool add, float* y, int64_t y_stride, float* scratch);
}  // namespace mamba::avx2

namespace mamba::avx512 {
// Needs AVX-512 VNNI.
void matmul_q8_vnni(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t x_stride, int64_t rows, const float* bias,
                    bool add, float* y, int64_t y_stride, float* scratch);
}  // namespace mamba::avx512
