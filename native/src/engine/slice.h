// What goes through the layers together: pieces of one or more sessions' input, one row a token.
#pragma once

#include <cstdint>
#include <vector>

#include "state/state.h"

namespace mamba {

struct LayerTrace;

// Tokens of one session that are alike: either one that is alone on its part of the chunk grid, which is computed as a step of decoding,
// or several. So what is computed for a token depends on its session's input alone, not on who else is in the batch.
struct Piece {
    State* state;
    const int32_t* tokens;
    int64_t count;       // tokens
    int64_t first_row;   // in the slice
    int64_t position;    // of the first token in the session
    int64_t pending;     // tokens that wait in the session's ring before it
    int64_t item;        // what `add` was told
};

struct Slice {
    std::vector<Piece> pieces;  // of one session in the order of its tokens
    int64_t rows = 0;
    int64_t single_rows = 0;    // rows of single tokens: they come first
    const LayerTrace* trace = nullptr;  // where one layer is to write what it does, if its pieces are of a single session; clear() leaves it

    void clear();
    // The next `count` tokens of a session.
    void add(int64_t item, State* state, const int32_t* tokens, int64_t count);
    // Gives every piece its rows. Called once, after the last add.
    void arrange();

private:
    void add_piece(int64_t item, State* state, const int32_t* tokens, int64_t count, int64_t position, int64_t pending);
};

// A row of logits to compute: of a row of the last slice, or of the last token that a state has read.
struct LogitsRow {
    const State* state;  // NULL: `row`
    int64_t row;
    int64_t out;         // row of the output
};

}  // namespace mamba
