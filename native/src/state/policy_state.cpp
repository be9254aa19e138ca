#include "state/policy_state.h"

#include <algorithm>

namespace mamba {
namespace {

constexpr const char* gathered_memory = "what a session's long-context policy gathers";

}  // namespace

PolicyState::PolicyState(std::shared_ptr<const Policy> policy, int64_t position) : rule(std::move(policy)) {
    if (!rule) return;
    if (rule->is_window()) origin = rule->blocks(position).origin;
    states = Buffer<float>(static_cast<size_t>(rule->state_floats()), gathered_memory);
    steps = Buffer<double>(static_cast<size_t>(rule->step_sums()), gathered_memory);
}

PolicyState PolicyState::clone() const {
    PolicyState copy;
    copy.states = states.clone(gathered_memory);
    copy.steps = steps.clone(gathered_memory);
    copy.rule = rule;
    copy.origin = origin;
    return copy;
}

void PolicyState::assign(const PolicyState& other) {
    origin = other.origin;
    states.assign(other.states);
    steps.assign(other.steps);
}

void PolicyState::reset() {
    if (!rule) return;
    if (rule->is_window()) origin = rule->blocks(0).origin;
    std::fill(states.begin(), states.end(), 0.0f);
    std::fill(steps.begin(), steps.end(), 0.0);
}

}  // namespace mamba
