// What a run reads, as the kernels see it.
#pragma once

#include <cstdint>

#include "backends/cuda/policy.h"

namespace mamba::cuda {

// A session's tokens: rows first_row .. first_row + count.
struct Part {
    float* state;        // its slot; layout: states.h
    int32_t first_row;
    int32_t count;
    int32_t phase;       // of the first token: its position in the session, modulo d_conv
    int32_t recent;      // Mamba-2: entries of the ring that wait before it (states.h)
    int32_t folds;       // Mamba-2: whether a step brings them and its own token into the state
    int32_t reserved;
};

// Device memory, filled before each run.
struct Batch {
    const int32_t* tokens;    // [rows]
    const int32_t* part_of;   // [rows]: index of the row's part
    const Part* parts;        // [part_count]
    int32_t rows;
    int32_t part_count;
    const PartPolicy* policies = nullptr;  // [part_count]; NULL: no part has any
    bool capped = false;                   // whether one is under a state-norm
};

}  // namespace mamba::cuda
