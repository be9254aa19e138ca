// Activations of one slice, allocated with the engine so that an evaluation under way cannot run out of memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "backends/cpu/kernels.h"
#include "base/buffer.h"
#include "model/config.h"

namespace mamba {

struct Workspace {
    // rows: tokens of a slice; threads: each with its own scratch.
    Workspace(const ModelConfig& c, int64_t max_rows, int threads)
        : rows(max_rows), projected_width(c.in_proj_rows()), conv_width(c.conv_channels()), small_width(c.dt_rank + 2 * c.d_state),
          // Of every width of a matrix: a wider one takes fewer rows at a time and may need less.
          scratch_width(std::max({matmul_scratch_floats(c.d_model), matmul_scratch_floats(c.d_inner), matmul_scratch_floats(c.dt_rank),
                                  mamba2_scratch_floats(c.head_dim, c.d_state)})),
          x(floats(rows * c.d_model)), normed(floats(rows * c.d_model)), projected(floats(rows * projected_width)),
          convolved(floats(rows * conv_width)), mixed(floats(rows * c.d_inner)),
          dt(floats(c.head_count > 0 ? 0 : rows * c.d_inner)), small(floats(c.head_count > 0 ? 0 : rows * small_width)),
          gathered(floats(rows * c.d_model)), scratch(floats(threads * scratch_width)) {}

    int64_t bytes() const {
        return static_cast<int64_t>(x.bytes() + normed.bytes() + projected.bytes() + convolved.bytes() + mixed.bytes() + dt.bytes() +
                                    small.bytes() + gathered.bytes() + scratch.bytes());
    }

    int64_t rows, projected_width, conv_width, small_width, scratch_width;
    Buffer<float> x;          // [rows, d_model] the residual stream
    Buffer<float> normed;     // [rows, d_model]
    Buffer<float> projected;  // [rows, in_proj_rows]
    Buffer<float> convolved;  // [rows, conv_channels]
    Buffer<float> mixed;      // [rows, d_inner] what the scan gives out
    Buffer<float> dt;         // Mamba-1: [rows, d_inner]
    Buffer<float> small;      // Mamba-1: [rows, dt_rank + 2 * d_state]: r, B, C
    Buffer<float> gathered;   // [rows, d_model] hidden rows whose logits are asked for
    Buffer<float> scratch;    // [threads, scratch_width]

private:
    static Buffer<float> floats(int64_t count) { return Buffer<float>(static_cast<size_t>(count), "the engine's working memory"); }
};

}  // namespace mamba
