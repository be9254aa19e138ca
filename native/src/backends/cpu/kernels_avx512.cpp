#include "backends/cpu/kernels.h"

namespace mamba {

const Kernels* avx512_kernels() { return nullptr; }

}  // namespace mamba
