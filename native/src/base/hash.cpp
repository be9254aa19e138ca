#include "base/hash.h"

#include <cstring>

namespace mamba {
namespace {

constexpr size_t lanes = 8;
constexpr size_t stripe = lanes * sizeof(uint64_t);
constexpr size_t stripes_a_block = 16;  // between two scrambles

constexpr uint64_t mix(uint64_t x) {  // SplitMix64
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

// Word i + s keys lane i of stripe s.
constexpr auto keys = [] {
    std::array<uint64_t, lanes + stripes_a_block> words{};
    for (size_t i = 0; i < words.size(); ++i) words[i] = mix(i + 1);
    return words;
}();

struct HashState {
    uint64_t lane[lanes];

    void add(const std::byte* data, size_t stripe_in_block) {
        uint64_t word[lanes];
        std::memcpy(word, data, stripe);
        for (size_t i = 0; i < lanes; ++i) {
            const uint64_t keyed = word[i] ^ keys[i + stripe_in_block];
            lane[i] += (keyed & 0xffffffffu) * (keyed >> 32) + word[i ^ 1];
        }
    }
    void scramble() {
        for (size_t i = 0; i < lanes; ++i) lane[i] = (lane[i] ^ (lane[i] >> 47) ^ keys[i + stripes_a_block - 1]) * 0x9e3779b1u;
    }
};

}  // namespace

Hash128 hash128(const void* data, size_t bytes, uint64_t seed) {
    HashState state;
    for (size_t i = 0; i < lanes; ++i) state.lane[i] = mix(seed + i);
    const std::byte* next = static_cast<const std::byte*>(data);
    size_t left = bytes, in_block = 0;
    for (; left >= stripe; left -= stripe, next += stripe) {
        state.add(next, in_block);
        if (++in_block == stripes_a_block) {
            state.scramble();
            in_block = 0;
        }
    }
    std::byte last[stripe] = {};
    if (left != 0) std::memcpy(last, next, left);
    state.add(last, in_block);
    state.scramble();
    Hash128 hash{mix(bytes), mix(~static_cast<uint64_t>(bytes))};
    for (size_t i = 0; i < lanes; ++i) {
        hash[0] = mix(hash[0] ^ state.lane[i]);
        hash[1] = mix(hash[1] + state.lane[lanes - 1 - i]);
    }
    return hash;
}

}  // namespace mamba
