// What goes through the layers together: pieces of one or more sessions' input, one row a token.
#pragma once

#include <cstdint>
#include <vector>

#include "state/state.h"

namespace mamba {

struct Piece {
    State* state;
    const int32_t* tokens;
    int64_t count;       // tokens
    int64_t first_row;   // in the slice
};

// A row of logits to compute from a row of hidden states.
struct LogitsRow {
    const float* hidden; // [d_model], after the final norm
    int64_t out;         // row of the output
};

struct Slice {
    std::vector<Piece> pieces;
    int64_t rows = 0;
};

}  // namespace mamba
