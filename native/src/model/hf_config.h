// config.json: Hugging Face's and the original state-spaces one.
#pragma once

#include <string>

#include "base/json.h"
#include "model/config.h"

namespace mamba {

// The configuration, with padded_vocab_size still 0. Hybrids and other models are refused with MAMBA_UNSUPPORTED and their name.
ModelConfig config_from_json(const std::string& file, const Json& json);

}  // namespace mamba
