// The matrices of a model as an engine's kernels read them: where the model holds them, or in panels of the engine's own (packed.h).
#pragma once

#include <vector>

#include "backends/cpu/kernels.h"
#include "base/buffer.h"
#include "model/model.h"

namespace mamba {

struct LayerWeights {
    Weights in_proj, x_proj, dt_proj, out_proj;
};

class PackedWeights {
public:
    // Packs on every processor, matrix by matrix; pages of mapped files leave the resident set as they have been read, so that a model
    // that comes from a file is in memory once. So is one of converted or random weights, if nobody else holds it (`alone`): what has been
    // packed is freed. Throws MAMBA_OUT_OF_MEMORY.
    PackedWeights(const Model& model, const Kernels& kernels, bool alone);

    std::vector<LayerWeights> layers;
    Weights head;
    Weights embedding;  // in panels where it is the head, so that its own rows need not be in memory

    int64_t bytes() const;
    // Of a row of x in the largest form that a product takes.
    size_t operand_row_bytes() const { return operand_row_bytes_; }

private:
    Weights pack(const Model& model, const Kernels& kernels, const Matrix& matrix, bool alone);
    std::vector<Buffer<std::byte>> panels_;
    size_t operand_row_bytes_ = 0;
};

}  // namespace mamba
