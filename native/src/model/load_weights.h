// From the tensors of a file to the weights of a model.
#pragma once

#include "formats/tensor_table.h"
#include "model/layer_table.h"
#include "model/model.h"

namespace mamba {

// Fills embedding, head, norms and layers by the layer table. Matrices point into the files where alignment allows; what must be copied
// goes to model.storage. Completes the configuration: vocabulary rows, and for GGUF whether the head is tied. Missing tensors, wrong
// shapes, types that no weight may have and tensors that the model has no use for are refused by name.
void load_weights(Model& model, const std::string& source, const TensorTable& tensors, Naming naming);

}  // namespace mamba
