// Owned memory of the device and page-locked memory of the host.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <utility>

#include "backends/cuda/error.h"

namespace mamba::cuda {

inline size_t round_up(size_t value, size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

struct DeviceMemory {
    static void take(void** data, size_t bytes, const char* what) {
        const cudaError_t error = cudaMalloc(data, bytes);
        if (error != cudaErrorMemoryAllocation) return check(error, what);
        cudaGetLastError();  // it is reported here; the next launch is not to find it
        size_t free = 0, total = 0;
        cudaMemGetInfo(&free, &total);
        fail(MAMBA_OUT_OF_MEMORY, what, " needs ", bytes >> 20, " MiB of the device's memory, and ", free >> 20, " MiB of ", total >> 20,
             " are free");
    }
    static void give(void* data) { cudaFree(data); }
};

struct PinnedMemory {
    static void take(void** data, size_t bytes, const char* what) {
        const cudaError_t error = cudaMallocHost(data, bytes);
        if (error != cudaErrorMemoryAllocation) return check(error, what);
        cudaGetLastError();
        fail(MAMBA_OUT_OF_MEMORY, what, " needs ", bytes >> 20, " MiB of page-locked host memory, and the system has no more");
    }
    static void give(void* data) { cudaFreeHost(data); }
};

// An array of T whose values are unspecified. Moves, does not copy. `what` names it where there is no memory for it.
template <typename T, typename Memory>
class Array {
public:
    Array() = default;
    Array(size_t count, const char* what) : count_(count) {
        if (count == 0) return;
        void* data = nullptr;
        Memory::take(&data, count * sizeof(T), what);
        data_ = static_cast<T*>(data);
    }
    Array(Array&& other) noexcept : data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)) {}
    Array& operator=(Array&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(count_, other.count_);
        return *this;
    }
    ~Array() {
        if (data_ != nullptr) Memory::give(data_);
    }

    T* data() const { return data_; }
    size_t size() const { return count_; }
    size_t bytes() const { return count_ * sizeof(T); }

private:
    T* data_ = nullptr;
    size_t count_ = 0;
};

template <typename T>
using DeviceArray = Array<T, DeviceMemory>;
template <typename T>
using PinnedArray = Array<T, PinnedMemory>;

}  // namespace mamba::cuda
