// Mamba-2 on vectors of 16 floats. Included by kernels_simd.inl.

// C B^T of the head's group, lower triangle: cb[i * chunk_tokens + j] for j <= i < tokens.
void mamba2_cb(const Mamba2Head& h, float* cb) {
    const size_t row_bytes = static_cast<size_t>(h.b_stride) * sizeof(float);
    const Matrix b{WeightType::f32, h.tokens, h.d_state, row_bytes, reinterpret_cast<const std::byte*>(h.b)};
    const Inputs in{h.c, h.stride, h.d_state};
    const Output out{nullptr, false, cb, chunk_tokens};
    for_row_tiles<tile_rows>(h.tokens, [&]<int n>(int64_t i) {  // rows on the diagonal also fill a little above it
        int64_t j = 0;
        for (; j + tile_weights <= i + n; j += tile_weights) direct<WeightType::f32, n, tile_weights>(b, {j, 1}, 0, 1, in, i, out);
        singles<WeightType::f32>(row_at(b, j), b.row_bytes, j, i + n, in, i, i + n, out);
    });
}

// sums[m][v] += sum_k a[m * a_row + k * a_step] * b[k * b_stride + 16 v ..]: a product whose rows lie along the lanes, so each
// element is one chain of fused multiply-adds over k. `width` lanes of the last vector count.
template <int rows, int vectors>
MAMBA_ALWAYS_INLINE void add_product(Vec16 (&sums)[rows][vectors], const float* a, int64_t a_row, int64_t a_step, const float* b,
                                     int64_t b_stride, int64_t count, int64_t width) {
    for (int64_t k = 0; k < count; ++k) {
        Vec16 bs[vectors];
        MAMBA_UNROLL
        for (int v = 0; v < vectors; ++v) bs[v] = load_upto(b + k * b_stride + v * lanes, v + 1 == vectors ? width : lanes);
        MAMBA_UNROLL
        for (int m = 0; m < rows; ++m) {
            const Vec16 as = broadcast(a[m * a_row + k * a_step]);
            MAMBA_UNROLL
            for (int v = 0; v < vectors; ++v) sums[m][v] = fma(as, bs[v], sums[m][v]);
        }
    }
}

// Calls f<rows, vectors>(row, column, width of the last vector) over tiles that cover [rows, columns].
template <typename F>
MAMBA_ALWAYS_INLINE void for_tiles(int64_t rows, int64_t columns, const F& f) {
    constexpr int64_t wide = tile_vectors * lanes;
    const auto across = [&]<int count>(int64_t row) {
        int64_t column = 0;
        for (; column + wide <= columns; column += wide) f.template operator()<count, tile_vectors>(row, column, lanes);
        for (; column < columns; column += lanes) f.template operator()<count, 1>(row, column, lanes_at(column, columns));
    };
    int64_t row = 0;
    for (; row + 4 <= rows; row += 4) across.template operator()<4>(row);
    for (; row < rows; ++row) across.template operator()<1>(row);
}

// out[n][p] = in[p][n] for p < rows, n < columns.
void transpose(const float* in, int64_t rows, int64_t columns, float* out, int64_t out_stride) {
    int64_t p = 0;
    for (; p + 4 <= rows; p += 4) {
        int64_t n = 0;
        for (; n + 4 <= columns; n += 4) transpose4(in + p * columns + n, columns, out + n * out_stride + p, out_stride);
        for (; n < columns; ++n) {
            for (int64_t i = p; i < p + 4; ++i) out[n * out_stride + i] = in[i * columns + n];
        }
    }
    for (; p < rows; ++p) {
        for (int64_t n = 0; n < columns; ++n) out[n * out_stride + p] = in[p * columns + n];
    }
}

// l_i = sum_{k <= i} (dt_k * A + ln retention), kept in two floats: the differences of late tokens after a large decay are as exact as
// those of early ones.
struct DecaySums {
    float high[chunk_tokens] = {}, low[chunk_tokens] = {}, dt[chunk_tokens] = {};

    explicit DecaySums(const Mamba2Head& h) {
        constexpr double vanished = -1e5;  // exp of it is 0, and no sum of 64 leaves the range of FP32
        double sum = 0;
        for (int64_t i = 0; i < h.tokens; ++i) {
            dt[i] = h.dt[i * h.dt_stride];
            const double step = static_cast<double>(dt[i]) * static_cast<double>(h.a) + static_cast<double>(h.log_retention);
            sum += step < vanished ? vanished : step;
            high[i] = static_cast<float>(sum);
            low[i] = static_cast<float>(sum - static_cast<double>(high[i]));
        }
    }
    // exp(l_i - l_j) of lanes j .. j + 15; lanes past i, which the caller masks, get 1 at most.
    MAMBA_ALWAYS_INLINE Vec16 decay(int64_t i, int64_t j) const {
        const Vec16 difference = (broadcast(high[i]) - load(high + j)) + (broadcast(low[i]) - load(low + j));
        return exp_decay(min(zero(), difference));
    }
    // exp(l_i)
    MAMBA_ALWAYS_INLINE Vec16 decay(int64_t i) const { return exp_decay(broadcast(high[i]) + broadcast(low[i])); }
};

// The products that make up a chunk, in scratch; rows of head_dim are padded to whole vectors.
struct ChunkScratch {
    int64_t stride;
    float* mixed;       // [chunk, chunk]: (C_i . B_j) exp(l_i - l_j) dt_j, 0 above the diagonal
    float* weighted;    // [chunk, head_dim]: exp(l_last - l_j) dt_j x_j
    float* transposed;  // [d_state, head_dim]: the state at entry

    ChunkScratch(int64_t head_dim, float* scratch)
        : stride(blocking::padded(head_dim)),
          mixed(scratch),
          weighted(mixed + chunk_tokens * chunk_tokens),
          transposed(weighted + chunk_tokens * stride) {}
};

// y of tokens i .. i + rows, columns p .. p + 16 * vectors of the head.
template <int rows, int vectors>
MAMBA_NOINLINE void chunk_outputs(const Mamba2Head& h, const DecaySums& l, const ChunkScratch& from, int64_t i, int64_t p, int64_t width) {
    Vec16 sums[rows][vectors] = {};
    add_product(sums, h.c + i * h.stride, h.stride, 1, from.transposed + p, from.stride, h.d_state, width);
    MAMBA_UNROLL
    for (int m = 0; m < rows; ++m) {
        const Vec16 decay = l.decay(i + m);
        MAMBA_UNROLL
        for (int v = 0; v < vectors; ++v) sums[m][v] = sums[m][v] * decay;
    }
    add_product(sums, from.mixed + i * chunk_tokens, chunk_tokens, 1, h.x + p, h.stride, i + rows, width);
    const Vec16 skip = broadcast(h.d);
    MAMBA_UNROLL
    for (int m = 0; m < rows; ++m) {
        const float* x = h.x + (i + m) * h.stride + p;
        float* y = h.y + (i + m) * h.y_stride + p;
        MAMBA_UNROLL
        for (int v = 0; v < vectors; ++v) {
            const int64_t n = v + 1 == vectors ? width : lanes;
            store_upto(y + v * lanes, fma(skip, load_upto(x + v * lanes, n), sums[m][v]), n);
        }
    }
}

// Rows p .. p + rows of the state, columns n .. n + 16 * vectors.
template <int rows, int vectors>
MAMBA_NOINLINE void chunk_state(const Mamba2Head& h, Vec16 kept, const ChunkScratch& from, int64_t p, int64_t n, int64_t width) {
    Vec16 sums[rows][vectors];
    float* state = h.state + p * h.d_state + n;
    MAMBA_UNROLL
    for (int m = 0; m < rows; ++m) {
        MAMBA_UNROLL
        for (int v = 0; v < vectors; ++v) {
            sums[m][v] = kept * load_upto(state + m * h.d_state + v * lanes, v + 1 == vectors ? width : lanes);
        }
    }
    add_product(sums, from.weighted + p, 1, from.stride, h.b + n, h.b_stride, h.tokens, width);
    MAMBA_UNROLL
    for (int m = 0; m < rows; ++m) {
        MAMBA_UNROLL
        for (int v = 0; v < vectors; ++v) store_upto(state + m * h.d_state + v * lanes, sums[m][v], v + 1 == vectors ? width : lanes);
    }
}

// The chunked form. cb: mamba2_cb of the head's group; NULL outputs do not read it.
void mamba2_chunk(const Mamba2Head& h, const float* cb, float* scratch) {
    const ChunkScratch to(h.head_dim, scratch);
    const DecaySums l(h);
    const int64_t last = h.tokens - 1;

    if (h.y != nullptr) {
        for (int64_t i = 0; i < h.tokens; ++i) {
            for (int64_t j = 0; j <= i; j += lanes) {
                const Vec16 products = load_upto(cb + i * chunk_tokens + j, lanes_at(j, i + 1));
                store(to.mixed + i * chunk_tokens + j, products * (l.decay(i, j) * load(l.dt + j)));
            }
        }
        transpose(h.state, h.head_dim, h.d_state, to.transposed, to.stride);
        for_tiles(h.tokens, h.head_dim, [&]<int rows, int vectors>(int64_t i, int64_t p, int64_t width) {
            chunk_outputs<rows, vectors>(h, l, to, i, p, width);
        });
    }

    for (int64_t j0 = 0; j0 < h.tokens; j0 += lanes) {
        float factors[lanes];
        store(factors, l.decay(last, j0) * load(l.dt + j0));
        for (int64_t j = j0; j < smaller(j0 + lanes, h.tokens); ++j) {
            for (int64_t p = 0; p < h.head_dim; p += lanes) {
                const int64_t n = lanes_at(p, h.head_dim);
                store_upto(to.weighted + j * to.stride + p, broadcast(factors[j - j0]) * load_upto(h.x + j * h.stride + p, n), n);
            }
        }
    }
    const Vec16 kept = l.decay(last);
    for_tiles(h.head_dim, h.d_state, [&]<int rows, int vectors>(int64_t p, int64_t n, int64_t width) {
        chunk_state<rows, vectors>(h, kept, to, p, n, width);
    });
}

// ---- Single tokens: from the state as it is, and what waits in the ring

// Floats by which memory is asked for the state ahead of its use.
constexpr int64_t state_ahead = 512;

// y[row] = S[row] . C for `count` rows, p, p + apart, p + 2 apart, ...: as many streams, because one alone leaves half of the memory's
// bandwidth unused. What lies `ahead` floats behind each is asked for.
template <int count>
MAMBA_ALWAYS_INLINE void state_products(const Mamba2Head& h, int64_t p, int64_t apart, int64_t ahead) {
    Vec16 sums[count] = {};
    for (int64_t n = 0; n < h.d_state; n += lanes) {
        const int64_t width = lanes_at(n, h.d_state);
        const Vec16 c = load_upto(h.c + n, width);
        MAMBA_UNROLL
        for (int i = 0; i < count; ++i) {
            const float* place = h.state + (p + i * apart) * h.d_state + n;
            prefetch(reinterpret_cast<const std::byte*>(place + ahead));
            sums[i] = fma(c, load_upto(place, width), sums[i]);
        }
    }
    if constexpr (count == 4) {
        float totals[4];
        store_sums(totals, sums[0], sums[1], sums[2], sums[3]);
        MAMBA_UNROLL
        for (int i = 0; i < count; ++i) h.y[p + i * apart] = totals[i];
    } else {
        static_assert(count == 1);
        h.y[p] = sum(sums[0]);
    }
}

// y = S C
void state_products(const Mamba2Head& call) {
    const Mamba2Head h = call;  // a copy, which stores cannot change
    const int64_t quarter = h.head_dim / 4;
    for (int64_t p = 0; p < quarter; ++p) {
        // Behind the end of each quarter, the same quarter of the next head comes.
        const bool last = (quarter - p) * h.d_state <= state_ahead;
        state_products<4>(h, p, quarter, last ? state_ahead + 3 * quarter * h.d_state : state_ahead);
    }
    for (int64_t p = 4 * quarter; p < h.head_dim; ++p) state_products<1>(h, p, 0, state_ahead);
}

// Asks for `count` rows of a matrix.
MAMBA_ALWAYS_INLINE void prefetch_rows(const float* rows, int64_t stride, int64_t count, int64_t width) {
    for (int64_t j = 0; j < count; ++j) {
        const auto* row = reinterpret_cast<const std::byte*>(rows + j * stride);
        for (int64_t at = 0; at < width * static_cast<int64_t>(sizeof(float)); at += cache_line) prefetch(row + at);
    }
}

// The tokens of the ring, the oldest first, as the heads of one group from `head` on see them: a head in each lane.
struct Recent {
    int64_t count;
    const float* b; int64_t b_stride;  // [count, d_state]
    // With l_j the sum of log-decays to token j and l that of all, exp(l - l_j) dt_j and exp(l). Each l - l_j is a sum of its own, from the
    // newest token back, and so as exact as its size allows.
    float entering[ring_entries][lanes];
    float kept[lanes];
    float mixed[ring_entries][lanes];  // exp(l - l_j) dt_j (C . B_j)

    Recent(const Mamba2Scan& s, int64_t head, int64_t heads, int64_t tokens, const float* b_of_group, int64_t stride)
        : count(tokens), b(b_of_group), b_stride(stride) {
        const Vec16 a = load_upto(s.a + head, heads), retention = broadcast(s.log_retention);
        Vec16 sum = zero();
        for (int64_t j = count - 1; j >= 0; --j) {
            const Vec16 dt = load_upto(s.ring.dt + j * s.ring.stride + head, heads);
            store(entering[j], dt * exp_decay(sum));
            sum = fma(dt, a, sum + retention);
        }
        store(kept, exp_decay(sum));
    }

    void mix(const float* c, int64_t d_state) {
        for (int64_t j = 0; j < count; ++j) {
            Vec16 terms = zero();
            for (int64_t n = 0; n < d_state; n += lanes) {
                const int64_t width = lanes_at(n, d_state);
                terms = fma(load_upto(c + n, width), load_upto(b + j * b_stride + n, width), terms);
            }
            store(mixed[j], load(entering[j]) * broadcast(sum(terms)));
        }
    }
};

// y = exp(l) S C + sum_j exp(l - l_j) dt_j (C . B_j) x_j + D x of the head in this lane, where y comes in as S C. x: its first token.
void recent_outputs(const Recent& recent, int64_t lane, const Mamba2Head& token, const float* x, int64_t x_stride) {
    const Vec16 kept = broadcast(recent.kept[lane]), skip = broadcast(token.d);
    for_tiles(1, token.head_dim, [&]<int rows, int vectors>(int64_t, int64_t p, int64_t width) {
        Vec16 sums[rows][vectors];
        MAMBA_UNROLL
        for (int v = 0; v < vectors; ++v) sums[0][v] = skip * load_upto(token.x + p + v * lanes, v + 1 == vectors ? width : lanes);
        add_product(sums, &recent.mixed[0][lane], 0, lanes, x + p, x_stride, recent.count, width);
        MAMBA_UNROLL
        for (int v = 0; v < vectors; ++v) {
            float* y = token.y + p + v * lanes;
            const int64_t n = v + 1 == vectors ? width : lanes;
            store_upto(y, fma(kept, load_upto(y, n), sums[0][v]), n);
        }
    });
}

// What a head's state is to become: kept S + sum_j weighted_j B_j^T.
struct Fold {
    float* state;  // [head_dim, d_state]
    int64_t head_dim, d_state, tokens;
    float kept;
    const float* weighted; int64_t weighted_stride;  // [tokens, head_dim]
    const float* b; int64_t b_stride;                // [tokens, d_state]
    const float* c;  // [d_state]
    float* y;        // S c of the state as it was; NULL: not wanted
};

// Rows p .. p + rows. The multiplications take about as long as memory takes to bring the state, so they are done while it comes.
template <int rows>
MAMBA_NOINLINE void fold_rows(const Fold& f, int64_t p) {
    Vec16 products[rows] = {};
    float* row[rows];
    MAMBA_UNROLL
    for (int m = 0; m < rows; ++m) row[m] = f.state + (p + m) * f.d_state;
    const int64_t ahead = rows * f.d_state;
    const auto fold_columns = [&]<int vectors>(int64_t n, int64_t width) {
        Vec16 sums[rows][vectors];
        const Vec16 kept = broadcast(f.kept);
        MAMBA_UNROLL
        for (int v = 0; v < vectors; ++v) {
            const int64_t count = v + 1 == vectors ? width : lanes;
            const Vec16 c = load_upto(f.c + n + v * lanes, count);
            MAMBA_UNROLL
            for (int m = 0; m < rows; ++m) {
                const float* place = row[m] + n + v * lanes;
                prefetch(reinterpret_cast<const std::byte*>(place + ahead));
                const Vec16 before = load_upto(place, count);
                products[m] = fma(c, before, products[m]);
                sums[m][v] = kept * before;
            }
        }
        add_product(sums, f.weighted + p, 1, f.weighted_stride, f.b + n, f.b_stride, f.tokens, width);
        MAMBA_UNROLL
        for (int m = 0; m < rows; ++m) {
            MAMBA_UNROLL
            for (int v = 0; v < vectors; ++v) store_upto(row[m] + n + v * lanes, sums[m][v], v + 1 == vectors ? width : lanes);
        }
    };
    constexpr int64_t wide = tile_vectors * lanes;
    int64_t n = 0;
    for (; n + wide <= f.d_state; n += wide) fold_columns.template operator()<tile_vectors>(n, lanes);
    for (; n < f.d_state; n += lanes) fold_columns.template operator()<1>(n, lanes_at(n, f.d_state));
    if (f.y == nullptr) return;
    if constexpr (rows == 4) store_sums(f.y + p, products[0], products[1], products[2], products[3]);
    else f.y[p] = sum(products[0]);
}

// Brings the tokens into the state of the head in this lane, and where y is wanted leaves S C of the state before in it.
void fold_head(const Recent& recent, int64_t lane, const Mamba2Scan& s, int64_t head, const float* c, float* y, float* weighted) {
    const float* x = s.ring.x + head * s.head_dim;
    const int64_t stride = blocking::padded(s.head_dim);
    for (int64_t j = 0; j < recent.count; ++j) {
        const Vec16 factor = broadcast(recent.entering[j][lane]);
        for (int64_t p = 0; p < s.head_dim; p += lanes) {
            const int64_t width = lanes_at(p, s.head_dim);
            store_upto(weighted + j * stride + p, factor * load_upto(x + j * s.ring.stride + p, width), width);
        }
    }
    const Fold f{s.state + head * s.head_dim * s.d_state, s.head_dim, s.d_state, recent.count, recent.kept[lane], weighted, stride,
                 recent.b, recent.b_stride, c, y};
    int64_t p = 0;
    for (; p + 4 <= s.head_dim; p += 4) fold_rows<4>(f, p);
    for (; p < s.head_dim; ++p) fold_rows<1>(f, p);
}

// Calls f(first head, heads) for each block of heads of one group that fit in a vector.
template <typename F>
MAMBA_ALWAYS_INLINE void for_head_blocks(const Mamba2Scan& s, const F& f) {
    for (int64_t head = s.head_begin; head < s.head_end;) {
        const int64_t group_end = (head / s.heads_a_group + 1) * s.heads_a_group;
        const int64_t heads = smaller(smaller(s.head_end, group_end) - head, lanes);
        f(head, heads);
        head += heads;
    }
}

// Scratch of a scan: C B^T of a chunk [chunk, chunk]; B of the ring's tokens [ring_entries, d_state]; that of mamba2_chunk, of which the
// ring's weighted inputs take a part.
struct ScanScratch {
    float *cb, *recent_b, *chunk;

    ScanScratch(int64_t d_state, float* scratch)
        : cb(scratch), recent_b(cb + chunk_tokens * chunk_tokens), chunk(recent_b + ring_entries * d_state) {}
};

void mamba2_single(const Mamba2Scan& s, int64_t first, const ScanScratch& scratch) {
    const int64_t pending = s.ring.pending;
    const bool closes = closes_ring(s.first_position + first);
    enter_ring(s, first);
    for_head_blocks(s, [&](int64_t begin, int64_t heads) {
        const int64_t group = begin / s.heads_a_group;
        // What waits in the ring is asked for before the state, and looked at behind it.
        prefetch_rows(s.ring.dt + begin, s.ring.stride, pending, heads);
        prefetch_rows(s.ring.b + group * s.d_state, s.ring.stride, pending, s.d_state);
        std::optional<Recent> recent;
        for (int64_t head = begin; head < begin + heads; ++head) {
            const Mamba2Head token = head_of(s, head, first, 1);
            const float* x = s.ring.x + head * s.head_dim;
            prefetch_rows(x, s.ring.stride, pending, s.head_dim);
            if (!closes && token.y != nullptr) state_products(token);
            if (!recent) {
                copy_b(s, group, token, scratch.recent_b);
                recent.emplace(s, begin, heads, pending + 1, scratch.recent_b, s.d_state);
                if (token.y != nullptr) recent->mix(token.c, s.d_state);
            }
            if (closes) fold_head(*recent, head - begin, s, head, token.c, token.y, scratch.chunk);
            if (token.y != nullptr) recent_outputs(*recent, head - begin, token, x, s.ring.stride);
        }
    });
}

void mamba2_fold(const Mamba2Scan& s, float* scratch) {
    if (s.ring.pending == 0) return;
    for_head_blocks(s, [&](int64_t begin, int64_t heads) {
        const Recent recent(s, begin, heads, s.ring.pending, s.ring.b + begin / s.heads_a_group * s.d_state, s.ring.stride);
        for (int64_t head = begin; head < begin + heads; ++head) {
            fold_head(recent, head - begin, s, head, recent.b, nullptr, ScanScratch(s.d_state, scratch).chunk);
        }
    });
}

void mamba2_scan(const Mamba2Scan& scan, float* scratch_of_thread) {
    const ScanScratch scratch(scan.d_state, scratch_of_thread);
    for_scan_parts(
        scan, [&](const Mamba2Scan& s, int64_t first) { mamba2_single(s, first, scratch); },
        [&](const Mamba2Scan& s, int64_t first, int64_t tokens) {
            int64_t group_of_cb = -1;
            for (int64_t head = s.head_begin; head < s.head_end; ++head) {
                const Mamba2Head h = head_of(s, head, first, tokens);
                const int64_t group = head / s.heads_a_group;
                if (h.y != nullptr && group != group_of_cb) mamba2_cb(h, scratch.cb);
                group_of_cb = group;
                mamba2_chunk(h, scratch.cb, scratch.chunk);
            }
        },
        [&](const Mamba2Scan& s) { mamba2_fold(s, scratch_of_thread); });
}
