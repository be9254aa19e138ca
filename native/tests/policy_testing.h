// What the tests of long-context policies share: small models of each kind, policies, and ways to feed a session.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "backends/cpu/kernels.h"
#include "engine/engine.h"
#include "state/statistics.h"
#include "support/pace.h"

namespace mamba::policies {

using Logits = std::vector<float>;
using test::runs_slowly;

// All of them, or where tests take long the first.
inline std::vector<int64_t> some_of(std::vector<int64_t> values, size_t few = 1) {
    if (runs_slowly) values.resize(few);
    return values;
}

struct PolicyModel {
    const char* name;
    mamba_architecture architecture;
    int32_t d_model, d_state, head_dim, groups;
};

// Blocks of Mamba-1 with a smaller last one; heads that fill the vectors, and groups whose heads do not.
inline const PolicyModel policy_models[] = {
    {"mamba1", MAMBA_ARCH_MAMBA1, 40, 16, 0, 0},
    {"mamba2", MAMBA_ARCH_MAMBA2, 32, 32, 32, 1},
    {"mamba2_groups", MAMBA_ARCH_MAMBA2, 48, 20, 12, 2},
};

inline std::string model_name(const ::testing::TestParamInfo<PolicyModel>& info) { return info.param.name; }
// For the messages of GoogleTest.
inline void PrintTo(const PolicyModel& model, std::ostream* out) { *out << model.name; }

inline constexpr int32_t policy_vocabulary = 96;

// Two layers of random weights, A scaled so that the state remembers: without it a state holds some tens of tokens.
inline std::shared_ptr<const Model> slow_model(const PolicyModel& of, float decay = 0.02f, WeightType type = WeightType::f32) {
    mamba_shape shape{};
    shape.struct_size = sizeof(shape);
    shape.architecture = of.architecture;
    shape.layer_count = 2;
    shape.d_model = of.d_model;
    shape.d_state = of.d_state;
    shape.head_dim = of.head_dim;
    shape.group_count = of.groups;
    shape.vocab_size = policy_vocabulary;
    shape.weight_type = static_cast<int32_t>(type);
    shape.seed = 5;
    const auto model = std::const_pointer_cast<Model>(random_model(shape));
    for (Layer& layer : model->layers) {
        for (float& a : layer.a) a *= decay;
    }
    return model;
}

inline mamba_policy policy_of(mamba_policy_kind kind, int64_t window = 0) {
    mamba_policy policy{};
    policy.struct_size = sizeof(policy);
    policy.kind = kind;
    policy.window = window;
    return policy;
}

struct SetPolicy {
    std::string name;
    mamba_policy policy;
    std::vector<float> values;

    std::shared_ptr<const Policy> make(const Model& model) const { return Policy::make(policy, values.data(), values.size(), model); }
};

// One of each kind, with parameters that make a difference on slow_model().
inline std::vector<SetPolicy> all_policies(const Model& model) {
    const size_t layers = model.layers.size(), heads = static_cast<size_t>(head_or_block_count(model.config));
    const size_t steps = static_cast<size_t>(model.config.head_count > 0 ? model.config.head_count : model.config.d_inner);
    std::vector<SetPolicy> all;
    all.push_back({"restart-window", policy_of(MAMBA_POLICY_RESTART_WINDOW, 64), {}});
    all.push_back({"difference-window", policy_of(MAMBA_POLICY_DIFFERENCE_WINDOW, 64), {}});
    all.push_back({"forget-more", policy_of(MAMBA_POLICY_FORGET_MORE), {}});
    all.back().policy.retention = 0.98f;
    all.back().policy.insertion = 0.7f;
    all.push_back({"state-norm", policy_of(MAMBA_POLICY_STATE_NORM), {}});
    all.back().policy.norm_scale = 0.5f;
    for (size_t i = 0; i < layers * heads; ++i) all.back().values.push_back(0.2f + 0.1f * static_cast<float>(i % 3));
    all.push_back({"delta-scale", policy_of(MAMBA_POLICY_DELTA_SCALE), {}});
    for (size_t i = 0; i < layers; ++i) all.back().values.push_back(0.6f + 0.5f * static_cast<float>(i));
    all.push_back({"decay-scale", policy_of(MAMBA_POLICY_DECAY_SCALE), {}});
    for (size_t i = 0; i < layers; ++i) all.back().values.push_back(3.0f + static_cast<float>(i));
    all.push_back({"token-filter", policy_of(MAMBA_POLICY_TOKEN_FILTER, 150), {}});
    for (size_t i = 0; i < layers * steps; ++i) all.back().values.push_back(i % 3 == 0 ? 0.0f : 0.01f);
    for (SetPolicy& p : all) p.policy.layer_value_count = static_cast<int32_t>(p.values.size() / layers);
    return all;
}

inline SetPolicy policy_named(const Model& model, const std::string& name) {
    for (SetPolicy& p : all_policies(model)) {
        if (p.name == name) return std::move(p);
    }
    throw std::invalid_argument(name);
}

// One thread where nothing else is asked: several wait for each other at every token, which takes longest where other programs run too.
inline std::shared_ptr<Engine> policy_engine(const std::shared_ptr<const Model>& model, mamba_isa isa = MAMBA_ISA_AUTO, int threads = 1,
                                             int64_t rollback = 0, int64_t batch = 0) {
    EngineOptions options;
    options.isa = isa;
    options.threads = threads;
    options.rollback_tokens = rollback;
    options.max_batch_tokens = batch;
    return std::make_shared<Engine>(model, options);
}

inline std::shared_ptr<Session> session_under(const std::shared_ptr<Engine>& engine, const SetPolicy& policy) {
    const auto session = engine->create_session();
    engine->set_policy(*session, policy.make(engine->model()));
    return session;
}

inline std::vector<int32_t> policy_tokens(size_t count) {
    std::mt19937 random(11);
    std::vector<int32_t> tokens(count);
    for (int32_t& token : tokens) token = static_cast<int32_t>(random() % policy_vocabulary);
    return tokens;
}

// The tokens of the text that follow what the session has read, up to position `end`, in calls of at most `piece`; all their logits.
inline Logits read_to(const std::shared_ptr<Session>& session, const std::vector<int32_t>& text, int64_t end, int64_t piece = 1 << 20) {
    Engine& engine = *session->engine;
    const int64_t vocabulary = engine.model().config.padded_vocab_size;
    Logits all;
    while (session->state.token_count < end) {
        const int64_t begin = session->state.token_count, count = std::min(piece, end - begin);
        Logits logits(static_cast<size_t>(count * vocabulary));
        BatchOutput output;
        output.logits = logits.data();
        engine.evaluate({{session, text.data() + begin, count, count, 0, 0}}, output, nullptr);
        all.insert(all.end(), logits.begin(), logits.end());
    }
    return all;
}

inline std::vector<float> layer_state(const Session& session, size_t layer) {
    std::vector<float> values(static_cast<size_t>(session.engine->layout().layers[layer].ssm_floats));
    session.engine->copy_layer_state(session, static_cast<int64_t>(layer), values.data());
    return values;
}

// Largest difference over the largest expected magnitude.
template <typename A, typename B>
double relative_error(const A& actual, const B& expected) {
    EXPECT_EQ(actual.size(), expected.size());
    double difference = 0, magnitude = 1e-30;
    for (size_t i = 0; i < std::min(actual.size(), expected.size()); ++i) {
        if (!std::isfinite(static_cast<double>(actual[i]))) return INFINITY;
        difference = std::max(difference, std::fabs(static_cast<double>(actual[i]) - static_cast<double>(expected[i])));
        magnitude = std::max(magnitude, std::fabs(static_cast<double>(expected[i])));
    }
    return difference / magnitude;
}

// Instruction sets that this build and processor have; the scalar reference among them.
inline std::vector<mamba_isa> instruction_sets() {
    std::vector<mamba_isa> sets = {MAMBA_ISA_SCALAR};
    for (const mamba_isa isa : runs_slowly ? std::vector<mamba_isa>{best_isa()}
                                           : std::vector<mamba_isa>{MAMBA_ISA_AVX2, MAMBA_ISA_AVX512, MAMBA_ISA_AMX, MAMBA_ISA_NEON}) {
        try {
            select_kernels(isa);
            if (isa != MAMBA_ISA_SCALAR) sets.push_back(isa);
        } catch (const Error&) {
            // This processor or build has no such kernels: nothing to compare.
        }
    }
    return sets;
}

}  // namespace mamba::policies
