// What a session keeps to undo its last tokens: state/history.h.
#include <gtest/gtest.h>

#include <numeric>

#include "backends/cpu/kernels.h"
#include "state/history.h"

namespace mamba {
namespace {

// A history and a state that is advanced as an engine would, its one value counting tokens.
struct Tape {
    explicit Tape(int64_t reach) : history(reach) {}

    void append(int64_t count) {
        std::vector<int32_t> tokens(static_cast<size_t>(count));
        std::iota(tokens.begin(), tokens.end(), static_cast<int32_t>(state.token_count));
        history.before_advance(state, count);
        const int64_t begin = state.token_count, stop = history.checkpoint_within(begin, begin + count);
        if (stop > begin) {
            move_to(stop);
            history.restart(state);
        }
        move_to(begin + count);
        history.appended(tokens.data() + (stop - begin), begin + count - stop);
    }
    void move_to(int64_t position) {
        state.token_count = position;
        state.values[0] = static_cast<float>(position);
    }

    StateMemory memory{1, 0};
    State state{memory, 1};
    History history;
};

void expect_replay(const Tape& tape, int64_t target) {
    const History::Replay replay = tape.history.replay(target);
    ASSERT_NE(replay.checkpoint, nullptr);
    int64_t position = replay.checkpoint->token_count;
    EXPECT_EQ(replay.checkpoint->values[0], static_cast<float>(position));
    for (const auto& piece : replay.pieces) {
        for (const int32_t token : piece) EXPECT_EQ(token, position++);
    }
    EXPECT_EQ(position, target);
}

TEST(History, ReachesBackAsFarAsPromised) {
    for (const int64_t reach : {1, 3, 16, 64, 100}) {
        Tape tape(reach);
        for (const int64_t count : {1, 1, 5, 1, 300, 1, 1, 64, 63, 2, 17, 1, 1, 1, 1000, 1}) {
            tape.append(count);
            const int64_t available = tape.history.available(tape.state);
            EXPECT_GE(available, std::min(reach, tape.state.token_count));
            for (int64_t back = 0; back <= available; ++back) expect_replay(tape, tape.state.token_count - back);
        }
    }
}

TEST(History, KeepsFewTokens) {
    Tape tape(16);
    for (int i = 0; i < 1000; ++i) {
        tape.append(1);
        EXPECT_LE(tape.history.available(tape.state), 2 * 16);
    }
    tape.append(100000);
    EXPECT_LT(tape.history.available(tape.state), 16 + chunk_tokens);
}

TEST(History, GoesOnAfterATruncation) {
    Tape tape(8);
    for (int i = 0; i < 50; ++i) tape.append(1);
    const int64_t target = tape.state.token_count - 5;
    tape.history.truncate(target);
    tape.move_to(target);
    EXPECT_GE(tape.history.available(tape.state), 3);
    for (int i = 0; i < 30; ++i) {
        tape.append(1);
        for (int64_t back = 0; back <= tape.history.available(tape.state); ++back) expect_replay(tape, tape.state.token_count - back);
    }
}

TEST(History, ReplaysInThePiecesThatWereAppended) {
    Tape tape(16);
    tape.append(3);
    tape.append(4);
    tape.append(1);
    const History::Replay replay = tape.history.replay(6);
    ASSERT_EQ(replay.pieces.size(), 2u);
    EXPECT_EQ(replay.pieces[0].size(), 3u);
    EXPECT_EQ(replay.pieces[1].size(), 3u);
}

TEST(History, OfPoliciesSetAtOnePositionKeepsTheLast) {
    Tape tape(8);
    tape.append(5);
    for (int i = 0; i < 3; ++i) tape.history.policy_set(5, nullptr);
    tape.append(1);
    tape.history.policy_set(6, nullptr);
    EXPECT_EQ(tape.history.replay(5).changes.size(), 1u);
    EXPECT_EQ(tape.history.replay(6).changes.size(), 2u);
}

TEST(History, WithoutReachKeepsNothing) {
    Tape tape(0);
    tape.append(10);
    EXPECT_EQ(tape.history.available(tape.state), 0);
}

TEST(History, KeepsNothingOnceItsReachIsZero) {
    Tape tape(8);
    for (int i = 0; i < 20; ++i) tape.append(1);
    tape.history.set_reach(0);
    EXPECT_EQ(tape.history.available(tape.state), 0);
    tape.append(5);
    EXPECT_EQ(tape.history.available(tape.state), 0);
    EXPECT_EQ(tape.memory.kept(), 1u);  // of the tape's state and two checkpoints the tape's is left, and one waits
}

TEST(History, AnotherReachHoldsForTheTokensToCome) {
    for (const int64_t reach : {2, 100}) {
        Tape tape(8);
        for (int i = 0; i < 50; ++i) tape.append(1);
        tape.history.set_reach(reach);
        EXPECT_GE(tape.history.available(tape.state), 8);
        for (int i = 0; i < 150; ++i) {
            tape.append(1);
            const int64_t available = tape.history.available(tape.state);
            EXPECT_GE(available, std::min<int64_t>(reach, 8 + i));
            for (int64_t back = 0; back <= available; ++back) expect_replay(tape, tape.state.token_count - back);
        }
        EXPECT_LE(tape.history.available(tape.state), 2 * reach);
    }
}

}  // namespace
}  // namespace mamba
