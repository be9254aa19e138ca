#include "state/state.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "backends/cpu/kernels.h"

namespace mamba {

State::State(StateMemory& memory, size_t d_model, Unset) : memory_(&memory), hidden_count_(d_model) {
    if (memory.device() != nullptr) {
        slot = DeviceSlot(*memory.device());
        return;
    }
    hidden = Buffer<float>(d_model, "a session's state");
    values = memory.take();
}

State State::clone() const {
    State copy(*memory_, hidden_count_, Unset{});
    copy.assign(*this);
    return copy;
}

void State::offload() {
    if (slot.states() == nullptr || offloaded()) return;
    DeviceSlot newest = policy.newest.copy(true);
    slot = slot.copy(true);
    policy.newest = std::move(newest);
}

void State::bring_back() {
    if (!offloaded()) return;
    DeviceSlot newest = policy.newest.on_host() ? policy.newest.copy(false) : DeviceSlot();
    slot = slot.copy(false);
    if (newest.states() != nullptr) policy.newest = std::move(newest);
}

void State::assign(const State& other) {
    // What may lack memory comes before anything changes: at rest in host memory that is all of it.
    if (offloaded()) return void(*this = other.clone());
    PolicyState other_policy = policy.rule == other.policy.rule ? PolicyState() : other.policy.clone();
    tracking.assign(other.tracking);
    if (policy.rule == other.policy.rule) policy.assign(other.policy);
    else policy = std::move(other_policy);
    if (slot.states() != nullptr) {
        slot.assign(other.slot);
    } else {
        std::memcpy(values.data(), other.values.data(), static_cast<size_t>(other.used_floats()) * sizeof(float));
        hidden.assign(other.hidden);
    }
    token_count = other.token_count;
    token_hash = other.token_hash;
    pending = other.pending;
}

void State::reset() {
    if (offloaded()) {
        // Its places on the device, before anything changes: each may lack memory.
        DeviceSlot place(*device());
        PolicyState unread(policy.rule, 0, device());
        place.clear();
        slot = std::move(place);
        policy = std::move(unread);
    } else if (slot.states() != nullptr) {
        slot.clear();
    } else {
        std::fill_n(values.data(), state_floats(), 0.0f);
        std::fill(hidden.begin(), hidden.end(), 0.0f);
    }
    tracking.clear();
    token_count = pending = 0;
    token_hash = 0;
    policy.reset();
}

int64_t State::bytes() const {
    return (state_floats() + ring_entries * entry_floats()) * static_cast<int64_t>(sizeof(float)) + policy.bytes() +
           tracking.bytes();
}

void State::read(void* to_values, void* to_hidden) const {
    if (slot.states() != nullptr) return slot.states()->read(slot.index(), token_count, to_values, to_hidden);
    std::memcpy(to_values, values.data(), static_cast<size_t>(used_floats()) * sizeof(float));
    std::memcpy(to_hidden, hidden.data(), hidden.bytes());
}

void State::write(const void* from_values, int64_t entries, const void* from_hidden) {
    pending = entries;
    if (slot.states() != nullptr) return slot.states()->write(slot.index(), token_count, from_values, entries, from_hidden);
    std::memcpy(values.data(), from_values, static_cast<size_t>(used_floats()) * sizeof(float));
    std::memcpy(hidden.data(), from_hidden, hidden.bytes());
}

}  // namespace mamba
