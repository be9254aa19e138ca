#include "model/quantize.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/half.h"
#include "model/k_quants.h"

namespace mamba {
namespace {

constexpr float most_f16 = 65504.0f;

// Half away from zero, as ggml's reference quantiser rounds; exact for |x| < 2^22 and free of a library call.
int32_t round_half_away(float x) {
    const auto whole = static_cast<int32_t>(x);
    const float rest = x - static_cast<float>(whole);
    return whole + static_cast<int32_t>(rest >= 0.5f) - static_cast<int32_t>(rest <= -0.5f);
}

void decode(const BlockQ8_0& block, float* out) {
    const float scale = f16_to_f32(block.scale);
    for (int64_t i = 0; i < BlockQ8_0::weights; ++i) out[i] = scale * static_cast<float>(block.q[i]);
}

// d = max|x| / 127, q = round(x / d): the arithmetic of ggml, so that llama.cpp writes the same bytes.
bool encode(const float* in, BlockQ8_0& block) {
    int32_t most = 0;  // of |x|, as bits: they order as the numbers do, and integers are compared in vectors
    for (int64_t i = 0; i < BlockQ8_0::weights; ++i) most = std::max(most, std::bit_cast<int32_t>(in[i]) & 0x7fffffff);
    const float scale = std::bit_cast<float>(most) / 127.0f;
    if (!(scale <= most_f16)) return false;
    const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
    if (!std::isfinite(inverse)) {  // all weights below 2^-121: nothing that FP16 could scale
        block = BlockQ8_0{};
        return true;
    }
    block.scale = f32_to_f16(scale);
    for (int64_t i = 0; i < BlockQ8_0::weights; ++i) block.q[i] = static_cast<int8_t>(round_half_away(in[i] * inverse));
    return true;
}

template <typename Block>
void decode_blocks(const std::byte* row, int64_t cols, float* out) {
    for (int64_t first = 0; first < cols; first += Block::weights, row += sizeof(Block)) {
        Block block;
        std::memcpy(&block, row, sizeof(block));
        decode(block, out + first);
    }
}

template <typename Block>
bool encode_blocks(const float* in, int64_t cols, std::byte* row) {
    bool fits = true;
    for (int64_t first = 0; first < cols; first += Block::weights, row += sizeof(Block)) {
        Block block{};
        fits = encode(in + first, block) && fits;
        std::memcpy(row, &block, sizeof(block));
    }
    return fits;
}

[[noreturn]] void refuse(WeightType type) { fail(MAMBA_UNSUPPORTED, "weight type ", static_cast<int32_t>(type), " is not one that this build knows"); }

}  // namespace

void decode_row(WeightType type, const std::byte* row, int64_t cols, float* out) {
    switch (type) {
        case WeightType::f32: std::memcpy(out, row, static_cast<size_t>(cols) * sizeof(float)); return;
        case WeightType::f16:
        case WeightType::bf16:
            for (int64_t i = 0; i < cols; ++i) {
                uint16_t bits;
                std::memcpy(&bits, row + 2 * i, sizeof(bits));
                out[i] = type == WeightType::f16 ? f16_to_f32(bits) : bf16_to_f32(bits);
            }
            return;
        case WeightType::q8_0: return decode_blocks<BlockQ8_0>(row, cols, out);
        case WeightType::q6_k: return decode_blocks<BlockQ6_K>(row, cols, out);
        case WeightType::q4_k: return decode_blocks<BlockQ4_K>(row, cols, out);
    }
    refuse(type);
}

bool encode_row(WeightType type, const float* in, int64_t cols, std::byte* row) {
    bool fits = true;
    switch (type) {
        case WeightType::f32: std::memcpy(row, in, static_cast<size_t>(cols) * sizeof(float)); return true;
        case WeightType::f16:
            for (int64_t i = 0; i < cols; ++i) {
                const uint16_t bits = f32_to_f16(in[i]);
                fits = fits && (bits & 0x7c00u) != 0x7c00u;
                std::memcpy(row + 2 * i, &bits, sizeof(bits));
            }
            return fits;
        case WeightType::bf16:
            for (int64_t i = 0; i < cols; ++i) {
                const uint16_t bits = f32_to_bf16(in[i]);
                fits = fits && (bits & 0x7f80u) != 0x7f80u;
                std::memcpy(row + 2 * i, &bits, sizeof(bits));
            }
            return fits;
        case WeightType::q8_0: return encode_blocks<BlockQ8_0>(in, cols, row);
        case WeightType::q6_k: return encode_blocks<BlockQ6_K>(in, cols, row);
        case WeightType::q4_k: return encode_blocks<BlockQ4_K>(in, cols, row);
    }
    refuse(type);
}

}  // namespace mamba
