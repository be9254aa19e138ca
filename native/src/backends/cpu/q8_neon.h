// Q8_0 matrices against FP32 rows by products of 8-bit integers, one function an instruction: kernels.h says what a matmul does, and
// q8_neon.inl how. All give the same bits.
#pragma once

#include "backends/cpu/kernels.h"

namespace mamba::neon {

void matmul_q8_dotprod(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t x_stride, int64_t rows, const float* bias,
                       bool add, float* y, int64_t y_stride, float* scratch);
void matmul_q8_i8mm(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t x_stride, int64_t rows, const float* bias,
                    bool add, float* y, int64_t y_stride, float* scratch);

}  // namespace mamba::neon
