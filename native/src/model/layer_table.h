// The one description of what each kind of layer holds. Reading Hugging Face and original checkpoints, reading and writing GGUF and
// making random models all go by it, so that a new kind of layer joins by adding rows.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "formats/tensor_table.h"
#include "model/model.h"

namespace mamba {

// How the numbers in a file become those of a vector.
enum class Transform {
    none,
    decay,      // A: Hugging Face files hold A_log and A = -exp(A_log); GGUF holds A
    tap_major,  // the convolution: files hold [channels, d_conv], a Layer [d_conv, channels]
};

// Which distribution a random model draws from: the initialisation of the Mamba papers' code.
enum class Init { ones, linear, residual, convolution, dt_weight, dt_bias, decay };

struct TensorSpec {
    uint32_t kinds;                            // bits 1 << LayerKind: the kinds of layer that hold it
    const char* hugging_face;                  // after "layers.<i>."
    const char* gguf;                          // after "blk.<i>."
    Matrix Layer::* matrix;                    // one of the two is set
    Vector Layer::* vector;
    Shape (*shape)(const ModelConfig&);        // in Hugging Face files
    Shape (*gguf_shape)(const ModelConfig&);   // NULL: the same
    bool (*present)(const ModelConfig&);       // NULL: in every model
    Transform transform;
    Init init;
    bool ones_when_missing;                    // a file may leave it out, which means ones; and so it is left out when written
};

std::span<const TensorSpec> layer_table();
inline bool applies(const TensorSpec& spec, LayerKind kind, const ModelConfig& config) {
    return ((spec.kinds >> static_cast<int32_t>(kind)) & 1u) != 0 && (spec.present == nullptr || spec.present(config));
}
inline Shape gguf_shape(const TensorSpec& spec, const ModelConfig& config) {
    return spec.gguf_shape != nullptr ? spec.gguf_shape(config) : spec.shape(config);
}

// The file family whose names are meant.
enum class Naming { hugging_face, gguf };

// A weight of a model with its names; exactly one of matrix and vector is set.
struct WeightRef {
    std::string gguf_name, hugging_face_name;
    const Matrix* matrix = nullptr;
    const Vector* vector = nullptr;
    const TensorSpec* spec = nullptr;  // NULL for embedding, head and final norm

    const std::string& name(Naming naming) const { return naming == Naming::gguf ? gguf_name : hugging_face_name; }
};
// Every weight once: a tied head is the embedding.
std::vector<WeightRef> list_weights(const Model& model);

}  // namespace mamba
