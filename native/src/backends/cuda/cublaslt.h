// cuBLASLt of whichever CUDA version this machine has, opened at run time: nothing is linked and nothing is shipped. The few functions and
// constants used are those of the public C interface, the same in versions 11, 12 and 13.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "backends/cuda/gemm.h"

namespace mamba::cuda {

class CublasLt {
public:
    // Looks for the library; without one, available() is false.
    CublasLt();
    ~CublasLt();
    CublasLt(const CublasLt&) = delete;
    CublasLt& operator=(const CublasLt&) = delete;

    bool available() const { return handle_ != nullptr; }
    size_t version() const { return version_; }

    // The product without its bias. False where the library has no algorithm for it: nothing has been queued then. Algorithms are asked
    // for once a shape.
    bool multiply(const Queue& queue, const Gemm& g, const Workspace& workspace);

private:
    struct Functions;
    struct Plan;
    using Key = std::array<int64_t, 9>;  // type, m, n, k, strides, what y is, alignment

    Plan* plan(const Gemm& g, const Workspace& workspace);

    void* library_ = nullptr;
    Functions* functions_ = nullptr;
    void* handle_ = nullptr;
    size_t version_ = 0;
    std::map<Key, Plan*> plans_;
};

}  // namespace mamba::cuda
