#include "engine/engine.h"

#include <algorithm>
#include <optional>

#include "engine/cpu_backend.h"
#include "engine/device_backend.h"
#include "engine/trace.h"

namespace mamba {
namespace {

// Rows of a slice where none are asked for: on a device as many as keep its matrix units busy for longer than kernels take to begin.
constexpr int64_t default_batch_tokens = 512, default_device_batch_tokens = 8192;

int64_t checked_batch_tokens(int64_t asked, int64_t unasked) {
    if (asked == 0) return unasked;
    if (asked < chunk_tokens || asked > (1 << 20)) {
        fail(MAMBA_INVALID_ARGUMENT, "max_batch_tokens is ", asked, "; it must be 0 or from ", chunk_tokens, " to ", 1 << 20);
    }
    return asked / chunk_tokens * chunk_tokens;
}

int checked_threads(int asked) {
    if (asked < 0 || asked > 1024) fail(MAMBA_INVALID_ARGUMENT, "thread_count is ", asked, "; it must be from 0 (one a processor) to 1024");
    return asked == 0 ? platform::processor_count() : asked;
}

int64_t checked_rollback_tokens(int64_t asked) {
    if (asked < 0 || asked > (1 << 20)) fail(MAMBA_INVALID_ARGUMENT, "rollback_tokens is ", asked, "; it must be from 0 to ", 1 << 20);
    return asked;
}

std::shared_ptr<const Model> checked_model(std::shared_ptr<const Model> model) {
    if (model->layers.empty()) fail(MAMBA_UNSUPPORTED, "this file holds a vocabulary and no weights: it can tokenize, and nothing else");
    return model;
}

// What a device has no kernels for.
void check_policy_on_device(const Policy& policy) {
    if (policy.kind() == MAMBA_POLICY_DIFFERENCE_WINDOW) {
        fail(MAMBA_UNSUPPORTED, "a device has no difference-window, which is there to verify restart-window: set that, or run this model on the CPU");
    }
}

// alone: nobody else holds the model.
std::unique_ptr<Backend> make_backend(const Model& model, bool alone, const StateLayout& layout, const EngineOptions& options) {
    const int64_t asked = options.max_batch_tokens;
    const int threads = checked_threads(options.threads);
    if (options.device_kind == MAMBA_DEVICE_CUDA) {
        const int64_t rows = checked_batch_tokens(asked, default_device_batch_tokens);
        return std::make_unique<DeviceBackend>(model, alone, layout, options.device_index, rows);
    }
    return std::make_unique<CpuBackend>(model, alone, layout, options.isa, threads, checked_batch_tokens(asked, default_batch_tokens));
}

}  // namespace

Engine::Engine(std::shared_ptr<const Model> model, const EngineOptions& options)
    : model_(checked_model(std::move(model))), layout_(model_->config), rollback_tokens_(checked_rollback_tokens(options.rollback_tokens)),
      backend_(make_backend(*model_, model_.use_count() == 1, layout_, options)) {}

std::shared_ptr<Session> Engine::add(State state, History history) {
    auto session = std::make_shared<Session>(shared_from_this(), std::move(state), std::move(history));
    const std::lock_guard lock(sessions_mutex_);
    sessions_.emplace(session->id, session);
    return session;
}

std::shared_ptr<Session> Engine::create_session() {
    return add(new_state(), History(rollback_tokens_));
}

std::shared_ptr<Session> Engine::clone_session(const Session& session) { return add(session.state.clone(), session.history); }

std::shared_ptr<Session> Engine::adopt_session(State state) {
    if (state.policy.on() && backend_->kind() != MAMBA_DEVICE_CPU) check_policy_on_device(*state.policy.rule);
    return add(std::move(state), History(rollback_tokens_));
}

void Engine::set_rollback_tokens(Session& session, int64_t tokens) { session.history.set_reach(checked_rollback_tokens(tokens)); }

void Engine::remove(uint64_t id) noexcept {
    const std::lock_guard lock(sessions_mutex_);
    sessions_.erase(id);
}

std::shared_ptr<Session> Engine::find_session(uint64_t id) {
    const std::lock_guard lock(sessions_mutex_);
    const auto found = sessions_.find(id);
    std::shared_ptr<Session> session = found == sessions_.end() ? nullptr : found->second.lock();
    if (!session) fail(MAMBA_NOT_FOUND, "this engine has no session ", id, ": it was freed, or belongs to another engine");
    return session;
}

void Engine::check(const std::vector<BatchItem>& items) const {
    std::vector<uint64_t> ids;
    for (const BatchItem& item : items) {
        ids.push_back(item.session->id);
        if (item.session->engine.get() != this) fail(MAMBA_INVALID_ARGUMENT, "session ", item.session->id, " belongs to another engine");
        if (item.count < 0) fail(MAMBA_INVALID_ARGUMENT, "session ", item.session->id, " is to consume ", item.count, " tokens");
        // Without new tokens the logits after the last consumed one can be had, and no others.
        const int64_t most = item.count > 0 ? item.count : std::min<int64_t>(1, item.session->state.token_count);
        if (item.logits_count < 0 || item.logits_count > most) {
            fail(MAMBA_INVALID_ARGUMENT, "logits of ", item.logits_count, " tokens were asked for, ", most, " can be had of session ",
                 item.session->id, item.count == 0 ? " without new tokens" : "");
        }
        for (int64_t t = 0; t < item.count; ++t) {
            if (item.tokens[t] < 0 || item.tokens[t] >= model_->config.padded_vocab_size) {
                fail(MAMBA_INVALID_ARGUMENT, "token ", item.tokens[t], " at position ", t, " is outside of the vocabulary of ",
                     model_->config.padded_vocab_size);
            }
        }
    }
    std::sort(ids.begin(), ids.end());
    const auto twice = std::adjacent_find(ids.begin(), ids.end());
    if (twice != ids.end()) fail(MAMBA_INVALID_ARGUMENT, "session ", *twice, " stands in the batch twice");
}

void Engine::evaluate(const std::vector<BatchItem>& items, const BatchOutput& output, const Cancellation* cancellation) {
    const std::lock_guard lock(evaluating_);
    advance_all(items, output, cancellation, nullptr);
}

void Engine::trace(const std::shared_ptr<Session>& session, const int32_t* tokens, int64_t count, int64_t layer, float* values) {
    if (backend_->kind() != MAMBA_DEVICE_CPU) fail(MAMBA_UNSUPPORTED, "a device does not trace its layers: run this model on the CPU");
    const std::lock_guard lock(evaluating_);
    const LayerTrace trace{layer, session->state.token_count, values};
    advance_all({{session, tokens, count, 0, 0, 0}}, {}, nullptr, &trace);
}

void Engine::advance_all(const std::vector<BatchItem>& items, const BatchOutput& output, const Cancellation* cancellation,
                         const LayerTrace* trace) {
    check(items);
    int64_t tokens = 0, rows = 0;
    bool stops = false;  // for a checkpoint on the way
    for (const BatchItem& item : items) {
        tokens += item.count;
        rows += item.logits_count;
        const int64_t begin = item.session->state.token_count;
        stops = stops || item.session->history.checkpoint_within(begin, begin + item.count) > begin;
    }
    backend_->make_room(rows, output);
    for (const BatchItem& item : items) item.session->state.bring_back();

    // One slice runs to its end; of several, a later one may be cancelled or lack memory, so the states before are kept.
    const bool several = tokens > backend_->rows() || stops;
    struct Before {
        std::optional<State> state;
        History history;
        int64_t token_count;
    };
    std::vector<Before> before;
    before.reserve(items.size());
    for (const BatchItem& item : items) {
        before.push_back({std::nullopt, item.session->history, item.session->state.token_count});
        if (several) before.back().state = item.session->state.clone();
    }
    try {
        for (const BatchItem& item : items) {
            if (item.count > 0) item.session->history.before_advance(item.session->state, item.count);
        }
        advance(items, output, cancellation, trace);
    } catch (...) {
        for (size_t i = 0; i < before.size(); ++i) {
            if (before[i].state) std::swap(items[i].session->state, *before[i].state);
            else if (items[i].session->state.token_count != before[i].token_count) backend_->abandon();
            std::swap(items[i].session->history, before[i].history);
        }
        throw;
    }
    evaluations_.fetch_add(1, std::memory_order_relaxed);
}

void Engine::advance(const std::vector<BatchItem>& items, const BatchOutput& output, const Cancellation* cancellation,
                     const LayerTrace* trace) {
    std::vector<int64_t> done(items.size(), 0), noted(items.size(), 0), checkpoint(items.size(), 0);
    int64_t left = 0, rows = 0;
    for (size_t i = 0; i < items.size(); ++i) {
        left += items[i].count;
        rows += items[i].logits_count;
        const int64_t begin = items[i].session->state.token_count;
        checkpoint[i] = items[i].session->history.checkpoint_within(begin, begin + items[i].count) - begin;
    }
    // Memory for what a slice brings is taken before the first one moves a state.
    std::vector<LogitsRow> logits, top;
    if (output.logits != nullptr) logits.reserve(static_cast<size_t>(std::min(rows, backend_->rows())));
    if (output.top != nullptr) top.reserve(static_cast<size_t>(std::min(rows, backend_->rows())));
    const auto want = [&](const BatchItem& item, int64_t index, const State* state, int64_t row) {
        if (output.logits != nullptr) logits.push_back({state, row, item.logits_offset + index});
        if (output.top != nullptr) top.push_back({state, row, item.top_offset + index});
    };
    for (const BatchItem& item : items) {
        if (item.count == 0 && item.logits_count == 1) want(item, 0, &item.session->state, 0);
    }
    backend_->emit(logits, top, output);

    Slice slice;
    slice.trace = trace;
    while (left > 0) {
        if (cancellation != nullptr && cancellation->requested.load(std::memory_order_relaxed)) {
            fail(MAMBA_CANCELLED, "the evaluation was cancelled; every session is as it was before");
        }
        slice.clear();
        for (size_t i = 0; i < items.size() && slice.rows < backend_->rows(); ++i) {
            const BatchItem& item = items[i];
            State& state = item.session->state;
            // Up to the checkpoint first, if there is one to be taken on the way.
            const int64_t goal = done[i] < checkpoint[i] ? checkpoint[i] : item.count;
            int64_t count = std::min(goal - done[i], backend_->rows() - slice.rows);
            // What does not end the item ends on the chunk grid (absolute), where a cut changes no bit.
            if (done[i] + count < item.count) count -= std::min(count, (state.token_count + count) % chunk_tokens);
            if (count <= 0) continue;
            slice.add(static_cast<int64_t>(i), &state, item.tokens + done[i], count);
        }
        slice.arrange();
        backend_->run(slice);
        tokens_evaluated_.fetch_add(slice.rows, std::memory_order_relaxed);

        logits.clear();
        top.clear();
        for (const Piece& piece : slice.pieces) {
            const auto i = static_cast<size_t>(piece.item);
            const BatchItem& item = items[i];
            for (int64_t t = std::max(done[i], item.count - item.logits_count); t < done[i] + piece.count; ++t) {
                want(item, t - (item.count - item.logits_count), nullptr, piece.first_row + t - done[i]);
            }
            done[i] += piece.count;
            left -= piece.count;
            if (done[i] == checkpoint[i] && checkpoint[i] > 0) {
                item.session->history.restart(*piece.state);
                noted[i] = done[i];
            }
        }
        backend_->emit(logits, top, output);
    }
    backend_->wait();
    for (size_t i = 0; i < items.size(); ++i) {
        if (items[i].count > 0) items[i].session->history.appended(items[i].tokens + noted[i], items[i].count - noted[i]);
    }
}

void Engine::rollback(Session& session, int64_t count) {
    const std::lock_guard lock(evaluating_);
    const int64_t available = session.history.available(session.state);
    if (count < 0) fail(MAMBA_INVALID_ARGUMENT, count, " tokens cannot be undone");
    if (count == 0) return;
    if (count > available) {
        fail(MAMBA_NOT_ROLLBACKABLE, "the last ", count, " tokens were to be undone, ", available,
             " can be: raise rollback_tokens, or fork the session before what may have to be undone");
    }
    const int64_t target = session.state.token_count - count;
    const History::Replay replay = session.history.replay(target);
    State state = replay.checkpoint->clone();
    auto change = replay.changes.begin();
    const auto change_policies = [&] {
        for (; change != replay.changes.end() && change->position == state.token_count; ++change) change_policy(state, change->policy);
    };
    Slice slice;
    for (const std::vector<int32_t>& piece : replay.pieces) {
        change_policies();
        const int64_t size = static_cast<int64_t>(piece.size());
        for (int64_t done = 0, count; done < size; done += count) {
            count = std::min(size - done, backend_->rows());
            if (done + count < size) count -= (state.token_count + count) % chunk_tokens;
            slice.clear();
            slice.add(0, &state, piece.data() + done, count);
            slice.arrange();
            backend_->run(slice);
        }
    }
    change_policies();
    History history = session.history;
    history.truncate(target);
    if (state.policy.rule != session.state.policy.rule) {
        change_policy(state, session.state.policy.rule);
        history.policy_set(target, session.state.policy.rule);
    }
    std::swap(session.state, state);
    std::swap(session.history, history);
}

void Engine::change_policy(State& state, std::shared_ptr<const Policy> policy) {
    PolicyState next(std::move(policy), state.token_count, backend_->states().device());
    backend_->fold(state);
    state.tracking.clear();  // decays under two policies have no sum that says what is left
    state.policy = std::move(next);
}

void Engine::set_policy(Session& session, std::shared_ptr<const Policy> policy) {
    const std::lock_guard lock(evaluating_);
    if (policy && backend_->kind() != MAMBA_DEVICE_CPU) check_policy_on_device(*policy);
    if (policy == session.state.policy.rule) return;
    History history = session.history;
    history.policy_set(session.state.token_count, policy);
    change_policy(session.state, std::move(policy));
    std::swap(session.history, history);
}

void Engine::offload(Session& session, bool to_host) {
    if (backend_->kind() == MAMBA_DEVICE_CPU) return;
    const std::lock_guard lock(evaluating_);  // forks share checkpoints
    if (!to_host) return session.state.bring_back();
    session.history.offload();
    session.state.offload();  // last: where there is no room for all, the session stays where it is
}

void Engine::fold(Session& session) {
    const std::lock_guard lock(evaluating_);
    backend_->fold(session.state);
}

void Engine::set_tracking(Session& session, bool on) {
    if (on == session.state.tracking.on()) return;
    if (on) session.state.tracking.start(layout_.step_sums, backend_->states().device());
    else session.state.tracking.stop();
    session.history = History(session.history.reach());
}

double Engine::measure_bandwidth() {
    const std::lock_guard lock(evaluating_);
    return backend_->measure_bandwidth();
}

}  // namespace mamba
