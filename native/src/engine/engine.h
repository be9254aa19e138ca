// A model on a device, and the sessions that it advances there.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "engine/backend.h"
#include "engine/session.h"
#include "model/model.h"
#include "state/layout.h"

namespace mamba {

// A wish to stop, raised from any thread.
struct Cancellation {
    std::atomic<bool> requested{false};
};

struct EngineOptions {
    mamba_device_kind device_kind = MAMBA_DEVICE_CPU;
    int32_t device_index = 0;
    mamba_isa isa = MAMBA_ISA_AUTO;
    int threads = 0;              // 0: one a processor
    int64_t max_batch_tokens = 0; // rows of a slice; 0: 512, on a device 8,192
    int64_t rollback_tokens = 0;
};

// One session's part of an evaluation.
struct BatchItem {
    std::shared_ptr<Session> session;
    const int32_t* tokens;
    int64_t count;
    int64_t logits_count;
    int64_t logits_offset;  // row of `logits`
    int64_t top_offset;     // row of `top`
};

class Engine : public std::enable_shared_from_this<Engine> {
public:
    Engine(std::shared_ptr<const Model> model, const EngineOptions& options);

    const Model& model() const { return *model_; }
    const StateLayout& layout() const { return layout_; }
    mamba_device_kind device_kind() const { return backend_->kind(); }
    int32_t device_index() const { return backend_->index(); }
    mamba_isa isa() const { return backend_->isa(); }
    int threads() const { return backend_->threads(); }
    int64_t max_batch_tokens() const { return backend_->rows(); }
    int64_t rollback_tokens() const { return rollback_tokens_; }
    // Working memory and packed weights.
    int64_t memory_bytes() const { return backend_->memory_bytes(); }
    int64_t evaluations() const { return evaluations_.load(std::memory_order_relaxed); }
    int64_t tokens_evaluated() const { return tokens_evaluated_.load(std::memory_order_relaxed); }

    // An empty state, for adopt_session.
    State new_state() { return State(backend_->states(), model_->config.d_model); }
    std::shared_ptr<Session> create_session();
    std::shared_ptr<Session> clone_session(const Session& session);
    std::shared_ptr<Session> adopt_session(State state);
    // A session made of others of this engine, which stay as they are: mamba_session_merge.
    std::shared_ptr<Session> merge_sessions(const std::vector<std::shared_ptr<Session>>& parts, mamba_merge merge);
    // The session of an id. Throws MAMBA_NOT_FOUND.
    std::shared_ptr<Session> find_session(uint64_t id);

    // All or nothing: when it throws, no session has moved. Arguments are checked first, memory is taken second, and then a
    // slice runs to its end; between two, a cancellation or a checkpoint without memory stops it, and the states before come back.
    void evaluate(const std::vector<BatchItem>& items, const BatchOutput& output, const Cancellation* cancellation);
    // From now on the session's last `tokens` tokens can be undone, in place of the engine's rollback_tokens.
    void set_rollback_tokens(Session& session, int64_t tokens);
    // Undoes the last `count` tokens exactly. The policy in force stays; where it was set behind what is left, it is set there anew.
    void rollback(Session& session, int64_t count);

    // On a device: moves the session's state and what it keeps for undo to host memory, or its state back; an evaluation brings it back
    // unasked. Leaves the copies under way, beside other sessions' evaluations. On the CPU it does nothing.
    void offload(Session& session, bool to_host);

    // From the next token on the session is under this policy, as new; NULL: under none. What one has gathered before is let go. Throws
    // MAMBA_UNSUPPORTED for a difference-window on a device; whatever it throws, nothing has changed.
    void set_policy(Session& session, std::shared_ptr<const Policy> policy);

    // Brings what waits in the session's ring into its states, so that `values` holds them as of the last token. A later token then may
    // differ in its last bits from what it would have been: nothing does this unasked.
    void fold(Session& session);
    // The state of one layer as of the last token, ssm_floats of the layout; the session stays as it is.
    void copy_layer_state(const Session& session, int64_t layer, float* out) const { backend_->copy_layer_state(session.state, layer, out); }
    // Sums of dt from now on, or no longer (state/tracking.h); on where it is on changes nothing. A change forgets what could be undone, as
    // checkpoints before it have no sums.
    void set_tracking(Session& session, bool on);
    // Every head of a layer, as of the last token (state/statistics.h); the session stays as it is.
    void measure(const Session& session, int64_t layer, mamba_head_statistics* heads) const { backend_->measure(session.state, layer, heads); }
    // As evaluate without logits, and what the layer did goes to values, [count, heads, trace_width] (engine/trace.h).
    void trace(const std::shared_ptr<Session>& session, const int32_t* tokens, int64_t count, int64_t layer, float* values);

    // Bytes a second that reading the device's memory reaches now; on the CPU, that all threads together read.
    double measure_bandwidth();

private:
    friend struct Session;
    std::shared_ptr<Session> add(State state, History history);
    void remove(uint64_t id) noexcept;

    void check(const std::vector<BatchItem>& items) const;
    // A state comes under a policy. What waits was read under the one before, and is folded with it.
    void change_policy(State& state, std::shared_ptr<const Policy> policy);
    // evaluate, for who holds evaluating_.
    void advance_all(const std::vector<BatchItem>& items, const BatchOutput& output, const Cancellation* cancellation,
                     const LayerTrace* trace);
    // Advances by slices. It may throw before the first and between two, never after the last.
    void advance(const std::vector<BatchItem>& items, const BatchOutput& output, const Cancellation* cancellation, const LayerTrace* trace);

    std::shared_ptr<const Model> model_;
    StateLayout layout_;
    int64_t rollback_tokens_;
    std::unique_ptr<Backend> backend_;

    std::mutex evaluating_;
    std::mutex sessions_mutex_;
    std::unordered_map<uint64_t, std::weak_ptr<Session>> sessions_;
    std::atomic<int64_t> evaluations_{0}, tokens_evaluated_{0};
};

}  // namespace mamba
