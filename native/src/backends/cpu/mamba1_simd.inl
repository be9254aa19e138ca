// The scan of Mamba-1 on Vec16. Included by kernels_simd.inl.
//
// Two forms with the same bits. Several tokens: lanes are 16 channels and the states lie transposed, n by n, in L1 for the length of the
// call; so a decay takes nine operations and there are no sums over lanes. One token: lanes are the states of a channel, as they lie in
// memory, which is what bounds it; only the new states are transposed, for the output. Either way exp(dt A) is 2^(dt (A log2 e)):
// A log2 e is rounded once, as A itself was. The logarithm of what is retained, in powers of 2 too, is added with the product's rounding.

// A log2(e), kept so that its product with any sensible dt is finite.
MAMBA_ALWAYS_INLINE Vec16 in_powers_of_2(Vec16 a) { return max(broadcast(-1e20f), a * broadcast(0x1.715476p0f)); }

MAMBA_ALWAYS_INLINE Vec16 retention_of(const Mamba1Channels& c) { return broadcast(c.log_retention * 0x1.715476p0f); }

// States n .. n + count, at most 16, of some channels.
struct ScanStates {
    int64_t n, count;
    bool first, last;  // of a channel

    ScanStates(int64_t from, int64_t d_state)
        : n(from), count(smaller(lanes, d_state - from)), first(from == 0), last(from + lanes >= d_state) {}
};

// States n of 16 are summed in chains of n modulo 4, side by side.
constexpr int scan_states = 4;

// y of channels i .. i + width at token t: added to those of the states before, and with the last states D v added and gated.
MAMBA_ALWAYS_INLINE void mamba1_output(const Mamba1Channels& c, const ScanStates& states, int64_t t, int64_t i, int64_t width, Vec16 v,
                                       const Vec16 (&sums)[scan_states]) {
    float* out = c.y + t * c.y_stride + i;
    Vec16 y = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    if (!states.first) y = y + load_upto(out, width);
    if (states.last) {
        y = fma(load_upto(c.d + i, width), v, y);
        if (c.z != nullptr) y = y * silu(load_upto(c.z + t * c.z_stride + i, width));
    }
    store_upto(out, y, width);
}

// A and the states of 16 channels, lanes being channels: [n][16].
struct ScanTile {
    alignas(64) float a[lanes * lanes];
    alignas(64) float state[lanes * lanes];
};

// Channels i .. i + width as lanes; those after them are 0.
MAMBA_NOINLINE void load_tile(const Mamba1Channels& c, const ScanStates& states, int64_t i, int64_t width, ScanTile& tile) {
    Vec16 a[lanes], s[lanes];
    for (int64_t m = 0; m < lanes; ++m) {
        const int64_t at = (i + m) * c.d_state + states.n;
        a[m] = m < width ? in_powers_of_2(load_upto(c.a + at, states.count)) : zero();
        s[m] = m < width ? load_upto(c.state + at, states.count) : zero();
    }
    transpose(a);
    transpose(s);
    for (int64_t n = 0; n < lanes; ++n) {
        store(tile.a + n * lanes, a[n]);
        store(tile.state + n * lanes, s[n]);
    }
}

MAMBA_NOINLINE void store_tile(const Mamba1Channels& c, const ScanStates& states, int64_t i, int64_t width, const ScanTile& tile) {
    Vec16 s[lanes];
    for (int64_t n = 0; n < lanes; ++n) s[n] = load(tile.state + n * lanes);
    transpose(s);
    for (int64_t m = 0; m < width; ++m) store_upto(c.state + (i + m) * c.d_state + states.n, s[m], states.count);
}

// B and C of one token for these states, zeros after them.
struct ScanInputs {
    alignas(64) float b[lanes];
    alignas(64) float c[lanes];
};

// Not inlined: a compiler that saw the vectors would take single lanes out of them, which costs more than a load from memory to all lanes.
MAMBA_NOINLINE void load_inputs(const Mamba1Channels& from, const ScanStates& states, int64_t t, ScanInputs& in) {
    store(in.b, load_upto(from.b + t * from.b_stride + states.n, states.count));
    store(in.c, load_upto(from.c + t * from.c_stride + states.n, states.count));
}

// `all`: whole vectors of channels.
template <bool all>
MAMBA_NOINLINE void mamba1_tokens(const Mamba1Channels& call, const ScanStates& states, int64_t first, int64_t count, ScanTile* tiles) {
    const Mamba1Channels c = call;  // a copy, which stores of vectors cannot change
    const Vec16 retention = retention_of(c);
    for (int64_t t = 0; t < c.tokens; ++t) {
        ScanInputs in;
        load_inputs(c, states, t, in);
        const int64_t next = t + 1 < c.tokens ? t + 1 : t;
        ScanTile* tile = tiles;
        for (int64_t i = first; i < first + count; i += lanes, ++tile) {
            const int64_t width = all ? lanes : lanes_at(i, first + count);
            prefetch(reinterpret_cast<const std::byte*>(c.v + next * c.v_stride + i));
            prefetch(reinterpret_cast<const std::byte*>(c.dt + next * c.dt_stride + i));
            if (c.z != nullptr) prefetch(reinterpret_cast<const std::byte*>(c.z + next * c.z_stride + i));
            if (c.y != nullptr) prefetch(reinterpret_cast<const std::byte*>(c.y + next * c.y_stride + i));
            const Vec16 v = load_upto(c.v + t * c.v_stride + i, width);
            const Vec16 dt = load_upto(c.dt + t * c.dt_stride + i, width);
            const Vec16 dt_v = dt * v;
            Vec16 sums[scan_states] = {};
            MAMBA_UNROLL
            for (int n = 0; n < lanes; n += scan_states) {
                Vec16 decay[scan_states];
                MAMBA_UNROLL
                for (int k = 0; k < scan_states; ++k) decay[k] = fma(dt, load(tile->a + (n + k) * lanes), retention);
                exp2_decay(decay);
                MAMBA_UNROLL
                for (int k = 0; k < scan_states; ++k) {
                    float* place = tile->state + (n + k) * lanes;
                    const Vec16 s = fma(decay[k], load(place), dt_v * broadcast(in.b[n + k]));
                    store(place, s);
                    sums[k] = fma(s, broadcast(in.c[n + k]), sums[k]);
                }
            }
            if (c.y != nullptr) mamba1_output(c, states, t, i, width, v, sums);
        }
    }
}

// Rows of A and of the states of neighbouring channels, `stride` floats apart, of which `width` count.
struct ScanRows {
    const float* a;
    float* state;
    int64_t stride, width;
};

// The new states of `count` channels from row m, one token: s = exp(dt A + ln retention) s + dt_v B. Memory is asked for what comes two
// groups later: a group is as long as the processor looks ahead by itself.
template <int count>
MAMBA_ALWAYS_INLINE void mamba1_rows(const ScanRows& rows, int64_t m, const float* dt, const float* dt_v, Vec16 b, Vec16 retention, Vec16* s) {
    Vec16 decay[count];
    MAMBA_UNROLL
    for (int k = 0; k < count; ++k) {
        decay[k] = fma(broadcast(dt[m + k]), in_powers_of_2(load_upto(rows.a + (m + k) * rows.stride, rows.width)), retention);
    }
    exp2_decay(decay);
    MAMBA_UNROLL
    for (int k = 0; k < count; ++k) {
        float* place = rows.state + (m + k) * rows.stride;
        prefetch(reinterpret_cast<const std::byte*>(place + 2 * lanes * rows.stride));
        prefetch(reinterpret_cast<const std::byte*>(rows.a + (m + k + 2 * lanes) * rows.stride));
        s[k] = fma(decay[k], load_upto(place, rows.width), broadcast(dt_v[m + k]) * b);
        store_upto(place, s[k], rows.width);
    }
}

// dt v of channels i .. i + width. Not inlined for the same reason.
MAMBA_NOINLINE void load_steps(const Mamba1Channels& c, int64_t t, int64_t i, int64_t width, float* dt_v) {
    store(dt_v, load_upto(c.dt + t * c.dt_stride + i, width) * load_upto(c.v + t * c.v_stride + i, width));
}

// One token of channels i .. i + width, at most 16. `all`: 16 channels of 16 states.
template <bool all>
MAMBA_NOINLINE void mamba1_token(const Mamba1Channels& c, int64_t t, int64_t i, int64_t width) {
    const float* dt = c.dt + t * c.dt_stride + i;
    alignas(64) float dt_v[lanes];
    load_steps(c, t, i, width, dt_v);
    const Vec16 retention = retention_of(c);
    for (int64_t n = 0; n < c.d_state; n += lanes) {
        const ScanStates states(n, c.d_state);
        ScanInputs in;
        load_inputs(c, states, t, in);
        const Vec16 b = load(in.b);
        Vec16 s[lanes] = {};
        if constexpr (all) {
            const ScanRows rows{c.a + i * lanes, c.state + i * lanes, lanes, lanes};
            MAMBA_UNROLL
            for (int m = 0; m < lanes; m += scan_states) mamba1_rows<scan_states>(rows, m, dt, dt_v, b, retention, s + m);
        } else {
            const ScanRows rows{c.a + i * c.d_state + n, c.state + i * c.d_state + n, c.d_state, states.count};
            for (int64_t m = 0; m < width; ++m) mamba1_rows<1>(rows, m, dt, dt_v, b, retention, s + m);
        }
        if (c.y == nullptr) continue;
        transpose(s);
        Vec16 sums[scan_states] = {};
        MAMBA_UNROLL
        for (int k = 0; k < lanes; ++k) sums[k % scan_states] = fma(s[k], broadcast(in.c[k]), sums[k % scan_states]);
        mamba1_output(c, states, t, i, width, load_upto(c.v + t * c.v_stride + i, width), sums);
    }
}

void mamba1(const Mamba1Channels& c) {
    constexpr int64_t transpose_from = 3;  // tokens
    if (c.tokens < transpose_from) {
        for (int64_t t = 0; t < c.tokens; ++t) {
            for (int64_t i = c.begin; i < c.end; i += lanes) {
                const int64_t width = lanes_at(i, c.end);
                if (width == lanes && c.d_state == lanes) mamba1_token<true>(c, t, i, width);
                else mamba1_token<false>(c, t, i, width);
            }
        }
        return;
    }
    constexpr int64_t tiles = 8;  // 128 channels: whole pages' lines of every row, and 16 KiB of states
    ScanTile tile[tiles];
    for (int64_t first = c.begin; first < c.end; first += tiles * lanes) {
        const int64_t count = smaller(tiles * lanes, c.end - first);
        for (int64_t n = 0; n < c.d_state; n += lanes) {
            const ScanStates states(n, c.d_state);
            const auto each_tile = [&](const auto& f) {
                for (int64_t i = 0; i < count; i += lanes) f(c, states, first + i, lanes_at(i, count), tile[i / lanes]);
            };
            each_tile(load_tile);
            if (count % lanes == 0) mamba1_tokens<true>(c, states, first, count, tile);
            else mamba1_tokens<false>(c, states, first, count, tile);
            each_tile(store_tile);
        }
    }
}
