// The CPU kernels, one table an instruction set; equations: docs/architecture.md. Every entry works on a range, so that the engine
// can split it over threads.
//
// Promise kept by every table: the bits of a result depend on the inputs of that row, head or channel alone, never on how
// many rows a call holds, where the range begins or which thread runs it. So a token's logits are the same alone, in a batch
// and after any split on the chunk grid. The order of additions is fixed: 16 lanes over k, then one tree; block after block of 32
// columns on matrix units (amx_single.inl) and for Q8_0 where there are integer dot products (q8_vnni.inl, q8_neon.inl).
#pragma once

#include <cstdint>

#include "backends/cpu/packed.h"
#include "mamba/c_api.h"
#include "model/tensor.h"

namespace mamba {

// Tokens of a full chunk of the SSD form and the grid, by absolute token position, on which input may be
// cut without changing a bit.
inline constexpr int64_t chunk_tokens = 64;

// Entries of the ring of recent inputs: single tokens leave the state as it is and wait there, until the one at an absolute position p with
// (p + 1) % ring_entries == 0 brings them all into it.
inline constexpr int64_t ring_entries = 16;
static_assert(chunk_tokens % ring_entries == 0, "at the chunk grid nothing waits");

// Tokens that wait in a ring once `tokens` more from `position` on have been read in one call, where `pending` waited before.
int64_t pending_after(int64_t pending, int64_t position, int64_t tokens);

// What Mamba-2's state does not contain yet: x, B and dt of `pending` tokens, the oldest in entry 0.
struct Mamba2Ring {
    float* x;         // [ring_entries, heads, head_dim]
    float* b;         // [ring_entries, groups, d_state]; all heads of a group read it, so who begins the ring anew waits for them
    float* dt;        // [ring_entries, heads]
    int64_t stride;   // from an entry to the next, of each
    int64_t pending;  // at most the first token's position % ring_entries
};

// Heads [head_begin, head_end) of Mamba-2 over any number of tokens. Rows are tokens, strides in floats.
struct Mamba2Scan {
    int64_t tokens;
    int64_t first_position;          // of the first token: chunks are cut at multiples of chunk_tokens
    int64_t head_begin, head_end, heads_a_group;
    int64_t head_dim, d_state;
    const float* x;                  // [tokens, heads, head_dim], after convolution and SiLU
    const float* b;                  // [tokens, groups, d_state]
    const float* c;                  // [tokens, groups, d_state]
    int64_t stride;                  // of x, b and c
    const float* dt; int64_t dt_stride;  // [tokens, heads], after softplus and clamp
    const float* a;                  // [heads], negative
    const float* d;                  // [heads], the skip
    float* state;                    // [heads, head_dim, d_state], read, and written where the ring is folded into it
    Mamba2Ring ring;                 // read and written; afterwards pending_after() wait. B is written with the first head of its group
    float* y; int64_t y_stride;      // [tokens, heads, head_dim] out; NULL: only state and ring are advanced
    bool exact;                      // nothing may be rounded to BF16
    float log_retention = 0;         // at most 0; added to every token's log-decay dt A, of those in the ring too
};

// Channels [begin, end) of Mamba-1 over any number of tokens.
struct Mamba1Channels {
    int64_t tokens, d_state, begin, end;
    const float* v; int64_t v_stride;    // [tokens, d_inner], after convolution and SiLU
    const float* dt; int64_t dt_stride;  // [tokens, d_inner], after softplus
    const float* b; int64_t b_stride;    // [tokens, d_state]
    const float* c; int64_t c_stride;    // [tokens, d_state]
    const float* a;                      // [d_inner, d_state], negative
    const float* d;                      // [d_inner]
    const float* z; int64_t z_stride;    // [tokens, d_inner] gate: y = (C s + D v) * silu(z); NULL: no gate
    float* state;                        // [d_inner, d_state], read and written
    float* y; int64_t y_stride;          // [tokens, d_inner] out; NULL: only the state is advanced
    float log_retention = 0;             // at most 0; added to every token's log-decay dt A
};

// Causal depthwise convolution and SiLU for channels [begin, end).
struct Convolution {
    int64_t tokens, channels, d_conv, begin, end;
    const float* in; int64_t in_stride;  // [tokens, channels]
    const float* window;                 // [d_conv - 1, channels]: the inputs before the first token, oldest first
    const float* weight;                 // [d_conv, channels], last tap newest
    const float* bias;                   // [channels] or NULL
    float* out; int64_t out_stride;      // [tokens, channels]; may not overlap `in`
};

struct Kernels {
    mamba_isa isa;

    // y[m, j] = (add ? y[m, j] : 0) + bias[j] + sum_k x[m, k] * w[j, k] for m < rows and begin <= j < end.
    // x: [rows, w.cols] with stride; y: [rows, w.rows] with stride (j is an absolute column). bias may be NULL.
    // scratch: matmul_scratch_floats(w.cols) floats of the calling thread.
    void (*matmul)(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t x_stride, int64_t rows, const float* bias,
                   bool add, float* y, int64_t y_stride, float* scratch);
    // The same on matrix units, with weights and rows of x laid out for them (packed.h). All four are NULL in tables without.
    // begin is a multiple of packed::panel_rows, and end another or w.rows. scratch: packed_scratch_bytes(w.cols) of the calling thread.
    void (*matmul_packed)(const Weights& w, int64_t begin, int64_t end, const Operand& x, const float* bias, bool add, float* y,
                          int64_t y_stride, std::byte* scratch);
    // Panels first .. first + count of the matrix, one after another.
    void (*pack)(const Matrix& w, int64_t first, int64_t count, std::byte* out);
    // One row of panels: as widen gives it.
    void (*unpack)(const Weights& w, int64_t row, float* out);
    // Row `row` of the `rows` that an operand of this form holds, from its w.cols values.
    void (*prepare)(OperandForm form, const float* x, int64_t cols, int64_t row, int64_t rows, std::byte* operand);
    // One row: out[i] = w[i] as FP32.
    void (*widen)(WeightType type, const std::byte* row, int64_t cols, float* out);
    // One row: y = x / sqrt(mean(x^2) + eps) * weight. y may be x. weight may be NULL (ones).
    void (*rms_norm)(const float* x, const float* weight, float eps, int64_t d, float* y);
    // One row of d_inner: gated norm of Mamba-2 in groups of `group` values. weight NULL: y * silu(z) alone. y in place.
    void (*gated_norm)(float* y, const float* z, const float* weight, float eps, int64_t d_inner, int64_t group, bool norm_before_gate);
    // x[i] = clamp(softplus(x[i] + bias[i]), low, high); bias may be NULL.
    void (*softplus)(float* x, const float* bias, float low, float high, int64_t n);
    void (*convolution)(const Convolution& c);
    void (*mamba1)(const Mamba1Channels& c);
    // Where a call brings a single token of a chunk, it is read from the state and the ring; where it brings more, the ring is folded and
    // the chunked form (SSD) follows. scratch: mamba2_scratch_floats(head_dim, d_state) floats of the calling thread.
    void (*mamba2_scan)(const Mamba2Scan& s, float* scratch);
    // Brings the pending tokens into the state of the heads, so that none wait; the ring stays as it is. Of `s`, tokens and all that is
    // theirs are not looked at.
    void (*mamba2_fold)(const Mamba2Scan& s, float* scratch);
};

// Floats of scratch a thread; the same for every table.
int64_t matmul_scratch_floats(int64_t cols);
size_t packed_scratch_bytes(int64_t cols);
int64_t mamba2_scratch_floats(int64_t head_dim, int64_t d_state);

const Kernels& scalar_kernels();
// NULL where this build does not have them.
const Kernels* avx2_kernels();
const Kernels* avx512_kernels();
const Kernels* amx_kernels();
// x64. With integer dot products for Q8_0 (AVX-VNNI or AVX-512 VNNI) or in FP32 throughout; those above are the best for this processor.
const Kernels* avx2_kernels(bool vnni);
const Kernels* avx512_kernels(bool vnni);
// arm64. How 8-bit integers are multiplied: by the instructions of every processor, or by dotprod or i8mm. All give the same bits.
enum class NeonProducts { plain, dotprod, i8mm };
const Kernels* neon_kernels(NeonProducts products);
// The best of these for this processor.
const Kernels* neon_kernels();

// The table for a forced instruction set, or the best one for MAMBA_ISA_AUTO. Throws Error MAMBA_UNSUPPORTED when this
// processor or build cannot run it.
const Kernels& select_kernels(mamba_isa isa);
// The best that this processor and build can run.
mamba_isa best_isa();
const char* name(mamba_isa isa);

}  // namespace mamba
