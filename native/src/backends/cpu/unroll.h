// MAMBA_UNROLL before a loop over the vectors of a register tile: unrolled, so that the tile is registers and not memory. Not under
// sanitizers, whose checks make unrolled tiles take minutes to compile.
#pragma once

#if defined(MAMBA_SANITIZED)
#  define MAMBA_UNROLL
#elif defined(__clang__)
#  define MAMBA_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#  define MAMBA_UNROLL _Pragma("GCC unroll 16")
#else
#  define MAMBA_UNROLL
#endif
