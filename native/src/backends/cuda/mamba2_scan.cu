// Mamba-2's scan in chunks, on tensor cores. Of each chunk, with S what enters it and l the sums of dt A:
//   y_i = sum_{j <= i} (C_i B_j) exp(l_i - l_j) dt_j x_j + exp(l_i) C_i S^T + D x_i, times silu(z);   S = exp(l_last) S + sum_j inflow_j
// x_j B_j^T
// A block has 32 rows of a head's state and takes the chunks of one piece in turn, the next one's tokens on their way. Of its warps
// four compute outputs, 16 tokens each; two, of 16 rows each, hold the state in their registers, in FP32, and are a chunk
// ahead: they leave it in shared memory, rounded and in the order of fragments, for the next outputs. One barrier a chunk; the state of no
// chunk is ever written to memory. C B^T (products) comes as fragments of the next
// product, to be decayed and masked: D is added to the diagonal.
// A token of 2.7B: 21 KB of x and z read (B and C, 82 KB over all blocks, come out of the cache) and 10.2 KB written, and 1.5 million
// FMAs: bound
// by the chain of chunks of a head, of which there are too few for every multiprocessor.
#include "backends/cuda/mamba2_chunks.h"
#include "backends/cuda/mma.h"

namespace mamba::cuda::ssd {
namespace {

// Of a head in a block. Blocks of 64 rows were no faster: their warps wait longer for each other.
constexpr int block_rows = tensor_slice;
constexpr int stages = 2, output_warps = ssd_chunk / 16, state_warps = block_rows / 16, all_threads = (output_warps + state_warps) * 32;

template <int N>
struct Layout {
    // A stage: one chunk's values.
    static constexpr int x = 0;
    static constexpr int z = x + ssd_chunk * block_rows * 2;  // and then the outputs
    static constexpr int b = z + ssd_chunk * block_rows * 2;
    static constexpr int c = b + ssd_chunk * N * 2;
    static constexpr int steps = c + ssd_chunk * N * 2;
    static constexpr int products = steps + ssd_chunk * 8;
    static constexpr int inflow = products + product_blocks * 512;
    static constexpr int stage = (inflow + inflow_floats * 4 + 127) / 128 * 128;
    // The state that enters a chunk, and that of the next: [block_rows / 16, N / 16, 32 lanes] of 16 bytes.
    static constexpr int states = stages * stage;
    static constexpr int state = block_rows * N * 2;
    static constexpr int bytes = states + 2 * state;
};

// The block's warps take different ways to one barrier: barrier, since bar promises one and the same instruction to all of them.
template <int Threads>
__device__ __forceinline__ void all_warps() {
    asm volatile("barrier.sync 1, %0;" ::"n"(Threads) : "memory");
}

// What a block works on.
struct Task {
    int head, row0, group;
    bool gate;
};

// The warps that hold the state, and bring x, B and the inflow; each has 16 rows (head_dim) in `sum`, tile t: columns 8 t ..
template <int N>
struct Holder {
    using At = Layout<N>;
    static constexpr int threads = state_warps * 32;
    const Mamba2PrefillArgs& s;
    const Work& w;
    const Task& task;
    const Mamba2Piece& piece;
    const uint32_t base;
    const int thread, lane, warp;
    const ThreadTile<block_rows / 8, ssd_chunk, threads> x_tile;
    const ThreadTile<N / 8, ssd_chunk, threads> n_tile;
    const uint32_t x_at;
    const LaneTile<N / 8> b_lane;
    float sum[N / 8][4];

    __device__ __forceinline__ Holder(const Mamba2PrefillArgs& args, const Work& work, const Task& t, const Mamba2Piece& p,
            uint32_t shared, int thread_)
        : s(args), w(work), task(t), piece(p), base(shared), thread(thread_), lane(thread_ % 32), warp(thread_ / 32), x_tile(thread_),
                n_tile(thread_),
          x_at(tile_at<block_rows / 8>(lane / 16 * 8 + lane % 8, warp * 2 + lane / 8 % 2)), b_lane(lane / 8 % 2 * 8 + lane % 8,
                  lane / 16) {}

    __device__ __forceinline__ float* state() const {
        return piece.state + s.state + (static_cast<int64_t>(task.head) * s.shape.head_dim + task.row0 + warp * 16 + lane / 4)
                * N + lane % 4 * 2;
    }
    __device__ __forceinline__ void read() {
        const float* from = state();
#pragma unroll
        for (int t = 0; t < N / 8; ++t) {
            const float2 upper = *reinterpret_cast<const float2*>(from + t * 8),
                    lower = *reinterpret_cast<const float2*>(from + 8 * N + t * 8);
            sum[t][0] = upper.x, sum[t][1] = upper.y, sum[t][2] = lower.x, sum[t][3] = lower.y;
        }
    }
    __device__ __forceinline__ void write() const {
        float* to = state();
#pragma unroll
        for (int t = 0; t < N / 8; ++t) {
            *reinterpret_cast<float2*>(to + t * 8) = make_float2(sum[t][0], sum[t][1]);
            *reinterpret_cast<float2*>(to + 8 * N + t * 8) = make_float2(sum[t][2], sum[t][3]);
        }
    }

    __device__ __forceinline__ void bring(int index) const {
        if (index < piece.chunk_count) {
            const Chunk chunk = chunk_of(piece, 0, index);
            const int channels = s.shape.channels();
            const uint32_t to = base + static_cast<uint32_t>(index % stages * At::stage);
            const bf16* rows = static_cast<const bf16*>(w.convolved) + static_cast<int64_t>(chunk.first_row) * channels;
            x_tile.bring(to + At::x, rows + task.head * s.shape.head_dim + task.row0, channels, chunk.count);
            n_tile.bring(to + At::b, rows + s.shape.d_inner() + task.group * N, channels, chunk.count);
            const float* inflow = w.inflow + (static_cast<int64_t>(piece.first_chunk + index) * s.shape.heads + task.head) * inflow_floats;
            if (thread < inflow_floats / 4) copy_async(to + At::inflow + static_cast<uint32_t>(thread * 16), inflow + thread * 4);
        }
        copy_commit();
    }

    // The state after a chunk, from that before.
    __device__ __forceinline__ void advance(int index) {
        const uint32_t stage = base + static_cast<uint32_t>(index % stages * At::stage), inflow = stage + At::inflow;
        const float decay = shared_float(inflow + ssd_chunk * 4);
#pragma unroll
        for (int t = 0; t < N / 8; ++t) {
#pragma unroll
            for (int i = 0; i < 4; ++i) sum[t][i] *= decay;
        }
        const uint32_t x = stage + At::x + x_at, of_lane = inflow + static_cast<uint32_t>(lane % 4 * 8);
#pragma unroll 1
        for (int k = 0; k < ssd_chunk; k += 16) {
            // A: rows of x, transposed, along k times the inflow.
            const uint32_t b_rows = stage + At::b + static_cast<uint32_t>(k * N * 2);
            uint32_t a[4];
            load_transposed(a, x + static_cast<uint32_t>(k * block_rows * 2));
            const float2 early = shared_float2(of_lane + static_cast<uint32_t>(k * 4)),
                    late = shared_float2(of_lane + static_cast<uint32_t>(k * 4 + 32));
            a[0] = pack(low_half(a[0]) * early.x, high_half(a[0]) * early.y);
            a[1] = pack(low_half(a[1]) * early.x, high_half(a[1]) * early.y);
            a[2] = pack(low_half(a[2]) * late.x, high_half(a[2]) * late.y);
            a[3] = pack(low_half(a[3]) * late.x, high_half(a[3]) * late.y);
#pragma unroll
            for (int t = 0; t < N / 8; t += 2) {
                uint32_t b[4];
                load_transposed(b, b_lane(b_rows, 0, t));
                mma(sum[t], a, b[0], b[1]);
                mma(sum[t + 1], a, b[2], b[3]);
            }
        }
    }

    // To shared memory, where chunk `index` finds what enters it, as fragments of B: sums of a row are pairs along k there.
    __device__ __forceinline__ void leave(int index) const {
        const uint32_t to = base + static_cast<uint32_t>(At::states + index % 2 * At::state + (warp * (N / 16) * 32 + lane) * 16);
#pragma unroll
        for (int t = 0; t < N / 8; t += 2) {
            put_shared(to + static_cast<uint32_t>(t * 256), make_uint4(pack(sum[t][0], sum[t][1]), pack(sum[t + 1][0], sum[t + 1][1]),
                                                                       pack(sum[t][2], sum[t][3]), pack(sum[t + 1][2], sum[t + 1][3])));
        }
    }
};

// The warps that compute outputs, and bring z, C, the products and the steps; each has 16 tokens (16 * part ..) of every chunk.
// Loops over tokens are kept as loops: the code of all warps is to fit the cache of instructions.
template <int N>
struct Writer {
    using At = Layout<N>;
    static constexpr int tiles = tensor_slice / 8, threads = output_warps * 32;
    const Mamba2PrefillArgs& s;
    const Work& w;
    const Task& task;
    const Mamba2Piece& piece;
    const uint32_t base;
    const int thread, part, g, c;
    const ThreadTile<block_rows / 8, ssd_chunk, threads> x_tile;
    const ThreadTile<N / 8, ssd_chunk, threads> n_tile;
    const LaneTile<N / 8> c_lane;
    const LaneTile<block_rows / 8> x_lane;
    const uint32_t state_at, product_at, z_at, out_at;
    const float skip;

    __device__ __forceinline__ Writer(const Mamba2PrefillArgs& args, const Work& work, const Task& t, const Mamba2Piece& p,
            uint32_t shared, int thread_, int part_, int lane)
        : s(args), w(work), task(t), piece(p), base(shared), thread(thread_), part(part_), g(lane / 4), c(lane % 4), x_tile(thread_),
                n_tile(thread_),
          c_lane(part_ * 16 + lane / 8 % 2 * 8 + lane % 8, lane / 16),
          x_lane(lane / 8 % 2 * 8 + lane % 8, lane / 16),
          state_at(static_cast<uint32_t>(lane * 16)),
          product_at(static_cast<uint32_t>((part_ * (part_ + 1) / 2 * 32 + lane) * 16)),
                  z_at(tile_at<block_rows / 8>(part_ * 16 + lane / 4, 0) + static_cast<uint32_t>(lane % 4 * 4)),
          out_at(tile_at<block_rows / 8>(part_ * 16 + lane / 4, lane % 4)), skip(args.d[t.head]) {}

    __device__ __forceinline__ void bring(int index) const {
        if (index < piece.chunk_count) {
            const Chunk chunk = chunk_of(piece, 0, index);
            const int channels = s.shape.channels();
            const uint32_t to = base + static_cast<uint32_t>(index % stages * At::stage);
            const bf16* c_row = static_cast<const bf16*>(w.convolved) + static_cast<int64_t>(chunk.first_row)
                    * channels + s.shape.d_inner() +
                                (s.shape.groups + task.group) * N;
            n_tile.bring(to + At::c, c_row, channels, chunk.count);
            if (task.gate) {
                const bf16* z = static_cast<const bf16*>(s.projected)
                        + chunk.first_row * s.projected_stride + task.head * s.shape.head_dim + task.row0;
                x_tile.bring(to + At::z, z, s.projected_stride, chunk.count);
            }
            const float2* steps = w.steps + (static_cast<int64_t>(piece.first_chunk + index) * s.shape.heads + task.head) * ssd_chunk;
            const uint4* products = w.products + (static_cast<int64_t>(piece.first_chunk + index) * s.shape.groups + task.group)
                    * (product_blocks * 32);
#pragma unroll
            for (int i = thread; i < product_blocks * 32; i += threads) copy_async(to + At::products + static_cast<uint32_t>(i * 16),
                    products + i);
            if (thread < ssd_chunk / 2) copy_async(to + At::steps + static_cast<uint32_t>(thread * 16), steps + thread * 2);
        }
        copy_commit();
    }

    __device__ __forceinline__ void write_all() const {
        bring(0);
        for (int index = 0; index < piece.chunk_count; ++index) {
            copy_wait<0>();
            all_warps<all_threads>();
            bring(index + 1);  // where the chunk before this one lay
            write(chunk_of(piece, 0, index), index);
        }
    }

    __device__ __forceinline__ void write(const Chunk& chunk, int index) const {
        const uint32_t stage = base + static_cast<uint32_t>(index % stages * At::stage), steps = stage + At::steps;
        const uint32_t state = base + static_cast<uint32_t>(At::states + index % 2 * At::state) + state_at;

        // exp(l) C S^T
        float sum[tiles][4] = {};
#pragma unroll
        for (int k = 0; k < N / 16; ++k) {
            uint32_t of_c[4];
            load_matrices(of_c, c_lane(stage + At::c, 0, 2 * k));
#pragma unroll
            for (int t = 0; t < tiles; t += 2) {
                const uint4 b = shared_uint4(state + static_cast<uint32_t>((t / 2 * (N / 16) + k) * 512));
                mma(sum[t], of_c, b.x, b.y);
                mma(sum[t + 1], of_c, b.z, b.w);
            }
        }
        const int i0 = part * 16 + g, i1 = i0 + 8;  // the thread's tokens
        const uint32_t own = steps + static_cast<uint32_t>(i0 * 8);
        const float l0 = shared_float(own + 4), l1 = shared_float(own + 68), from0 = power_of_two(l0), from1 = power_of_two(l1);
#pragma unroll
        for (int t = 0; t < tiles; ++t) {
            sum[t][0] *= from0;
            sum[t][1] *= from0;
            sum[t][2] *= from1;
            sum[t][3] *= from1;
        }
        const uint32_t products = stage + At::products + product_at;
        // 16 tokens j at a time, up to the last of the warp's own.
#pragma unroll 1
        for (int block = 0; block <= part; ++block) {
            const uint32_t x_rows = stage + At::x + static_cast<uint32_t>(block * 16 * block_rows * 2);
            const uint32_t of_block = steps + static_cast<uint32_t>((block * 16 + c * 2) * 8);
            const uint4 product = shared_uint4(products + static_cast<uint32_t>(block * 512));
            const uint32_t pairs[4] = {product.x, product.y, product.z, product.w};
            float m[2][4];
#pragma unroll
            for (int side = 0; side < 2; ++side) {
                const float4 two = shared_float4(of_block + static_cast<uint32_t>(side * 64));  // dt, l of tokens j and j + 1
                m[side][0] = low_half(pairs[2 * side]) * (power_of_two(l0 - two.y) * two.x);
                m[side][1] = high_half(pairs[2 * side]) * (power_of_two(l0 - two.w) * two.z);
                m[side][2] = low_half(pairs[2 * side + 1]) * (power_of_two(l1 - two.y) * two.x);
                m[side][3] = high_half(pairs[2 * side + 1]) * (power_of_two(l1 - two.w) * two.z);
            }
            if (block == part) {
#pragma unroll
                for (int side = 0; side < 2; ++side) {
#pragma unroll
                    for (int i = 0; i < 4; ++i) {
                        const int row = g + i / 2 * 8, column = side * 8 + c * 2 + i % 2;
                        m[side][i] = column < row ? m[side][i] : column == row ? m[side][i] + skip : 0.0f;
                    }
                }
            }
            const uint32_t a[4] = {pack(m[0][0], m[0][1]), pack(m[0][2], m[0][3]), pack(m[1][0], m[1][1]), pack(m[1][2], m[1][3])};
#pragma unroll
            for (int t = 0; t < tiles; t += 2) {
                uint32_t b[4];
                load_transposed(b, x_lane(x_rows, 0, t));
                mma(sum[t], a, b[0], b[1]);
                mma(sum[t + 1], a, b[2], b[3]);
            }
        }

        // Through the place of z, so that whole lines are written.
        constexpr uint32_t down8 = 8 * block_rows * 2;
        float square0 = 0, square1 = 0;
#pragma unroll
        for (int t = 0; t < tiles; ++t) {
            const uint32_t upper = stage + At::z + (z_at ^ static_cast<uint32_t>(t * 16)), lower = upper + down8;
            float v0 = sum[t][0], v1 = sum[t][1], v2 = sum[t][2], v3 = sum[t][3];
            if (task.gate) {
                const uint32_t z0 = shared_word(upper), z1 = shared_word(lower);
                v0 *= silu(low_half(z0));
                v1 *= silu(high_half(z0));
                v2 *= silu(low_half(z1));
                v3 *= silu(high_half(z1));
            }
            square0 = fmaf(v0, v0, fmaf(v1, v1, square0));
            square1 = fmaf(v2, v2, fmaf(v3, v3, square1));
            put_shared(upper, pack(v0, v1));
            put_shared(lower, pack(v2, v3));
        }
        const int column0 = task.head * s.shape.head_dim + task.row0;
        if (s.norm) {
            square0 += __shfl_xor_sync(0xffffffffu, square0, 1);
            square1 += __shfl_xor_sync(0xffffffffu, square1, 1);
            square0 += __shfl_xor_sync(0xffffffffu, square0, 2);
            square1 += __shfl_xor_sync(0xffffffffu, square1, 2);
            const int slices = s.shape.d_inner() / tensor_slice;
            float* squares = w.squares + static_cast<int64_t>(chunk.first_row + i0) * slices + column0 / tensor_slice;
            if (c == 0 && i0 < chunk.count) *squares = square0;
            if (c == 0 && i1 < chunk.count) squares[8 * slices] = square1;
        }
        __syncwarp();
        bf16* out = static_cast<bf16*>(s.out) + (chunk.first_row + i0) * s.out_stride + column0 + c * 8;
        if (i0 < chunk.count) *reinterpret_cast<uint4*>(out) = shared_uint4(stage + At::z + out_at);
        if (i1 < chunk.count) *reinterpret_cast<uint4*>(out + 8 * s.out_stride) = shared_uint4(stage + At::z + out_at + down8);
    }
};

template <int N, bool Outputs>
__global__ __launch_bounds__(all_threads, N <= 128 ? 2 : 1) void scan_chunks(const Mamba2PrefillArgs s, const Work w) {
    using At = Layout<N>;
    extern __shared__ __align__(128) unsigned char shared[];
    const uint32_t base = shared_address(shared);
    const int down = s.shape.head_dim / block_rows, head = static_cast<int>(blockIdx.x) / down;
    const Task task{head, static_cast<int>(blockIdx.x) % down * block_rows, head / (s.shape.heads / s.shape.groups), gates_early(s)};
    const Mamba2Piece piece = s.pieces[blockIdx.y];
    const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
    const int warp = __shfl_sync(0xffffffffu, thread / 32, 0);  // the same in all lanes, as the compiler then knows
    if (warp < output_warps) {
        constexpr int threads = output_warps * 32;
        keep_window(s, piece, static_cast<int>(blockIdx.x) * threads + thread, static_cast<int>(gridDim.x) * threads);
        if constexpr (Outputs) {
            Writer<N>(s, w, task, piece, base, thread, warp, lane).write_all();
        } else {
            for (int index = 0; index < piece.chunk_count; ++index) all_warps<all_threads>();
        }
    } else {
        Holder<N> holder(s, w, task, piece, base, thread - output_warps * 32);
        holder.bring(0);
        holder.read();
        holder.leave(0);
        for (int index = 0; index < piece.chunk_count; ++index) {
            copy_wait<0>();
            all_warps<all_threads>();
            holder.bring(index + 1);
            holder.advance(index);
            holder.leave(index + 1);
        }
        holder.write();
    }
}

template <int N, bool Outputs>
cudaError_t launch(const Mamba2PrefillArgs& s, const Work& w, cudaStream_t stream) {
    using At = Layout<N>;
    const cudaError_t error = cudaFuncSetAttribute(scan_chunks<N, Outputs>, cudaFuncAttributeMaxDynamicSharedMemorySize, At::bytes);
    if (error != cudaSuccess) return error;
    const dim3 grid(static_cast<unsigned>(s.shape.d_inner() / block_rows), static_cast<unsigned>(s.piece_count));
    scan_chunks<N, Outputs><<<grid, all_threads, At::bytes, stream>>>(s, w);
    return cudaGetLastError();
}

template <int N>
cudaError_t launch(const Mamba2PrefillArgs& s, const Work& w, cudaStream_t stream) {
    return s.states_only ? launch<N, false>(s, w, stream) : launch<N, true>(s, w, stream);
}

}  // namespace

cudaError_t scan(const Mamba2PrefillArgs& s, const Work& w, cudaStream_t stream) {
    switch (s.shape.d_state) {
        case 16: return launch<16>(s, w, stream);
        case 32: return launch<32>(s, w, stream);
        case 64: return launch<64>(s, w, stream);
        case 128: return launch<128>(s, w, stream);
        default: return launch<256>(s, w, stream);
    }
}

}  // namespace mamba::cuda::ssd
