// Every operation on vectors of 16 floats, written once. Included inside the unnamed namespace of an instruction set that
// defines Vec16 and the tile sizes (simd_avx2.h, simd_avx512.h): no function here may be shared between files.
//
// Order of reductions, the same everywhere: lane l sums the terms l, l + 16, l + 32, ... with one fused multiply-add each,
// then sum() adds the lanes. Tiles decide how many such sums run side by side, never what is in one.

// ---- Weights: 16 of a row as FP32. The scale of a Q8_0 block times an 8-bit weight is exact in FP32, so that widening
// first and multiplying later gives the same bits as decoding inside the dot product.

template <WeightType type>
struct Scale {
    static MAMBA_ALWAYS_INLINE Scale at(const std::byte*, int64_t) { return {}; }
};
template <>
struct Scale<WeightType::q8_0> {
    Vec16 d;
    static MAMBA_ALWAYS_INLINE Scale at(const std::byte* row, int64_t k) {
        return {load_scale(row + k / BlockQ8_0::weights * static_cast<int64_t>(sizeof(BlockQ8_0)))};
    }
};

// How far ahead of a stream to ask memory for it.
constexpr int64_t prefetch_bytes = 1024;

constexpr int64_t element_bytes(WeightType type) { return type == WeightType::f32 ? 4 : 2; }
// Bytes of 32 weights.
constexpr int64_t step_bytes(WeightType type) {
    return type == WeightType::q8_0 ? static_cast<int64_t>(sizeof(BlockQ8_0)) : 32 * element_bytes(type);
}

// Weights k .. k + 15 of a row; k is a multiple of 16 and `scale` is that of k's block of 32.
template <WeightType type>
MAMBA_ALWAYS_INLINE Vec16 weights_at(const std::byte* row, int64_t k, Scale<type> scale) {
    if constexpr (type == WeightType::q8_0) {
        const int64_t block = k / BlockQ8_0::weights * static_cast<int64_t>(sizeof(BlockQ8_0));
        return scale.d * load_int8(row + block + 2 + k % BlockQ8_0::weights);
    } else if constexpr (type == WeightType::bf16) {
        return load_bf16(row + 2 * k);
    } else if constexpr (type == WeightType::f16) {
        return load_f16(row + 2 * k);
    } else {
        return load(reinterpret_cast<const float*>(row + 4 * k));
    }
}

// The last n < 16 weights of a row, then zeros. Rows of Q8_0 have no such rest.
template <WeightType type>
MAMBA_ALWAYS_INLINE Vec16 last_weights(const std::byte* row, int64_t k, int64_t n) {
    std::byte rest[lanes * 4] = {};
    std::memcpy(rest, row + k * element_bytes(type), static_cast<size_t>(n * element_bytes(type)));
    return weights_at<type>(rest, 0, {});
}

// Blocks of 256 weights are widened as a whole, into L1 where the dot product wants them next: their scales take too many instructions to
// be decoded for 32 weights at a time. Two steps, the second behind a call: the numbers that the first leaves in memory are to be read from
// there, lane by lane, by units that have nothing else to do; compilers that see both shuffle them in registers with the units that are
// busiest.
constexpr bool in_blocks_of_256(WeightType type) { return type == WeightType::q6_k || type == WeightType::q4_k; }
constexpr int64_t block_of_256 = 256;
static_assert(BlockQ6_K::weights == block_of_256 && BlockQ4_K::weights == block_of_256);

// Where a widened row goes: 16 numbers at a time, k the first column of them.

struct PlainRow {
    float* out;

    MAMBA_ALWAYS_INLINE PlainRow from(int64_t k) const { return {out + k}; }
    MAMBA_ALWAYS_INLINE void put(int64_t k, Vec16 v) const { store(out + k, v); }
    MAMBA_ALWAYS_INLINE void put_last(int64_t k, Vec16 v, int64_t n) const { store_first(out + k, v, n); }
};

// Panels hold panel_weights rows side by side, in the order in which block_rows reads them: for every 16 columns [passes][rows][lanes of a
// part]. What lies past the last column is zero.
struct PanelRow {
    float* out;

    MAMBA_ALWAYS_INLINE PanelRow from(int64_t k) const { return {out + k * panel_weights}; }
    MAMBA_ALWAYS_INLINE void put(int64_t k, Vec16 v) const {
        MAMBA_UNROLL
        for (int pass = 0; pass < passes; ++pass) store_part(out + (k + pass * part_lanes) * panel_weights, part(v, pass));
    }
    MAMBA_ALWAYS_INLINE void put_last(int64_t k, Vec16 v, int64_t) const { put(k, v); }
};

template <WeightType type>
struct Prepared;

// d * scale * (n - 32): exact in FP32. A weight of 0 is +0, whatever the sign of its scale.
template <>
struct Prepared<WeightType::q6_k> {
    static constexpr int64_t bytes = sizeof(BlockQ6_K);
    static constexpr int64_t groups = BlockQ6_K::weights / BlockQ6_K::group;
    alignas(64) float scales[groups];
    alignas(64) float offsets[groups];
    alignas(64) std::byte n[block_of_256];  // as six_bit_weights takes them

    MAMBA_ALWAYS_INLINE void read(const std::byte* block) {
        const Vec16 scale = broadcast_f16(block + offsetof(BlockQ6_K, d)) * load_int8(block + offsetof(BlockQ6_K, scales));
        store(scales, scale);
        store(offsets, scale * broadcast(-96));
        for (int64_t half = 0; half < 2; ++half) {
            six_bits(block + offsetof(BlockQ6_K, low) + half * 64, block + offsetof(BlockQ6_K, high) + half * 32, n + half * 128);
        }
    }
    template <typename Row>
    MAMBA_NOINLINE void widen(Row to) const {
        for (int64_t g = 0; g < groups; ++g) to.put(g * lanes, six_bit_weights(n + g * lanes, scales[g], offsets[g]));
    }
};

// d * scale * n - d_min * minimum: one rounding.
template <>
struct Prepared<WeightType::q4_k> {
    static constexpr int64_t bytes = sizeof(BlockQ4_K);
    static constexpr int64_t groups = BlockQ4_K::weights / BlockQ4_K::group;
    alignas(64) float scales[groups];
    float minima[groups];
    const std::byte* n;

    MAMBA_ALWAYS_INLINE void read(const std::byte* block) {
        static_assert(offsetof(Prepared, minima) == sizeof scales && sizeof scales + sizeof minima == lanes * sizeof(float));
        store(scales, group_factors(block));
        n = block + offsetof(BlockQ4_K, n);
    }
    template <typename Row>
    MAMBA_NOINLINE void widen(Row to) const {
        for (int64_t g = 0; g < groups; g += 2, to = to.from(64)) {
            const Levels low = levels(scales[g], minima[g]), high = levels(scales[g + 1], minima[g + 1]);
            const Nibbles first = load_nibbles(n + g * lanes), second = load_nibbles(n + g * lanes + lanes);
            to.put(0, low_nibbles(first, low));
            to.put(lanes, low_nibbles(second, low));
            to.put(2 * lanes, high_nibbles(first, high));
            to.put(3 * lanes, high_nibbles(second, high));
        }
    }
};

template <WeightType type, typename Row>
MAMBA_NOINLINE void widen_row(const std::byte* row, int64_t cols, Row to) {
    int64_t k = 0;
    if constexpr (in_blocks_of_256(type)) {
        constexpr int64_t at_once = 4;  // so that what one block's first step stores has settled when its second loads it
        Prepared<type> blocks[at_once];
        for (int64_t rest = cols / block_of_256; rest > 0; rest -= at_once) {
            const int64_t count = smaller(rest, at_once);
            for (int64_t i = 0; i < count; ++i, row += Prepared<type>::bytes) blocks[i].read(row);
            for (int64_t i = 0; i < count; ++i, k += block_of_256) blocks[i].widen(to.from(k));
        }
    } else if constexpr (type == WeightType::q8_0) {
        for (; k < cols; k += BlockQ8_0::weights) {
            const auto scale = Scale<type>::at(row, k);
            to.put(k, weights_at<type>(row, k, scale));
            to.put(k + lanes, weights_at<type>(row, k + lanes, scale));
        }
    } else {
        for (; k + lanes <= cols; k += lanes) to.put(k, weights_at<type>(row, k, {}));
        if (k < cols) to.put_last(k, last_weights<type>(row, k, cols - k), cols - k);
    }
}

void widen(WeightType type, const std::byte* row, int64_t cols, float* out) {
    const PlainRow to{out};
    switch (type) {
        case WeightType::f32: return widen_row<WeightType::f32>(row, cols, to);
        case WeightType::f16: return widen_row<WeightType::f16>(row, cols, to);
        case WeightType::bf16: return widen_row<WeightType::bf16>(row, cols, to);
        case WeightType::q8_0: return widen_row<WeightType::q8_0>(row, cols, to);
        case WeightType::q6_k: return widen_row<WeightType::q6_k>(row, cols, to);
        case WeightType::q4_k: return widen_row<WeightType::q4_k>(row, cols, to);
    }
}

// ---- matmul

// One register tile: sums[m][j] += sum_k x[m][k] * w[j][k]. `streamed`: the weights come from memory and are asked for ahead.
template <WeightType type, bool streamed = false, int rows, int weights>
MAMBA_ALWAYS_INLINE void accumulate(Vec16 (&sums)[rows][weights], const std::byte* w, size_t w_stride, const float* x, int64_t x_stride,
                                    int64_t cols) {
    if constexpr (in_blocks_of_256(type)) {
        alignas(64) float wide[weights][block_of_256];
        Prepared<type> blocks[weights];
        for (int64_t k = 0; k < cols; k += block_of_256, w += Prepared<type>::bytes) {
            for (int j = 0; j < weights; ++j) blocks[j].read(w + static_cast<size_t>(j) * w_stride);
            for (int j = 0; j < weights; ++j) {
                if constexpr (streamed) {  // a few lines at a time: the processor keeps only so many requests
                    const std::byte* next = w + static_cast<size_t>(j) * w_stride + prefetch_bytes;
                    for (int64_t line = 0; line < Prepared<type>::bytes; line += cache_line) prefetch(next + line);
                }
                blocks[j].widen(PlainRow{wide[j]});
            }
            accumulate<WeightType::f32>(sums, reinterpret_cast<const std::byte*>(wide), sizeof wide[0], x + k, x_stride, block_of_256);
        }
        return;
    }
    // One block of Q8_0, one cache line of 16-bit weights. FP32 that rests in the cache goes vector by vector: with two in hand, compilers
    // run out of registers.
    constexpr int64_t step = type == WeightType::f32 && !streamed ? lanes : 32;
    int64_t k = 0;
    for (; k + step <= cols; k += step) {
        Scale<type> scale[weights];
        MAMBA_UNROLL
        for (int j = 0; j < weights; ++j) {
            const std::byte* row = w + static_cast<size_t>(j) * w_stride;
            scale[j] = Scale<type>::at(row, k);
            if constexpr (streamed) {
                const std::byte* next = row + prefetch_bytes + k / step * step_bytes(type);
                for (int64_t line = 0; line < step_bytes(type); line += cache_line) prefetch(next + line);
            }
        }
        for (int64_t half = k; half < k + step; half += lanes) {
            Vec16 wide[weights];
            MAMBA_UNROLL
            for (int j = 0; j < weights; ++j) wide[j] = weights_at<type>(w + static_cast<size_t>(j) * w_stride, half, scale[j]);
            MAMBA_UNROLL
            for (int m = 0; m < rows; ++m) {
                const Vec16 xs = load(x + m * x_stride + half);
                MAMBA_UNROLL
                for (int j = 0; j < weights; ++j) sums[m][j] = fma(xs, wide[j], sums[m][j]);
            }
        }
    }
    if constexpr (type != WeightType::q8_0) {
        for (; k < cols; k += lanes) {
            const int64_t n = lanes_at(k, cols);
            MAMBA_UNROLL
            for (int j = 0; j < weights; ++j) {
                const std::byte* row = w + static_cast<size_t>(j) * w_stride;
                const Vec16 wide = n == lanes ? weights_at<type>(row, k, {}) : last_weights<type>(row, k, n);
                MAMBA_UNROLL
                for (int m = 0; m < rows; ++m) sums[m][j] = fma(load_upto(x + m * x_stride + k, n), wide, sums[m][j]);
            }
        }
    }
}

// Where sums go: y[m, j] as kernels.h defines it.
struct Output {
    const float* bias;
    bool add;
    float* y;
    int64_t stride;

    MAMBA_ALWAYS_INLINE void finish(float* out, float total, int64_t j) const {
        if (bias != nullptr) total += bias[j];
        *out = add ? *out + total : total;
    }

    // Columns j0, j0 + step, ...
    template <int rows, int weights>
    MAMBA_ALWAYS_INLINE void write(const Vec16 (&sums)[rows][weights], int64_t m0, int64_t j0, int64_t step = 1) const {
        MAMBA_UNROLL
        for (int m = 0; m < rows; ++m) {
            float* out = y + (m0 + m) * stride + j0;
            int j = 0;
            for (; j + 4 <= weights; j += 4) {
                if (step == 1 && bias == nullptr && !add) {
                    store_sums(out + j, sums[m][j], sums[m][j + 1], sums[m][j + 2], sums[m][j + 3]);
                    continue;
                }
                float totals[4];
                store_sums(totals, sums[m][j], sums[m][j + 1], sums[m][j + 2], sums[m][j + 3]);
                for (int i = 0; i < 4; ++i) finish(out + (j + i) * step, totals[i], j0 + (j + i) * step);
            }
            for (; j < weights; ++j) finish(out + j * step, sum(sums[m][j]), j0 + j * step);
        }
    }
};

#include "backends/cpu/row_tiles.inl"

// The rows of x of one matmul.
struct Inputs {
    const float* data;
    int64_t stride, cols;

    MAMBA_ALWAYS_INLINE const float* row(int64_t m) const { return data + m * stride; }
};

// As Matrix::row, but no function that other files could share.
MAMBA_ALWAYS_INLINE const std::byte* row_at(const Matrix& w, int64_t j) { return w.data + static_cast<size_t>(j) * w.row_bytes; }

// Single outputs, for what is left beside whole tiles: weight rows begin .. end, the first of them at w, and rows m0 .. m1 of x.
template <WeightType type>
MAMBA_NOINLINE void singles(const std::byte* w, size_t w_stride, int64_t begin, int64_t end, const Inputs& x, int64_t m0, int64_t m1,
                            const Output& out) {
    for (int64_t j = begin; j < end; ++j, w += w_stride) {
        for (int64_t m = m0; m < m1; ++m) {
            Vec16 sums[1][1] = {};
            accumulate<type>(sums, w, w_stride, x.row(m), x.stride, x.cols);
            out.write(sums, m, j);
        }
    }
}

// A range of weight rows as contiguous streams of `length` rows each, read side by side: one stream alone leaves half of the
// memory's bandwidth unused.
struct Streams {
    int64_t begin, length;
};

// Few rows of x: the weights are decoded in registers, straight from where they lie. Rows s0 .. s1 of every stream.
template <WeightType type, int rows, int streams>
MAMBA_NOINLINE void direct(const Matrix& w, const Streams& from, int64_t s0, int64_t s1, const Inputs& x, int64_t m0, const Output& out) {
    const std::byte* row = row_at(w, from.begin + s0);
    for (int64_t s = s0; s < s1; ++s, row += w.row_bytes) {
        Vec16 sums[rows][streams] = {};
        accumulate<type, true>(sums, row, static_cast<size_t>(from.length) * w.row_bytes, x.row(m0), x.stride, x.cols);
        out.write(sums, m0, from.begin + s, from.length);
    }
}

// What will be needed from memory next: asked for a little at a time while something else is computed.
struct Ahead {
    const std::byte* next = nullptr;
    const std::byte* end = nullptr;
    int64_t lines_a_time = 0;

    MAMBA_ALWAYS_INLINE void ask() {
        for (int64_t line = 0; line < lines_a_time && next < end; ++line, next += cache_line) prefetch_far(next);
    }
};

// A block of weight rows in FP32: panels, one after another, and behind them, row by row, what fills no panel.
struct Block {
    float* data;
    int64_t begin, count, cols, stride;  // weight rows; columns, and these in whole vectors

    Block(float* memory, int64_t first_row, int64_t rows, int64_t columns)
        : data(memory), begin(first_row), count(rows), cols(columns), stride(blocking::padded(columns)) {}
    int64_t in_panels() const { return count / panel_weights * panel_weights; }

    template <WeightType type>
    void fill(const Matrix& w) {
        for (int64_t j = 0; j < count; ++j) {
            float* const out = data + j * stride;
            const int64_t inside = j % panel_weights;
            if (j >= in_panels()) widen_row<type>(row_at(w, begin + j), cols, PlainRow{out});
            else widen_row<type>(row_at(w, begin + j), cols, PanelRow{out - inside * (stride - part_lanes)});
        }
    }
};

// 16 columns of a panel, of which w holds the lanes of one pass; x(m): those of row m.
template <int rows, typename X>
MAMBA_ALWAYS_INLINE void multiply_part(Part (&sums)[rows][panel_weights], const float* w, const X& x) {
    if constexpr (rows < panel_weights) {
        Part xs[rows];
        MAMBA_UNROLL
        for (int m = 0; m < rows; ++m) xs[m] = x(m);
        MAMBA_UNROLL
        for (int i = 0; i < panel_weights; ++i) {
            const Part wide = load_part(w + i * part_lanes);
            MAMBA_UNROLL
            for (int m = 0; m < rows; ++m) sums[m][i] = fma(xs[m], wide, sums[m][i]);
        }
    } else {
        Part wide[panel_weights];
        MAMBA_UNROLL
        for (int i = 0; i < panel_weights; ++i) wide[i] = load_part(w + i * part_lanes);
        MAMBA_UNROLL
        for (int m = 0; m < rows; ++m) {
            const Part xs = x(m);
            MAMBA_UNROLL
            for (int i = 0; i < panel_weights; ++i) sums[m][i] = fma(xs, wide[i], sums[m][i]);
        }
    }
}

// One pass of a register tile over the columns of a panel that begins at w.
template <int rows>
MAMBA_ALWAYS_INLINE void accumulate_part(Part (&sums)[rows][panel_weights], int pass, const float* w, const float* x, int64_t x_stride,
                                         int64_t cols) {
    w += pass * part_lanes * panel_weights;
    int64_t k = 0;
    for (; k + lanes <= cols; k += lanes) {
        multiply_part(sums, w + k * panel_weights, [&](int m) { return load_part(x + m * x_stride + k + pass * part_lanes); });
    }
    if (k == cols) return;
    multiply_part(sums, w + k * panel_weights, [&](int m) { return part(load_first(x + m * x_stride + k, cols - k), pass); });
}

// A block against rows m0 .. m0 + rows of x, the columns in slabs that stay in L1 while the weights pass from L2. Between slabs the sums
// rest in `rested`, lane by lane, and so do those of one pass while the next is computed.
template <int rows>
MAMBA_NOINLINE void block_rows(const Block& block, const Inputs& x, int64_t m0, const Output& out, float* rested, Ahead& ahead) {
    for (int64_t k = 0; k < block.cols; k += blocking::slab) {
        const int64_t width = smaller(blocking::slab, block.cols - k);
        for (int64_t j = 0; j < block.in_panels(); j += panel_weights) {
            const auto rest = [&](int m, int i) { return rested + ((j * rows + m * panel_weights + i) * lanes); };
            Part sums[rows][panel_weights];
            ahead.ask();
            MAMBA_UNROLL
            for (int pass = 0; pass < passes; ++pass) {
                MAMBA_UNROLL
                for (int m = 0; m < rows; ++m) {
                    MAMBA_UNROLL
                    for (int i = 0; i < panel_weights; ++i) sums[m][i] = k == 0 ? zero_part() : load_part(rest(m, i) + pass * part_lanes);
                }
                accumulate_part(sums, pass, block.data + j * block.stride + k * panel_weights, x.row(m0) + k, x.stride, width);
                if (pass + 1 == passes && k + width == block.cols) break;
                MAMBA_UNROLL
                for (int m = 0; m < rows; ++m) {
                    MAMBA_UNROLL
                    for (int i = 0; i < panel_weights; ++i) store_part(rest(m, i) + pass * part_lanes, sums[m][i]);
                }
            }
            if (k + width < block.cols) continue;
            Vec16 totals[rows][panel_weights];
            MAMBA_UNROLL
            for (int m = 0; m < rows; ++m) {
                MAMBA_UNROLL
                for (int i = 0; i < panel_weights; ++i) {
                    Part parts[passes];
                    MAMBA_UNROLL
                    for (int pass = 0; pass + 1 < passes; ++pass) parts[pass] = load_part(rest(m, i) + pass * part_lanes);
                    parts[passes - 1] = sums[m][i];
                    totals[m][i] = whole(parts);
                }
            }
            out.write(totals, m0, block.begin + j);
        }
    }
    const int64_t done = block.in_panels();
    singles<WeightType::f32>(reinterpret_cast<const std::byte*>(block.data + done * block.stride),
                             static_cast<size_t>(block.stride) * sizeof(float), block.begin + done, block.begin + block.count, x, m0,
                             m0 + rows, out);
}

// Rows of x from which on widening a block of weights once is cheaper than decoding it for every tile.
constexpr int64_t widen_from = tile_rows + 1;

template <WeightType type>
void matmul_of(const Matrix& w, int64_t begin, int64_t end, const Inputs& x, int64_t rows, const Output& out, float* scratch) {
    if (rows < widen_from) {
        const int64_t count = rows == 1 ? stream_weights : tile_weights;
        const Streams from{begin, (end - begin) / count};
        if (rows == 1) {
            direct<type, 1, stream_weights>(w, from, 0, from.length, x, 0, out);
        } else {
            constexpr int64_t resident = 16;  // rows of each stream that wait in L2 for the next tile of x
            for (int64_t s = 0; s < from.length; s += resident) {
                const int64_t stop = smaller(s + resident, from.length);
                for_row_tiles<tile_rows>(rows, [&]<int n>(int64_t m) { direct<type, n, tile_weights>(w, from, s, stop, x, m, out); });
            }
        }
        const int64_t rest = begin + count * from.length;
        return singles<type>(row_at(w, rest), w.row_bytes, rest, end, x, 0, rows, out);
    }
    const int64_t most = blocking::weight_rows(w.cols);
    const int64_t times = row_tile_count<tile_rows>(rows) * (most / panel_weights) * ((w.cols + blocking::slab - 1) / blocking::slab);
    for (int64_t j0 = begin; j0 < end; j0 += most) {
        Block block(scratch + blocking::accumulator_floats, j0, smaller(most, end - j0), w.cols);
        block.fill<type>(w);
        const int64_t behind = j0 + block.count, bytes_to_come = smaller(most, end - behind) * static_cast<int64_t>(w.row_bytes);
        Ahead ahead{row_at(w, behind), row_at(w, behind) + bytes_to_come, bytes_to_come / cache_line / times + 1};
        for_row_tiles<tile_rows>(rows, [&]<int n>(int64_t m) { block_rows<n>(block, x, m, out, scratch, ahead); });
    }
}

void matmul(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t x_stride, int64_t rows, const float* bias, bool add,
            float* y, int64_t y_stride, float* scratch) {
    const Inputs in{x, x_stride, w.cols};
    const Output out{bias, add, y, y_stride};
    switch (w.type) {
        case WeightType::f32: return matmul_of<WeightType::f32>(w, begin, end, in, rows, out, scratch);
        case WeightType::f16: return matmul_of<WeightType::f16>(w, begin, end, in, rows, out, scratch);
        case WeightType::bf16: return matmul_of<WeightType::bf16>(w, begin, end, in, rows, out, scratch);
        case WeightType::q8_0: return matmul_of<WeightType::q8_0>(w, begin, end, in, rows, out, scratch);
        case WeightType::q6_k: return matmul_of<WeightType::q6_k>(w, begin, end, in, rows, out, scratch);
        case WeightType::q4_k: return matmul_of<WeightType::q4_k>(w, begin, end, in, rows, out, scratch);
    }
}

#include "backends/cpu/elementwise_simd.inl"
#include "backends/cpu/mamba1_simd.inl"

#include "backends/cpu/mamba2_simd.inl"

constexpr Kernels table{
    .isa = this_isa,
    .matmul = matmul,
    .matmul_packed = nullptr,
    .pack = nullptr,
    .unpack = nullptr,
    .prepare = nullptr,
    .widen = widen,
    .rms_norm = rms_norm,
    .gated_norm = gated_norm,
    .softplus = softplus_clamped,
    .convolution = convolution,
    .mamba1 = mamba1,
    .mamba2_scan = mamba2_scan,
    .mamba2_fold = mamba2_fold,
};
