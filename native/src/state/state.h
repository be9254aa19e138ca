// What a model remembers of everything it has read: constant size, FP32.
#pragma once

#include <algorithm>
#include <cstdint>

#include "state/state_memory.h"

namespace mamba {

struct State {
    Buffer<float> values;   // StateLayout
    Buffer<float> hidden;   // [d_model]: after the final norm, of the last token; its logits are one matrix product away
    int64_t token_count = 0;
    uint64_t token_hash = 0;  // chain over all tokens consumed

    // An empty one.
    State(StateMemory& memory, int64_t d_model) : State(memory, static_cast<size_t>(d_model), Unset{}) {
        std::fill(values.begin(), values.end(), 0.0f);
    }
    ~State() { memory_->give(std::move(values)); }
    State(State&&) noexcept = default;
    State& operator=(State&&) noexcept = default;

    State clone() const {
        State copy(*memory_, hidden.size(), Unset{});
        copy.assign(*this);
        return copy;
    }
    void assign(const State& other) {
        values.assign(other.values);
        hidden.assign(other.hidden);
        token_count = other.token_count;
        token_hash = other.token_hash;
    }
    int64_t bytes() const { return static_cast<int64_t>(values.bytes() + hidden.bytes()); }

private:
    struct Unset {};
    State(StateMemory& memory, size_t d_model, Unset) : hidden(d_model, "a session's state"), memory_(&memory) { values = memory.take(); }

    StateMemory* memory_;
};

// The next link of the chain: a 64-bit mix (the finaliser of SplitMix64), so that equal hashes mean equal histories.
inline uint64_t extend_token_hash(uint64_t hash, int32_t token) {
    uint64_t mixed = hash * 0x9e3779b97f4a7c15u + static_cast<uint32_t>(token) + 1;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

}  // namespace mamba
