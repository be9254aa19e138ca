// What a session adds up about its decay while it is asked to: sums of the step sizes dt that its scans took. What is left of a token's
// share of the state is exp(A * sum of dt since), so one number a head (Mamba-2) or channel (Mamba-1) tells it for all of the state.
#pragma once

#include <cstdint>

#include "base/buffer.h"

namespace mamba {

struct Tracking {
    Buffer<double> sums;  // StateLayout::step_sums of them; empty: not asked to
    int64_t tokens = 0;   // in the sums

    bool on() const { return !sums.empty(); }
    // From now on, with sums of zero. Throws MAMBA_OUT_OF_MEMORY, and then nothing has changed.
    void start(int64_t count);
    void stop();
    // Zeros.
    void clear();
    // Throws MAMBA_OUT_OF_MEMORY, and then nothing has changed.
    void assign(const Tracking& other);

    // Adds dt [tokens, end - begin], rows `stride` floats apart, to sums [begin, end): token after token, so that their bits do not depend on
    // where the input was cut. Counts no tokens. For the thread whose heads or channels they are.
    void add(int64_t begin, int64_t end, const float* dt, int64_t stride, int64_t dt_tokens);
};

}  // namespace mamba
