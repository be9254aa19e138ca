// safetensors: 8 bytes of header length, a JSON header, the tensors' bytes.
#pragma once

#include "formats/tensor_table.h"

namespace mamba {

// Adds the file's tensors to the table. Nothing is copied. Throws MAMBA_BAD_FORMAT.
void read_safetensors(const SourceFile& file, TensorTable& table);

}  // namespace mamba
