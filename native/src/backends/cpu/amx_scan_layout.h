// The scratch memory of amx_scan.cpp. Everything is local to each file: one that is compiled for AVX-512 must not lend its copy to others.
#pragma once

#include <cstdint>

#include "backends/cpu/kernels.h"

namespace mamba::amx_scan {
namespace {

constexpr int64_t tile = 256;          // dwords
constexpr int64_t chunk_blocks = 2;    // blocks of 32 tokens in a chunk: 32 are the k of one tile product
constexpr int64_t chunks_at_once = 8;  // more would not rest in L2
constexpr int64_t head_set = 16;       // heads whose decays are computed side by side

// Whether the tiles take a head of this shape.
constexpr bool fits(int64_t head_dim, int64_t d_state) { return head_dim % 32 == 0 && d_state % 32 == 0; }

// Of a group and chunk. Places of tiles are in the functions that fill them.
struct GroupPart {
    uint32_t* c;  // [4, d_state / 32] tiles: C, rows of tokens, pairs along d_state
    uint32_t* b;  // [d_state / 16, 2] tiles: B^T, rows of d_state, pairs along tokens
    float* cb;    // 3 blocks of 2 x 2 tiles: C B^T at and below the diagonal
};

// While a group's part is computed.
struct GroupScratch {
    uint32_t *b_high, *b_low;  // [d_state / 32, 4] tiles: B^T, pairs along d_state, and what BF16 rounds away of it
    uint32_t* c_low;           // of C
};

// Decays of a set of heads over one chunk (amx_scan.cpp names them).
struct Decays {
    float* data;  // [head_set, 3, chunk]

    float* r(int64_t head) const { return data + head * 3 * chunk_tokens; }
    float* u_dt(int64_t head) const { return r(head) + chunk_tokens; }
    float* v_dt(int64_t head) const { return r(head) + 2 * chunk_tokens; }
};

// While a head is computed, in slices of 32 columns of head_dim.
struct HeadScratch {
    float* state;           // [slices, d_state, 32]
    uint32_t* state_pairs;  // [slices, d_state / 32, 2] tiles: pairs along d_state
    uint32_t* mixed;        // tiles (0, 0), (1, 0), (2, 0), (2, 1), (3, 0), (3, 1): C B^T decayed, rows of tokens, pairs along tokens
    uint32_t* x;            // of one slice, [2, 2] tiles: the inputs, pairs along tokens
    uint32_t* weighted;     // and weighted for the state
    float* sums;            // two blocks of 2 x 2 tiles
};

class Layout {
public:
    Layout(int64_t head_dim, int64_t d_state, float* scratch)
        : head_dim_(head_dim), d_state_(d_state),
          scratch_(reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(scratch) + alignment - 1) / alignment * alignment)) {}

    // All of it, from an address of any alignment.
    static int64_t floats(int64_t head_dim, int64_t d_state) {
        const Layout layout(head_dim, d_state, nullptr);
        const int64_t group = layout.group_scratch_floats(), head = layout.head_scratch_floats();
        return layout.working_offset() + (group > head ? group : head) + alignment / static_cast<int64_t>(sizeof(float));
    }

    GroupPart group(int64_t chunk) const {
        float* c = scratch_ + chunk * group_floats();
        float* b = c + pairs(chunk_tokens, d_state_);
        return {words(c), words(b), b + pairs(chunk_tokens, d_state_)};
    }
    Decays decays(int64_t chunk) const { return {scratch_ + chunks_at_once * group_floats() + chunk * decay_floats}; }
    GroupScratch group_scratch() const {
        float* const first = scratch_ + working_offset();
        const int64_t step = pairs(chunk_tokens, d_state_);
        return {words(first), words(first + step), words(first + 2 * step)};
    }
    HeadScratch head_scratch() const {
        float* const state = scratch_ + working_offset();
        float* const state_pairs = state + d_state_ * head_dim_;
        float* const mixed = state_pairs + pairs(d_state_, head_dim_);
        float* const x = mixed + 6 * tile;
        return {state, words(state_pairs), words(mixed), words(x), words(x + 4 * tile), x + 8 * tile};
    }

private:
    static constexpr int64_t alignment = 64;  // bytes
    static constexpr int64_t decay_floats = head_set * 3 * chunk_tokens;

    static uint32_t* words(float* p) { return reinterpret_cast<uint32_t*>(p); }
    static int64_t pairs(int64_t rows, int64_t columns) { return rows * columns / 2; }
    int64_t group_floats() const { return 2 * pairs(chunk_tokens, d_state_) + 12 * tile; }
    int64_t working_offset() const { return chunks_at_once * (group_floats() + decay_floats); }
    int64_t group_scratch_floats() const { return 3 * pairs(chunk_tokens, d_state_); }
    int64_t head_scratch_floats() const { return d_state_ * head_dim_ + pairs(d_state_, head_dim_) + 22 * tile; }

    int64_t head_dim_, d_state_;
    float* scratch_;
};

}  // namespace
}  // namespace mamba::amx_scan
