// How a session takes back its last tokens exactly: checkpoints of the state a little way behind, and the tokens since, to be
// read again in the same pieces. Checkpoints are immutable, so forks share them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "state/state.h"

namespace mamba {

class History {
public:
    // `reach`: tokens that can always be taken back (once consumed); 0 keeps nothing.
    explicit History(int64_t reach) : reach_(reach) {}

    int64_t reach() const { return reach_; }
    // A shorter one is kept to by the next checkpoints; 0 forgets everything. A longer one holds once as many tokens were consumed.
    void set_reach(int64_t reach);
    // Tokens before `state` that can be taken back now.
    int64_t available(const State& state) const { return older_ ? state.token_count - older_->token_count : 0; }

    // To be called before `state` is advanced by `count` tokens: takes a checkpoint where the newest is `reach` or more behind, and
    // the memory that appended() needs.
    void before_advance(const State& state, int64_t count);
    // Where within (begin, end] a long advance is to stop for a checkpoint, on the chunk grid, so that `reach` tokens before
    // `end` can be taken back without keeping the tokens of all of it; `begin` when it need not.
    int64_t checkpoint_within(int64_t begin, int64_t end) const;
    // Takes a checkpoint of `state` and forgets what lies before it.
    void restart(const State& state);
    // Notes tokens that one call appended to the state, after its last checkpoint. Cannot fail.
    void appended(const int32_t* tokens, int64_t count);

    // A policy that was set where so many tokens had been read; NULL: none from there on.
    struct PolicyChange {
        int64_t position;
        std::shared_ptr<const Policy> policy;
    };
    // Notes one, between two calls.
    void policy_set(int64_t position, std::shared_ptr<const Policy> policy);

    // What to do to bring a state back to position `target`: start from `checkpoint` and append the pieces in order. Every change of policy
    // lies at the beginning of a piece, or at the end.
    struct Replay {
        std::shared_ptr<const State> checkpoint;
        std::vector<std::vector<int32_t>> pieces;
        std::vector<PolicyChange> changes;
    };
    Replay replay(int64_t target) const;
    // Moves the checkpoints to host memory (State::offload); what is undone is copied from there.
    void offload();
    // Forgets everything after `target`.
    void truncate(int64_t target);

private:
    int64_t reach_;
    std::shared_ptr<State> older_, newer_;  // older_ is set before newer_; newer_ may be missing
    std::vector<int32_t> tokens_;                 // those after older_
    std::vector<int64_t> cuts_;                   // absolute positions where calls ended, after older_, ascending
    std::vector<PolicyChange> changes_;           // since older_, in order; where one lies at its position it may hold it already
};

}  // namespace mamba
