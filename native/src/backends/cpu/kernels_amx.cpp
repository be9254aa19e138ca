// The AVX-512 table with its matrix products on the matrix units (AMX). Tiles may only be touched on threads of the engine
// (engine/thread_pool.h).
#include "backends/cpu/kernels.h"
#include "base/platform.h"

namespace mamba {

const Kernels* amx_kernels() {
#if MAMBA_X64 && !defined(_MSC_VER)
    static const Kernels table = [] {
        Kernels kernels = *avx512_kernels();
        kernels.isa = MAMBA_ISA_AMX;
        return kernels;
    }();
    return &table;
#else
    return nullptr;
#endif
}

}  // namespace mamba
