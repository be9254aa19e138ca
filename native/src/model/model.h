// A checkpoint in memory: configuration, weights, metadata. Immutable once built; shared by engines and sessions.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/platform.h"
#include "model/config.h"
#include "model/tensor.h"

namespace mamba {

using Vector = Buffer<float>;
inline const float* data_or_null(const Vector& v) { return v.empty() ? nullptr : v.data(); }

// One layer's weights, for every kind; what a kind does not have is empty. Equations: docs/architecture.md, "The mathematics".
struct Layer {
    LayerKind kind = LayerKind::mamba2;
    Vector norm;          // [d_model]
    Matrix in_proj;       // [in_proj_rows, d_model]; Mamba-1 rows: u, z; Mamba-2 rows: z, x, B, C, dt
    Vector in_proj_bias;  // [in_proj_rows] or empty
    Vector conv_weight;   // [d_conv, conv_channels]: tap-major, so that neighbours are neighbouring channels; last tap newest
    Vector conv_bias;     // [conv_channels] or empty
    Matrix x_proj;        // Mamba-1: [dt_rank + 2 * d_state, d_inner]
    Matrix dt_proj;       // Mamba-1: [d_inner, dt_rank]
    Vector dt_bias;       // Mamba-1: [d_inner]; Mamba-2: [head_count]
    Vector a;             // -exp(A_log). Mamba-1: [d_inner, d_state]; Mamba-2: [head_count]
    Vector d;             // Mamba-1: [d_inner]; Mamba-2: [head_count]
    Vector dt_norm;       // Falcon-Mamba: [dt_rank], ones where the checkpoint has none; empty otherwise
    Vector b_norm;        // Falcon-Mamba: [d_state]
    Vector c_norm;        // Falcon-Mamba: [d_state]
    Vector gated_norm;    // Mamba-2 with gated_norm: [d_inner]
    Matrix out_proj;      // [d_model, d_inner]
    Vector out_proj_bias; // [d_model] or empty
};

// A GGUF key with its raw value as in the file: little-endian, the type word first.
struct MetadataEntry {
    std::string key;
    std::vector<std::byte> value;
};

// All of a model but its weights.
struct ModelFacts {
    ModelConfig config;
    std::vector<MetadataEntry> metadata;
    WeightType weight_type = WeightType::f32;  // of most of the matrix bytes
    int64_t parameter_count = 0;
    int64_t weight_bytes = 0;
    std::array<uint64_t, 2> fingerprint{};     // of configuration, names, shapes, types and every weight byte
};

struct Model : ModelFacts {
    Matrix embedding;     // [padded_vocab_size, d_model]
    Matrix head;          // the same as embedding when tied
    Vector final_norm;    // [d_model]
    std::vector<Layer> layers;

    // Frees the bytes of a matrix that are the model's own; those of a file stay. Only for who alone holds the model, and reads them no
    // more.
    void release(const Matrix& matrix) const {
        for (Buffer<std::byte>& buffer : storage) {
            if (buffer.data() == matrix.data) buffer = {};
        }
    }

    // What the matrices point into.
    std::vector<std::shared_ptr<const platform::MappedFile>> files;
    mutable std::vector<Buffer<std::byte>> storage;
};

// A directory (Hugging Face or state-spaces layout) or a GGUF file. Throws Error.
std::shared_ptr<const Model> open_model(const std::string& path);
// Random weights, initialised as the papers do (random_model.cpp). Deterministic in the seed on every platform.
std::shared_ptr<const Model> random_model(const mamba_shape& shape);
// The same model with its matrices converted (rows that are no multiple of the type's block stay 16-bit floating point). Here and below,
// WeightType(MAMBA_WEIGHT_AS_STORED) leaves every matrix as it is.
std::shared_ptr<const Model> convert_model(std::shared_ptr<const Model> model, WeightType type);
// Writes GGUF. `metadata`: packed GGUF key/value records that replace those of the same key. `progress(done, total)` returns
// false to cancel.
struct WriteProgress {
    mamba_progress callback = nullptr;
    uint64_t context = 0;
};
void write_gguf(const Model& model, const std::string& path, WeightType type, const std::byte* metadata, size_t metadata_length,
                WriteProgress progress);

}  // namespace mamba
