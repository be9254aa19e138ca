// The bytes of a saved session: state/snapshot.h.
#include "state/snapshot.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace mamba {
namespace {

constexpr std::array<uint64_t, 2> model{0x1234, 0x5678};

StateMemory& memory() {
    static StateMemory memory(40);
    return memory;
}

State example() {
    State state(memory(), 8);
    for (size_t i = 0; i < state.values.size(); ++i) state.values[i] = 0.25f * static_cast<float>(i) - 3.0f;
    for (size_t i = 0; i < state.hidden.size(); ++i) state.hidden[i] = static_cast<float>(i);
    state.token_count = 1234567890123;
    state.token_hash = 0xfeedfacecafebeef;
    return state;
}

std::vector<std::byte> saved(const State& state) {
    std::vector<std::byte> bytes(snapshot_size(state));
    save_snapshot(state, model, bytes.data());
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
    const State state = example();
    const std::vector<std::byte> bytes = saved(state);
    State loaded(memory(), 8);
    load_snapshot(bytes.data(), bytes.size(), model, loaded);
    EXPECT_TRUE(std::equal(state.values.begin(), state.values.end(), loaded.values.begin()));
    EXPECT_TRUE(std::equal(state.hidden.begin(), state.hidden.end(), loaded.hidden.begin()));
    EXPECT_EQ(loaded.token_count, state.token_count);
    EXPECT_EQ(loaded.token_hash, state.token_hash);
}

TEST(Snapshot, EveryFlippedBitIsNoticed) {
    const std::vector<std::byte> bytes = saved(example());
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
    const std::vector<std::byte> bytes = saved(example());
    for (size_t length = 0; length < bytes.size(); ++length) {
        State state(memory(), 8);
        EXPECT_THROW(load_snapshot(bytes.data(), length, model, state), Error) << length;
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
