#include "state/history.h"

#include <algorithm>

#include "backends/cpu/kernels.h"

namespace mamba {

namespace {

// Grows as push_back does, so that a token at a time costs no copy each.
template <typename T>
void make_room(std::vector<T>& items, size_t more) {
    if (items.capacity() - items.size() < more) items.reserve(std::max(items.size() + more, 2 * items.capacity()));
}

}  // namespace

void History::set_reach(int64_t reach) {
    if (reach == 0) *this = History(0);
    reach_ = reach;
}

void History::before_advance(const State& state, int64_t count) {
    if (reach_ == 0) return;
    // Of more, checkpoint_within() leaves fewer than this many.
    make_room(tokens_, static_cast<size_t>(std::min(count, reach_ + chunk_tokens)));
    make_room(cuts_, 1);
    if (!older_) {
        older_ = std::make_shared<State>(state.clone());
        return;
    }
    const State& newest = newer_ ? *newer_ : *older_;
    if (state.token_count - newest.token_count < reach_) return;
    auto checkpoint = std::make_shared<State>(state.clone());
    if (newer_) {
        const int64_t dropped = newer_->token_count - older_->token_count;
        tokens_.erase(tokens_.begin(), tokens_.begin() + dropped);
        cuts_.erase(cuts_.begin(), std::upper_bound(cuts_.begin(), cuts_.end(), newer_->token_count));
        std::erase_if(changes_, [this](const PolicyChange& change) { return change.position < newer_->token_count; });
        older_ = std::move(newer_);
    }
    newer_ = std::move(checkpoint);
}

int64_t History::checkpoint_within(int64_t begin, int64_t end) const {
    if (reach_ == 0) return begin;
    return std::max(begin, (end - reach_) / chunk_tokens * chunk_tokens);
}

void History::restart(const State& state) {
    if (reach_ == 0) return;
    older_ = std::make_shared<State>(state.clone());
    newer_.reset();
    tokens_.clear();
    cuts_.clear();
    changes_.clear();
}

void History::appended(const int32_t* tokens, int64_t count) {
    if (!older_) return;
    tokens_.insert(tokens_.end(), tokens, tokens + count);
    cuts_.push_back(older_->token_count + static_cast<int64_t>(tokens_.size()));
}

void History::policy_set(int64_t position, std::shared_ptr<const Policy> policy) {
    if (!older_) return;
    // Of several at one position the last alone counts: each begins with nothing gathered.
    if (!changes_.empty() && changes_.back().position == position) changes_.back().policy = std::move(policy);
    else changes_.push_back({position, std::move(policy)});
}

History::Replay History::replay(int64_t target) const {
    Replay replay;
    replay.checkpoint = newer_ && newer_->token_count <= target ? newer_ : older_;
    const int64_t origin = older_->token_count;
    int64_t position = replay.checkpoint->token_count;
    for (int64_t cut : cuts_) {
        cut = std::min(cut, target);
        if (cut <= position) continue;
        replay.pieces.emplace_back(tokens_.begin() + (position - origin), tokens_.begin() + (cut - origin));
        position = cut;
    }
    for (const PolicyChange& change : changes_) {
        if (change.position >= replay.checkpoint->token_count && change.position <= target) replay.changes.push_back(change);
    }
    return replay;
}

void History::offload() {
    if (older_) older_->offload();
    if (newer_) newer_->offload();
}

void History::truncate(int64_t target) {
    if (newer_ && newer_->token_count > target) newer_.reset();
    tokens_.resize(static_cast<size_t>(target - older_->token_count));
    while (!cuts_.empty() && cuts_.back() > target) cuts_.pop_back();
    while (!changes_.empty() && changes_.back().position > target) changes_.pop_back();
    if (!tokens_.empty() && (cuts_.empty() || cuts_.back() != target)) cuts_.push_back(target);
}

}  // namespace mamba
