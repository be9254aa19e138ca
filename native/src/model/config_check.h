// The bounds that every configuration must keep, whatever file it came from.
#pragma once

#include <string>

#include "model/config.h"

namespace mamba {

// More layers than any model has; a forged count beyond it must not reserve memory.
inline constexpr int64_t most_layers = 16384;

// Throws with `code`, naming `source` and the number that is wrong. After it, products of two dimensions fit in 50 bits.
void check_config(const std::string& source, const ModelConfig& config, mamba_result code);

// Layers of one kind, after a check of their number.
std::vector<LayerKind> uniform_layers(const std::string& source, LayerKind kind, int64_t count, mamba_result code);

}  // namespace mamba
