#include "backends/cuda/convolution.h"

namespace mamba::cuda {
namespace {

constexpr int threads = 256;

__global__ void convolve_rows(Batch batch, Convolution c) {
    allow_next();
    begin_dependent();
    const int channel = blockIdx.x * threads + threadIdx.x, row = blockIdx.y;
    if (channel >= c.channels) return;
    const Part part = batch.parts[batch.part_of[row]];
    c.out[row * c.out_stride + channel] = convolved(c, part, row - part.first_row, channel);
}

__global__ void keep_rows(Batch batch, Convolution c) {
    allow_next();
    begin_dependent();
    const int channel = blockIdx.x * threads + threadIdx.x;
    if (channel >= c.channels) return;
    const Part part = batch.parts[blockIdx.y];
    for (int t = max(0, part.count - (c.d_conv - 1)); t < part.count; ++t) {
        part.state[c.window + (part.phase + t) % c.d_conv * c.channels + channel] = c.in[(part.first_row + t) * c.in_stride + channel];
    }
}

}  // namespace

void convolve(const Queue& queue, const Batch& batch, const Convolution& c) {
    const dim3 grid(static_cast<unsigned>((c.channels + threads - 1) / threads), static_cast<unsigned>(batch.rows));
    queue.launch(convolve_rows, grid, threads, 0, "the convolution", batch, c);
}

void keep_window(const Queue& queue, const Batch& batch, const Convolution& c) {
    const dim3 grid(static_cast<unsigned>((c.channels + threads - 1) / threads), static_cast<unsigned>(batch.part_count));
    queue.launch(keep_rows, grid, threads, 0, "the convolution's window", batch, c);
}

}  // namespace mamba::cuda
