// A prompt under a window is read in rounds: what lies between its borders, of every part the first stretch, then of every part the second, and so
// on, for each needs the states that the one before left.
#pragma once

#include <vector>

#include "backends/cuda/batch.h"
#include "backends/cuda/mamba2_prefill.h"
#include "backends/cuda/policies.h"

namespace mamba::cuda {

class Rounds {
public:
    // Of the segments: those of a round, and behind them those of the same that newest states get; of the moves, those before it.
    struct Round {
        int32_t first, count, fed, first_move, moves, rows;
    };
    // Of some parts: their rounds, and those segments of whole parts that are in none, as they are under a state-norm.
    struct Span {
        bool needed = false;  // else the parts are read as any others
        int32_t first = 0, count = 0, first_capped = 0, capped = 0;
    };

    Rounds(const States& states, bool mamba2) : states_(states), mamba2_(mamba2) {}

    void clear();
    // Parts first_part .. first_part + count of a run; of Mamba-2 rows and chunks are counted from the first of them.
    Span add(const device::Piece* pieces, const Part* parts, int32_t first_part, int32_t count, const Policies& policies);
    // What was added, to the device. The caller's memory may be used again at once.
    void send(cudaStream_t stream);

    const Round& operator[](int32_t index) const { return rounds_[static_cast<size_t>(index)]; }
    // Device memory, of all segments and moves: of Mamba-2 pieces, of Mamba-1 parts.
    const Mamba2Piece* pieces() const { return pieces_.data(); }
    const Part* parts() const { return parts_.data(); }
    const PartPolicy* policies() const { return policies_.data(); }
    const Move* moves() const { return moves_.data(); }
    size_t bytes() const { return pieces_.bytes() + parts_.bytes() + policies_.bytes() + moves_.bytes(); }

private:
    struct Segment {
        Part part;
        Mamba2Piece piece;
        PartPolicy policy;
    };

    const States& states_;
    const bool mamba2_;
    std::vector<Segment> segments_;
    std::vector<Move> host_moves_;
    std::vector<Round> rounds_;
    // They grow by need.
    DeviceArray<Mamba2Piece> pieces_;
    DeviceArray<Part> parts_;
    DeviceArray<PartPolicy> policies_;
    DeviceArray<Move> moves_;
};

}  // namespace mamba::cuda
