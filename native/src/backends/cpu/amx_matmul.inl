// Matrix products on tiles (packed.h). Included inside the unnamed namespace of kernels_amx.cpp.
//
// A tile of sums is C [rows of x][16 weight rows] += A [rows of x][columns] B [columns][16 weight rows]. Every element of C adds its
// products in an order of its own, whatever the other rows hold and however many there are: so a row's sums are the same alone and among
// others.

// ---- Many rows of x: rounded to BF16, sums in tiles from the first column to the last.

// Row k of 16 that sums will be stored to.
template <int panels_>
MAMBA_ALWAYS_INLINE void ask_for_rows(int64_t k, const float* y, int64_t stride) {
    if (k >= group_rows) return;
    prefetch(reinterpret_cast<const std::byte*>(y + k * stride));
    if constexpr (panels_ == 2) prefetch(reinterpret_cast<const std::byte*>(y + k * stride + panel_rows));
}

// A quarter of the lines of the next tiles of A.
template <int groups>
MAMBA_ALWAYS_INLINE void ask_for_groups(const std::byte* a, size_t group_bytes, size_t quarter) {
    constexpr size_t bytes = bf16_tile_bytes / 4;
    MAMBA_UNROLL
    for (size_t line = quarter * bytes; line < (quarter + 1) * bytes; line += cache_line) {
        prefetch(a + 2 * bf16_tile_bytes + line);
        if constexpr (groups == 2) prefetch(a + group_bytes + 2 * bf16_tile_bytes + line);
    }
}

// Tiles 0 .. 3 are C (two groups of rows by two panels), 4 is A, 5 B. b: the panels; a: groups of 16 rows. What comes from beyond L1 is
// asked for on the way: the next tiles of A, and the lines of y.
//
// Eight tiles would spare one load in five, and take up to twice as long: while another thread shares the core, a tile that is loaded waits
// for products that went before, the longer the more tiles are in use.
template <int groups, int panels_>
MAMBA_ALWAYS_INLINE void multiply_tiles(const std::byte* a, size_t group_bytes, const std::byte* b, size_t panel_stride, int64_t count,
                                        const float* y, int64_t y_stride) {
    _tile_zero(0);
    if constexpr (panels_ == 2) _tile_zero(1);
    if constexpr (groups == 2) _tile_zero(2);
    if constexpr (groups == 2 && panels_ == 2) _tile_zero(3);
    for (int64_t k = 0; k < count; ++k, a += bf16_tile_bytes, b += bf16_tile_bytes) {
        ask_for_rows<panels_>(k, y, y_stride);
        if constexpr (groups == 2) ask_for_rows<panels_>(k, y + group_rows * y_stride, y_stride);
        ask_for_groups<groups>(a, group_bytes, 0);
        _tile_loadd(5, b, 64);
        _tile_loadd(4, a, 64);
        _tile_dpbf16ps(0, 4, 5);
        ask_for_groups<groups>(a, group_bytes, 1);
        if constexpr (groups == 2) {
            _tile_loadd(4, a + group_bytes, 64);
            _tile_dpbf16ps(2, 4, 5);
        }
        ask_for_groups<groups>(a, group_bytes, 2);
        if constexpr (panels_ == 2) _tile_loadd(5, b + panel_stride, 64);
        if constexpr (groups == 2 && panels_ == 2) {
            _tile_dpbf16ps(3, 4, 5);
            _tile_loadd(4, a, 64);
        }
        ask_for_groups<groups>(a, group_bytes, 3);
        if constexpr (panels_ == 2) _tile_dpbf16ps(1, 4, 5);
    }
}

// The number of a tile is a part of the instruction's text, and cannot be a template's parameter.
template <int tile>
MAMBA_ALWAYS_INLINE void copy_tile(void* to, size_t stride_bytes) {
    if constexpr (tile == 0) _tile_stored(0, to, stride_bytes);
    if constexpr (tile == 1) _tile_stored(1, to, stride_bytes);
    if constexpr (tile == 2) _tile_stored(2, to, stride_bytes);
    if constexpr (tile == 3) _tile_stored(3, to, stride_bytes);
}

// The first `rows` of the `tile_rows` that tiles are configured for.
template <int tile>
MAMBA_ALWAYS_INLINE void store_tile(const TileOutput& out, int64_t m0, int64_t rows, int64_t tile_rows, int64_t j0) {
    if (out.bias == nullptr && !out.add && rows == tile_rows && out.columns - j0 >= panel_rows) {
        copy_tile<tile>(out.y + m0 * out.stride + j0, static_cast<size_t>(out.stride) * sizeof(float));
        return;
    }
    alignas(64) float sums[group_rows][panel_rows];
    copy_tile<tile>(sums, 64);
    for (int64_t r = 0; r < rows; ++r) out.write(m0 + r, j0, load(sums[r]));
}

// Two groups of rows from m by `panels_` panels from column j0.
template <int panels_>
MAMBA_ALWAYS_INLINE void tile_pair(const std::byte* a, const std::byte* b, int64_t cols, int64_t m, int64_t first, int64_t second,
                                   int64_t j0, const TileOutput& out) {
    const auto bytes = static_cast<size_t>(blocks(cols)) * bf16_tile_bytes;  // of a panel, and of a group of rows
    if (second > 0) multiply_tiles<2, panels_>(a, bytes, b, bytes, blocks(cols), out.y + m * out.stride + j0, out.stride);
    else multiply_tiles<1, panels_>(a, bytes, b, bytes, blocks(cols), out.y + m * out.stride + j0, out.stride);
    store_tile<0>(out, m, first, group_rows, j0);
    if constexpr (panels_ == 2) store_tile<1>(out, m, first, group_rows, j0 + panel_rows);
    if (second == 0) return;
    store_tile<2>(out, m + group_rows, second, group_rows, j0);
    if constexpr (panels_ == 2) store_tile<3>(out, m + group_rows, second, group_rows, j0 + panel_rows);
}

// All rows of x against `count` panels at b, one after another, the first for column j0. Groups are computed whole: what lies after the
// last row goes into sums that nobody reads.
void many_rows(const std::byte* b, int64_t count, int64_t cols, int64_t j0, const Operand& x, const TileOutput& out) {
    const auto bytes = static_cast<size_t>(blocks(cols)) * bf16_tile_bytes;
    TileConfig().load();
    for (int64_t m = 0; m < x.rows; m += 2 * group_rows) {
        const int64_t first = std::min(x.rows - m, group_rows), second = std::min(x.rows - m - first, group_rows);
        const std::byte* a = x.data + static_cast<size_t>(m / group_rows) * bytes;
        for (int64_t p = 0; p < count; p += 2) {
            const std::byte* panel = b + static_cast<size_t>(p) * bytes;
            if (p + 2 <= count) tile_pair<2>(a, panel, cols, m, first, second, j0 + p * panel_rows, out);
            else tile_pair<1>(a, panel, cols, m, first, second, j0 + p * panel_rows, out);
        }
    }
}

// A panel in BF16: where it lies, or made from other weights in `scratch`.
const std::byte* bf16_panel(const Weights& w, int64_t panel, std::byte* scratch) {
    const Matrix& matrix = w.matrix;
    const std::byte* place = w.panels == nullptr ? nullptr : w.panels + static_cast<size_t>(panel) * panel_bytes(matrix.type, matrix.cols);
    if (matrix.type == WeightType::bf16) return place;
    if (matrix.type == WeightType::q8_0) {
        widen_q8_0(place, blocks(matrix.cols), scratch);
        return scratch;
    }
    // Row by row through FP32 to BF16, then as any panel. The rows stand behind the panel.
    const size_t row_stride = static_cast<size_t>(blocks(matrix.cols)) * block * 2;
    std::byte* const rows = scratch + panel_bytes(WeightType::bf16, matrix.cols);
    float* const wide = reinterpret_cast<float*>(rows + panel_rows * row_stride);
    const int64_t count = std::min(panel_rows, matrix.rows - panel * panel_rows);
    for (int64_t r = 0; r < count; ++r) {
        avx512_kernels()->widen(matrix.type, matrix.row(panel * panel_rows + r), matrix.cols, wide);
        std::byte* const row = rows + static_cast<size_t>(r) * row_stride;
        for (int64_t k = 0; k < matrix.cols; k += lanes) store_half(row + 2 * k, to_bf16(load_x(wide, k, matrix.cols)));
    }
    pack_bf16(rows, row_stride, count, matrix.cols, scratch);
    return scratch;
}

// Panels of BF16 weights that all rows of x pass before the next.
constexpr int64_t panels_in_place = 32;

// Several panels at a time rest in the cache while all rows of x pass: so many lines of y beside each other are written at a time.
void many_rows_bf16(const Weights& w, int64_t begin, int64_t end, const Operand& x, const TileOutput& out, std::byte* scratch) {
    const size_t bytes = panel_bytes(WeightType::bf16, w.matrix.cols);
    const bool in_place = w.matrix.type == WeightType::bf16;
    const int64_t last = panels(end), at_once = in_place ? panels_in_place : panels_at_once(w.matrix.cols);
    for (int64_t p = begin / panel_rows; p < last; p += at_once) {
        const int64_t count = std::min(at_once, last - p);
        const std::byte* first = bf16_panel(w, p, scratch);
        // The others stand behind the first: in the matrix, or in scratch.
        if (!in_place) {
            for (int64_t i = 1; i < count; ++i) bf16_panel(w, p + i, scratch + static_cast<size_t>(i) * bytes);
            memory_is_written();
        }
        many_rows(first, count, w.matrix.cols, p * panel_rows, x, out);
    }
}

// ---- A few rows of x, one a session: 16 bits of each number.

// As many as have a tile of sums each.
constexpr int streams = 4;

// A quarter of what comes some time after `bytes` of each stream. All of it at once would be more than memory takes without a stop.
template <size_t bytes>
MAMBA_ALWAYS_INLINE void ask_for_quarter(const std::byte* const (&panel)[streams], size_t at, size_t quarter) {
    const size_t first = quarter * bytes / 4;
    MAMBA_UNROLL
    for (size_t line = 0; line < bytes / 4; line += cache_line) {
        for (const std::byte* p : panel) ask_ahead(p + at + first + line);
    }
}

// Rows of x from which on pieces do not fit side by side in one tile.
constexpr int64_t joined_rows = group_rows / pieces;

// Products of one block of a panel, and what turns them into sums.
struct BlockProducts {
    alignas(64) int32_t values[pieces * group_rows][panel_rows];
    Vec16 scale;
    const float* unit;
    Vec16* sums;

    // tile: the block's weights. The pieces of x are in tile 0, joined, or in 0 and 1.
    template <bool joined>
    MAMBA_ALWAYS_INLINE void multiply(const std::byte* tile, int64_t rows) {
        _tile_loadd(3, tile, 64);
        _tile_zero(2);
        _tile_dpbssd(2, 0, 3);
        _tile_stored(2, values[0], 64);
        if constexpr (!joined) {
            _tile_zero(2);
            _tile_dpbssd(2, 1, 3);
            _tile_stored(2, values[rows], 64);
        }
    }

    MAMBA_ALWAYS_INLINE void add(int64_t rows) const {
        // Copies, which stores of sums cannot change.
        const Vec16 of_block = scale;
        const float* const units = unit;
        Vec16* const out = sums;
        for (int64_t r = 0; r < rows; ++r) {
            out[r] = add_block(out[r], _mm512_load_si512(values[r]), _mm512_load_si512(values[rows + r]), of_block, units[r]);
        }
    }
};

// sums[q][r] = the products of up to 16 rows of x with the panel of stream q. While a block is in the tiles, the one before is added.
template <bool joined>
MAMBA_NOINLINE void multiply_q8_0(const std::byte* const (&record)[streams], int64_t count, const std::byte* a, int64_t rows,
                                  Vec16 (*sums)[group_rows]) {
    TileConfig config;
    for (const int tile : {0, 1}) config.set(tile, joined ? pieces * rows : rows, block);
    config.set(2, joined ? pieces * rows : rows, 64);
    config.set(3, 8, 64);
    config.load();
    for (int q = 0; q < streams; ++q) std::fill_n(sums[q], rows, zero());
    const size_t piece = static_cast<size_t>(rows) * block;
    const float* unit = reinterpret_cast<const float*>(a + pieces * piece * static_cast<size_t>(count));
    BlockProducts products[2];
    for (int64_t b = 0; b < count; ++b, a += pieces * piece, unit += rows) {
        _tile_loadd(0, a, block);
        if constexpr (!joined) _tile_loadd(1, a + piece, block);
        const size_t at = static_cast<size_t>(b / 2) * q8_0_record_bytes, second = static_cast<size_t>(b % 2);
        MAMBA_UNROLL
        for (int q = 0; q < streams; ++q) {
            constexpr size_t bytes = q8_0_record_bytes / 2;  // of a block
            ask_for_quarter<bytes>(record, at + second * bytes, static_cast<size_t>(q));
            BlockProducts& now = products[q % 2];
            now.multiply<joined>(record[q] + at + 2 * q8_0_scale_bytes + second * q8_0_tile_bytes, rows);
            now.scale = load_f16(record[q] + at + second * q8_0_scale_bytes);
            now.unit = unit;
            now.sums = sums[q];
            if (b + q > 0) products[1 - q % 2].add(rows);
        }
    }
    products[(streams - 1) % 2].add(rows);
}

template <typename F>
void for_groups(const Operand& x, int64_t cols, const F& f) {
    for (int64_t m = 0; m < x.rows; m += group_rows) {
        f(m, std::min(group_rows, x.rows - m), x.data + static_cast<size_t>(m) * operand_row_bytes(x.form, cols));
    }
}

void matmul_q8_0(const Weights& w, int64_t begin, int64_t end, const Operand& x, const TileOutput& out) {
    const int64_t cols = w.matrix.cols, count = blocks(cols);
    const PanelStreams<streams> from(w, begin, end);
    for (int64_t s = 0; s < from.length; ++s) {
        const std::byte* record[streams];
        from.find(s, record);
        for_groups(x, cols, [&](int64_t m, int64_t rows, const std::byte* a) {
            Vec16 sums[streams][group_rows];
            if (rows <= joined_rows) multiply_q8_0<true>(record, count, a, rows, sums);
            else multiply_q8_0<false>(record, count, a, rows, sums);
            for (int q = 0; q < streams; ++q) {
                if (!from.exists(q, s)) continue;
                for (int64_t r = 0; r < rows; ++r) out.write(m + r, from.column(q, s), sums[q][r]);
            }
        });
    }
}

// One group of rows: tiles 0 .. 3 are the sums of a stream each, 4 is A, 5 B.
MAMBA_ALWAYS_INLINE void multiply_streams(const std::byte* const (&panel)[streams], const std::byte* a, int64_t count) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t k = 0; k < count; ++k, a += bf16_tile_bytes) {
        const size_t at = static_cast<size_t>(k) * bf16_tile_bytes;
        _tile_loadd(4, a, 64);
        ask_for_quarter<bf16_tile_bytes>(panel, at, 0);
        _tile_loadd(5, panel[0] + at, 64);
        _tile_dpbf16ps(0, 4, 5);
        ask_for_quarter<bf16_tile_bytes>(panel, at, 1);
        _tile_loadd(5, panel[1] + at, 64);
        _tile_dpbf16ps(1, 4, 5);
        ask_for_quarter<bf16_tile_bytes>(panel, at, 2);
        _tile_loadd(5, panel[2] + at, 64);
        _tile_dpbf16ps(2, 4, 5);
        ask_for_quarter<bf16_tile_bytes>(panel, at, 3);
        _tile_loadd(5, panel[3] + at, 64);
        _tile_dpbf16ps(3, 4, 5);
    }
}

// Few rows of x against weights of BF16, which stream from memory; a second group of rows finds them in L2.
void few_rows_bf16(const Weights& w, int64_t begin, int64_t end, const Operand& x, const TileOutput& out) {
    const PanelStreams<streams> from(w, begin, end);
    const int64_t tile_rows = std::min(x.rows, group_rows);
    TileConfig config;
    for (const int tile : {0, 1, 2, 3, 4}) config.set(tile, tile_rows, 64);
    config.load();
    for (int64_t s = 0; s < from.length; ++s) {
        const std::byte* panel[streams];
        from.find(s, panel);
        for_groups(x, w.matrix.cols, [&](int64_t m, int64_t rows, const std::byte* a) {
            multiply_streams(panel, a, blocks(w.matrix.cols));
            store_tile<0>(out, m, rows, tile_rows, from.column(0, s));
            if (from.exists(1, s)) store_tile<1>(out, m, rows, tile_rows, from.column(1, s));
            if (from.exists(2, s)) store_tile<2>(out, m, rows, tile_rows, from.column(2, s));
            if (from.exists(3, s)) store_tile<3>(out, m, rows, tile_rows, from.column(3, s));
        });
    }
}

// Rows of x that weights of BF16 meet on their way from memory.
constexpr int64_t few_rows = 2 * group_rows;

void matmul_bf16(const Weights& w, int64_t begin, int64_t end, const Operand& x, const TileOutput& out, std::byte* scratch) {
    const SubnormalsAreZero scope;  // also where sums are added to y: so however many rows there are
    if (w.matrix.type != WeightType::bf16 || x.rows > few_rows) return many_rows_bf16(w, begin, end, x, out, scratch);
    if (x.rows == 1) return single_bf16(w, begin, end, x.data, out, scratch);
    few_rows_bf16(w, begin, end, x, out);
}

void matmul_packed(const Weights& w, int64_t begin, int64_t end, const Operand& x, const float* bias, bool add, float* y, int64_t y_stride,
                   std::byte* scratch) {
    const TileOutput out{bias, add, y, y_stride, w.matrix.rows};
    switch (x.form) {
        case OperandForm::bf16: matmul_bf16(w, begin, end, x, out, scratch); break;
        case OperandForm::int8_pair:
            x.rows == 1 ? single_q8_0(w, begin, end, x.data, out, scratch) : matmul_q8_0(w, begin, end, x, out);
            break;
        case OperandForm::plain: return;
    }
    _tile_release();
}
