// The last step of building a model: every weight is looked at once.
#pragma once

#include <string>

#include "model/layer_table.h"
#include "model/model.h"

namespace mamba {

// Refuses NaN and infinite weights by name, and fills in fingerprint, parameter_count, weight_bytes and weight_type. Reads all weights,
// on every processor; pages of mapped files leave the resident set again as they have been read. The fingerprint depends on what the
// engine computes with, not on the file: an F32 GGUF written from a checkpoint has the checkpoint's.
void seal(Model& model, const std::string& source, Naming naming);

// The mapped file of the model that holds this address, or NULL.
const platform::MappedFile* file_of(const Model& model, const std::byte* data);

}  // namespace mamba
