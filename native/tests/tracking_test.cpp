// Sums of step sizes and traces of a layer: state/tracking.h, engine/trace.h.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/trace.h"
#include "golden.h"
#include "state/snapshot.h"
#include "state/statistics.h"
#include "support/expect_error.h"

namespace mamba {
namespace {

class Tracked : public ::testing::TestWithParam<std::string> {
protected:
    Tracked() : model(open_model(directory())), tokens(Golden(directory()).tokens("input_ids")) {}

    static std::string directory() { return std::string(MAMBA_FIXTURES) + "/" + GetParam(); }

    std::shared_ptr<Engine> engine(int threads = 3, int64_t rollback = 0, int64_t batch = chunk_tokens) const {
        EngineOptions options;
        options.threads = threads;
        options.rollback_tokens = rollback;
        options.max_batch_tokens = batch;
        return std::make_shared<Engine>(model, options);
    }

    static std::shared_ptr<Session> session_of(Engine& engine) {
        const auto session = engine.create_session();
        engine.set_tracking(*session, true);
        return session;
    }

    // Reads tokens [begin, end) in pieces of this many.
    void read(Engine& engine, const std::shared_ptr<Session>& session, int64_t begin, int64_t end, int64_t piece) const {
        for (int64_t t = begin; t < end; t += piece) {
            engine.evaluate({{session, tokens.data() + t, std::min(piece, end - t), 0, 0, 0}}, {}, nullptr);
        }
    }

    std::vector<float> logits(Engine& engine, const std::shared_ptr<Session>& session) const {
        std::vector<float> values(static_cast<size_t>(model->config.padded_vocab_size));
        BatchOutput output;
        output.logits = values.data();
        engine.evaluate({{session, nullptr, 0, 1, 0, 0}}, output, nullptr);
        return values;
    }

    static std::vector<double> sums(const Session& session) { return {session.state.tracking.sums.begin(), session.state.tracking.sums.end()}; }

    std::vector<mamba_head_statistics> heads(Engine& engine, const Session& session, int64_t layer) const {
        std::vector<mamba_head_statistics> all(static_cast<size_t>(head_or_block_count(model->config)));
        engine.measure(session, layer, all.data());
        return all;
    }

    std::shared_ptr<const Model> model;
    std::vector<int32_t> tokens;
};

TEST_P(Tracked, LogRetentionIsTheSumOfATracedRunsLogDecays) {
    const auto e = engine();
    const int64_t head_count = head_or_block_count(model->config), count = 100;
    for (int64_t layer = 0; layer < model->config.layer_count(); ++layer) {
        const auto session = session_of(*e);
        // Long pieces, single tokens, and some that lie across the chunk grid.
        std::vector<double> expected(static_cast<size_t>(head_count), 0.0);
        int64_t done = 0;
        for (const int64_t piece : {70, 1, 1, 1, 20, 7}) {
            std::vector<float> trace(static_cast<size_t>(piece * head_count * trace_width));
            e->trace(session, tokens.data() + done, piece, layer, trace.data());
            for (int64_t i = 0; i < piece * head_count; ++i) {
                expected[static_cast<size_t>(i % head_count)] += static_cast<double>(trace[static_cast<size_t>(i * trace_width + 1)]);
            }
            done += piece;
        }
        ASSERT_EQ(done, count);
        EXPECT_EQ(session->state.tracking.tokens, count);
        const std::vector<mamba_head_statistics> measured = heads(*e, *session, layer);
        for (size_t h = 0; h < measured.size(); ++h) {
            EXPECT_LT(expected[h], 0);
            EXPECT_NEAR(measured[h].log_retention, expected[h], 1e-6 * -expected[h]) << "layer " << layer << ", head " << h;
            EXPECT_NEAR(measured[h].horizon, static_cast<double>(count) / -expected[h], 1e-5 * static_cast<double>(count) / -expected[h]);
            // The mean of exponentials is at least the exponential of the mean; what is less than a float can be is 0.
            const double left = std::exp(expected[h]), slack = 1e-5 * left + 1e-40;
            EXPECT_GE(measured[h].retention, left - slack);
            if (model->config.head_count > 0) {
                EXPECT_NEAR(measured[h].retention, left, slack);
            }
            EXPECT_LE(measured[h].retention, 1);
        }
    }
}

TEST_P(Tracked, OfMamba2AFirstTokensStateHasTheNormOfWhatTheTraceSays) {
    const auto e = engine();
    const bool is_mamba2 = model->config.head_count > 0;
    for (int64_t layer = 0; layer < model->config.layer_count(); ++layer) {
        const auto session = e->create_session();
        std::vector<float> trace(static_cast<size_t>(head_or_block_count(model->config) * trace_width));
        e->trace(session, tokens.data(), 1, layer, trace.data());
        const std::vector<mamba_head_statistics> measured = heads(*e, *session, layer);
        for (size_t h = 0; h < measured.size(); ++h) {
            const float* values = trace.data() + h * trace_width;
            // h = dt x B^T; of a block of Mamba-1 each channel has its own dt, none larger than 64 times their mean.
            const float norm = values[0] * values[2] * values[3];
            if (is_mamba2) {
                EXPECT_NEAR(measured[h].norm, norm, 1e-4f * norm) << "layer " << layer << ", head " << h;
            } else {
                EXPECT_LE(measured[h].norm, static_cast<float>(block_channels) * norm);
            }
            EXPECT_GT(measured[h].norm, 0);
        }
    }
}

TEST_P(Tracked, ATraceAdvancesTheSessionAsAnEvaluationDoes) {
    const auto e = engine();
    const int64_t head_count = head_or_block_count(model->config);
    for (const int64_t count : {int64_t{1}, int64_t{17}, int64_t{150}}) {
        const auto traced = e->create_session(), plain = e->create_session();
        std::vector<float> trace(static_cast<size_t>(count * head_count * trace_width), -1.0f);
        e->trace(traced, tokens.data(), count, 1, trace.data());
        e->evaluate({{plain, tokens.data(), count, 0, 0, 0}}, {}, nullptr);
        EXPECT_EQ(logits(*e, traced), logits(*e, plain)) << count;
        EXPECT_EQ(traced->state.token_hash, plain->state.token_hash);
        for (size_t i = 0; i < trace.size(); ++i) {
            if (i % trace_width == 1) {
                EXPECT_LT(trace[i], 0);
            } else {
                EXPECT_GE(trace[i], 0);
            }
        }
    }
    const auto session = e->create_session();
    const std::vector<int32_t> wrong = {1, -1};
    std::vector<float> trace(static_cast<size_t>(2 * head_count * trace_width));
    test::expect_error(MAMBA_INVALID_ARGUMENT, {"token -1"}, [&] { e->trace(session, wrong.data(), 2, 0, trace.data()); });
    EXPECT_EQ(session->state.token_count, 0);
    e->trace(session, nullptr, 0, 0, nullptr);
    EXPECT_EQ(session->state.token_count, 0);
}

TEST_P(Tracked, SumsDoNotDependOnCutsThreadsOrCompany) {
    const auto one = engine(1, 0, 512), three = engine(3);
    const auto whole = session_of(*one), cut = session_of(*three), single = session_of(*three), untracked = three->create_session();
    read(*one, whole, 0, 128, 128);
    for (int64_t t = 0; t < 128; t += 64) {
        three->evaluate({{untracked, tokens.data() + t, 65, 0, 0, 0}, {cut, tokens.data() + t, 64, 0, 0, 0}}, {}, nullptr);
    }
    EXPECT_FALSE(untracked->state.tracking.on());
    EXPECT_EQ(cut->state.tracking.tokens, 128);
    EXPECT_EQ(sums(*cut), sums(*whole));

    read(*three, single, 0, 128, 1);
    const std::vector<double> expected = sums(*whole), stepwise = sums(*single);
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(stepwise[i], expected[i], 1e-4 * expected[i]);
}

TEST_P(Tracked, ClonesAndSavedSessionsKeepTheSums) {
    const auto e = engine();
    const auto session = session_of(*e);
    read(*e, session, 0, 77, 77);
    const auto clone = e->clone_session(*session);
    std::vector<std::byte> bytes(snapshot_size(session->state));
    save_snapshot(session->state, model->fingerprint, bytes.data());
    State state = e->new_state();
    load_snapshot(bytes.data(), bytes.size(), model->fingerprint, state, e->layout().step_sums);
    const auto loaded = e->adopt_session(std::move(state));
    for (const auto& other : {clone, loaded}) {
        EXPECT_EQ(sums(*other), sums(*session));
        EXPECT_EQ(other->state.tracking.tokens, 77);
    }
    read(*e, session, 77, 120, 1);
    read(*e, clone, 77, 120, 1);
    read(*e, loaded, 77, 120, 1);
    EXPECT_EQ(sums(*clone), sums(*session));
    EXPECT_EQ(sums(*loaded), sums(*session));

    State stranger = e->new_state();
    test::expect_error(MAMBA_BAD_FORMAT, {"sums of step sizes"}, [&] {
        load_snapshot(bytes.data(), bytes.size(), model->fingerprint, stranger, e->layout().step_sums + 1);
    });
}

TEST_P(Tracked, UndoingTokensUndoesTheirSums) {
    const auto e = engine(2, 20);
    const auto session = session_of(*e), never = session_of(*e);
    read(*e, session, 0, 100, 100);
    read(*e, session, 100, 130, 1);
    read(*e, never, 0, 100, 100);
    read(*e, never, 100, 117, 1);
    e->rollback(*session, 13);
    EXPECT_EQ(sums(*session), sums(*never));
    EXPECT_EQ(session->state.tracking.tokens, 117);
}

TEST_P(Tracked, BeginsAndEndsWhenItIsTold) {
    const auto e = engine(2, 20);
    const auto session = e->create_session(), plain = e->create_session();
    read(*e, session, 0, 50, 50);
    read(*e, plain, 0, 50, 50);
    for (const mamba_head_statistics& head : heads(*e, *session, 0)) {
        EXPECT_TRUE(std::isnan(head.retention) && std::isnan(head.horizon) && std::isnan(head.log_retention));
        EXPECT_GT(head.norm, 0);
    }
    const int64_t bytes = session->state.bytes();
    e->set_tracking(*session, true);
    EXPECT_EQ(session->state.bytes(), bytes + e->layout().step_sums * static_cast<int64_t>(sizeof(double)));
    EXPECT_EQ(session->history.available(session->state), 0) << "what came before has no sums";
    EXPECT_TRUE(std::isnan(heads(*e, *session, 0)[0].horizon));
    EXPECT_EQ(heads(*e, *session, 0)[0].retention, 1);
    read(*e, session, 50, 90, 1);
    read(*e, plain, 50, 90, 1);
    EXPECT_EQ(logits(*e, session), logits(*e, plain));
    EXPECT_EQ(session->state.tracking.tokens, 40);
    const std::vector<double> before = sums(*session);
    e->set_tracking(*session, true);
    EXPECT_EQ(sums(*session), before) << "it is on already";

    session->state.reset();
    EXPECT_EQ(sums(*session), std::vector<double>(before.size(), 0.0));
    EXPECT_EQ(session->state.tracking.tokens, 0);
    e->set_tracking(*session, false);
    EXPECT_FALSE(session->state.tracking.on());
    EXPECT_EQ(snapshot_size(session->state), snapshot_size(e->create_session()->state));
}

std::string tracked_name(const ::testing::TestParamInfo<std::string>& info) {
    std::string name = info.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Tracked, ::testing::Values("mamba1", "falcon-mamba", "mamba2", "mamba2-groups"), tracked_name);

}  // namespace
}  // namespace mamba
