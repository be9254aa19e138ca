// The rule by which weights change their type, shared by convert_model and write_gguf.
#pragma once

#include <string>

#include "model/model.h"

namespace mamba {

// In the place of a type: leave every matrix as it is.
inline constexpr auto as_stored = static_cast<WeightType>(MAMBA_WEIGHT_AS_STORED);

// The type that a matrix gets when `wanted` is asked for. Rows that are no multiple of a block stay 16-bit floating point.
WeightType converted_type(const Matrix& matrix, WeightType wanted);
// Rows to convert at a time: about a mebibyte of FP32.
int64_t conversion_step(const Matrix& matrix);
// Rows [first, first + rows) as `type`. The same type is a copy, byte by byte. `name` is for the message about a weight that the
// type cannot hold.
void convert_rows(const Matrix& from, int64_t first, int64_t rows, WeightType type, const std::string& name, std::byte* out);

}  // namespace mamba
