// Statistics of a layer's state against sums in float64: state/statistics.h.
#include "state/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "golden.h"

namespace mamba {
namespace {

// norm, variance, max|h| and rms, plainly.
mamba_head_statistics plain(const float* values, int64_t count) {
    double sum = 0, squares = 0, deviations = 0, largest = 0;
    for (int64_t i = 0; i < count; ++i) {
        const double v = static_cast<double>(values[i]);
        sum += v;
        squares += v * v;
        largest = std::max(largest, std::fabs(v));
    }
    const double mean = sum / static_cast<double>(count);
    for (int64_t i = 0; i < count; ++i) deviations += (static_cast<double>(values[i]) - mean) * (static_cast<double>(values[i]) - mean);
    mamba_head_statistics head{};
    head.norm = static_cast<float>(std::sqrt(squares));
    head.variance = static_cast<float>(deviations / static_cast<double>(count));
    head.max_abs = static_cast<float>(largest);
    head.rms = static_cast<float>(std::sqrt(squares / static_cast<double>(count)));
    return head;
}

void expect_alike(const mamba_head_statistics& head, const mamba_head_statistics& expected) {
    EXPECT_NEAR(head.norm, expected.norm, 1e-5f * expected.norm);
    EXPECT_NEAR(head.variance, expected.variance, 1e-5f * expected.rms * expected.rms);
    EXPECT_EQ(head.max_abs, expected.max_abs);
    EXPECT_NEAR(head.rms, expected.rms, 1e-5f * expected.rms);
}

TEST(Statistics, AreThoseOfTheStateAsOfTheLastToken) {
    for (const char* fixture : {"mamba1", "falcon-mamba", "mamba2", "mamba2-groups"}) {
        const std::string directory = std::string(MAMBA_FIXTURES) + "/" + fixture;
        const auto model = open_model(directory);
        const ModelConfig& config = model->config;
        const std::vector<int32_t> tokens = Golden(directory).tokens("input_ids");
        EngineOptions options;
        options.threads = 2;
        const auto engine = std::make_shared<Engine>(model, options);
        const auto session = engine->create_session();
        const int64_t most = (config.head_count > 0 ? config.head_dim : block_channels) * config.d_state;
        int64_t done = 0;
        for (const int64_t piece : {40, 1, 1, 22, 1}) {  // with tokens in the ring, and without
            engine->evaluate({{session, tokens.data() + done, piece, 0, 0, 0}}, {}, nullptr);
            done += piece;
            for (int64_t layer = 0; layer < config.layer_count(); ++layer) {
                std::vector<float> state(static_cast<size_t>(config.d_inner * config.d_state));
                engine->copy_layer_state(*session, layer, state.data());
                std::vector<mamba_head_statistics> heads(static_cast<size_t>(head_or_block_count(config)));
                engine->measure(*session, layer, heads.data());
                ASSERT_EQ(heads.size(), (state.size() + static_cast<size_t>(most) - 1) / static_cast<size_t>(most));
                for (size_t h = 0; h < heads.size(); ++h) {
                    const int64_t begin = static_cast<int64_t>(h) * most;
                    const int64_t count = std::min(most, static_cast<int64_t>(state.size()) - begin);
                    expect_alike(heads[h], plain(state.data() + begin, count));
                }
            }
        }
    }
}

TEST(Statistics, TheLastBlockOfMamba1MayBeSmaller) {
    ModelConfig config;
    config.d_inner = 100;
    config.d_state = 5;
    ASSERT_EQ(head_or_block_count(config), 2);
    std::vector<float> state(500);
    for (size_t i = 0; i < state.size(); ++i) state[i] = std::sin(static_cast<float>(i)) * static_cast<float>(i % 37);
    mamba_head_statistics heads[2] = {};
    measure_state(config, state.data(), heads);
    expect_alike(heads[0], plain(state.data(), 320));
    expect_alike(heads[1], plain(state.data() + 320, 180));

    Layer layer;
    layer.a = Vector(500, "a test");
    std::vector<double> sums(100);
    double logs[2] = {}, left[2] = {};
    for (size_t d = 0; d < 100; ++d) {
        sums[d] = 0.01 * static_cast<double>(d);
        for (size_t n = 0; n < 5; ++n) {
            layer.a[d * 5 + n] = -static_cast<float>(n + 1);
            logs[d / 64] -= static_cast<double>(n + 1) * sums[d];
            left[d / 64] += std::exp(-static_cast<double>(n + 1) * sums[d]);
        }
    }
    measure_decay(config, layer, sums.data(), 7, heads);
    const double members[2] = {320, 180};
    for (int b = 0; b < 2; ++b) {
        EXPECT_NEAR(heads[b].log_retention, logs[b] / members[b], 1e-12);
        EXPECT_NEAR(heads[b].retention, left[b] / members[b], 1e-6);
        EXPECT_NEAR(heads[b].horizon, 7 / -(logs[b] / members[b]), 1e-5);
    }
}

TEST(Statistics, WhatForgetsNothingHasAnInfiniteHorizon) {
    ModelConfig config;
    config.d_inner = 64;
    config.d_state = 1;
    Layer layer;
    layer.a = Vector(64, "a test");
    std::fill(layer.a.begin(), layer.a.end(), -1.0f);
    const std::vector<double> sums(64, 0.0);
    mamba_head_statistics head{};
    measure_decay(config, layer, sums.data(), 5, &head);
    EXPECT_EQ(head.log_retention, 0);
    EXPECT_EQ(head.retention, 1);
    EXPECT_EQ(head.horizon, std::numeric_limits<float>::infinity());
    measure_decay(config, layer, sums.data(), 0, &head);
    EXPECT_TRUE(std::isnan(head.horizon));
}

TEST(Statistics, SquaresMayLeaveTheRangeOfFloats) {
    ModelConfig config;
    config.d_inner = 64;
    config.d_state = 16;
    std::vector<float> state(1024);
    for (size_t i = 0; i < state.size(); ++i) state[i] = std::cos(static_cast<float>(i)) * (i % 3 == 0 ? 1e30f : 1.0f);
    mamba_head_statistics head{};
    measure_state(config, state.data(), &head);
    const mamba_head_statistics expected = plain(state.data(), 1024);
    ASSERT_TRUE(std::isfinite(head.norm));
    EXPECT_NEAR(head.norm, expected.norm, 1e-5f * expected.norm);
    EXPECT_NEAR(head.rms, expected.rms, 1e-5f * expected.rms);
    EXPECT_EQ(head.max_abs, expected.max_abs);
}

TEST(Statistics, NothingIsHiddenByWhatIsNoNumber) {
    ModelConfig config;
    config.d_inner = 64;
    config.d_state = 16;
    std::vector<float> state(1024, 0.5f);
    mamba_head_statistics head{};
    for (const size_t place : {size_t{0}, size_t{77}, size_t{1023}}) {
        for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
            state[place] = bad;
            measure_state(config, state.data(), &head);
            EXPECT_FALSE(std::isfinite(head.norm));
            EXPECT_FALSE(std::isfinite(head.variance));
            state[place] = 0.5f;
        }
    }
}

}  // namespace
}  // namespace mamba
