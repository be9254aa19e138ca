#include "model/convert.h"

#include <algorithm>
#include <vector>

#include "base/parallel.h"
#include "base/text.h"
#include "model/gguf_config.h"
#include "model/layer_table.h"
#include "model/quantize.h"
#include "model/seal.h"

namespace mamba {
namespace {

constexpr const char* converted_source = "the converted model";

// The same weights in another type, in the model's own storage; or the same bytes, in place where they are of a mapped file.
Matrix converted(const Matrix& from, WeightType wanted, const Model& origin, Model& model, const std::string& name) {
    const WeightType type = converted_type(from, wanted);
    const platform::MappedFile* file = file_of(origin, from.data);
    if (type == from.type && file != nullptr) return from;
    Matrix to = from;
    to.type = type;
    to.row_bytes = row_bytes(type, from.cols);
    Buffer<std::byte> buffer(to.bytes(), name.c_str());
    to.data = buffer.data();
    const int64_t step = conversion_step(from);
    parallel_for((from.rows + step - 1) / step, [&](int64_t turn) {
        const int64_t first = turn * step, rows = std::min(step, from.rows - first);
        convert_rows(from, first, rows, type, name, buffer.data() + static_cast<size_t>(first) * to.row_bytes);
        if (file != nullptr) file->forget(static_cast<size_t>(from.row(first) - file->data()), static_cast<size_t>(rows) * from.row_bytes);
    });
    model.storage.push_back(std::move(buffer));
    return to;
}

}  // namespace

WeightType converted_type(const Matrix& matrix, WeightType wanted) {
    if (wanted == as_stored || wanted == matrix.type) return matrix.type;
    if (matrix.cols % block_shape(wanted).weights == 0) return wanted;
    return matrix.type == WeightType::f32 ? WeightType::f16 : matrix.type;
}

int64_t conversion_step(const Matrix& matrix) { return std::max<int64_t>(1, (1 << 18) / std::max<int64_t>(1, matrix.cols)); }

void convert_rows(const Matrix& from, int64_t first, int64_t rows, WeightType type, const std::string& name, std::byte* out) {
    if (type == from.type) {
        std::memcpy(out, from.row(first), static_cast<size_t>(rows) * from.row_bytes);
        return;
    }
    std::vector<float> row(static_cast<size_t>(from.cols));
    const size_t bytes = row_bytes(type, from.cols);
    for (int64_t r = 0; r < rows; ++r) {
        decode_row(from.type, from.row(first + r), from.cols, row.data());
        if (!encode_row(type, row.data(), from.cols, out + static_cast<size_t>(r) * bytes)) {
            fail(MAMBA_UNSUPPORTED, "the tensor ", quote(name), " holds a weight that is too large for ", mamba::name(type), ": convert to BF16 or F32");
        }
    }
}

std::shared_ptr<const Model> convert_model(std::shared_ptr<const Model> origin, WeightType type) {
    const std::vector<WeightRef> weights = list_weights(*origin);
    const auto unchanged = [&](const WeightRef& weight) { return weight.matrix == nullptr || converted_type(*weight.matrix, type) == weight.matrix->type; };
    if (std::all_of(weights.begin(), weights.end(), unchanged)) return origin;

    auto model = std::make_shared<Model>();
    model->config = origin->config;
    model->files = origin->files;
    model->metadata = origin->metadata;
    model->embedding = converted(origin->embedding, type, *origin, *model, "token_embd.weight");
    model->head = model->config.tied_embeddings ? model->embedding : converted(origin->head, type, *origin, *model, "output.weight");
    model->final_norm = origin->final_norm.clone("output_norm.weight");
    model->layers.resize(origin->layers.size());
    for (size_t i = 0; i < model->layers.size(); ++i) {
        const Layer& from = origin->layers[i];
        Layer& to = model->layers[i];
        to.kind = from.kind;
        for (const TensorSpec& spec : layer_table()) {
            if (!applies(spec, from.kind, model->config)) continue;
            if (spec.matrix != nullptr) {
                to.*spec.matrix = converted(from.*spec.matrix, type, *origin, *model, "blk." + std::to_string(i) + "." + spec.gguf);
            } else {
                to.*spec.vector = (from.*spec.vector).clone(spec.gguf);
            }
        }
    }
    seal(*model, converted_source, Naming::gguf);
    for (MetadataEntry& entry : describe(model->config, model->weight_type)) replace(model->metadata, std::move(entry));
    return model;
}

}  // namespace mamba
