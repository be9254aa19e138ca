#include "engine/slice.h"

#include "backends/cpu/kernels.h"

namespace mamba {

void Slice::clear() {
    pieces.clear();
    rows = single_rows = 0;
}

void Slice::add_piece(int64_t item, State* state, const int32_t* tokens, int64_t count, int64_t position, int64_t pending) {
    if (count == 0) return;
    pieces.push_back({state, tokens, count, 0, position, pending, item});
    rows += count;
    if (count == 1) ++single_rows;
}

void Slice::add(int64_t item, State* state, const int32_t* tokens, int64_t count) {
    const int64_t begin = state->token_count, end = begin + count;
    // Alone on its part of the grid can only be the first token, before a border, or the last, behind one.
    const int64_t first = count > 0 && (count == 1 || (begin + 1) % chunk_tokens == 0) ? 1 : 0;
    const int64_t last = count - first > 0 && (end - 1) % chunk_tokens == 0 ? 1 : 0;
    // A first one that others follow closes the ring, and several tokens leave nothing in it.
    add_piece(item, state, tokens, first, begin, state->pending);
    add_piece(item, state, tokens + first, count - first - last, begin + first, first == 1 ? 0 : state->pending);
    add_piece(item, state, tokens + count - last, last, end - last, 0);
}

void Slice::arrange() {
    int64_t single = 0, other = single_rows;
    for (Piece& piece : pieces) {
        int64_t& next = piece.count == 1 ? single : other;
        piece.first_row = next;
        next += piece.count;
    }
}

}  // namespace mamba
