// Merged sessions: weights against every order, states of one layer against reading the texts one after another, and what a merge refuses.
#include "state/merge.h"

#include <numeric>

#include "policy_testing.h"
#include "state/snapshot.h"
#include "support/expect_error.h"
#include "support/reference_model.h"

namespace mamba::policies {
namespace {

constexpr mamba_merge all_merges[] = {MAMBA_MERGE_CONCATENATE, MAMBA_MERGE_CYCLIC, MAMBA_MERGE_ALL_ORDERS};

// The orders that a merge is the mean over.
std::vector<std::vector<size_t>> orders(mamba_merge merge, size_t count) {
    std::vector<size_t> order(count);
    std::iota(order.begin(), order.end(), size_t{0});
    std::vector<std::vector<size_t>> all;
    if (merge == MAMBA_MERGE_CONCATENATE) return {order};
    do {
        all.push_back(order);
        if (merge == MAMBA_MERGE_CYCLIC) std::rotate(order.begin(), order.begin() + 1, order.end());
    } while (merge == MAMBA_MERGE_CYCLIC ? all.size() < count : std::next_permutation(order.begin(), order.end()));
    return all;
}

TEST(MergeWeights, AreTheMeanOverTheirOrders) {
    std::mt19937 random(3);
    std::uniform_real_distribution<double> any(0, 1);
    for (const mamba_merge merge : all_merges) {
        for (size_t count = 1; count <= 6; ++count) {
            std::vector<double> decays(count), got(count), right(count, 0.0);
            for (double& p : decays) p = any(random);
            decays[count / 2] = 0;  // of a text after which nothing is left of what came before
            decays[count - 1] = 1;  // of one that decays nothing
            const auto all = orders(merge, count);
            for (const std::vector<size_t>& order : all) {
                double behind = 1;
                for (size_t i = count; i-- > 0; behind *= decays[order[i]]) right[order[i]] += behind / static_cast<double>(all.size());
            }
            MergeWeights(merge, count).compute(decays.data(), got.data());
            for (size_t k = 0; k < count; ++k) EXPECT_NEAR(got[k], right[k], 1e-13) << merge << ": " << k << " of " << count;
        }
    }
}

TEST(MergeWeights, OfManyTextsThatDecayNothingAreOne) {
    const size_t count = most_merged;
    const std::vector<double> decays(count, 1.0);
    std::vector<double> weights(count);
    for (const mamba_merge merge : all_merges) {
        MergeWeights(merge, count).compute(decays.data(), weights.data());
        for (const double weight : weights) EXPECT_NEAR(weight, 1, 1e-11) << merge;
    }
}

class Merged : public ::testing::TestWithParam<PolicyModel> {
protected:
    static constexpr int64_t borders[] = {0, 70, 81, 121};  // parts with and without tokens that wait in the ring

    explicit Merged(int32_t taps = 4) : model(model_of(1, taps)), text(policy_tokens(160)) {}

    static std::shared_ptr<const Model> model_of(int32_t layers, int32_t taps) {
        const PolicyModel& of = GetParam();
        mamba_shape shape{};
        shape.struct_size = sizeof(shape);
        shape.architecture = of.architecture;
        shape.layer_count = layers;
        shape.d_model = of.d_model;
        shape.d_state = of.d_state;
        shape.d_conv = taps;
        shape.head_dim = of.head_dim;
        shape.group_count = of.groups;
        shape.vocab_size = policy_vocabulary;
        shape.weight_type = static_cast<int32_t>(WeightType::f32);
        shape.seed = 5;
        const auto model = std::const_pointer_cast<Model>(random_model(shape));
        for (Layer& layer : model->layers) {
            for (float& a : layer.a) a *= 0.1f;  // so that texts of some tens of tokens matter behind each other
        }
        return model;
    }

    // A session that has read text [begin, end) alone, the last 9 tokens one by one, so that of Mamba-2 some wait in the ring.
    std::shared_ptr<Session> part(Engine& engine, int64_t begin, int64_t end, bool tracked = true) const {
        const auto session = engine.create_session();
        if (tracked) engine.set_tracking(*session, true);
        engine.evaluate({{session, text.data() + begin, end - begin - 9, 0, 0, 0}}, {}, nullptr);
        for (int64_t t = end - 9; t < end; ++t) engine.evaluate({{session, text.data() + t, 1, 0, 0, 0}}, {}, nullptr);
        return session;
    }
    std::vector<std::shared_ptr<Session>> parts(Engine& engine) const {
        return {part(engine, borders[0], borders[1]), part(engine, borders[1], borders[2]), part(engine, borders[2], borders[3])};
    }

    std::shared_ptr<const Model> model;
    std::vector<int32_t> text;
};

// Without a window there is nothing that a text lacks at its beginning: merging is reading.
class MergedWithoutWindow : public Merged {
protected:
    MergedWithoutWindow() : Merged(1) {}
};

TEST_P(MergedWithoutWindow, OneLayersStateAndAllThatFollowsAreThoseOfReadingTheTextsOneAfterAnother) {
    for (const mamba_isa isa : instruction_sets()) {
        const auto engine = policy_engine(model, isa);
        const auto whole = engine->create_session();
        read_to(whole, text, borders[3]);
        const auto merged = engine->merge_sessions(parts(*engine), MAMBA_MERGE_CONCATENATE);
        EXPECT_LT(relative_error(layer_state(*merged, 0), layer_state(*whole, 0)), 3e-6) << name(isa);
        EXPECT_LT(relative_error(read_to(merged, text, 160), read_to(whole, text, 160)), 3e-6) << name(isa);
    }
}

TEST_P(Merged, OneLayersStateIsThatOfReadingWithAnEmptyWindowAtEachBorder) {
    test::ReferenceModel reference(*model);
    size_t border = 1;
    for (int64_t t = 0; t < borders[3]; ++t) {
        if (t == borders[border]) {
            reference.clear_windows();
            ++border;
        }
        reference.read(text[static_cast<size_t>(t)]);
    }
    const test::ReferenceModel::Values state = reference.state(0);
    std::vector<double> following;
    for (int64_t t = borders[3]; t < 160; ++t) {
        const auto logits = reference.read(text[static_cast<size_t>(t)]);
        following.insert(following.end(), logits.begin(), logits.end());
    }
    for (const mamba_isa isa : instruction_sets()) {
        const auto engine = policy_engine(model, isa);
        const auto all = parts(*engine);
        const auto merged = engine->merge_sessions(all, MAMBA_MERGE_CONCATENATE);
        EXPECT_LT(relative_error(layer_state(*merged, 0), state), 3e-5) << name(isa);
        EXPECT_LT(relative_error(read_to(merged, text, 160), following), 3e-5) << name(isa);
        // And it is not that of the last text: the ones before are there to be seen.
        EXPECT_GT(relative_error(layer_state(*all.back(), 0), state), 1e-2);
    }
}

TEST_P(Merged, IsTheMeanOverItsOrders) {
    const auto engine = policy_engine(model);
    const auto all = parts(*engine);
    for (const mamba_merge merge : {MAMBA_MERGE_CYCLIC, MAMBA_MERGE_ALL_ORDERS}) {
        std::vector<double> mean(static_cast<size_t>(engine->layout().layers[0].ssm_floats), 0.0);
        const auto each = orders(merge, all.size());
        for (const std::vector<size_t>& order : each) {
            const auto one = engine->merge_sessions({all[order[0]], all[order[1]], all[order[2]]}, MAMBA_MERGE_CONCATENATE);
            const std::vector<float> state = layer_state(*one, 0);
            for (size_t i = 0; i < mean.size(); ++i) mean[i] += static_cast<double>(state[i]) / static_cast<double>(each.size());
        }
        EXPECT_LT(relative_error(layer_state(*engine->merge_sessions(all, merge), 0), mean), 1e-6) << merge;
    }
}

TEST_P(Merged, OfManyLayersAMergeOfMergesIsTheMergeOfAll) {
    const auto deep = model_of(2, 4);
    const auto engine = policy_engine(deep);
    const auto all = parts(*engine);
    const auto at_once = engine->merge_sessions(all, MAMBA_MERGE_CONCATENATE);
    const auto first = engine->merge_sessions({all[0], all[1]}, MAMBA_MERGE_CONCATENATE);
    const auto by_steps = engine->merge_sessions({first, all[2]}, MAMBA_MERGE_CONCATENATE);
    for (size_t layer = 0; layer < 2; ++layer) EXPECT_LT(relative_error(layer_state(*by_steps, layer), layer_state(*at_once, layer)), 1e-6);
    EXPECT_LT(relative_error(read_to(by_steps, text, 160), read_to(at_once, text, 160)), 1e-5);
}

TEST_P(Merged, OneAloneIsItself) {
    const auto engine = policy_engine(model);
    const auto alone = part(*engine, 0, 70);
    for (const mamba_merge merge : all_merges) {
        EXPECT_EQ(layer_state(*engine->merge_sessions({alone}, merge), 0), layer_state(*alone, 0)) << merge;
    }
}

TEST_P(Merged, PassesForNoTextAndCanBeSaved) {
    const auto engine = policy_engine(model, MAMBA_ISA_AUTO, 1, 16);
    const auto all = parts(*engine);
    const auto whole = part(*engine, 0, borders[3]);
    std::vector<uint64_t> hashes = {whole->state.token_hash};
    for (const std::shared_ptr<Session>& one : all) hashes.push_back(one->state.token_hash);
    const auto keep = [&](const Session& merged) {
        EXPECT_EQ(std::count(hashes.begin(), hashes.end(), merged.state.token_hash), 0);
        hashes.push_back(merged.state.token_hash);
    };
    for (const mamba_merge merge : all_merges) {
        const auto merged = engine->merge_sessions(all, merge);
        keep(*merged);
        keep(*engine->merge_sessions({all[1], all[0], all[2]}, merge));
        keep(*engine->merge_sessions({all[0]}, merge));
        EXPECT_EQ(merged->state.token_hash, engine->merge_sessions(all, merge)->state.token_hash);
        EXPECT_EQ(merged->state.token_count, borders[3]);
        EXPECT_EQ(merged->state.tracking.tokens, borders[3]);
        EXPECT_EQ(merged->state.pending, 0);
        EXPECT_EQ(merged->history.available(merged->state), 0);
        EXPECT_EQ(merged->history.reach(), 16);
        for (size_t i = 0; i < merged->state.tracking.sums.size(); ++i) {
            double sum = 0;
            for (const std::shared_ptr<Session>& one : all) sum += one->state.tracking.sums[i];
            EXPECT_EQ(merged->state.tracking.sums[i], sum);
        }
        // The window: as where a text begins, or as behind the last one.
        const float* const conv = merged->state.values.data();
        const int64_t window = engine->layout().layers[0].conv_floats;
        if (merge == MAMBA_MERGE_CONCATENATE) EXPECT_TRUE(std::equal(conv, conv + window, all.back()->state.values.data()));
        else EXPECT_TRUE(std::all_of(conv, conv + window, [](float value) { return value == 0; }));
        EXPECT_TRUE(std::equal(merged->state.hidden.begin(), merged->state.hidden.end(), all.back()->state.hidden.begin()));

        std::vector<std::byte> saved(snapshot_size(merged->state));
        save_snapshot(merged->state, model->fingerprint, saved.data());
        State state = engine->new_state();
        load_snapshot(saved.data(), saved.size(), model->fingerprint, state, engine->layout().step_sums, model.get());
        const auto loaded = engine->adopt_session(std::move(state));
        EXPECT_EQ(loaded->state.token_hash, merged->state.token_hash);
        EXPECT_EQ(read_to(loaded, text, 140), read_to(merged, text, 140));
        EXPECT_EQ(merged->history.available(merged->state), 140 - borders[3]);
    }
}

TEST_P(Merged, RefusesWhatItHasNoDecayOf) {
    const auto engine = policy_engine(model);
    const auto good = part(*engine, 0, 70);
    const auto refused = [&](mamba_result code, const std::shared_ptr<Session>& bad, const char* why) {
        const std::vector<float> before = layer_state(*bad, 0);
        for (const mamba_merge merge : all_merges) {
            test::expect_error(code, {"sessions[1]", why}, [&] { engine->merge_sessions({good, bad}, merge); });
        }
        EXPECT_EQ(layer_state(*bad, 0), before);
    };
    refused(MAMBA_INVALID_ARGUMENT, engine->create_session(), "it has read nothing");
    refused(MAMBA_INVALID_ARGUMENT, part(*engine, 0, 70, false), "it has no sums of dt");
    const auto late = part(*engine, 0, 20, false);
    engine->set_tracking(*late, true);
    read_to(late, text, 45);
    refused(MAMBA_INVALID_ARGUMENT, late, "its sums of dt hold 25 of its 45 tokens");
    for (const SetPolicy& policy : all_policies(*model)) {
        const auto under = engine->create_session();
        engine->set_tracking(*under, true);
        engine->set_policy(*under, policy.make(*model));
        read_to(under, text, 30);
        refused(MAMBA_UNSUPPORTED, under, "it is under a long-context policy");
        // Nor when the policy has gone: its tokens are in the state.
        engine->set_policy(*under, nullptr);
        refused(MAMBA_INVALID_ARGUMENT, under, "its sums of dt hold 0 of its 30 tokens");
    }
    const auto endless = part(*engine, 0, 70);
    endless->state.token_count = endless->state.tracking.tokens = most_tokens - 69;
    refused(MAMBA_INVALID_ARGUMENT, endless, "more than");
}

INSTANTIATE_TEST_SUITE_P(Models, Merged, ::testing::ValuesIn(policy_models), model_name);
INSTANTIATE_TEST_SUITE_P(Models, MergedWithoutWindow, ::testing::ValuesIn(policy_models), model_name);

}  // namespace
}  // namespace mamba::policies
