// GGUF, versions 2 and 3, little-endian.
#pragma once

#include <vector>

#include "formats/gguf_metadata.h"
#include "formats/tensor_table.h"

namespace mamba {

inline constexpr std::string_view gguf_magic = "GGUF";
inline constexpr uint32_t gguf_version = 3;
inline constexpr uint64_t gguf_default_alignment = 32;
inline constexpr const char* gguf_alignment_key = "general.alignment";

struct GgufFile {
    std::vector<MetadataEntry> metadata;
    TensorTable tensors;
};

// Nothing but metadata is copied. Throws MAMBA_BAD_FORMAT or MAMBA_UNSUPPORTED.
GgufFile read_gguf(const SourceFile& file);

// The number that GGUF gives a weight type (ggml_type), and back.
uint32_t ggml_type(WeightType type);
std::optional<WeightType> weight_type(uint32_t ggml_type);
// general.file_type of a file whose matrices mostly have that type (llama_ftype).
uint32_t gguf_file_type(WeightType type);

}  // namespace mamba
