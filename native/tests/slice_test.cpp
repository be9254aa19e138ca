// How input is cut into what is computed alike: engine/slice.h.
#include "engine/slice.h"

#include <gtest/gtest.h>

#include "backends/cpu/kernels.h"

namespace mamba {
namespace {

State state_at(StateMemory& memory, int64_t position) {
    State state(memory, 1);
    state.token_count = position;
    return state;
}

struct Part {
    int64_t position, count, row;
    bool operator==(const Part&) const = default;
};

std::vector<Part> parts(const Slice& slice) {
    std::vector<Part> parts;
    for (const Piece& piece : slice.pieces) parts.push_back({piece.position, piece.count, piece.first_row});
    return parts;
}

TEST(Slice, TokensAloneOnTheGridAreSteps) {
    StateMemory memory(1, 0);
    const std::vector<int32_t> tokens(200);
    struct {
        int64_t begin, count;
        std::vector<Part> expected;
    } const cases[] = {
        {0, 1, {{0, 1, 0}}},
        {0, 64, {{0, 64, 0}}},
        {0, 65, {{0, 64, 1}, {64, 1, 0}}},
        {62, 2, {{62, 2, 0}}},
        {63, 2, {{63, 1, 0}, {64, 1, 1}}},
        {63, 66, {{63, 1, 0}, {64, 64, 2}, {128, 1, 1}}},
        {10, 54, {{10, 54, 0}}},
        {10, 100, {{10, 100, 0}}},
    };
    for (const auto& c : cases) {
        State state = state_at(memory, c.begin);
        Slice slice;
        slice.add(0, &state, tokens.data(), c.count);
        slice.arrange();
        EXPECT_EQ(parts(slice), c.expected) << c.count << " tokens from " << c.begin;
        EXPECT_EQ(slice.rows, c.count);
        int64_t offset = 0;
        for (const Piece& piece : slice.pieces) {
            EXPECT_EQ(piece.tokens, tokens.data() + offset);
            offset += piece.count;
        }
    }
}

TEST(Slice, PiecesKnowHowManyTokensWaitBeforeThem) {
    StateMemory memory(1, 1);
    const std::vector<int32_t> tokens(200);
    struct {
        int64_t begin, pending, count;
        std::vector<int64_t> expected;
    } const cases[] = {
        {5, 3, 1, {3}},
        {5, 3, 2, {3}},
        {63, 15, 1, {15}},
        {63, 7, 66, {7, 0, 0}},
        {60, 12, 5, {12, 0}},
    };
    for (const auto& c : cases) {
        State state = state_at(memory, c.begin);
        state.pending = c.pending;
        Slice slice;
        slice.add(0, &state, tokens.data(), c.count);
        std::vector<int64_t> pending;
        int64_t waiting = c.pending;
        for (const Piece& piece : slice.pieces) {
            pending.push_back(piece.pending);
            EXPECT_EQ(piece.pending, waiting);
            waiting = pending_after(waiting, piece.position, piece.count);
        }
        EXPECT_EQ(pending, c.expected) << c.count << " tokens from " << c.begin;
        EXPECT_EQ(waiting, pending_after(c.pending, c.begin, c.count));
    }
}

TEST(Slice, StepsOfAllSessionsComeFirst) {
    StateMemory memory(1, 0);
    const std::vector<int32_t> tokens(80);
    State long_one = state_at(memory, 0), short_one = state_at(memory, 7), other = state_at(memory, 3);
    Slice slice;
    slice.add(0, &long_one, tokens.data(), 65);
    slice.add(1, &short_one, tokens.data(), 1);
    slice.add(2, &other, tokens.data(), 5);
    slice.arrange();
    EXPECT_EQ(parts(slice), (std::vector<Part>{{0, 64, 2}, {64, 1, 0}, {7, 1, 1}, {3, 5, 66}}));
    EXPECT_EQ(slice.single_rows, 2);
    EXPECT_EQ(slice.pieces[3].item, 2);
    slice.clear();
    EXPECT_EQ(slice.rows + slice.single_rows + static_cast<int64_t>(slice.pieces.size()), 0);
}

}  // namespace
}  // namespace mamba
