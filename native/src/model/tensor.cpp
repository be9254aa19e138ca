#include "model/tensor.h"

#include "base/error.h"

namespace mamba {

const char* name(WeightType type) {
    switch (type) {
        case WeightType::f32: return "F32";
        case WeightType::f16: return "F16";
        case WeightType::bf16: return "BF16";
        case WeightType::q8_0: return "Q8_0";
        case WeightType::q6_k: return "Q6_K";
        case WeightType::q4_k: return "Q4_K";
    }
    return "unknown weight type";
}

BlockShape block_shape(WeightType type) {
    switch (type) {
        case WeightType::f32: return {1, 4};
        case WeightType::f16: return {1, 2};
        case WeightType::bf16: return {1, 2};
        case WeightType::q8_0: return {BlockQ8_0::weights, sizeof(BlockQ8_0)};
        case WeightType::q6_k: return {BlockQ6_K::weights, sizeof(BlockQ6_K)};
        case WeightType::q4_k: return {BlockQ4_K::weights, sizeof(BlockQ4_K)};
    }
    fail(MAMBA_UNSUPPORTED, "weight type ", static_cast<int32_t>(type), " is not one that this build knows");
}

size_t row_bytes(WeightType type, int64_t cols) {
    const BlockShape block = block_shape(type);
    if (cols < 0 || cols % block.weights != 0) {
        fail(MAMBA_BAD_FORMAT, "a row of ", cols, " weights cannot be ", name(type), ": its blocks hold ", block.weights, " weights each");
    }
    return static_cast<size_t>(cols / block.weights) * block.bytes;
}

}  // namespace mamba
