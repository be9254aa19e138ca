// The policy that a state is under, and what it has gathered.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "base/buffer.h"
#include "state/policy.h"

namespace mamba {

struct PolicyState {
    std::shared_ptr<const Policy> rule;  // NULL: none, and all else is empty
    int64_t origin = 0;                  // of a window's blocks (WindowBlocks)
    // Of every layer (Policy::Layer). Restart-window: the state that begins with the newest block. Difference-window: the whole state as it
    // was where the block before the newest one began, and where the newest did.
    Buffer<float> states;
    // Difference-window: sums of dt since each of these.
    Buffer<double> steps;

    PolicyState() = default;
    // Set where `position` tokens have been read. Throws MAMBA_OUT_OF_MEMORY.
    PolicyState(std::shared_ptr<const Policy> policy, int64_t position);

    bool on() const { return rule != nullptr; }
    mamba_policy_kind kind() const { return rule == nullptr ? MAMBA_POLICY_NONE : rule->kind(); }
    bool uses_ring() const { return rule == nullptr || rule->uses_ring(); }
    WindowBlocks blocks() const { return {origin, rule->asked().window}; }

    PolicyState clone() const;
    // Of one under the same policy: takes no memory.
    void assign(const PolicyState& other);
    // As if it had been set before the first token.
    void reset();
    int64_t bytes() const { return static_cast<int64_t>(states.bytes() + steps.bytes()); }
};

}  // namespace mamba
