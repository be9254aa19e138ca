// Sessions at rest: their states in host memory, and back, with the same bits as if they had stayed.
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "device_testing.h"
#include "golden.h"
#include "state/snapshot.h"

namespace mamba {
namespace {

class DeviceOffload : public testing::TestWithParam<std::string> {
protected:
    DeviceOffload() : model(open_model(fixture(GetParam()))), tokens(Golden(fixture(GetParam())).tokens("input_ids")) {}

    std::vector<std::byte> saved(const Session& session) const {
        std::vector<std::byte> bytes(snapshot_size(session.state));
        save_snapshot(session.state, model->fingerprint, bytes.data());
        return bytes;
    }

    std::shared_ptr<const Model> model;
    std::vector<int32_t> tokens;
};

TEST_P(DeviceOffload, ASessionGoesOnAsIfItHadStayed) {
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA);
    const auto moved = engine->create_session(), stayed = engine->create_session();
    engine->offload(*moved, true);  // an empty one, too
    int64_t done = 0;
    for (const int64_t count : {5, 1, 1, 30, 1, 64, 2}) {
        const int32_t* const next = tokens.data() + done;
        EXPECT_EQ(feed(*engine, moved, next, count, count), feed(*engine, stayed, next, count, count)) << done;
        done += count;
        engine->offload(*moved, true);
        engine->offload(*moved, true);
        EXPECT_TRUE(moved->state.offloaded());
        EXPECT_EQ(moved->state.token_count, done);
        if (count == 1) engine->offload(*moved, false);
        EXPECT_EQ(moved->state.offloaded(), count != 1);
    }
    EXPECT_EQ(feed(*engine, moved, nullptr, 0, 1), feed(*engine, stayed, nullptr, 0, 1));
}

TEST_P(DeviceOffload, AtRestItIsSavedAndClonedAndStays) {
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA);
    const auto session = engine->create_session();
    feed(*engine, session, tokens.data(), 50, 0);
    const std::vector<std::byte> before = saved(*session);
    const std::vector<float> expected = feed(*engine, engine->clone_session(*session), tokens.data() + 50, 9, 9);
    engine->offload(*session, true);
    EXPECT_EQ(saved(*session), before);
    const auto clone = engine->clone_session(*session);
    EXPECT_FALSE(clone->state.offloaded());
    EXPECT_EQ(feed(*engine, clone, tokens.data() + 50, 9, 9), expected);
    EXPECT_TRUE(session->state.offloaded());
    EXPECT_EQ(saved(*session), before);

    session->state.reset();
    EXPECT_FALSE(session->state.offloaded());
    EXPECT_EQ(feed(*engine, session, tokens.data(), 3, 3), feed(*engine, engine->create_session(), tokens.data(), 3, 3));
}

TEST_P(DeviceOffload, WhatIsUndoneMayHaveRested) {
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA, 8, 64);
    const auto moved = engine->create_session(), stayed = engine->create_session();
    for (const auto& session : {moved, stayed}) {
        for (int64_t t = 0; t < 60; ++t) feed(*engine, session, tokens.data() + t, 1, 0);
    }
    const auto fork = engine->clone_session(*moved);  // shares the checkpoints
    engine->offload(*moved, true);
    for (const auto& session : {moved, stayed, fork}) engine->rollback(*session, 5);
    EXPECT_FALSE(moved->state.offloaded());
    const std::vector<float> expected = feed(*engine, stayed, tokens.data() + 55, 20, 20);
    EXPECT_EQ(feed(*engine, moved, tokens.data() + 55, 20, 20), expected);
    EXPECT_EQ(feed(*engine, fork, tokens.data() + 55, 20, 20), expected);
}

// Copies under way, slots that are used again while they are, and runs beside them.
TEST_P(DeviceOffload, ManyComeAndGo) {
    constexpr size_t count = 6;
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA);
    std::vector<std::shared_ptr<Session>> moved, stayed;
    for (size_t i = 0; i < count; ++i) {
        moved.push_back(engine->create_session());
        stayed.push_back(engine->create_session());
    }
    std::mt19937 random(3);
    std::vector<float> logits[2];
    for (int step = 0; step < 60; ++step) {
        for (size_t i = 0; i < count; ++i) {
            if (random() % 3 == 0) engine->offload(*moved[i], true);
            if (random() % 3 == 0) engine->offload(*moved[i], false);
            if (random() % 8 == 0) moved[i] = engine->clone_session(*moved[i]);
        }
        const size_t first = random() % count, some = 1 + random() % (count - first);
        for (const bool stays : {false, true}) {
            std::vector<BatchItem> items;
            for (size_t i = 0; i < some; ++i) {
                const auto& session = (stays ? stayed : moved)[first + i];
                items.push_back({session, tokens.data() + session->state.token_count, 1, 1, static_cast<int64_t>(i), 0});
            }
            logits[stays].assign(some * static_cast<size_t>(model->config.padded_vocab_size), 0.0f);
            BatchOutput output;
            output.logits = logits[stays].data();
            engine->evaluate(items, output, nullptr);
        }
        ASSERT_EQ(logits[0], logits[1]) << "step " << step;
    }
}

TEST_P(DeviceOffload, OthersAdvanceMeanwhile) {
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA);
    const auto moved = engine->create_session(), stayed = engine->create_session();
    feed(*engine, moved, tokens.data(), 40, 0);
    const std::vector<float> expected = feed(*engine, moved, nullptr, 0, 1);
    std::thread mover([&] {
        for (int i = 0; i < 20; ++i) {
            engine->offload(*moved, true);
            EXPECT_EQ(feed(*engine, engine->clone_session(*moved), nullptr, 0, 1), expected);
            engine->offload(*moved, false);
        }
    });
    std::vector<float> logits;
    for (int64_t t = 0; t < 100; ++t) logits = feed(*engine, stayed, tokens.data() + t, 1, 1);
    mover.join();
    EXPECT_EQ(feed(*engine, moved, nullptr, 0, 1), expected);
    const auto alone = engine->create_session();
    for (int64_t t = 0; t < 99; ++t) feed(*engine, alone, tokens.data() + t, 1, 0);
    EXPECT_EQ(feed(*engine, alone, tokens.data() + 99, 1, 1), logits);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, DeviceOffload, testing::Values("mamba1", "mamba2"), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace mamba
