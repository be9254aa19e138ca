// Q8_0 matrices by integer dot products. Included, after simd_math.inl, row_tiles.inl and q8_layout.inl, inside the unnamed namespace of a
// file that defines, for vectors of part_lanes numbers,
//   Ints, zero_ints(), load_ints(p), add_ints(a, b), broadcast_pair(p), to_part(Ints)
//   operator+ and operator* of Part, broadcast_part(float), load_scales(p)  // part_lanes numbers of FP16
//   Ints dot_pairs(Ints sum, Ints a, Ints b)              // adds, lane by lane, the products of both 16-bit halves
//   void spread(const std::byte* const (&rows)[part_lanes], std::byte* out)  // one block of each row, as the records below have it
//   float cut(const float* x, int16_t* out)               // one block of x in fixed point: the unit
//
// Each row of x is cut, block by block of 32, into whole numbers of 16 bits, x = unit * v with the block's largest |v| = 32767. A block's
// sum of v times weight is exact, so it does not matter in which order instructions add it up; then, block after block,
// y += sum * (scale of the weights * unit), in FP32. The arithmetic is the same for one row of x and for many.
//
// Weight rows lie along the lanes. For each block of 32 columns of a group of rows a record holds their 16-bit weights in pairs:
// [16 pairs of columns][group rows][2]. The pairs of four columns are (0, 2) and (1, 3), which are cheap to take from four bytes; x is
// stored in that order.

constexpr int most_rows = 6;  // of x in a register tile

// Rows of x in fixed point, [rows][cols], and their units, [rows][blocks].
struct CutRows {
    int64_t cols, blocks;
    int16_t* values;
    float* units;

    void cut_row(const float* x, int64_t m) const {
        for (int64_t b = 0; b < blocks; ++b) units[m * blocks + b] = cut(x + b * block_weights, values + m * cols + b * block_weights);
    }
};

// What the rows of a register tile need of one block.
struct BlockOfX {
    const int16_t* values;
    int64_t values_stride;
    const float* units;
    int64_t units_stride;
};

// Adds one block to sums [rows][group].
template <int rows>
MAMBA_NOINLINE void add_block(const std::byte* record, const std::byte* scales, const BlockOfX& block, float* sums) {
    constexpr int chains = rows == 1 ? 4 : rows == 2 ? 2 : 1;  // so that few sums do not wait for themselves
    const BlockOfX x = block;                                  // a copy, which stores of vectors cannot change
    Ints totals[chains][rows][vectors];
    MAMBA_UNROLL
    for (int c = 0; c < chains; ++c) {
        MAMBA_UNROLL
        for (int m = 0; m < rows; ++m) {
            MAMBA_UNROLL
            for (int v = 0; v < vectors; ++v) totals[c][m][v] = zero_ints();
        }
    }
    for (int64_t pair = 0; pair < pairs; pair += chains) {
        MAMBA_UNROLL
        for (int c = 0; c < chains; ++c) {
            Ints weights[vectors];
            MAMBA_UNROLL
            for (int v = 0; v < vectors; ++v) weights[v] = load_ints(record + (pair + c) * pair_bytes + v * part_lanes * 4);
            MAMBA_UNROLL
            for (int m = 0; m < rows; ++m) {
                const Ints xs = broadcast_pair(x.values + m * x.values_stride + 2 * (pair + c));
                MAMBA_UNROLL
                for (int v = 0; v < vectors; ++v) totals[c][m][v] = dot_pairs(totals[c][m][v], weights[v], xs);
            }
        }
    }
    MAMBA_UNROLL
    for (int m = 0; m < rows; ++m) {
        const Part unit = broadcast_part(x.units[m * x.units_stride]);
        MAMBA_UNROLL
        for (int v = 0; v < vectors; ++v) {
            Ints total = totals[0][m][v];
            MAMBA_UNROLL
            for (int c = 1; c < chains; ++c) total = add_ints(total, totals[c][m][v]);
            float* const place = sums + m * group + v * part_lanes;
            const Part scale = load_scales(scales + v * part_lanes * scale_bytes);
            store_part(place, fma(to_part(total), scale * unit, load_part(place)));
        }
    }
}

// Weight rows begin .. end as `vectors` contiguous streams, read side by side: one alone leaves memory idle. A group is part_lanes rows of
// each; lanes without a row repeat the last one and are not written.
struct WeightStreams {
    const Matrix& matrix;
    int64_t begin, end, length;

    WeightStreams(const Matrix& w, int64_t first, int64_t stop)
        : matrix(w), begin(first), end(stop), length((stop - first + group - 1) / group * part_lanes) {}
    const std::byte* row(int64_t j) const { return matrix.data + static_cast<size_t>(j) * matrix.row_bytes; }
    int64_t column(int64_t v, int64_t s) const { return begin + v * length + s; }
    // How many rows of the group at s there are in stream v.
    int64_t count(int64_t v, int64_t s) const {
        const int64_t left = end - column(v, s);
        return left < 0 ? 0 : smaller(left, part_lanes);
    }
};

// Rows s .. s + part_lanes of each stream.
struct GroupOfWeights {
    const std::byte* rows[group];
    const std::byte *next[vectors], *end_of_next[vectors];  // the group behind it

    GroupOfWeights(const WeightStreams& from, int64_t s) {
        for (int64_t v = 0; v < vectors; ++v) {
            const int64_t j = from.column(v, s);
            for (int64_t r = 0; r < part_lanes; ++r) rows[v * part_lanes + r] = from.row(smaller(j + r, from.end - 1));
            next[v] = from.row(smaller(j + part_lanes, from.end));
            end_of_next[v] = from.row(smaller(j + 2 * part_lanes, from.end));
        }
    }
    // [blocks][group] in FP16.
    void read_scales(int64_t blocks, std::byte* scales) const {
        for (int64_t at = 0; at < blocks * block_bytes; at += block_bytes, scales += group * scale_bytes) {
            MAMBA_UNROLL
            for (int64_t r = 0; r < group; ++r) std::memcpy(scales + r * scale_bytes, rows[r] + at, scale_bytes);
        }
    }
    // The record of block b. Asks for a part of the next group, so that its way from memory takes as long as the work on this one.
    MAMBA_ALWAYS_INLINE void spread_block(int64_t b, std::byte* record) const {
        constexpr int64_t share = part_lanes * block_bytes;
        MAMBA_UNROLL
        for (int64_t v = 0; v < vectors; ++v) {
            const std::byte* const stop = end_of_next[v] - next[v] < (b + 1) * share ? end_of_next[v] : next[v] + (b + 1) * share;
            for (const std::byte* line = next[v] + b * share; line < stop; line += cache_line) prefetch_far(line);
            const std::byte* from[part_lanes];
            MAMBA_UNROLL
            for (int64_t r = 0; r < part_lanes; ++r) from[r] = rows[v * part_lanes + r] + b * block_bytes + scale_bytes;
            spread(from, record + v * part_lanes * 4);
        }
    }
};

// Where sums go: y[m, j] as kernels.h defines it.
struct GroupOutput {
    const float* bias;
    bool add;
    float* y;
    int64_t stride;

    // Columns j0 .. j0 + count, at most part_lanes.
    MAMBA_ALWAYS_INLINE void write(const float* sums, int64_t rows, int64_t m0, int64_t j0, int64_t count) const {
        for (int64_t m = 0; m < rows; ++m, sums += group) {
            float* const out = y + (m0 + m) * stride + j0;
            if (count == part_lanes) {
                Part total = load_part(sums);
                if (bias != nullptr) total = total + load_part(bias + j0);
                store_part(out, add ? load_part(out) + total : total);
                continue;
            }
            for (int64_t j = 0; j < count; ++j) {
                const float total = bias != nullptr ? sums[j] + bias[j0 + j] : sums[j];
                out[j] = add ? out[j] + total : total;
            }
        }
    }
};

void matmul_q8(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t x_stride, int64_t rows, const GroupOutput& out,
               float* scratch) {
    const int64_t blocks = w.cols / block_weights, at_once = blocking::q8_rows(w.cols);
    auto* const records = reinterpret_cast<std::byte*>(scratch);
    std::byte* const scales = records + blocks * record_bytes;
    float* const units = scratch + blocking::q8_group_floats(w.cols);
    const CutRows cuts{w.cols, blocks, reinterpret_cast<int16_t*>(units + at_once * blocks), units};
    const WeightStreams from(w, begin, end);
    for (int64_t m0 = 0; m0 < rows; m0 += at_once) {
        const int64_t count = smaller(at_once, rows - m0);
        for (int64_t m = 0; m < count; ++m) cuts.cut_row(x + (m0 + m) * x_stride, m);
        const bool one_tile = count <= most_rows;  // then a record is used once, and the next takes its place
        for (int64_t s = 0; s < from.length; s += part_lanes) {
            const GroupOfWeights weights(from, s);
            weights.read_scales(blocks, scales);
            for (int64_t b = 0; !one_tile && b < blocks; ++b) weights.spread_block(b, records + b * record_bytes);
            for_row_tiles<most_rows>(count, [&]<int n>(int64_t m) {
                alignas(64) float sums[n * group] = {};
                for (int64_t b = 0; b < blocks; ++b) {
                    if (one_tile) weights.spread_block(b, records);
                    const BlockOfX block{cuts.values + m * w.cols + b * block_weights, w.cols, units + m * blocks + b, blocks};
                    add_block<n>(records + (one_tile ? 0 : b * record_bytes), scales + b * group * scale_bytes, block, sums);
                }
                for (int64_t v = 0; v < vectors; ++v) out.write(sums + v * part_lanes, n, m0 + m, from.column(v, s), from.count(v, s));
            });
        }
    }
}
