// The policy that a state is under, and what it has gathered.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "base/buffer.h"
#include "state/device_states.h"
#include "state/policy.h"

namespace mamba {

struct PolicyState {
    std::shared_ptr<const Policy> rule;  // NULL: none, and all else is empty
    int64_t origin = 0;                  // of a window's blocks (WindowBlocks)
    // Of every layer (Policy::Layer). Restart-window: the state that begins with the newest block. Difference-window: the whole state as it
    // was where the block before the newest one began, and where the newest did.
    Buffer<float> states;
    // On a device, of a restart-window: a slot of its own in place of `states`, of which the layers' SSM states count.
    DeviceSlot newest;
    // Difference-window: sums of dt since each of these.
    Buffer<double> steps;

    PolicyState() = default;
    // Set where `position` tokens have been read; device: where the session's state lives, or NULL. Throws MAMBA_OUT_OF_MEMORY.
    PolicyState(std::shared_ptr<const Policy> policy, int64_t position, DeviceStates* device = nullptr);

    bool on() const { return rule != nullptr; }
    mamba_policy_kind kind() const { return rule == nullptr ? MAMBA_POLICY_NONE : rule->kind(); }
    bool uses_ring() const { return rule == nullptr || rule->uses_ring(); }
    WindowBlocks blocks() const { return {origin, rule->asked().window}; }

    PolicyState clone() const;
    // Of one under the same policy: takes no memory.
    void assign(const PolicyState& other);
    // As if it had been set before the first token.
    void reset();
    int64_t bytes() const;
    // `states`, wherever it is, from and to host memory. state_floats, hidden_floats: of the session's state and hidden vector.
    void read_states(int64_t state_floats, size_t hidden_floats, float* values) const;
    void write_states(int64_t state_floats, size_t hidden_floats, const float* values);

private:
    // Calls f(layer's part of `states`, layer's SSM state in the layout of a session's state) for each.
    template <typename F>
    void for_layers(int64_t state_floats, const F& f) const;
};

}  // namespace mamba
