// How every table takes a scan of Mamba-2 apart: into parts of chunks, and these into heads; and the ring's entries. Functions are static:
// a file compiled for AVX-512 must not lend its copy to others.
#pragma once

#include <cstdint>
#include <cstring>

#include "backends/cpu/kernels.h"

namespace mamba {

// One head over tokens of one chunk. x: [tokens, head_dim], b and c: [tokens, d_state] of the head's group, dt: [tokens].
struct Mamba2Head {
    int64_t tokens, head_dim, d_state;
    const float *x, *b, *c;
    int64_t stride, b_stride;  // of x and c; of b
    const float* dt; int64_t dt_stride;
    float a, d, log_retention;
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
    h.stride = h.b_stride = s.stride;
    h.dt = s.dt + first * s.dt_stride + head;
    h.dt_stride = s.dt_stride;
    h.a = s.a[head];
    h.d = s.d[head];
    h.log_retention = s.log_retention;
    h.state = s.state + head * s.head_dim * s.d_state;
    h.y = s.y != nullptr ? s.y + first * s.y_stride + head * s.head_dim : nullptr;
    h.y_stride = s.y_stride;
    return h;
}

// The first `entries` tokens of the ring as a head's inputs, which only its state waits for.
static inline Mamba2Head recent_of(const Mamba2Scan& s, int64_t head, int64_t entries) {
    Mamba2Head h{};
    h.tokens = entries;
    h.head_dim = s.head_dim;
    h.d_state = s.d_state;
    h.x = s.ring.x + head * s.head_dim;
    h.b = s.ring.b + head / s.heads_a_group * s.d_state;
    h.stride = h.b_stride = h.dt_stride = s.ring.stride;
    h.dt = s.ring.dt + head;
    h.a = s.a[head];
    h.d = s.d != nullptr ? s.d[head] : 0.0f;
    h.log_retention = s.log_retention;
    h.state = s.state + head * s.head_dim * s.d_state;
    return h;
}

// Writes token `first` of the scan behind the pending ones: of all these heads, and with the first head of a group its B.
static inline void enter_ring(const Mamba2Scan& s, int64_t first) {
    const auto copy = [](float* to, const float* from, int64_t count) {
        std::memcpy(to, from, static_cast<size_t>(count) * sizeof(float));
    };
    const int64_t entry = s.ring.pending * s.ring.stride, begin = s.head_begin, heads = s.head_end - begin;
    copy(s.ring.x + entry + begin * s.head_dim, s.x + first * s.stride + begin * s.head_dim, heads * s.head_dim);
    copy(s.ring.dt + entry + begin, s.dt + first * s.dt_stride + begin, heads);
    const int64_t group = (begin + s.heads_a_group - 1) / s.heads_a_group, end = (s.head_end + s.heads_a_group - 1) / s.heads_a_group;
    if (group < end) copy(s.ring.b + entry + group * s.d_state, s.b + first * s.stride + group * s.d_state, (end - group) * s.d_state);
}

// B of the pending tokens and of this one, whose entry another thread may be writing: [pending + 1, d_state].
static inline void copy_b(const Mamba2Scan& s, int64_t group, const Mamba2Head& token, float* out) {
    const size_t bytes = static_cast<size_t>(s.d_state) * sizeof(float);
    for (int64_t j = 0; j < s.ring.pending; ++j) std::memcpy(out + j * s.d_state, s.ring.b + j * s.ring.stride + group * s.d_state, bytes);
    std::memcpy(out + s.ring.pending * s.d_state, token.b, bytes);
}

// Calls f(first token, tokens) for each part of a chunk among `tokens` tokens from `position` on. Chunks are cut by absolute position, so
// that where a caller cut his input there changes no bit.
template <typename F>
static inline void for_chunk_parts(int64_t position, int64_t tokens, const F& f) {
    for (int64_t first = 0; first < tokens;) {
        const int64_t left_of_chunk = chunk_tokens - (position + first) % chunk_tokens;
        const int64_t count = tokens - first < left_of_chunk ? tokens - first : left_of_chunk;
        f(first, count);
        first += count;
    }
}

// Whether the token at this position brings what waits in the ring into the state.
static inline bool closes_ring(int64_t position) { return (position + 1) % ring_entries == 0; }

// Calls step(s, first token) for each part of a chunk that is a single token, chunk(s, first token, tokens) for the others, and fold(s)
// before one of these where tokens wait. In `s` the ring's count is that of this place.
template <typename Step, typename Chunk, typename Fold>
static inline void for_scan_parts(const Mamba2Scan& scan, const Step& step, const Chunk& chunk, const Fold& fold) {
    Mamba2Scan s = scan;
    for_chunk_parts(s.first_position, s.tokens, [&](int64_t first, int64_t tokens) {
        if (tokens == 1) {
            step(s, first);
        } else {
            if (s.ring.pending > 0) fold(s);
            s.ring.pending = 0;
            chunk(s, first, tokens);
        }
        s.ring.pending = pending_after(s.ring.pending, s.first_position + first, tokens);
    });
}

}  // namespace mamba
