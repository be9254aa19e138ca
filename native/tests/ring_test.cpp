// The ring of recent inputs of Mamba-2's single tokens: whatever happens to a session while some wait there, its bits stay the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "backends/cpu/kernels.h"
#include "engine/engine.h"
#include "state/snapshot.h"
#include "support/pace.h"

namespace mamba {
namespace {

using Logits = std::vector<float>;
using test::runs_slowly;

class Ring : public ::testing::TestWithParam<WeightType> {
protected:
    static constexpr int64_t vocabulary = 200;

    Ring() {
        mamba_shape shape{};
        shape.struct_size = sizeof(shape);
        shape.architecture = MAMBA_ARCH_MAMBA2;
        shape.layer_count = 2;
        shape.d_model = 128;
        shape.vocab_size = vocabulary;
        shape.weight_type = static_cast<int32_t>(GetParam());
        shape.seed = 8;
        model = random_model(shape);
        std::mt19937 random(9);
        tokens.resize(200);
        for (int32_t& token : tokens) token = static_cast<int32_t>(random() % vocabulary);
    }

    std::shared_ptr<Engine> engine(int threads, int64_t rollback = 0) const {
        EngineOptions options;
        options.threads = threads;
        options.rollback_tokens = rollback;
        return std::make_shared<Engine>(model, options);
    }

    // The next `count` tokens of a session in one call; logits of the last.
    Logits feed(const std::shared_ptr<Session>& session, int64_t count) const {
        Logits logits(static_cast<size_t>(model->config.padded_vocab_size));
        BatchOutput output;
        output.logits = logits.data();
        session->engine->evaluate({{session, tokens.data() + session->state.token_count, count, 1, 0, 0}}, output, nullptr);
        return logits;
    }
    std::vector<Logits> steps(const std::shared_ptr<Session>& session, int64_t count) const {
        std::vector<Logits> all;
        for (int64_t i = 0; i < count; ++i) all.push_back(feed(session, 1));
        return all;
    }

    std::shared_ptr<const Model> model;
    std::vector<int32_t> tokens;
};

TEST_P(Ring, SavedLoadedAndClonedAtEveryPlaceASessionGoesOnAsItWould) {
    constexpr int64_t places = 40, more = 20;
    const auto here = engine(2), there = engine(3);
    const auto session = here->create_session();
    const std::vector<Logits> expected = steps(here->create_session(), places + more);
    const int64_t entry_bytes = here->layout().entry_floats * static_cast<int64_t>(sizeof(float));
    EXPECT_GT(entry_bytes, 0);
    EXPECT_EQ(static_cast<int64_t>(session->state.values.bytes()), here->layout().bytes());
    const auto empty = static_cast<int64_t>(snapshot_size(session->state));
    for (int64_t place = 0; place <= places; ++place) {
        std::vector<std::byte> saved(snapshot_size(session->state));
        EXPECT_EQ(static_cast<int64_t>(saved.size()), empty + place % 16 * entry_bytes);
        save_snapshot(session->state, model->fingerprint, saved.data());
        State state = there->new_state();
        load_snapshot(saved.data(), saved.size(), model->fingerprint, state);
        if (!runs_slowly || place % 5 == 0) {
            const std::vector<Logits> rest(expected.begin() + place, expected.begin() + place + more);
            EXPECT_TRUE(steps(there->adopt_session(std::move(state)), more) == rest) << "loaded at " << place;
            EXPECT_TRUE(steps(here->clone_session(*session), more) == rest) << "cloned at " << place;
        }
        EXPECT_TRUE(feed(session, 1) == expected[static_cast<size_t>(place)]) << place;
    }
}

TEST_P(Ring, RolledBackToAnyPlaceASessionGoesOnAsItWould) {
    const auto host = engine(2, 24);
    for (const int64_t prompt : {1, 7, 64}) {
        const auto never = host->create_session();
        feed(never, prompt);
        const std::vector<Logits> expected = steps(never, 60);
        for (int64_t undone = 1; undone <= 24; undone += runs_slowly ? 7 : 1) {
            const auto session = host->create_session();
            feed(session, prompt);
            steps(session, 40);
            host->rollback(*session, undone);
            const std::vector<Logits> rest(expected.begin() + 40 - undone, expected.begin() + 60 - undone);
            EXPECT_TRUE(steps(session, 20) == rest) << undone << " tokens undone behind a prompt of " << prompt;
        }
    }
}

TEST_P(Ring, StepsDependNeitherOnTheBatchNorOnThreads) {
    constexpr int64_t count = 36;
    const std::vector<int64_t> prompts = {1, 3, 16, 40, 63, 64, 79};
    const auto alone = engine(1);
    std::vector<std::vector<Logits>> expected;
    for (const int64_t prompt : prompts) {
        const auto session = alone->create_session();
        feed(session, prompt);
        expected.push_back(steps(session, count));
    }
    const auto row = static_cast<size_t>(model->config.padded_vocab_size);
    for (const int threads : runs_slowly ? std::vector<int>{5} : std::vector<int>{1, 2, 5}) {
        const auto host = engine(threads);
        for (const size_t sessions : {size_t{3}, prompts.size()}) {  // a brief step, and another
            std::vector<std::shared_ptr<Session>> batch;
            for (size_t i = 0; i < sessions; ++i) {
                batch.push_back(host->create_session());
                feed(batch.back(), prompts[i]);
            }
            for (size_t step = 0; step < count; ++step) {
                std::vector<BatchItem> items;
                for (size_t i = 0; i < sessions; ++i) {
                    items.push_back({batch[i], tokens.data() + batch[i]->state.token_count, 1, 1, static_cast<int64_t>(i), 0});
                }
                Logits logits(sessions * row);
                BatchOutput output;
                output.logits = logits.data();
                host->evaluate(items, output, nullptr);
                for (size_t i = 0; i < sessions; ++i) {
                    const auto begin = logits.begin() + static_cast<int64_t>(i * row);
                    EXPECT_TRUE(std::equal(begin, begin + static_cast<int64_t>(row), expected[i][step].begin()))
                        << threads << " threads, session " << i << " of " << sessions << ", step " << step;
                }
            }
        }
    }
}

// Several threads read an entry's B, and the first of them may be far ahead of the last.
TEST_P(Ring, CallsThatFoldTheRingAndBeginItAnewDoNotDependOnThreads) {
    constexpr int repeats = runs_slowly ? 5 : 50;
    const struct {
        int64_t steps, count;
    } cases[] = {{60, 5}, {63, 2}, {63, 66}};  // pieces: several and one; one and one; one, several, one
    const auto alone = engine(1), shared = engine(5);
    for (const auto& c : cases) {
        const auto one = alone->create_session(), many = shared->create_session();
        steps(one, c.steps);
        steps(many, c.steps);
        feed(one, c.count);
        const std::vector<Logits> expected = steps(one, 3);
        for (int i = 0; i < repeats; ++i) {
            const auto session = shared->clone_session(*many);
            feed(session, c.count);
            EXPECT_TRUE(steps(session, 3) == expected) << c.count << " tokens from " << c.steps << ", turn " << i;
        }
    }
}

TEST_P(Ring, SeveralTokensLeaveNothingWaiting) {
    const auto host = engine(2);
    const auto session = host->create_session();
    feed(session, 5);
    EXPECT_EQ(session->state.pending, 0);
    steps(session, 7);
    EXPECT_EQ(session->state.pending, 7);
    const auto cut = host->clone_session(*session);
    const Logits together = feed(session, 3);
    EXPECT_EQ(session->state.pending, 0);
    // The same tokens by another way: within the tolerance of cuts that lie off the grid.
    const Logits single = steps(cut, 3).back();
    EXPECT_EQ(cut->state.pending, 10);
    double worst = 0, squares = 0;
    for (size_t i = 0; i < single.size(); ++i) {
        worst = std::max(worst, std::fabs(static_cast<double>(together[i]) - single[i]));
        squares += static_cast<double>(single[i]) * single[i];
    }
    EXPECT_LE(worst / std::sqrt(squares / static_cast<double>(single.size())), GetParam() == WeightType::f32 ? 5e-5 : 2e-2);
}

TEST_P(Ring, FoldedASessionHoldsItsStatesAsOfTheLastToken) {
    const auto host = engine(3);
    const auto session = host->create_session();
    steps(session, 27);
    const auto as_it_was = host->clone_session(*session);
    std::vector<Logits> copied;
    for (const LayerState& layer : host->layout().layers) {
        copied.emplace_back(static_cast<size_t>(layer.ssm_floats));
        host->copy_layer_state(*session, static_cast<int64_t>(copied.size()) - 1, copied.back().data());
    }
    EXPECT_EQ(session->state.pending, 11);
    host->fold(*session);
    EXPECT_EQ(session->state.pending, 0);
    for (size_t i = 0; i < copied.size(); ++i) {
        const float* state = session->state.values.data() + host->layout().layers[i].ssm;
        EXPECT_TRUE(std::equal(copied[i].begin(), copied[i].end(), state)) << "layer " << i;
        EXPECT_FALSE(std::equal(copied[i].begin(), copied[i].end(), as_it_was->state.values.data() + host->layout().layers[i].ssm));
    }
    const Logits folded = feed(session, 1), waited = feed(as_it_was, 1);
    double worst = 0;
    for (size_t i = 0; i < folded.size(); ++i) worst = std::max(worst, std::fabs(static_cast<double>(folded[i]) - waited[i]));
    EXPECT_LE(worst, 1e-4);
}

TEST_P(Ring, ResetASessionBeginsAnew) {
    const auto host = engine(2);
    const auto session = host->create_session();
    steps(session, 9);
    session->state.reset();
    EXPECT_TRUE(steps(session, 20) == steps(host->create_session(), 20));
}

INSTANTIATE_TEST_SUITE_P(Weights, Ring, ::testing::Values(WeightType::f32, WeightType::q8_0),
                         [](const ::testing::TestParamInfo<WeightType>& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace mamba
