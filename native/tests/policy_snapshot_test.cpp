// Policies as they are asked for, and in saved sessions: what is wrong is refused, and says why.
#include <cstring>
#include <functional>
#include <limits>

#include "base/hash.h"
#include "policy_testing.h"
#include "state/snapshot.h"
#include "support/expect_error.h"

namespace mamba::policies {
namespace {

using test::expect_error;

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

TEST(Policy, RefusesWhatMakesNoSense) {
    const auto model = slow_model(policy_models[1]);
    const auto refuse = [&](std::string_view words, const std::string& of, const std::function<void(SetPolicy&)>& change) {
        SetPolicy policy = policy_named(*model, of);
        change(policy);
        expect_error(MAMBA_INVALID_ARGUMENT, {words}, [&] { policy.make(*model); });
    };
    for (const int64_t window : {int64_t{0}, int64_t{-64}, int64_t{63}, int64_t{100}, std::numeric_limits<int64_t>::max(), int64_t{1} << 50}) {
        refuse("positive multiple of 64", "restart-window", [=](SetPolicy& p) { p.policy.window = window; });
        refuse("positive multiple of 64", "difference-window", [=](SetPolicy& p) { p.policy.window = window; });
    }
    refuse("length of the prompt", "token-filter", [](SetPolicy& p) { p.policy.window = 0; });
    for (const float fraction : {0.0f, -0.5f, 1.001f, nan, infinity}) {
        refuse("retention", "forget-more", [=](SetPolicy& p) { p.policy.retention = fraction; });
        refuse("insertion", "forget-more", [=](SetPolicy& p) { p.policy.insertion = fraction; });
    }
    for (const float insertion : {1e-7f, 1e-39f}) refuse("from 1e-6 to 1", "forget-more", [=](SetPolicy& p) { p.policy.insertion = insertion; });
    for (const float scale : {0.0f, -1.0f, nan, infinity}) {
        refuse("norm_scale", "state-norm", [=](SetPolicy& p) { p.policy.norm_scale = scale; });
    }
    for (const float scale : {0.0f, -1.0f, 1e-7f, 1.1e6f, std::numeric_limits<float>::max(), nan, infinity}) {
        refuse("of layer 1", "delta-scale", [=](SetPolicy& p) { p.values[1] = scale; });
        refuse("from 1e-6 to 1e6", "decay-scale", [=](SetPolicy& p) { p.values[0] = scale; });
    }
    refuse("value 1 of layer 0", "state-norm", [](SetPolicy& p) { p.values[1] = -1; });
    refuse("a cap", "state-norm", [](SetPolicy& p) { p.values.back() = nan; });
    refuse("least dt", "token-filter", [](SetPolicy& p) { p.values[0] = nan; });
    for (const char* kind : {"state-norm", "delta-scale", "decay-scale", "token-filter"}) {
        refuse("layer values in all", kind, [](SetPolicy& p) { p.values.pop_back(); });
        refuse("layer values in all", kind, [](SetPolicy& p) { p.values.clear(); });
        refuse("values a layer", kind, [](SetPolicy& p) { ++p.policy.layer_value_count; });
    }
    refuse("values a layer", "restart-window", [](SetPolicy& p) { p.policy.layer_value_count = 1; });
    refuse("layer values in all", "forget-more", [](SetPolicy& p) { p.values.push_back(1); });
    for (const int32_t kind : {-1, 8, 1000}) {
        refuse("no long-context policy", "forget-more", [=](SetPolicy& p) { p.policy.kind = kind; });
    }
    expect_error(MAMBA_INVALID_ARGUMENT, {"NULL"}, [&] {
        const SetPolicy delta = policy_named(*model, "delta-scale");
        Policy::make(delta.policy, nullptr, delta.values.size(), *model);
    });
    EXPECT_EQ(Policy::make(policy_of(MAMBA_POLICY_NONE), nullptr, 0, *model), nullptr);
}

TEST(Policy, BlocksOfAWindowLieOnTheGrid) {
    const auto model = slow_model(policy_models[0]);
    const SetPolicy window{"window", policy_of(MAMBA_POLICY_RESTART_WINDOW, 128), {}};
    const auto policy = window.make(*model);
    EXPECT_EQ(policy->blocks(0).origin, 128);
    EXPECT_EQ(policy->blocks(1).origin, 64);
    EXPECT_EQ(policy->blocks(64).origin, 64);
    EXPECT_EQ(policy->blocks(65).origin, 128);
    const WindowBlocks blocks{64, 128};
    EXPECT_EQ(blocks.block(63), -1);
    EXPECT_EQ(blocks.block(64), 0);
    EXPECT_EQ(blocks.block(191), 0);
    EXPECT_EQ(blocks.block(192), 1);
    EXPECT_EQ(blocks.next(0), 64);
    EXPECT_EQ(blocks.next(64), 192);
    EXPECT_EQ(blocks.next(191), 192);
    EXPECT_FALSE(blocks.begins_at(0));
    EXPECT_TRUE(blocks.begins_at(64));
    EXPECT_FALSE(blocks.begins_at(128));
    EXPECT_TRUE(blocks.begins_at(192));
}

class SavedPolicy : public ::testing::Test {
protected:
    SavedPolicy() : model(slow_model(policy_models[2])), engine(policy_engine(model)) {}

    std::vector<std::byte> saved(const std::string& name, int64_t tokens) const {
        const auto session = session_under(engine, policy_named(*model, name));
        read_to(session, policy_tokens(static_cast<size_t>(tokens)), tokens, 100);
        std::vector<std::byte> bytes(snapshot_size(session->state));
        save_snapshot(session->state, model->fingerprint, bytes.data());
        return bytes;
    }
    static void seal(std::vector<std::byte>& bytes) {
        const size_t body = bytes.size() - sizeof(uint64_t);
        const uint64_t sum = hash128(bytes.data(), body)[0];
        std::memcpy(bytes.data() + body, &sum, sizeof sum);
    }
    State load(const std::vector<std::byte>& bytes, bool takes_policies = true) const {
        State state = engine->new_state();
        load_snapshot(bytes.data(), bytes.size(), model->fingerprint, state, engine->layout().step_sums, takes_policies ? model.get() : nullptr);
        return state;
    }
    void refuse(std::vector<std::byte> bytes, mamba_result code, std::string_view words) const {
        seal(bytes);
        expect_error(code, {words}, [&] { load(bytes); });
    }
    template <typename T>
    static std::vector<std::byte> with(std::vector<std::byte> bytes, size_t at, T value) {
        std::memcpy(bytes.data() + at, &value, sizeof value);
        return bytes;
    }
    // Where the section's bytes begin: it is the only one.
    size_t section(const std::vector<std::byte>& bytes) const {
        const char name[] = "POLICY\0";
        const auto* const tag = reinterpret_cast<const std::byte*>(name);
        const auto found = std::search(bytes.begin(), bytes.end(), tag, tag + 8);
        EXPECT_NE(found, bytes.end());
        return static_cast<size_t>(found - bytes.begin()) + 16;
    }

    std::shared_ptr<const Model> model;
    std::shared_ptr<Engine> engine;
};

TEST_F(SavedPolicy, ComesBackAsItWasAsked) {
    for (const SetPolicy& policy : all_policies(*model)) {
        const State state = load(saved(policy.name, 150));
        ASSERT_TRUE(state.policy.on()) << policy.name;
        EXPECT_EQ(std::memcmp(&state.policy.rule->asked(), &policy.policy, sizeof policy.policy), 0) << policy.name;
        EXPECT_EQ(state.policy.rule->values(), policy.values) << policy.name;
    }
}

TEST_F(SavedPolicy, OfDamagedBytesNothingIsTaken) {
    const std::vector<std::byte> bytes = saved("difference-window", 70);
    const size_t step = runs_slowly ? 997 : 31;
    for (size_t i = 0; i < bytes.size(); i += step) {
        EXPECT_THROW(load(with(bytes, i, static_cast<std::byte>(~static_cast<uint8_t>(bytes[i])))), Error) << i;
        std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(i));
        EXPECT_THROW(load(cut), Error) << i;
        if (cut.size() < 100) continue;
        seal(cut);
        EXPECT_THROW(load(cut), Error) << i << ", sealed";
    }
}

TEST_F(SavedPolicy, WhatIsForgedIsRefused) {
    const std::vector<std::byte> window = saved("restart-window", 150), norm = saved("state-norm", 20), forget = saved("forget-more", 20);
    const size_t at = section(window);
    refuse(with(window, at, int64_t{65}), MAMBA_BAD_FORMAT, "positive multiple of 64");
    refuse(with(window, at, int64_t{-1}), MAMBA_BAD_FORMAT, "positive multiple of 64");
    refuse(with(window, at + 20, int32_t{1}), MAMBA_BAD_FORMAT, "values a layer");
    refuse(with(window, at + 20, std::numeric_limits<int32_t>::max()), MAMBA_BAD_FORMAT, "too few");
    for (const int64_t origin : {int64_t{-64}, int64_t{1}, int64_t{64} * 1000, std::numeric_limits<int64_t>::max()}) {
        refuse(with(window, at + 24, origin), MAMBA_BAD_FORMAT, "cannot be");
    }
    refuse(with(window, at - 8, uint64_t{31}), MAMBA_BAD_FORMAT, "belongs to none");
    refuse(with(window, at - 8, uint64_t{32}), MAMBA_BAD_FORMAT, "of this model");
    refuse(with(window, at - 8, std::numeric_limits<uint64_t>::max()), MAMBA_BAD_FORMAT, "ends behind");
    refuse(with(forget, section(forget) + 8, nan), MAMBA_BAD_FORMAT, "retention");
    refuse(with(forget, section(forget) + 12, 1e-39f), MAMBA_BAD_FORMAT, "insertion");
    refuse(with(norm, section(norm) + 32, nan), MAMBA_BAD_FORMAT, "a cap");
    refuse(with(window, at - 9, 'Z'), MAMBA_MISMATCH, "'POLICY?Z'");
    // Another kind than the section was made for, none, and none of those there are.
    refuse(with(window, 12, int32_t{MAMBA_POLICY_DIFFERENCE_WINDOW}), MAMBA_BAD_FORMAT, "of this model");
    refuse(with(window, 12, int32_t{MAMBA_POLICY_NONE}), MAMBA_BAD_FORMAT, "belongs to none");
    refuse(with(window, 12, int32_t{8}), MAMBA_MISMATCH, "policy 8");
    refuse(with(window, 12, int32_t{-1}), MAMBA_MISMATCH, "policy -1");
    const std::vector<std::byte> difference = saved("difference-window", 150);
    refuse(with(difference, difference.size() - 16, -1.0), MAMBA_BAD_FORMAT, "cannot be");
    // Named and not there; there twice.
    std::vector<std::byte> without(forget.begin(), forget.begin() + static_cast<std::ptrdiff_t>(section(forget)) - 16);
    without.resize(without.size() + 8);
    refuse(without, MAMBA_BAD_FORMAT, "does not hold it");
    std::vector<std::byte> twice = forget;
    twice.insert(twice.end() - 8, forget.begin() + static_cast<std::ptrdiff_t>(section(forget)) - 16, forget.end() - 8);
    refuse(twice, MAMBA_BAD_FORMAT, "twice");
    // A reader that takes none, and a version that had none.
    expect_error(MAMBA_MISMATCH, {"policy 1"}, [&] { load(window, false); });
    refuse(with(window, 8, uint32_t{2}), MAMBA_BAD_FORMAT, "cut short or damaged");
}

TEST_F(SavedPolicy, WithoutOneASessionIsWrittenAsBefore) {
    const auto session = engine->create_session();
    read_to(session, policy_tokens(70), 70);
    std::vector<std::byte> bytes(snapshot_size(session->state));
    save_snapshot(session->state, model->fingerprint, bytes.data());
    EXPECT_EQ(bytes[8], std::byte{2});
    EXPECT_FALSE(load(bytes).policy.on());
    // Nothing waits, so the first version says the same.
    bytes[8] = std::byte{1};
    seal(bytes);
    EXPECT_FALSE(load(bytes).policy.on());
}

}  // namespace
}  // namespace mamba::policies
