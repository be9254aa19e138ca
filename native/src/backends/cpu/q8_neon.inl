// Q8_0 matrices by products of 8-bit integers. Included, after simd_math.inl, inside the unnamed namespace of a file that defines
//   int32x4_t dot(int32x4_t sum, int8x16_t a, int8x16_t b);  // adds the 16 products, each to any one of the four lanes
//   MAMBA_MMLA                                                // 1: there is also mmla(), which multiplies 2 x 8 by 8 x 2
//
// Each row of x is cut, block by block of 32, into fixed-point numbers of 24 bits, v = x / scale to nearest, and each v into three signed
// bytes: v = 65536 h + 256 m + l. The scale is a power of two such that the error is at most 2^-23 of the block's largest |x|, which is
// about FP32's own. The sums H, M and L of a block's products with its weights are exact integers, so it does not matter in which order
// an instruction adds them. Then, block after block, y += (65536 H + 256 M + L) * (scale of the weights * scale of x), in FP32.

constexpr int64_t pieces = 3;
constexpr int64_t block_pieces = pieces * BlockQ8_0::weights;  // bytes
constexpr int64_t chunk = 8;                                   // bytes of one row that lie together in a pair of rows

// How far ahead of each row of weights to ask memory for it.
constexpr int64_t prefetch_ahead = 1024;

// The low bytes of 16 integers.
MAMBA_ALWAYS_INLINE int8x16_t low_bytes(const int32x4_t* v) {
    const int16x8_t first = vuzp1q_s16(vreinterpretq_s16_s32(v[0]), vreinterpretq_s16_s32(v[1]));
    const int16x8_t second = vuzp1q_s16(vreinterpretq_s16_s32(v[2]), vreinterpretq_s16_s32(v[3]));
    return vuzp1q_s8(vreinterpretq_s8_s16(first), vreinterpretq_s8_s16(second));
}

// Cuts one block: its pieces, h first, go to `out` in chunks of 8 bytes that begin `apart` bytes from each other. Returns the scale, which
// is NaN where a value is infinite or NaN.
MAMBA_ALWAYS_INLINE float cut(const float* x, int8_t* out, int64_t apart) {
    constexpr int vectors = 8;
    float32x4_t values[vectors];
    uint32x4_t magnitudes = vdupq_n_u32(0);
    MAMBA_UNROLL
    for (int i = 0; i < vectors; ++i) {
        values[i] = vld1q_f32(x + 4 * i);
        magnitudes = vmaxq_u32(magnitudes, vreinterpretq_u32_f32(vabsq_f32(values[i])));
    }
    const uint32_t largest = vmaxvq_u32(magnitudes);
    // The exponent, rounded up from 1.984: no |v| is above 127 * 65536. Below 2^-63 x counts in steps of 2^-85, so that scales stay normal.
    const uint32_t rounded = (largest + (1u << 17)) >> 23;
    const uint32_t exponent = rounded < 64 ? 64 : rounded;
    const float32x4_t up = vreinterpretq_f32_u32(vdupq_n_u32((276 - exponent) << 23));
    int32x4_t low[vectors], middle[vectors], high[vectors];
    MAMBA_UNROLL
    for (int i = 0; i < vectors; ++i) {
        low[i] = vcvtnq_s32_f32(vmulq_f32(values[i], up));
        middle[i] = vrshrq_n_s32(low[i], 8);
        high[i] = vrshrq_n_s32(middle[i], 8);
    }
    const int32x4_t* const cuts[pieces] = {high, middle, low};
    MAMBA_UNROLL
    for (int i = 0; i < pieces; ++i) {
        MAMBA_UNROLL
        for (int half = 0; half < 2; ++half, out += 2 * apart) {
            const int8x16_t bytes = low_bytes(cuts[i] + 4 * half);
            vst1_s8(out, vget_low_s8(bytes));
            vst1_s8(out + apart, vget_high_s8(bytes));
        }
    }
    const uint32_t bits = largest < 0x7f800000u ? (exponent - 22) << 23 : 0x7fc00000u;
    float scale;
    std::memcpy(&scale, &bits, sizeof scale);
    return scale;
}

// Rows of x in pieces. With mmla, rows 2 p and 2 p + 1 lie together, chunk by chunk; else, and where a row is left over, row after row.
struct Pieces {
    int64_t blocks, paired;  // blocks a row; rows that lie in pairs
    const float* scales;     // [rows, blocks]
    const int8_t* bytes;     // [rows, blocks, 3, 32] or [rows / 2, blocks, 3, 4, 2, 8]

    static constexpr int64_t floats_a_block = 1 + block_pieces / static_cast<int64_t>(sizeof(float));

    Pieces(const float* x, int64_t x_stride, int64_t rows, int64_t blocks_a_row, float* scratch)
        : blocks(blocks_a_row),
          paired(MAMBA_MMLA ? rows / 2 * 2 : 0),
          scales(scratch),
          bytes(reinterpret_cast<const int8_t*>(scratch + rows * blocks_a_row)) {
        auto* const out = reinterpret_cast<int8_t*>(scratch + rows * blocks);
        for (int64_t m = 0; m < rows; ++m) {
            const int64_t together = m < paired ? 2 : 1;
            int8_t* place = out + m / together * together * blocks * block_pieces + m % together * chunk;
            for (int64_t b = 0; b < blocks; ++b, place += together * block_pieces) {
                scratch[m * blocks + b] = cut(x + m * x_stride + b * BlockQ8_0::weights, place, together * chunk);
            }
        }
    }
    MAMBA_ALWAYS_INLINE const int8_t* row(int64_t m) const { return bytes + m * blocks * block_pieces; }
    MAMBA_ALWAYS_INLINE float scale(int64_t m, int64_t b) const { return scales[m * blocks + b]; }
};

// Four rows of weights, of which the first `count` are wanted.
struct FourRows {
    const std::byte* row[4];
    int64_t column[4];
    int64_t count;

    FourRows(const Matrix& w, int64_t first, int64_t apart, int64_t end) : count(0) {
        for (int i = 0; i < 4; ++i) {
            const int64_t j = first + i * apart;
            count += j < end;
            column[i] = j < end ? j : first;
            row[i] = w.row(column[i]);
        }
    }
};

// What four rows of weights need at one block: their scales, and the memory ahead of them asked for.
MAMBA_ALWAYS_INLINE float32x4_t begin_block(const std::byte* const (&row)[4], int64_t offset) {
    uint16x4_t d = vdup_n_u16(0);
    const auto at = [&](int i) {
        prefetch(row[i] + offset + prefetch_ahead);
        return reinterpret_cast<const uint16_t*>(row[i] + offset);
    };
    d = vld1_lane_u16(at(0), d, 0);
    d = vld1_lane_u16(at(1), d, 1);
    d = vld1_lane_u16(at(2), d, 2);
    d = vld1_lane_u16(at(3), d, 3);
    return f16_to_f32(d);
}

// sum + (65536 H + 256 M + L) * scale. |256 M + L| < 2^28.
MAMBA_ALWAYS_INLINE float32x4_t add_block(float32x4_t sum, const int32x4_t (&total)[pieces], float32x4_t scale) {
    const float32x4_t low = vcvtq_f32_s32(vaddq_s32(vshlq_n_s32(total[1], 8), total[2]));
    return vfmaq_f32(sum, vfmaq_f32(low, vcvtq_f32_s32(total[0]), vdupq_n_f32(65536.0f)), scale);
}

// Where sums go: y[m, j] as kernels.h defines it.
struct Results {
    const float* bias;
    bool add;
    float* y;
    int64_t stride;

    MAMBA_ALWAYS_INLINE void write(float32x4_t sums, const FourRows& w, int64_t m) const {
        float totals[4];
        vst1q_f32(totals, sums);
        for (int64_t i = 0; i < w.count; ++i) {
            const int64_t j = w.column[i];
            const float total = bias != nullptr ? totals[i] + bias[j] : totals[i];
            float& out = y[m * stride + j];
            out = add ? out + total : total;
        }
    }
};

// Rows m .. m + rows of x, which lie row after row, against four rows of weights.
template <int rows>
MAMBA_NOINLINE void tile(const FourRows& w, const Pieces& x, int64_t m, const Results& out) {
    const std::byte* const row[4] = {w.row[0], w.row[1], w.row[2], w.row[3]};
    float32x4_t sums[rows];
    MAMBA_UNROLL
    for (int r = 0; r < rows; ++r) sums[r] = vdupq_n_f32(0.0f);
    for (int64_t b = 0; b < x.blocks; ++b) {
        const int64_t offset = b * static_cast<int64_t>(sizeof(BlockQ8_0));
        const float32x4_t d = begin_block(row, offset);
        int8x16_t first[4], second[4];
        MAMBA_UNROLL
        for (int j = 0; j < 4; ++j) {
            first[j] = load_bytes(row[j] + offset + 2);
            second[j] = load_bytes(row[j] + offset + 18);
        }
        MAMBA_UNROLL
        for (int r = 0; r < rows; ++r) {
            const int8_t* piece = x.row(m + r) + b * block_pieces;
            int32x4_t total[pieces];
            MAMBA_UNROLL
            for (int i = 0; i < pieces; ++i, piece += BlockQ8_0::weights) {
                const int8x16_t x_first = vld1q_s8(piece), x_second = vld1q_s8(piece + 16);
                int32x4_t dots[4];
                MAMBA_UNROLL
                for (int j = 0; j < 4; ++j) dots[j] = dot(dot(vdupq_n_s32(0), first[j], x_first), second[j], x_second);
                total[i] = vpaddq_s32(vpaddq_s32(dots[0], dots[1]), vpaddq_s32(dots[2], dots[3]));
            }
            sums[r] = add_block(sums[r], total, vmulq_n_f32(d, x.scale(m + r, b)));
        }
    }
    MAMBA_UNROLL
    for (int r = 0; r < rows; ++r) out.write(sums[r], w, m + r);
}

#if MAMBA_MMLA
// The same for rows that lie in pairs. Every vector holds the lanes of two rows of x and two of weights: (0, 0), (0, 1), (1, 0), (1, 1).
template <int pairs>
MAMBA_NOINLINE void paired_tile(const FourRows& w, const Pieces& x, int64_t m, const Results& out) {
    constexpr int chunks = 4;
    const std::byte* const row[4] = {w.row[0], w.row[1], w.row[2], w.row[3]};
    float32x4_t sums[pairs][2];
    MAMBA_UNROLL
    for (int p = 0; p < pairs; ++p) sums[p][0] = sums[p][1] = vdupq_n_f32(0.0f);
    for (int64_t b = 0; b < x.blocks; ++b) {
        const int64_t offset = b * static_cast<int64_t>(sizeof(BlockQ8_0));
        const float32x4_t d = begin_block(row, offset);
        const float32x4_t scales[2] = {vcombine_f32(vget_low_f32(d), vget_low_f32(d)), vcombine_f32(vget_high_f32(d), vget_high_f32(d))};
        int8x16_t weights[2][chunks];
        MAMBA_UNROLL
        for (int j = 0; j < 2; ++j) {
            MAMBA_UNROLL
            for (int half = 0; half < 2; ++half) {
                const int8x16_t even = load_bytes(row[2 * j] + offset + 2 + 16 * half);
                const int8x16_t odd = load_bytes(row[2 * j + 1] + offset + 2 + 16 * half);
                weights[j][2 * half] = vcombine_s8(vget_low_s8(even), vget_low_s8(odd));
                weights[j][2 * half + 1] = vcombine_s8(vget_high_s8(even), vget_high_s8(odd));
            }
        }
        MAMBA_UNROLL
        for (int p = 0; p < pairs; ++p) {
            const int64_t even = m + 2 * p;
            const int8_t* piece = x.row(even) + b * 2 * block_pieces;
            int32x4_t totals[2][pieces];
            MAMBA_UNROLL
            for (int i = 0; i < pieces; ++i, piece += 2 * BlockQ8_0::weights) {
                totals[0][i] = totals[1][i] = vdupq_n_s32(0);
                MAMBA_UNROLL
                for (int c = 0; c < chunks; ++c) {
                    const int8x16_t xs = vld1q_s8(piece + 2 * chunk * c);
                    totals[0][i] = mmla(totals[0][i], xs, weights[0][c]);
                    totals[1][i] = mmla(totals[1][i], xs, weights[1][c]);
                }
            }
            const float32x4_t x_scales = vcombine_f32(vdup_n_f32(x.scale(even, b)), vdup_n_f32(x.scale(even + 1, b)));
            MAMBA_UNROLL
            for (int j = 0; j < 2; ++j) sums[p][j] = add_block(sums[p][j], totals[j], vmulq_f32(scales[j], x_scales));
        }
    }
    MAMBA_UNROLL
    for (int p = 0; p < pairs; ++p) {
        out.write(vcombine_f32(vget_low_f32(sums[p][0]), vget_low_f32(sums[p][1])), w, m + 2 * p);
        out.write(vcombine_f32(vget_high_f32(sums[p][0]), vget_high_f32(sums[p][1])), w, m + 2 * p + 1);
    }
}
#endif

void multiply(const FourRows& w, const Pieces& x, int64_t rows, const Results& out) {
    int64_t m = 0;
#if MAMBA_MMLA
    for (; m + 4 <= x.paired; m += 4) paired_tile<2>(w, x, m, out);
    for (; m + 2 <= x.paired; m += 2) paired_tile<1>(w, x, m, out);
#endif
    for (; m + 4 <= rows; m += 4) tile<4>(w, x, m, out);
    for (; m + 2 <= rows; m += 2) tile<2>(w, x, m, out);
    if (m < rows) tile<1>(w, x, m, out);
}

void matmul_q8(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t x_stride, int64_t rows, const float* bias, bool add,
               float* y, int64_t y_stride, float* scratch) {
    const int64_t blocks = w.cols / BlockQ8_0::weights;
    // Rows of x whose pieces fit in scratch, at least 10. The weights are read once for each such group, as four streams side by side.
    const int64_t most = matmul_scratch_floats(w.cols) / (blocks * Pieces::floats_a_block) / 2 * 2;
    const int64_t length = (end - begin) / 4;
    for (int64_t m = 0; m < rows; m += most) {
        const int64_t count = rows - m < most ? rows - m : most;
        const Pieces in(x + m * x_stride, x_stride, count, blocks, scratch);
        const Results out{bias, add, y + m * y_stride, y_stride};
        for (int64_t j = begin; j < begin + length; ++j) multiply(FourRows(w, j, length, end), in, count, out);
        if (begin + 4 * length < end) multiply(FourRows(w, begin + 4 * length, 1, end), in, count, out);
    }
}
