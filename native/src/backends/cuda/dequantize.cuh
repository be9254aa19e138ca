// Eight weights of a row as FP32, in every type: exactly, but for the one rounding of Q4_K. Layouts: weights.h.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "backends/cuda/weights.h"

namespace mamba::cuda {

__device__ __forceinline__ float half_at(const unsigned char* address) { return __half2float(*reinterpret_cast<const __half*>(address)); }

// What a lane reads at once of the types whose weights stand alone, before it makes FP32 of it.
template <int Type>
struct Eight;

template <>
struct Eight<MAMBA_WEIGHT_F32> {
    float4 low, high;
    __device__ __forceinline__ void load(const unsigned char* row, int, int col) {
        const float4* at = reinterpret_cast<const float4*>(row) + col / 4;
        low = __ldg(at);
        high = __ldg(at + 1);
    }
    __device__ __forceinline__ void widen(float (&out)[8]) const {
        out[0] = low.x, out[1] = low.y, out[2] = low.z, out[3] = low.w;
        out[4] = high.x, out[5] = high.y, out[6] = high.z, out[7] = high.w;
    }
};

template <>
struct Eight<MAMBA_WEIGHT_BF16> {
    uint4 bits;
    __device__ __forceinline__ void load(const unsigned char* row, int, int col) {
        bits = __ldg(reinterpret_cast<const uint4*>(row) + col / 8);
    }
    __device__ __forceinline__ void widen(float (&out)[8]) const {
        const unsigned int pairs[4] = {bits.x, bits.y, bits.z, bits.w};
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            out[2 * i] = __uint_as_float(pairs[i] << 16);
            out[2 * i + 1] = __uint_as_float(pairs[i] & 0xffff0000u);
        }
    }
};

template <>
struct Eight<MAMBA_WEIGHT_F16> {
    uint4 bits;
    __device__ __forceinline__ void load(const unsigned char* row, int, int col) {
        bits = __ldg(reinterpret_cast<const uint4*>(row) + col / 8);
    }
    __device__ __forceinline__ void widen(float (&out)[8]) const {
        const unsigned int pairs[4] = {bits.x, bits.y, bits.z, bits.w};
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            __half2 pair;
            memcpy(&pair, &pairs[i], sizeof pair);
            const float2 both = __half22float2(pair);
            out[2 * i] = both.x;
            out[2 * i + 1] = both.y;
        }
    }
};

template <>
struct Eight<MAMBA_WEIGHT_Q8_0> {
    int2 numbers;
    float scale;
    __device__ __forceinline__ void load(const unsigned char* row, int cols, int col) {
        numbers = __ldg(reinterpret_cast<const int2*>(row + col));
        scale = half_at(row + cols + col / 32 * 2);
    }
    __device__ __forceinline__ void widen(float (&out)[8]) const {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            out[i] = scale * static_cast<float>(static_cast<signed char>(numbers.x >> (8 * i)));
            out[4 + i] = scale * static_cast<float>(static_cast<signed char>(numbers.y >> (8 * i)));
        }
    }
};

template <>
struct Eight<MAMBA_WEIGHT_Q6_K> {
    uint2 low, high;  // already moved to the lowest bits of each byte
    float scale;
    __device__ __forceinline__ void load(const unsigned char* row, int cols, int col) {
        const int block = col / 256, i = col % 256, half = i / 128, k = i % 128 / 32, j = i % 32;
        low = *reinterpret_cast<const uint2*>(row + block * 128 + half * 64 + k % 2 * 32 + j);
        high = *reinterpret_cast<const uint2*>(row + cols / 2 + block * 64 + half * 32 + j);
        low.x >>= k / 2 * 4, low.y >>= k / 2 * 4;
        high.x >>= 2 * k, high.y >>= 2 * k;
        const auto group = static_cast<signed char>(row[cols / 4 * 3 + col / 16]);
        scale = half_at(row + cols / 4 * 3 + cols / 16 + block * 2) * static_cast<float>(group);
    }
    __device__ __forceinline__ void widen(float (&out)[8]) const {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            out[i] = scale * static_cast<float>(static_cast<int>((low.x >> (8 * i) & 15u) | (high.x >> (8 * i) & 3u) << 4) - 32);
            out[4 + i] = scale * static_cast<float>(static_cast<int>((low.y >> (8 * i) & 15u) | (high.y >> (8 * i) & 3u) << 4) - 32);
        }
    }
};

template <>
struct Eight<MAMBA_WEIGHT_Q4_K> {
    uint2 numbers;  // already moved to the low nibble of each byte
    float step, offset;
    __device__ __forceinline__ void load(const unsigned char* row, int cols, int col) {
        const int block = col / 256, g = col % 256 / 32;
        numbers = *reinterpret_cast<const uint2*>(row + block * 128 + g / 2 * 32 + col % 32);
        numbers.x >>= g % 2 * 4, numbers.y >>= g % 2 * 4;
        const unsigned char* head = row + cols / 2 + block * 16;
        const unsigned char* s = head + 4;
        const int scale = g < 4 ? s[g] & 63 : (s[g + 4] & 15) | s[g - 4] >> 6 << 4;
        const int minimum = g < 4 ? s[g + 4] & 63 : s[g + 4] >> 4 | s[g] >> 6 << 4;
        step = half_at(head) * static_cast<float>(scale);
        offset = half_at(head + 2) * static_cast<float>(minimum);
    }
    __device__ __forceinline__ void widen(float (&out)[8]) const {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            out[i] = fmaf(step, static_cast<float>(numbers.x >> (8 * i) & 15u), -offset);
            out[4 + i] = fmaf(step, static_cast<float>(numbers.y >> (8 * i) & 15u), -offset);
        }
    }
};

}  // namespace mamba::cuda
