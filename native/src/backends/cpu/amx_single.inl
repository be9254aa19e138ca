// Products of a single row of x with panels, without tiles: for one row the vector units are faster, and the bits are those of the tiles.
// Included inside the unnamed namespace of kernels_amx.cpp, before amx_matmul.inl.

// ---- How panels are walked

// A thread's panels are walked as several streams: one alone leaves half of the memory's bandwidth unused.
constexpr int single_streams = 8;

// A line that comes some time after this one in its stream. Streams are asked line by line in turn: bursts leave memory idle between them.
MAMBA_ALWAYS_INLINE void ask_ahead(const std::byte* line) { prefetch(line + 2048); }

// Panels of streams that end early stand in for each other: the last stream's panel is computed again and not written.
template <int count>
struct PanelStreams {
    const Weights& weights;
    int64_t first, last, length;

    // The panels of weight rows begin .. end.
    PanelStreams(const Weights& w, int64_t begin, int64_t end)
        : weights(w), first(begin / panel_rows), last(panels(end)), length((last - first + count - 1) / count) {}
    bool exists(int q, int64_t s) const { return first + q * length + s < last; }
    int64_t column(int q, int64_t s) const { return std::min(first + q * length + s, last - 1) * panel_rows; }
    // Where panel s of every stream lies.
    void find(int64_t s, const std::byte* (&places)[count]) const {
        const size_t bytes = panel_bytes(weights.matrix.type, weights.matrix.cols);
        for (int q = 0; q < count; ++q) places[q] = weights.panels + static_cast<size_t>(column(q, s) / panel_rows) * bytes;
    }
};

// Where sums go: y[m][j] of kernels.h, a row's columns j .. j + 16 at a time.
struct TileOutput {
    const float* bias;
    bool add;
    float* y;
    int64_t stride, columns;  // columns of y that exist

    MAMBA_ALWAYS_INLINE void write(int64_t m, int64_t j, Vec16 total) const {
        const int64_t n = std::min(columns - j, lanes);
        float* out = y + m * stride + j;
        if (bias != nullptr) total = total + load_upto(bias + j, n);
        if (add) total = load_upto(out, n) + total;
        store_upto(out, total, n);
    }
};

// What a block of 32 columns of Q8_0 adds. The products with both pieces make one whole number of less than 28 bits, rounded once.
MAMBA_ALWAYS_INLINE Vec16 add_block(Vec16 sum, __m512i high, __m512i low, Vec16 scale, float unit) {
    const __m512i both = _mm512_add_epi32(_mm512_slli_epi32(high, 8), low);
    return fma({_mm512_cvtepi32_ps(both)}, scale * broadcast(unit), sum);
}

MAMBA_ALWAYS_INLINE __m512i broadcast_quad(const std::byte* p) {
    int32_t quad;
    std::memcpy(&quad, p, sizeof(quad));
    return _mm512_set1_epi32(quad);
}

// The instruction multiplies unsigned by signed bytes: weights get 128 added, and the sums begin at what that adds, taken away.
void single_q8_0(const Weights& w, int64_t begin, int64_t end, const std::byte* x, const TileOutput& out, std::byte* scratch) {
    const int64_t count = blocks(w.matrix.cols);
    const float* unit = reinterpret_cast<const float*>(x + count * pieces * block);
    int32_t* const offsets = reinterpret_cast<int32_t*>(scratch);  // [blocks][pieces]
    for (int64_t i = 0; i < count * pieces; ++i) {
        int32_t sum = 0;
        for (int64_t k = 0; k < block; ++k) sum += static_cast<int8_t>(x[i * block + k]);
        offsets[i] = -128 * sum;
    }
    const __m512i sign = _mm512_set1_epi8(static_cast<char>(0x80));
    const PanelStreams<single_streams> from(w, begin, end);
    for (int64_t s = 0; s < from.length; ++s) {
        const std::byte* record[single_streams];
        Vec16 sums[single_streams];
        from.find(s, record);
        std::fill_n(sums, single_streams, zero());
        for (int64_t b = 0; b < count; ++b) {
            const std::byte* a = x + b * pieces * block;
            const size_t at = static_cast<size_t>(b / 2) * q8_0_record_bytes, second = static_cast<size_t>(b % 2);
            const size_t tile = at + 2 * q8_0_scale_bytes + second * q8_0_tile_bytes;
            __m512i high[single_streams], low[single_streams];
            MAMBA_UNROLL
            for (int q = 0; q < single_streams; ++q) {
                high[q] = _mm512_set1_epi32(offsets[b * pieces]);
                low[q] = _mm512_set1_epi32(offsets[b * pieces + 1]);
                ask_ahead(record[q] + at);
            }
            for (size_t quad = 0; quad < 8; ++quad) {
                const __m512i first = broadcast_quad(a + quad * 4), rest = broadcast_quad(a + block + quad * 4);
                MAMBA_UNROLL
                for (int q = 0; q < single_streams; ++q) {
                    const std::byte* line = record[q] + tile + quad * cache_line;
                    ask_ahead(line);
                    const __m512i weights = _mm512_xor_si512(_mm512_loadu_si512(line), sign);
                    high[q] = _mm512_dpbusd_epi32(high[q], weights, first);
                    low[q] = _mm512_dpbusd_epi32(low[q], weights, rest);
                }
            }
            MAMBA_UNROLL
            for (int q = 0; q < single_streams; ++q) {
                sums[q] = add_block(sums[q], high[q], low[q], load_f16(record[q] + at + second * q8_0_scale_bytes), unit[b]);
            }
        }
        for (int q = 0; q < single_streams; ++q) {
            if (from.exists(q, s)) out.write(0, from.column(q, s), sums[q]);
        }
    }
}

// A tile's product with 32 columns is one chain of multiply-adds over the even and one over the odd columns, whose sum is then added; what
// is subnormal counts as zero (Intel's manual, TDPBF16PS), as the caller has it here.
void single_bf16(const Weights& w, int64_t begin, int64_t end, const std::byte* x, const TileOutput& out, std::byte* scratch) {
    const int64_t count = blocks(w.matrix.cols);
    float* const wide = reinterpret_cast<float*>(scratch);  // x in FP32
    for (int64_t b = 0; b < count; ++b) {
        for (int64_t half = 0; half < block; half += lanes) {
            const std::byte* from = x + static_cast<size_t>(b) * bf16_tile_bytes + 2 * half;
            store(wide + b * block + half, {from_bf16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)))});
        }
    }
    const __m512i high_half = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
    const PanelStreams<single_streams> from(w, begin, end);
    for (int64_t s = 0; s < from.length; ++s) {
        const std::byte* panel[single_streams];
        Vec16 sums[single_streams];
        from.find(s, panel);
        std::fill_n(sums, single_streams, zero());
        for (int64_t b = 0; b < count; ++b) {
            const float* a = wide + b * block;
            const size_t at = static_cast<size_t>(b) * bf16_tile_bytes;
            Vec16 even[single_streams] = {}, odd[single_streams] = {};
            for (size_t pair = 0; pair < 16; ++pair) {
                const Vec16 first = broadcast(a[2 * pair]), second = broadcast(a[2 * pair + 1]);
                MAMBA_UNROLL
                for (int q = 0; q < single_streams; ++q) {
                    const std::byte* line = panel[q] + at + pair * cache_line;
                    ask_ahead(line);
                    const __m512i both = _mm512_loadu_si512(line);
                    even[q] = fma({_mm512_castsi512_ps(_mm512_slli_epi32(both, 16))}, first, even[q]);
                    odd[q] = fma({_mm512_castsi512_ps(_mm512_and_si512(both, high_half))}, second, odd[q]);
                }
            }
            MAMBA_UNROLL
            for (int q = 0; q < single_streams; ++q) sums[q] = sums[q] + (even[q] + odd[q]);
        }
        for (int q = 0; q < single_streams; ++q) {
            if (from.exists(q, s)) out.write(0, from.column(q, s), sums[q]);
        }
    }
}
