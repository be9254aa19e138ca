// What an engine computes with: this machine's processors (cpu_backend.h) or a device (device_backend.h). It holds the weights as its
// kernels read them, and working memory for one slice. One call at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/output.h"
#include "engine/slice.h"
#include "state/state_memory.h"

namespace mamba {

class Backend {
public:
    virtual ~Backend() = default;

    virtual mamba_device_kind kind() const = 0;
    virtual int32_t index() const = 0;  // among devices of its kind
    virtual mamba_isa isa() const = 0;  // of the processor's kernels
    virtual int threads() const = 0;
    // Rows of a slice at most.
    virtual int64_t rows() const = 0;
    // Held beside the weights.
    virtual int64_t memory_bytes() const = 0;
    // What its states are made of.
    virtual StateMemory& states() = 0;

    // Takes the memory that outputs of so many rows need: after it, outputs ask for none.
    virtual void make_room(int64_t rows, const BatchOutput& output) = 0;
    // Advances the states of the slice's pieces; a device may have only begun when it returns.
    virtual void run(const Slice& slice) = 0;
    // Logits of rows of the last slice and of states, and the largest of them, to `output`.
    virtual void emit(const std::vector<LogitsRow>& logits, const std::vector<LogitsRow>& top, const BatchOutput& output) = 0;
    // An evaluation has ended with an error after its only slice ran: nobody knows what its states hold. run() says so from then on.
    virtual void abandon() = 0;
    // Brings what waits in a ring into the states.
    virtual void fold(State& state) = 0;
    // A layer's state as of the last token, ssm_floats of the layout.
    virtual void copy_layer_state(const State& state, int64_t layer, float* out) = 0;
    // Every head of it (state/statistics.h).
    virtual void measure(const State& state, int64_t layer, mamba_head_statistics* heads) = 0;
    // Returns when all that was begun has ended.
    virtual void wait() = 0;

    // Bytes a second that reading the weights' memory reaches now.
    virtual double measure_bandwidth() = 0;
};

}  // namespace mamba
