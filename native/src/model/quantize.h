// Rows of weights to FP32 and back.
#pragma once

#include "model/tensor.h"

namespace mamba {

// cols must be a multiple of the type's block.
void decode_row(WeightType type, const std::byte* row, int64_t cols, float* out);
// Rounds to nearest; Q6_K and Q4_K search for their scales (k_quants.h). False where a finite number has no finite counterpart in the
// type (F16 beyond 65504); the quantized types refuse NaN and infinity too.
bool encode_row(WeightType type, const float* in, int64_t cols, std::byte* row);

}  // namespace mamba
