// Hopper's bulk copies: stretches of device memory that come to shared memory by the copy engine, behind what threads ask for themselves, so
// that a load of theirs does not wait for all that is under way. A barrier in shared memory counts the bytes that have come. In builds by CUDA
// 12 and newer.
#pragma once

#include "backends/cuda/launch.h"

namespace mamba::cuda {

#if defined(__CUDACC__) && __CUDACC_VER_MAJOR__ >= 12
#define MAMBA_CUDA_BULK 1
#endif

inline bool bulk_copies(const Queue& queue) {
#if defined(MAMBA_CUDA_BULK)
    return queue.overlap;
#else
    static_cast<void>(queue);
    return false;
#endif
}

#if defined(__CUDACC__)
#if defined(MAMBA_CUDA_BULK) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
#define MAMBA_CUDA_BULK_ASM(...) asm volatile(__VA_ARGS__)
#else
#define MAMBA_CUDA_BULK_ASM(...)
#endif

// A barrier at this shared address, of so many arrivals a turn. barriers_are_set(): behind all of them, before the block meets.
__device__ __forceinline__ void set_barrier(uint32_t barrier, int arrivals) {
    MAMBA_CUDA_BULK_ASM("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
__device__ __forceinline__ void barriers_are_set() { MAMBA_CUDA_BULK_ASM("fence.mbarrier_init.release.cluster;" ::: "memory"); }

__device__ __forceinline__ void arrive(uint32_t barrier) {
    MAMBA_CUDA_BULK_ASM("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
// An arrival, and so many bytes more before the turn ends.
__device__ __forceinline__ void expect(uint32_t barrier, uint32_t bytes) {
    MAMBA_CUDA_BULK_ASM("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}
// Until the turn of this parity has ended; the first one's is 0.
__device__ __forceinline__ void wait_for(uint32_t barrier, uint32_t parity) {
#if defined(MAMBA_CUDA_BULK) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    uint32_t ended = 0;
    do {
        asm volatile("{\n.reg .pred ended;\nmbarrier.try_wait.parity.shared::cta.b64 ended, [%1], %2;\nselp.u32 %0, 1, 0, ended;\n}"
                     : "=r"(ended) : "r"(barrier), "r"(parity) : "memory");
    } while (ended == 0);
#endif
}

// All three multiples of 16.
__device__ __forceinline__ void copy_bulk(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier) {
    MAMBA_CUDA_BULK_ASM("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
                        ::"r"(to), "l"(from), "r"(bytes), "r"(barrier) : "memory");
}
#endif

}  // namespace mamba::cuda
