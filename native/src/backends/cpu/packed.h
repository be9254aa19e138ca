// How a table with matrix units wants its operands: weights in panels, activations in tiles. Only sizes and offsets live here, so that
// memory can be planned by code that is compiled for any processor.
//
// Panels hold 16 weight rows side by side, what lies past the matrix as zeros:
//   BF16  for every 32 columns one tile [16 pairs of columns][16 rows][2]
//   Q8_0  for every 64 columns two times 16 FP16 scales, then two tiles [8 quads of columns][16 rows][4] of INT8
//
// Activations come in one of two forms:
//   bf16       rounded to BF16: [groups of 16 rows][blocks of 32 columns][16 rows][32]
//   int8_pair  16 bits of every number, a block of 32 in fixed point, x = unit * (256 high + low), and the pieces high and low each a row
//              of its own: in groups of up to 16 rows [blocks][2 pieces][rows][32] of INT8, then [blocks][rows] units in FP32. Sums of a
//              block's products with Q8_0 are whole numbers, so exact in any order
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/tensor.h"

namespace mamba {

enum class OperandForm { plain, bf16, int8_pair };

// What a table with matrix units makes of rows of x. Quantized weights meet several tokens of a session in BF16, and a single token, where
// the weights' way through memory is what takes the time, in twice the bits. F32 and F16 are computed in FP32.
static constexpr OperandForm operand_form(WeightType type, bool single) {
    switch (type) {
        case WeightType::f32:
        case WeightType::f16: return OperandForm::plain;
        case WeightType::bf16: return OperandForm::bf16;
        case WeightType::q8_0: return single ? OperandForm::int8_pair : OperandForm::bf16;
        case WeightType::q6_k:
        case WeightType::q4_k: return single ? OperandForm::plain : OperandForm::bf16;
    }
    return OperandForm::plain;
}

// Rows of x in the form that the product with some weights takes; `plain`: FP32 rows, and nothing is prepared.
struct Operand {
    OperandForm form;
    int64_t rows;
    const std::byte* data;
};

// A matrix for products: as the model holds it, and in panels where the table reads those.
struct Weights {
    Matrix matrix;
    const std::byte* panels = nullptr;
};

namespace packed {

inline constexpr int64_t panel_rows = 16, group_rows = 16, block = 32, pieces = 2;

static constexpr int64_t blocks(int64_t cols) { return (cols + block - 1) / block; }
static constexpr int64_t panels(int64_t rows) { return (rows + panel_rows - 1) / panel_rows; }

inline constexpr size_t bf16_tile_bytes = 1024;
inline constexpr size_t q8_0_tile_bytes = 512, q8_0_scale_bytes = 32, q8_0_record_bytes = 2 * (q8_0_scale_bytes + q8_0_tile_bytes);

static constexpr bool has_panels(WeightType type) { return type == WeightType::bf16 || type == WeightType::q8_0; }
static constexpr size_t panel_bytes(WeightType type, int64_t cols) {
    return type == WeightType::bf16 ? static_cast<size_t>(blocks(cols)) * bf16_tile_bytes
                                    : static_cast<size_t>((blocks(cols) + 1) / 2) * q8_0_record_bytes;
}

// Panels that are made at a time, to rest in L2 while all rows of x pass: up to 512 KiB, at least two.
static constexpr int64_t panels_at_once(int64_t cols) {
    const int64_t fit = (int64_t{1} << 19) / static_cast<int64_t>(panel_bytes(WeightType::bf16, cols) + 1) / 2 * 2;
    return fit < 2 ? 2 : fit > 8 ? 8 : fit;
}

static constexpr size_t operand_row_bytes(OperandForm form, int64_t cols) {
    const auto count = static_cast<size_t>(blocks(cols));
    switch (form) {
        case OperandForm::bf16: return count * block * 2;
        case OperandForm::int8_pair: return count * (block * pieces + sizeof(float));
        case OperandForm::plain: break;
    }
    return 0;
}
static constexpr size_t operand_bytes(OperandForm form, int64_t cols, int64_t rows) {
    return static_cast<size_t>((rows + group_rows - 1) / group_rows * group_rows) * operand_row_bytes(form, cols);
}

}  // namespace packed
}  // namespace mamba
