#if defined(__GNUC__) && !defined(__clang__)
// GCC's own AVX-512 header leaves a register undefined on purpose and warns of it (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "backends/cpu/amx_scan.h"

#include "backends/cpu/amx_scan_layout.h"
#include "base/platform.h"

#if MAMBA_X64 && defined(__linux__)
#include <limits>

#include "backends/cpu/amx_tiles.h"
#include "backends/cpu/blocking.h"
#include "backends/cpu/mamba2_parts.h"
#include "backends/cpu/simd_avx512.h"

// The chunked form (docs/architecture.md) as products of tiles: 16 rows of 16 dwords, each FP32 or a pair of BF16. Sums are FP32.
//
// With chunks cut into blocks of 16 tokens, l the running sum of log-decays and s_I its value where block I begins, decays are products of
//   r_i = exp(l_i - s_I),  u_j = exp(s_{J+1} - l_j),  v_j = exp(s_J - l_j),  G_K = exp(s_{K+1} - s_K):
//   exp(l_i - l_j) = r_i (G_{J+1} .. G_{I-1}) u_j across blocks and r_i v_j inside one, exp(l_i) = (G_0 .. G_{I-1}) r_i.
// All but v are at most 1, so nothing overflows, and what underflows is 0. Where a block decays by more than exp(-60), v is too large and
// the block's own decays are taken one by one.
//
// No operand is transposed for a head. Pairs along K may come in any order that both operands share: here k pairs with k + 16 inside
// each 32, which joins whole vectors. The state rests transposed, [d_state, head_dim], while its head is computed:
//   inter [i, p] = C [i, n] S [n, p];  intra [i, p] = M [i, j] x [j, p];  S [n, p] = G S [n, p] + B^T [n, j] (w x) [j, p].
// C, B^T and C B^T belong to a group and are computed once for its heads.
namespace mamba::avx512 {
namespace {
#include "backends/cpu/simd_math.inl"

using namespace amx_scan;

constexpr int64_t row_bytes = 64;

// ---- Tiles

// Tiles are whole, and subnormal numbers are 0, as they are in tile products anyway: decays make many, and each costs the vector units a
// microcode assist.
class TileScope {
public:
    TileScope() { TileConfig().load(); }
    ~TileScope() { _tile_release(); }
    TileScope(const TileScope&) = delete;
    TileScope& operator=(const TileScope&) = delete;

private:
    SubnormalsAreZero subnormals_;
};

// Four tiles of sums in tmm0 .. tmm3: rows {0, 1} x columns {0, 1} of a block of 32 x 32.
MAMBA_ALWAYS_INLINE void clear_sums() {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}
// sums += a b over one k of 32. Few tiles are in use at a time (amx_matmul.inl says why).
MAMBA_ALWAYS_INLINE void add_product(const uint32_t* a0, const uint32_t* a1, const uint32_t* b0, const uint32_t* b1) {
    _tile_loadd(4, a0, row_bytes);
    _tile_loadd(5, b0, row_bytes);
    _tile_dpbf16ps(0, 4, 5);
    _tile_loadd(4, a1, row_bytes);
    _tile_dpbf16ps(2, 4, 5);
    _tile_loadd(5, b1, row_bytes);
    _tile_dpbf16ps(3, 4, 5);
    _tile_loadd(4, a0, row_bytes);
    _tile_dpbf16ps(1, 4, 5);
}
// to: four tiles one behind the other.
MAMBA_ALWAYS_INLINE void store_sums(float* to) {
    _tile_stored(0, to, row_bytes);
    _tile_stored(1, to + tile, row_bytes);
    _tile_stored(2, to + 2 * tile, row_bytes);
    _tile_stored(3, to + 3 * tile, row_bytes);
}

// ---- Pairs of BF16

MAMBA_ALWAYS_INLINE __m512i bits(Vec16 a) { return _mm512_castps_si512(a.v); }

// Each rounded to the nearest BF16; the first in the low halves. Half-way cases go away from zero.
MAMBA_ALWAYS_INLINE __m512i pairs(Vec16 first, Vec16 second) {
    const __m512i half = _mm512_set1_epi32(0x8000), high = _mm512_set1_epi32(static_cast<int>(0xffff0000));
    const __m512i low = _mm512_srli_epi32(_mm512_add_epi32(bits(first), half), 16);
    constexpr int a_or_b_and_c = 0xf8;
    return _mm512_ternarylogic_epi32(low, _mm512_add_epi32(bits(second), half), high, a_or_b_and_c);
}
// What pairs() rounds away.
MAMBA_ALWAYS_INLINE Vec16 rest(Vec16 a) {
    const __m512i rounded = _mm512_add_epi32(bits(a), _mm512_set1_epi32(0x8000));
    return a - Vec16{_mm512_castsi512_ps(_mm512_and_si512(rounded, _mm512_set1_epi32(static_cast<int>(0xffff0000))))};
}
MAMBA_ALWAYS_INLINE void store_pairs(uint32_t* to, Vec16 first, Vec16 second) { _mm512_storeu_si512(to, pairs(first, second)); }

// ---- Transposition

alignas(64) constexpr float zeros[16] = {};

// out[c][r] = in[r][c] for 16 x 16; rows from `rows` on count as zeros and are not read.
MAMBA_ALWAYS_INLINE void transpose(const float* in, int64_t stride, int64_t rows, Vec16 (&out)[16]) {
    const float* row[16];
    int64_t step[16];
    for (int64_t r = 0; r < 16; ++r) {
        row[r] = r < rows ? in + r * stride : zeros;
        step[r] = r < rows ? 4 : 0;
    }
    MAMBA_UNROLL
    for (int a = 0; a < 4; ++a) {  // columns 4 a .. 4 a + 3; lane k of gathered[b] holds row 4 k + b
        __m512 gathered[4];
        MAMBA_UNROLL
        for (int b = 0; b < 4; ++b) {
            const auto part = [&](int r) { return _mm_loadu_ps(row[r] + a * step[r]); };
            gathered[b] = _mm512_castps128_ps512(part(b));
            gathered[b] = _mm512_insertf32x4(gathered[b], part(b + 4), 1);
            gathered[b] = _mm512_insertf32x4(gathered[b], part(b + 8), 2);
            gathered[b] = _mm512_insertf32x4(gathered[b], part(b + 12), 3);
        }
        const __m512d low01 = _mm512_castps_pd(_mm512_unpacklo_ps(gathered[0], gathered[1]));
        const __m512d low23 = _mm512_castps_pd(_mm512_unpacklo_ps(gathered[2], gathered[3]));
        const __m512d high01 = _mm512_castps_pd(_mm512_unpackhi_ps(gathered[0], gathered[1]));
        const __m512d high23 = _mm512_castps_pd(_mm512_unpackhi_ps(gathered[2], gathered[3]));
        out[4 * a] = {_mm512_castpd_ps(_mm512_unpacklo_pd(low01, low23))};
        out[4 * a + 1] = {_mm512_castpd_ps(_mm512_unpackhi_pd(low01, low23))};
        out[4 * a + 2] = {_mm512_castpd_ps(_mm512_unpacklo_pd(high01, high23))};
        out[4 * a + 3] = {_mm512_castpd_ps(_mm512_unpackhi_pd(high01, high23))};
    }
}

// ---- What the heads of a group share, of one chunk

struct Chunk {
    int64_t first, tokens;

    int64_t blocks() const { return (tokens + 31) / 32; }  // of 32 tokens
};

// b and c: of the chunk's first token.
void prepare_group(const float* b, const float* c, int64_t stride, const Chunk& chunk, int64_t d_state, bool outputs,
                   const GroupPart& to, const GroupScratch& temporary) {
    const int64_t tokens = chunk.tokens, blocks = chunk.blocks(), ks = d_state / 32;
    // B^T, with pairs along tokens for the state and along d_state for C B^T.
    for (int64_t n = 0; n < d_state; n += 32) {
        for (int64_t j = 0; j < blocks; ++j) {
            alignas(64) float columns[4][16][16];  // [16 of n, 16 of tokens] as [n half, token half]
            for (int64_t quarter = 0; quarter < 4; ++quarter) {
                const int64_t token = 32 * j + 16 * (quarter % 2);
                Vec16 out[16];
                transpose(b + token * stride + n + 16 * (quarter / 2), stride, tokens - token, out);
                MAMBA_UNROLL
                for (int i = 0; i < 16; ++i) store(columns[quarter][i], out[i]);
            }
            for (int64_t half = 0; half < 2; ++half) {
                uint32_t* tile_at = to.b + ((n / 16 + half) * chunk_blocks + j) * tile;
                for (int64_t q = 0; q < 16; ++q) store_pairs(tile_at + 16 * q, load(columns[2 * half][q]), load(columns[2 * half + 1][q]));
            }
            if (!outputs) continue;
            for (int64_t half = 0; half < 2; ++half) {
                const int64_t place = (n / 32 * 4 + 2 * j + half) * tile;
                for (int64_t q = 0; q < 16; ++q) {
                    const Vec16 first = load(columns[half][q]), second = load(columns[2 + half][q]);
                    store_pairs(temporary.b_high + place + 16 * q, first, second);
                    store_pairs(temporary.b_low + place + 16 * q, rest(first), rest(second));
                }
            }
        }
    }
    if (!outputs) return;
    for (int64_t i = 0; i < 32 * blocks; ++i) {
        for (int64_t k = 0; k < ks; ++k) {
            const Vec16 first = i < tokens ? load(c + i * stride + 32 * k) : zero();
            const Vec16 second = i < tokens ? load(c + i * stride + 32 * k + 16) : zero();
            const int64_t place = (i / 16 * ks + k) * tile + i % 16 * 16;
            store_pairs(to.c + place, first, second);
            store_pairs(temporary.c_low + place, rest(first), rest(second));
        }
    }
    // C B^T in FP32 but for the product of both rests: it costs little, because all heads share it.
    memory_is_written();
    for (int64_t i = 0; i < blocks; ++i) {
        for (int64_t j = 0; j <= i; ++j) {
            clear_sums();
            for (int64_t k = 0; k < ks; ++k) {
                const int64_t a0 = (2 * i * ks + k) * tile, a1 = a0 + ks * tile, b0 = (k * 4 + 2 * j) * tile, b1 = b0 + tile;
                add_product(to.c + a0, to.c + a1, temporary.b_high + b0, temporary.b_high + b1);
                add_product(to.c + a0, to.c + a1, temporary.b_low + b0, temporary.b_low + b1);
                add_product(temporary.c_low + a0, temporary.c_low + a1, temporary.b_high + b0, temporary.b_high + b1);
            }
            store_sums(to.cb + (i + j) * 4 * tile);  // blocks (0, 0), (1, 0), (1, 1)
        }
    }
}

// ---- Decays

// Largest -l_j + s_J of which the exponential is taken.
constexpr float largest_exponent = 60;

// Of `heads` <= head_set heads, one chunk: dt and a of the first head, dt of the chunk's first token. Behind the last token nothing decays.
void prepare_decays(const float* dt, int64_t dt_stride, const float* a, float log_retention, int64_t heads, const Chunk& chunk,
                    const Decays& to) {
    const Vec16 as = load_first(a, heads);
    const auto retention = [&](int64_t token) { return token < chunk.tokens ? broadcast(log_retention) : zero(); };
    for (int64_t first = 0; first < 32 * chunk.blocks(); first += 16) {
        alignas(64) float table[3][16][16];  // [token, head]: dt, l_i - s_I, s_{I+1} - l_i
        Vec16 sum = zero();
        for (int64_t t = 0; t < 16; ++t) {
            const Vec16 step = first + t < chunk.tokens ? load_first(dt + (first + t) * dt_stride, heads) : zero();
            sum = fma(step, as, sum + retention(first + t));
            store(table[0][t], step);
            store(table[1][t], sum);
        }
        sum = zero();
        for (int64_t t = 15; t >= 0; --t) {  // by its own sum, not by a difference: that would lose small decays beside large ones
            store(table[2][t], sum);
            sum = fma(load(table[0][t]), as, sum + retention(first + t));
        }
        for (auto& part : table) {
            Vec16 columns[16];
            transpose(part[0], 16, 16, columns);
            MAMBA_UNROLL
            for (int h = 0; h < 16; ++h) store(part[h], columns[h]);
        }
        for (int64_t h = 0; h < heads; ++h) {
            const Vec16 steps = load(table[0][h]), since = load(table[1][h]);
            Vec16 decays[] = {since, load(table[2][h]), min(broadcast(largest_exponent), zero() - since)};
            exp_decay(decays);
            store(to.r(h) + first, decays[0]);
            store(to.u_dt(h) + first, decays[1] * steps);
            store(to.v_dt(h) + first, decays[2] * steps);
        }
    }
}

// ---- One head, one chunk

struct HeadCall {
    Mamba2Head h;  // of the chunk
    GroupPart group;
    const float *r, *u_dt, *v_dt;
    HeadScratch scratch;
    int64_t blocks;
    int64_t x_ahead, y_ahead;  // floats to what will be asked of memory next: the next chunk, or the next head

    // G_K.
    float total(int64_t block) const { return r[16 * block + 15]; }
    // exp(s_to - s_from), in blocks of 16.
    float across(int64_t from, int64_t to) const {
        float product = 1;
        for (int64_t k = from; k < to; ++k) product *= total(k);
        return product;
    }
};

// Factors of a chunk's tokens.
struct Weights {
    alignas(64) float to_state[chunk_tokens];  // exp(l_last - l_j) dt_j
    alignas(64) float from_state[chunk_tokens];  // exp(l_i)

    explicit Weights(const HeadCall& call) {
        const int64_t count = 2 * call.blocks;
        for (int64_t i = 0; i < count; ++i) {
            store(to_state + 16 * i, broadcast(call.across(i + 1, count)) * load(call.u_dt + 16 * i));
            store(from_state + 16 * i, broadcast(call.across(0, i)) * load(call.r + 16 * i));
        }
    }
};

// Columns p .. p + 32 of tokens t and t + 16 of a block of 32 as pairs, once as they are and once with what they bring to the state at
// the chunk's end.
MAMBA_ALWAYS_INLINE void pack_input(const HeadCall& call, const Weights& weights, int64_t p, int64_t item) {
    const int64_t block = item / 16, row = item % 16, token = 32 * block + row;
    const float* first = call.h.x + token * call.h.stride + p;
    const float* second = first + 16 * call.h.stride;
    const bool has_first = token < call.h.tokens, has_second = token + 16 < call.h.tokens;
    const Vec16 first_weight = broadcast(weights.to_state[token]), second_weight = broadcast(weights.to_state[token + 16]);
    MAMBA_UNROLL
    for (int half = 0; half < 2; ++half) {
        const Vec16 a = has_first ? load(first + 16 * half) : zero(), b = has_second ? load(second + 16 * half) : zero();
        const int64_t place = (2 * block + half) * tile + 16 * row;
        store_pairs(call.scratch.x + place, a, b);
        store_pairs(call.scratch.weighted + place, first_weight * a, second_weight * b);
        prefetch_far(reinterpret_cast<const std::byte*>(first + 16 * half + call.x_ahead));
        prefetch_far(reinterpret_cast<const std::byte*>(second + 16 * half + call.x_ahead));
    }
}

// M's block on the diagonal where it decays too fast for factors: exp(l_i - l_j) dt_j by its own sum for each pair.
MAMBA_NOINLINE void mix_fast(const HeadCall& call, int64_t block, const float* cb, float* mixed) {
    const Mamba2Head& h = call.h;
    alignas(64) float dt[16] = {};
    for (int64_t t = 0; t < 16 && 16 * block + t < h.tokens; ++t) dt[t] = h.dt[(16 * block + t) * h.dt_stride];
    Vec16 sums = zero();
    for (int64_t i = 0; i < 16; ++i) {
        sums = {_mm512_maskz_add_ps(first_lanes(i), sums.v, broadcast(dt[i] * h.a + h.log_retention).v)};
        store(mixed + 16 * i, load(cb + 16 * i) * (exp_decay(sums) * load(dt)));
    }
}

// Rows of block i of M = (C_i . B_j) exp(l_i - l_j) dt_j, zero above the diagonal.
MAMBA_ALWAYS_INLINE void mix(const HeadCall& call, int64_t i) {
    const int64_t pair = i / 2, odd = i % 2;
    const float* const r = call.r + 16 * i;
    uint32_t* to = call.scratch.mixed + (pair + 1) * (pair + odd) * tile;
    const float* cb = call.group.cb + (pair * 4 + odd * 2) * tile;
    for (int64_t j = 0; j < pair; ++j, to += tile, cb += 4 * tile) {  // 32 columns, all of them before the rows
        const Vec16 first = broadcast(call.across(2 * j + 1, i)) * load(call.u_dt + 32 * j);
        const Vec16 second = broadcast(call.across(2 * j + 2, i)) * load(call.u_dt + 32 * j + 16);
        for (int64_t q = 0; q < 16; ++q) {
            const Vec16 row = broadcast(r[q]);
            store_pairs(to + 16 * q, load(cb + 16 * q) * first * row, load(cb + tile + 16 * q) * second * row);
        }
    }
    alignas(64) float fast[tile];
    const float* diagonal = cb + odd * tile;
    const bool is_fast = call.total(i) < 1e-26f;  // exp(-largest_exponent)
    if (is_fast) mix_fast(call, i, diagonal, fast);
    const Vec16 before = load(call.u_dt + 32 * pair), own = is_fast ? broadcast(1) : load(call.v_dt + 16 * i);
    if (is_fast) diagonal = fast;
    for (int64_t q = 0; q < 16; ++q) {
        const Vec16 row = broadcast(r[q]), own_row = is_fast ? broadcast(1) : row;
        const Vec16 last = {_mm512_maskz_mul_ps(first_lanes(q + 1), (load(diagonal + 16 * q) * own).v, own_row.v)};
        if (odd == 0) store_pairs(to + 16 * q, last, zero());
        else store_pairs(to + 16 * q, load(cb + 16 * q) * before * row, last);
    }
}

// 32 tokens by 32 of head_dim, and where their products lie: a block of 2 x 2 tiles each.
struct OutputBlock {
    int64_t rows;
    const float *x, *inter, *intra, *decays;
    float* y;
};

// Row t of y = exp(l_i) inter + intra + D x.
MAMBA_ALWAYS_INLINE void finish_output(const HeadCall& call, const OutputBlock& block, int64_t t) {
    const Vec16 skip = broadcast(call.h.d), decay = broadcast(block.decays[t]);
    const float* x = block.x + t * call.h.stride;
    float* y = block.y + t * call.h.y_stride;
    const int64_t place = t / 16 * 2 * tile + t % 16 * 16;
    MAMBA_UNROLL
    for (int half = 0; half < 2; ++half) {
        const Vec16 own = fma(skip, load(x + 16 * half), load(block.intra + place + half * tile));
        store(y + 16 * half, fma(decay, load(block.inter + place + half * tile), own));
        prefetch_far(reinterpret_cast<const std::byte*>(y + 16 * half + call.y_ahead));
    }
}

// 32 of d_state by 32 of head_dim.
struct StateBlock {
    float* state;
    uint32_t* pairs;
    const float* sums;
};

// Rows q and q + 16 of S = G S + B^T (w x), and their pairs for the next chunk.
MAMBA_ALWAYS_INLINE void finish_state(const StateBlock& block, Vec16 kept, int64_t q) {
    MAMBA_UNROLL
    for (int half = 0; half < 2; ++half) {
        float* first = block.state + 32 * q + 16 * half;
        float* second = first + 16 * 32;
        const Vec16 a = fma(kept, load(first), load(block.sums + half * tile + 16 * q));
        const Vec16 b = fma(kept, load(second), load(block.sums + (2 + half) * tile + 16 * q));
        store(first, a);
        store(second, b);
        store_pairs(block.pairs + half * tile + 16 * q, a, b);
    }
}

// Columns p .. p + 32 of the head: a slice as narrow as this keeps what lies between its products in L1. Sums are used up where they come
// up, for the same reason: beside the products of the next block they would be gone from L1 again, which costs more than is won.
MAMBA_ALWAYS_INLINE void scan_slice(const HeadCall& call, const Weights& weights, int64_t p) {
    const int64_t ks = call.h.d_state / 32, slice = p / 32;
    float* const state = call.scratch.state + slice * 32 * call.h.d_state;
    uint32_t* const state_pairs = call.scratch.state_pairs + slice * ks * 2 * tile;
    float* const inter = call.scratch.sums;
    float* const intra = inter + 4 * tile;
    for (int64_t item = 0; item < 16 * call.blocks; ++item) pack_input(call, weights, p, item);
    memory_is_written();
    for (int64_t i = 0; call.h.y != nullptr && i < call.blocks; ++i) {
        clear_sums();
        for (int64_t k = 0; k < ks; ++k) {
            const uint32_t* a = call.group.c + (2 * i * ks + k) * tile;
            const uint32_t* b = state_pairs + 2 * k * tile;
            add_product(a, a + ks * tile, b, b + tile);
        }
        store_sums(inter);
        clear_sums();
        for (int64_t j = 0; j <= i; ++j) {
            const uint32_t* a = call.scratch.mixed + ((i + 1) * i + j) * tile;
            const uint32_t* b = call.scratch.x + 2 * j * tile;
            add_product(a, a + (i + 1) * tile, b, b + tile);
        }
        store_sums(intra);
        memory_is_written();
        const OutputBlock block{smaller(call.h.tokens - 32 * i, 32), call.h.x + 32 * i * call.h.stride + p, inter, intra,
                                weights.from_state + 32 * i, call.h.y + 32 * i * call.h.y_stride + p};
        for (int64_t t = 0; t < block.rows; ++t) finish_output(call, block, t);
    }

    const Vec16 kept = broadcast(call.across(0, 2 * call.blocks));
    for (int64_t n = 0; n < call.h.d_state; n += 32) {
        clear_sums();
        for (int64_t j = 0; j < call.blocks; ++j) {
            const uint32_t* a = call.group.b + (n / 16 * chunk_blocks + j) * tile;
            const uint32_t* b = call.scratch.weighted + 2 * j * tile;
            add_product(a, a + chunk_blocks * tile, b, b + tile);
        }
        store_sums(call.scratch.sums);
        memory_is_written();
        const StateBlock block{state + 32 * n, state_pairs + n / 16 * tile, call.scratch.sums};
        for (int64_t q = 0; q < 16; ++q) finish_state(block, kept, q);
    }
}

MAMBA_NOINLINE void scan_chunk(const HeadCall& given) {
    const HeadCall call = given;  // a copy, which stores of vectors cannot change
    const Weights weights(call);
    for (int64_t i = 0; call.h.y != nullptr && i < 2 * call.blocks; ++i) mix(call, i);
    memory_is_written();
    for (int64_t p = 0; p < call.h.head_dim; p += 32) scan_slice(call, weights, p);
}

// The state [head_dim, d_state] into slices [d_state, 32] and their pairs.
void load_state(const Mamba2Head& h, const HeadScratch& scratch) {
    float* to = scratch.state;
    uint32_t* pairs_to = scratch.state_pairs;
    for (int64_t p = 0; p < h.head_dim; p += 32) {
        for (int64_t n = 0; n < h.d_state; n += 32, to += 32 * 32, pairs_to += 2 * tile) {
            for (int64_t half = 0; half < 2; ++half) {
                const float* from = h.state + (p + 16 * half) * h.d_state + n;
                Vec16 first[16], second[16];
                transpose(from, h.d_state, 16, first);
                transpose(from + 16, h.d_state, 16, second);
                MAMBA_UNROLL
                for (int q = 0; q < 16; ++q) {
                    store(to + 32 * q + 16 * half, first[q]);
                    store(to + 32 * (q + 16) + 16 * half, second[q]);
                    store_pairs(pairs_to + half * tile + 16 * q, first[q], second[q]);
                }
            }
        }
    }
}

void store_state(const Mamba2Head& h, const HeadScratch& scratch) {
    for (int64_t p = 0; p < h.head_dim; p += 16) {
        const float* from = scratch.state + p / 32 * 32 * h.d_state + p % 32;
        for (int64_t n = 0; n < h.d_state; n += 16) {
            Vec16 rows[16];
            transpose(from + 32 * n, 32, 16, rows);
            MAMBA_UNROLL
            for (int q = 0; q < 16; ++q) store(h.state + (p + q) * h.d_state + n, rows[q]);
        }
    }
}

// ---- The scan

// Heads of one group over chunks that fit the scratch.
void scan_group(const Mamba2Scan& s, int64_t group, int64_t head_begin, int64_t head_end, const Chunk* chunks, int64_t count,
                const Layout& layout) {
    const bool outputs_wanted = s.y != nullptr;
    for (int64_t i = 0; i < count; ++i) {
        const float* b = s.b + chunks[i].first * s.stride + group * s.d_state;
        const float* c = s.c + chunks[i].first * s.stride + group * s.d_state;
        prepare_group(b, c, s.stride, chunks[i], s.d_state, outputs_wanted, layout.group(i), layout.group_scratch());
    }
    for (int64_t set = head_begin; set < head_end; set += head_set) {
        const int64_t heads = head_end - set < head_set ? head_end - set : head_set;
        for (int64_t i = 0; i < count; ++i) {
            prepare_decays(s.dt + chunks[i].first * s.dt_stride + set, s.dt_stride, s.a + set, s.log_retention, heads, chunks[i],
                           layout.decays(i));
        }
        for (int64_t head = set; head < set + heads; ++head) {
            const HeadScratch scratch = layout.head_scratch();
            load_state(head_of(s, head, 0, 0), scratch);
            for (int64_t i = 0; i < count; ++i) {
                const Decays decays = layout.decays(i);
                const int64_t rows_ahead = chunks[i + 1 < count ? i + 1 : 0].first - chunks[i].first;
                const int64_t columns_ahead = i + 1 < count ? 0 : s.head_dim;
                scan_chunk({head_of(s, head, chunks[i].first, chunks[i].tokens), layout.group(i), decays.r(head - set),
                            decays.u_dt(head - set), decays.v_dt(head - set), scratch, chunks[i].blocks(),
                            rows_ahead * s.stride + columns_ahead, rows_ahead * s.y_stride + columns_ahead});
            }
            store_state(head_of(s, head, 0, 0), scratch);
        }
    }
}

// Tokens [first, first + tokens) of the scan.
Mamba2Scan part_of(const Mamba2Scan& scan, int64_t first, int64_t tokens) {
    Mamba2Scan s = scan;
    s.tokens = tokens;
    s.first_position += first;
    s.x += first * s.stride;
    s.b += first * s.stride;
    s.c += first * s.stride;
    s.dt += first * s.dt_stride;
    if (s.y != nullptr) s.y += first * s.y_stride;
    return s;
}

void scan_chunks(const Mamba2Scan& s, const Chunk* chunks, int64_t count, const Layout& layout) {
    if (count == 0) return;
    const TileScope tiles;
    for (int64_t begin = s.head_begin; begin < s.head_end;) {
        const int64_t group = begin / s.heads_a_group, group_end = (group + 1) * s.heads_a_group;
        const int64_t end = group_end < s.head_end ? group_end : s.head_end;
        scan_group(s, group, begin, end, chunks, count, layout);
        begin = end;
    }
}

}  // namespace
}  // namespace mamba::avx512

namespace mamba {

void amx_mamba2_scan(const Mamba2Scan& scan, float* scratch) {
    using namespace avx512;
    const Kernels& vectors = *avx512_kernels();
    if (scan.exact || !fits(scan.head_dim, scan.d_state)) return vectors.mamba2_scan(scan, scratch);
    const Layout layout(scan.head_dim, scan.d_state, scratch);
    Chunk chunks[chunks_at_once];
    int64_t count = 0;
    const auto compute = [&] {
        scan_chunks(scan, chunks, count, layout);
        count = 0;
    };
    for_scan_parts(
        scan,
        [&](const Mamba2Scan& s, int64_t first) {
            compute();
            vectors.mamba2_scan(part_of(s, first, 1), scratch);
        },
        [&](const Mamba2Scan&, int64_t first, int64_t tokens) {
            chunks[count++] = {first, tokens};
            if (count == chunks_at_once) compute();
        },
        // Only before the first chunk: a single token in front of one closes the ring.
        [&](const Mamba2Scan& s) { vectors.mamba2_fold(s, scratch); });
    compute();
}

}  // namespace mamba
#endif
