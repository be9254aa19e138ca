// Tiles of BF16 in shared memory and the tensor core instructions that read them (sm_80 and newer).
// Fragments of mma.m16n8k16, of lane 4 * g + c: A, rows by k: {(g, 2c..), (g + 8, 2c..), (g, 2c + 8..), (g + 8, 2c + 8..)};
// B, k by columns: {(2c.., g), (2c + 8.., g)}; sums: {(g, 2c), (g, 2c + 1), (g + 8, 2c), (g + 8, 2c + 1)}. ".." is two values along k in
// one register.
#pragma once

#include <cstdint>

namespace mamba::cuda {

#if defined(__CUDACC__)

__device__ __forceinline__ uint32_t shared_address(const void* p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }

// 16 bytes on their way to shared memory; zeros where `some` is false.
__device__ __forceinline__ void copy_async(uint32_t to, const void* from, bool some = true) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(some ? 16 : 0) : "memory");
}
// 4 bytes.
__device__ __forceinline__ void copy_word_async(uint32_t to, const float* from) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(to), "l"(from) : "memory");
}
__device__ __forceinline__ void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Until no more than Later of this thread's groups are under way.
template <int Later>
__device__ __forceinline__ void copy_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(Later) : "memory");
}

// Where unit `unit` (16 bytes) of row `row` lies in a tile whose rows have Units of them: 8 rows' units of one column are in different
// banks.
template <int Units>
__device__ __forceinline__ uint32_t tile_at(int row, int unit) {
    static_assert(Units == 2 || Units == 4 || Units % 8 == 0, "rows of 32, 64 or a multiple of 128 bytes");
    const int turn = Units == 2 ? (row >> 2) & 1 : Units == 4 ? (row >> 1) & 3 : row & 7;
    return static_cast<uint32_t>((row * Units + (unit ^ turn)) * 16);
}

// The addresses of a lane in a tile that begins on 128 bytes: a row and a unit of its own, plus a multiple of 8 rows and an even unit,
// with no bit
// of the lane's, that all lanes share. What the lane has of its own is computed once, the rest are constants.
template <int Units>
struct LaneTile {
    static constexpr int span = Units < 8 ? Units : 8;
    uint32_t at[span / 2];

    __device__ __forceinline__ LaneTile(int row, int unit) {
        const uint32_t first = tile_at<Units>(row, unit);
#pragma unroll
        for (int i = 0; i < span / 2; ++i) at[i] = first ^ static_cast<uint32_t>(i * 32);
    }
    __device__ __forceinline__ uint32_t operator()(uint32_t tile, int row, int unit) const {
        return tile + at[unit % span / 2] + static_cast<uint32_t>(unit / span * span * 16 + row * Units * 16);
    }
};

// The part of Threads threads in bringing a tile of Rows rows.
template <int Units, int Rows, int Threads>
struct ThreadTile {
    static constexpr int step = Threads / Units;  // rows that all threads bring at a time
    static_assert(Threads % Units == 0 && (Rows % step == 0 || step > Rows), "a thread has one unit of some rows");
    int row, unit;
    uint32_t at;

    __device__ __forceinline__ explicit ThreadTile(int thread) : row(thread / Units), unit(thread % Units), at(tile_at<Units>(row, unit)) {}
    // from: the tile's first value; rows from `count` on become zeros.
    template <typename T>
    __device__ __forceinline__ void bring(uint32_t tile, const T* from, int64_t stride, int count) const {
        if (step > Rows && row >= Rows) return;
        from += row * stride + unit * (16 / static_cast<int>(sizeof(T)));
#pragma unroll
        for (int first = 0; first < Rows; first += step) {
            copy_async(tile + (at ^ static_cast<uint32_t>(first % 8 * 16)) + static_cast<uint32_t>(first * Units * 16), from,
                    first + row < count);
            from += step * stride;
        }
    }
};

__device__ __forceinline__ uint32_t shared_word(uint32_t address) {
    uint32_t v;
    asm volatile("ld.shared.u32 %0, [%1];" : "=r"(v) : "r"(address) : "memory");
    return v;
}
__device__ __forceinline__ float shared_float(uint32_t address) { return __uint_as_float(shared_word(address)); }
__device__ __forceinline__ float2 shared_float2(uint32_t address) {
    float2 v;
    asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];" : "=f"(v.x), "=f"(v.y) : "r"(address) : "memory");
    return v;
}
__device__ __forceinline__ float4 shared_float4(uint32_t address) {
    float4 v;
    asm volatile("ld.shared.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w) : "r"(address) : "memory");
    return v;
}
__device__ __forceinline__ uint4 shared_uint4(uint32_t address) {
    uint4 v;
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "r"(address) : "memory");
    return v;
}
__device__ __forceinline__ void put_shared(uint32_t address, uint32_t v) {
    asm volatile("st.shared.u32 [%0], %1;" ::"r"(address), "r"(v) : "memory");
}
__device__ __forceinline__ void put_shared(uint32_t address, uint32_t first, uint32_t second) {
    asm volatile("st.shared.v2.u32 [%0], {%1, %2};" ::"r"(address), "r"(first), "r"(second) : "memory");
}
// The low half.
__device__ __forceinline__ void put_shared_16(uint32_t address, uint32_t v) {
    asm volatile("st.shared.u16 [%0], %1;" ::"r"(address), "h"(static_cast<unsigned short>(v)) : "memory");
}
__device__ __forceinline__ void put_shared(uint32_t address, uint4 v) {
    asm volatile("st.shared.v4.u32 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory");
}

// Four 8 x 8 matrices whose rows lie at the addresses of lanes 0-7, 8-15, 16-23 and 24-31.
__device__ __forceinline__ void load_matrices(uint32_t (&m)[4], uint32_t address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3]) : "r"(address) : "memory");
}
// Two, at those of lanes 0-7 and 8-15.
__device__ __forceinline__ void load_two_matrices(uint32_t (&m)[2], uint32_t address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];" : "=r"(m[0]), "=r"(m[1]) : "r"(address) : "memory");
}
__device__ __forceinline__ void load_transposed(uint32_t (&m)[4], uint32_t address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3]) : "r"(address) : "memory");
}

__device__ __forceinline__ void mma(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ float power_of_two(float v) {
    float result;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(v));
    return result;
}

#endif

}  // namespace mamba::cuda
