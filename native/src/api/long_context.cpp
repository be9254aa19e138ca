// Long context: policies and statistics of the state.
#include "api/guard.h"
#include "api/handles.h"

using namespace mamba;

int32_t mamba_session_set_policy(mamba_session* session, const mamba_policy* policy, const float*, size_t, mamba_status* status) {
    return api::result(status, [&] {
        api::require(session, "session");
        const mamba_policy asked = api::read_struct(policy, "policy");
        if (asked.kind != MAMBA_POLICY_NONE) fail(MAMBA_UNSUPPORTED, "this version has no long-context policies yet: kind ", asked.kind, " was asked for");
    });
}

int32_t mamba_session_get_policy(const mamba_session* session, mamba_policy* policy, mamba_status* status) {
    return api::result(status, [&] {
        api::require(session, "session");
        api::write_struct(policy, mamba_policy{}, "policy");  // MAMBA_POLICY_NONE
    });
}

int32_t mamba_session_get_statistics(const mamba_session* session, int32_t, mamba_head_statistics*, size_t, size_t, mamba_status* status) {
    return api::result(status, [&] {
        api::require(session, "session");
        fail(MAMBA_UNSUPPORTED, "this version does not measure the state's heads yet; mamba_session_copy_layer_state gives the values");
    });
}

int32_t mamba_session_copy_layer_state(const mamba_session* session, int32_t layer, float* values, size_t capacity, size_t* length,
                                       mamba_status* status) {
    return api::result(status, [&] {
        const Session& s = *api::require(session, "session").session;
        const auto& layers = s.engine->layout().layers;
        if (layer < 0 || static_cast<size_t>(layer) >= layers.size()) {
            fail(MAMBA_NOT_FOUND, "there is no layer ", layer, "; there are ", layers.size());
        }
        const LayerState& place = layers[static_cast<size_t>(layer)];
        const size_t count = static_cast<size_t>(place.ssm_floats);
        api::require(length, "length") = count;
        if (values == nullptr && capacity == 0) return;  // asked for the size only
        if (capacity < count) fail(MAMBA_BUFFER_TOO_SMALL, "layer ", layer, "'s state has ", count, " floats, the buffer holds ", capacity);
        s.engine->copy_layer_state(s, layer, &api::require(values, "values"));
    });
}
