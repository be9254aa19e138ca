// Engine::merge_sessions: what mamba_session_merge says.
#include <algorithm>

#include "engine/engine.h"
#include "state/merge.h"
#include "state/snapshot.h"

namespace mamba {
namespace {

void check_parts(const std::vector<std::shared_ptr<Session>>& parts) {
    int64_t tokens = 0;
    for (size_t index = 0; index < parts.size(); ++index) {
        const State& state = parts[index]->state;
        const auto refuse = [&](mamba_result code, const auto&... why) { fail(code, "sessions[", index, "] cannot be merged: ", why...); };
        if (state.token_count == 0) refuse(MAMBA_INVALID_ARGUMENT, "it has read nothing");
        if (state.policy.on()) {
            refuse(MAMBA_UNSUPPORTED,
                   "it is under a long-context policy, and what that takes from a state is in no sum of dt; read its text under none");
        }
        if (!state.tracking.on()) {
            refuse(MAMBA_INVALID_ARGUMENT, "it has no sums of dt; switch tracking on before its first token, and read its text again");
        }
        if (state.tracking.tokens != state.token_count) {
            refuse(MAMBA_INVALID_ARGUMENT, "its sums of dt hold ", state.tracking.tokens, " of its ", state.token_count,
                   " tokens; switch tracking on before the first, and read its text again");
        }
        if (state.token_count > most_tokens - tokens) {
            refuse(MAMBA_INVALID_ARGUMENT, "with it the session would claim more than ", most_tokens, " tokens");
        }
        tokens += state.token_count;
    }
}

// No text has it, but by chance: a text's chain begins with 0.
uint64_t merged_hash(const std::vector<std::shared_ptr<Session>>& parts, mamba_merge merge) {
    uint64_t hash = extend_token_hash(0x6d65726765640000u, merge);
    for (const std::shared_ptr<Session>& part : parts) {
        const uint64_t of_part = part->state.token_hash;
        hash = extend_token_hash(extend_token_hash(hash, static_cast<int32_t>(of_part)), static_cast<int32_t>(of_part >> 32));
    }
    return hash;
}

}  // namespace

std::shared_ptr<Session> Engine::merge_sessions(const std::vector<std::shared_ptr<Session>>& parts, mamba_merge merge) {
    if (backend_->kind() != MAMBA_DEVICE_CPU) {
        fail(MAMBA_UNSUPPORTED, "a device does not merge sessions: run this model on the CPU");
    }
    check_parts(parts);
    State merged = new_state();
    merged.tracking.start(layout_.step_sums);
    const MergeWeights weights(merge, parts.size());
    std::vector<Buffer<float>> copies;
    std::vector<const float*> states(parts.size());
    std::vector<const double*> sums(parts.size());
    for (size_t i = 0; i < layout_.layers.size(); ++i) {
        const LayerState& place = layout_.layers[i];
        copies.resize(parts.size());
        for (size_t k = 0; k < parts.size(); ++k) {
            const State& part = parts[k]->state;
            if (copies[k].size() < static_cast<size_t>(place.ssm_floats)) {
                copies[k] = Buffer<float>(static_cast<size_t>(place.ssm_floats), "a copy of a layer's state");
            }
            // With what waits in the ring.
            backend_->copy_layer_state(part, static_cast<int64_t>(i), copies[k].data());
            states[k] = copies[k].data();
            sums[k] = part.tracking.sums.data() + place.step_sums;
        }
        merge_layer(model_->config, model_->layers[i], weights, sums, states, merged.values.data() + place.ssm);
        if (merge == MAMBA_MERGE_CONCATENATE) {
            std::copy_n(parts.back()->state.values.data() + place.conv, place.conv_floats, merged.values.data() + place.conv);
        }
    }
    merged.hidden.assign(parts.back()->state.hidden);
    for (const std::shared_ptr<Session>& part : parts) {
        const Tracking& tracking = part->state.tracking;
        for (size_t i = 0; i < tracking.sums.size(); ++i) merged.tracking.sums[i] += tracking.sums[i];
        merged.tracking.tokens += tracking.tokens;
        merged.token_count += part->state.token_count;
    }
    merged.token_hash = merged_hash(parts, merge);
    return adopt_session(std::move(merged));
}

}  // namespace mamba
