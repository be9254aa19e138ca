// Weights into panels and activations into tiles (packed.h). Included inside the unnamed namespace of kernels_amx.cpp.

using namespace packed;

// lines[i] = dword i of each of the 16 rows.
MAMBA_ALWAYS_INLINE void transpose_dwords(__m512i (&lines)[16]) {
    __m512i t[16];
    MAMBA_UNROLL
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(lines[i], lines[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(lines[i], lines[i + 1]);
    }
    MAMBA_UNROLL
    for (int i = 0; i < 16; i += 4) {
        lines[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        lines[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        lines[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        lines[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    MAMBA_UNROLL
    for (int i = 0; i < 4; ++i) {
        t[i] = _mm512_shuffle_i32x4(lines[i], lines[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(lines[i], lines[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(lines[i + 8], lines[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(lines[i + 8], lines[i + 12], 0xdd);
    }
    MAMBA_UNROLL
    for (int i = 0; i < 4; ++i) {
        lines[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        lines[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
        lines[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
        lines[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
    }
}

MAMBA_ALWAYS_INLINE void store_lines(const __m512i* lines, int count, std::byte* out) {
    for (int i = 0; i < count; ++i) _mm512_storeu_si512(out + i * 64, lines[i]);
}

// 16 rows of BF16 (the first `rows` exist), `stride` bytes apart, as one panel.
void pack_bf16(const std::byte* w, size_t stride, int64_t rows, int64_t cols, std::byte* out) {
    for (int64_t k = 0; k < cols; k += block, out += bf16_tile_bytes) {
        const __mmask32 exist = cols - k >= block ? ~__mmask32{0} : (__mmask32{1} << (cols - k)) - 1;
        __m512i lines[panel_rows];
        for (int64_t r = 0; r < panel_rows; ++r) {
            lines[r] = r < rows ? _mm512_maskz_loadu_epi16(exist, w + static_cast<size_t>(r) * stride + 2 * k) : _mm512_setzero_si512();
        }
        transpose_dwords(lines);
        store_lines(lines, panel_rows, out);
    }
}

void pack_q8_0(const std::byte* w, size_t stride, int64_t rows, int64_t cols, std::byte* out) {
    for (int64_t b = 0; b < blocks(cols); b += 2, out += q8_0_record_bytes) {
        __m512i lines[panel_rows];
        uint16_t scales[2][panel_rows] = {};
        for (int64_t r = 0; r < panel_rows; ++r) {
            lines[r] = _mm512_setzero_si512();
            if (r >= rows) continue;
            __m256i half[2] = {};
            for (int64_t i = 0; i < 2 && b + i < blocks(cols); ++i) {
                const std::byte* from = w + static_cast<size_t>(r) * stride + static_cast<size_t>(b + i) * sizeof(BlockQ8_0);
                std::memcpy(&scales[i][r], from, sizeof(uint16_t));
                half[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + sizeof(uint16_t)));
            }
            lines[r] = _mm512_inserti64x4(_mm512_castsi256_si512(half[0]), half[1], 1);
        }
        transpose_dwords(lines);
        std::memcpy(out, scales, sizeof(scales));
        store_lines(lines, panel_rows, out + sizeof(scales));
    }
}

// Panels first .. first + count of the matrix.
void pack(const Matrix& w, int64_t first, int64_t count, std::byte* out) {
    const size_t bytes = panel_bytes(w.type, w.cols);
    for (int64_t p = first; p < first + count; ++p, out += bytes) {
        const int64_t rows = std::min(panel_rows, w.rows - p * panel_rows);
        (w.type == WeightType::bf16 ? pack_bf16 : pack_q8_0)(w.row(p * panel_rows), w.row_bytes, rows, w.cols, out);
    }
}

// A row of a panel is one dword of every line: two columns of BF16, or four of Q8_0.
void unpack(const Weights& w, int64_t row, float* out) {
    const int64_t cols = w.matrix.cols, r = row % panel_rows;
    const std::byte* panel = w.panels + static_cast<size_t>(row / panel_rows) * panel_bytes(w.matrix.type, cols) + 4 * r;
    const __m512i lines = _mm512_slli_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), 4);
    alignas(64) std::byte values[64];
    for (int64_t b = 0; b < blocks(cols); ++b) {
        const int64_t k = b * block;
        if (w.matrix.type == WeightType::bf16) {
            _mm512_store_si512(values, _mm512_i32gather_epi32(lines, panel + static_cast<size_t>(b) * bf16_tile_bytes, 4));
            for (int64_t half = 0; half < block && k + half < cols; half += lanes) {
                store_upto(out + k + half, load_bf16(values + 2 * half), std::min(cols - k - half, lanes));
            }
            continue;
        }
        const std::byte* record = panel + static_cast<size_t>(b / 2) * q8_0_record_bytes;
        const std::byte* tile = record + 2 * q8_0_scale_bytes + static_cast<size_t>(b % 2) * q8_0_tile_bytes;
        _mm512_store_si512(values, _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), 0xff, lines, tile, 4));
        uint16_t scale;
        std::memcpy(&scale, record - 4 * r + 2 * r + static_cast<size_t>(b % 2) * q8_0_scale_bytes, sizeof(scale));
        const Vec16 wide{_mm512_cvtph_ps(_mm256_set1_epi16(static_cast<short>(scale)))};
        store(out + k, wide * load_int8(values));
        store(out + k + lanes, wide * load_int8(values + lanes));
    }
}

// Q8_0 to BF16, which rounds scale times weight: a panel as pack_bf16 would write it.
void widen_q8_0(const std::byte* panel, int64_t count, std::byte* out) {
    const __m512i high_half = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
    const __m512i round = _mm512_set1_epi32(0x7fff), one = _mm512_set1_epi32(1);
    for (int64_t b = 0; b < count; ++b, out += bf16_tile_bytes) {
        const std::byte* record = panel + static_cast<size_t>(b / 2) * q8_0_record_bytes;
        const std::byte* tile = record + 2 * q8_0_scale_bytes + static_cast<size_t>(b % 2) * q8_0_tile_bytes;
        const __m512 scale = load_f16(record + static_cast<size_t>(b % 2) * q8_0_scale_bytes).v;
        // To nearest even, on the bits: the instruction for it takes twice the time.
        const auto rounded = [&](__m512i q) {
            const __m512i bits = _mm512_castps_si512(_mm512_mul_ps(_mm512_cvtepi32_ps(q), scale));
            const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), one);
            return _mm512_add_epi32(bits, _mm512_add_epi32(odd, round));
        };
        for (int quad = 0; quad < 8; ++quad) {
            const __m512i q = _mm512_loadu_si512(tile + quad * 64);
            const __m512i first = rounded(_mm512_srai_epi32(_mm512_slli_epi32(q, 24), 24));
            const __m512i second = rounded(_mm512_srai_epi32(_mm512_slli_epi32(q, 16), 24));
            const __m512i third = rounded(_mm512_srai_epi32(_mm512_slli_epi32(q, 8), 24));
            const __m512i fourth = rounded(_mm512_srai_epi32(q, 24));
            // (first >> 16) | (second & 0xffff0000)
            _mm512_storeu_si512(out + quad * 128, _mm512_ternarylogic_epi32(_mm512_srli_epi32(first, 16), second, high_half, 0xf8));
            _mm512_storeu_si512(out + quad * 128 + 64, _mm512_ternarylogic_epi32(_mm512_srli_epi32(third, 16), fourth, high_half, 0xf8));
        }
    }
}

// ---- Activations

MAMBA_ALWAYS_INLINE __m512 load_x(const float* x, int64_t k, int64_t cols) {
    return cols - k >= lanes ? load(x + k).v : k < cols ? load_first(x + k, cols - k).v : _mm512_setzero_ps();
}

MAMBA_ALWAYS_INLINE void store_half(std::byte* out, __m256i v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), v); }

MAMBA_ALWAYS_INLINE __m256i to_bf16(__m512 v) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v)); }
MAMBA_ALWAYS_INLINE __m512 from_bf16(__m256i v) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16)); }

void prepare_bf16(const float* x, int64_t cols, int64_t row, std::byte* operand) {
    constexpr int64_t tile = group_rows * block * 2;
    std::byte* out = operand + row / group_rows * blocks(cols) * tile + row % group_rows * block * 2;
    for (int64_t k = 0; k < cols; k += block, out += tile) {
        store_half(out, to_bf16(load_x(x, k, cols)));
        store_half(out + 32, to_bf16(load_x(x, k + lanes, cols)));
    }
}

void prepare_int8_pair(const float* x, int64_t cols, int64_t row, int64_t rows, std::byte* operand) {
    const int64_t begin = row / group_rows * group_rows, together = std::min(group_rows, rows - begin), piece = together * block;
    std::byte* const group = operand + static_cast<size_t>(begin) * operand_row_bytes(OperandForm::int8_pair, cols);
    std::byte* out = group + (row - begin) * block;
    float* unit = reinterpret_cast<float*>(group + pieces * piece * blocks(cols)) + (row - begin);
    for (int64_t k = 0; k < cols; k += block, out += pieces * piece, unit += together) {
        const __m512 a = load_x(x, k, cols), b = load_x(x, k + lanes, cols);
        // As whole numbers, which order as the floats do and keep NaN above all.
        const __m512i either = _mm512_max_epi32(_mm512_castps_si512(_mm512_abs_ps(a)), _mm512_castps_si512(_mm512_abs_ps(b)));
        const float most = std::bit_cast<float>(_mm512_reduce_max_epi32(either));
        // Nothing is left of numbers below 2^-100; what is not finite makes the unit, and so the sums, NaN.
        const bool finite = most < std::numeric_limits<float>::infinity(), counts = finite && most > 0x1p-100f;
        *unit = counts ? most / 32512.0f : finite ? 0.0f : std::numeric_limits<float>::quiet_NaN();  // 127 * 256: high is at most 127
        const __m512 scale = _mm512_set1_ps(counts ? 32512.0f / most : 0.0f);
        for (int64_t half = 0; half < 2; ++half) {
            const __m512i v = _mm512_cvtps_epi32(_mm512_mul_ps(half == 0 ? a : b, scale));
            const __m128i low = _mm512_cvtepi32_epi8(v);  // the lowest eight bits, as a signed number; the rest is a multiple of 256
            const __m128i high = _mm512_cvtepi32_epi8(_mm512_srai_epi32(_mm512_sub_epi32(v, _mm512_cvtepi8_epi32(low)), 8));
            _mm_storeu_si128(reinterpret_cast<__m128i*>(out + half * lanes), high);
            _mm_storeu_si128(reinterpret_cast<__m128i*>(out + piece + half * lanes), low);
        }
    }
}

// Row `row` of the `rows` that the operand holds.
void prepare(OperandForm form, const float* x, int64_t cols, int64_t row, int64_t rows, std::byte* operand) {
    switch (form) {
        case OperandForm::bf16: return prepare_bf16(x, cols, row, operand);
        case OperandForm::int8_pair: return prepare_int8_pair(x, cols, row, rows, operand);
        case OperandForm::plain: return;
    }
}
