#include "backends/cuda/gemm.h"

#include "backends/cuda/cublaslt.h"
#include "backends/cuda/dequantize.cuh"
#include "backends/cuda/operand.cuh"
#include "backends/cuda/types.h"

namespace mamba::cuda {
namespace {

constexpr int threads = 256;

template <typename T>
__global__ __launch_bounds__(threads) void add_bias(const float* bias, int n, T* y, int64_t y_stride) {
    begin_dependent();
    allow_next();
    const int col = blockIdx.y * threads + threadIdx.x;
    if (col >= n) return;
    T& at = y[blockIdx.x * y_stride + col];
    at = narrow<T>(widen(at) + bias[col]);
}

// cuBLASLt adds no FP32 bias to a BF16 result, so one is added behind it; models with biased projections are rare.
void add_bias_to(const Queue& queue, const Gemm& g) {
    const dim3 grid(static_cast<unsigned>(g.m), static_cast<unsigned>((g.n + threads - 1) / threads));
    MAMBA_CUDA_FOR_OPERAND(g.narrow ? g.type : static_cast<int32_t>(MAMBA_WEIGHT_F32),
                           queue.launch(add_bias<Operand>, grid, threads, 0, "a bias", g.bias, g.n, static_cast<Operand*>(g.y), g.y_stride))
}

template <int Type, typename T>
__global__ __launch_bounds__(threads) void widen_rows(Weight w, T* out) {
    begin_dependent();
    allow_next();
    const int col = (blockIdx.y * threads + threadIdx.x) * 8;
    const int64_t row = blockIdx.x;
    if (col >= w.padded_cols) return;
    Eight<Type> eight;
    eight.load(w.data + row * w.pitch, w.padded_cols, col);
    float values[8];
    eight.widen(values);
    Octet<T> octet;
    octet.narrow(values);
    octet.store(out + row * w.padded_cols + col);
}

template <typename T>
__global__ __launch_bounds__(threads) void narrow_norm(NarrowNorm n) {
    __shared__ float scratch[threads / 32];
    begin_dependent();
    allow_next();
    const auto* x = reinterpret_cast<const float4*>(n.x + blockIdx.x * n.x_stride);
    const auto* weight = reinterpret_cast<const float4*>(n.weight);
    T* const y = static_cast<T*>(n.y) + blockIdx.x * n.y_stride;
    float squares = 0;
    for (int i = threadIdx.x; !n.plain && i < n.width / 4; i += threads) {
        const float4 v = x[i];
        squares += v.x * v.x + v.y * v.y + (v.z * v.z + v.w * v.w);
    }
    const float scale = n.plain ? 1.0f : rsqrtf(block_sum<threads>(squares, scratch) / static_cast<float>(n.width) + n.eps);
    for (int i = threadIdx.x; i < n.width / 4; i += threads) {
        const float4 v = x[i];
        const float4 by = weight != nullptr ? weight[i] : make_float4(1, 1, 1, 1);
        const float first = v.x * scale * by.x, second = v.y * scale * by.y, third = v.z * scale * by.z, fourth = v.w * scale * by.w;
        if constexpr (sizeof(T) == 4) {
            reinterpret_cast<float4*>(y)[i] = make_float4(first, second, third, fourth);
        } else {
            reinterpret_cast<uint2*>(y)[i] = make_uint2(narrow_pair<T>(first, second), narrow_pair<T>(third, fourth));
        }
    }
}

}  // namespace

void gemm(const Queue& queue, CublasLt* library, const Workspace& workspace, const Gemm& g, GemmKernels kernels) {
    if (g.m == 0) return;
    const bool own = kernels == GemmKernels::hopper || kernels == GemmKernels::tensor;
    if (!own && library != nullptr && library->multiply(queue, g, workspace)) {
        if (g.bias != nullptr) add_bias_to(queue, g);
        return;
    }
    if (kernels != GemmKernels::tensor && gemm_hopper(queue, g)) return;
    if (gemm_tensor(queue, g) || gemm_f32(queue, g)) return;
    fail(MAMBA_INTERNAL, "a product of ", g.m, " rows with weights of type ", g.type, " [", g.n, ", ", g.k, "]");
}

void dequantize(const Queue& queue, const Weight& w, int32_t type, void* out) {
    const dim3 grid(static_cast<unsigned>(w.rows), static_cast<unsigned>((w.padded_cols / 8 + threads - 1) / threads));
    constexpr const char* what = "weights for a product";
    if (type == MAMBA_WEIGHT_F32) {
        MAMBA_CUDA_FOR_TYPE(w.type, queue.launch(widen_rows<kType, float>, grid, threads, 0, what, w, static_cast<float*>(out)))
    } else {
        MAMBA_CUDA_FOR_TYPE(w.type, queue.launch(widen_rows<kType, __nv_bfloat16>, grid, threads, 0, what, w, static_cast<__nv_bfloat16*>(out)))
    }
}

void norm_to_operand(const Queue& queue, const NarrowNorm& n) {
    MAMBA_CUDA_FOR_OPERAND(n.type, queue.launch(narrow_norm<Operand>, dim3(static_cast<unsigned>(n.rows)), threads, 0, "a norm", n))
}

}  // namespace mamba::cuda
