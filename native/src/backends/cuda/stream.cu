#include "backends/cuda/stream.h"

#include "backends/cuda/operand.cuh"

namespace mamba::cuda {
namespace {

constexpr int threads = 256;

__global__ __launch_bounds__(threads) void narrow_rows(const float* x, int64_t x_stride, int width, const float* weight, Operand to) {
    allow_next();
    __shared__ float scratch[threads / 32];
    begin_dependent();
    const int row = static_cast<int>(blockIdx.x);
    x += row * x_stride;
    auto* const out = static_cast<__nv_bfloat16*>(to.data) + row * to.stride;
    float squares = 0;
    for (int i = threadIdx.x * 4; i < width; i += threads * 4) {
        const float4 v = *reinterpret_cast<const float4*>(x + i);
        const float4 by = weight != nullptr ? *reinterpret_cast<const float4*>(weight + i) : make_float4(1, 1, 1, 1);
        squares += v.x * v.x + v.y * v.y + (v.z * v.z + v.w * v.w);
        *reinterpret_cast<uint2*>(out + i) = make_uint2(narrow_pair<__nv_bfloat16>(v.x * by.x, v.y * by.y), narrow_pair<__nv_bfloat16>(v.z * by.z, v.w * by.w));
    }
    if (to.parts == 0) return;
    squares = block_sum<threads>(squares, scratch);
    if (threadIdx.x == 0) to.squares[row] = squares;
}

}  // namespace

bool streams(const Weight& w) {
    if (w.data == nullptr || w.rows % 4 != 0) return false;
    switch (w.type) {
        case MAMBA_WEIGHT_BF16:
        case MAMBA_WEIGHT_Q8_0: return w.cols % 64 == 0;
        case MAMBA_WEIGHT_Q6_K:
        case MAMBA_WEIGHT_Q4_K: return w.cols % 256 == 0;
        default: return false;
    }
}

int32_t stream_parts(const Weight& w) { return (w.rows + stream_block_rows - 1) / stream_block_rows; }

void stream(const Queue& queue, const Weight& w, const StreamProduct& p) {
    switch (w.type) {
        case MAMBA_WEIGHT_BF16: return stream_type<MAMBA_WEIGHT_BF16>(queue, w, p);
        case MAMBA_WEIGHT_Q8_0: return stream_type<MAMBA_WEIGHT_Q8_0>(queue, w, p);
        case MAMBA_WEIGHT_Q6_K: return stream_type<MAMBA_WEIGHT_Q6_K>(queue, w, p);
        case MAMBA_WEIGHT_Q4_K: return stream_type<MAMBA_WEIGHT_Q4_K>(queue, w, p);
        default: fail(MAMBA_INTERNAL, "a product with weights of type ", w.type);
    }
}

void make_operand(const Queue& queue, const float* x, int64_t x_stride, int32_t rows, int32_t width, const float* weight, const Operand& to) {
    queue.launch(narrow_rows, dim3(static_cast<unsigned>(rows)), threads, 0, "a product's rows", x, x_stride, width, weight, to);
}

}  // namespace mamba::cuda
