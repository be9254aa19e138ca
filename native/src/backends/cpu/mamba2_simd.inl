// Mamba-2 on vectors of 16 floats. Included by kernels_simd.inl.

// Floats by which the recurrence asks memory for the state ahead of itself.
constexpr int64_t state_ahead = 512;

// `count` rows of the state as two streams: half of them from row p, the others from row p + apart. What lies `ahead` floats behind
// each is asked for.
template <int count>
MAMBA_ALWAYS_INLINE void mamba2_rows(const Mamba2Head& h, int64_t p, int64_t apart, int64_t ahead, float dt, Vec16 decay) {
    int64_t row[count];
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) row[i] = i < (count + 1) / 2 ? p + i : p + apart + i - count / 2;
    Vec16 sums[count] = {};
    for (int64_t n = 0; n < h.d_state; n += lanes) {
        const int64_t width = lanes_at(n, h.d_state);
        const Vec16 b = load_upto(h.b + n, width);
        const Vec16 c = load_upto(h.c + n, width);
        MAMBA_UNROLL
        for (int i = 0; i < count; ++i) {
            float* place = h.state + row[i] * h.d_state + n;
            prefetch(reinterpret_cast<const std::byte*>(place + ahead));
            const Vec16 s = fma(decay, load_upto(place, width), broadcast(dt * h.x[row[i]]) * b);
            store_upto(place, s, width);
            sums[i] = fma(c, s, sums[i]);
        }
    }
    if (h.y == nullptr) return;
    float totals[4];
    if constexpr (count == 4) {
        store_sums(totals, sums[0], sums[1], sums[2], sums[3]);
    } else {
        MAMBA_UNROLL
        for (int i = 0; i < count; ++i) totals[i] = sum(sums[i]);
    }
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) h.y[row[i]] = totals[i] + h.d * h.x[row[i]];
}

// The recurrence, one token.
void mamba2_step(const Mamba2Head& call) {
    const Mamba2Head h = call;  // a copy, which stores of vectors cannot change
    const float dt = *h.dt;
    const Vec16 decay = exp_decay(broadcast(dt * h.a));
    const int64_t half = h.head_dim / 4 * 2;
    for (int64_t p = 0; p < half; p += 2) {
        // Behind the end of each half, the same half of the next head comes.
        const bool last = (half - p) * h.d_state <= state_ahead;
        mamba2_rows<4>(h, p, half, last ? state_ahead + half * h.d_state : state_ahead, dt, decay);
    }
    for (int64_t p = 2 * half; p < h.head_dim; ++p) mamba2_rows<1>(h, p, 0, state_ahead, dt, decay);
}

// C B^T of the head's group, lower triangle: cb[i * chunk_tokens + j] for j <= i < tokens.
void mamba2_cb(const Mamba2Head& h, float* cb) {
    const size_t row_bytes = static_cast<size_t>(h.stride) * sizeof(float);
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

// l_i = sum_{k <= i} dt_k * A, kept in two floats: the differences of late tokens after a large decay are as exact as those
// of early ones.
struct DecaySums {
    float high[chunk_tokens] = {}, low[chunk_tokens] = {}, dt[chunk_tokens] = {};

    explicit DecaySums(const Mamba2Head& h) {
        constexpr double vanished = -1e5;  // exp of it is 0, and no sum of 64 leaves the range of FP32
        double sum = 0;
        for (int64_t i = 0; i < h.tokens; ++i) {
            dt[i] = h.dt[i * h.dt_stride];
            const double step = static_cast<double>(dt[i]) * static_cast<double>(h.a);
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
    add_product(sums, from.weighted + p, 1, from.stride, h.b + n, h.stride, h.tokens, width);
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

void mamba2_scan(const Mamba2Scan& scan, float* scratch) {
    float* const cb = scratch;
    float* const chunk_scratch = cb + chunk_tokens * chunk_tokens;
    for_chunk_parts(scan, [&](int64_t first, int64_t tokens) {
        int64_t group_of_cb = -1;
        for (int64_t head = scan.head_begin; head < scan.head_end; ++head) {
            const Mamba2Head h = head_of(scan, head, first, tokens);
            if (tokens == 1) {
                mamba2_step(h);
                continue;
            }
            const int64_t group = head / scan.heads_a_group;
            if (h.y != nullptr && group != group_of_cb) mamba2_cb(h, cb);
            group_of_cb = group;
            mamba2_chunk(h, cb, chunk_scratch);
        }
    });
}
