// The C ABI as a caller sees it: handles, sizes, status, and that nothing a caller passes ends the process.
#include "mamba/c_api.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

template <typename T>
T sized() {
    T value{};
    value.struct_size = sizeof(T);
    return value;
}

struct Status : mamba_status {
    Status() : mamba_status(sized<mamba_status>()) {}
    std::string text() const { return {reinterpret_cast<const char*>(message), static_cast<size_t>(message_length)}; }
};

mamba_model* open(const std::string& path, Status& status) {
    return mamba_model_open(reinterpret_cast<const uint8_t*>(path.data()), path.size(), &status);
}

std::string fixture(const char* name) { return std::string(MAMBA_FIXTURES) + "/" + name; }

void expect(const Status& status, mamba_result code, const char* words) {
    EXPECT_EQ(status.code, code) << status.text();
    EXPECT_NE(status.text().find(words), std::string::npos) << status.text();
}

class CApi : public testing::Test {
protected:
    void SetUp() override {
        model = open(fixture("mamba2"), status);
        ASSERT_NE(model, nullptr) << status.text();
        auto options = sized<mamba_engine_options>();
        options.thread_count = 2;
        options.rollback_tokens = 8;
        engine = mamba_engine_new(model, &options, &status);
        ASSERT_NE(engine, nullptr) << status.text();
        session = mamba_session_new(engine, &status);
        ASSERT_NE(session, nullptr) << status.text();
    }
    void TearDown() override {
        // Parents first: children keep what they need.
        mamba_model_free(model);
        mamba_engine_free(engine);
        mamba_session_free(session);
    }

    // Appends tokens to the session; logits of the last `rows`.
    int32_t append(const std::vector<int32_t>& tokens, int32_t rows) {
        auto batch = sized<mamba_batch>();
        batch.item_count = 1;
        batch.item_size = sizeof(mamba_batch_item);
        batch.token_count = static_cast<int64_t>(tokens.size());
        logits.assign(static_cast<size_t>(rows) * 512, 0);
        batch.logits_capacity = static_cast<int64_t>(logits.size());
        mamba_batch_item item{mamba_session_id(session), 0, static_cast<int32_t>(tokens.size()), rows, 0, 0};
        return mamba_engine_evaluate(engine, &batch, &item, tokens.data(), nullptr, logits.data(), nullptr, nullptr, &status);
    }
    mamba_session_info info() {
        auto info = sized<mamba_session_info>();
        EXPECT_EQ(mamba_session_get_info(session, &info, &status), MAMBA_OK);
        return info;
    }

    Status status;
    mamba_model* model = nullptr;
    mamba_engine* engine = nullptr;
    mamba_session* session = nullptr;
    std::vector<float> logits;
};

TEST_F(CApi, DescribesTheModel) {
    auto info = sized<mamba_model_info>();
    ASSERT_EQ(mamba_model_get_info(model, &info, &status), MAMBA_OK);
    EXPECT_EQ(info.architecture, MAMBA_ARCH_MAMBA2);
    EXPECT_EQ(info.d_model, 64);
    EXPECT_EQ(info.padded_vocab_size, 512);
    EXPECT_EQ(info.state_growth_bytes, 0);
    EXPECT_GT(info.parameter_count, 0);
    EXPECT_GT(info.state_bytes, 0);
}

TEST_F(CApi, WritesNoFurtherThanTheCallersStruct) {
    auto info = sized<mamba_model_info>();
    info.struct_size = offsetof(mamba_model_info, d_model);  // a caller who knows only the first fields
    info.d_model = -7;
    ASSERT_EQ(mamba_model_get_info(model, &info, &status), MAMBA_OK);
    EXPECT_EQ(info.layer_count, 3);
    EXPECT_EQ(info.d_model, -7);
    EXPECT_EQ(info.struct_size, offsetof(mamba_model_info, d_model));
    info.struct_size = 0;
    EXPECT_EQ(mamba_model_get_info(model, &info, &status), MAMBA_INVALID_ARGUMENT);
    expect(status, MAMBA_INVALID_ARGUMENT, "struct_size");
}

TEST_F(CApi, CutsAMessageThatDoesNotFit) {
    Status brief;
    brief.struct_size = offsetof(mamba_status, message) + 10;
    EXPECT_EQ(open("/nowhere/at/all", brief), nullptr);
    EXPECT_EQ(brief.code, MAMBA_NOT_FOUND);
    EXPECT_LE(brief.message_length, 10);
    EXPECT_EQ(brief.message[10], 0);
    EXPECT_EQ(mamba_model_open(nullptr, 0, nullptr), nullptr);  // no status wanted
}

TEST_F(CApi, RefusesNullAndAbsurdArguments) {
    auto batch = sized<mamba_batch>();
    batch.item_count = 1;
    batch.item_size = sizeof(mamba_batch_item);
    batch.token_count = 2;
    std::vector<int32_t> tokens = {1, 2};
    mamba_batch_item item{mamba_session_id(session), 0, 2, 0, 0, 0};
    const auto evaluate = [&](const mamba_batch* b, const mamba_batch_item* i, const int32_t* t) {
        return mamba_engine_evaluate(engine, b, i, t, nullptr, nullptr, nullptr, nullptr, &status);
    };
    EXPECT_EQ(evaluate(nullptr, &item, tokens.data()), MAMBA_INVALID_ARGUMENT);
    EXPECT_EQ(evaluate(&batch, nullptr, tokens.data()), MAMBA_INVALID_ARGUMENT);
    EXPECT_EQ(evaluate(&batch, &item, nullptr), MAMBA_INVALID_ARGUMENT);
    expect(status, MAMBA_INVALID_ARGUMENT, "tokens is NULL");
    EXPECT_EQ(mamba_engine_evaluate(nullptr, &batch, &item, tokens.data(), nullptr, nullptr, nullptr, nullptr, &status), MAMBA_INVALID_ARGUMENT);

    for (const int64_t offset : {int64_t{1}, int64_t{-1}, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}) {
        item.token_offset = offset;
        EXPECT_EQ(evaluate(&batch, &item, tokens.data()), MAMBA_INVALID_ARGUMENT) << offset;
    }
    item.token_offset = 0;
    for (const int32_t count : {3, -1, std::numeric_limits<int32_t>::max(), std::numeric_limits<int32_t>::min()}) {
        item.token_count = count;
        EXPECT_EQ(evaluate(&batch, &item, tokens.data()), MAMBA_INVALID_ARGUMENT) << count;
    }
    item.token_count = 2;
    item.logits_count = 1;
    logits.assign(512, 0);
    batch.logits_capacity = 512;
    item.logits_offset = std::numeric_limits<int64_t>::max();
    EXPECT_EQ(mamba_engine_evaluate(engine, &batch, &item, tokens.data(), nullptr, logits.data(), nullptr, nullptr, &status), MAMBA_INVALID_ARGUMENT);
    expect(status, MAMBA_INVALID_ARGUMENT, "rows of logits");
    item.logits_offset = 0;
    batch.logits_capacity = 511;
    EXPECT_EQ(mamba_engine_evaluate(engine, &batch, &item, tokens.data(), nullptr, logits.data(), nullptr, nullptr, &status), MAMBA_INVALID_ARGUMENT);
    batch.logits_capacity = 0;
    item.logits_count = 0;
    batch.item_size = 4;
    EXPECT_EQ(evaluate(&batch, &item, tokens.data()), MAMBA_INVALID_ARGUMENT);
    expect(status, MAMBA_INVALID_ARGUMENT, "item_size");
    batch.item_size = sizeof(mamba_batch_item);
    item.session = 999999;
    EXPECT_EQ(evaluate(&batch, &item, tokens.data()), MAMBA_NOT_FOUND);
    EXPECT_EQ(info().token_count, 0);
}

TEST_F(CApi, RefusesAPathThatTheSystemWouldCut) {
    EXPECT_EQ(open(fixture("mamba2") + std::string(1, '\0') + "x", status), nullptr);
    expect(status, MAMBA_INVALID_ARGUMENT, "zero byte");
}

TEST_F(CApi, RefusesWhatThisVersionCannotDo) {
    auto options = sized<mamba_engine_options>();
    options.device_kind = MAMBA_DEVICE_CUDA;
    EXPECT_EQ(mamba_engine_new(model, &options, &status), nullptr);
    expect(status, MAMBA_UNSUPPORTED, "cuda:0");
    options = sized<mamba_engine_options>();
    options.isa = 77;
    EXPECT_EQ(mamba_engine_new(model, &options, &status), nullptr);
    expect(status, MAMBA_INVALID_ARGUMENT, "isa 77");
}

TEST_F(CApi, SetsKeepsAndDropsALongContextPolicy) {
    const int64_t bytes = info().state_bytes;
    size_t count = 99;
    auto policy = sized<mamba_policy>(), read = sized<mamba_policy>();
    policy.kind = MAMBA_POLICY_RESTART_WINDOW;
    EXPECT_EQ(mamba_session_set_policy(session, &policy, nullptr, 0, &status), MAMBA_INVALID_ARGUMENT);
    expect(status, MAMBA_INVALID_ARGUMENT, "multiple of 64");
    policy.window = 128;
    ASSERT_EQ(mamba_session_set_policy(session, &policy, nullptr, 0, &status), MAMBA_OK) << status.text();
    EXPECT_GT(info().state_bytes, bytes);
    ASSERT_EQ(mamba_session_get_policy(session, &read, &status), MAMBA_OK);
    EXPECT_EQ(read.kind, MAMBA_POLICY_RESTART_WINDOW);
    EXPECT_EQ(read.window, 128);
    ASSERT_EQ(mamba_session_get_policy_values(session, nullptr, 0, &count, &status), MAMBA_OK);
    EXPECT_EQ(count, 0u);
    mamba_session* const clone = mamba_session_clone(session, &status);
    ASSERT_EQ(mamba_session_get_policy(clone, &read, &status), MAMBA_OK);
    EXPECT_EQ(read.window, 128);
    mamba_session_free(clone);

    auto facts = sized<mamba_model_info>();
    ASSERT_EQ(mamba_model_get_info(model, &facts, &status), MAMBA_OK);
    std::vector<float> scales(static_cast<size_t>(facts.layer_count), 0.5f), copy(scales.size());
    policy.kind = MAMBA_POLICY_DELTA_SCALE;
    policy.layer_value_count = 1;
    EXPECT_EQ(mamba_session_set_policy(session, &policy, scales.data(), scales.size() - 1, &status), MAMBA_INVALID_ARGUMENT);
    expect(status, MAMBA_INVALID_ARGUMENT, "layer values in all");
    ASSERT_EQ(mamba_session_get_policy(session, &read, &status), MAMBA_OK);
    EXPECT_EQ(read.kind, MAMBA_POLICY_RESTART_WINDOW) << "what is refused changes nothing";
    ASSERT_EQ(mamba_session_set_policy(session, &policy, scales.data(), scales.size(), &status), MAMBA_OK) << status.text();
    EXPECT_EQ(info().state_bytes, bytes);
    EXPECT_EQ(mamba_session_get_policy_values(session, copy.data(), copy.size() - 1, &count, &status), MAMBA_BUFFER_TOO_SMALL);
    ASSERT_EQ(mamba_session_get_policy_values(session, copy.data(), copy.size(), &count, &status), MAMBA_OK);
    EXPECT_EQ(count, scales.size());
    EXPECT_EQ(copy, scales);

    ASSERT_EQ(append({5, 6, 7}, 1), MAMBA_OK);
    std::vector<uint8_t> saved(static_cast<size_t>(mamba_session_saved_size(session)));
    ASSERT_EQ(mamba_session_save(session, saved.data(), saved.size(), &count, &status), MAMBA_OK) << status.text();
    mamba_session* const loaded = mamba_session_load(engine, saved.data(), saved.size(), &status);
    ASSERT_NE(loaded, nullptr) << status.text();
    ASSERT_EQ(mamba_session_get_policy(loaded, &read, &status), MAMBA_OK);
    EXPECT_EQ(read.kind, MAMBA_POLICY_DELTA_SCALE);
    mamba_session_free(loaded);

    policy = sized<mamba_policy>();
    ASSERT_EQ(mamba_session_set_policy(session, &policy, nullptr, 0, &status), MAMBA_OK);
    ASSERT_EQ(mamba_session_get_policy(session, &read, &status), MAMBA_OK);
    EXPECT_EQ(read.kind, MAMBA_POLICY_NONE);
}

TEST_F(CApi, SavesAndLoads) {
    ASSERT_EQ(append({5, 6, 7, 8, 9}, 1), MAMBA_OK) << status.text();
    const std::vector<float> before = logits;
    std::vector<uint8_t> saved(static_cast<size_t>(mamba_session_saved_size(session)));
    size_t length = 0;
    EXPECT_EQ(mamba_session_save(session, saved.data(), saved.size() - 1, &length, &status), MAMBA_BUFFER_TOO_SMALL);
    EXPECT_EQ(length, saved.size());
    ASSERT_EQ(mamba_session_save(session, saved.data(), saved.size(), &length, &status), MAMBA_OK) << status.text();

    mamba_session* loaded = mamba_session_load(engine, saved.data(), length, &status);
    ASSERT_NE(loaded, nullptr) << status.text();
    EXPECT_NE(mamba_session_id(loaded), mamba_session_id(session));
    std::swap(session, loaded);
    EXPECT_EQ(info().token_count, 5);
    ASSERT_EQ(append({}, 1), MAMBA_OK) << status.text();
    EXPECT_EQ(logits, before);
    std::swap(session, loaded);
    mamba_session_free(loaded);

    Status other;
    mamba_model* stranger = open(fixture("mamba2-groups"), other);
    ASSERT_NE(stranger, nullptr) << other.text();
    const auto options = sized<mamba_engine_options>();
    mamba_engine* elsewhere = mamba_engine_new(stranger, &options, &other);
    EXPECT_EQ(mamba_session_load(elsewhere, saved.data(), length, &other), nullptr);
    expect(other, MAMBA_MISMATCH, "another model");
    mamba_engine_free(elsewhere);
    mamba_model_free(stranger);
}

TEST_F(CApi, RollsBackAndResets) {
    ASSERT_EQ(append({1, 2, 3}, 1), MAMBA_OK);
    const std::vector<float> at_three = logits;
    const uint64_t hash = info().token_hash;
    for (const int32_t token : {4, 5, 6, 7}) ASSERT_EQ(append({token}, 0), MAMBA_OK);
    EXPECT_GE(info().rollback_available, 4);
    ASSERT_EQ(mamba_session_rollback(session, 4, &status), MAMBA_OK) << status.text();
    EXPECT_EQ(info().token_count, 3);
    EXPECT_EQ(info().token_hash, hash);
    ASSERT_EQ(append({}, 1), MAMBA_OK);
    EXPECT_EQ(logits, at_three);
    EXPECT_EQ(mamba_session_rollback(session, 100, &status), MAMBA_NOT_ROLLBACKABLE);
    expect(status, MAMBA_NOT_ROLLBACKABLE, "rollback_tokens");
    EXPECT_EQ(info().token_count, 3);
    ASSERT_EQ(mamba_session_reset(session, &status), MAMBA_OK);
    EXPECT_EQ(info().token_count, 0);
    ASSERT_EQ(append({1, 2, 3}, 1), MAMBA_OK);
    EXPECT_EQ(logits, at_three);
}

TEST_F(CApi, ASessionSaysHowManyTokensItCanUndo) {
    const std::vector<int32_t> tokens(12, 3);
    ASSERT_EQ(mamba_session_set_rollback_tokens(session, 0, &status), MAMBA_OK) << status.text();
    ASSERT_EQ(append(tokens, 1), MAMBA_OK);
    EXPECT_EQ(info().rollback_available, 0);
    const std::vector<float> without = logits;
    mamba_session* clone = mamba_session_clone(session, &status);
    ASSERT_NE(clone, nullptr) << status.text();
    std::swap(session, clone);
    ASSERT_EQ(append(tokens, 0), MAMBA_OK);
    EXPECT_EQ(info().rollback_available, 0);  // inherited
    std::swap(session, clone);
    mamba_session_free(clone);

    ASSERT_EQ(mamba_session_reset(session, &status), MAMBA_OK);
    ASSERT_EQ(mamba_session_set_rollback_tokens(session, 12, &status), MAMBA_OK) << status.text();
    ASSERT_EQ(append(tokens, 1), MAMBA_OK);
    EXPECT_EQ(logits, without);
    EXPECT_EQ(info().rollback_available, 12);

    for (const int64_t absurd : {int64_t{-1}, (int64_t{1} << 20) + 1, std::numeric_limits<int64_t>::max()}) {
        EXPECT_EQ(mamba_session_set_rollback_tokens(session, absurd, &status), MAMBA_INVALID_ARGUMENT);
        expect(status, MAMBA_INVALID_ARGUMENT, "rollback_tokens");
    }
    EXPECT_EQ(info().rollback_available, 12);
    EXPECT_EQ(mamba_session_set_rollback_tokens(nullptr, 0, &status), MAMBA_INVALID_ARGUMENT);
}

TEST_F(CApi, AWishToStopIsNotLost) {
    mamba_cancellation* cancellation = mamba_cancellation_new(&status);
    mamba_cancellation_request(cancellation);  // before the evaluation
    auto batch = sized<mamba_batch>();
    batch.item_count = 1;
    batch.item_size = sizeof(mamba_batch_item);
    batch.token_count = 1;
    const int32_t token = 1;
    const mamba_batch_item item{mamba_session_id(session), 0, 1, 0, 0, 0};
    EXPECT_EQ(mamba_engine_evaluate(engine, &batch, &item, &token, nullptr, nullptr, nullptr, cancellation, &status), MAMBA_CANCELLED);
    EXPECT_EQ(info().token_count, 0);
    mamba_cancellation_free(cancellation);
}

TEST_F(CApi, CopiesALayersState) {
    ASSERT_EQ(append({1, 2, 3}, 0), MAMBA_OK);
    size_t length = 0;
    ASSERT_EQ(mamba_session_copy_layer_state(session, 0, nullptr, 0, &length, &status), MAMBA_OK);
    std::vector<float> values(length);
    ASSERT_EQ(mamba_session_copy_layer_state(session, 0, values.data(), values.size(), &length, &status), MAMBA_OK);
    EXPECT_TRUE(std::any_of(values.begin(), values.end(), [](float v) { return v != 0; }));
    EXPECT_EQ(mamba_session_copy_layer_state(session, 3, values.data(), values.size(), &length, &status), MAMBA_NOT_FOUND);
    expect(status, MAMBA_NOT_FOUND, "layer 3");
}

TEST_F(CApi, SessionsAreMerged) {
    ASSERT_EQ(mamba_session_set_tracking(session, 1, &status), MAMBA_OK);
    mamba_session* const other = mamba_session_clone(session, &status);
    ASSERT_EQ(append({1, 2, 3}, 0), MAMBA_OK);
    const uint64_t ids[] = {mamba_session_id(session), mamba_session_id(session)}, unread[] = {mamba_session_id(other)}, unknown[] = {~uint64_t{0}};
    mamba_session* const merged = mamba_session_merge(engine, ids, 2, MAMBA_MERGE_CYCLIC, &status);
    ASSERT_NE(merged, nullptr) << status.text();
    auto of_merged = sized<mamba_session_info>();
    ASSERT_EQ(mamba_session_get_info(merged, &of_merged, &status), MAMBA_OK);
    EXPECT_EQ(of_merged.token_count, 6);
    EXPECT_NE(mamba_session_id(merged), mamba_session_id(session));
    EXPECT_EQ(info().token_count, 3);

    const auto refuse = [&](const uint64_t* sessions, int32_t count, int32_t merge, mamba_result code, const char* words) {
        EXPECT_EQ(mamba_session_merge(engine, sessions, count, merge, &status), nullptr);
        expect(status, code, words);
    };
    refuse(ids, 0, 0, MAMBA_INVALID_ARGUMENT, "0 sessions cannot be merged");
    refuse(ids, 257, 0, MAMBA_INVALID_ARGUMENT, "give 1 to 256");
    refuse(ids, 2, 3, MAMBA_INVALID_ARGUMENT, "3 is no mamba_merge");
    refuse(ids, 2, -1, MAMBA_INVALID_ARGUMENT, "-1 is no mamba_merge");
    refuse(nullptr, 2, 0, MAMBA_INVALID_ARGUMENT, "sessions is NULL");
    refuse(unread, 1, 0, MAMBA_INVALID_ARGUMENT, "it has read nothing");
    refuse(unknown, 1, 0, MAMBA_NOT_FOUND, "belongs to another engine");
    EXPECT_EQ(mamba_session_merge(nullptr, ids, 2, 0, &status), nullptr);
    mamba_session_free(other);
    mamba_session_free(merged);
}

TEST_F(CApi, MeasuresAndTraces) {
    constexpr size_t head_count = 8;
    auto model_info = sized<mamba_model_info>();
    ASSERT_EQ(mamba_model_get_info(model, &model_info, &status), MAMBA_OK);
    ASSERT_EQ(static_cast<size_t>(model_info.head_count), head_count);
    mamba_head_statistics heads[head_count] = {};
    const auto measure = [&](int32_t layer, size_t size, size_t capacity) {
        return mamba_session_get_statistics(session, layer, heads, size, capacity, &status);
    };
    ASSERT_EQ(mamba_session_set_tracking(session, 1, &status), MAMBA_OK) << status.text();
    const std::vector<int32_t> tokens = {1, 2, 3};
    std::vector<float> trace(tokens.size() * head_count * 4);
    const auto run = [&](const std::vector<int32_t>& read, int32_t layer, size_t capacity) {
        return mamba_engine_trace(engine, session, read.data(), static_cast<int32_t>(read.size()), layer, trace.data(), capacity, &status);
    };
    ASSERT_EQ(run(tokens, 1, trace.size()), MAMBA_OK) << status.text();
    EXPECT_EQ(info().token_count, 3);
    ASSERT_EQ(measure(1, sizeof heads[0], head_count), MAMBA_OK) << status.text();
    for (size_t h = 0; h < head_count; ++h) {
        const double expected = static_cast<double>(trace[4 * h + 1]) + trace[4 * (head_count + h) + 1] + trace[4 * (2 * head_count + h) + 1];
        EXPECT_NEAR(heads[h].log_retention, expected, 1e-6);
    }
    // A caller who knows only the norms gets norms, side by side.
    const float last = heads[head_count - 1].norm;
    ASSERT_EQ(measure(1, sizeof(float), head_count), MAMBA_OK);
    EXPECT_EQ(reinterpret_cast<const float*>(heads)[head_count - 1], last);

    EXPECT_EQ(measure(1, 3, head_count), MAMBA_INVALID_ARGUMENT);
    expect(status, MAMBA_INVALID_ARGUMENT, "head_size");
    EXPECT_EQ(measure(1, sizeof heads[0], head_count - 1), MAMBA_BUFFER_TOO_SMALL);
    expect(status, MAMBA_BUFFER_TOO_SMALL, "8 heads");
    EXPECT_EQ(measure(3, sizeof heads[0], head_count), MAMBA_NOT_FOUND);
    expect(status, MAMBA_NOT_FOUND, "layer 3");
    EXPECT_EQ(measure(-1, sizeof heads[0], head_count), MAMBA_NOT_FOUND);
    EXPECT_EQ(mamba_session_get_statistics(session, 0, nullptr, sizeof heads[0], head_count, &status), MAMBA_INVALID_ARGUMENT);
    EXPECT_EQ(run(tokens, 7, trace.size()), MAMBA_NOT_FOUND);
    EXPECT_EQ(run(tokens, 1, trace.size() - 1), MAMBA_BUFFER_TOO_SMALL);
    EXPECT_EQ(run({1, 99999}, 1, trace.size()), MAMBA_INVALID_ARGUMENT);
    EXPECT_EQ(mamba_engine_trace(engine, session, nullptr, 1, 0, trace.data(), trace.size(), &status), MAMBA_INVALID_ARGUMENT);
    EXPECT_EQ(mamba_engine_trace(engine, session, tokens.data(), -1, 0, trace.data(), trace.size(), &status), MAMBA_INVALID_ARGUMENT);
    EXPECT_EQ(mamba_engine_trace(engine, nullptr, tokens.data(), 1, 0, trace.data(), trace.size(), &status), MAMBA_INVALID_ARGUMENT);
    EXPECT_EQ(mamba_session_set_tracking(nullptr, 1, &status), MAMBA_INVALID_ARGUMENT);
    EXPECT_EQ(info().token_count, 3);
}

TEST_F(CApi, ListsMetadata) {
    const int64_t count = mamba_model_metadata_count(model);
    ASSERT_GT(count, 0);
    bool architecture_seen = false;
    for (int64_t i = 0; i < count; ++i) {
        size_t length = 0;
        ASSERT_EQ(mamba_model_get_metadata_key(model, i, nullptr, 0, &length, &status), MAMBA_OK);
        std::string key(length, ' ');
        ASSERT_EQ(mamba_model_get_metadata_key(model, i, reinterpret_cast<uint8_t*>(key.data()), key.size(), &length, &status), MAMBA_OK);
        architecture_seen = architecture_seen || key == "general.architecture";
        ASSERT_EQ(mamba_model_get_metadata(model, reinterpret_cast<const uint8_t*>(key.data()), key.size(), nullptr, 0, &length, &status), MAMBA_OK);
        EXPECT_GE(length, 5u) << key;
    }
    EXPECT_TRUE(architecture_seen);
    size_t length = 0;
    EXPECT_EQ(mamba_model_get_metadata_key(model, count, nullptr, 0, &length, &status), MAMBA_NOT_FOUND);
    EXPECT_EQ(mamba_model_get_metadata(model, nullptr, 0, nullptr, 0, &length, &status), MAMBA_NOT_FOUND);
}

TEST(CApiAlone, MoreMemoryThanThereIsIsRefused) {
    Status status;
    auto shape = sized<mamba_shape>();
    shape.architecture = MAMBA_ARCH_MAMBA2;
    shape.layer_count = 1000;
    shape.d_model = 65536;
    shape.vocab_size = 1000000;
    shape.weight_type = MAMBA_WEIGHT_F32;
    EXPECT_EQ(mamba_model_random(&shape, &status), nullptr);
    expect(status, MAMBA_OUT_OF_MEMORY, "memory");
}

TEST(CApiAlone, DevicesAreListedWithReasons) {
    Status status;
    ASSERT_GE(mamba_device_count(), 1);
    auto info = sized<mamba_device_info>();
    ASSERT_EQ(mamba_device_get(0, &info, &status), MAMBA_OK);
    EXPECT_EQ(info.kind, MAMBA_DEVICE_CPU);
    EXPECT_EQ(info.usable, 1);
    EXPECT_GT(info.memory_bytes, 0);
    for (int32_t i = 1; i < mamba_device_count(); ++i) {
        ASSERT_EQ(mamba_device_get(i, &info, &status), MAMBA_OK);
        EXPECT_TRUE(info.usable != 0 || info.reason_length > 0);
    }
    EXPECT_EQ(mamba_device_get(mamba_device_count(), &info, &status), MAMBA_NOT_FOUND);
}

TEST(CApiAlone, LayoutNamesEveryStructsSize) {
    size_t length = 0;
    ASSERT_EQ(mamba_abi_layout(nullptr, 0, &length, nullptr), MAMBA_OK);
    std::string text(length, ' ');
    ASSERT_EQ(mamba_abi_layout(reinterpret_cast<uint8_t*>(text.data()), text.size(), &length, nullptr), MAMBA_OK);
    EXPECT_NE(text.find("mamba_status * 0 " + std::to_string(sizeof(mamba_status)) + "\n"), std::string::npos);
    EXPECT_NE(text.find("mamba_batch_item session 0 8\n"), std::string::npos);
    EXPECT_EQ(mamba_abi_version(), 1);
}

TEST(CApiAlone, FreeingNothingIsFine) {
    mamba_model_free(nullptr);
    mamba_engine_free(nullptr);
    mamba_session_free(nullptr);
    mamba_cancellation_free(nullptr);
    mamba_cancellation_request(nullptr);
    EXPECT_EQ(mamba_session_id(nullptr), 0u);
    EXPECT_EQ(mamba_session_saved_size(nullptr), 0);
    EXPECT_EQ(mamba_model_metadata_count(nullptr), 0);
}

}  // namespace
