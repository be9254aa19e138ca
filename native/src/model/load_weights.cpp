#include "model/load_weights.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <unordered_set>

#include "model/quantize.h"

namespace mamba {
namespace {

// Bytes copied between two calls of forget(): what a copy adds to the resident set for a while.
constexpr size_t copy_step = size_t{8} << 20;

Shape without_ones(const Shape& shape) {
    Shape rest;
    std::copy_if(shape.begin(), shape.end(), std::back_inserter(rest), [](int64_t dimension) { return dimension != 1; });
    return rest;
}

class Loader {
public:
    Loader(Model& model, const std::string& source, const TensorTable& tensors, Naming naming)
        : model_(model), source_(source), tensors_(tensors), naming_(naming) {}

    void run() {
        load_vocabulary();
        model_.layers.resize(model_.config.layers.size());
        for (size_t i = 0; i < model_.layers.size(); ++i) {
            model_.layers[i].kind = model_.config.layers[i];
            load_layer(model_.layers[i], i);
        }
        refuse_unused();
    }

private:
    // -- finding tensors

    const StoredTensor* find(const std::string& name) {
        const StoredTensor* tensor = tensors_.find(name);
        if (tensor != nullptr) used_.insert(tensor);
        return tensor;
    }
    const StoredTensor& require(const std::string& name) {
        const StoredTensor* tensor = find(name);
        if (tensor == nullptr) fail(MAMBA_BAD_FORMAT, quote(source_), " lacks the tensor ", quote(name));
        return *tensor;
    }
    [[noreturn]] static void refuse_shape(const StoredTensor& tensor, const Shape& expected) {
        fail(MAMBA_BAD_FORMAT, quote(*tensor.file), ": the tensor ", quote(tensor.name), " has the shape ", to_string(tensor.shape),
             "; the configuration asks for ", to_string(expected));
    }
    // Dimensions of 1 say nothing about the order of the numbers: [d, 1, 4] is [d, 4].
    static void check(const StoredTensor& tensor, const Shape& expected) {
        if (!tensor.type) {
            fail(MAMBA_UNSUPPORTED, quote(*tensor.file), ": the tensor ", quote(tensor.name), " has the type ", tensor.type_name,
                 "; weights are read as F32, F16, BF16, Q8_0, Q6_K or Q4_K");
        }
        if (without_ones(tensor.shape) != without_ones(expected)) refuse_shape(tensor, expected);
    }
    void refuse_unused() const {
        for (const StoredTensor& tensor : tensors_.tensors()) {
            if (used_.count(&tensor) == 0) {
                fail(MAMBA_UNSUPPORTED, quote(*tensor.file), " holds the tensor ", quote(tensor.name), ", for which the configured model has no place");
            }
        }
    }

    // -- bytes

    static void forget(const StoredTensor& tensor, size_t offset, size_t bytes) {
        if (tensor.mapping != nullptr) tensor.mapping->forget(static_cast<size_t>(tensor.data.data() - tensor.mapping->data()) + offset, bytes);
    }

    // The tensor's bytes one row after another, aligned to the element: in place, or copied to `copy`.
    static const std::byte* contiguous(const StoredTensor& tensor, Buffer<std::byte>& copy) {
        const size_t element = tensor.type == WeightType::f32 ? 4 : 2;
        const bool aligned = reinterpret_cast<uintptr_t>(tensor.data.data()) % element == 0;
        if (tensor.strides.empty() && aligned) return tensor.data.data();
        if (tensor.strides.empty()) {
            copy = Buffer<std::byte>(tensor.data.size(), tensor.name.c_str());
            for (size_t first = 0; first < copy.size(); first += copy_step) {
                const size_t bytes = std::min(copy_step, copy.size() - first);
                std::memcpy(copy.data() + first, tensor.data.data() + first, bytes);
                forget(tensor, first, bytes);
            }
            return copy.data();
        }
        // A strided view, which torch.save keeps for slices and transposes: element by element, the last index fastest.
        const auto count = static_cast<size_t>(element_count(tensor.shape).value_or(0));
        copy = Buffer<std::byte>(count * element, tensor.name.c_str());
        Shape index(tensor.shape.size(), 0);
        int64_t offset = 0;
        for (size_t i = 0; i < count; ++i) {
            std::memcpy(copy.data() + i * element, tensor.data.data() + static_cast<size_t>(offset) * element, element);
            for (size_t d = index.size(); d-- > 0;) {
                if (tensor.shape[d] == 1) continue;  // its stride may be any number
                offset += tensor.strides[d];
                if (++index[d] < tensor.shape[d]) break;
                offset -= tensor.strides[d] * tensor.shape[d];
                index[d] = 0;
            }
        }
        forget(tensor, 0, tensor.data.size());
        return copy.data();
    }

    Matrix load_matrix(const StoredTensor& tensor, int64_t rows, int64_t cols) {
        check(tensor, {rows, cols});
        if (cols % block_shape(*tensor.type).weights != 0) refuse_shape(tensor, {rows, cols});
        Matrix matrix;
        matrix.type = *tensor.type;
        matrix.rows = rows;
        matrix.cols = cols;
        matrix.row_bytes = row_bytes(matrix.type, cols);
        Buffer<std::byte> copy;
        matrix.data = contiguous(tensor, copy);
        if (!copy.empty()) model_.storage.push_back(std::move(copy));
        return matrix;
    }

    Vector load_vector(const StoredTensor& tensor, const Shape& shape) {
        check(tensor, shape);
        const int64_t count = element_count(shape).value_or(0);
        if (count % block_shape(*tensor.type).weights != 0) refuse_shape(tensor, shape);
        Buffer<std::byte> copy;
        const std::byte* bytes = contiguous(tensor, copy);
        Vector vector(static_cast<size_t>(count), tensor.name.c_str());
        decode_row(*tensor.type, bytes, count, vector.data());
        return vector;
    }

    // -- the model

    void load_vocabulary() {
        ModelConfig& config = model_.config;
        const bool gguf = naming_ == Naming::gguf;
        std::string embedding = "token_embd.weight", head = "output.weight", final_norm = "output_norm.weight";
        if (!gguf) {
            find_prefix(embedding);
            final_norm = prefix_ + "norm_f.weight";
            head = tensors_.find("model.lm_head.weight") != nullptr ? "model.lm_head.weight" : "lm_head.weight";
        }
        const StoredTensor& table = require(embedding);
        if (table.shape.size() != 2 || table.shape[0] < std::max<int64_t>(config.vocab_size, 1) || table.shape[0] > (1 << 24)) {
            refuse_shape(table, {config.vocab_size, config.d_model});
        }
        config.padded_vocab_size = table.shape[0];
        if (config.vocab_size == 0) config.vocab_size = config.padded_vocab_size;
        model_.embedding = load_matrix(table, config.padded_vocab_size, config.d_model);
        model_.final_norm = load_vector(require(final_norm), {config.d_model});
        if (gguf) config.tied_embeddings = tensors_.find(head) == nullptr;
        if (config.tied_embeddings) {
            find(head);  // original checkpoints hold the table twice; one is enough
            model_.head = model_.embedding;
        } else {
            model_.head = load_matrix(require(head), config.padded_vocab_size, config.d_model);
        }
    }

    // Causal language models say "backbone.", Codestral's own files "model.backbone.", bare models nothing; the original code says
    // "embedding", Hugging Face "embeddings".
    void find_prefix(std::string& embedding) {
        for (const char* prefix : {"backbone.", "model.backbone.", "model.", ""}) {
            for (const char* name : {"embeddings.weight", "embedding.weight"}) {
                if (tensors_.find(std::string(prefix) + name) == nullptr) continue;
                prefix_ = prefix;
                embedding = prefix_ + name;
                return;
            }
        }
        fail(MAMBA_BAD_FORMAT, quote(source_), " lacks the tensor 'backbone.embeddings.weight'");
    }

    void load_layer(Layer& layer, size_t index) {
        const ModelConfig& config = model_.config;
        const bool gguf = naming_ == Naming::gguf;
        const std::string prefix = gguf ? "blk." + std::to_string(index) + "." : prefix_ + "layers." + std::to_string(index) + ".";
        for (const TensorSpec& spec : layer_table()) {
            if (!applies(spec, layer.kind, config)) continue;
            const std::string name = prefix + (gguf ? spec.gguf : spec.hugging_face);
            const Shape shape = gguf ? gguf_shape(spec, config) : spec.shape(config);
            if (spec.matrix != nullptr) {
                layer.*spec.matrix = load_matrix(require(name), shape[0], shape[1]);
                continue;
            }
            if (spec.ones_when_missing && tensors_.find(name) == nullptr) {
                layer.*spec.vector = Vector(static_cast<size_t>(shape[0]), spec.gguf);
                std::fill((layer.*spec.vector).begin(), (layer.*spec.vector).end(), 1.0f);
                continue;
            }
            layer.*spec.vector = transformed(spec, load_vector(require(name), shape), name);
        }
    }

    Vector transformed(const TensorSpec& spec, Vector vector, const std::string& name) const {
        const ModelConfig& config = model_.config;
        if (spec.transform == Transform::decay) {
            if (naming_ == Naming::hugging_face) {
                // In double, so that libraries which differ in the last bit give the same float, and a model one fingerprint everywhere.
                for (float& value : vector) value = static_cast<float>(-std::exp(static_cast<double>(value)));
            } else if (std::any_of(vector.begin(), vector.end(), [](float value) { return value > 0; })) {
                fail(MAMBA_BAD_FORMAT, quote(source_), ": the tensor ", quote(name), " holds a positive number; A must be negative, or states grow without end");
            }
        } else if (spec.transform == Transform::tap_major) {
            const int64_t taps = config.d_conv, channels = config.conv_channels();
            Vector turned(vector.size(), name.c_str());
            for (int64_t c = 0; c < channels; ++c) {
                for (int64_t k = 0; k < taps; ++k) turned[static_cast<size_t>(k * channels + c)] = vector[static_cast<size_t>(c * taps + k)];
            }
            return turned;
        }
        return vector;
    }

    Model& model_;
    const std::string& source_;
    const TensorTable& tensors_;
    Naming naming_;
    std::string prefix_;
    std::unordered_set<const StoredTensor*> used_;
};

}  // namespace

void load_weights(Model& model, const std::string& source, const TensorTable& tensors, Naming naming) {
    Loader(model, source, tensors, naming).run();
}

}  // namespace mamba
