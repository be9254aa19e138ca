// How every table takes a scan of Mamba-2 apart: into parts of chunks, and these into heads. Functions are static: a file compiled for
// AVX-512 must not lend its copy to others.
#pragma once

#include <cstdint>

#include "backends/cpu/kernels.h"

namespace mamba {

// One head over tokens of one chunk. x: [tokens, head_dim], b and c: [tokens, d_state] of the head's group, dt: [tokens].
struct Mamba2Head {
    int64_t tokens, head_dim, d_state;
    const float *x, *b, *c;
    int64_t stride;  // of x, b and c
    const float* dt; int64_t dt_stride;
    float a, d;
    float* state;                // [head_dim, d_state]
    float* y; int64_t y_stride;  // [tokens, head_dim] or NULL
};

static inline Mamba2Head head_of(const Mamba2Scan& s, int64_t head, int64_t first, int64_t tokens) {
    const int64_t group = head / s.heads_a_group;
    Mamba2Head h{};
    h.tokens = tokens;
    h.head_dim = s.head_dim;
    h.d_state = s.d_state;
    h.x = s.x + first * s.stride + head * s.head_dim;
    h.b = s.b + first * s.stride + group * s.d_state;
    h.c = s.c + first * s.stride + group * s.d_state;
    h.stride = s.stride;
    h.dt = s.dt + first * s.dt_stride + head;
    h.dt_stride = s.dt_stride;
    h.a = s.a[head];
    h.d = s.d[head];
    h.state = s.state + head * s.head_dim * s.d_state;
    h.y = s.y != nullptr ? s.y + first * s.y_stride + head * s.head_dim : nullptr;
    h.y_stride = s.y_stride;
    return h;
}

// Calls f(first token, tokens) for each part of a chunk that the scan brings. Chunks are cut by absolute position, so that where a
// caller cut his input there changes no bit.
template <typename F>
static inline void for_chunk_parts(const Mamba2Scan& s, const F& f) {
    for (int64_t first = 0; first < s.tokens;) {
        const int64_t left_of_chunk = chunk_tokens - (s.first_position + first) % chunk_tokens;
        const int64_t tokens = s.tokens - first < left_of_chunk ? s.tokens - first : left_of_chunk;
        f(first, tokens);
        first += tokens;
    }
}

}  // namespace mamba
