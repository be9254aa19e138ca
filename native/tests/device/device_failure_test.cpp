// What the core makes of a device's failures: a code and a sentence, and whatever else can go on goes on. On the fake device, which fails
// when it is told to.
#include <gtest/gtest.h>

#include <functional>

#include "backends/device.h"
#include "device_testing.h"
#include "fake_device/fake_device.h"
#include "golden.h"
#include "policy_testing.h"
#include "state/snapshot.h"
#include "support/expect_error.h"

namespace mamba {
namespace {

class DeviceFailure : public testing::Test {
protected:
    void SetUp() override {
        std::string reason;
        void* const library = platform::open_library(platform::environment("MAMBA_CUDA_PATH"), reason);
        if (library != nullptr) {
            fail_next = reinterpret_cast<fake::Fail>(platform::find_symbol(library, fake::fail_symbol));
            slots = reinterpret_cast<fake::Slots>(platform::find_symbol(library, fake::slots_symbol));
        }
        if (fail_next == nullptr) GTEST_SKIP() << "this device is a real one";
        model = open_model(fixture("mamba2"));
        tokens = Golden(fixture("mamba2")).tokens("input_ids");
        engine = make_engine(model, MAMBA_DEVICE_CUDA, 0, 64);
        other = engine->create_session();
        feed(*engine, other, tokens.data(), 10, 0);
        expected = feed(*engine, engine->clone_session(*other), tokens.data() + 10, 5, 5);
    }
    void TearDown() override {
        if (fail_next != nullptr) fail_next(nullptr, 0, 0);
    }

    // Of a session that has nothing to do with what failed.
    void expect_others_go_on() {
        EXPECT_EQ(feed(*engine, engine->clone_session(*other), tokens.data() + 10, 5, 5), expected);
    }

    fake::Fail fail_next = nullptr;
    fake::Slots slots = nullptr;
    std::shared_ptr<const Model> model;
    std::vector<int32_t> tokens;
    std::shared_ptr<Engine> engine;
    std::shared_ptr<Session> other;
    std::vector<float> expected;
};

TEST_F(DeviceFailure, WithoutADriverTheReasonIsSaid) {
    fail_next("device_count", 0, MAMBA_UNSUPPORTED);
    test::expect_error(MAMBA_UNSUPPORTED, {"cuda:0 cannot be used", "device_count"}, [&] { make_engine(model, MAMBA_DEVICE_CUDA); });
    const auto listed = [] {
        mamba_device_info info{};
        info.struct_size = sizeof(info);
        EXPECT_EQ(mamba_device_count(), 2);
        EXPECT_EQ(mamba_device_get(1, &info, nullptr), MAMBA_OK);
        EXPECT_EQ(info.kind, MAMBA_DEVICE_CUDA);
        return info;
    };
    const mamba_device_info missing = listed();
    EXPECT_EQ(missing.usable, 0);
    const std::string reason(reinterpret_cast<const char*>(missing.reason), static_cast<size_t>(missing.reason_length));
    EXPECT_NE(reason.find("device_count"), std::string::npos);
    expect_others_go_on();

    fail_next(nullptr, 0, 0);
    EXPECT_EQ(listed().usable, 1);
}

TEST_F(DeviceFailure, AModelThatDoesNotFitIsRefused) {
    fail_next("open", 1, MAMBA_OUT_OF_MEMORY);
    test::expect_error(MAMBA_OUT_OF_MEMORY, {"cuda:0", "open"}, [&] { make_engine(model, MAMBA_DEVICE_CUDA); });
    expect_others_go_on();
    EXPECT_NO_THROW(make_engine(model, MAMBA_DEVICE_CUDA));
}

TEST_F(DeviceFailure, WithoutMemoryForAnotherStateTheOthersGoOn) {
    const int32_t before = slots(0);
    fail_next("state_take", 1, MAMBA_OUT_OF_MEMORY);
    test::expect_error(MAMBA_OUT_OF_MEMORY, {"cuda:0"}, [&] { engine->create_session(); });
    fail_next("state_take", 1, MAMBA_OUT_OF_MEMORY);
    test::expect_error(MAMBA_OUT_OF_MEMORY, {"cuda:0"}, [&] { engine->clone_session(*other); });
    EXPECT_EQ(slots(0), before);
    expect_others_go_on();
}

TEST_F(DeviceFailure, AnEvaluationThatLacksMemoryMovesNoSession) {
    const auto twin = engine->clone_session(*other), restored = engine->clone_session(*other);
    const int32_t before = slots(0);
    // Of more than one slice, so that the states before are kept: of the second session there is no room for that.
    const std::vector<BatchItem> items{{twin, tokens.data() + 10, 100, 0, 0, 0}, {restored, tokens.data() + 10, 100, 0, 0, 0}};
    for (const char* function : {"state_take", "state_copy", "run"}) {
        fail_next(function, 2, MAMBA_OUT_OF_MEMORY);
        test::expect_error(MAMBA_OUT_OF_MEMORY, {"cuda:0", function}, [&] { engine->evaluate(items, {}, nullptr); });
        EXPECT_EQ(slots(0), before) << function;
        EXPECT_EQ(twin->state.token_count, 10) << function;
        EXPECT_EQ(feed(*engine, engine->clone_session(*twin), tokens.data() + 10, 5, 5), expected) << function;
        EXPECT_EQ(feed(*engine, engine->clone_session(*restored), tokens.data() + 10, 5, 5), expected) << function;
    }
    engine->evaluate(items, {}, nullptr);
    EXPECT_EQ(twin->state.token_count, 110);
}

// The only slice has run, and no state was kept: what the session holds is not what its history says.
TEST_F(DeviceFailure, AnEvaluationThatEndsHalfWayIsSaidFromThenOn) {
    for (const char* function : {"logits", "top"}) {
        const auto halved = make_engine(model, MAMBA_DEVICE_CUDA, 8);
        const auto session = halved->create_session();
        feed(*halved, session, tokens.data(), 10, 0);
        std::vector<float> logits(static_cast<size_t>(model->config.padded_vocab_size));
        std::vector<mamba_top_entry> top(3);
        BatchOutput output;
        output.logits = function == std::string("logits") ? logits.data() : nullptr;
        output.top = output.logits == nullptr ? top.data() : nullptr;
        output.top_k = 3;
        const std::vector<BatchItem> items{{session, tokens.data() + 10, 1, 1, 0, 0}};
        fail_next(function, 1, MAMBA_OUT_OF_MEMORY);
        test::expect_error(MAMBA_OUT_OF_MEMORY, {"cuda:0", function}, [&] { halved->evaluate(items, output, nullptr); });
        test::expect_error(MAMBA_DEVICE, {"cuda:0", "half-way", "load it again"}, [&] { halved->evaluate(items, output, nullptr); });
        test::expect_error(MAMBA_DEVICE, {"half-way"}, [&] { halved->rollback(*session, 2); });
        expect_others_go_on();
    }
}

TEST_F(DeviceFailure, MoreEntriesThanADeviceChoosesAreRefusedBeforeAnythingMoves) {
    mamba_shape shape{};
    shape.struct_size = sizeof(shape);
    shape.architecture = MAMBA_ARCH_MAMBA2;
    shape.layer_count = 1;
    shape.d_model = 64;
    shape.vocab_size = device::most_top + 100;
    const auto wide = make_engine(random_model(shape), MAMBA_DEVICE_CUDA);
    const auto session = wide->create_session();
    std::vector<mamba_top_entry> top(device::most_top + 1);
    BatchOutput output;
    output.top = top.data();
    output.top_k = device::most_top + 1;
    const int32_t token = 1;
    test::expect_error(MAMBA_UNSUPPORTED, {"1025", "1024"}, [&] { wide->evaluate({{session, &token, 1, 1, 0, 0}}, output, nullptr); });
    EXPECT_EQ(session->state.token_count, 0);
    output.top_k = device::most_top;
    EXPECT_NO_THROW(wide->evaluate({{session, &token, 1, 1, 0, 0}}, output, nullptr));
}

TEST_F(DeviceFailure, ACheckpointThatHasNoRoomMovesNoSession) {
    const auto undoing = make_engine(model, MAMBA_DEVICE_CUDA, 8, 64);
    const auto session = undoing->create_session();
    fail_next("state_take", 1, MAMBA_OUT_OF_MEMORY);
    test::expect_error(MAMBA_OUT_OF_MEMORY, {"cuda:0"}, [&] { feed(*undoing, session, tokens.data(), 10, 0); });
    EXPECT_EQ(session->state.token_count, 0);
    feed(*undoing, session, tokens.data(), 10, 0);
    EXPECT_EQ(feed(*undoing, session, tokens.data() + 10, 5, 5), expected);
    EXPECT_EQ(session->history.available(session->state), 15);
}

TEST_F(DeviceFailure, AStateAtRestFreesItsSlot) {
    const int32_t before = slots(0);
    engine->offload(*other, true);
    EXPECT_EQ(slots(0), before - 1);
    EXPECT_EQ(slots(1), 1);
    const auto another = engine->create_session();
    EXPECT_EQ(slots(0), before);
    feed(*engine, another, tokens.data(), 3, 0);
    expect_others_go_on();
    engine->offload(*other, false);
    EXPECT_EQ(slots(1), 0);
    expect_others_go_on();
}

TEST_F(DeviceFailure, WithoutRoomASessionStaysWhereItIs) {
    for (const char* function : {"state_take_host", "state_copy"}) {
        fail_next(function, 1, MAMBA_OUT_OF_MEMORY);
        test::expect_error(MAMBA_OUT_OF_MEMORY, {"cuda:0", function}, [&] { engine->offload(*other, true); });
        EXPECT_FALSE(other->state.offloaded());
        EXPECT_EQ(slots(1), 0);
        expect_others_go_on();
    }
    engine->offload(*other, true);
    for (const char* function : {"state_take", "state_copy"}) {
        fail_next(function, 1, MAMBA_OUT_OF_MEMORY);
        test::expect_error(MAMBA_OUT_OF_MEMORY, {"cuda:0", function}, [&] { feed(*engine, other, tokens.data() + 10, 5, 5); });
        EXPECT_TRUE(other->state.offloaded());
        EXPECT_EQ(other->state.token_count, 10);
    }
    expect_others_go_on();
    EXPECT_EQ(feed(*engine, other, tokens.data() + 10, 5, 5), expected);
}

// What is done to a session, in three steps: what comes before, what lacks memory, and the session that it ends with.
struct Operation {
    const char* name;
    std::function<void(Session&)> prepare;
    std::function<std::shared_ptr<Session>(const std::shared_ptr<Session>&)> act;
};

std::vector<std::byte> saved(const Session& session) {
    std::vector<std::byte> bytes(snapshot_size(session.state));
    save_snapshot(session.state, session.engine->model().fingerprint, bytes.data());
    return bytes;
}

void set_window(Session& session, int64_t window) {
    const Model& model = session.engine->model();
    session.engine->set_policy(session, Policy::make(policies::policy_of(MAMBA_POLICY_RESTART_WINDOW, window), nullptr, 0, model));
}

void stay(Session&) {}
void rest(Session& session) { session.engine->offload(session, true); }

std::shared_ptr<Session> load_again(const std::shared_ptr<Session>& session) {
    Engine& engine = *session->engine;
    const std::vector<std::byte> bytes = saved(*session);
    State state = engine.new_state();
    load_snapshot(bytes.data(), bytes.size(), engine.model().fingerprint, state, engine.layout().step_sums, &engine.model());
    return engine.adopt_session(std::move(state));
}

const Operation operations[] = {
    {"set_policy", stay, [](const auto& s) { return set_window(*s, 128), s; }},
    {"set_policy at rest", rest, [](const auto& s) { return set_window(*s, 128), s; }},
    {"clone", stay, [](const auto& s) { return s->engine->clone_session(*s); }},
    {"clone at rest", rest, [](const auto& s) { return s->engine->clone_session(*s); }},
    {"offload", stay, [](const auto& s) { return s->engine->offload(*s, true), s; }},
    {"bring_back", rest, [](const auto& s) { return s->engine->offload(*s, false), s; }},
    {"load", stay, load_again},
    {"rollback", stay, [](const auto& s) { return s->engine->rollback(*s, 5), s; }},
    {"rollback at rest", rest, [](const auto& s) { return s->engine->rollback(*s, 5), s; }},
    {"reset", stay, [](const auto& s) { return s->state.reset(), s->history = History(s->history.reach()), s; }},
    {"reset at rest", rest, [](const auto& s) { return s->state.reset(), s->history = History(s->history.reach()), s; }},
    {"assign at rest", rest, [](const auto& s) { return s->state.assign(s->engine->new_state()), s->history = History(s->history.reach()), s; }},
    {"first tokens under a policy", [](Session& s) { set_window(s, 128); },
     [](const auto& s) {
         const int32_t token = 1;
         return feed(*s->engine, s, &token, 1, 1), s;
     }},
};

// Under a window, tracked, and with checkpoints: all that a session can hold on a device.
TEST_F(DeviceFailure, WithoutMemoryASessionStaysWhatItIs) {
    const auto text = policies::policy_tokens(130);
    const auto windowed = make_engine(policies::slow_model(policies::policy_models[1]), MAMBA_DEVICE_CUDA, 8);
    const auto origin = windowed->create_session();
    set_window(*origin, 64);
    windowed->set_tracking(*origin, true);
    feed(*windowed, origin, text.data(), 90, 0);
    feed(*windowed, origin, text.data() + 90, 10, 0);
    int32_t refused = 0;
    for (const Operation& operation : operations) {
        const auto spared = windowed->clone_session(*origin);
        operation.prepare(*spared);
        const auto spared_end = operation.act(spared);
        const std::vector<std::byte> end = saved(*spared_end);
        const int64_t end_available = spared_end->history.available(spared_end->state);
        const std::vector<float> next = feed(*windowed, spared_end, text.data() + 100, 3, 3);
        for (const char* function : {"state_take", "state_take_host", "sums_take", "policy_take"}) {
            bool fails = true;
            for (int32_t call = 1; fails; ++call) {
                SCOPED_TRACE(testing::Message() << operation.name << ", " << function << " " << call);
                ASSERT_LT(call, 10);
                const auto session = windowed->clone_session(*origin);
                operation.prepare(*session);
                const std::vector<std::byte> before = saved(*session);
                const int64_t available = session->history.available(session->state);
                const int32_t in_use = slots(0) + slots(1);
                fail_next(function, call, MAMBA_OUT_OF_MEMORY);
                std::shared_ptr<Session> ended;
                try {
                    ended = operation.act(session);
                    fails = false;
                    fail_next(nullptr, 0, 0);
                } catch (const Error& error) {
                    ++refused;
                    EXPECT_EQ(error.code(), MAMBA_OUT_OF_MEMORY);
                    EXPECT_EQ(saved(*session), before);
                    EXPECT_EQ(session->history.available(session->state), available);
                    EXPECT_EQ(slots(0) + slots(1), in_use);
                    ended = operation.act(session);
                }
                EXPECT_EQ(saved(*ended), end);
                EXPECT_EQ(ended->history.available(ended->state), end_available);
                EXPECT_EQ(feed(*windowed, ended, text.data() + 100, 3, 3), next);
                windowed->rollback(*ended, 3);
                EXPECT_EQ(saved(*ended), end);
            }
        }
    }
    EXPECT_GE(refused, 20);
}

TEST_F(DeviceFailure, ADeviceThatStopsSaysSoFromThenOn) {
    const auto host = make_engine(model, MAMBA_DEVICE_CPU);
    const auto beside = make_engine(model, MAMBA_DEVICE_CUDA);
    const auto session = beside->create_session();
    fail_next("run", 1, MAMBA_DEVICE);
    const auto expect_lost = [](const auto& action) {
        test::expect_error(MAMBA_DEVICE, {"cuda:0", "what it held is lost", "new process"}, action);
    };
    expect_lost([&] { feed(*engine, other, tokens.data() + 10, 5, 5); });
    expect_lost([&] { feed(*engine, other, tokens.data() + 10, 5, 5); });
    expect_lost([&] { feed(*engine, other, nullptr, 0, 1); });
    expect_lost([&] { engine->create_session(); });
    expect_lost([&] { engine->clone_session(*other); });
    expect_lost([&] { engine->offload(*other, true); });
    expect_lost([&] { other->state.reset(); });
    expect_lost([&] {
        std::vector<std::byte> bytes(snapshot_size(other->state));
        save_snapshot(other->state, model->fingerprint, bytes.data());
    });
    expect_lost([&] { feed(*beside, session, tokens.data(), 5, 5); });
    const auto elsewhere = host->create_session();
    feed(*host, elsewhere, tokens.data(), 10, 0);
    EXPECT_LE(worst(feed(*host, elsewhere, tokens.data() + 10, 5, 5), expected), 1e-4);
}

TEST_F(DeviceFailure, TheWeightsAreTheDevicesAlone) {
    mamba_shape shape{};
    shape.struct_size = sizeof(shape);
    shape.architecture = MAMBA_ARCH_MAMBA2;
    shape.layer_count = 1;
    shape.d_model = 128;
    shape.vocab_size = 40;
    const auto held = random_model(shape);
    const auto first = make_engine(held, MAMBA_DEVICE_CUDA);
    EXPECT_FALSE(held->storage[0].empty()) << "somebody else holds it";
    const std::vector<int32_t> input{1, 2, 3};
    const std::vector<float> all = feed(*first, first->create_session(), input.data(), 3, 3);
    const auto alone = make_engine(random_model(shape), MAMBA_DEVICE_CUDA);
    for (const Buffer<std::byte>& matrix : alone->model().storage) EXPECT_TRUE(matrix.empty());
    EXPECT_EQ(feed(*alone, alone->create_session(), input.data(), 3, 3), all);
}

}  // namespace
}  // namespace mamba
