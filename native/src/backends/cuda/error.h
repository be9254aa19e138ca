// Failures inside the library: thrown here, turned into a Status at its border (library.cu).
#pragma once

#include <cuda_runtime.h>

#include <sstream>
#include <string>

#include "mamba/c_api.h"

namespace mamba::cuda {

struct Failure {
    mamba_result code;
    std::string message;
};

template <typename... Parts>
[[noreturn]] void fail(mamba_result code, const Parts&... parts) {
    std::ostringstream text;
    (text << ... << parts);
    throw Failure{code, text.str()};
}

// what: what was being done, for the sentence.
inline void check(cudaError_t error, const char* what) {
    if (error == cudaSuccess) return;
    if (error == cudaErrorMemoryAllocation) {
        cudaGetLastError();  // it is reported here; the next launch is not to find it
        fail(MAMBA_OUT_OF_MEMORY, what, ": the device has no memory left");
    }
    fail(MAMBA_DEVICE, what, ": ", cudaGetErrorString(error), " (", cudaGetErrorName(error), ")");
}

}  // namespace mamba::cuda
