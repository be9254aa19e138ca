// The largest logits of each row.
#pragma once

#include <cstddef>

#include "backends/cuda/launch.h"
#include "backends/device.h"

namespace mamba::cuda {

struct Top {
    const float* logits;     // [rows, stride]
    int64_t stride;
    int32_t rows, vocabulary, k;
    const uint32_t* masks;   // [rows, mask_words] or NULL
    int32_t mask_words;
    device::TopEntry* out;   // [rows, k]
};

// Entries of a row that one block sorts in its shared memory.
constexpr int32_t top_most = device::most_top;

// Up to so many are first chosen from parts of a row, by many blocks; then from what those chose.
constexpr int32_t top_parted = 64;
// Keys of candidates that select_top needs room for.
inline size_t top_part_keys(int64_t rows, int64_t vocabulary) { return static_cast<size_t>(rows * ((vocabulary + 1023) / 1024) * top_parted); }

// k <= top_most. The largest first, of equal ones the lower token; {-1, -inf} where fewer may be chosen.
void select_top(const Queue& queue, const Top& t, unsigned long long* parts);

}  // namespace mamba::cuda
