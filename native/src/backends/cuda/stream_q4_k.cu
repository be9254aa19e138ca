#include "backends/cuda/stream.cuh"

namespace mamba::cuda {

template <>
void stream_type<MAMBA_WEIGHT_Q4_K>(const Queue& queue, const Weight& w, const StreamProduct& p) {
    stream_any<MAMBA_WEIGHT_Q4_K>(queue, w, p);
}

}  // namespace mamba::cuda
