// How blocks that run at a time hand numbers to each other: 64-bit words in device memory of an FP32 number and a tag, written and read as
// one. Who finds the tag that he waits for has the number: no barrier, no fence, and no second way to memory and back.
#pragma once

#include <cstdint>

namespace mamba::cuda {

__device__ __forceinline__ void publish(uint64_t* at, float value, uint32_t tag) {
    const uint64_t word = static_cast<uint64_t>(tag) << 32 | __float_as_uint(value);
    asm volatile("st.relaxed.gpu.global.u64 [%0], %1;" ::"l"(at), "l"(word) : "memory");
}

struct WordPair {
    uint64_t first, second;
    __device__ __forceinline__ bool has(uint32_t tag) const {
        return static_cast<uint32_t>(first >> 32) == tag && static_cast<uint32_t>(second >> 32) == tag;
    }
    __device__ __forceinline__ float2 values() const {
        return make_float2(__uint_as_float(static_cast<uint32_t>(first)), __uint_as_float(static_cast<uint32_t>(second)));
    }
};

__device__ __forceinline__ WordPair look(const uint64_t* at) {
    WordPair v;
    asm volatile("ld.relaxed.gpu.global.v2.u64 {%0, %1}, [%2];" : "=l"(v.first), "=l"(v.second) : "l"(at) : "memory");
    return v;
}

// The number of a word, once it is there.
__device__ __forceinline__ float await(const uint64_t* at, uint32_t tag) {
    uint64_t word;
    do asm volatile("ld.relaxed.gpu.global.u64 %0, [%1];" : "=l"(word) : "l"(at) : "memory");
    while (static_cast<uint32_t>(word >> 32) != tag);
    return __uint_as_float(static_cast<uint32_t>(word));
}

}  // namespace mamba::cuda
