// Runs of many rows: a layer as products on the tensor cores (gemm.h) with the kernels of mamba1_prefill.h or mamba2_prefill.h between
// them. A layer is norm, in_proj, the convolution and the scan, and out_proj, which adds to the residual: five kernels of Mamba-1 (one more
// where a part's tokens are shared out in segments), six of Mamba-2.
//
// What passes from kernel to kernel inside a layer is of one type: BF16 or F16 where all of the model's projections multiply with it, else
// FP32, so that F32 and F16 weights never meet a BF16 rounding that they have not asked for. The residual, states, windows, decays and
// sums are FP32.
#pragma once

#include <memory>
#include <vector>

#include "backends/cuda/batch.h"
#include "backends/cuda/cublaslt.h"
#include "backends/cuda/gemm.h"
#include "backends/cuda/mamba2_prefill.h"
#include "backends/cuda/rounds.h"
#include "backends/cuda/project.h"
#include "backends/cuda/states.h"
#include "backends/device.h"

namespace mamba::cuda {

// Steps of as many sessions are computed by the kernels of steps, of more as prompts are.
constexpr int32_t most_steps = 512;

class Prefill {
public:
    // Takes the memory for runs of max_rows rows, none where takes() is false. MAMBA_CUDA_CUBLASLT=0 in the environment: own kernels alone.
    Prefill(const device::Model& shape, const Weights& weights, const States& states, const Queue& queue, int64_t max_rows);

    // Whether these kernels are made for the model's sizes.
    bool takes() const { return takes_; }
    size_t bytes() const;

    // A run's pieces as Mamba-2's kernels read them, in host memory; `out` is sent to the device with the parts. Before mamba2().
    void arrange(const device::Piece* pieces, const Part* parts, int32_t count, Mamba2Piece* out);
    // The same for runs of pieces with policies, behind arrange(): what lies between the borders of windows, in memory of its own.
    void arrange_rounds(const device::Piece* pieces, const Part* parts, int32_t count, const Policies& policies, cudaStream_t stream);
    // A layer of x, [rows, d_model] FP32, in place. `pieces`: what arrange() wrote, on the device.
    void mamba1(const Queue& queue, const Batch& batch, int64_t layer, float* x);
    void mamba2(const Queue& queue, const Batch& batch, const Mamba2Piece* pieces, int64_t layer, float* x);
    // Whether mamba1_step() computes a step of `rows` sessions of this layer.
    bool takes_step(int64_t layer, int32_t rows) const;
    // One token each of many sessions: from in_proj's result, [rows, projected_stride] FP32, to y, [rows, d_inner] FP32; where y is NULL,
    // through out_proj to x.
    void mamba1_step(const Queue& queue, const Batch& batch, int64_t layer, const float* projected, int64_t projected_stride, float* y,
                     float* x);
    // A product of FP32 rows, for steps of more sessions than project() reads the weights once for. A norm must span the row.
    void project(const Queue& queue, const Weight& w, const Product& p);

private:
    // Parts that Mamba-2's kernels take at a time: their working memory holds most_chunks_ chunks.
    struct Group {
        int32_t first_part, parts, first_row, rows, chunks;
        Rounds::Span rounds;  // where parts have policies
    };
    struct Matrix {
        const void* data;
        int64_t stride;  // elements
    };

    // The weights as `type`, widened to `memory` where they are of another.
    static Matrix as(const Queue& queue, const Weight& w, int32_t type, const DeviceArray<unsigned char>& memory);
    // y = (add ? y : 0) + bias + x w'; x [rows, w.cols] and w as `type`; y FP32, or of `type` where it is narrow.
    void multiply(const Queue& queue, const Weight& w, int32_t type, const void* x, int64_t x_stride, int32_t rows, const float* bias, bool add,
                  bool narrow, void* y, int64_t y_stride);
    void in_proj(const Queue& queue, const LayerWeights& layer, const float* x, int32_t rows);
    // x += out_proj y, y of activation_ with a row of d_inner.
    void out_proj(const Queue& queue, const LayerWeights& layer, const void* y, int32_t rows, float* x);
    Workspace workspace() const { return {gemm_memory_.data(), gemm_memory_.bytes()}; }

    const device::Model shape_;
    const Weights& weights_;
    const States& states_;
    Rounds rounds_;
    bool takes_ = false;
    int32_t activation_ = 0;  // mamba_weight_type of what passes between kernels
    int32_t most_chunks_ = 0;
    int64_t projected_width_ = 0;
    std::unique_ptr<CublasLt> library_;  // NULL: own kernels
    std::vector<Group> groups_;
    std::vector<Mamba2Round> group_rounds_;

    DeviceArray<unsigned char> gemm_memory_, wide_weights_, x_weights_, dt_weights_;  // the last three: widened
    DeviceArray<unsigned char> operand_;    // [rows, d_model or d_inner]: what enters a product
    DeviceArray<unsigned char> projected_;  // [rows, projected_width_]
    DeviceArray<unsigned char> mixed_;      // [rows, d_inner]: what enters out_proj
    DeviceArray<unsigned char> scan_memory_;
    DeviceArray<unsigned char> v_, r_;      // Mamba-1's
    DeviceArray<float> bc_, dt_, shares_;
};

}  // namespace mamba::cuda
