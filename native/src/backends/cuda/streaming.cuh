// Products of few rows with matrices that stream through shared memory, for kernels whose blocks run at a time, one on each multiprocessor, of
// 16 warps that compute and one that brings weights.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "backends/cuda/bulk.cuh"
#include "backends/cuda/mma.h"
#include "backends/cuda/streaming.h"
#include "backends/cuda/weights.h"
#include "backends/cuda/words.cuh"

namespace mamba::cuda {
namespace {

constexpr int streaming_warps = 16, streaming_threads = 32 * streaming_warps;  // that compute
constexpr int group = 8;                         // weight rows of a stage: the columns of a tensor core's product
constexpr int piece_rows = 2, pieces = group / piece_rows;
constexpr int unit_cols = 32;                    // columns of a block of Q8_0, and what warps share the columns by
constexpr int slices = 8, turns = streaming_warps / slices;  // warps share a stage's columns; those of the other turn take every second stage
constexpr int most_stages = 12, most_streaming_rows = 4;
constexpr int most_pairs = 5;                    // of columns, that a thread brings of a row of x

// Of the threads that compute.
__device__ __forceinline__ void meet() { asm volatile("bar.sync 1, %0;" ::"n"(streaming_threads) : "memory"); }

// The thread's index, read anew: what is computed of it is not kept in registers, for which there is no room, beyond the phase that needs it.
__device__ __forceinline__ unsigned int this_thread() {
    unsigned int thread;
    asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread));
    return thread;
}

// ---- Numbers of 16 and 8 bits

__device__ __forceinline__ uint32_t narrow(float2 v) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(v.x, v.y);
    return *reinterpret_cast<const uint32_t*>(&pair);
}

__device__ __forceinline__ float2 widen(uint32_t pair) {
    return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u));
}

__device__ __forceinline__ void mma_int8(int (&sum)[4], const uint4& a, uint32_t b0, uint32_t b1) {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3]) : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
}

__device__ __forceinline__ float shared_half(uint32_t address) {
    unsigned short bits;
    asm volatile("ld.shared.u16 %0, [%1];" : "=h"(bits) : "r"(address) : "memory");
    return __half2float(__ushort_as_half(bits));
}

// ---- Who has what

// A block's rows of a matrix. Tiles of eight lie among those of the other blocks, so that all read one stretch of memory at a time; what is left
// of the matrix is cut in equal parts.
struct Share {
    int rounds, base, count, tiles;

    __device__ explicit Share(int rows) {
        const int blocks = gridDim.x, block = blockIdx.x;
        rounds = rows / (group * blocks);
        const int whole = rounds * group * blocks, rest = rows - whole, first = rest * block / blocks;
        base = whole + first;
        const int left = rest * (block + 1) / blocks - first;
        count = rounds * group + left;
        tiles = rounds + (left > 0 ? 1 : 0);
    }
    __device__ __forceinline__ int row(int i) const {
        const int tile = i / group;
        return tile < rounds ? (tile * static_cast<int>(gridDim.x) + static_cast<int>(blockIdx.x)) * group + i % group : base + i % group;
    }
};

// ---- The weights' way to shared memory

// Stages of eight weight rows, in the order in which they are multiplied. A stage comes in pieces of two rows. There are at least as many stages
// as turns: a barrier tells only the turn before from the next one.
struct Ring {
    uint32_t memory, full, empty;  // shared addresses: of the stages; of a barrier of 8 bytes for each of their pieces; of one for each stage
    int stages, stage_bytes;
    int at = 0;
    uint32_t turn = 0;

    __device__ __forceinline__ uint32_t stage() const { return memory + static_cast<uint32_t>(at * stage_bytes); }
    __device__ __forceinline__ uint32_t full_at(int piece) const { return full + static_cast<uint32_t>(8 * (pieces * at + piece)); }
    __device__ __forceinline__ uint32_t empty_at() const { return empty + static_cast<uint32_t>(8 * at); }
    __device__ __forceinline__ void advance(int by) {
        at += by;
        while (at >= stages) at -= stages, turn ^= 1;
    }
};

struct RingBarriers {
    uint64_t empty[most_stages], full[most_stages][pieces];

    // By one thread, before the block meets.
    __device__ __forceinline__ void set(const Streaming& p) {
        for (int i = 0; i < p.stages; ++i) {
            set_barrier(shared_address(&empty[i]), slices);
            for (int piece = 0; piece < pieces; ++piece) set_barrier(shared_address(&full[i][piece]), 1);
        }
        barriers_are_set();
    }
    __device__ __forceinline__ Ring ring(const Streaming& p, const unsigned char* memory) const {
        return {shared_address(memory), shared_address(full), shared_address(empty), p.stages, group * p.row_bytes};
    }
};

// One warp asks for stages as room comes; weights depend on nothing, so it runs ahead of all else. But what all multiprocessors have asked
// for is a queue in which everything else that they read waits too: so only p.window pieces are under way at a time.
template <int Type>
class Bringer {
public:
    __device__ Bringer(const Streaming& p, const Ring& ring) : p_(p), ring_(ring), behind_(ring), lane_(threadIdx.x % 32) {}

    // data: of a matrix of Weight's form, of which this block has `share`.
    __device__ __forceinline__ void bring(const unsigned char* data, int64_t pitch, int passes, const Share& share) {
        constexpr bool q8 = Type == MAMBA_WEIGHT_Q8_0;
        const int number_bytes = q8 ? p_.cols : 2 * p_.cols, scale_bytes = q8 ? p_.cols / 16 : 0;
        const int in_piece = lane_ % piece_rows, part = lane_ / piece_rows;
        for (int tile = 0; tile < share.tiles; ++tile) {
            const unsigned char* const tile_at = data + share.row(tile * group) * pitch;
            for (int pass = 0; pass < passes; ++pass) {
                wait_for(ring_.empty_at(), ring_.turn ^ 1);
                for (int piece = 0; piece < pieces; ++piece) {
                    if (asked_ < p_.window) {
                        ++asked_;
                    } else {
                        wait_for(behind_.full_at(behind_piece_), behind_.turn);
                        if (++behind_piece_ == pieces) {
                            behind_piece_ = 0;
                            behind_.advance(1);
                        }
                    }
                    const int rows = max(0, min(piece_rows, share.count - tile * group - piece * piece_rows)), r = piece * piece_rows + in_piece;
                    const uint32_t full = ring_.full_at(piece), to = ring_.stage() + static_cast<uint32_t>(r * p_.row_bytes);
                    if (lane_ == 0) expect(full, static_cast<uint32_t>(rows * (number_bytes + scale_bytes)));
                    __syncwarp();
                    const unsigned char* const from = tile_at + r * pitch;
                    if (in_piece < rows && part == 0) copy_bulk(to, from + pass * number_bytes, static_cast<uint32_t>(number_bytes), full);
                    if (q8 && in_piece < rows && part == 1) {
                        copy_bulk(to + static_cast<uint32_t>(number_bytes), from + passes * number_bytes + pass * scale_bytes,
                                  static_cast<uint32_t>(scale_bytes), full);
                    }
                }
                ring_.advance(1);
            }
        }
    }

private:
    const Streaming& p_;
    Ring ring_, behind_;  // the stage that is asked for, and that of the piece that has to be there first
    const int lane_;
    int asked_ = 0, behind_piece_ = 0;
};

// ---- Rows of x

// Rows of x in shared memory, as the left side of products on tensor cores takes them: rows g of a product are the rows' first part, rows g + 8
// what rounding left of them. BF16: the sum of two BF16, two products of 16 columns a unit. Q8_0: of 256 and 1 times an INT8, a product a
// unit, times a factor for each. A lane's part of a product is 16 bytes:
//   [units, products][rows][4], and behind it the factors [units][rows]
template <int Type>
struct Rows {
    static constexpr bool q8 = Type == MAMBA_WEIGHT_Q8_0;
    static constexpr int products = q8 ? 1 : 2;
    uint32_t at;
    int rows, units;

    __host__ __device__ static int bytes(int cols, int rows) { return cols / unit_cols * rows * (products * 64 + (q8 ? 4 : 0)); }

    __device__ __forceinline__ uint32_t part(int unit, int product, int m) const {
        return at + static_cast<uint32_t>(((unit * products + product) * rows + m) * 64);
    }
    __device__ __forceinline__ uint32_t factor(int unit, int m) const {
        return at + static_cast<uint32_t>((units * 16 * rows + unit * rows + m) * 4);
    }

    // Where a lane's pairs of columns go: pair in_unit of a unit's sixteen, which are sixteen neighbouring lanes'.
    __device__ __forceinline__ uint32_t place(unsigned int in_unit) const {
        return at + (q8 ? in_unit % 8 / 2 * 16 + in_unit / 8 * 8 + in_unit % 2 * 2
                        : in_unit / 8 * 64 * static_cast<unsigned int>(rows) + in_unit % 4 * 16 + in_unit % 8 / 4 * 8);
    }

    // to: place(in_unit) and what unit and row add.
    __device__ __forceinline__ void put(uint32_t to, int unit, unsigned int in_unit, int m, float2 x) const {
        if constexpr (q8) {
            float most = fmaxf(fabsf(x.x), fabsf(x.y));
            const unsigned int half_warp = 0xffffu << (threadIdx.x & 16);
#pragma unroll
            for (int step = 8; step > 0; step /= 2) most = fmaxf(most, __shfl_xor_sync(half_warp, most, step));
            constexpr float range = 127 * 256;
            const float times = most > 0 ? range / most : 0.0f;
            const int first = __float2int_rn(x.x * times), second = __float2int_rn(x.y * times);
            const int high = (first + 128) >> 8, other = (second + 128) >> 8;
            put_shared_16(to, static_cast<uint32_t>((high & 255) | (other & 255) << 8));
            put_shared_16(to + 4, static_cast<uint32_t>((first & 255) | (second & 255) << 8));
            if (in_unit == 0) put_shared(factor(unit, m), __float_as_uint(most / range));
        } else {
            const uint32_t high = narrow(x);
            const float2 rounded = widen(high);
            put_shared(to, high, narrow(make_float2(x.x - rounded.x, x.y - rounded.y)));
        }
    }
};

using Squares = float[streaming_warps][most_streaming_rows];  // of what each warp brought

// Brings rows of x in, as other blocks publish their words, times the norm's weight. words: [rows, cols]. The block meets behind it.
template <int Type>
__device__ __forceinline__ void gather(const uint64_t* words, int cols, uint32_t tag, const float* norm, const Rows<Type>& out, Squares& squares) {
    constexpr int step = streaming_threads / 16;  // units
    const unsigned int thread = this_thread(), in_unit = thread % 16;
    const int unit = static_cast<int>(thread / 16), units = cols / unit_cols;
    float2 by[most_pairs];
#pragma unroll
    for (int i = 0; i < most_pairs; ++i) {
        if (unit + step * i < units) by[i] = __ldcg(reinterpret_cast<const float2*>(norm) + thread + streaming_threads * i);
    }
    uint32_t to = out.place(in_unit) + thread / 16 * static_cast<uint32_t>(Rows<Type>::products * 64 * out.rows);
#pragma unroll 1
    for (int m = 0; m < out.rows; ++m, to += 64) {
        const uint64_t* const row = words + static_cast<int64_t>(m) * cols + 2 * thread;
        WordPair v[most_pairs];
        // Only the first pair is asked for again and again: all of them would be in the way of what they wait for.
        if (unit < units) {
            do v[0] = look(row);
            while (!v[0].has(tag));
        }
#pragma unroll
        for (int i = 1; i < most_pairs; ++i) {
            if (unit + step * i < units) v[i] = look(row + 2 * streaming_threads * i);
        }
        float sum = 0;
#pragma unroll
        for (int i = 0; i < most_pairs; ++i) {
            if (unit + step * i >= units) break;
            while (!v[i].has(tag)) v[i] = look(row + 2 * streaming_threads * i);
            const float2 pair = v[i].values();
            sum = fmaf(pair.x, pair.x, fmaf(pair.y, pair.y, sum));
            out.put(to + static_cast<uint32_t>(step * i * Rows<Type>::products * 64 * out.rows), unit + step * i, in_unit, m,
                    make_float2(pair.x * by[i].x, pair.y * by[i].y));
        }
        __syncwarp();
        sum = warp_sum(sum);
        if (thread % 32 == 0) squares[thread / 32][m] = sum;
    }
    meet();
}

// ---- A product

// Count units of a stage's eight rows, from `unit` on. from: the lane's part of the rows; left: its part of x's first product, left_step to the
// next one; scales, factors: of Q8_0, the lane's two rows' and x's. Everything is asked for before anything is multiplied.
template <int Type, int Count>
__device__ __forceinline__ void multiply_units(float (&c)[2][4], uint32_t from, uint32_t scales, int row_bytes, int unit, uint32_t left,
                                               uint32_t left_step, uint32_t factors, int factor_step) {
    if constexpr (Type == MAMBA_WEIGHT_Q8_0) {
        uint32_t b[Count][2];
        uint4 a[Count];
        float by[Count][2];
#pragma unroll
        for (int i = 0; i < Count; ++i) {
            load_two_matrices(b[i], from + static_cast<uint32_t>((unit + i) * unit_cols));
            a[i] = shared_uint4(left + static_cast<uint32_t>(i) * left_step);
        }
#pragma unroll
        for (int i = 0; i < Count; ++i) {
            const float factor = shared_float(factors + static_cast<uint32_t>(i * factor_step));
#pragma unroll
            for (int k = 0; k < 2; ++k) by[i][k] = factor * shared_half(scales + static_cast<uint32_t>(2 * (unit + i) + k * row_bytes));
        }
#pragma unroll
        for (int i = 0; i < Count; ++i) {
            int sums[4] = {};
            mma_int8(sums, a[i], b[i][0], b[i][1]);
#pragma unroll
            for (int k = 0; k < 2; ++k) c[0][k] = fmaf(static_cast<float>(sums[k] * 256 + sums[2 + k]), by[i][k], c[0][k]);
        }
    } else {
        uint32_t b[Count][4];
        uint4 a[Count][2];
#pragma unroll
        for (int i = 0; i < Count; ++i) {
            load_matrices(b[i], from + static_cast<uint32_t>((unit + i) * unit_cols * 2));
            a[i][0] = shared_uint4(left + static_cast<uint32_t>(2 * i) * left_step);
            a[i][1] = shared_uint4(left + static_cast<uint32_t>(2 * i + 1) * left_step);
        }
#pragma unroll
        for (int i = 0; i < Count; ++i) {
            mma(c[0], {a[i][0].x, a[i][0].y, a[i][0].z, a[i][0].w}, b[i][0], b[i][1]);
            mma(c[1], {a[i][1].x, a[i][1].y, a[i][1].z, a[i][1].w}, b[i][2], b[i][3]);
        }
    }
}

// The block's rows of a matrix times x, by stages: each warp multiplies its columns of those that are its own. The block meets behind it, and
// what its threads have copied to shared memory meanwhile is there.
// slots: [passes * slices, share.count, rows]
template <int Type>
__device__ __forceinline__ void multiply(const Streaming& p, Ring& ring, const Share& share, int passes, const Rows<Type>& x, float* slots) {
    constexpr int batch = 3;
    const unsigned int thread = this_thread();
    const int lane = static_cast<int>(thread % 32), warp = static_cast<int>(thread / 32);
    const int g = static_cast<int>(thread % 32 / 4), q = static_cast<int>(thread % 4);
    const int slice = warp % slices, own = warp / slices;
    const int all_units = p.cols / unit_cols, first = all_units * slice / slices, until = all_units * (slice + 1) / slices;
    const int m = min(g, x.rows - 1);  // what the other rows of a product are does not matter
    const uint32_t from_lane = static_cast<uint32_t>(lane % 8 * p.row_bytes + lane / 8 * 16);
    const uint32_t scales_lane = static_cast<uint32_t>(2 * q * p.row_bytes + p.cols);
    const int all = share.tiles * passes;
    Ring at = ring;
    at.advance(own);
    for (int i = own; i < all; i += turns) {
        const int tile = i / passes, pass = i % passes;
        float c[2][4] = {};
        // Each lane waits for the rows that its own addresses name: ldmatrix takes the address of row lane % 8, and scales are those of rows 2q and 2q + 1.
        wait_for(at.full_at(lane % group / piece_rows), at.turn);
        if (Type == MAMBA_WEIGHT_Q8_0) wait_for(at.full_at(2 * q / piece_rows), at.turn);
        __syncwarp();
        const uint32_t stage = at.stage(), from = stage + from_lane;
        uint32_t left = x.part(pass * all_units + first, 0, m) + static_cast<uint32_t>(16 * q);
        const uint32_t left_step = static_cast<uint32_t>(64 * x.rows);
        const uint32_t scales = stage + scales_lane;
        int unit = first;
        for (; unit + batch <= until; unit += batch) {
            multiply_units<Type, batch>(c, from, scales, p.row_bytes, unit, left, left_step, x.factor(pass * all_units + unit, m), 4 * x.rows);
            left += batch * Rows<Type>::products * left_step;
        }
        for (; unit < until; ++unit) {
            multiply_units<Type, 1>(c, from, scales, p.row_bytes, unit, left, left_step, x.factor(pass * all_units + unit, m), 4 * x.rows);
            left += Rows<Type>::products * left_step;
        }
        __syncwarp();
        if (lane == 0) arrive(at.empty_at());
        if (g < x.rows) {
            const int row = tile * group + 2 * q;
            float* const slot = slots + ((pass * slices + slice) * share.count + row) * x.rows + g;
            if (row < share.count) slot[0] = c[0][0] + c[1][0] + (c[0][2] + c[1][2]);
            if (row + 1 < share.count) slot[x.rows] = c[0][1] + c[1][1] + (c[0][3] + c[1][3]);
        }
        at.advance(turns);
    }
    ring.advance(all);
    copy_wait<0>();
    meet();
}

// What multiply() left of the block's row i for row m of x.
__device__ __forceinline__ float sum_of(const float* slots, int parts, int stride, int at) {
    float sum = 0;
#pragma unroll 8
    for (int k = 0; k < parts; ++k) sum += slots[k * stride + at];
    return sum;
}

__device__ __forceinline__ float over_root_mean_square(const Squares& squares, int m, int cols, float eps) {
    float sum = 0;
#pragma unroll
    for (int w = 0; w < streaming_warps; ++w) sum += squares[w][m];
    return rsqrtf(sum / static_cast<float>(cols) + eps);
}

}  // namespace
}  // namespace mamba::cuda
