// The causal depthwise convolution over each session's tokens, and the window of inputs that its next tokens need.
#pragma once

#include "backends/cuda/batch.h"
#include "backends/cuda/launch.h"

namespace mamba::cuda {

// Channels of one layer. The window is a ring in the state (states.h): the input at position t is its row t % d_conv, so a step writes
// one row, and none that it reads.
struct Convolution {
    const float* in;         // [rows, channels], before the convolution
    int64_t in_stride;
    const float* weight;     // [d_conv, channels], last tap newest
    const float* bias;       // [channels] or NULL
    float* out;              // [rows, channels], after SiLU
    int64_t out_stride;
    int64_t window;          // offset in the state, in floats
    int32_t channels, d_conv;
};

void convolve(const Queue& queue, const Batch& batch, const Convolution& c);
// The window's rows from the parts' last inputs. After convolve.
void keep_window(const Queue& queue, const Batch& batch, const Convolution& c);

#if defined(__CUDACC__)

// The convolution and SiLU of one channel at token `t` of a part.
__device__ __forceinline__ float convolved(const Convolution& c, const Part& part, int t, int channel) {
    const float* in = c.in + static_cast<int64_t>(part.first_row) * c.in_stride + channel;
    const float* window = part.state + c.window + channel;
    float sum = c.bias != nullptr ? c.bias[channel] : 0.0f;
    for (int k = 0; k < c.d_conv; ++k) {
        const int source = t + k - (c.d_conv - 1);
        const float value = source >= 0 ? in[source * c.in_stride] : window[(part.phase + source + c.d_conv) % c.d_conv * c.channels];
        sum = fmaf(c.weight[k * c.channels + channel], value, sum);
    }
    return silu(sum);
}

#endif

}  // namespace mamba::cuda
