// Sessions: life, snapshots, rollback.
#include <vector>

#include "api/guard.h"
#include "api/handles.h"
#include "state/merge.h"
#include "state/snapshot.h"

using namespace mamba;

mamba_session* mamba_session_new(mamba_engine* engine, mamba_status* status) {
    return api::handle(status, [&] { return new mamba_session{api::require(engine, "engine").engine->create_session()}; });
}

mamba_session* mamba_session_clone(const mamba_session* session, mamba_status* status) {
    return api::handle(status, [&] {
        const Session& s = *api::require(session, "session").session;
        return new mamba_session{s.engine->clone_session(s)};
    });
}

void mamba_session_free(mamba_session* session) { delete session; }

uint64_t mamba_session_id(const mamba_session* session) { return session == nullptr ? 0 : session->session->id; }

int32_t mamba_session_get_info(const mamba_session* session, mamba_session_info* info, mamba_status* status) {
    return api::result(status, [&] {
        const Session& s = *api::require(session, "session").session;
        mamba_session_info ours{};
        ours.on_device = s.state.offloaded() ? 0 : 1;
        ours.token_count = s.state.token_count;
        ours.state_bytes = s.state.bytes();
        ours.rollback_available = s.history.available(s.state);
        ours.token_hash = s.state.token_hash;
        api::write_struct(info, ours, "info");
    });
}

int32_t mamba_session_reset(mamba_session* session, mamba_status* status) {
    return api::result(status, [&] {
        Session& s = *api::require(session, "session").session;
        s.state.reset();
        s.history = History(s.history.reach());
    });
}

int32_t mamba_session_set_rollback_tokens(mamba_session* session, int64_t tokens, mamba_status* status) {
    return api::result(status, [&] {
        Session& s = *api::require(session, "session").session;
        s.engine->set_rollback_tokens(s, tokens);
    });
}

int32_t mamba_session_rollback(mamba_session* session, int64_t count, mamba_status* status) {
    return api::result(status, [&] {
        Session& s = *api::require(session, "session").session;
        s.engine->rollback(s, count);
    });
}

int32_t mamba_session_offload(mamba_session* session, int32_t to_host, mamba_status* status) {
    return api::result(status, [&] {
        Session& s = *api::require(session, "session").session;
        s.engine->offload(s, to_host != 0);
    });
}

int64_t mamba_session_saved_size(const mamba_session* session) {
    return session == nullptr ? 0 : static_cast<int64_t>(snapshot_size(session->session->state));
}

int32_t mamba_session_save(const mamba_session* session, uint8_t* buffer, size_t capacity, size_t* length, mamba_status* status) {
    return api::result(status, [&] {
        const Session& s = *api::require(session, "session").session;
        const size_t size = snapshot_size(s.state);
        api::require(length, "length") = size;
        if (capacity < size) fail(MAMBA_BUFFER_TOO_SMALL, "the saved session needs ", size, " bytes, the buffer has ", capacity);
        save_snapshot(s.state, s.engine->model().fingerprint, reinterpret_cast<std::byte*>(&api::require(buffer, "buffer")));
    });
}

mamba_session* mamba_session_load(mamba_engine* engine, const uint8_t* buffer, size_t length, mamba_status* status) {
    return api::handle(status, [&] {
        Engine& e = *api::require(engine, "engine").engine;
        if (length != 0) api::require(buffer, "buffer");
        State state = e.new_state();
        load_snapshot(reinterpret_cast<const std::byte*>(buffer), length, e.model().fingerprint, state, e.layout().step_sums, &e.model());
        return new mamba_session{e.adopt_session(std::move(state))};
    });
}

mamba_session* mamba_session_merge(mamba_engine* engine, const uint64_t* sessions, int32_t session_count, int32_t merge, mamba_status* status) {
    return api::handle(status, [&] {
        Engine& e = *api::require(engine, "engine").engine;
        if (session_count < 1 || session_count > most_merged) {
            fail(MAMBA_INVALID_ARGUMENT, session_count, " sessions cannot be merged; give 1 to ", most_merged);
        }
        if (merge < MAMBA_MERGE_CONCATENATE || merge > MAMBA_MERGE_ALL_ORDERS) fail(MAMBA_INVALID_ARGUMENT, merge, " is no mamba_merge");
        api::require(sessions, "sessions");
        std::vector<std::shared_ptr<Session>> parts;
        for (int32_t i = 0; i < session_count; ++i) parts.push_back(e.find_session(sessions[i]));
        return new mamba_session{e.merge_sessions(parts, static_cast<mamba_merge>(merge))};
    });
}
