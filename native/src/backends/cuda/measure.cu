#include "backends/cuda/measure.h"

namespace mamba::cuda {
namespace {

constexpr int threads = 256;

__device__ double block_sum(double value, double* scratch) {
#pragma unroll
    for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
    if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = value;
    __syncthreads();
    double total = 0;
    for (int i = 0; i < threads / 32; ++i) total += scratch[i];
    __syncthreads();
    return total;
}

// A block a head.
__global__ __launch_bounds__(threads) void measure(Measured m, device::HeadSums* heads) {
    __shared__ double scratch[threads / 32];
    __shared__ float largest[threads / 32];
    const int head = static_cast<int>(blockIdx.x), begin = head * m.head_values, end = min(begin + m.head_values, m.count);
    double sum = 0, squares = 0;
    float most = 0;
    for (int i = begin + static_cast<int>(threadIdx.x); i < end; i += threads) {
        const double v = m.values[i];
        sum += v, squares += v * v;
        most = fmaxf(most, fabsf(m.values[i]));
    }
    double logs = 0, left = 0;
    if (m.sums != nullptr) {
        const double scale = m.decay_scale != nullptr ? *m.decay_scale : 1.0;
        const int first = head * m.head_decays, last = first + (m.head_decays < m.head_values ? m.head_decays : end - begin);
        for (int i = first + static_cast<int>(threadIdx.x); i < last; i += threads) {
            const double log = m.a[i] * scale * m.sums[i / m.decays_a_sum] + m.added;
            logs += log, left += exp(log);
        }
    }
    sum = block_sum(sum, scratch), squares = block_sum(squares, scratch), logs = block_sum(logs, scratch), left = block_sum(left, scratch);
#pragma unroll
    for (int step = 16; step > 0; step /= 2) most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, step));
    if (threadIdx.x % 32 == 0) largest[threadIdx.x / 32] = most;
    __syncthreads();
    if (threadIdx.x != 0) return;
    for (int i = 0; i < threads / 32; ++i) most = fmaxf(most, largest[i]);
    heads[head] = {sum, squares, logs, left, most, 0};
}

}  // namespace

void measure_heads(const Queue& queue, const Measured& m, device::HeadSums* heads) {
    Queue whole = queue;
    whole.overlap = false;  // it reads states as those before left them
    whole.launch(measure, dim3(static_cast<unsigned>((m.count + m.head_values - 1) / m.head_values)), threads, 0, "measuring a state", m, heads);
}

}  // namespace mamba::cuda
