#include "state/policy_state.h"

#include <algorithm>

namespace mamba {
namespace {

constexpr const char* gathered_memory = "what a session's long-context policy gathers";

}  // namespace

PolicyState::PolicyState(std::shared_ptr<const Policy> policy, int64_t position, DeviceStates* device) : rule(std::move(policy)) {
    if (!rule) return;
    if (rule->is_window()) origin = rule->blocks(position).origin;
    if (device != nullptr && rule->kind() == MAMBA_POLICY_RESTART_WINDOW) {
        newest = DeviceSlot(*device);
        newest.clear();
        return;
    }
    states = Buffer<float>(static_cast<size_t>(rule->state_floats()), gathered_memory);
    steps = Buffer<double>(static_cast<size_t>(rule->step_sums()), gathered_memory);
}

PolicyState PolicyState::clone() const {
    PolicyState copy;
    copy.states = states.clone(gathered_memory);
    copy.steps = steps.clone(gathered_memory);
    copy.newest = newest.copy(false);
    copy.rule = rule;
    copy.origin = origin;
    return copy;
}

void PolicyState::assign(const PolicyState& other) {
    origin = other.origin;
    states.assign(other.states);
    steps.assign(other.steps);
    newest.assign(other.newest);
}

void PolicyState::reset() {
    if (!rule) return;
    if (rule->is_window()) origin = rule->blocks(0).origin;
    std::fill(states.begin(), states.end(), 0.0f);
    std::fill(steps.begin(), steps.end(), 0.0);
    newest.clear();
}

int64_t PolicyState::bytes() const {
    if (!rule) return 0;
    return rule->state_floats() * static_cast<int64_t>(sizeof(float)) + rule->step_sums() * static_cast<int64_t>(sizeof(double));
}

template <typename F>
void PolicyState::for_layers(int64_t state_floats, const F& f) const {
    const int64_t own = rule->layer_floats(), layers = rule->state_floats() / own, whole = state_floats / layers;
    for (int64_t i = 0; i < layers; ++i) f(i * own, i * whole + whole - own);
}

// In the session's own layout, with a window of zeros: a slot is read and written whole.
void PolicyState::read_states(int64_t state_floats, size_t hidden_floats, float* values) const {
    if (newest.states() == nullptr) return void(std::copy(states.begin(), states.end(), values));
    Buffer<float> all(static_cast<size_t>(state_floats), gathered_memory), hidden(hidden_floats, gathered_memory);
    newest.states()->read(newest.index(), 0, all.data(), hidden.data());
    for_layers(state_floats, [&](int64_t part, int64_t ssm) { std::copy_n(all.data() + ssm, rule->layer_floats(), values + part); });
}

void PolicyState::write_states(int64_t state_floats, size_t hidden_floats, const float* values) {
    if (newest.states() == nullptr) return void(std::copy_n(values, states.size(), states.begin()));
    Buffer<float> all(static_cast<size_t>(state_floats), gathered_memory), hidden(hidden_floats, gathered_memory);
    for_layers(state_floats, [&](int64_t part, int64_t ssm) { std::copy_n(values + part, rule->layer_floats(), all.data() + ssm); });
    newest.states()->write(newest.index(), 0, all.data(), 0, hidden.data());
}

}  // namespace mamba
