// Arrays of states that ended serve the next ones: state/state_memory.h.
#include "state/state_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "state/state.h"

namespace mamba {
namespace {

TEST(StateMemory, AnEndedStatesArrayServesTheNext) {
    StateMemory memory(1000, 0);
    const State living(memory, 8);
    const float* place;
    {
        State ended(memory, 8);
        std::fill(ended.values.begin(), ended.values.end(), 7.0f);
        place = ended.values.data();
    }
    EXPECT_EQ(memory.kept(), 1u);
    const State next(memory, 8);
    EXPECT_EQ(memory.kept(), 0u);
    EXPECT_EQ(next.values.data(), place);
    EXPECT_TRUE(std::all_of(next.values.begin(), next.values.end(), [](float v) { return v == 0; }));
}

TEST(StateMemory, KeepsNoMoreThanAreInUseAndFew) {
    StateMemory memory(100, 0);
    std::vector<State> states;
    for (int i = 0; i < 20; ++i) states.emplace_back(memory, 8);
    size_t most = 0;
    while (!states.empty()) {
        states.pop_back();
        EXPECT_LE(memory.kept(), states.size());
        most = std::max(most, memory.kept());
    }
    EXPECT_EQ(most, 4u);
    EXPECT_EQ(memory.kept(), 0u);
}

TEST(StateMemory, MovedAndSwappedStatesKeepTheirArrays) {
    StateMemory memory(100, 0);
    {
        State a(memory, 8), b(memory, 8);
        a.values[0] = 1;
        b.values[0] = 2;
        std::swap(a, b);
        EXPECT_EQ(a.values[0], 2);
        EXPECT_EQ(b.values[0], 1);
        const State c = std::move(a);
        EXPECT_EQ(c.values[0], 2);
        EXPECT_EQ(c.clone().values[0], 2);
    }
    EXPECT_EQ(memory.kept(), 0u);
}

TEST(StateMemory, ServesManyThreads) {
    StateMemory memory(64, 0);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&memory, i] {
            State own(memory, 8);
            std::fill(own.values.begin(), own.values.end(), static_cast<float>(i));
            for (int turn = 0; turn < 200; ++turn) {
                const State copy = own.clone();
                EXPECT_TRUE(std::all_of(copy.values.begin(), copy.values.end(), [i](float v) { return v == static_cast<float>(i); }));
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(memory.kept(), 0u);
}

}  // namespace
}  // namespace mamba
