// Models from bytes that are already at hand: what open_model does once it has found and mapped the files. Fuzzed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "formats/tensor_table.h"
#include "model/model.h"

namespace mamba {

// A GGUF file, or the vocabulary of one. Matrices point into `file.bytes`.
std::shared_ptr<Model> model_from_gguf(const SourceFile& file);

// A checkpoint directory called `name`: what its config.json says and its weight files (*.safetensors; anything else is PyTorch's).
std::shared_ptr<Model> model_from_checkpoint(const std::string& name, ModelConfig config, const std::vector<SourceFile>& weights);

}  // namespace mamba
