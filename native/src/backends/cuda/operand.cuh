// Values as matrix products take them: FP32, FP16 or BF16, read and written eight at a time, and the tensor cores' instructions on them
// (sm_80 and newer).
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace mamba::cuda {

// What a kernel of products is made for: calls launch with kOperand one of float, __half, __nv_bfloat16.
#define MAMBA_CUDA_FOR_OPERAND(TYPE, ...)                                                                  \
    switch (TYPE) {                                                                                        \
        case MAMBA_WEIGHT_F32: { using Operand = float; __VA_ARGS__; break; }                              \
        case MAMBA_WEIGHT_F16: { using Operand = __half; __VA_ARGS__; break; }                             \
        case MAMBA_WEIGHT_BF16: { using Operand = __nv_bfloat16; __VA_ARGS__; break; }                     \
        default: break;                                                                                    \
    }

__device__ __forceinline__ float widen(float v) { return v; }
__device__ __forceinline__ float widen(__half v) { return __half2float(v); }
__device__ __forceinline__ float widen(__nv_bfloat16 v) { return __bfloat162float(v); }

// The nearest value of T. FP16 has no room above 65504: what lies beyond becomes that, not infinity.
template <typename T>
__device__ __forceinline__ T narrow(float v);
template <>
__device__ __forceinline__ float narrow<float>(float v) { return v; }
template <>
__device__ __forceinline__ __half narrow<__half>(float v) { return __float2half_rn(fminf(fmaxf(v, -65504.0f), 65504.0f)); }
template <>
__device__ __forceinline__ __nv_bfloat16 narrow<__nv_bfloat16>(float v) { return __float2bfloat16_rn(v); }

// Two 16-bit values in a register, the first in the low half.
template <typename T>
__device__ __forceinline__ uint32_t narrow_pair(float first, float second) {
    const T pair[2] = {narrow<T>(first), narrow<T>(second)};
    uint32_t bits;
    memcpy(&bits, pair, sizeof bits);
    return bits;
}
template <>
__device__ __forceinline__ uint32_t narrow_pair<__nv_bfloat16>(float first, float second) {
    uint32_t bits;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(second), "f"(first));
    return bits;
}

template <typename T>
__device__ __forceinline__ void widen_pair(uint32_t bits, float& first, float& second) {
    T pair[2];
    memcpy(pair, &bits, sizeof bits);
    first = widen(pair[0]);
    second = widen(pair[1]);
}

// Eight values in a row as they are stored: 16 bytes, or 32 of FP32.
template <typename T>
struct Octet {
    uint4 bits{};
    __device__ __forceinline__ void load(const T* at) { bits = *reinterpret_cast<const uint4*>(at); }
    __device__ __forceinline__ void widen(float (&out)[8]) const {
        widen_pair<T>(bits.x, out[0], out[1]);
        widen_pair<T>(bits.y, out[2], out[3]);
        widen_pair<T>(bits.z, out[4], out[5]);
        widen_pair<T>(bits.w, out[6], out[7]);
    }
    __device__ __forceinline__ void narrow(const float (&in)[8]) {
        bits.x = narrow_pair<T>(in[0], in[1]);
        bits.y = narrow_pair<T>(in[2], in[3]);
        bits.z = narrow_pair<T>(in[4], in[5]);
        bits.w = narrow_pair<T>(in[6], in[7]);
    }
    __device__ __forceinline__ void store(T* at) const { *reinterpret_cast<uint4*>(at) = bits; }
};

template <>
struct Octet<float> {
    float4 low{}, high{};
    __device__ __forceinline__ void load(const float* at) {
        low = *reinterpret_cast<const float4*>(at);
        high = *reinterpret_cast<const float4*>(at + 4);
    }
    __device__ __forceinline__ void widen(float (&out)[8]) const {
        out[0] = low.x, out[1] = low.y, out[2] = low.z, out[3] = low.w;
        out[4] = high.x, out[5] = high.y, out[6] = high.z, out[7] = high.w;
    }
    __device__ __forceinline__ void narrow(const float (&in)[8]) {
        low = make_float4(in[0], in[1], in[2], in[3]);
        high = make_float4(in[4], in[5], in[6], in[7]);
    }
    __device__ __forceinline__ void store(float* at) const {
        *reinterpret_cast<float4*>(at) = low;
        *reinterpret_cast<float4*>(at + 4) = high;
    }
};

__device__ __forceinline__ uint32_t shared_address(const void* at) { return static_cast<uint32_t>(__cvta_generic_to_shared(at)); }

// 16 bytes from device to shared memory, under way until copies_left(); zeros where there is nothing to read (`from` is still an address).
__device__ __forceinline__ void copy_16(uint32_t to, const void* from, bool there) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0) : "memory");
}
__device__ __forceinline__ void end_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until at most Groups of this thread's groups of copies are under way.
template <int Groups>
__device__ __forceinline__ void copies_left() {
    asm volatile("cp.async.wait_group %0;" ::"n"(Groups) : "memory");
}

// Four 8 x 8 matrices of 16-bit values; lane i gives the address of row i % 8 of matrix i / 8.
__device__ __forceinline__ void load_matrices(uint32_t (&out)[4], uint32_t address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                 : "r"(address)
                 : "memory");
}

// d[16, 8] += a[16, 16] b[16, 8], in FP32.
template <typename T>
__device__ __forceinline__ void multiply_add(float (&d)[4], uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0, uint32_t b1);
template <>
__device__ __forceinline__ void multiply_add<__nv_bfloat16>(float (&d)[4], uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0,
                                                           uint32_t b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}
template <>
__device__ __forceinline__ void multiply_add<__half>(float (&d)[4], uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0,
                                                    uint32_t b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// exp2 as the special function units give it: 2 ulp.
__device__ __forceinline__ float exp2_fast(float v) {
    float out;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(out) : "f"(v));
    return out;
}

constexpr float log2_e = 1.4426950408889634f;

// v / (1 + exp(-v)), within 4 ulp; where exp overflows, zero.
__device__ __forceinline__ float silu_fast(float v) {
    float inverse;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(inverse) : "f"(1.0f + exp2_fast(-log2_e * v)));
    return v * inverse;
}

// log(1 + exp(v)), within 3e-6 of its value, without a branch. Below exp(v) = 0.1 by its series, since log2 near 1 keeps no relative precision.
__device__ __forceinline__ float softplus_fast(float v) {
    const float e = exp2_fast(log2_e * fminf(v, 20.0f));
    float series = fmaf(e, -1.0f / 6, 1.0f / 5);
    series = fmaf(e, series, -1.0f / 4);
    series = fmaf(e, series, 1.0f / 3);
    series = fmaf(e, series, -1.0f / 2);
    series = fmaf(e, series, 1.0f) * e;
    const float other = __logf(1.0f + e);
    const float low = e < 0.1f ? series : other;
    return v > 20.0f ? v : low;
}

}  // namespace mamba::cuda
