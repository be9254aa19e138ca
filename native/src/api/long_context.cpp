// Long context: policies and statistics of the state.
#include <algorithm>
#include <cstring>
#include <vector>

#include "api/guard.h"
#include "api/handles.h"
#include "engine/trace.h"
#include "state/statistics.h"

using namespace mamba;

namespace {

void check_layer(const Engine& engine, int32_t layer) {
    const size_t count = engine.layout().layers.size();
    if (layer < 0 || static_cast<size_t>(layer) >= count) fail(MAMBA_NOT_FOUND, "there is no layer ", layer, "; there are ", count);
}

}  // namespace

int32_t mamba_session_set_policy(mamba_session* session, const mamba_policy* policy, const float* layer_values, size_t layer_value_count,
                                 mamba_status* status) {
    return api::result(status, [&] {
        Session& s = *api::require(session, "session").session;
        const mamba_policy asked = api::read_struct(policy, "policy");
        s.engine->set_policy(s, Policy::make(asked, layer_values, layer_value_count, s.engine->model()));
    });
}

int32_t mamba_session_get_policy(const mamba_session* session, mamba_policy* policy, mamba_status* status) {
    return api::result(status, [&] {
        const PolicyState& state = api::require(session, "session").session->state.policy;
        api::write_struct(policy, state.on() ? state.rule->asked() : mamba_policy{}, "policy");
    });
}

int32_t mamba_session_get_policy_values(const mamba_session* session, float* values, size_t capacity, size_t* length,
                                        mamba_status* status) {
    return api::result(status, [&] {
        const PolicyState& state = api::require(session, "session").session->state.policy;
        const size_t count = state.on() ? state.rule->values().size() : 0;
        api::require(length, "length") = count;
        if (count == 0 || (values == nullptr && capacity == 0)) return;  // asked for the size only
        if (capacity < count) fail(MAMBA_BUFFER_TOO_SMALL, "the policy has ", count, " layer values, the buffer holds ", capacity);
        std::copy_n(state.rule->values().data(), count, &api::require(values, "values"));
    });
}

int32_t mamba_session_set_tracking(mamba_session* session, int32_t on, mamba_status* status) {
    return api::result(status, [&] {
        Session& s = *api::require(session, "session").session;
        s.engine->set_tracking(s, on != 0);
    });
}

int32_t mamba_session_get_statistics(const mamba_session* session, int32_t layer, mamba_head_statistics* heads, size_t head_size,
                                     size_t capacity, mamba_status* status) {
    return api::result(status, [&] {
        const Session& s = *api::require(session, "session").session;
        check_layer(*s.engine, layer);
        const auto count = static_cast<size_t>(head_or_block_count(s.engine->model().config));
        if (head_size < sizeof(float)) fail(MAMBA_INVALID_ARGUMENT, "head_size is ", head_size, "; set it to sizeof(mamba_head_statistics)");
        if (capacity < count) fail(MAMBA_BUFFER_TOO_SMALL, "layer ", layer, " has ", count, " heads, the buffer holds ", capacity);
        auto* const out = reinterpret_cast<unsigned char*>(&api::require(heads, "heads"));
        std::vector<mamba_head_statistics> measured(count);
        s.engine->measure(s, layer, measured.data());
        for (size_t i = 0; i < count; ++i) std::memcpy(out + i * head_size, &measured[i], std::min(head_size, sizeof(mamba_head_statistics)));
    });
}

int32_t mamba_session_copy_layer_state(const mamba_session* session, int32_t layer, float* values, size_t capacity, size_t* length,
                                       mamba_status* status) {
    return api::result(status, [&] {
        const Session& s = *api::require(session, "session").session;
        check_layer(*s.engine, layer);
        const LayerState& place = s.engine->layout().layers[static_cast<size_t>(layer)];
        const size_t count = static_cast<size_t>(place.ssm_floats);
        api::require(length, "length") = count;
        if (values == nullptr && capacity == 0) return;  // asked for the size only
        if (capacity < count) fail(MAMBA_BUFFER_TOO_SMALL, "layer ", layer, "'s state has ", count, " floats, the buffer holds ", capacity);
        s.engine->copy_layer_state(s, layer, &api::require(values, "values"));
    });
}

int32_t mamba_engine_trace(mamba_engine* engine, mamba_session* session, const int32_t* tokens, int32_t token_count, int32_t layer,
                           float* values, size_t capacity, mamba_status* status) {
    return api::result(status, [&] {
        Engine& e = *api::require(engine, "engine").engine;
        const std::shared_ptr<Session>& s = api::require(session, "session").session;
        check_layer(e, layer);
        if (token_count < 0) fail(MAMBA_INVALID_ARGUMENT, "token_count is ", token_count);
        if (token_count > 0) api::require(tokens, "tokens");
        const auto needed = static_cast<size_t>(token_count * head_or_block_count(e.model().config) * trace_width);
        if (capacity < needed) fail(MAMBA_BUFFER_TOO_SMALL, "the trace of ", token_count, " tokens has ", needed, " floats, the buffer holds ", capacity);
        if (needed > 0) api::require(values, "values");
        e.trace(s, tokens, token_count, layer, values);
    });
}
