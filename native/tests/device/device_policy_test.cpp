// Long-context policies, sums of step sizes and statistics on the first CUDA device: what the processor computes, however sessions are cut,
// batched, copied and moved. Also on the device that the processor plays, where what is tested is the host's side.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "device_testing.h"
#include "policy_testing.h"
#include "state/snapshot.h"
#include "support/expect_error.h"

namespace mamba::policies {
namespace {

struct DevicePolicyModel {
    PolicyModel of;
    WeightType type;
};

std::string device_model_name(const ::testing::TestParamInfo<DevicePolicyModel>& info) { return info.param.of.name; }
void PrintTo(const DevicePolicyModel& model, std::ostream* out) { *out << model.of.name; }

// Heads that every kernel takes, sizes that only the recurrence does, and weights whose prompts go through tensor cores.
const DevicePolicyModel device_policy_models[] = {
    {{"mamba1", MAMBA_ARCH_MAMBA1, 40, 16, 0, 0}, WeightType::f32},
    {{"mamba2", MAMBA_ARCH_MAMBA2, 32, 32, 32, 1}, WeightType::f32},
    {{"mamba2_groups", MAMBA_ARCH_MAMBA2, 48, 20, 12, 2}, WeightType::f32},
    {{"mamba1_bf16", MAMBA_ARCH_MAMBA1, 64, 16, 0, 0}, WeightType::bf16},
    {{"mamba2_bf16", MAMBA_ARCH_MAMBA2, 64, 128, 64, 1}, WeightType::bf16},
};

class DevicePolicies : public ::testing::TestWithParam<DevicePolicyModel> {
protected:
    DevicePolicies()
        : model(slow_model(GetParam().of, 0.02f, GetParam().type)), text(policy_tokens(420)), device(make_engine(model, MAMBA_DEVICE_CUDA, 40)),
          host(policy_engine(model, MAMBA_ISA_SCALAR, 1, 40)) {
        for (SetPolicy& policy : all_policies(*model)) {
            if (policy.policy.kind != MAMBA_POLICY_DIFFERENCE_WINDOW) all.push_back(std::move(policy));
        }
    }

    // Of logits and states, relative to the largest. With BF16 weights every activation is BF16 on a device.
    double most() const { return GetParam().type == WeightType::f32 ? 2e-4 : 6e-2; }

    std::shared_ptr<Session> move(const Session& session, Engine& to) const {
        std::vector<std::byte> bytes(snapshot_size(session.state));
        save_snapshot(session.state, model->fingerprint, bytes.data());
        State state = to.new_state();
        load_snapshot(bytes.data(), bytes.size(), model->fingerprint, state, to.layout().step_sums, model.get());
        return to.adopt_session(std::move(state));
    }

    static std::vector<double> sums(const Session& session) {
        std::vector<double> all(static_cast<size_t>(session.state.tracking.count));
        session.state.tracking.read(all.data());
        return all;
    }

    std::shared_ptr<const Model> model;
    std::vector<int32_t> text;
    std::shared_ptr<Engine> device, host;
    std::vector<SetPolicy> all;
};

TEST_P(DevicePolicies, LogitsAndStatesAreThoseOfTheProcessorHoweverTheInputIsCut) {
    constexpr int64_t length = 330;
    for (const SetPolicy& policy : all) {
        const auto there = session_under(host, policy);
        const Logits expected = read_to(there, text, length);
        const std::vector<float> state = layer_state(*there, 1);
        const std::vector<std::vector<int64_t>> cuts = {{1000}, {1}, {100, 33, 1, 90}, {7, 1, 30, 2, 64, 3}, {200, 1, 1, 17}};
        for (const std::vector<int64_t>& pieces : cuts) {
            const auto session = session_under(device, policy);
            const std::vector<int32_t> some(text.begin(), text.begin() + length);
            EXPECT_LT(relative_error(feed_in_pieces(*device, session, some, pieces), expected), most()) << policy.name << ", pieces of " << pieces[0];
            EXPECT_LT(relative_error(layer_state(*session, 1), state), most()) << policy.name << ", pieces of " << pieces[0];
        }
    }
}

TEST_P(DevicePolicies, SessionsOfAllPoliciesTogetherAreAsEachAloneOnTheProcessor) {
    std::vector<SetPolicy> mixed = all;
    mixed.push_back({"none", policy_of(MAMBA_POLICY_NONE), {}});
    for (const SetPolicy& policy : all) mixed.push_back(policy);  // every row in another place, and another phase
    std::vector<std::shared_ptr<Session>> together, alone;
    for (const SetPolicy& policy : mixed) {
        together.push_back(session_under(device, policy));
        alone.push_back(session_under(host, policy));
    }
    const auto vocabulary = static_cast<size_t>(model->config.padded_vocab_size);
    // Prompts, steps over borders, a part of prompts and steps together, and steps again.
    for (int step = 0; step < 40; ++step) {
        std::vector<BatchItem> items;
        for (size_t i = 0; i < mixed.size(); ++i) {
            const auto row = static_cast<int64_t>(i);
            const int64_t count = step == 0 ? 117 + 2 * row : step == 20 ? 1 + row % 3 * 70 : 1;
            items.push_back({together[i], text.data() + together[i]->state.token_count, count, 1, row, 0});
        }
        Logits logits(items.size() * vocabulary);
        BatchOutput output;
        output.logits = logits.data();
        device->evaluate(items, output, nullptr);
        for (size_t i = 0; i < items.size(); ++i) {
            const Logits own = read_to(alone[i], text, together[i]->state.token_count);
            const Logits expected(own.end() - static_cast<int64_t>(vocabulary), own.end());
            const Logits row(logits.begin() + static_cast<int64_t>(i * vocabulary), logits.begin() + static_cast<int64_t>((i + 1) * vocabulary));
            EXPECT_LT(relative_error(row, expected), most()) << mixed[i].name << " in row " << i << ", step " << step;
        }
    }
}

TEST_P(DevicePolicies, SavedSessionsGoOnOnEitherSide) {
    for (const SetPolicy& policy : all) {
        auto session = session_under(device, policy);
        const auto there = session_under(host, policy);
        bool on_device = true;
        // In the middle of the ring, at a border, before and behind it.
        for (const int64_t place : {0, 5, 77, 128, 129, 180, 192, 230, 256}) {
            on_device = !on_device;
            session = move(*session, on_device ? *device : *host);
            EXPECT_EQ(session->state.policy.kind(), policy.policy.kind);
            EXPECT_EQ(session->state.policy.origin, there->state.policy.origin);
            EXPECT_EQ(session->state.bytes(), there->state.bytes());
            const int64_t begin = session->state.token_count, piece = place % 2 == 0 ? 1000 : 1;
            if (place == begin) continue;
            const Logits expected = read_to(there, text, place, piece);
            EXPECT_LT(relative_error(read_to(session, text, place, piece), expected), most()) << policy.name << " to " << place;
        }
    }
}

TEST_P(DevicePolicies, CopiesGoOnWithTheSameBits) {
    for (const SetPolicy& policy : all) {
        const auto session = session_under(device, policy);
        read_to(session, text, 100);
        read_to(session, text, 183, 1);
        const auto clone = device->clone_session(*session), moved = move(*session, *device), rested = device->clone_session(*session);
        device->offload(*rested, true);
        const auto from_rest = device->clone_session(*rested), saved = move(*rested, *device);
        const Logits expected = read_to(session, text, 200, 1), rest = read_to(session, text, 300);
        for (const auto& copy : {clone, moved, rested, from_rest, saved}) {
            EXPECT_TRUE(read_to(copy, text, 200, 1) == expected) << policy.name;
            EXPECT_TRUE(read_to(copy, text, 300) == rest) << policy.name;
        }
        session->state.reset();
        clone->state.reset();
        device->offload(*clone, true);
        clone->state.reset();
        EXPECT_TRUE(read_to(session, text, 150) == read_to(clone, text, 150)) << policy.name;
    }
}

TEST_P(DevicePolicies, RolledBackOverABorderASessionIsAsIfTheTokensHadNeverCome) {
    for (const SetPolicy& policy : all) {
        const auto session = session_under(device, policy), never = session_under(device, policy);
        for (const auto& s : {session, never}) read_to(s, text, 100);
        read_to(session, text, 200, 1);
        read_to(never, text, 175, 1);
        device->rollback(*session, 25);
        EXPECT_TRUE(layer_state(*session, 0) == layer_state(*never, 0)) << policy.name;
        EXPECT_TRUE(read_to(session, text, 230, 1) == read_to(never, text, 230, 1)) << policy.name;
    }
}

TEST_P(DevicePolicies, APolicyThatIsSetLaterActsFromThereOn) {
    for (const SetPolicy& policy : all) {
        const auto here = device->create_session(), there = host->create_session();
        for (const auto& s : {here, there}) {
            read_to(s, text, 30);
            read_to(s, text, 41, 1);  // some wait in the ring
            s->engine->set_policy(*s, policy.make(*model));
            read_to(s, text, 100, 1);
        }
        EXPECT_LT(relative_error(read_to(here, text, 300), read_to(there, text, 300)), most()) << policy.name;
        device->set_policy(*here, nullptr);
        host->set_policy(*there, nullptr);
        EXPECT_LT(relative_error(read_to(here, text, 320, 1), read_to(there, text, 320, 1)), most()) << policy.name;
    }
}

TEST_P(DevicePolicies, StepSizesAndStatisticsAreThoseOfTheProcessor) {
    std::vector<SetPolicy> with_none = all;
    with_none.push_back({"none", policy_of(MAMBA_POLICY_NONE), {}});
    const auto heads = static_cast<size_t>(head_or_block_count(model->config));
    const float near = GetParam().type == WeightType::f32 ? 1e-3f : 5e-2f;
    for (const SetPolicy& policy : with_none) {
        const auto here = session_under(device, policy), there = session_under(host, policy);
        for (const auto& s : {here, there}) {
            s->engine->set_tracking(*s, true);
            read_to(s, text, 150);
            read_to(s, text, 205, 1);
        }
        EXPECT_EQ(here->state.tracking.tokens, 205);
        EXPECT_LT(relative_error(sums(*here), sums(*there)), near) << policy.name;
        std::vector<mamba_head_statistics> measured(heads), expected(heads);
        device->measure(*here, 1, measured.data());
        host->measure(*there, 1, expected.data());
        for (size_t h = 0; h < heads; ++h) {
            EXPECT_NEAR(measured[h].norm, expected[h].norm, near * expected[h].norm) << policy.name;
            EXPECT_NEAR(measured[h].variance, expected[h].variance, 2 * near * expected[h].variance) << policy.name;
            EXPECT_NEAR(measured[h].max_abs, expected[h].max_abs, 3 * near * expected[h].max_abs) << policy.name;
            EXPECT_NEAR(measured[h].rms, expected[h].rms, near * expected[h].rms) << policy.name;
            EXPECT_NEAR(measured[h].log_retention, expected[h].log_retention, near * std::fabs(expected[h].log_retention)) << policy.name;
            EXPECT_NEAR(measured[h].horizon, expected[h].horizon, near * expected[h].horizon) << policy.name;
        }
        // They go where the session goes, and back.
        const auto clone = device->clone_session(*here), back = move(*here, *device), on_host = move(*here, *host);
        for (const auto& copy : {clone, back, on_host}) {
            EXPECT_EQ(copy->state.tracking.tokens, 205);
            EXPECT_EQ(sums(*copy), sums(*here));
        }
        read_to(here, text, 230, 1);
        device->rollback(*here, 25);
        EXPECT_LT(relative_error(sums(*here), sums(*clone)), 1e-12) << policy.name;
        // Measured at rest as it was.
        const auto measure = [&](const Session& session) {
            device->measure(session, 0, measured.data());
            return measured[0].norm;
        };
        const float before = measure(*clone);
        device->offload(*clone, true);
        EXPECT_EQ(measure(*clone), before);
        device->set_tracking(*back, false);
        device->measure(*back, 1, measured.data());
        EXPECT_TRUE(std::isnan(measured[0].retention));
    }
}

TEST_P(DevicePolicies, ADifferenceWindowIsRefusedAndChangesNothing) {
    const SetPolicy difference = policy_named(*model, "difference-window");
    const auto session = device->create_session();
    test::expect_error(MAMBA_UNSUPPORTED, {"difference-window", "restart-window"}, [&] { device->set_policy(*session, difference.make(*model)); });
    EXPECT_FALSE(session->state.policy.on());
    const auto there = session_under(host, difference);
    test::expect_error(MAMBA_UNSUPPORTED, {"difference-window"}, [&] { move(*there, *device); });
}

INSTANTIATE_TEST_SUITE_P(Policies, DevicePolicies, ::testing::ValuesIn(device_policy_models), device_model_name);

}  // namespace
}  // namespace mamba::policies
