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
