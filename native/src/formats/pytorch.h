// pytorch_model.bin: a zip archive with one pickle that describes tensors and one entry of raw bytes for each storage.
#pragma once

#include "formats/tensor_table.h"

namespace mamba {

// Adds the tensors of a state dict to the table. The pickle's opcodes are interpreted by formats/pickle.h: nothing is executed.
void read_pytorch(const SourceFile& file, TensorTable& table);

}  // namespace mamba
