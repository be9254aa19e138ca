// A model's weights on the device. Rows of matrices begin at 16 bytes, so that a lane reads 16 at a time; quantized rows hold their
// numbers and their scales apart:
//   F32, F16, BF16  as they are, zeros up to a multiple of 8 columns
//   Q8_0            numbers [cols] of INT8; scales [cols / 32] of FP16
//   Q6_K            low [cols / 2], high [cols / 4], scales [cols / 16] of INT8, d [cols / 256] of FP16, each block's part behind the other's
//   Q4_K            n [cols / 2], then for each block 16 bytes: d, d_min, scales[12]
// Numbers within a block keep GGUF's order (model/tensor.h).
#pragma once

#include <vector>

#include "backends/cuda/memory.h"
#include "backends/device.h"

namespace mamba::cuda {

struct Weight {
    const unsigned char* data = nullptr;
    int32_t type = 0;            // mamba_weight_type
    int32_t rows = 0, cols = 0;
    int32_t padded_cols = 0;     // a multiple of 8
    int64_t pitch = 0;           // bytes of a row
};

struct LayerWeights {
    Weight in_proj, x_proj, dt_proj, out_proj;
    const float *norm, *in_proj_bias, *conv_weight, *conv_bias, *dt_bias, *a, *d, *dt_norm, *b_norm, *c_norm, *gated_norm, *out_proj_bias;
};

class Weights {
public:
    // Returns when everything is on the device.
    explicit Weights(const device::Model& model);

    std::vector<LayerWeights> layers;
    Weight embedding, head;
    const float* final_norm = nullptr;

    size_t bytes() const { return memory_.bytes(); }

private:
    DeviceArray<unsigned char> memory_;
};

}  // namespace mamba::cuda
