// States that live on a device, seen from the host: state/device_states.h. The device is a pool in host memory.
#include "state/device_states.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/engine.h"
#include "engine/ring.h"
#include "state/snapshot.h"

namespace mamba {
namespace {

constexpr std::array<uint64_t, 2> fingerprint{1, 2};

class Pool : public DeviceStates {
public:
    Pool(size_t values, size_t hidden, size_t entry) : values_(values), hidden_(hidden), entry_(entry) {}

    int32_t take() override {
        slots.push_back(std::vector<float>(values_ + hidden_, -1.0f));
        ++in_use;
        return static_cast<int32_t>(slots.size()) - 1;
    }
    int32_t take_host() override {
        ++on_host;
        return take();
    }
    void give(int32_t) noexcept override { --in_use; }
    void clear(int32_t slot) override { std::fill(at(slot).begin(), at(slot).end(), 0.0f); }
    void copy(int32_t from, int32_t to) override { at(to) = at(from); }
    void read(int32_t slot, int64_t, void* values, void* hidden) override {
        std::memcpy(values, at(slot).data(), (at(slot).size() - hidden_) * sizeof(float));
        std::memcpy(hidden, at(slot).data() + at(slot).size() - hidden_, hidden_ * sizeof(float));
    }
    void write(int32_t slot, int64_t position, const void* values, int64_t entries, const void* hidden) override {
        const size_t floats = values_ + static_cast<size_t>(entries) * entry_;
        at(slot).resize(floats + hidden_);
        std::memcpy(at(slot).data(), values, floats * sizeof(float));
        std::memcpy(at(slot).data() + floats, hidden, hidden_ * sizeof(float));
        last_position = position;
    }

    int32_t take_sums() override {
        sums.emplace_back();
        return static_cast<int32_t>(sums.size()) - 1;
    }
    void give_sums(int32_t) noexcept override {}
    void copy_sums(int32_t from, int32_t to) override { sums[static_cast<size_t>(to)] = sums[static_cast<size_t>(from)]; }
    void read_sums(int32_t index, double* values) override { *values = sums[static_cast<size_t>(index)][0]; }
    void write_sums(int32_t index, const double* values) override { sums[static_cast<size_t>(index)].assign(1, values == nullptr ? 0 : *values); }

    std::vector<float>& at(int32_t slot) { return slots[static_cast<size_t>(slot)]; }

    std::vector<std::vector<float>> slots;
    std::vector<std::vector<double>> sums;  // one number each
    int in_use = 0, on_host = 0;
    int64_t last_position = -1;

private:
    size_t values_, hidden_, entry_;
};

TEST(DeviceStates, PendingEntriesMoveWithASession) {
    StateMemory host(12, 3);
    State from(host, 4);
    from.token_count = 18;
    from.pending = 2;
    for (int i = 0; i < 18; ++i) from.values[static_cast<size_t>(i)] = static_cast<float>(i);
    std::fill(from.hidden.begin(), from.hidden.end(), 9.0f);
    std::vector<std::byte> saved(snapshot_size(from));
    save_snapshot(from, fingerprint, saved.data());

    Pool pool(12, 4, 3);
    StateMemory device(12, 3, &pool);
    State to(device, 4);
    load_snapshot(saved.data(), saved.size(), fingerprint, to);
    EXPECT_EQ(to.pending, 2);
    EXPECT_EQ(to.token_count, 18);
    EXPECT_EQ(pool.last_position, 18);
    EXPECT_EQ(pool.at(to.slot.index())[0], 0);
    EXPECT_EQ(pool.at(to.slot.index())[17], 17);
    EXPECT_EQ(pool.at(to.slot.index())[18], 9);
    EXPECT_EQ(to.clone().pending, 2);

    std::vector<std::byte> again(snapshot_size(to));
    save_snapshot(to, fingerprint, again.data());
    EXPECT_EQ(again, saved);
    State back(host, 4);
    load_snapshot(again.data(), again.size(), fingerprint, back);
    EXPECT_EQ(back.pending, 2);
    EXPECT_EQ(back.token_count, 18);
    EXPECT_EQ(back.values[17], 17);
    EXPECT_EQ(back.hidden[3], 9);
}

TEST(DeviceStates, ClonesAndEmptyOnesHaveSlotsOfTheirOwn) {
    Pool pool(6, 2, 0);
    {
        StateMemory device(6, 0, &pool);
        State state(device, 2);
        EXPECT_TRUE(state.values.empty());
        EXPECT_EQ(pool.at(state.slot.index()), std::vector<float>(8, 0.0f));
        EXPECT_EQ(state.bytes(), static_cast<int64_t>(6 * sizeof(float)));
        pool.at(state.slot.index())[5] = 7;
        state.token_count = 3;
        State copy = state.clone();
        EXPECT_NE(copy.slot.index(), state.slot.index());
        EXPECT_EQ(pool.at(copy.slot.index())[5], 7);
        state.reset();
        EXPECT_EQ(state.token_count, 0);
        EXPECT_EQ(pool.at(state.slot.index())[5], 0);
        EXPECT_EQ(pool.at(copy.slot.index())[5], 7);
        EXPECT_EQ(pool.in_use, 2);
    }
    EXPECT_EQ(pool.in_use, 0);
}

TEST(DeviceStates, AtRestTheyAreInHostMemoryUntilTheyAreNeeded) {
    Pool pool(6, 2, 0);
    StateMemory device(6, 0, &pool);
    State state(device, 2);
    pool.at(state.slot.index())[5] = 7;
    state.token_count = 3;
    state.bring_back();
    EXPECT_EQ(pool.on_host, 0) << "it was there";
    state.offload();
    state.offload();
    EXPECT_TRUE(state.offloaded());
    EXPECT_EQ(pool.on_host, 1);
    EXPECT_EQ(pool.in_use, 1);
    State copy = state.clone();
    EXPECT_FALSE(copy.offloaded());
    EXPECT_EQ(pool.at(copy.slot.index())[5], 7);
    state.bring_back();
    EXPECT_FALSE(state.offloaded());
    EXPECT_EQ(pool.at(state.slot.index())[5], 7);
    EXPECT_EQ(state.token_count, 3);
    state.offload();
    state.assign(copy);
    EXPECT_FALSE(state.offloaded()) << "its values are others";
    EXPECT_EQ(pool.in_use, 2);

    StateMemory host(6, 0);
    State here(host, 2);
    here.offload();
    EXPECT_FALSE(here.offloaded());
}

TEST(DeviceStates, WhatAHostFoldsForADeviceAreTheStatesThatItsOwnEngineWouldShow) {
    mamba_shape shape{};
    shape.struct_size = sizeof(shape);
    shape.architecture = MAMBA_ARCH_MAMBA2;
    shape.layer_count = 2;
    shape.d_model = 128;
    shape.vocab_size = 50;
    shape.weight_type = static_cast<int32_t>(WeightType::f32);
    const auto model = random_model(shape);
    const auto engine = std::make_shared<Engine>(model, EngineOptions{});
    const auto session = engine->create_session();
    for (int32_t token = 0; token < 21; ++token) engine->evaluate({{session, &token, 1, 0, 0, 0}}, {}, nullptr);
    ASSERT_EQ(session->state.pending, 5);

    const StateLayout& layout = engine->layout();
    std::vector<float> values(static_cast<size_t>(session->state.used_floats())), hidden(session->state.hidden_floats());
    session->state.read(values.data(), hidden.data());
    Buffer<float> scratch(static_cast<size_t>(mamba2_scratch_floats(model->config.head_dim, model->config.d_state)), "a test");
    PolicyState none;
    fold_ring(*model, layout, select_kernels(engine->isa()), {0, model->config.head_count}, values.data(), 5, none, 0, scratch.data());
    for (size_t i = 0; i < layout.layers.size(); ++i) {
        std::vector<float> shown(static_cast<size_t>(layout.layers[i].ssm_floats));
        engine->copy_layer_state(*session, static_cast<int64_t>(i), shown.data());
        EXPECT_TRUE(std::equal(shown.begin(), shown.end(), values.begin() + layout.layers[i].ssm)) << "layer " << i;
    }
}

}  // namespace
}  // namespace mamba
