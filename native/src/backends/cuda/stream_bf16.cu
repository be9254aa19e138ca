#include "backends/cuda/stream.cuh"

namespace mamba::cuda {

template <>
void stream_type<MAMBA_WEIGHT_BF16>(const Queue& queue, const Weight& w, const StreamProduct& p) {
    stream_any<MAMBA_WEIGHT_BF16>(queue, w, p);
}

}  // namespace mamba::cuda
