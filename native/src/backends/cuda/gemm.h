// Products of many rows: y[m, n] = (add ? y[m, n] : 0) + bias[n] + sum_k x[m, k] w[n, k], summed in FP32. By cuBLASLt where this machine has it,
// else by the kernels here: Hopper's warpgroup products (gemm_hopper.cu), the tensor cores of sm_80 (gemm_tensor.cu), or FP32 (gemm_f32.cu).
// 2 m n k FLOP; at least 2 (m k + n k) + 4 m n bytes (BF16 to FP32), which bounds it by the tensor cores where m is 300 or more (H100).
#pragma once

#include "backends/cuda/launch.h"
#include "backends/cuda/weights.h"

namespace mamba::cuda {

struct Gemm {
    int32_t type;      // of x and w: MAMBA_WEIGHT_F32, _F16 or _BF16
    int32_t m, n, k;   // k: a multiple of 8
    const void* x;     // strides count elements and are multiples of 8; pointers are multiples of 16 bytes
    int64_t x_stride;
    const void* w;
    int64_t w_stride;
    const float* bias;  // NULL: none
    bool add;           // y is FP32
    bool narrow;        // y is of `type`, else FP32
    void* y;
    int64_t y_stride;
};

// Device memory that a call may write until the next call on the same stream.
struct Workspace {
    void* data;
    size_t bytes;
};
constexpr size_t gemm_workspace_bytes = size_t{32} << 20;  // what cuBLASLt asks for on Hopper

class CublasLt;

enum class GemmKernels { best, cublas, hopper, tensor };  // the last three are for tests: each where it can be, else as own kernels go

// library NULL: own kernels.
void gemm(const Queue& queue, CublasLt* library, const Workspace& workspace, const Gemm& g, GemmKernels kernels = GemmKernels::best);

// The type of x for weights of this type: F32 and F16 stay, so that no value of theirs is rounded to BF16; all others are BF16.
constexpr int32_t operand_type(int32_t weight_type) {
    return weight_type == MAMBA_WEIGHT_F32 || weight_type == MAMBA_WEIGHT_F16 ? weight_type : MAMBA_WEIGHT_BF16;
}
constexpr int64_t operand_bytes(int32_t type) { return type == MAMBA_WEIGHT_F32 ? 4 : 2; }

// A matrix as BF16 or, where `type` says so, FP32, [rows, padded_cols]: the stored bytes read once, 2 or 4 rows padded_cols bytes written.
void dequantize(const Queue& queue, const Weight& w, int32_t type, void* out);

// y[row] = x[row] / rms(x[row]) * weight as `type`: what a product takes; or x[row] as it is. x FP32; width a multiple of 4. weight NULL: ones.
struct NarrowNorm {
    int32_t type;
    int32_t rows, width;
    const float* x;
    int64_t x_stride;
    const float* weight;
    float eps;
    void* y;
    int64_t y_stride;
    bool plain;  // no norm, no weight
};
void norm_to_operand(const Queue& queue, const NarrowNorm& n);

// ---- The kernels by themselves. Each returns false where it cannot compute this product, and has then done nothing.
bool gemm_hopper(const Queue& queue, const Gemm& g);
bool gemm_tensor(const Queue& queue, const Gemm& g);
bool gemm_f32(const Queue& queue, const Gemm& g);

}  // namespace mamba::cuda
