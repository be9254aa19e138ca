// An engine on the first CUDA device: the fixtures' golden outputs, and the CPU's results for every type of weights and shape of batch.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <tuple>

#include "device_testing.h"
#include "golden.h"
#include "state/snapshot.h"
#include "state/statistics.h"
#include "support/expect_error.h"

namespace mamba {
namespace {

// The root mean square of a - b, of b's standard deviation.
double relative(const std::vector<float>& a, const std::vector<float>& b) {
    EXPECT_EQ(a.size(), b.size());
    double squares = 0;
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) squares += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
    return std::sqrt(squares / static_cast<double>(b.size())) / deviation(b);
}

std::string without_dashes(std::string name) {
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

class DeviceFixture : public testing::TestWithParam<std::string> {
protected:
    DeviceFixture() : model(open_model(fixture(GetParam()))), golden(fixture(GetParam())), tokens(golden.tokens("input_ids")) {}
    std::shared_ptr<const Model> model;
    Golden golden;
    std::vector<int32_t> tokens;
};

TEST_P(DeviceFixture, LogitsAreTheGoldenOnesHoweverTheInputIsCut) {
    const std::vector<float> expected = golden.floats("logits"), brief = golden.floats("short_logits");
    for (const int64_t rows : {int64_t{64}, int64_t{512}}) {
        const auto engine = make_engine(model, MAMBA_DEVICE_CUDA, 0, rows);
        for (const std::vector<int64_t>& pieces : std::vector<std::vector<int64_t>>{{1000}, {1}, {64}, {7, 1, 30, 2, 64, 3}, {128, 5}, {16}, {17}}) {
            const std::vector<float> logits = feed_in_pieces(*engine, engine->create_session(), tokens, pieces);
            EXPECT_LE(worst(logits, expected), 1e-4) << "pieces of " << pieces[0] << "...";
        }
        EXPECT_LE(worst(feed(*engine, engine->create_session(), tokens.data(), 9, 9), brief), 1e-4);
    }
}

TEST_P(DeviceFixture, GreedyTokensAreTheGoldenOnes) {
    const std::vector<int32_t> prompt = golden.tokens("greedy_prompt"), expected = golden.tokens("greedy_tokens");
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA);
    const auto session = engine->create_session();
    std::vector<int32_t> chosen;
    const int32_t* input = prompt.data();
    auto count = static_cast<int64_t>(prompt.size());
    while (chosen.size() < expected.size()) {
        mamba_top_entry top{};
        BatchOutput output;
        output.top = &top;
        output.top_k = 1;
        engine->evaluate({{session, input, count, 1, 0, 0}}, output, nullptr);
        chosen.push_back(top.token);
        input = &chosen.back();
        count = 1;
    }
    EXPECT_EQ(chosen, expected);
}

TEST_P(DeviceFixture, SessionsTogetherAreAsEachAlone) {
    const int64_t v = model->config.padded_vocab_size;
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA);
    constexpr int sessions = 40;
    std::vector<std::shared_ptr<Session>> together, alone;
    std::vector<BatchItem> items;
    for (int i = 0; i < sessions; ++i) {
        together.push_back(engine->create_session());
        alone.push_back(engine->create_session());
        items.push_back({together.back(), tokens.data() + i, 1 + i * 7 % 23, 1, i, 0});
    }
    std::vector<float> logits(static_cast<size_t>(sessions * v));
    BatchOutput output;
    output.logits = logits.data();
    for (const size_t count : {size_t{40}, size_t{40}, size_t{1}, size_t{2}, size_t{3}, size_t{5}, size_t{9}, size_t{17}, size_t{40}}) {
        const std::vector<BatchItem> some(items.begin(), items.begin() + static_cast<int64_t>(count));
        engine->evaluate(some, output, nullptr);
        for (size_t i = 0; i < count; ++i) {
            const std::vector<float> row(logits.begin() + static_cast<int64_t>(i) * v, logits.begin() + static_cast<int64_t>(i + 1) * v);
            EXPECT_LE(worst(feed(*engine, alone[i], items[i].tokens, items[i].count, 1), row), 1e-4) << "session " << i << " of " << count;
            items[i].tokens += items[i].count;
            items[i].count = 1;
        }
    }
}

TEST_P(DeviceFixture, ManyShortInputsTogetherAreAsEachAlone) {
    const int64_t v = model->config.padded_vocab_size;
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA, 0, 128);
    constexpr int64_t sessions = 40;
    std::vector<std::shared_ptr<Session>> together;
    for (int64_t i = 0; i < sessions; ++i) together.push_back(engine->create_session());
    for (const int64_t count : {3, 2, 3}) {
        std::vector<BatchItem> items;
        for (int64_t i = 0; i < sessions; ++i) {
            items.push_back({together[static_cast<size_t>(i)], tokens.data() + i + together[static_cast<size_t>(i)]->state.token_count, count, 1, i, 0});
        }
        std::vector<float> logits(static_cast<size_t>(sessions * v));
        BatchOutput output;
        output.logits = logits.data();
        engine->evaluate(items, output, nullptr);
        for (int64_t i = 0; i < sessions; i += 13) {
            const int64_t read = together[static_cast<size_t>(i)]->state.token_count;
            const std::vector<float> row(logits.begin() + i * v, logits.begin() + (i + 1) * v);
            EXPECT_LE(worst(feed(*engine, engine->create_session(), tokens.data() + i, read, 1), row), 1e-4) << "session " << i << " at " << read;
        }
    }
}

TEST_P(DeviceFixture, ClonesGoOnWithTheSameBitsAndDoNotDisturbEachOther) {
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA);
    const auto session = engine->create_session();
    const std::vector<float> last = feed(*engine, session, tokens.data(), 77, 1);
    const auto clone = engine->clone_session(*session);
    EXPECT_EQ(feed(*engine, clone, nullptr, 0, 1), last);
    const std::vector<float> expected = feed(*engine, session, tokens.data() + 77, 30, 30);
    EXPECT_EQ(feed(*engine, clone, tokens.data() + 77, 30, 30), expected);
    EXPECT_EQ(session->state.token_hash, clone->state.token_hash);
    clone->state.reset();
    EXPECT_EQ(feed(*engine, clone, tokens.data(), 77, 1), last);
}

TEST_P(DeviceFixture, SessionsMoveBetweenDeviceAndProcessor) {
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA), host = make_engine(model, MAMBA_DEVICE_CPU);
    const auto move = [&](const std::shared_ptr<Session>& session, Engine& to) {
        std::vector<std::byte> bytes(snapshot_size(session->state));
        save_snapshot(session->state, model->fingerprint, bytes.data());
        State state = to.new_state();
        load_snapshot(bytes.data(), bytes.size(), model->fingerprint, state);
        return to.adopt_session(std::move(state));
    };
    const std::vector<float> expected = golden.floats("logits");
    const int64_t v = model->config.padded_vocab_size;
    auto session = engine->create_session();
    int64_t done = 0;
    Engine* at = engine.get();
    // Cuts at every phase of the convolution's window, inputs shorter than it, and an empty state.
    for (const int64_t count : {0, 1, 1, 1, 1, 2, 3, 30, 41, 1, 5}) {
        Engine* to = at == engine.get() ? host.get() : engine.get();
        session = move(session, *to);
        at = to;
        if (count == 0) continue;
        const std::vector<float> logits = feed(*at, session, tokens.data() + done, count, count);
        const std::vector<float> golden_rows(expected.begin() + done * v, expected.begin() + (done + count) * v);
        EXPECT_LE(worst(logits, golden_rows), 1e-4) << "tokens " << done << " + " << count;
        done += count;
        EXPECT_EQ(session->state.token_count, done);
    }
}

TEST_P(DeviceFixture, RollbackIsAsIfTheTokensHadNeverCome) {
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA, 20, 64);
    for (const int64_t undone : {1, 2, 13, 20}) {
        const auto session = engine->create_session(), never = engine->create_session();
        const auto append = [&](const std::shared_ptr<Session>& to, int64_t begin, int64_t end, int64_t piece) {
            for (int64_t t = begin; t < end; t += piece) feed(*engine, to, tokens.data() + t, std::min(piece, end - t), 0);
        };
        append(session, 0, 100, 100);
        append(session, 100, 150, 1);
        append(never, 0, 100, 100);
        append(never, 100, 150 - undone, 1);
        engine->rollback(*session, undone);
        EXPECT_EQ(session->state.token_hash, never->state.token_hash);
        EXPECT_LE(worst(feed(*engine, session, nullptr, 0, 1), feed(*engine, never, nullptr, 0, 1)), 1e-4) << undone;
        append(session, 150 - undone, 190, 1);
        append(never, 150 - undone, 190, 1);
        EXPECT_LE(worst(feed(*engine, session, nullptr, 0, 1), feed(*engine, never, nullptr, 0, 1)), 1e-4) << undone;
    }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, DeviceFixture,
                         testing::Values("mamba1", "mamba1-bias-untied", "mamba2", "mamba2-groups", "falcon-mamba", "ssm-mamba1", "ssm-mamba2"),
                         [](const auto& info) { return without_dashes(info.param); });

using Shape = std::tuple<mamba_architecture, int32_t, WeightType>;  // with d_model

// An engine whose steps of few sessions are one kernel (backends/cuda/mamba2_decode.h) wherever that fits, or many.
std::shared_ptr<Engine> make_engine_of_kernels(const std::shared_ptr<const Model>& model, bool one, int64_t rollback = 0) {
    setenv("MAMBA_CUDA_DECODE", one ? "1" : "0", 1);
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA, rollback);
    unsetenv("MAMBA_CUDA_DECODE");
    return engine;
}

class DeviceWeights : public testing::TestWithParam<Shape> {
protected:
    static constexpr int64_t vocabulary = 1500;

    DeviceWeights() {
        mamba_shape shape{};
        shape.struct_size = sizeof(shape);
        shape.architecture = std::get<0>(GetParam());
        shape.layer_count = 2;
        shape.d_model = std::get<1>(GetParam());
        shape.vocab_size = vocabulary;
        shape.weight_type = static_cast<int32_t>(std::get<2>(GetParam()));
        shape.seed = 5;
        model = random_model(shape);
        std::mt19937 random(6);
        tokens.resize(700);
        for (int32_t& token : tokens) token = static_cast<int32_t>(random() % vocabulary);
    }

    // How far a logit may be off, in standard deviations. Of many rows, F32 weights meet FP32, F16 weights rows that are rounded to FP16, and all
    // others activations that are BF16 everywhere: of a million logits the worst is then five times as far off as one is.
    static double most() {
        const WeightType type = std::get<2>(GetParam());
        return type == WeightType::f32 ? 1e-4 : type == WeightType::f16 ? 5e-3 : 6e-2;
    }

    std::shared_ptr<const Model> model;
    std::vector<int32_t> tokens;
};

TEST_P(DeviceWeights, LogitsAreThoseOfTheProcessor) {
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA);
    EngineOptions exact;
    exact.isa = MAMBA_ISA_AVX2;  // widens every weight exactly and rounds no activation
    const auto host = std::make_shared<Engine>(model, exact);
    const std::vector<float> expected = feed(*host, host->create_session(), tokens.data(), 700, 700);
    for (const std::vector<int64_t>& pieces : std::vector<std::vector<int64_t>>{{1000}, {1, 2, 3, 4, 5, 8, 9, 16, 17}, {100, 33, 1, 250}}) {
        const std::vector<float> logits = feed_in_pieces(*engine, engine->create_session(), tokens, pieces);
        EXPECT_LE(worst(logits, expected), most() * deviation(expected)) << "pieces of " << pieces[0] << "...";
        EXPECT_LE(relative(logits, expected), 2e-2) << "pieces of " << pieces[0] << "...";
    }
}

TEST_P(DeviceWeights, StepsOfFewSessionsAreTheSameInOneKernelAndInMany) {
    const auto one = make_engine_of_kernels(model, true), many = make_engine_of_kernels(model, false);
    const int64_t v = model->config.padded_vocab_size;
    constexpr int64_t most = 9;
    std::vector<std::shared_ptr<Session>> sessions[2];
    for (int64_t i = 0; i < most; ++i) {
        sessions[0].push_back(one->create_session());
        sessions[1].push_back(many->create_session());
    }
    const WeightType type = std::get<2>(GetParam());
    const double tolerance = type == WeightType::f32 || type == WeightType::f16 ? 1e-4 : 2e-2;
    int64_t step = 0;
    // Every number of sessions more than once, so that states, windows at each phase and what is left of the step before are met again.
    for (const int64_t count : {1, 1, 1, 1, 1, 2, 3, 4, 1, 5, 6, 7, 8, 9, 4, 3, 2, 1}) {
        std::vector<float> logits[2];
        for (int way = 0; way < 2; ++way) {
            std::vector<BatchItem> items;
            for (int64_t i = 0; i < count; ++i) {
                const int64_t at = (i + step) % most;  // each session comes to be each row
                items.push_back({sessions[way][static_cast<size_t>(at)], tokens.data() + step + 20 * at, 1, 1, i, 0});
            }
            logits[way].resize(static_cast<size_t>(count * v));
            BatchOutput output;
            output.logits = logits[way].data();
            (way == 0 ? *one : *many).evaluate(items, output, nullptr);
        }
        EXPECT_LE(relative(logits[0], logits[1]), tolerance) << "step " << step << " of " << count << " sessions";
        ++step;
    }
}

TEST_P(DeviceWeights, AStepOfTheSameStatesHasTheSameBits) {
    const auto engine = make_engine_of_kernels(model, true);
    const auto session = engine->create_session();
    feed(*engine, session, tokens.data(), 50, 1);
    const auto clone = engine->clone_session(*session);
    for (int64_t t = 50; t < 60; ++t) {
        ASSERT_EQ(feed(*engine, session, tokens.data() + t, 1, 1), feed(*engine, clone, tokens.data() + t, 1, 1)) << t;
    }
}

TEST_P(DeviceWeights, StepsOfManySessionsAreThoseOfTheProcessor) {
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA);
    EngineOptions exact;
    exact.isa = MAMBA_ISA_AVX2;
    const auto host = std::make_shared<Engine>(model, exact);
    constexpr int64_t steps = 20, longest = 19;
    const std::vector<float> expected = feed(*host, host->create_session(), tokens.data(), longest + steps, longest + steps);
    const int64_t v = model->config.padded_vocab_size;
    for (const int64_t count : {8, 9, 16, 17, 40, 64, 70}) {
        // Of every age, so that some steps of each bring the ring into the state and others do not.
        std::vector<std::shared_ptr<Session>> sessions;
        for (int64_t i = 0; i < count; ++i) {
            sessions.push_back(engine->create_session());
            feed(*engine, sessions.back(), tokens.data(), 1 + i % longest, 0);
        }
        std::vector<float> logits(static_cast<size_t>(count * v)), all, wanted;
        BatchOutput output;
        output.logits = logits.data();
        for (int64_t step = 0; step < steps; ++step) {
            std::vector<BatchItem> items;
            for (int64_t i = 0; i < count; ++i) {
                const int64_t at = 1 + i % longest + step;
                items.push_back({sessions[static_cast<size_t>(i)], tokens.data() + at, 1, 1, i, 0});
                wanted.insert(wanted.end(), expected.begin() + at * v, expected.begin() + (at + 1) * v);
            }
            engine->evaluate(items, output, nullptr);
            all.insert(all.end(), logits.begin(), logits.end());
        }
        EXPECT_LE(worst(all, wanted), most() * deviation(expected)) << count << " sessions";
        EXPECT_LE(relative(all, wanted), 2e-2) << count << " sessions";
    }
}

// What waits in the ring of recent inputs goes where the session goes.
TEST_P(DeviceWeights, CopiesInTheMiddleOfTheRingGoOnWithTheSameBits) {
    const auto engine = make_engine_of_kernels(model, true, 40);
    const int64_t v = model->config.padded_vocab_size;
    constexpr int64_t others = 11, begin = 22, steps = 30;
    const auto session = engine->create_session();
    for (int64_t t = 0; t < begin; ++t) feed(*engine, session, tokens.data() + t, 1, 0);
    EXPECT_EQ(session->state.pending, model->config.head_count > 0 ? begin % 16 : 0);

    std::vector<std::byte> bytes(snapshot_size(session->state));
    save_snapshot(session->state, model->fingerprint, bytes.data());
    State loaded = engine->new_state();
    load_snapshot(bytes.data(), bytes.size(), model->fingerprint, loaded);
    const auto clone = engine->clone_session(*session), moved = engine->adopt_session(std::move(loaded));
    const auto back = engine->clone_session(*session);
    for (int64_t t = begin; t < begin + 7; ++t) feed(*engine, back, tokens.data() + t, 1, 0);
    engine->rollback(*back, 7);

    std::vector<std::shared_ptr<Session>> all = {session, clone, moved, back};
    for (int64_t i = 0; i < others; ++i) all.push_back(engine->create_session());
    std::vector<float> logits(all.size() * static_cast<size_t>(v));
    BatchOutput output;
    output.logits = logits.data();
    for (int64_t t = begin; t < begin + steps; ++t) {
        std::vector<BatchItem> items;
        for (size_t i = 0; i < all.size(); ++i) items.push_back({all[i], tokens.data() + (i < 4 ? t : t + static_cast<int64_t>(i)), 1, 1, static_cast<int64_t>(i), 0});
        engine->evaluate(items, output, nullptr);
        const std::vector<float> first(logits.begin(), logits.begin() + v);
        for (int64_t i = 1; i < 3; ++i) {
            EXPECT_EQ(std::vector<float>(logits.begin() + i * v, logits.begin() + (i + 1) * v), first) << (i == 1 ? "clone" : "loaded") << " at " << t;
        }
        EXPECT_EQ(std::vector<float>(logits.begin() + 3 * v, logits.begin() + 4 * v), first) << "rolled back, at " << t;
    }
}

TEST_P(DeviceWeights, StatesAreThoseOfTheProcessorWithWhatWaitsBroughtIn) {
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA);
    EngineOptions exact;
    exact.isa = MAMBA_ISA_AVX2;
    const auto host = std::make_shared<Engine>(model, exact);
    const auto here = engine->create_session(), there = host->create_session();
    for (int64_t t = 0; t < 41; ++t) {
        feed(*engine, here, tokens.data() + t, 1, 0);
        feed(*host, there, tokens.data() + t, 1, 0);
    }
    const auto states = [&](Engine& of, const Session& session) {
        std::vector<float> out(static_cast<size_t>(model->config.d_inner * model->config.d_state));
        of.copy_layer_state(session, 1, out.data());
        return out;
    };
    const std::vector<float> expected = states(*host, *there), copied = states(*engine, *here);
    EXPECT_LE(relative(copied, expected), 2e-2);
    engine->fold(*here);
    EXPECT_EQ(here->state.pending, 0);
    EXPECT_LE(relative(states(*engine, *here), copied), 1e-5);
    // Measured from a copy.
    std::vector<mamba_head_statistics> heads(static_cast<size_t>(head_or_block_count(model->config))), theirs(heads.size());
    engine->measure(*here, 1, heads.data());
    host->measure(*there, 1, theirs.data());
    for (size_t h = 0; h < heads.size(); ++h) {
        EXPECT_NEAR(heads[h].norm, theirs[h].norm, 5e-2f * theirs[h].norm);
        EXPECT_TRUE(std::isnan(heads[h].retention));
    }
    const std::vector<float> next = feed(*engine, here, tokens.data() + 41, 1, 1);
    EXPECT_LE(relative(next, feed(*host, there, tokens.data() + 41, 1, 1)), 2e-2);
}

// Every kind of run once, and no more: what compute-sanitizer, which makes a kernel a hundred times slower, runs through in seconds (sanitize).
TEST_P(DeviceWeights, EachWayOnceIsThatOfTheProcessor) {
    EngineOptions exact;
    exact.isa = MAMBA_ISA_AVX2;
    const auto host = std::make_shared<Engine>(model, exact);
    constexpr int64_t prompt = 77, begin = prompt + 16, undone = 2;
    const std::vector<float> expected = feed(*host, host->create_session(), tokens.data(), begin + 8, begin + 8);
    const int64_t v = model->config.padded_vocab_size;
    for (const bool one : {false, true}) {
        const auto engine = make_engine_of_kernels(model, one, 4);
        const auto session = engine->create_session();
        // A prompt, a short one, and single steps up to the token behind the one that brings the ring into the state.
        std::vector<float> logits = feed(*engine, session, tokens.data(), prompt, prompt);
        int64_t at = prompt;
        for (const int64_t count : {13, 1, 1, 1}) {
            const std::vector<float> part = feed(*engine, session, tokens.data() + at, count, count);
            logits.insert(logits.end(), part.begin(), part.end());
            at += count;
        }
        feed(*engine, session, tokens.data(), undone, 0);
        engine->rollback(*session, undone);
        // Steps of few, of some and of many.
        std::vector<std::shared_ptr<Session>> sessions = {session};
        for (const int64_t count : {3, 9, 18}) {
            while (static_cast<int64_t>(sessions.size()) < count) sessions.push_back(engine->clone_session(*session));
            std::vector<float> rows(static_cast<size_t>(count * v));
            std::vector<BatchItem> items;
            for (int64_t i = 0; i < count; ++i) items.push_back({sessions[static_cast<size_t>(i)], tokens.data() + at, 1, 1, i, 0});
            BatchOutput output;
            output.logits = rows.data();
            engine->evaluate(items, output, nullptr);
            logits.insert(logits.end(), rows.end() - v, rows.end());
            ++at;
        }
        const std::vector<float> wanted(expected.begin(), expected.begin() + at * v);
        EXPECT_LE(worst(logits, wanted), most() * deviation(wanted)) << (one ? "one kernel" : "many");
        std::vector<float> state(static_cast<size_t>(model->config.d_inner * model->config.d_state));
        engine->copy_layer_state(*session, 1, state.data());
        engine->fold(*session);
        std::vector<std::byte> bytes(snapshot_size(session->state));
        save_snapshot(session->state, model->fingerprint, bytes.data());
        EXPECT_GT(deviation(state), 0);
    }
}

TEST_P(DeviceWeights, TopEntriesAreTheLargestLogitsWithinTheMask) {
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA);
    const int64_t v = model->config.padded_vocab_size;
    constexpr int64_t rows = 70;
    for (const int32_t k : {1, 40, 1000}) {
        std::vector<float> logits(static_cast<size_t>(rows * v));
        std::vector<mamba_top_entry> top(static_cast<size_t>(rows * k));
        std::vector<uint32_t> masks(static_cast<size_t>(rows * ((v + 31) / 32)));
        std::mt19937 random(9);
        for (uint32_t& word : masks) word = static_cast<uint32_t>(random());
        BatchOutput output;
        output.logits = logits.data();
        output.top = top.data();
        output.top_k = k;
        output.masks = masks.data();
        output.mask_words = static_cast<int32_t>((v + 31) / 32);
        engine->evaluate({{engine->create_session(), tokens.data(), rows, rows, 0, 0}}, output, nullptr);
        for (int64_t row = 0; row < rows; ++row) {
            std::vector<std::pair<float, int32_t>> allowed;
            for (int32_t id = 0; id < model->config.vocab_size; ++id) {
                if ((masks[static_cast<size_t>(row * output.mask_words + id / 32)] >> (id % 32) & 1u) == 0) continue;
                allowed.emplace_back(-logits[static_cast<size_t>(row * v + id)], id);
            }
            std::sort(allowed.begin(), allowed.end());
            for (int32_t i = 0; i < k; ++i) {
                const mamba_top_entry entry = top[static_cast<size_t>(row * k + i)];
                const bool there = i < static_cast<int32_t>(allowed.size());
                ASSERT_EQ(entry.token, there ? allowed[static_cast<size_t>(i)].second : -1) << row << ", " << i << " of " << k;
                ASSERT_EQ(entry.logit, there ? -allowed[static_cast<size_t>(i)].first : -INFINITY) << row << ", " << i << " of " << k;
            }
        }
    }
}

std::vector<Shape> shapes() {
    std::vector<Shape> all;
    for (const mamba_architecture architecture : {MAMBA_ARCH_MAMBA1, MAMBA_ARCH_MAMBA2}) {
        for (const WeightType type : all_weight_types) all.emplace_back(architecture, 256, type);
        all.emplace_back(architecture, 1024, WeightType::bf16);
        // Rows that end within what a warp reads at a time.
        for (const WeightType type : {WeightType::f32, WeightType::f16, WeightType::bf16, WeightType::q8_0}) {
            all.emplace_back(architecture, 352, type);
        }
    }
    // As many columns a warp as the kernel of a whole step takes, and an odd number of sixteens.
    for (const WeightType type : {WeightType::bf16, WeightType::q8_0}) {
        all.emplace_back(MAMBA_ARCH_MAMBA2, 2560, type);
        all.emplace_back(MAMBA_ARCH_MAMBA2, 768, type);
    }
    return all;
}

INSTANTIATE_TEST_SUITE_P(Shapes, DeviceWeights, testing::ValuesIn(shapes()), [](const auto& info) {
    return std::string(std::get<0>(info.param) == MAMBA_ARCH_MAMBA1 ? "mamba1_" : "mamba2_") + std::to_string(std::get<1>(info.param)) + "_" +
           without_dashes(name(std::get<2>(info.param)));
});

TEST(DeviceEngine, SaysWhatItIs) {
    const auto engine = make_engine(open_model(fixture("mamba2")), MAMBA_DEVICE_CUDA);
    EXPECT_EQ(engine->device_kind(), MAMBA_DEVICE_CUDA);
    EXPECT_EQ(engine->device_index(), 0);
    EXPECT_GT(engine->memory_bytes(), 0);
    EXPECT_GT(engine->measure_bandwidth(), 1e10);
}

TEST(DeviceEngine, MergesNoSessions) {
    const auto engine = make_engine(open_model(fixture("mamba2")), MAMBA_DEVICE_CUDA);
    const auto session = engine->create_session();
    test::expect_error(MAMBA_UNSUPPORTED, {"on the CPU"}, [&] { engine->merge_sessions({session}, MAMBA_MERGE_CYCLIC); });
}

TEST(DeviceEngine, LayersAreNotTraced) {
    const auto engine = make_engine(open_model(fixture("mamba2")), MAMBA_DEVICE_CUDA);
    const auto session = engine->create_session();
    const int32_t token = 1;
    std::vector<float> values(64);
    test::expect_error(MAMBA_UNSUPPORTED, {"on the CPU"}, [&] { engine->trace(session, &token, 1, 0, values.data()); });
    EXPECT_EQ(session->state.token_count, 0);
}

TEST(DeviceEngine, AModelThatDoesNotFitIsRefusedAndOthersGoOn) {
    const auto model = open_model(fixture("mamba2"));
    const auto engine = make_engine(model, MAMBA_DEVICE_CUDA);
    const std::vector<int32_t> tokens = Golden(fixture("mamba2")).tokens("input_ids");
    const auto session = engine->create_session();
    const std::vector<float> before = feed(*engine, session, tokens.data(), 10, 1);
    // Rows enough to need terabytes of working memory.
    test::expect_error(MAMBA_OUT_OF_MEMORY, {"memory"}, [&] {
        mamba_shape shape{};
        shape.struct_size = sizeof(shape);
        shape.architecture = MAMBA_ARCH_MAMBA2;
        shape.layer_count = 1;
        shape.d_model = 8192;
        shape.vocab_size = 32;
        shape.weight_type = MAMBA_WEIGHT_BF16;
        make_engine(random_model(shape), MAMBA_DEVICE_CUDA, 0, 1 << 20);
    });
    EXPECT_EQ(feed(*engine, session, nullptr, 0, 1), before);
}

}  // namespace
}  // namespace mamba
