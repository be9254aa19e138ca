#include "backends/cuda/project.cuh"

namespace mamba::cuda {

template <>
void project_type<MAMBA_WEIGHT_Q4_K>(const Queue& queue, const Weight& w, const Product& p) {
    project_any<MAMBA_WEIGHT_Q4_K>(queue, w, p);
}

}  // namespace mamba::cuda
