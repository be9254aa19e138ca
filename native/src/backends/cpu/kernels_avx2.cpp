#include "backends/cpu/kernels.h"

namespace mamba {

const Kernels* avx2_kernels() { return nullptr; }

}  // namespace mamba
