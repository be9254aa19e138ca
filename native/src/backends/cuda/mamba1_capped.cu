// The scan of parts under a state-norm: state_norm.cuh, on what mamba1_inputs left.
#include "backends/cuda/mamba1_prefill.h"
#include "backends/cuda/operand.cuh"
#include "backends/cuda/state_norm.cuh"

namespace mamba::cuda {
namespace {

template <typename T>
struct Tokens {
    const Mamba1Prefill& p;
    const Part& part;
    int channel;
    double steps = 0;

    __device__ int64_t row(int t) const { return part.first_row + t; }
    __device__ float dt(int t) {
        float sum = p.dt_bias[channel];
        if constexpr (sizeof(T) == sizeof(float)) {
            sum += p.dt[row(t) * p.d_inner + channel];
        } else {
            const T* const r = static_cast<const T*>(p.r) + row(t) * mamba1_rank_pitch(p.dt_rank);
            const T* const w = static_cast<const T*>(p.dt_proj) + channel * p.dt_proj_stride;
            for (int k = 0; k < p.dt_rank; ++k) sum = fmaf(widen(r[k]), widen(w[k]), sum);
        }
        const float step = softplus(sum);
        steps += step;
        return step;
    }
    __device__ float v(int t) const { return widen(static_cast<const T*>(p.v)[row(t) * p.d_inner + channel]); }
    __device__ float b(int t, int n) const { return p.bc[row(t) * 2 * p.d_state + n]; }
    __device__ float c(int t, int n) const { return p.bc[row(t) * 2 * p.d_state + p.d_state + n]; }
    __device__ void emit(int t, float y) const {
        const float z = widen(static_cast<const T*>(p.projected)[row(t) * p.projected_stride + p.d_inner + channel]);
        static_cast<T*>(p.y)[row(t) * p.d_inner + channel] = narrow<T>(fmaf(p.d[channel], v(t), y) * silu(z));
    }
};

template <typename T>
__global__ __launch_bounds__(capped_channels) void scan(Batch batch, Mamba1Prefill p) {
    allow_next();
    extern __shared__ float held[];
    begin_dependent();
    const PartPolicy policy = batch.policies[blockIdx.y];
    const Part part = batch.parts[blockIdx.y];
    const int channel = static_cast<int>(blockIdx.x * capped_channels + threadIdx.x);
    const bool there = channel < p.d_inner;
    Tokens<T> tokens{p, part, there ? channel : 0};
    const int64_t of_channel = static_cast<int64_t>(tokens.channel) * p.d_state;
    scan_capped_channels(tokens, held, part.state + p.state + of_channel, p.a + of_channel, p.d_state,
                         policy.caps[static_cast<int64_t>(p.layer) * gridDim.x + blockIdx.x], part.count, there);
    if (!there) return;
    if (policy.sums != nullptr) policy.sums[static_cast<int64_t>(p.layer) * p.d_inner + channel] += tokens.steps;
    // The window, as mamba1_scan keeps it.
    for (int t = max(0, part.count - (p.d_conv - 1)); t < part.count; ++t) {
        part.state[p.window + static_cast<int64_t>((part.phase + t) % p.d_conv) * p.d_inner + channel] =
            widen(static_cast<const T*>(p.projected)[(part.first_row + t) * p.projected_stride + channel]);
    }
}

template <typename T>
void launch(const Queue& queue, const Batch& batch, const Mamba1Prefill& p) {
    const dim3 grid(static_cast<unsigned>((p.d_inner + capped_channels - 1) / capped_channels), static_cast<unsigned>(batch.part_count));
    queue.launch(scan<T>, grid, capped_channels, capped_channels * static_cast<size_t>(p.d_state + 1) * sizeof(float), "the scan", batch, p);
}

}  // namespace

void mamba1_scan_capped(const Queue& queue, const Batch& batch, const Mamba1Prefill& p) {
    MAMBA_CUDA_FOR_OPERAND(p.type, launch<Operand>(queue, batch, p))
}

}  // namespace mamba::cuda
