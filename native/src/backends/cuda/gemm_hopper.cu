// Products of FP16 and BF16 by Hopper's warpgroups: 128 x 256 (or 128 x 128) of y a block, two warpgroups with 64 rows each, operands in a ring
// of stages of 64 columns of k. Only in images for sm_90a, which CUDA 12 and newer can make: MAMBA_CUDA_HOPPER says that this build has one.
#include "backends/cuda/gemm_tile.cuh"

#if defined(MAMBA_CUDA_HOPPER)
#include <type_traits>

#include "backends/cuda/warpgroup.cuh"
#endif

namespace mamba::cuda {

#if defined(MAMBA_CUDA_HOPPER)
namespace {

constexpr int rows = 128, depth = 64, threads = 256;

// Shared memory holds one block with four stages of 128 x 256 or six of 128 x 128, or two with three of 128 x 128.
template <int Cols, int Stages>
constexpr int shared_bytes = Stages * (rows + Cols) * depth * 2 + 1024;  // stages begin at 1024 bytes

template <typename T, int Cols, int Stages>
__global__ __launch_bounds__(threads, Stages == 3 ? 2 : 1) void multiply(Gemm g) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
    constexpr int ahead = Stages - 2;  // of the stages copied: one is being multiplied, one may still be
    constexpr int x_bytes = rows * depth * 2, stage_bytes = x_bytes + Cols * depth * 2;
    extern __shared__ unsigned char shared[];
    const uint32_t base = (shared_address(shared) + 1023) / 1024 * 1024;
    const Tile tile = tile_of<rows, Cols>(g, static_cast<int>(blockIdx.x));
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, group = warp / 4;
    const int piece = threadIdx.x % 8, copy_row = threadIdx.x / 8;
    const T* const x = static_cast<const T*>(g.x);
    const T* const w = static_cast<const T*>(g.w);

    const auto copy = [&](int block, int stage) {
        const int col = block * depth + piece * 8;
        const bool inside = col < g.k;
        const uint32_t to = base + static_cast<uint32_t>(stage * stage_bytes + copy_row * 128 + (piece ^ copy_row % 8) * 16);
#pragma unroll
        for (int i = 0; i < rows / 32; ++i) {
            const int from = min(tile.row + copy_row + i * 32, g.m - 1);
            copy_16(to + i * 32 * 128, x + from * g.x_stride + (inside ? col : 0), inside);
        }
#pragma unroll
        for (int i = 0; i < Cols / 32; ++i) {
            const int from = min(tile.col + copy_row + i * 32, g.n - 1);
            copy_16(to + x_bytes + i * 32 * 128, w + from * g.w_stride + (inside ? col : 0), inside);
        }
    };

    float sums[Cols / 2];
#pragma unroll
    for (int i = 0; i < Cols / 2; ++i) sums[i] = 0.0f;
    const int blocks = (g.k + depth - 1) / depth;
    begin_dependent();
    allow_next();
#pragma unroll
    for (int stage = 0; stage < ahead; ++stage) {
        if (stage < blocks) copy(stage, stage);
        end_copies();
    }
    for (int block = 0; block < blocks; ++block) {
        copies_left<ahead - 1>();
        show_to_products();
        __syncthreads();  // the stage is here for all, and nobody multiplies the one before the last any more
        if (block + ahead < blocks) copy(block + ahead, (block + ahead) % Stages);
        end_copies();
        const uint32_t at = base + static_cast<uint32_t>(block % Stages * stage_bytes);
        const uint64_t a = operand_of(at + static_cast<uint32_t>(group * 64 * 128)), b = operand_of(at + x_bytes);
        begin_products();
#pragma unroll
        for (int step = 0; step < depth / 16; ++step) multiply_add_group<T>(sums, a + step * 2, b + step * 2);
        end_products();
        products_left<1>();
    }
    products_left<0>();
    copies_left<0>();
#pragma unroll
    for (int j = 0; j < Cols / 8; ++j) {
        const int row = tile.row + warp * 16 + lane / 4, col = tile.col + j * 8 + lane % 4 * 2;
        write_pair<T>(g, row, col, sums[j * 4], sums[j * 4 + 1]);
        write_pair<T>(g, row + 8, col, sums[j * 4 + 2], sums[j * 4 + 3]);
    }
#endif
}

template <typename T, int Cols, int Stages>
void launch(const Queue& queue, const Gemm& g) {
    constexpr int bytes = shared_bytes<Cols, Stages>;
    check(cudaFuncSetAttribute(multiply<T, Cols, Stages>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "a product's shared memory");
    queue.launch(multiply<T, Cols, Stages>, dim3(tile_count<rows, Cols>(g)), threads, bytes, "a product", g);
}

template <typename T>
void launch_best(const Queue& queue, const Gemm& g) {
    // In tiles of 128 x 128 that the busiest multiprocessor computes; the smaller ones read more of shared memory for as many products.
    const auto units = static_cast<unsigned>(multiprocessor_count());
    const unsigned large = (tile_count<rows, 256>(g) + units - 1) / units * 20, small = (tile_count<rows, 128>(g) + units - 1) / units * 11;
    if (tile_count<rows, 128>(g) <= units) launch<T, 128, 6>(queue, g);
    else if (large <= small) launch<T, 256, 4>(queue, g);
    else launch<T, 128, 3>(queue, g);
}

// Instructions of sm_90a exist on no later generation.
bool hopper_device() {
    int device = 0, major = 0, minor = 0;
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
    cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
    return major == 9 && minor == 0;
}

}  // namespace

bool gemm_hopper(const Queue& queue, const Gemm& g) {
    if (g.m <= 64 || g.k % 8 != 0 || !hopper_device()) return false;
    if (g.type == MAMBA_WEIGHT_BF16) launch_best<__nv_bfloat16>(queue, g);
    else if (g.type == MAMBA_WEIGHT_F16) launch_best<__half>(queue, g);
    else return false;
    return true;
}

#else

bool gemm_hopper(const Queue&, const Gemm&) { return false; }

#endif

}  // namespace mamba::cuda
