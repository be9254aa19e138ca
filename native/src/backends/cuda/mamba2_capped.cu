// The scan of pieces under a state-norm: state_norm.cuh, on what prepare left.
#include "backends/cuda/mamba2_chunks.h"
#include "backends/cuda/state_norm.cuh"

namespace mamba::cuda::ssd {
namespace {

constexpr int threads = 256;

template <typename T>
struct Tokens {
    const Mamba2PrefillArgs& s;
    const Work& w;
    const Mamba2Piece& piece;
    int head, group, slices, slice_rows;
    float skip;
    bool gate;
    float* squares;  // [head_dim], of this token

    __device__ const T* row(int t) const {
        return static_cast<const T*>(w.convolved) + static_cast<int64_t>(piece.first_row + t) * s.shape.channels();
    }
    __device__ float dt(int t) const {
        const int index = (piece.chunk_phase + t) / ssd_chunk, first = max(0, index * ssd_chunk - piece.chunk_phase);
        return w.steps[(static_cast<int64_t>(piece.first_chunk + index) * s.shape.heads + head) * ssd_chunk + t - first].x;
    }
    __device__ float x(int t, int p) const { return value(row(t)[head * s.shape.head_dim + p]); }
    __device__ float b(int t, int n) const { return value(row(t)[s.shape.d_inner() + group * s.shape.d_state + n]); }
    __device__ float c(int t, int n) const { return value(row(t)[s.shape.d_inner() + (s.shape.groups + group) * s.shape.d_state + n]); }
    __device__ void emit(int t, int p, float y) const {
        const int64_t at = piece.first_row + t, channel = head * s.shape.head_dim + p;
        y = fmaf(skip, x(t, p), y);
        if (gate) y *= silu_of<T>(value(static_cast<const T*>(s.projected)[at * s.projected_stride + channel]));
        squares[p] = y * y;
        put(static_cast<T*>(s.out) + at * s.out_stride + channel, y);
    }
    __device__ void end(int t) const {
        if (!s.norm) return;
        __syncthreads();
        const int slice = static_cast<int>(threadIdx.x);
        if (slice < slices) {
            float sum = 0;
            for (int p = slice * slice_rows; p < min((slice + 1) * slice_rows, s.shape.head_dim); ++p) sum += squares[p];
            w.squares[static_cast<int64_t>(piece.first_row + t) * s.shape.heads * slices + head * slices + slice] = sum;
        }
        __syncthreads();
    }
};

template <typename T>
__global__ __launch_bounds__(threads) void scan_capped_pieces(Mamba2PrefillArgs s, Work w, int slices, int slice_rows) {
    extern __shared__ float squares[];
    const Mamba2Piece piece = s.pieces[blockIdx.y];
    const int head = static_cast<int>(blockIdx.x), head_dim = s.shape.head_dim, n = s.shape.d_state;
    keep_window(s, piece, static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), static_cast<int>(gridDim.x * blockDim.x));
    Tokens<T> tokens{s, w, piece, head, head / (s.shape.heads / s.shape.groups), slices, slice_rows,
                     s.d[head], gates_early(s), squares};
    float* const state = piece.state + s.state + static_cast<int64_t>(head) * head_dim * n;
    const float cap = s.policies[blockIdx.y].caps[static_cast<int64_t>(s.layer) * s.shape.heads + head];
    cuda::scan_capped<threads>(tokens, state, head_dim, n, s.a[head], cap, piece.count);
}

}  // namespace

cudaError_t scan_capped(const Mamba2PrefillArgs& s, const Work& w, cudaStream_t stream) {
    const dim3 grid(static_cast<unsigned>(s.shape.heads), static_cast<unsigned>(s.piece_count));
    const size_t bytes = static_cast<size_t>(s.shape.head_dim) * sizeof(float);
    const int of_head = slices(s) / s.shape.heads, rows = on_tensor_cores(s) ? tensor_slice : plain_slice;
    if (s.exact) scan_capped_pieces<float><<<grid, threads, bytes, stream>>>(s, w, of_head, rows);
    else scan_capped_pieces<bf16><<<grid, threads, bytes, stream>>>(s, w, of_head, rows);
    return cudaGetLastError();
}

}  // namespace mamba::cuda::ssd
