// How kernels are launched: on one stream, each allowed to start while the one before ends, where the device can do that (Hopper:
// programmatic dependent launch). A kernel launched so calls begin_dependent() once it needs what earlier kernels wrote.
#pragma once

#include <cuda_runtime.h>

#include <utility>

#include "backends/cuda/error.h"

namespace mamba::cuda {

struct Queue {
    cudaStream_t stream = nullptr;
    bool overlap = false;  // kernels may begin early
    int units = 1;         // multiprocessors
    size_t shared_bytes = 0;  // of shared memory that a block can have, beside some for what a kernel declares

    template <typename... Parameters, typename... Arguments>
    void launch(void (*kernel)(Parameters...), dim3 grid, unsigned int threads, size_t shared_bytes, const char* what,
                Arguments&&... arguments) const {
        launch_clusters(kernel, grid, 1, threads, shared_bytes, what, std::forward<Arguments>(arguments)...);
    }

    // Blocks in clusters of so many neighbours along x; more than one where `overlap` says that this is a Hopper device.
    template <typename... Parameters, typename... Arguments>
    void launch_clusters(void (*kernel)(Parameters...), dim3 grid, unsigned int cluster, unsigned int threads, size_t shared_bytes,
                          const char* what, Arguments&&... arguments) const {
        cudaLaunchAttribute attributes[2] = {};
        unsigned int count = 0;
        if (overlap) {
            attributes[count].id = cudaLaunchAttributeProgrammaticStreamSerialization;
            attributes[count++].val.programmaticStreamSerializationAllowed = 1;
        }
        if (cluster > 1) {
            attributes[count].id = cudaLaunchAttributeClusterDimension;
            attributes[count++].val.clusterDim = {cluster, 1, 1};
        }
        start(kernel, grid, threads, shared_bytes, what, attributes, count, std::forward<Arguments>(arguments)...);
    }

    // A kernel whose blocks wait for each other: they are all on the device at a time, or none is. It begins when all before it have ended.
    template <typename... Parameters, typename... Arguments>
    void launch_together(void (*kernel)(Parameters...), dim3 grid, unsigned int threads, size_t shared_bytes, const char* what,
                         Arguments&&... arguments) const {
        cudaLaunchAttribute attribute{};
        attribute.id = cudaLaunchAttributeCooperative;
        attribute.val.cooperative = 1;
        start(kernel, grid, threads, shared_bytes, what, &attribute, 1, std::forward<Arguments>(arguments)...);
    }

private:
    template <typename... Parameters, typename... Arguments>
    void start(void (*kernel)(Parameters...), dim3 grid, unsigned int threads, size_t shared_bytes, const char* what,
               cudaLaunchAttribute* attributes, unsigned int attribute_count, Arguments&&... arguments) const {
        cudaLaunchConfig_t config{};
        config.gridDim = grid;
        config.blockDim = dim3(threads);
        config.dynamicSmemBytes = shared_bytes;
        config.stream = stream;
        config.attrs = attributes;
        config.numAttrs = attribute_count;
        check(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...), what);
    }
};

// Of a device, without a stream.
inline Queue queue_of(int32_t device) {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, device), "asking for the device's properties");
    Queue queue;
    queue.overlap = properties.major >= 9;
    queue.units = properties.multiProcessorCount;
    queue.shared_bytes = properties.sharedMemPerBlockOptin - 4096;
    return queue;
}

#if defined(__CUDACC__)

// Lets the next kernel begin: its blocks take what room this kernel's blocks leave. Every kernel says so first of all. Several kernels can
// then be on the device at a time, each waiting for the one before: so what a kernel reads before begin_dependent() must be written by no
// kernel of the same run. Copies and clearing, and so each run's begin, wait for all kernels before them.
__device__ __forceinline__ void allow_next() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// Waits until every kernel before has ended and what it wrote can be seen. Every kernel calls it before it reads or writes what another
// one writes or reads.
__device__ __forceinline__ void begin_dependent() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
    for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
    return value;
}

// Sums each of the first 2 * Half values with that of the lane Step away: the lower of such lanes keeps the first half of them. Each call has
// constants for indices, so that the values stay in registers.
template <int Half, int Step, int Count>
__device__ __forceinline__ void halve(float (&v)[Count], int lane) {
    if constexpr (Half > 0) {
        const bool upper = (lane & Step) != 0;
#pragma unroll
        for (int i = 0; i < Half; ++i) {
            const float low = v[i], high = v[i + Half], given = upper ? low : high, kept = upper ? high : low;
            v[i] = kept + __shfl_xor_sync(0xffffffffu, given, Step);
        }
        halve<Half / 2, Step / 2>(v, lane);
    } else if constexpr (Step > 0) {
        v[0] += __shfl_xor_sync(0xffffffffu, v[0], Step);
        halve<0, Step / 2>(v, lane);
    }
}

// The sums over a warp of Count values, a power of two; lane i has that of value i / (32 / Count).
template <int Count>
__device__ __forceinline__ float warp_sums(float (&v)[Count], int lane) {
    halve<Count / 2, 16>(v, lane);
    return v[0];
}

// The sum over a block of Threads threads, to all of them. `scratch`: Threads / 32 floats of shared memory, free to use again after
// the next barrier.
template <int Threads>
__device__ __forceinline__ float block_sum(float value, float* scratch) {
    value = warp_sum(value);
    if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = value;
    __syncthreads();
    float total = 0;
#pragma unroll
    for (int i = 0; i < Threads / 32; ++i) total += scratch[i];
    return total;
}

__device__ __forceinline__ float silu(float v) { return v / (1.0f + expf(-v)); }

// softplus(v) = v if v > 20 else log1p(exp(v))
__device__ __forceinline__ float softplus(float v) { return v > 20.0f ? v : log1pf(expf(v)); }

#endif

}  // namespace mamba::cuda
