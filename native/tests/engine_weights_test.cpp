// What the engine promises of its bits, with every type of weights: they reach the kernels in forms of their own (packed.h), and rows of
// single tokens in another form than the others.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <tuple>

#include "backends/cpu/kernels.h"
#include "base/error.h"
#include "engine/engine.h"
#include "kernels_testing.h"

namespace mamba::testing {
namespace {

class EngineWeights : public ::testing::TestWithParam<std::tuple<mamba_architecture, WeightType>> {
protected:
    static constexpr int64_t vocabulary = 300;

    EngineWeights() {
        shape.struct_size = sizeof(shape);
        shape.architecture = std::get<0>(GetParam());
        shape.layer_count = 2;
        shape.d_model = 256;  // a block of Q6_K
        shape.vocab_size = vocabulary;
        shape.weight_type = static_cast<int32_t>(std::get<1>(GetParam()));
        shape.seed = 5;
        model = random_model(shape);
        std::mt19937 random(6);
        tokens.resize(400);
        for (int32_t& token : tokens) token = static_cast<int32_t>(random() % vocabulary);
    }

    std::shared_ptr<Engine> engine(mamba_isa isa, int threads) const {
        EngineOptions options;
        options.isa = isa;
        options.threads = threads;
        return std::make_shared<Engine>(model, options);
    }

    // Logits of all tokens that each session gets, together: [sessions][tokens * vocabulary].
    static std::vector<std::vector<float>> feed(Engine& engine, const std::vector<std::shared_ptr<Session>>& sessions,
                                                const std::vector<std::vector<int32_t>>& inputs) {
        std::vector<BatchItem> items;
        int64_t rows = 0;
        for (size_t i = 0; i < inputs.size(); ++i) {
            const auto count = static_cast<int64_t>(inputs[i].size());
            items.push_back({sessions[i], inputs[i].data(), count, count, rows, 0});
            rows += count;
        }
        std::vector<float> logits(static_cast<size_t>(rows * engine.model().config.padded_vocab_size));
        BatchOutput output;
        output.logits = logits.data();
        engine.evaluate(items, output, nullptr);
        std::vector<std::vector<float>> results;
        auto from = logits.begin();
        for (const std::vector<int32_t>& input : inputs) {
            const auto to = from + static_cast<int64_t>(input.size()) * engine.model().config.padded_vocab_size;
            results.emplace_back(from, to);
            from = to;
        }
        return results;
    }

    static std::vector<float> feed_alone(Engine& engine, const std::vector<int32_t>& input) {
        return feed(engine, {engine.create_session()}, {input})[0];
    }

    // Q8_0 has an arithmetic of its own in each; the others are computed in FP32 where there are no matrix units.
    static std::vector<mamba_isa> isas() {
        if (std::get<1>(GetParam()) != WeightType::q8_0) return {MAMBA_ISA_AUTO};
        std::vector<mamba_isa> all;
        for (const Kernels* kernels : vector_tables()) all.push_back(kernels->isa);
        return all;
    }

    // Of logits, in units of their deviation.
    static double tolerance(const Kernels& kernels, WeightType type) {
        if (kernels.isa == MAMBA_ISA_AMX && type != WeightType::f32 && type != WeightType::f16) {
            return type == WeightType::q6_k || type == WeightType::q4_k ? 3e-2 : 2e-2;
        }
        return type == WeightType::q8_0 && has_q8_pairs(&kernels) ? 1e-3 : 5e-5;
    }

    std::vector<int32_t> input(size_t first, size_t count) const {
        return {tokens.begin() + static_cast<int64_t>(first), tokens.begin() + static_cast<int64_t>(first + count)};
    }

    mamba_shape shape{};
    std::shared_ptr<const Model> model;
    std::vector<int32_t> tokens;
};

TEST_P(EngineWeights, BitsDoNotDependOnTheRestOfTheBatch) {
    for (const mamba_isa isa : isas()) {
        SCOPED_TRACE(name(isa));
        const auto alone = engine(isa, 1);
        for (const int threads : runs_slowly ? std::vector<int>{5} : std::vector<int>{2, 5}) {
            const auto together = engine(isa, threads);
            // Single tokens and several; 65 and 130 also bring tokens that are alone on the chunk grid; 1, 1, 1 is a brief step.
            const std::vector<std::vector<size_t>> batches = {{3, 65, 1, 130, 17}, {1, 2}, {1, 1, 1}, {1, 1, 1, 1, 1}};
            for (const std::vector<size_t>& counts : batches) {
                std::vector<std::shared_ptr<Session>> sessions, others;
                std::vector<std::vector<int32_t>> first, second;
                for (size_t i = 0; i < counts.size(); ++i) {
                    sessions.push_back(together->create_session());
                    others.push_back(alone->create_session());
                    first.push_back(input(20 * i, counts[i]));
                    second.push_back(input(20 * i + counts[i], 1));
                }
                for (const auto& inputs : {first, second}) {
                    const auto logits = feed(*together, sessions, inputs);
                    for (size_t i = 0; i < counts.size(); ++i) {
                        const std::vector<float> expected = feed(*alone, {others[i]}, {inputs[i]})[0];
                        EXPECT_TRUE(logits[i] == expected) << threads << " threads, session " << i << " of " << counts.size();
                    }
                }
            }
        }
    }
}

TEST_P(EngineWeights, BitsDoNotDependOnCutsAtTheChunkGrid) {
    for (const mamba_isa isa : isas()) {
        SCOPED_TRACE(name(isa));
        const auto reference = engine(isa, 1), cut = engine(isa, 3);
        const std::vector<float> expected = feed_alone(*reference, input(0, 193));
        for (const std::vector<size_t>& borders : std::vector<std::vector<size_t>>{{0, 64, 193}, {0, 128, 192, 193}}) {
            const std::vector<std::shared_ptr<Session>> session = {cut->create_session()};
            std::vector<float> logits;
            for (size_t i = 0; i + 1 < borders.size(); ++i) {
                const std::vector<float> part = feed(*cut, session, {input(borders[i], borders[i + 1] - borders[i])})[0];
                logits.insert(logits.end(), part.begin(), part.end());
            }
            EXPECT_TRUE(logits == expected) << borders.size() - 1 << " parts";
        }
    }
}

TEST_P(EngineWeights, AreReadAlikeWhereTheEngineAloneHoldsThem) {
    EngineOptions options;
    options.threads = 2;
    const auto alone = std::make_shared<Engine>(random_model(shape), options);
    const auto together = engine(MAMBA_ISA_AUTO, 2);
    for (const size_t count : {1, 17, 66}) {
        EXPECT_TRUE(feed_alone(*alone, input(0, count)) == feed_alone(*together, input(0, count))) << count;
    }
}

TEST_P(EngineWeights, LogitsAreNearThoseOfTheScalarReference) {
    const auto [architecture, type] = GetParam();
    const std::vector<int32_t> some = input(0, 65);
    const std::vector<float> expected = feed_alone(*engine(MAMBA_ISA_SCALAR, 2), some);
    double squares = 0;
    for (const float v : expected) squares += static_cast<double>(v) * v;
    const double deviation = std::sqrt(squares / static_cast<double>(expected.size()));
    for (const Kernels* kernels : vector_tables()) {
        const std::vector<float> logits = feed_alone(*engine(kernels->isa, 2), some);
        double worst = 0;
        for (size_t i = 0; i < expected.size(); ++i) worst = std::max(worst, std::fabs(static_cast<double>(logits[i]) - expected[i]));
        EXPECT_LE(worst / deviation, tolerance(*kernels, type)) << name(kernels->isa);
    }
}

std::string case_name(const ::testing::TestParamInfo<EngineWeights::ParamType>& info) {
    return std::string(std::get<0>(info.param) == MAMBA_ARCH_MAMBA1 ? "mamba1_" : "mamba2_") + name(std::get<1>(info.param));
}

#if defined(MAMBA_SANITIZED) || !MAMBA_X64
// Slow: the forms that differ, once.
constexpr WeightType types[] = {WeightType::bf16, WeightType::q8_0};
#else
constexpr auto& types = all_weight_types;
#endif
INSTANTIATE_TEST_SUITE_P(All, EngineWeights,
                         ::testing::Combine(::testing::Values(MAMBA_ARCH_MAMBA1, MAMBA_ARCH_MAMBA2), ::testing::ValuesIn(types)),
                         case_name);

}  // namespace
}  // namespace mamba::testing
