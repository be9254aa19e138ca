// Mamba-2's scan on the matrix units (AMX).
#pragma once

#include <cstdint>

#include "backends/cpu/kernels.h"

namespace mamba {

// Kernels::mamba2_scan. Needs AVX-512 and AMX with BF16, and a thread that may touch tiles.
void amx_mamba2_scan(const Mamba2Scan& scan, float* scratch);

}  // namespace mamba
