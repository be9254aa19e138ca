#include "backends/cuda/rows.h"

#include "backends/cuda/dequantize.cuh"
#include "backends/cuda/types.h"

namespace mamba::cuda {
namespace {

constexpr int threads = 256;

template <int Type>
__global__ void embed_rows(Weight table, Batch batch, float* x) {
    allow_next();
    begin_dependent();
    const int row = blockIdx.x;
    const unsigned char* from = table.data + static_cast<int64_t>(batch.tokens[row]) * table.pitch;
    float* to = x + static_cast<int64_t>(row) * table.cols;
    for (int col = threadIdx.x * 8; col < table.cols; col += threads * 8) {
        Eight<Type> numbers;
        numbers.load(from, table.cols, col);
        float wide[8];
        numbers.widen(wide);
        for (int k = 0; k < 8 && col + k < table.cols; ++k) to[col + k] = wide[k];
    }
}

__global__ void norm(RowNorm n) {
    allow_next();
    __shared__ float partial[threads / 32];
    begin_dependent();
    const int64_t row = blockIdx.x;
    const int first = blockIdx.y * n.group;
    const float* x = n.x + row * n.x_stride + first;
    float sum = 0;
    for (int i = threadIdx.x; i < n.group; i += threads) sum = fmaf(x[i], x[i], sum);
    const float scale = 1.0f / sqrtf(block_sum<threads>(sum, partial) / static_cast<float>(n.group) + n.eps);
    for (int i = threadIdx.x; i < n.group; i += threads) {
        float v = x[i] * scale * (n.weight != nullptr ? n.weight[first + i] : 1.0f);
        if (n.gate != nullptr) v *= silu(n.gate[row * n.gate_stride + first + i]);
        n.y[row * n.y_stride + first + i] = v;
    }
}

__global__ void norm_hidden(Batch batch, const float* x, const float* weight, float eps, int d_model, float* hidden, int64_t offset) {
    allow_next();
    __shared__ float partial[threads / 32];
    begin_dependent();
    const int64_t row = blockIdx.x;
    x += row * d_model;
    float sum = 0;
    for (int i = threadIdx.x; i < d_model; i += threads) sum = fmaf(x[i], x[i], sum);
    const float scale = 1.0f / sqrtf(block_sum<threads>(sum, partial) / static_cast<float>(d_model) + eps);
    const Part part = batch.parts[batch.part_of[row]];
    float* last = row == part.first_row + part.count - 1 ? part.state + offset : nullptr;
    for (int i = threadIdx.x; i < d_model; i += threads) {
        const float v = x[i] * scale * weight[i];
        hidden[row * d_model + i] = v;
        if (last != nullptr) last[i] = v;
    }
}

__global__ void gather_rows(const float* const* from, int width, float* to) {
    allow_next();
    begin_dependent();
    const float* row = from[blockIdx.x];
    for (int i = threadIdx.x; i < width; i += threads) to[static_cast<int64_t>(blockIdx.x) * width + i] = row[i];
}

}  // namespace

void embed(const Queue& queue, const Weight& table, const Batch& batch, float* x) {
    const dim3 grid(static_cast<unsigned>(batch.rows));
    Queue first = queue;
    first.overlap = false;  // a run's first kernel; what has changed states before is over then
    MAMBA_CUDA_FOR_TYPE(table.type, first.launch(embed_rows<kType>, grid, threads, 0, "the embedding", table, batch, x))
}

void norm_rows(const Queue& queue, const RowNorm& n) {
    const dim3 grid(static_cast<unsigned>(n.rows), static_cast<unsigned>(n.width / n.group));
    queue.launch(norm, grid, threads, 0, "a norm", n);
}

void final_norm(const Queue& queue, const Batch& batch, const float* x, const float* weight, float eps, int32_t d_model, float* hidden,
                int64_t offset) {
    queue.launch(norm_hidden, dim3(static_cast<unsigned>(batch.rows)), threads, 0, "the final norm", batch, x, weight, eps, d_model, hidden,
                 offset);
}

void gather(const Queue& queue, const float* const* from, int32_t rows, int32_t width, float* to) {
    queue.launch(gather_rows, dim3(static_cast<unsigned>(rows)), threads, 0, "bringing rows together", from, width, to);
}

}  // namespace mamba::cuda
