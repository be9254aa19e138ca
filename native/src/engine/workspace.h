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
    // rows: tokens of a slice; threads: each with its own scratch; row_bytes: of a row in the largest operand (packed.h).
    Workspace(const ModelConfig& c, int64_t max_rows, int threads, size_t row_bytes)
        : rows(max_rows), projected_width(whole_lines(c.in_proj_rows())), conv_width(c.conv_channels()),
          small_width(whole_lines(c.dt_rank + 2 * c.d_state)), brief_rows(c.head_count > 0 ? 4 : packed::group_rows),
          // Of every width of a matrix: a wider one takes fewer rows at a time and may need less.
          scratch_width(whole_lines(std::max({scratch_floats(c.d_model), scratch_floats(c.d_inner), scratch_floats(c.dt_rank),
                                              mamba2_scratch_floats(c.head_dim, c.d_state)}))),
          row_width(whole_lines(std::max({c.d_model, c.d_inner, small_width}))), operand_row_bytes((row_bytes + 63) / 64 * 64),
          x(floats(rows * c.d_model)), normed(floats(rows * c.d_model)), projected(floats(rows * projected_width)),
          convolved(floats(rows * conv_width)), mixed(floats(rows * c.d_inner)),
          dt(floats(c.head_count > 0 ? 0 : rows * c.d_inner)), small(floats(c.head_count > 0 ? 0 : rows * small_width)),
          gathered(floats(rows * c.d_model)), operand(bytes_of((rows + 2 * packed::group_rows) * operand_row_size())),
          privates_(floats(threads * private_width())), private_operands_(bytes_of(threads * packed::group_rows * operand_row_size())),
          scratch_(floats(threads * scratch_width)) {}

    int64_t bytes() const {
        return static_cast<int64_t>(x.bytes() + normed.bytes() + projected.bytes() + convolved.bytes() + mixed.bytes() + dt.bytes() +
                                    small.bytes() + gathered.bytes() + operand.bytes() + privates_.bytes() + private_operands_.bytes() +
                                    scratch_.bytes());
    }

    // A thread's own memory: scratch of the kernels; brief_rows rows of the widest kind and of conv_channels, and an operand of them.
    float* scratch(int worker) { return scratch_.data() + worker * scratch_width; }
    float* private_rows(int worker) { return privates_.data() + worker * private_width(); }
    float* private_convolved(int worker) { return private_rows(worker) + brief_rows * row_width; }
    std::byte* private_operand(int worker) { return private_operands_.data() + worker * packed::group_rows * operand_row_size(); }

    int64_t rows, projected_width, conv_width, small_width;
    int64_t brief_rows;  // rows that every thread prepares for itself (Forward::is_brief): gating one takes as long as it does to wait
    int64_t scratch_width, row_width;
    size_t operand_row_bytes;
    Buffer<float> x;            // [rows, d_model] the residual stream
    Buffer<float> normed;       // [rows, d_model]
    Buffer<float> projected;    // [rows, in_proj_rows]
    Buffer<float> convolved;    // [rows, conv_channels]
    Buffer<float> mixed;        // [rows, d_inner] what the scan gives out
    Buffer<float> dt;           // Mamba-1: [rows, d_inner]
    Buffer<float> small;        // Mamba-1: [rows, dt_rank + 2 * d_state]: r, B, C
    Buffer<float> gathered;     // [rows, d_model] hidden rows whose logits are asked for
    Buffer<std::byte> operand;  // what enters a product, laid out for the kernels: single tokens, then the others

private:
    // Rows of projections begin at cache lines.
    static int64_t whole_lines(int64_t floats) { return (floats + 15) / 16 * 16; }
    static int64_t scratch_floats(int64_t cols) {
        return std::max(matmul_scratch_floats(cols), static_cast<int64_t>(packed_scratch_bytes(cols) / sizeof(float)));
    }
    int64_t operand_row_size() const { return static_cast<int64_t>(operand_row_bytes); }
    int64_t private_width() const { return whole_lines(brief_rows * (row_width + conv_width)); }

    template <typename T>
    static Buffer<T> memory(int64_t count) {
        return Buffer<T>(static_cast<size_t>(count), "the engine's working memory");
    }
    static Buffer<float> floats(int64_t count) { return memory<float>(count); }
    static Buffer<std::byte> bytes_of(int64_t count) { return memory<std::byte>(count); }

    Buffer<float> privates_;
    Buffer<std::byte> private_operands_;
    Buffer<float> scratch_;     // [threads, scratch_width]
};

}  // namespace mamba
