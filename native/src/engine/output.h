// Where an evaluation's results go.
#pragma once

#include <cstdint>

#include "mamba/c_api.h"

namespace mamba {

struct BatchOutput {
    float* logits = nullptr;           // [rows, padded_vocab_size]; NULL: not wanted
    mamba_top_entry* top = nullptr;    // [rows, top_k]; NULL: not wanted
    int32_t top_k = 0;
    const uint32_t* masks = nullptr;   // [rows, mask_words]; NULL: every id may be chosen
    int32_t mask_words = 0;
};

}  // namespace mamba
