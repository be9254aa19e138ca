// The bytes of a saved session: state/snapshot.h.
#include "state/snapshot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/hash.h"

namespace mamba {
namespace {

constexpr std::array<uint64_t, 2> model{0x1234, 0x5678};

StateMemory& memory() {
    static StateMemory memory(40, 3);
    return memory;
}

// At a position where up to ten tokens may wait in the ring.
State example(int64_t pending = 0) {
    State state(memory(), 8);
    state.pending = pending;
    for (size_t i = 0; i < state.values.size(); ++i) state.values[i] = 0.25f * static_cast<float>(i) - 3.0f;
    for (size_t i = 0; i < state.hidden.size(); ++i) state.hidden[i] = static_cast<float>(i);
    state.token_count = 1234567890128 + 10;
    state.token_hash = 0xfeedfacecafebeef;
    return state;
}

std::vector<std::byte> saved(const State& state) {
    std::vector<std::byte> bytes(snapshot_size(state));
    save_snapshot(state, model, bytes.data());
    return bytes;
}

// Puts the checksum right.
void seal(std::vector<std::byte>& bytes) {
    const size_t body = bytes.size() - sizeof(uint64_t);
    const uint64_t sum = hash128(bytes.data(), body)[0];
    std::memcpy(bytes.data() + body, &sum, sizeof sum);
}

std::vector<std::byte> of_version(uint32_t version, std::vector<std::byte> bytes) {
    std::memcpy(bytes.data() + 8, &version, sizeof version);
    seal(bytes);
    return bytes;
}

void expect_refused(const std::vector<std::byte>& bytes, mamba_result code, const char* words, std::array<uint64_t, 2> fingerprint = model) {
    State state(memory(), 8);
    try {
        load_snapshot(bytes.data(), bytes.size(), fingerprint, state);
        FAIL() << "was accepted; expected: " << words;
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << error.message();
        EXPECT_NE(error.message().find(words), std::string::npos) << error.message();
    }
}

TEST(Snapshot, ComesBackAsItWas) {
    for (int64_t pending = 0; pending <= 10; ++pending) {
        const State state = example(pending);
        const std::vector<std::byte> bytes = saved(state);
        EXPECT_EQ(bytes.size(), 64 + 4 * (40 + 3 * static_cast<size_t>(pending) + 8) + 8);
        State loaded(memory(), 8);
        load_snapshot(bytes.data(), bytes.size(), model, loaded);
        EXPECT_EQ(loaded.pending, pending);
        EXPECT_TRUE(std::equal(state.values.begin(), state.values.begin() + state.used_floats(), loaded.values.begin()));
        EXPECT_TRUE(std::equal(state.hidden.begin(), state.hidden.end(), loaded.hidden.begin()));
        EXPECT_EQ(loaded.token_count, state.token_count);
        EXPECT_EQ(loaded.token_hash, state.token_hash);
    }
}

TEST(Snapshot, OfTheFirstVersionComesBackWithNothingPending) {
    const State state = example();
    const std::vector<std::byte> bytes = of_version(1, saved(state));
    State loaded = example(3);
    load_snapshot(bytes.data(), bytes.size(), model, loaded);
    EXPECT_EQ(loaded.pending, 0);
    EXPECT_EQ(loaded.token_count, state.token_count);
    EXPECT_TRUE(std::equal(state.values.begin(), state.values.begin() + state.used_floats(), loaded.values.begin()));
    expect_refused(of_version(1, saved(example(3))), MAMBA_BAD_FORMAT, "cut short or damaged");
    expect_refused(of_version(0, saved(state)), MAMBA_MISMATCH, "version 0");
}

TEST(Snapshot, HoldsNoMorePendingEntriesThanTokensSinceTheRingWasFolded) {
    expect_refused(saved(example(11)), MAMBA_BAD_FORMAT, "cut short or damaged");
    expect_refused(saved(example(16)), MAMBA_BAD_FORMAT, "cut short or damaged");
    State forged = example(1);
    forged.token_count = 1234567890128;
    expect_refused(saved(forged), MAMBA_BAD_FORMAT, "cut short or damaged");
    // Part of an entry, and fewer floats than the layers have.
    for (const uint64_t floats : {41, 42, 39, 0}) {
        std::vector<std::byte> bytes = saved(example());
        std::memcpy(bytes.data() + 48, &floats, sizeof floats);
        seal(bytes);
        expect_refused(bytes, MAMBA_BAD_FORMAT, "cut short or damaged");
    }
}

TEST(Snapshot, EveryFlippedBitIsNoticed) {
    const std::vector<std::byte> bytes = saved(example(2));
    for (size_t i = 0; i < bytes.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            std::vector<std::byte> damaged = bytes;
            damaged[i] ^= static_cast<std::byte>(1 << bit);
            State state(memory(), 8);
            EXPECT_THROW(load_snapshot(damaged.data(), damaged.size(), model, state), Error) << "byte " << i << " bit " << bit;
        }
    }
}

TEST(Snapshot, EveryTruncationIsNoticed) {
    const std::vector<std::byte> bytes = saved(example(2));
    for (size_t length = 0; length < bytes.size(); ++length) {
        State state(memory(), 8);
        EXPECT_THROW(load_snapshot(bytes.data(), length, model, state), Error) << length;
    }
}

State tracked() {
    State state = example(2);
    state.tracking.start(3);
    for (size_t i = 0; i < 3; ++i) state.tracking.sums[i] = 0.1 * static_cast<double>(i) + 1e9;
    state.tracking.tokens = 1234567890138;
    return state;
}

TEST(Snapshot, SumsOfStepSizesAreASection) {
    const State state = tracked();
    const std::vector<std::byte> bytes = saved(state), plain = saved(example(2));
    EXPECT_EQ(bytes.size(), plain.size() + 16 + 8 + 3 * 8);
    EXPECT_EQ(plain[8], std::byte{2}) << "what needs no section is written for every reader";
    State loaded(memory(), 8);
    load_snapshot(bytes.data(), bytes.size(), model, loaded, 3);
    EXPECT_TRUE(std::equal(state.tracking.sums.begin(), state.tracking.sums.end(), loaded.tracking.sums.begin()));
    EXPECT_EQ(loaded.tracking.tokens, state.tracking.tokens);
    EXPECT_EQ(loaded.pending, 2);
    EXPECT_TRUE(std::equal(state.hidden.begin(), state.hidden.end(), loaded.hidden.begin()));
    load_snapshot(plain.data(), plain.size(), model, loaded, 3);
    EXPECT_FALSE(loaded.tracking.on());
    for (size_t length = 0; length < bytes.size(); ++length) {
        EXPECT_THROW(load_snapshot(bytes.data(), length, model, loaded, 3), Error) << length;
    }
}

TEST(Snapshot, ASectionThatIsNoneIsRefused) {
    const auto refuse = [](std::vector<std::byte> bytes, mamba_result code, const char* words) {
        seal(bytes);
        State state(memory(), 8);
        try {
            load_snapshot(bytes.data(), bytes.size(), model, state, 3);
            FAIL() << "was accepted; expected: " << words;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), code) << error.message();
            EXPECT_NE(error.message().find(words), std::string::npos) << error.message();
        }
    };
    const std::vector<std::byte> bytes = saved(tracked());
    const size_t section = bytes.size() - 8 - 48;
    std::vector<std::byte> other = bytes;
    other[section] = std::byte{'Z'};
    refuse(other, MAMBA_MISMATCH, "ZTEPSUMS");
    for (const uint64_t length : {uint64_t{31}, uint64_t{24}, uint64_t{33}, std::numeric_limits<uint64_t>::max()}) {
        std::vector<std::byte> damaged = bytes;
        std::memcpy(damaged.data() + section + 8, &length, sizeof length);
        refuse(damaged, MAMBA_BAD_FORMAT, length < 32 ? "this model's 32" : "ends behind the file");
    }
    std::vector<std::byte> twice = bytes;
    twice.insert(twice.end() - 8, bytes.begin() + static_cast<std::ptrdiff_t>(section), bytes.end() - 8);
    refuse(twice, MAMBA_BAD_FORMAT, "twice");
    for (const double bad : {-1.0, -std::numeric_limits<double>::infinity()}) {
        std::vector<std::byte> damaged = bytes;
        std::memcpy(damaged.data() + section + 24, &bad, sizeof bad);
        refuse(damaged, MAMBA_BAD_FORMAT, "are none");
    }
    State ahead = tracked();
    ahead.tracking.tokens = ahead.token_count + 1;
    refuse(saved(ahead), MAMBA_BAD_FORMAT, "are none");
    // What follows the states in a version that has no sections.
    refuse(of_version(2, bytes), MAMBA_BAD_FORMAT, "cut short or damaged");
}

TEST(Snapshot, WhatIsNoNumberComesBackAsItWas) {
    for (const double value : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
        State state = tracked();
        state.values[3] = static_cast<float>(value);
        state.hidden[0] = static_cast<float>(value);
        state.tracking.sums[1] = value;
        const std::vector<std::byte> bytes = saved(state);
        State loaded(memory(), 8);
        load_snapshot(bytes.data(), bytes.size(), model, loaded, 3);
        EXPECT_FALSE(std::isfinite(loaded.tracking.sums[1]));
        EXPECT_EQ(saved(loaded), bytes);
    }
}

TEST(Snapshot, SaysWhatIsWrong) {
    std::vector<std::byte> bytes = saved(example());
    expect_refused({}, MAMBA_BAD_FORMAT, "cut short");
    expect_refused(bytes, MAMBA_MISMATCH, "another model", {1, 2});
    std::vector<std::byte> text = bytes;
    text[0] = std::byte{'x'};
    expect_refused(text, MAMBA_BAD_FORMAT, "not a saved session");
    std::vector<std::byte> newer = bytes;
    newer[8] = std::byte{9};
    expect_refused(newer, MAMBA_MISMATCH, "version 9");
    std::vector<std::byte> damaged = bytes;
    damaged[100] ^= std::byte{1};
    expect_refused(damaged, MAMBA_BAD_FORMAT, "checksum");
    for (const int64_t tokens : {int64_t{-1}, std::numeric_limits<int64_t>::max()}) {
        State forged = example();
        forged.token_count = tokens;
        expect_refused(saved(forged), MAMBA_BAD_FORMAT, "tokens");
    }
    bytes.push_back(std::byte{0});
    expect_refused(bytes, MAMBA_BAD_FORMAT, "cut short or damaged");
}

}  // namespace
}  // namespace mamba
