// One block of GGUF's Q6_K and Q4_K (layouts: tensor.h) to FP32 and back.
#pragma once

#include "model/tensor.h"

namespace mamba {

// 256 weights, with the arithmetic of ggml: the scalar reference of every table.
void decode(const BlockQ6_K& block, float* out);
void decode(const BlockQ4_K& block, float* out);

// Searches scales and numbers for the least squared error. False where a weight is no finite number or too large for the type.
bool encode(const float* in, BlockQ6_K& block);
bool encode(const float* in, BlockQ4_K& block);

}  // namespace mamba
