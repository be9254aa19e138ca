#include "backends/cuda/project.h"

#include "backends/cuda/types.h"

namespace mamba::cuda {

bool takes_norm(const Queue& queue, const Weight& w, const Product& p) {
    return p.rows <= most_few_rows && shared_bytes(queue, w, p, 1) <= most_shared;
}

void project(const Queue& queue, const Weight& w, const Product& p) {
    MAMBA_CUDA_FOR_TYPE(w.type, project_type<kType>(queue, w, p))
}

}  // namespace mamba::cuda
