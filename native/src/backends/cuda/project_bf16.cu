// Weights of BF16, few rows: on tensor cores, which take a weight as it comes from memory. Eight weight rows are the columns of a
// 16 x 8 x 16 product and rows of x its rows. A lane reads 16 consecutive bytes of a weight row and as much of x: which of 32 columns is
// which k of a product does not matter, as long as both sides agree.
#include "backends/cuda/project.cuh"

namespace mamba::cuda {
namespace {

constexpr int tensor_threads = 512, tensor_warps = tensor_threads / 32;
constexpr int group_rows = 8, chunk_cols = 128;
// Up to so many rows x is the sum of two BF16 numbers, which is nearly FP32; then it is rounded to one.
constexpr int most_split = 4, most_rounded = 16;

// x in shared memory: for each row m < 8 of the product's first eight and the row m + 8 that lies beside it, [cols / 4] times 16 bytes: two
// numbers of the one, two of the other, the next two of each. So one read gives a lane all of a product's left side. Rows m + 8 are what
// rounding left of rows m where x is split, else further rows of x.
struct TensorPlan {
    int per_block;   // rows of x a block has
    size_t stride;   // bytes of two rows; 16 more than a multiple of 128, so that lanes meet in no bank
    size_t bytes;
};

TensorPlan tensor_plan(const Queue& queue, const Weight& w, int rows) {
    const auto groups = static_cast<size_t>((w.rows + group_rows - 1) / group_rows), units = static_cast<size_t>(queue.units);
    const size_t share = (groups + units - 1) / units;
    TensorPlan plan{};
    plan.per_block = std::min(rows, most_rounded);
    plan.stride = round_up(static_cast<size_t>(w.padded_cols), chunk_cols) * 4 + 16;
    plan.bytes = static_cast<size_t>(std::min(plan.per_block, 8)) * plan.stride +
                 (share + tensor_warps) * group_rows * static_cast<size_t>(plan.per_block) * sizeof(float);
    return plan;
}

__device__ __forceinline__ void multiply(float (&c)[4], const uint4& a, unsigned b0, unsigned b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
}

__device__ __forceinline__ float2 widen_pair(__nv_bfloat162 pair) {
    unsigned bits;
    memcpy(&bits, &pair, sizeof bits);
    return make_float2(__uint_as_float(bits << 16), __uint_as_float(bits & 0xffff0000u));
}

// Shares and slots as in few_rows, with groups of eight weight rows in place of rows.
template <bool Split>
__global__ __launch_bounds__(tensor_threads, Split ? 2 : 1) void tensor_rows(Weight w, Product p, int per_block, int stride) {
    allow_next();
    constexpr int depth = 2, loads = chunk_cols / 32;
    extern __shared__ unsigned char memory[];
    __shared__ float partial[most_rounded][tensor_warps];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, g = lane / 4, q = lane % 4, m0 = blockIdx.y * per_block;
    const int all_groups = (w.rows + group_rows - 1) / group_rows, chunks = (w.padded_cols + chunk_cols - 1) / chunk_cols;
    const int share = (all_groups + static_cast<int>(gridDim.x) - 1) / static_cast<int>(gridDim.x), first = blockIdx.x * share;
    const int count = max(0, min(share, all_groups - first)), units = count * chunks;
    const int begin = units * warp / tensor_warps, end = units * (warp + 1) / tensor_warps;

    uint4 ahead[depth][loads];
    int asked = begin, asked_chunk = begin % chunks, asked_group = first + begin / chunks;
    const auto row_of = [&](int group) { return w.data + min(group * group_rows + g, w.rows - 1) * w.pitch + 16 * q; };
    const unsigned char* from = row_of(asked_group) + asked_chunk * chunk_cols * 2;
    const auto ask = [&](uint4 (&to)[loads]) {
        if (asked >= end) return;
        const int left = (w.padded_cols - asked_chunk * chunk_cols - 8 * q) * 2;  // bytes of the row from here on
#pragma unroll
        for (int i = 0; i < loads; ++i) {
            to[i] = make_uint4(0, 0, 0, 0);
            if (64 * i < left) to[i] = __ldg(reinterpret_cast<const uint4*>(from + 64 * i));
        }
        ++asked;
        from += chunk_cols * 2;
        if (++asked_chunk == chunks) {
            asked_chunk = 0;
            from = row_of(++asked_group);
        }
    };
#pragma unroll
    for (int d = 0; d < depth; ++d) ask(ahead[d]);
    begin_dependent();

    const int rows = min(per_block, p.rows - m0), outputs = rows * count * group_rows;
    float before = 0;
    const auto place = [&](int i) { return p.y + static_cast<int64_t>(m0 + i / (count * group_rows)) * p.y_stride + first * group_rows + i % (count * group_rows); };
    const auto there = [&](int i) { return i < outputs && first * group_rows + i % (count * group_rows) < w.rows; };
    if (p.add && there(threadIdx.x)) before = *place(threadIdx.x);

    // x with the norm's weights, as BF16; the root mean square is divided by at the end.
    const int pairs = min(rows, 8);
    for (int m = 0; m < pairs; ++m) {
        const float* x = p.x + static_cast<int64_t>(m0 + m) * p.x_stride;
        const bool both = !Split && m + 8 < rows;
        float squares = 0, other_squares = 0;
#pragma unroll 2
        for (int col = threadIdx.x * 4; col < chunks * chunk_cols; col += tensor_threads * 4) {
            float4 v = make_float4(0, 0, 0, 0), other = v, factor = make_float4(1, 1, 1, 1);
            if (col < w.cols) {
                v = *reinterpret_cast<const float4*>(x + col);
                if (both) other = *reinterpret_cast<const float4*>(x + 8 * p.x_stride + col);
                if (p.norm_weight != nullptr) factor = __ldg(reinterpret_cast<const float4*>(p.norm_weight + col));
            }
            squares += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
            other_squares += other.x * other.x + other.y * other.y + other.z * other.z + other.w * other.w;
            v = make_float4(v.x * factor.x, v.y * factor.y, v.z * factor.z, v.w * factor.w);
            __nv_bfloat162 four[4];
            four[0] = __floats2bfloat162_rn(v.x, v.y);
            four[2] = __floats2bfloat162_rn(v.z, v.w);
            if (Split) {
                const float2 a = widen_pair(four[0]), b = widen_pair(four[2]);
                four[1] = __floats2bfloat162_rn(v.x - a.x, v.y - a.y);
                four[3] = __floats2bfloat162_rn(v.z - b.x, v.w - b.y);
            } else {
                four[1] = __floats2bfloat162_rn(other.x * factor.x, other.y * factor.y);
                four[3] = __floats2bfloat162_rn(other.z * factor.z, other.w * factor.w);
            }
            memcpy(memory + m * stride + 4 * col, four, sizeof four);
        }
        squares = warp_sum(squares);
        if (!Split) other_squares = warp_sum(other_squares);
        if (lane == 0) {
            partial[m][warp] = squares;
            if (both) partial[m + 8][warp] = other_squares;
        }
    }
    // [share + warps][rows][8]
    float* const slots = reinterpret_cast<float*>(memory + min(per_block, 8) * stride);
    for (int i = threadIdx.x; i < (share + tensor_warps) * rows * group_rows; i += tensor_threads) slots[i] = 0;
    __syncthreads();

    float sums[2][4] = {};  // two chains of products
    int chunk = begin % chunks, group = begin / chunks;
    const unsigned char* const left_side = memory + g * stride + 32 * q;
    const auto put = [&] {
        float* const slot = slots + (group + warp) * rows * group_rows;
        float c[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            c[i] = sums[0][i] + sums[1][i];
            sums[0][i] = sums[1][i] = 0;
        }
        if (g < rows) *reinterpret_cast<float2*>(slot + g * group_rows + 2 * q) = Split ? make_float2(c[0] + c[2], c[1] + c[3]) : make_float2(c[0], c[1]);
        if (!Split && g + 8 < rows) *reinterpret_cast<float2*>(slot + (g + 8) * group_rows + 2 * q) = make_float2(c[2], c[3]);
        chunk = 0;
        ++group;
    };
    for (int start = begin; start < end; start += depth) {
#pragma unroll
        for (int d = 0; d < depth; ++d) {
            if (start + d >= end) break;
            const unsigned char* const side = left_side + chunk * chunk_cols * 4;
#pragma unroll
            for (int i = 0; i < loads; ++i) {
                uint4 a = make_uint4(0, 0, 0, 0), b = a;
                if (g < pairs) {
                    a = *reinterpret_cast<const uint4*>(side + i * 128);
                    b = *reinterpret_cast<const uint4*>(side + i * 128 + 16);
                }
                multiply(sums[0], a, ahead[d][i].x, ahead[d][i].y);
                multiply(sums[1], b, ahead[d][i].z, ahead[d][i].w);
            }
            ask(ahead[d]);
            if (++chunk == chunks) put();
        }
    }
    if (begin < end && chunk != 0) put();
    __syncthreads();

    for (int i = threadIdx.x; i < outputs; i += tensor_threads) {
        if (!there(i)) continue;
        const int m = i / (count * group_rows), j = i % (count * group_rows) / group_rows, r = i % group_rows;
        float scale = 1.0f;
        if (p.norm_group > 0) {
            float squares = 0;
#pragma unroll
            for (int k = 0; k < tensor_warps; ++k) squares += partial[m][k];
            scale = 1.0f / sqrtf(squares / static_cast<float>(w.cols) + p.norm_eps);
        }
        const int from = ((j * chunks + 1) * tensor_warps - 1) / units, until = ((j + 1) * chunks * tensor_warps - 1) / units;
        float sum = 0;
        for (int k = from; k <= until; ++k) sum += slots[((j + k) * rows + m) * group_rows + r];
        float* const to = place(i);
        if (p.add && i >= tensor_threads) before = *to;
        *to = fmaf(sum, scale, (p.add ? before : 0.0f) + (p.bias != nullptr ? p.bias[first * group_rows + i % (count * group_rows)] : 0.0f));
    }
}

template <bool Split>
void launch_tensor(const Queue& queue, const Weight& w, const Product& p, const TensorPlan& plan) {
    // Each time: it holds for the current device alone.
    check(cudaFuncSetAttribute(tensor_rows<Split>, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(queue.shared_bytes)),
          "a product's shared memory");
    const dim3 grid(static_cast<unsigned>(queue.units), static_cast<unsigned>((p.rows + plan.per_block - 1) / plan.per_block));
    queue.launch(tensor_rows<Split>, grid, tensor_threads, plan.bytes, "a product", w, p, plan.per_block, static_cast<int>(plan.stride));
}

}  // namespace

template <>
void project_type<MAMBA_WEIGHT_BF16>(const Queue& queue, const Weight& w, const Product& p) {
    const TensorPlan plan = tensor_plan(queue, w, p.rows);
    const bool aligned = w.cols % 4 == 0 && p.x_stride % 4 == 0 && reinterpret_cast<size_t>(p.x) % 16 == 0;
    if (p.rows > most_few_rows || !aligned || plan.bytes > queue.shared_bytes || (p.norm_group > 0 && p.norm_group != w.cols)) {
        project_any<MAMBA_WEIGHT_BF16>(queue, w, p);
    } else if (p.rows <= most_split) {
        launch_tensor<true>(queue, w, p, plan);
    } else {
        launch_tensor<false>(queue, w, p, plan);
    }
}

}  // namespace mamba::cuda
