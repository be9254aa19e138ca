// Weights as the kernels see them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mamba/c_api.h"

namespace mamba {

enum class WeightType : int32_t {
    f32 = MAMBA_WEIGHT_F32,
    f16 = MAMBA_WEIGHT_F16,
    bf16 = MAMBA_WEIGHT_BF16,
    q8_0 = MAMBA_WEIGHT_Q8_0,
    q6_k = MAMBA_WEIGHT_Q6_K,
    q4_k = MAMBA_WEIGHT_Q4_K,
};

// GGUF's Q8_0: 32 weights share an FP16 scale d; weight i is d * q[i].
struct BlockQ8_0 {
    static constexpr int64_t weights = 32;
    uint16_t scale;
    int8_t q[weights];
};
static_assert(sizeof(BlockQ8_0) == 34);

// GGUF's Q6_K: 16 groups of 16 weights, a scale each; weight i is d * scales[i / 16] * (n[i] - 32) with n[i] of six bits. In each half of
// the block, n[32 k + j] for k < 4 and j < 32 has its low four bits in low[32 (k % 2) + j], in the high nibble for k >= 2, and its
// high two at bit 2 k of high[j].
struct BlockQ6_K {
    static constexpr int64_t weights = 256, group = 16;
    uint8_t low[weights / 2];
    uint8_t high[weights / 4];
    int8_t scales[weights / group];
    uint16_t d;  // FP16
};
static_assert(sizeof(BlockQ6_K) == 210);

// GGUF's Q4_K: 8 groups of 32 weights, a scale and a minimum each, both of six bits; weight i is d * scale * n[i] - d_min * minimum,
// rounded to FP32 once. n[64 k + j] for j < 32 is the low nibble of n[32 k + j], n[64 k + 32 + j] the high one. Group g < 4 has its scale
// in the low six bits of scales[g] and its minimum in those of scales[g + 4]; group g >= 4 has the low four bits of both in
// scales[g + 4], the scale's in the low nibble, and the high two at the top of scales[g - 4] and scales[g].
struct BlockQ4_K {
    static constexpr int64_t weights = 256, group = 32;
    uint16_t d, d_min;  // FP16
    uint8_t scales[12];
    uint8_t n[weights / 2];
};
static_assert(sizeof(BlockQ4_K) == 144);

inline constexpr WeightType all_weight_types[] = {WeightType::f32,  WeightType::f16,  WeightType::bf16,
                                                  WeightType::q8_0, WeightType::q6_k, WeightType::q4_k};

const char* name(WeightType type);
// Weights a block, bytes a block: {1, 4} for F32, {32, 34} for Q8_0.
struct BlockShape {
    int64_t weights;
    size_t bytes;
};
BlockShape block_shape(WeightType type);
// Bytes of `cols` weights; cols must be a multiple of the block.
size_t row_bytes(WeightType type, int64_t cols);

// A [rows, cols] matrix, row after row, each row `row_bytes` long. It points into a mapped file or a buffer of the model
// that holds it. Data is aligned to its element at least (4 for F32, 2 for the others); kernels load it unaligned.
struct Matrix {
    WeightType type = WeightType::f32;
    int64_t rows = 0, cols = 0;
    size_t row_bytes = 0;
    const std::byte* data = nullptr;

    bool empty() const noexcept { return data == nullptr; }
    const std::byte* row(int64_t i) const noexcept { return data + static_cast<size_t>(i) * row_bytes; }
    size_t bytes() const noexcept { return static_cast<size_t>(rows) * row_bytes; }
};

}  // namespace mamba
