// The configuration as GGUF metadata, both ways.
#pragma once

#include "formats/gguf_metadata.h"
#include "model/config.h"

namespace mamba {

// Hybrids and other architectures are refused with MAMBA_UNSUPPORTED and their name. vocab_size is 0 where the file does not say.
ModelConfig config_from_metadata(const MetadataView& metadata);
// The architecture of a file that holds a vocabulary alone: MAMBA_ARCH_UNKNOWN where it is none of ours.
mamba_architecture architecture_of(const MetadataView& metadata);

// The keys that say what the model is: what llama.cpp reads, and keys of ours (mamba_connector.*) for what GGUF has no word for.
std::vector<MetadataEntry> describe(const ModelConfig& config, WeightType type);

}  // namespace mamba
