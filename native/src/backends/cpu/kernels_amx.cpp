// The AVX-512 table with its matrix products on the matrix units (AMX). Only on Linux: elsewhere nobody has asked for them, and GCC cannot
// assemble tile loads for Windows, where long has 32 bits. Tiles may only be touched on threads of the engine
// (engine/thread_pool.h).
#if defined(__GNUC__) && !defined(__clang__)
// GCC's own AVX-512 header leaves a register undefined on purpose and warns of it (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "backends/cpu/amx_scan.h"
#include "backends/cpu/kernels.h"
#include "base/platform.h"

#if MAMBA_X64 && defined(__linux__)
#include <algorithm>
#include <bit>
#include <limits>

#include "backends/cpu/amx_tiles.h"
#include "backends/cpu/blocking.h"
#include "backends/cpu/simd_avx512.h"

namespace mamba::avx512 {
namespace {
#include "backends/cpu/simd_math.inl"
#include "backends/cpu/amx_pack.inl"
#include "backends/cpu/amx_single.inl"
#include "backends/cpu/amx_matmul.inl"
}  // namespace
}  // namespace mamba::avx512
#endif

namespace mamba {

const Kernels* amx_kernels() {
#if MAMBA_X64 && defined(__linux__)
    static const Kernels table = [] {
        Kernels kernels = *avx512_kernels();
        kernels.isa = MAMBA_ISA_AMX;
        kernels.matmul_packed = avx512::matmul_packed;
        kernels.pack = avx512::pack;
        kernels.unpack = avx512::unpack;
        kernels.prepare = avx512::prepare;
        kernels.mamba2_scan = amx_mamba2_scan;
        return kernels;
    }();
    return &table;
#else
    return nullptr;
#endif
}

}  // namespace mamba
