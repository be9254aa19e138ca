// Rows of weights to FP32 and back.
#pragma once

#include "model/tensor.h"

namespace mamba {

// cols must be a multiple of the type's block. Only F32, F16, BF16 and Q8_0.
void decode_row(WeightType type, const std::byte* row, int64_t cols, float* out);
// Rounds to nearest. False where a finite number has no finite counterpart in the type (F16 beyond 65504).
bool encode_row(WeightType type, const float* in, int64_t cols, std::byte* row);

// True for the types that decode_row and encode_row know.
bool can_convert(WeightType type);

}  // namespace mamba
