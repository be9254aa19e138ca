#include "engine/engine.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "engine/top.h"

namespace mamba {
namespace {

constexpr int64_t default_batch_tokens = 512;
// Rows of logits computed at a time when only their largest entries are wanted.
constexpr int64_t top_rows = 16;

int64_t checked_batch_tokens(int64_t asked) {
    if (asked == 0) return default_batch_tokens;
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

}  // namespace

Engine::Engine(std::shared_ptr<const Model> model, const EngineOptions& options)
    : model_(checked_model(std::move(model))), layout_(model_->config), kernels_(select_kernels(options.isa)),
      rollback_tokens_(checked_rollback_tokens(options.rollback_tokens)), state_memory_(layout_.floats, layout_.entry_floats),
      weights_(*model_, kernels_, model_.use_count() == 1),
      pool_(checked_threads(options.threads)),
      work_(model_->config, checked_batch_tokens(options.max_batch_tokens), pool_.size(), weights_.operand_row_bytes()),
      forward_(*model_, weights_, layout_, kernels_, pool_, work_) {}

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

std::shared_ptr<Session> Engine::adopt_session(State state) { return add(std::move(state), History(rollback_tokens_)); }

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
    check(items);
    int64_t tokens = 0, rows = 0;
    bool stops = false;  // for a checkpoint on the way
    for (const BatchItem& item : items) {
        tokens += item.count;
        rows += item.logits_count;
        const int64_t begin = item.session->state.token_count;
        stops = stops || item.session->history.checkpoint_within(begin, begin + item.count) > begin;
    }
    Buffer<float> top_logits;
    if (output.top != nullptr) {
        const int64_t floats = std::min(rows, top_rows) * model_->config.padded_vocab_size;
        top_logits = Buffer<float>(static_cast<size_t>(floats), "the rows of logits to choose from");
    }

    // One slice runs to its end; of several, a later one may be cancelled or lack memory, so the states before are kept.
    const bool several = tokens > work_.rows || stops;
    struct Before {
        std::optional<State> state;
        History history;
    };
    std::vector<Before> before;
    before.reserve(items.size());
    for (const BatchItem& item : items) {
        before.push_back({std::nullopt, item.session->history});
        if (several) before.back().state = item.session->state.clone();
    }
    try {
        for (const BatchItem& item : items) {
            if (item.count > 0) item.session->history.before_advance(item.session->state, item.count);
        }
        advance(items, output, top_logits.data(), cancellation);
    } catch (...) {
        for (size_t i = 0; i < before.size(); ++i) {
            if (before[i].state) std::swap(items[i].session->state, *before[i].state);
            std::swap(items[i].session->history, before[i].history);
        }
        throw;
    }
    evaluations_.fetch_add(1, std::memory_order_relaxed);
}

void Engine::advance(const std::vector<BatchItem>& items, const BatchOutput& output, float* top_logits, const Cancellation* cancellation) {
    const int64_t d = model_->config.d_model;
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
    if (output.logits != nullptr) logits.reserve(static_cast<size_t>(std::min(rows, work_.rows)));
    if (output.top != nullptr) top.reserve(static_cast<size_t>(std::min(rows, work_.rows)));
    const auto want = [&](const BatchItem& item, int64_t index, const float* hidden) {
        if (output.logits != nullptr) logits.push_back({hidden, item.logits_offset + index});
        if (output.top != nullptr) top.push_back({hidden, item.top_offset + index});
    };
    for (const BatchItem& item : items) {
        if (item.count == 0 && item.logits_count == 1) want(item, 0, item.session->state.hidden.data());
    }
    emit(logits, top, output, top_logits);

    Slice slice;
    while (left > 0) {
        if (cancellation != nullptr && cancellation->requested.load(std::memory_order_relaxed)) {
            fail(MAMBA_CANCELLED, "the evaluation was cancelled; every session is as it was before");
        }
        slice.clear();
        for (size_t i = 0; i < items.size() && slice.rows < work_.rows; ++i) {
            const BatchItem& item = items[i];
            State& state = item.session->state;
            // Up to the checkpoint first, if there is one to be taken on the way.
            const int64_t goal = done[i] < checkpoint[i] ? checkpoint[i] : item.count;
            int64_t count = std::min(goal - done[i], work_.rows - slice.rows);
            // What does not end the item ends on the chunk grid (absolute), where a cut changes no bit.
            if (done[i] + count < item.count) count -= std::min(count, (state.token_count + count) % chunk_tokens);
            if (count <= 0) continue;
            slice.add(static_cast<int64_t>(i), &state, item.tokens + done[i], count);
        }
        slice.arrange();
        forward_.run(slice);
        tokens_evaluated_.fetch_add(slice.rows, std::memory_order_relaxed);

        logits.clear();
        top.clear();
        for (const Piece& piece : slice.pieces) {
            const auto i = static_cast<size_t>(piece.item);
            const BatchItem& item = items[i];
            for (int64_t t = std::max(done[i], item.count - item.logits_count); t < done[i] + piece.count; ++t) {
                want(item, t - (item.count - item.logits_count), work_.normed.data() + (piece.first_row + t - done[i]) * d);
            }
            done[i] += piece.count;
            left -= piece.count;
            if (done[i] == checkpoint[i] && checkpoint[i] > 0) {
                item.session->history.restart(*piece.state);
                noted[i] = done[i];
            }
        }
        emit(logits, top, output, top_logits);
    }
    for (size_t i = 0; i < items.size(); ++i) {
        if (items[i].count > 0) items[i].session->history.appended(items[i].tokens + noted[i], items[i].count - noted[i]);
    }
}

void Engine::emit(const std::vector<LogitsRow>& logits, const std::vector<LogitsRow>& top, const BatchOutput& output, float* top_logits) {
    const int64_t d = model_->config.d_model, v = model_->config.padded_vocab_size;
    // Hidden rows are brought together, so that the head is read once for as many as go out side by side.
    const auto gather = [&](const std::vector<LogitsRow>& rows, size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) {
            std::copy_n(rows[i].hidden, d, work_.gathered.data() + static_cast<int64_t>(i - begin) * d);
        }
    };
    for (size_t begin = 0, end; begin < logits.size(); begin = end) {
        const size_t most = std::min(logits.size(), begin + static_cast<size_t>(work_.rows));
        for (end = begin + 1; end < most && logits[end].out == logits[end - 1].out + 1;) ++end;
        gather(logits, begin, end);
        forward_.head(work_.gathered.data(), static_cast<int64_t>(end - begin), output.logits + logits[begin].out * v);
    }
    for (size_t begin = 0, end; begin < top.size(); begin = end) {
        end = std::min(top.size(), begin + static_cast<size_t>(top_rows));
        gather(top, begin, end);
        forward_.head(work_.gathered.data(), static_cast<int64_t>(end - begin), top_logits);
        for (size_t i = begin; i < end; ++i) {
            const uint32_t* mask = output.masks == nullptr ? nullptr : output.masks + top[i].out * output.mask_words;
            select_top(top_logits + static_cast<int64_t>(i - begin) * v, model_->config.vocab_size, mask, output.mask_words, output.top_k,
                       output.top + top[i].out * output.top_k);
        }
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
    Slice slice;
    for (const std::vector<int32_t>& piece : replay.pieces) {
        const int64_t size = static_cast<int64_t>(piece.size());
        for (int64_t done = 0, count; done < size; done += count) {
            count = std::min(size - done, work_.rows);
            if (done + count < size) count -= (state.token_count + count) % chunk_tokens;
            slice.clear();
            slice.add(0, &state, piece.data() + done, count);
            slice.arrange();
            forward_.run(slice);
        }
    }
    session.state.assign(state);
    session.history.truncate(target);
}

void Engine::fold(Session& session) {
    const std::lock_guard lock(evaluating_);
    forward_.fold(session.state);
}

double Engine::measure_bandwidth() {
    const std::lock_guard lock(evaluating_);
    // Several times the largest last-level cache; each thread walks eight streams at once, as the decode kernels do.
    constexpr int64_t streams = 8, words_a_stream = (int64_t{1} << 22) + 8 * 1237, repeats = 5;
    const int64_t words_a_thread = streams * words_a_stream;
    Buffer<uint64_t> memory(static_cast<size_t>(pool_.size() * words_a_thread), "the bandwidth measurement");
    // Written first: memory that was never written is one page of zeros, read from the cache.
    pool_.run([&](int worker) { std::fill_n(memory.data() + worker * words_a_thread, words_a_thread, uint64_t{1}); });
    std::atomic<uint64_t> sink{0};
    double best = 0;
    for (int repeat = 0; repeat < repeats; ++repeat) {
        const auto start = std::chrono::steady_clock::now();
        pool_.run([&](int worker) {
            const uint64_t* base = memory.data() + worker * words_a_thread;
            uint64_t sums[streams] = {};
            for (int64_t i = 0; i < words_a_stream; i += 8) {
                for (int64_t s = 0; s < streams; ++s) {
                    const uint64_t* line = base + s * words_a_stream + i;
                    sums[s] += line[0] + line[1] + line[2] + line[3] + line[4] + line[5] + line[6] + line[7];
                }
            }
            uint64_t sum = 0;
            for (const uint64_t s : sums) sum += s;
            sink.fetch_add(sum, std::memory_order_relaxed);
        });
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        best = std::max(best, static_cast<double>(memory.bytes()) / seconds);
    }
    return best;
}

}  // namespace mamba
