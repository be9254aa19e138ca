// C B^T of each chunk and group, once for all heads. A token of 2.7B: 0.5 KB read and 80 bytes written, and 5,000 FMAs.
#include "backends/cuda/mamba2_chunks.h"
#include "backends/cuda/mma.h"

namespace mamba::cuda::ssd {
namespace {

constexpr int warps = ssd_chunk / 16, threads = warps * 32;

// A warp has 16 tokens i, and goes over the tokens j up to its last.
template <int N>
__global__ __launch_bounds__(threads) void multiply(Mamba2PrefillArgs s, Work w) {
    constexpr int units = N / 8;
    extern __shared__ __align__(128) unsigned char shared[];
    const uint32_t c = shared_address(shared), b = c + ssd_chunk * N * 2;
    const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, lane = thread % 32, channels = s.shape.channels();
    const int index = static_cast<int>(blockIdx.x) / s.shape.groups, group = static_cast<int>(blockIdx.x) % s.shape.groups;
    const Chunk chunk = find_chunk(s.pieces, s.piece_count, index);
    const bf16* rows = static_cast<const bf16*>(w.convolved) + static_cast<int64_t>(chunk.first_row) * channels + s.shape.d_inner()
            + group * N;
    const ThreadTile<units, ssd_chunk, threads> tile(thread);
    tile.bring(b, rows, channels, chunk.count);
    tile.bring(c, rows + s.shape.groups * N, channels, chunk.count);
    copy_commit();
    copy_wait<0>();
    __syncthreads();
    const LaneTile<units> c_lane(warp * 16 + lane / 8 % 2 * 8 + lane % 8, lane / 16), b_lane(lane / 16 * 8 + lane % 8, lane / 8 % 2);
    uint4* out = w.products + (static_cast<int64_t>(blockIdx.x) * product_blocks + warp * (warp + 1) / 2) * 32 + lane;
    for (int block = 0; block <= warp; ++block) {
        float sum[2][4] = {};
#pragma unroll
        for (int k = 0; k < N / 16; ++k) {
            uint32_t of_c[4], of_b[4];
            load_matrices(of_c, c_lane(c, 0, 2 * k));
            load_matrices(of_b, b_lane(b + static_cast<uint32_t>(block * 16 * N * 2), 0, 2 * k));
            mma(sum[0], of_c, of_b[0], of_b[1]);
            mma(sum[1], of_c, of_b[2], of_b[3]);
        }
        out[block * 32] = make_uint4(pack(sum[0][0], sum[0][1]), pack(sum[0][2], sum[0][3]), pack(sum[1][0], sum[1][1]), pack(sum[1][2],
                sum[1][3]));
    }
}

template <int N>
cudaError_t launch(const Mamba2PrefillArgs& s, const Work& w, cudaStream_t stream) {
    constexpr int bytes = 2 * ssd_chunk * N * 2;
    const cudaError_t error = cudaFuncSetAttribute(multiply<N>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    if (error != cudaSuccess) return error;
    multiply<N><<<static_cast<unsigned>(s.chunk_count * s.shape.groups), threads, bytes, stream>>>(s, w);
    return cudaGetLastError();
}

}  // namespace

cudaError_t products(const Mamba2PrefillArgs& s, const Work& w, cudaStream_t stream) {
    switch (s.shape.d_state) {
        case 16: return launch<16>(s, w, stream);
        case 32: return launch<32>(s, w, stream);
        case 64: return launch<64>(s, w, stream);
        case 128: return launch<128>(s, w, stream);
        default: return launch<256>(s, w, stream);
    }
}

}  // namespace mamba::cuda::ssd
