// Products of FP16 and BF16 on the tensor cores of sm_80 and newer. A block computes a tile of y; its operands pass through a ring of four
// stages of shared memory, 32 columns of k each, copied while earlier ones are multiplied. A row of a stage is 64 bytes: its four
// 16-byte pieces change places by the row, so that the eight rows that ldmatrix reads lie in different banks.
#include "backends/cuda/gemm_tile.cuh"

namespace mamba::cuda {
namespace {

constexpr int depth = 32, stages = 4, threads = 128;

__device__ __forceinline__ uint32_t place(int row, int piece) { return static_cast<uint32_t>(row * 64 + (piece ^ (row >> 1 & 3)) * 16); }

// Rows x Cols by 2 x 2 warps.
template <typename T, int Rows, int Cols>
__global__ __launch_bounds__(threads) void multiply(Gemm g) {
    constexpr int x_bytes = Rows * depth * 2, stage_bytes = x_bytes + Cols * depth * 2;
    constexpr int tall = Rows / 32, wide = Cols / 16;  // 16 x 8 products of a warp
    extern __shared__ __align__(128) unsigned char shared[];
    const uint32_t base = shared_address(shared);
    const Tile tile = tile_of<Rows, Cols>(g, static_cast<int>(blockIdx.x));
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int warp_row = warp / 2 * (Rows / 2), warp_col = warp % 2 * (Cols / 2);
    const T* const x = static_cast<const T*>(g.x);
    const T* const w = static_cast<const T*>(g.w);

    const auto copy = [&](int block, int stage) {
        const int piece = threadIdx.x % 4, col = block * depth + piece * 8;
        const bool inside = col < g.k;
        const uint32_t to = base + static_cast<uint32_t>(stage * stage_bytes);
#pragma unroll
        for (int i = 0; i < Rows / 32; ++i) {
            const int row = i * 32 + static_cast<int>(threadIdx.x) / 4, from = min(tile.row + row, g.m - 1);
            copy_16(to + place(row, piece), x + from * g.x_stride + (inside ? col : 0), inside);
        }
#pragma unroll
        for (int i = 0; i < Cols / 32; ++i) {
            const int row = i * 32 + static_cast<int>(threadIdx.x) / 4, from = min(tile.col + row, g.n - 1);
            copy_16(to + x_bytes + place(row, piece), w + from * g.w_stride + (inside ? col : 0), inside);
        }
    };

    float sums[tall][wide][4] = {};
    const int blocks = (g.k + depth - 1) / depth;
    begin_dependent();
    allow_next();
#pragma unroll
    for (int stage = 0; stage < stages - 1; ++stage) {
        if (stage < blocks) copy(stage, stage);
        end_copies();
    }
    for (int block = 0; block < blocks; ++block) {
        copies_left<stages - 2>();
        __syncthreads();
        if (block + stages - 1 < blocks) copy(block + stages - 1, (block + stages - 1) % stages);
        end_copies();
        const uint32_t x_at = base + static_cast<uint32_t>(block % stages * stage_bytes), w_at = x_at + x_bytes;
#pragma unroll
        for (int step = 0; step < depth / 16; ++step) {
            uint32_t a[tall][4], b[wide / 2][4];
#pragma unroll
            for (int i = 0; i < tall; ++i) load_matrices(a[i], x_at + place(warp_row + i * 16 + lane % 16, step * 2 + lane / 16));
#pragma unroll
            for (int j = 0; j < wide / 2; ++j) {
                load_matrices(b[j], w_at + place(warp_col + j * 16 + lane / 16 * 8 + lane % 8, step * 2 + lane / 8 % 2));
            }
#pragma unroll
            for (int i = 0; i < tall; ++i) {
#pragma unroll
                for (int j = 0; j < wide; ++j) {
                    multiply_add<T>(sums[i][j], a[i][0], a[i][1], a[i][2], a[i][3], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
                }
            }
        }
    }
    copies_left<0>();
#pragma unroll
    for (int i = 0; i < tall; ++i) {
#pragma unroll
        for (int j = 0; j < wide; ++j) {
            const int row = tile.row + warp_row + i * 16 + lane / 4, col = tile.col + warp_col + j * 8 + lane % 4 * 2;
            write_pair<T>(g, row, col, sums[i][j][0], sums[i][j][1]);
            write_pair<T>(g, row + 8, col, sums[i][j][2], sums[i][j][3]);
        }
    }
}

template <typename T, int Rows, int Cols>
void launch(const Queue& queue, const Gemm& g) {
    constexpr int bytes = stages * (Rows + Cols) * depth * 2;
    check(cudaFuncSetAttribute(multiply<T, Rows, Cols>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "a product's shared memory");
    queue.launch(multiply<T, Rows, Cols>, dim3(tile_count<Rows, Cols>(g)), threads, bytes, "a product", g);
}

template <typename T>
void launch_best(const Queue& queue, const Gemm& g) {
    const auto enough = static_cast<unsigned>(multiprocessor_count());
    if (g.m > 64 && tile_count<128, 128>(g) >= 2 * enough) launch<T, 128, 128>(queue, g);
    else if (tile_count<64, 128>(g) >= 2 * enough) launch<T, 64, 128>(queue, g);
    else launch<T, 64, 64>(queue, g);
}

}  // namespace

bool gemm_tensor(const Queue& queue, const Gemm& g) {
    if (g.k % 8 != 0) return false;
    if (g.type == MAMBA_WEIGHT_BF16) launch_best<__nv_bfloat16>(queue, g);
    else if (g.type == MAMBA_WEIGHT_F16) launch_best<__half>(queue, g);
    else return false;
    return true;
}

}  // namespace mamba::cuda
