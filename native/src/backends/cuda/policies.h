// The policies that sessions are under, on the device: their values, the sums of dt, and what each run's parts are told.
#pragma once

#include <memory>
#include <vector>

#include "backends/cuda/memory.h"
#include "backends/cuda/policy.h"
#include "backends/cuda/states.h"
#include "backends/device.h"

namespace mamba::cuda {

class Policies {
public:
    // max_parts: of a run.
    Policies(const device::Model& model, const States& states, int64_t max_parts);

    int32_t take(const device::Policy& policy);
    void give(int32_t index) { policies_[static_cast<size_t>(index)] = {}; }

    int32_t take_sums();
    void give_sums(int32_t index) { free_sums_.push_back(index); }
    void copy_sums(int32_t from, int32_t to, cudaStream_t stream);
    void read_sums(int32_t index, double* values, cudaStream_t stream) const;
    void write_sums(int32_t index, const double* values, cudaStream_t stream);

    static bool any(const device::Piece* pieces, int32_t count);
    // Of `count` tokens of a piece, from its token `first` on.
    PartPolicy part(const device::Piece& piece, int32_t first, int32_t count) const;
    // Working memory of runs.
    size_t bytes() const { return parts_.bytes() + moves_.bytes(); }
    // The pieces' policies, on the device, always at one place, and the states that newer ones take the place of before the first token. To be
    // called when the run before has left this memory, which the caller's next event says of this one.
    const PartPolicy* send(const device::Piece* pieces, int32_t count, cudaStream_t stream);
    const Move* moves() const { return moves_.data(); }
    int32_t move_count() const { return move_count_; }
    // Whether one of those that send() was told is under a state-norm.
    bool capped() const { return capped_; }
    // Tokens of a piece from its token `first` on up to the next border of its window.
    int64_t to_border(const device::Piece& piece, int32_t first) const;

private:
    struct Held {
        device::Policy policy;
        DeviceArray<float> values;
    };
    const Held* of(const device::Piece& piece) const { return piece.policy < 0 ? nullptr : &policies_[static_cast<size_t>(piece.policy)]; }

    const States& states_;
    const int64_t layers_, steps_, max_parts_;
    std::vector<Held> policies_;
    std::vector<DeviceArray<double>> sums_;
    std::vector<int32_t> free_sums_;
    // Taken when they are first needed.
    DeviceArray<PartPolicy> parts_;
    PinnedArray<PartPolicy> parts_host_;
    DeviceArray<Move> moves_;
    PinnedArray<Move> moves_host_;
    int32_t move_count_ = 0;
    bool capped_ = false;
};

}  // namespace mamba::cuda
