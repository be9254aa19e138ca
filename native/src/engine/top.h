// The k largest of a row of logits.
#pragma once

#include <cstdint>

#include "mamba/c_api.h"

namespace mamba {

// top: k entries, largest first, equal logits by smaller id. Ids from vocab_size on (padding) and, with a mask, ids whose bit
// is not set are left out; entries that remain are {-1, -infinity}.
void select_top(const float* logits, int64_t vocab_size, const uint32_t* mask, int64_t mask_words, int32_t k, mamba_top_entry* top);

}  // namespace mamba
