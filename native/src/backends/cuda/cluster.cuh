// Blocks of a cluster (Hopper): side by side on neighbouring multiprocessors, they read each other's shared memory. Elsewhere a block is
// alone, and these do nothing.
#pragma once

#include "backends/cuda/operand.cuh"

namespace mamba::cuda {

constexpr int most_cluster = 8;  // blocks that every device of this kind can hold side by side

// A barrier for all blocks of the cluster; what they wrote before can be seen after it.
__device__ __forceinline__ void cluster_meet() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;" ::: "memory");
#endif
}

// A barrier behind the last that is read of others' shared memory: nobody ends before.
__device__ __forceinline__ void cluster_leave() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900 && __CUDACC_VER_MAJOR__ >= 12
    asm volatile("barrier.cluster.arrive.relaxed.aligned;\nbarrier.cluster.wait.aligned;" ::: "memory");
#else
    cluster_meet();  // CUDA 11.8 has no barrier that waits for no writes
#endif
}

// Four floats at this address of shared memory in block `rank` of the cluster.
__device__ __forceinline__ float4 of_cluster(const float* at, int rank) {
    float4 v = make_float4(0, 0, 0, 0);
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    uint32_t there;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(shared_address(at)), "r"(rank));
    asm volatile("ld.shared::cluster.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w) : "r"(there) : "memory");
#endif
    return v;
}

__device__ __forceinline__ uint4 shared_four(uint32_t address) {
    uint4 v;
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "r"(address) : "memory");
    return v;
}

}  // namespace mamba::cuda
