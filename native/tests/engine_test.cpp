// The engine against the fixtures' golden outputs, in every instruction set that this processor has, and what it promises of
// its bits (docs/architecture.md).
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <thread>

#include "backends/cpu/kernels.h"
#include "golden.h"
#include "support/pace.h"

namespace mamba {
namespace {

const std::vector<std::string> distinct_fixtures = {"mamba1", "mamba1-bias-untied", "mamba2", "mamba2-groups", "falcon-mamba"};
// The weights of mamba1 and mamba2 again, in the original layout.
const std::vector<std::string> original_fixtures = {"ssm-mamba1", "ssm-mamba2"};

std::string directory(const std::string& fixture) { return std::string(MAMBA_FIXTURES) + "/" + fixture; }

std::vector<mamba_isa> instruction_sets() {
    std::vector<mamba_isa> sets = {MAMBA_ISA_SCALAR};
#if defined(__SANITIZE_THREAD__)
    // Threads share the work alike in all of them: the best is enough to see it.
    const auto others = {best_isa()};
#else
    const auto others = {MAMBA_ISA_AVX2, MAMBA_ISA_AVX512, MAMBA_ISA_AMX, MAMBA_ISA_NEON};
#endif
    for (const mamba_isa isa : others) {
        try {
            select_kernels(isa);
            sets.push_back(isa);
        } catch (const Error&) {
            // This processor or build has no such kernels: nothing to compare.
        }
    }
    return sets;
}

std::shared_ptr<Engine> make_engine(std::shared_ptr<const Model> model, mamba_isa isa, int threads = 2, int64_t rollback = 0,
                                    int64_t batch = 0) {
    EngineOptions options;
    options.isa = isa;
    options.threads = threads;
    options.rollback_tokens = rollback;
    options.max_batch_tokens = batch;
    return std::make_shared<Engine>(std::move(model), options);
}

// Feeds tokens to one session and returns the logits of the last `rows` of them.
std::vector<float> feed(Engine& engine, const std::shared_ptr<Session>& session, const int32_t* tokens, int64_t count, int64_t rows) {
    std::vector<float> logits(static_cast<size_t>(rows * engine.model().config.padded_vocab_size));
    BatchOutput output;
    output.logits = logits.data();
    engine.evaluate({{session, tokens, count, rows, 0, 0}}, output, nullptr);
    return logits;
}

// Cuts [0, total) at the given piece lengths, repeated.
std::vector<float> feed_in_pieces(Engine& engine, const std::shared_ptr<Session>& session, const std::vector<int32_t>& tokens,
                                  const std::vector<int64_t>& pieces) {
    std::vector<float> all;
    int64_t done = 0;
    for (size_t i = 0; done < static_cast<int64_t>(tokens.size()); ++i) {
        const int64_t count = std::min(pieces[i % pieces.size()], static_cast<int64_t>(tokens.size()) - done);
        const std::vector<float> part = feed(engine, session, tokens.data() + done, count, count);
        all.insert(all.end(), part.begin(), part.end());
        done += count;
    }
    return all;
}

double worst(const std::vector<float>& a, const std::vector<float>& b) {
    EXPECT_EQ(a.size(), b.size());
    double largest = 0;
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) largest = std::max(largest, std::fabs(static_cast<double>(a[i]) - b[i]));
    return largest;
}

int32_t best(const float* logits, int64_t count) { return static_cast<int32_t>(std::max_element(logits, logits + count) - logits); }

class Fixture : public ::testing::TestWithParam<std::string> {
protected:
    Fixture() : model(open_model(directory(GetParam()))), golden(directory(GetParam())), tokens(golden.tokens("input_ids")) {}
    std::shared_ptr<const Model> model;
    Golden golden;
    std::vector<int32_t> tokens;
};

TEST_P(Fixture, LogitsAreTheGoldenOnesHoweverTheInputIsCut) {
    const std::vector<float> expected = golden.floats("logits");
    for (const mamba_isa isa : instruction_sets()) {
        const auto engine = make_engine(model, isa);
        std::vector<std::vector<int64_t>> cuts = {{1000}, {7, 1, 30, 2, 64, 3}};
        if (!test::runs_slowly) cuts.insert(cuts.end(), {{1}, {64}, {128, 5}});
        for (const std::vector<int64_t>& pieces : cuts) {
            const std::vector<float> logits = feed_in_pieces(*engine, engine->create_session(), tokens, pieces);
            EXPECT_LE(worst(logits, expected), 1e-4) << name(isa) << ", pieces of " << pieces[0] << "...";
        }
        const std::vector<float> brief = golden.floats("short_logits");
        EXPECT_LE(worst(feed(*engine, engine->create_session(), tokens.data(), 9, 9), brief), 1e-4) << name(isa);
    }
}

TEST_P(Fixture, GreedyTokensAreTheGoldenOnes) {
    const std::vector<int32_t> prompt = golden.tokens("greedy_prompt"), expected = golden.tokens("greedy_tokens");
    for (const mamba_isa isa : instruction_sets()) {
        const auto engine = make_engine(model, isa);
        const auto session = engine->create_session();
        const int64_t v = model->config.padded_vocab_size;
        std::vector<float> logits = feed(*engine, session, prompt.data(), static_cast<int64_t>(prompt.size()), 1);
        std::vector<int32_t> chosen;
        while (chosen.size() < expected.size()) {
            chosen.push_back(best(logits.data(), v));
            logits = feed(*engine, session, &chosen.back(), 1, 1);
        }
        EXPECT_EQ(chosen, expected) << name(isa);
    }
}

class Promise : public Fixture {};

TEST_P(Promise, BitsDoNotDependOnCutsAtTheChunkGridThreadsOrSlices) {
    for (const mamba_isa isa : instruction_sets()) {
        const auto reference = make_engine(model, isa, 1);
        const std::vector<float> expected = feed_in_pieces(*reference, reference->create_session(), tokens, {1000});
        for (const int threads : test::runs_slowly ? std::vector<int>{3} : std::vector<int>{2, 5}) {
            const auto engine = make_engine(model, isa, threads, 0, 64);
            EXPECT_EQ(feed_in_pieces(*engine, engine->create_session(), tokens, {1000}), expected) << name(isa) << ", " << threads;
            EXPECT_EQ(feed_in_pieces(*engine, engine->create_session(), tokens, {64, 128}), expected) << name(isa) << ", " << threads;
        }
    }
}

TEST_P(Promise, BitsDoNotDependOnTheRestOfTheBatch) {
    const int64_t v = model->config.padded_vocab_size;
    for (const mamba_isa isa : instruction_sets()) {
        const auto engine = make_engine(model, isa);
        // Sessions of different lengths advance together: first their prompts, then token by token.
        constexpr int sessions = 5;
        const int64_t prompt[sessions] = {1, 17, 64, 90, 2};
        std::vector<std::shared_ptr<Session>> together, alone;
        std::vector<BatchItem> items;
        for (int i = 0; i < sessions; ++i) {
            together.push_back(engine->create_session());
            alone.push_back(engine->create_session());
            items.push_back({together.back(), tokens.data() + i, prompt[i], 1, i, 0});
        }
        std::vector<float> logits(static_cast<size_t>(sessions * v));
        BatchOutput output;
        output.logits = logits.data();
        for (int step = 0; step < 4; ++step) {
            engine->evaluate(items, output, nullptr);
            for (int i = 0; i < sessions; ++i) {
                const std::vector<float> row(logits.begin() + i * v, logits.begin() + (i + 1) * v);
                EXPECT_EQ(feed(*engine, alone[i], items[i].tokens, items[i].count, 1), row) << name(isa) << ", session " << i << ", step " << step;
                items[i].tokens += items[i].count;
                items[i].count = 1;
            }
        }
    }
}

TEST_P(Promise, ClonesAndSnapshotsGoOnWithTheSameBits) {
    for (const mamba_isa isa : instruction_sets()) {
        const auto engine = make_engine(model, isa);
        const auto session = engine->create_session();
        const std::vector<float> last = feed(*engine, session, tokens.data(), 77, 1);
        const auto clone = engine->clone_session(*session);
        State state = session->state.clone();
        const auto adopted = engine->adopt_session(std::move(state));
        // No tokens, one row: what the last token left.
        EXPECT_EQ(feed(*engine, clone, nullptr, 0, 1), last);
        EXPECT_EQ(feed(*engine, adopted, nullptr, 0, 1), last);
        const std::vector<float> expected = feed(*engine, session, tokens.data() + 77, 30, 30);
        EXPECT_EQ(feed(*engine, clone, tokens.data() + 77, 30, 30), expected) << name(isa);
        EXPECT_EQ(feed(*engine, adopted, tokens.data() + 77, 30, 30), expected) << name(isa);
        EXPECT_EQ(session->state.token_hash, clone->state.token_hash);
    }
}

TEST_P(Promise, RollbackIsAsIfTheTokensHadNeverCome) {
    for (const mamba_isa isa : instruction_sets()) {
        const auto engine = make_engine(model, isa, 2, 20, 64);
        for (const int64_t undone : test::runs_slowly ? std::vector<int64_t>{13} : std::vector<int64_t>{1, 2, 13, 20}) {
            const auto session = engine->create_session(), never = engine->create_session();
            const auto append = [&](const std::shared_ptr<Session>& to, int64_t begin, int64_t end, int64_t piece) {
                for (int64_t t = begin; t < end; t += piece) feed(*engine, to, tokens.data() + t, std::min(piece, end - t), 0);
            };
            append(session, 0, 100, 100);
            append(session, 100, 150, 1);
            append(never, 0, 100, 100);
            append(never, 100, 150 - undone, 1);
            engine->rollback(*session, undone);
            EXPECT_EQ(session->state.token_count, never->state.token_count);
            EXPECT_EQ(session->state.token_hash, never->state.token_hash);
            EXPECT_EQ(feed(*engine, session, nullptr, 0, 1), feed(*engine, never, nullptr, 0, 1)) << name(isa) << ", " << undone;
            append(session, 150 - undone, 190, 1);
            append(never, 150 - undone, 190, 1);
            EXPECT_EQ(feed(*engine, session, nullptr, 0, 1), feed(*engine, never, nullptr, 0, 1)) << name(isa) << ", " << undone;
        }
    }
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
    std::string name = info.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Fixture, ::testing::ValuesIn(distinct_fixtures), test_name);
INSTANTIATE_TEST_SUITE_P(Originals, Fixture, ::testing::ValuesIn(original_fixtures), test_name);
INSTANTIATE_TEST_SUITE_P(Fixtures, Promise, ::testing::ValuesIn(distinct_fixtures), test_name);

void expect_error(mamba_result code, const char* words, const std::function<void()>& action) {
    try {
        action();
        FAIL() << "was accepted; expected: " << words;
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << error.message();
        EXPECT_NE(error.message().find(words), std::string::npos) << error.message();
    }
}

TEST(Engine, RefusesBadBatchesAndMovesNothing) {
    const auto engine = make_engine(open_model(directory("mamba2")), MAMBA_ISA_AUTO);
    const auto session = engine->create_session(), other = engine->create_session();
    std::vector<float> logits(2048);
    BatchOutput output;
    output.logits = logits.data();
    const int32_t good[] = {1, 2, 3}, bad[] = {1, 512, 3}, negative[] = {-1};
    const auto evaluate = [&](const std::vector<BatchItem>& items) { engine->evaluate(items, output, nullptr); };
    expect_error(MAMBA_INVALID_ARGUMENT, "token 512 at position 1", [&] { evaluate({{other, good, 3, 0, 0, 0}, {session, bad, 3, 0, 0, 0}}); });
    expect_error(MAMBA_INVALID_ARGUMENT, "token -1", [&] { evaluate({{session, negative, 1, 0, 0, 0}}); });
    expect_error(MAMBA_INVALID_ARGUMENT, "twice", [&] { evaluate({{session, good, 3, 0, 0, 0}, {session, good, 3, 0, 0, 0}}); });
    expect_error(MAMBA_INVALID_ARGUMENT, "logits of 1 tokens", [&] { evaluate({{session, good, 0, 1, 0, 0}}); });
    expect_error(MAMBA_INVALID_ARGUMENT, "logits of 4 tokens", [&] { evaluate({{session, good, 3, 4, 0, 0}}); });
    const auto stranger = make_engine(open_model(directory("mamba2")), MAMBA_ISA_AUTO)->create_session();
    expect_error(MAMBA_INVALID_ARGUMENT, "another engine", [&] { evaluate({{stranger, good, 3, 0, 0, 0}}); });
    expect_error(MAMBA_NOT_FOUND, "no session", [&] { engine->find_session(stranger->id); });
    expect_error(MAMBA_NOT_ROLLBACKABLE, "0 can be", [&] { engine->rollback(*session, 1); });
    EXPECT_EQ(session->state.token_count, 0);
    EXPECT_EQ(other->state.token_count, 0);
}

TEST(Engine, RefusesBadOptions) {
    const auto model = open_model(directory("mamba2"));
    expect_error(MAMBA_INVALID_ARGUMENT, "thread_count", [&] { make_engine(model, MAMBA_ISA_AUTO, -1); });
    expect_error(MAMBA_INVALID_ARGUMENT, "max_batch_tokens", [&] { make_engine(model, MAMBA_ISA_AUTO, 1, 0, 63); });
    expect_error(MAMBA_INVALID_ARGUMENT, "rollback_tokens", [&] { make_engine(model, MAMBA_ISA_AUTO, 1, -1); });
    constexpr mamba_isa elsewhere = MAMBA_X64 ? MAMBA_ISA_NEON : MAMBA_ISA_AMX;
    expect_error(MAMBA_UNSUPPORTED, name(elsewhere), [&] { make_engine(model, elsewhere); });
}

TEST(Engine, ACancelledEvaluationLeavesEverySessionAsItWas) {
    const auto engine = make_engine(open_model(directory("mamba2")), MAMBA_ISA_AUTO, 2, 16, 64);
    const auto session = engine->create_session();
    // Far more than can be read before the cancelling thread has seen the first slice done.
    const std::vector<int32_t> start(70, 5), rest(4000000, 7);
    const std::vector<float> before = feed(*engine, session, start.data(), 70, 1);
    Cancellation cancellation;
    std::thread canceller([&] {
        while (engine->tokens_evaluated() <= 70) std::this_thread::yield();
        cancellation.requested = true;
    });
    expect_error(MAMBA_CANCELLED, "cancelled", [&] {
        engine->evaluate({{session, rest.data(), static_cast<int64_t>(rest.size()), 0, 0, 0}}, {}, &cancellation);
    });
    canceller.join();
    EXPECT_EQ(session->state.token_count, 70);
    EXPECT_EQ(feed(*engine, session, nullptr, 0, 1), before);
    EXPECT_EQ(session->history.available(session->state), 70);
}

TEST(Engine, CancelledAtACheckpointAShortInputLeavesTheSessionAsItWas) {
    // One slice would hold the input, but a checkpoint on the way cuts it in two.
    constexpr int64_t length = 1024;
    const auto engine = make_engine(open_model(directory("mamba2")), MAMBA_ISA_AUTO, 2, 16, length);
    const std::vector<int32_t> tokens(static_cast<size_t>(length), 7);
    std::vector<float> logits(static_cast<size_t>(length * engine->model().config.padded_vocab_size));
    BatchOutput output;
    output.logits = logits.data();
    bool cancelled = false;
    for (int attempt = 0; attempt < 200 && !cancelled; ++attempt) {  // until the wish arrives while the first part's logits are made
        const auto session = engine->create_session();
        const int64_t already = engine->tokens_evaluated();
        Cancellation cancellation;
        std::thread canceller([&] {
            while (engine->tokens_evaluated() == already) std::this_thread::yield();
            cancellation.requested = true;
        });
        try {
            engine->evaluate({{session, tokens.data(), length, length, 0, 0}}, output, &cancellation);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), MAMBA_CANCELLED) << error.message();
            cancelled = true;
        }
        canceller.join();
        EXPECT_EQ(session->state.token_count, cancelled ? 0 : length);
        if (cancelled) {
            EXPECT_EQ(session->history.available(session->state), 0);
        }
    }
    EXPECT_TRUE(cancelled);
}

TEST(Engine, ServesManyCallersOneAfterTheOther) {
    const auto model = open_model(directory("mamba2"));
    const auto engine = make_engine(model, MAMBA_ISA_AUTO);
    const std::vector<int32_t> tokens = Golden(directory("mamba2")).tokens("input_ids");
    const std::vector<float> expected = feed(*engine, engine->create_session(), tokens.data(), 150, 1);
    std::vector<std::vector<float>> results(4);
    std::vector<std::thread> callers;
    for (size_t i = 0; i < results.size(); ++i) {
        callers.emplace_back([&, i] {
            const auto session = engine->create_session();
            feed(*engine, session, tokens.data(), 64, 0);
            results[i] = feed(*engine, session, tokens.data() + 64, 86, 1);
        });
    }
    for (std::thread& caller : callers) caller.join();
    for (const auto& result : results) EXPECT_EQ(result, expected);
}

TEST(Engine, TopEntriesAreTheLargestLogitsWithinTheMask) {
    const auto model = open_model(directory("ssm-mamba2"));
    const auto engine = make_engine(model, MAMBA_ISA_AUTO);
    const std::vector<int32_t> tokens = Golden(directory("ssm-mamba2")).tokens("input_ids");
    const int64_t v = model->config.padded_vocab_size;
    std::vector<float> logits(static_cast<size_t>(40 * v));
    std::vector<mamba_top_entry> top(40 * 3);
    std::vector<uint32_t> masks(static_cast<size_t>(40 * ((v + 31) / 32)), 0xaaaaaaaau);  // odd ids
    BatchOutput output;
    output.logits = logits.data();
    output.top = top.data();
    output.top_k = 3;
    output.masks = masks.data();
    output.mask_words = static_cast<int32_t>((v + 31) / 32);
    engine->evaluate({{engine->create_session(), tokens.data(), 40, 40, 0, 0}}, output, nullptr);
    for (int64_t row = 0; row < 40; ++row) {
        std::vector<std::pair<float, int32_t>> allowed;
        for (int32_t id = 1; id < model->config.vocab_size; id += 2) allowed.emplace_back(-logits[static_cast<size_t>(row * v + id)], id);
        std::sort(allowed.begin(), allowed.end());
        for (int k = 0; k < 3; ++k) {
            EXPECT_EQ(top[static_cast<size_t>(row * 3 + k)].token, allowed[static_cast<size_t>(k)].second);
            EXPECT_EQ(top[static_cast<size_t>(row * 3 + k)].logit, -allowed[static_cast<size_t>(k)].first);
        }
    }
}

}  // namespace
}  // namespace mamba
