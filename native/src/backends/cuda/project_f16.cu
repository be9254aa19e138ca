#include "backends/cuda/project.cuh"

namespace mamba::cuda {

template <>
void project_type<MAMBA_WEIGHT_F16>(const Queue& queue, const Weight& w, const Product& p) {
    project_any<MAMBA_WEIGHT_F16>(queue, w, p);
}

}  // namespace mamba::cuda
