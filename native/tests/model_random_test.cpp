#include <gtest/gtest.h>

#include <cmath>

#include "model/model.h"
#include "model/quantize.h"
#include "support/expect_error.h"

namespace mamba::test {
namespace {

mamba_shape small(mamba_architecture architecture) {
    mamba_shape shape{};
    shape.struct_size = sizeof(shape);
    shape.architecture = architecture;
    shape.layer_count = 2;
    shape.d_model = 128;
    shape.vocab_size = 1000;
    shape.seed = 7;
    return shape;
}

struct Moments {
    double mean = 0, deviation = 0, least = INFINITY, most = -INFINITY;
};

Moments moments(const std::vector<float>& values) {
    Moments m;
    for (const float value : values) {
        m.mean += value / static_cast<double>(values.size());
        m.least = std::min<double>(m.least, value);
        m.most = std::max<double>(m.most, value);
    }
    for (const float value : values) m.deviation += (value - m.mean) * (value - m.mean) / static_cast<double>(values.size());
    m.deviation = std::sqrt(m.deviation);
    return m;
}

std::vector<float> values(const Matrix& matrix) {
    std::vector<float> all(static_cast<size_t>(matrix.rows * matrix.cols));
    for (int64_t r = 0; r < matrix.rows; ++r) decode_row(matrix.type, matrix.row(r), matrix.cols, all.data() + r * matrix.cols);
    return all;
}
std::vector<float> values(const Vector& vector) { return {vector.begin(), vector.end()}; }

void expect_uniform(const std::vector<float>& all, double bound) {
    const Moments m = moments(all);
    const double error = 4 * bound / std::sqrt(static_cast<double>(all.size()));
    EXPECT_NEAR(m.mean, 0, error);
    EXPECT_NEAR(m.deviation, bound / std::sqrt(3.0), error);
    EXPECT_GE(m.least, -bound);
    EXPECT_LE(m.most, bound);
}

TEST(RandomModel, FamilyDefaults) {
    const auto first = random_model(small(MAMBA_ARCH_MAMBA1));
    EXPECT_EQ(first->config.d_inner, 256);
    EXPECT_EQ(first->config.d_state, 16);
    EXPECT_EQ(first->config.dt_rank, 8);
    EXPECT_EQ(first->config.d_conv, 4);
    const auto second = random_model(small(MAMBA_ARCH_MAMBA2));
    EXPECT_EQ(second->config.d_state, 128);
    EXPECT_EQ(second->config.head_dim, 64);
    EXPECT_EQ(second->config.head_count, 4);
    EXPECT_EQ(second->config.group_count, 1);
    EXPECT_TRUE(second->config.tied_embeddings);
    EXPECT_TRUE(random_model(small(MAMBA_ARCH_FALCON_MAMBA))->config.dt_b_c_norm);
    mamba_shape shape = small(MAMBA_ARCH_MAMBA2);
    shape.vocab_size = 0;
    shape.layer_count = 1;
    shape.weight_type = MAMBA_WEIGHT_BF16;
    EXPECT_EQ(random_model(shape)->config.vocab_size, 50288);
}

TEST(RandomModel, DistributionsOfThePapersCode) {
    const auto first = random_model(small(MAMBA_ARCH_MAMBA1));
    const Layer& layer = first->layers[1];
    const Moments embedding = moments(values(first->embedding));
    EXPECT_NEAR(embedding.mean, 0, 2e-4);
    EXPECT_NEAR(embedding.deviation, 0.02, 2e-4);
    expect_uniform(values(layer.in_proj), 1 / std::sqrt(128.0));
    expect_uniform(values(layer.x_proj), 1 / std::sqrt(256.0));
    expect_uniform(values(layer.dt_proj), 1 / std::sqrt(8.0));
    expect_uniform(values(layer.out_proj), 1 / std::sqrt(256.0) / std::sqrt(2.0));
    expect_uniform(values(layer.conv_weight), 0.5);
    for (size_t i = 0; i < layer.a.size(); ++i) ASSERT_EQ(layer.a[i], -static_cast<float>(i % 16 + 1));
    std::vector<float> log_dt;
    for (const float bias : layer.dt_bias) log_dt.push_back(static_cast<float>(std::log(std::log1p(std::exp(static_cast<double>(bias))))));
    const Moments dt = moments(log_dt);
    EXPECT_NEAR(dt.mean, (std::log(1e-3) + std::log(0.1)) / 2, 0.4);
    EXPECT_GE(dt.least, std::log(1e-3) - 1e-4);
    EXPECT_LE(dt.most, std::log(0.1) + 1e-4);
    EXPECT_NEAR(dt.deviation, std::log(100.0) / std::sqrt(12.0), 0.2);
    for (const float d : layer.d) ASSERT_EQ(d, 1.0f);
    for (const float norm : layer.norm) ASSERT_EQ(norm, 1.0f);
    mamba_shape wide = small(MAMBA_ARCH_MAMBA2);
    wide.d_model = 1024;
    wide.head_dim = 1;  // 2048 heads, for the statistics
    wide.layer_count = 1;
    const auto second = random_model(wide);
    const Moments a = moments(values(second->layers[0].a));
    EXPECT_NEAR(a.mean, -8.5, 0.5);
    EXPECT_GE(a.least, -16);
    EXPECT_LE(a.most, -1);
    expect_uniform(values(second->layers[0].in_proj), 1 / std::sqrt(1024.0));
}

TEST(RandomModel, TheSeedDecides) {
    mamba_shape shape = small(MAMBA_ARCH_MAMBA2);
    const auto model = random_model(shape);
    EXPECT_EQ(random_model(shape)->fingerprint, model->fingerprint);
    // On every platform: a change of this number is a change of every random model.
    EXPECT_EQ(model->fingerprint[0], 6157753469288381651u);
    EXPECT_NE(std::memcmp(model->layers[0].in_proj.data, model->layers[1].in_proj.data, 4096), 0);
    EXPECT_NE(std::memcmp(model->embedding.row(0), model->embedding.row(1), 512), 0);
    shape.seed = 8;
    EXPECT_NE(random_model(shape)->fingerprint, model->fingerprint);
}

TEST(RandomModel, InEveryTypeItIsTheSameModelConverted) {
    mamba_shape shape = small(MAMBA_ARCH_MAMBA2);
    const auto model = random_model(shape);
    for (const WeightType type : {WeightType::f16, WeightType::bf16, WeightType::q8_0}) {
        shape.weight_type = static_cast<int32_t>(type);
        const auto direct = random_model(shape);
        EXPECT_EQ(direct->weight_type, type);
        EXPECT_EQ(direct->fingerprint, convert_model(model, type)->fingerprint);
    }
    shape = small(MAMBA_ARCH_MAMBA1);
    shape.d_model = 256;
    shape.vocab_size = 20;
    const auto wide = random_model(shape);
    for (const WeightType type : {WeightType::q6_k, WeightType::q4_k}) {
        shape.weight_type = static_cast<int32_t>(type);
        const auto direct = random_model(shape);
        EXPECT_EQ(direct->weight_type, type);
        EXPECT_EQ(direct->layers[0].dt_proj.type, WeightType::f16);  // rows of 16
        EXPECT_EQ(direct->fingerprint, convert_model(wide, type)->fingerprint);
    }
}

TEST(RandomModel, ShapesThatCannotBeAreRefused) {
    const auto with = [](mamba_architecture architecture, const auto& change) {
        mamba_shape shape = small(architecture);
        change(shape);
        return shape;
    };
    const auto refused = [](const mamba_shape& shape, mamba_result code, std::initializer_list<std::string_view> parts) {
        expect_error(code, parts, [&] { random_model(shape); });
    };
    refused(with(MAMBA_ARCH_MAMBA2, [](mamba_shape& s) { s.layer_count = -1; }), MAMBA_INVALID_ARGUMENT, {"negative number, -1"});
    refused(with(MAMBA_ARCH_MAMBA2, [](mamba_shape& s) { s.layer_count = 0; }), MAMBA_INVALID_ARGUMENT, {"number of layers is 0"});
    refused(with(MAMBA_ARCH_MAMBA2, [](mamba_shape& s) { s.layer_count = INT32_MAX; }), MAMBA_INVALID_ARGUMENT, {"number of layers is 2147483647"});
    refused(with(MAMBA_ARCH_MAMBA2, [](mamba_shape& s) { s.d_model = 0; }), MAMBA_INVALID_ARGUMENT, {"d_model"});
    refused(with(MAMBA_ARCH_MAMBA2, [](mamba_shape& s) { s.d_model = INT32_MAX; }), MAMBA_INVALID_ARGUMENT, {"d_model"});
    refused(with(MAMBA_ARCH_MAMBA2, [](mamba_shape& s) { s.expand = INT32_MAX; }), MAMBA_INVALID_ARGUMENT, {"d_inner"});
    refused(with(MAMBA_ARCH_MAMBA2, [](mamba_shape& s) { s.head_dim = 60; }), MAMBA_INVALID_ARGUMENT, {"heads of 60 channels"});
    refused(with(MAMBA_ARCH_MAMBA2, [](mamba_shape& s) { s.group_count = 3; }), MAMBA_INVALID_ARGUMENT, {"3 groups"});
    refused(with(MAMBA_ARCH_MAMBA2, [](mamba_shape& s) { s.d_state = INT32_MAX; }), MAMBA_INVALID_ARGUMENT, {"d_state"});
    refused(with(MAMBA_ARCH_MAMBA1, [](mamba_shape& s) { s.weight_type = 99; }), MAMBA_UNSUPPORTED, {"type 99"});
    refused(with(MAMBA_ARCH_MAMBA1, [](mamba_shape& s) { s.weight_type = MAMBA_WEIGHT_Q4_K + 1; }), MAMBA_UNSUPPORTED, {"type 7"});
    refused(with(MAMBA_ARCH_JAMBA, [](mamba_shape&) {}), MAMBA_UNSUPPORTED, {"architecture 7"});
    refused(with(MAMBA_ARCH_MAMBA1, [](mamba_shape& s) { s.d_model = 1 << 20; }), MAMBA_OUT_OF_MEMORY, {"needs", "MiB", "can be had"});
}

}  // namespace
}  // namespace mamba::test
