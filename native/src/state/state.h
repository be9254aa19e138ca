// What a model remembers of everything it has read: FP32, in an array of constant size.
#pragma once

#include <cstdint>

#include "state/device_states.h"
#include "state/policy_state.h"
#include "state/state_memory.h"
#include "state/tracking.h"

namespace mamba {

struct State {
    Buffer<float> values;   // StateLayout; behind used_floats() unspecified. Empty where the state lives on a device
    Buffer<float> hidden;   // [d_model]: after the final norm, of the last token; its logits are one matrix product away. Empty likewise
    DeviceSlot slot;        // or else there
    int64_t token_count = 0;
    uint64_t token_hash = 0;  // chain over all tokens consumed
    int64_t pending = 0;      // entries of the ring that the states do not contain yet (kernels.h)
    PolicyState policy;       // of every token from now on
    Tracking tracking;        // off unless it is started

    // An empty one.
    State(StateMemory& memory, int64_t d_model) : State(memory, static_cast<size_t>(d_model), Unset{}) { reset(); }
    ~State() { memory_->give(std::move(values)); }
    State(State&&) noexcept = default;
    State& operator=(State&&) noexcept = default;

    State clone() const;
    // Becomes as another, on the device where there is one. Throws MAMBA_OUT_OF_MEMORY, and then nothing has changed.
    void assign(const State& other);
    // As if nothing had been read. The policy stays, and tracking goes on from zero. Throws as assign() does.
    void reset();

    // Where the state lives on a device: to host memory, so that its slot is free for others, and back before it advances. Copies are left
    // under way. What does not advance it works in either place. Throws MAMBA_OUT_OF_MEMORY, and then it is where it was.
    void offload();
    void bring_back();
    bool offloaded() const { return slot.on_host(); }
    // NULL: it lives in host memory.
    DeviceStates* device() const { return slot.states(); }

    // The states, and the pending entries behind them: all of `values` that means something.
    int64_t used_floats() const { return state_floats() + pending * entry_floats(); }
    int64_t state_floats() const { return memory_->floats(); }
    int64_t entry_floats() const { return memory_->entry_floats(); }
    size_t hidden_floats() const { return hidden_count_; }
    // What it takes where it lives, with what its policy has gathered and the tracked sums, without `hidden`.
    int64_t bytes() const;
    float* ring() { return values.data() + state_floats(); }
    const float* ring() const { return values.data() + state_floats(); }

    // Copies of used_floats() values and of `hidden`, wherever they are.
    void read(void* values, void* hidden) const;
    // The other way round: state_floats() values and `entries` pending entries behind them. token_count is to be set before.
    void write(const void* values, int64_t entries, const void* hidden);

private:
    struct Unset {};
    State(StateMemory& memory, size_t d_model, Unset);

    StateMemory* memory_;
    size_t hidden_count_;
};

// The next link of the chain: a 64-bit mix (the finaliser of SplitMix64), so that equal hashes mean equal histories.
inline uint64_t extend_token_hash(uint64_t hash, int32_t token) {
    uint64_t mixed = hash * 0x9e3779b97f4a7c15u + static_cast<uint32_t>(token) + 1;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

}  // namespace mamba
