// What is promised of sessions under a long-context policy: bits, copies, undo, and what the policies are for.
#include <limits>

#include "engine/trace.h"
#include "policy_testing.h"
#include "state/snapshot.h"

namespace mamba::policies {
namespace {

class PolicySession : public ::testing::TestWithParam<PolicyModel> {
protected:
    PolicySession() : model(slow_model(GetParam())), text(policy_tokens(420)) {}

    std::vector<std::vector<float>> states(const Session& session) const {
        std::vector<std::vector<float>> all;
        for (size_t i = 0; i < model->layers.size(); ++i) all.push_back(layer_state(session, i));
        return all;
    }

    std::shared_ptr<const Model> model;
    std::vector<int32_t> text;
};

TEST_P(PolicySession, BitsDependNeitherOnCutsAtTheGridNorOnThreadsNorOnSlices) {
    constexpr int64_t length = 300;
    for (const mamba_isa isa : {MAMBA_ISA_SCALAR, best_isa()}) {
        const auto alone = policy_engine(model, isa, 1), many = policy_engine(model, isa, runs_slowly ? 2 : 4, 0, 64);
        for (const SetPolicy& policy : all_policies(*model)) {
            const auto whole = session_under(alone, policy);
            const Logits expected = read_to(whole, text, length);
            for (const int64_t piece : some_of({64, 128, length})) {
                const auto cut = session_under(many, policy);
                EXPECT_TRUE(read_to(cut, text, length, piece) == expected) << policy.name << ", " << name(isa) << ", pieces of " << piece;
                EXPECT_TRUE(states(*cut) == states(*whole)) << policy.name << ", " << name(isa) << ", pieces of " << piece;
            }
            // Single tokens on both sides of a border.
            const auto one = session_under(alone, policy), other = session_under(many, policy);
            read_to(one, text, 120);
            read_to(other, text, 120);
            EXPECT_TRUE(read_to(one, text, 140, 1) == read_to(other, text, 140, 1)) << policy.name << ", " << name(isa);
        }
    }
}

TEST_P(PolicySession, BitsDoNotDependOnWhoElseIsInTheBatch) {
    const auto engine = policy_engine(model, MAMBA_ISA_AUTO, 3);
    std::vector<SetPolicy> policies = all_policies(*model);
    policies.push_back({"none", policy_of(MAMBA_POLICY_NONE), {}});
    std::vector<std::shared_ptr<Session>> together, alone;
    std::vector<BatchItem> items;
    for (const SetPolicy& policy : policies) {
        together.push_back(session_under(engine, policy));
        alone.push_back(session_under(engine, policy));
        const auto row = static_cast<int64_t>(items.size());
        items.push_back({together.back(), text.data(), 125 + row, 1, row, 0});
    }
    const auto vocabulary = static_cast<size_t>(model->config.padded_vocab_size);
    for (int step = 0; step < 8; ++step) {
        Logits logits(items.size() * vocabulary);
        BatchOutput output;
        output.logits = logits.data();
        engine->evaluate(items, output, nullptr);
        for (size_t i = 0; i < items.size(); ++i) {
            const Logits own = read_to(alone[i], text, together[i]->state.token_count);
            const float* const row = logits.data() + i * vocabulary;
            EXPECT_TRUE(std::equal(row, row + vocabulary, own.data() + own.size() - vocabulary)) << policies[i].name << ", step " << step;
            items[i].tokens += items[i].count;
            items[i].count = 1;
        }
    }
}

TEST_P(PolicySession, ClonedSavedAndLoadedAnywhereASessionGoesOnAsItWould) {
    const auto here = policy_engine(model), there = policy_engine(model, MAMBA_ISA_AUTO, 2);
    for (const SetPolicy& policy : all_policies(*model)) {
        const auto session = session_under(here, policy);
        for (const int64_t place : runs_slowly ? std::vector<int64_t>{77, 135} : std::vector<int64_t>{0, 1, 77, 128, 135, 192, 250}) {
            read_to(session, text, place, place > 128 ? 1 : 1000);
            std::vector<std::byte> saved(snapshot_size(session->state));
            save_snapshot(session->state, model->fingerprint, saved.data());
            State state = there->new_state();
            load_snapshot(saved.data(), saved.size(), model->fingerprint, state, there->layout().step_sums, model.get());
            const auto loaded = there->adopt_session(std::move(state)), clone = here->clone_session(*session),
                       original = here->clone_session(*session);
            EXPECT_EQ(loaded->state.bytes(), session->state.bytes());
            EXPECT_EQ(loaded->state.policy.origin, session->state.policy.origin);
            EXPECT_TRUE(states(*loaded) == states(*session)) << policy.name << " at " << place;
            const Logits expected = read_to(original, text, place + 20, 1), rest = read_to(original, text, place + 150);
            for (const auto& copy : {loaded, clone}) {
                EXPECT_TRUE(read_to(copy, text, place + 20, 1) == expected) << policy.name << " at " << place;
                EXPECT_TRUE(read_to(copy, text, place + 150) == rest) << policy.name << " at " << place;
            }
        }
    }
}

TEST_P(PolicySession, RolledBackOverABorderASessionIsAsIfTheTokensHadNeverCome) {
    const auto engine = policy_engine(model, MAMBA_ISA_AUTO, 1, 40);
    for (const SetPolicy& policy : all_policies(*model)) {
        for (const int64_t undone : some_of({25, 3, 9, 40})) {
            const auto session = session_under(engine, policy), never = session_under(engine, policy);
            for (const auto& s : {session, never}) read_to(s, text, 100);
            read_to(session, text, 200, 1);
            read_to(never, text, 200 - undone, 1);
            engine->rollback(*session, undone);
            EXPECT_TRUE(states(*session) == states(*never)) << policy.name << ", " << undone;
            EXPECT_TRUE(read_to(session, text, 260, 1) == read_to(never, text, 260, 1)) << policy.name << ", " << undone;
        }
    }
}

TEST_P(PolicySession, RolledBackBehindItsPlaceAPolicyIsInForceAndBeforeItIsSetAnew) {
    const auto engine = policy_engine(model, MAMBA_ISA_AUTO, 1, 64);
    for (const SetPolicy& policy : all_policies(*model)) {
        for (const int64_t undone : some_of({30, 5, 45}, 2)) {  // set at 170, and 200 tokens read
            const auto session = engine->create_session(), never = engine->create_session();
            for (const auto& s : {session, never}) read_to(s, text, 150);
            read_to(session, text, 170, 1);
            engine->set_policy(*session, policy.make(*model));
            read_to(session, text, 200, 1);
            const int64_t left = 200 - undone, set_at = std::min<int64_t>(left, 170);
            read_to(never, text, set_at, 1);
            engine->set_policy(*never, policy.make(*model));
            read_to(never, text, left, 1);
            engine->rollback(*session, undone);
            EXPECT_EQ(session->state.policy.kind(), policy.policy.kind);
            EXPECT_TRUE(states(*session) == states(*never)) << policy.name << ", " << undone;
            EXPECT_TRUE(read_to(session, text, 330, 1) == read_to(never, text, 330, 1)) << policy.name << ", " << undone;
            // Undone again, over where it was set anew.
            engine->rollback(*session, 10);
            engine->rollback(*never, 10);
            EXPECT_TRUE(read_to(session, text, 340, 1) == read_to(never, text, 340, 1)) << policy.name << ", " << undone;
        }
    }
}

TEST_P(PolicySession, UpToTwoWindowsARestartingSessionIsOneWithoutAPolicy) {
    const auto engine = policy_engine(model);
    const auto windowed = session_under(engine, policy_named(*model, "restart-window")), plain = engine->create_session();
    EXPECT_TRUE(read_to(windowed, text, 50) == read_to(plain, text, 50));
    EXPECT_TRUE(read_to(windowed, text, 128, 1) == read_to(plain, text, 128, 1));
    EXPECT_TRUE(states(*windowed) == states(*plain));
    EXPECT_FALSE(read_to(windowed, text, 130, 1) == read_to(plain, text, 130, 1));
}

TEST_P(PolicySession, NoneDropsWhatAPolicyGathered) {
    const auto engine = policy_engine(model);
    const auto plain = engine->create_session();
    const int64_t bytes = plain->state.bytes();
    read_to(plain, text, 64);
    const auto size = snapshot_size(plain->state);
    for (const SetPolicy& policy : all_policies(*model)) {
        const auto session = session_under(engine, policy);
        const bool gathers = policy.policy.kind == MAMBA_POLICY_RESTART_WINDOW || policy.policy.kind == MAMBA_POLICY_DIFFERENCE_WINDOW;
        EXPECT_EQ(session->state.bytes() > bytes, gathers) << policy.name;
        engine->set_policy(*session, nullptr);
        EXPECT_EQ(session->state.bytes(), bytes);
        const auto whole = engine->create_session();
        EXPECT_TRUE(read_to(session, text, 64) == read_to(whole, text, 64)) << policy.name;
        EXPECT_EQ(snapshot_size(session->state), size) << policy.name;
    }
}

TEST_P(PolicySession, ResetKeepsThePolicyAndClearsWhatItGathered) {
    const auto engine = policy_engine(model);
    for (const SetPolicy& policy : all_policies(*model)) {
        const auto session = engine->create_session(), fresh = session_under(engine, policy);
        read_to(session, text, 30, 1);
        engine->set_policy(*session, policy.make(*model));
        read_to(session, text, 210);
        session->state.reset();
        EXPECT_TRUE(read_to(session, text, 250) == read_to(fresh, text, 250)) << policy.name;
        EXPECT_TRUE(states(*session) == states(*fresh)) << policy.name;
    }
}

TEST_P(PolicySession, RestartEqualsDifferenceAtEveryPosition) {
    const auto engine = policy_engine(model);
    const auto restart = session_under(engine, policy_named(*model, "restart-window"));
    const auto difference = session_under(engine, policy_named(*model, "difference-window"));
    for (int64_t position = 1; position <= 330; position += runs_slowly ? 7 : 1) {
        const Logits one = read_to(restart, text, position), other = read_to(difference, text, position);
        EXPECT_LT(relative_error(other, one), 1e-4) << position;
        const auto expected = states(*restart), actual = states(*difference);
        for (size_t i = 0; i < expected.size(); ++i) EXPECT_LT(relative_error(actual[i], expected[i]), 1e-4) << position << ", layer " << i;
    }
}

// The largest norm of a head of any layer.
double largest_norm(const Session& session) {
    double largest = 0;
    const Engine& engine = *session.engine;
    std::vector<mamba_head_statistics> heads(static_cast<size_t>(head_or_block_count(engine.model().config)));
    for (size_t i = 0; i < engine.model().layers.size(); ++i) {
        engine.measure(session, static_cast<int64_t>(i), heads.data());
        for (const mamba_head_statistics& head : heads) largest = std::max(largest, static_cast<double>(head.norm));
    }
    return largest;
}

TEST_P(PolicySession, WhereAStateGrowsWithoutBoundForgetMoreAndWindowsHoldIt) {
    const auto never_forgets = slow_model(GetParam(), 1e-3f);
    const auto engine = policy_engine(never_forgets);
    const std::vector<int32_t> same(2048, 7);  // one token over and over: what enters points one way
    SetPolicy forget = policy_named(*never_forgets, "forget-more");
    const auto plain = engine->create_session(), bounded = session_under(engine, forget),
               windowed = session_under(engine, policy_named(*never_forgets, "restart-window"));
    const auto norms = [&](const std::shared_ptr<Session>& session) {
        read_to(session, same, 256);
        const double early = largest_norm(*session);
        read_to(session, same, 2048);
        return std::pair{early, largest_norm(*session)};
    };
    const auto [plain_early, plain_late] = norms(plain);
    EXPECT_GT(plain_late, 3 * plain_early);
    const auto [bounded_early, bounded_late] = norms(bounded);
    EXPECT_LT(bounded_late, 1.05 * bounded_early);
    EXPECT_LT(bounded_late, 0.2 * plain_late);
    const auto [windowed_early, windowed_late] = norms(windowed);
    EXPECT_LT(windowed_late, 1.05 * windowed_early);
    EXPECT_LT(windowed_late, 0.2 * plain_late);
}

TEST_P(PolicySession, StateNormHoldsEveryHeadUnderItsCapAtEveryPosition) {
    const auto engine = policy_engine(model);
    const SetPolicy policy = policy_named(*model, "state-norm");
    const auto session = session_under(engine, policy), plain = engine->create_session();
    const auto heads = static_cast<size_t>(policy.policy.layer_value_count);
    bool over = false;
    for (int64_t position = 1; position <= 120; position += runs_slowly ? 17 : 1) {
        for (const auto& s : {session, plain}) read_to(s, text, position < 100 ? position : position + 60);
        std::vector<mamba_head_statistics> capped(heads), free(heads);
        for (size_t layer = 0; layer < model->layers.size(); ++layer) {
            engine->measure(*session, static_cast<int64_t>(layer), capped.data());
            engine->measure(*plain, static_cast<int64_t>(layer), free.data());
            for (size_t h = 0; h < heads; ++h) {
                const float cap = policy.policy.norm_scale * policy.values[layer * heads + h];
                EXPECT_LE(capped[h].norm, cap * (1 + 1e-6f)) << position << ", layer " << layer << ", head " << h;
                over = over || free[h].norm > 2 * cap;
            }
        }
    }
    EXPECT_TRUE(over) << "no cap was ever needed";
}

TEST_P(PolicySession, StatisticsSumTheStepsAndDecaysThatThePolicyLeaves) {
    const auto engine = policy_engine(model);
    const auto log_retention = [&](const std::shared_ptr<Session>& session) {
        engine->set_tracking(*session, true);
        read_to(session, text, 100);
        std::vector<mamba_head_statistics> heads(static_cast<size_t>(head_or_block_count(model->config)));
        engine->measure(*session, 0, heads.data());  // whose inputs no policy changes
        return heads[0].log_retention;
    };
    const double plain = log_retention(engine->create_session());
    const SetPolicy delta = policy_named(*model, "delta-scale"), decay = policy_named(*model, "decay-scale"),
                    forget = policy_named(*model, "forget-more");
    EXPECT_NEAR(log_retention(session_under(engine, delta)) / plain, delta.values[0], 1e-5);
    EXPECT_NEAR(log_retention(session_under(engine, decay)) / plain, decay.values[0], 1e-5);
    EXPECT_NEAR(log_retention(session_under(engine, forget)) - plain, 100 * std::log(0.98), 1e-4);
}

std::vector<mamba_head_statistics> statistics(const Session& session, size_t layer) {
    std::vector<mamba_head_statistics> heads(static_cast<size_t>(head_or_block_count(session.engine->model().config)));
    session.engine->measure(session, static_cast<int64_t>(layer), heads.data());
    return heads;
}

std::vector<double> log_retentions(const Session& session, size_t layer = 0) {
    std::vector<double> logs;
    for (const mamba_head_statistics& head : statistics(session, layer)) logs.push_back(head.log_retention);
    return logs;
}

TEST_P(PolicySession, ATraceShowsTheDecaysThatTheStatisticsSum) {
    const auto engine = policy_engine(model);
    const auto heads = static_cast<size_t>(head_or_block_count(model->config));
    for (const SetPolicy& policy : all_policies(*model)) {
        for (size_t layer = 0; layer < model->layers.size(); ++layer) {
            const auto session = session_under(engine, policy);
            engine->set_tracking(*session, true);
            std::vector<double> expected(heads, 0.0);
            for (const int64_t piece : {70, 1, 1, 64, 3}) {  // over borders of windows
                std::vector<float> trace(static_cast<size_t>(piece) * heads * trace_width);
                engine->trace(session, text.data() + session->state.token_count, piece, static_cast<int64_t>(layer), trace.data());
                for (size_t i = 0; i < static_cast<size_t>(piece) * heads; ++i) {
                    expected[i % heads] += static_cast<double>(trace[i * trace_width + 1]);
                }
            }
            EXPECT_LT(relative_error(log_retentions(*session, layer), expected), 1e-5) << policy.name << ", layer " << layer;
        }
    }
}

TEST_P(PolicySession, StatisticsBeginAnewWhereAPolicyIsSet) {
    const auto engine = policy_engine(model, MAMBA_ISA_AUTO, 1, 64);
    const auto sums = [](const Session& session) {
        return std::vector<double>(session.state.tracking.sums.begin(), session.state.tracking.sums.end());
    };
    for (const SetPolicy& policy : all_policies(*model)) {
        const auto session = engine->create_session(), late = engine->create_session(), never = engine->create_session();
        for (const auto& s : {session, never}) engine->set_tracking(*s, true);
        for (const auto& s : {session, late, never}) {
            read_to(s, text, 100);
            engine->set_policy(*s, policy.make(*model));
        }
        EXPECT_EQ(session->state.tracking.tokens, 0) << policy.name;
        EXPECT_EQ(statistics(*session, 0)[0].retention, 1) << policy.name;
        engine->set_tracking(*late, true);
        for (const auto& s : {session, late, never}) read_to(s, text, 130, 1);
        EXPECT_LT(log_retentions(*session)[0], 0) << policy.name;
        EXPECT_EQ(log_retentions(*session), log_retentions(*late)) << policy.name;
        // Undone to behind where it was set, and to before: there it is set anew.
        read_to(session, text, 150, 1);
        engine->rollback(*session, 20);
        EXPECT_EQ(session->state.tracking.tokens, 30) << policy.name;
        EXPECT_EQ(sums(*session), sums(*never)) << policy.name;
        engine->rollback(*session, 40);
        EXPECT_EQ(session->state.tracking.tokens, 0) << policy.name;
        EXPECT_EQ(sums(*session), std::vector<double>(sums(*session).size(), 0.0)) << policy.name;
        engine->set_policy(*never, nullptr);
        EXPECT_EQ(never->state.tracking.tokens, 0) << policy.name;
    }
}

TEST_P(PolicySession, OfPoliciesSetOneAfterAnotherTheLastIsUndoneTo) {
    const auto engine = policy_engine(model, MAMBA_ISA_AUTO, 1, 64);
    const auto session = engine->create_session(), never = engine->create_session();
    const SetPolicy window = policy_named(*model, "restart-window");
    for (const auto& s : {session, never}) read_to(s, text, 100);
    for (const SetPolicy& policy : all_policies(*model)) engine->set_policy(*session, policy.make(*model));
    for (const auto& s : {session, never}) engine->set_policy(*s, window.make(*model));
    EXPECT_EQ(session->history.replay(100).changes.size(), 1u);
    read_to(session, text, 150, 1);
    read_to(never, text, 120, 1);
    engine->rollback(*session, 30);
    EXPECT_TRUE(read_to(session, text, 300, 1) == read_to(never, text, 300, 1));
}

TEST_P(PolicySession, TheLimitsOfWhatCanBeAskedGiveNumbers) {
    const auto engine = policy_engine(model);
    std::vector<SetPolicy> policies;
    for (const char* kind : {"delta-scale", "decay-scale"}) {
        for (const float scale : {1e-6f, 1e6f}) {
            policies.push_back(policy_named(*model, kind));
            std::fill(policies.back().values.begin(), policies.back().values.end(), scale);
        }
    }
    policies.push_back(policy_named(*model, "forget-more"));
    policies.back().policy.retention = policies.back().policy.insertion = 1e-6f;
    for (const SetPolicy& policy : policies) {
        const auto session = session_under(engine, policy);
        Logits logits = read_to(session, text, 100);
        for (const float logit : read_to(session, text, 120, 1)) logits.push_back(logit);
        EXPECT_TRUE(std::all_of(logits.begin(), logits.end(), [](float logit) { return std::isfinite(logit); })) << policy.name;
    }
}

TEST_P(PolicySession, ASessionThatBecameNoNumberIsSavedAndLoaded) {
    const auto engine = policy_engine(model);
    for (const SetPolicy& policy : all_policies(*model)) {
        const auto session = session_under(engine, policy);
        engine->set_tracking(*session, true);
        read_to(session, text, 64);
        std::fill_n(session->state.values.begin(), session->state.state_floats(), std::numeric_limits<float>::quiet_NaN());
        read_to(session, text, 135, 70);
        ASSERT_TRUE(std::isnan(statistics(*session, 0)[0].norm)) << policy.name;
        std::vector<std::byte> saved(snapshot_size(session->state)), again(saved.size());
        save_snapshot(session->state, model->fingerprint, saved.data());
        State state = engine->new_state();
        load_snapshot(saved.data(), saved.size(), model->fingerprint, state, engine->layout().step_sums, model.get());
        ASSERT_EQ(snapshot_size(state), saved.size()) << policy.name;
        save_snapshot(state, model->fingerprint, again.data());
        EXPECT_EQ(again, saved) << policy.name;
    }
}

INSTANTIATE_TEST_SUITE_P(Models, PolicySession, ::testing::ValuesIn(policy_models), model_name);

// On matrix units what is rounded is larger than what a cut may change, so bits tell.
TEST(PolicyOnMatrixUnits, BitsDependNeitherOnCutsNorOnThreads) {
    if (best_isa() != MAMBA_ISA_AMX) GTEST_SKIP() << "this processor or build has no AMX";
    const auto model = slow_model({"mamba2", MAMBA_ARCH_MAMBA2, 64, 32, 32, 1}, 0.02f, WeightType::bf16);
    const std::vector<int32_t> text = policy_tokens(300);
    const auto alone = policy_engine(model, MAMBA_ISA_AUTO, 1), many = policy_engine(model, MAMBA_ISA_AUTO, 3, 0, 64);
    for (const SetPolicy& policy : all_policies(*model)) {
        const auto whole = session_under(alone, policy), cut = session_under(many, policy);
        EXPECT_TRUE(read_to(whole, text, 290) == read_to(cut, text, 290, 64)) << policy.name;
        EXPECT_TRUE(read_to(whole, text, 300, 1) == read_to(cut, text, 300, 1)) << policy.name;
    }
    // The forms of the window differ by the rounding of the state to BF16: one takes what has left from a y of which it was rounded.
    const auto restart = session_under(alone, policy_named(*model, "restart-window"));
    const auto difference = session_under(alone, policy_named(*model, "difference-window"));
    EXPECT_LT(relative_error(read_to(difference, text, 300), read_to(restart, text, 300)), 2e-2);
}

}  // namespace
}  // namespace mamba::policies
