#include "engine/packed_weights.h"

#include <algorithm>

#include "base/parallel.h"
#include "model/seal.h"

namespace mamba {
namespace {

// What the kernels ask memory for ahead of themselves lies behind the last panel, too.
constexpr size_t slack_bytes = 4096;
// Panels a thread packs at a time: about a megabyte, whose pages are then forgotten.
constexpr size_t forgotten_bytes = size_t{1} << 20;

}  // namespace

PackedWeights::PackedWeights(const Model& model, const Kernels& kernels, bool alone) {
    const auto pack = [&](const Matrix& matrix) { return this->pack(model, kernels, matrix, alone); };
    layers.reserve(model.layers.size());
    for (const Layer& layer : model.layers) {
        layers.push_back({pack(layer.in_proj), pack(layer.x_proj), pack(layer.dt_proj), pack(layer.out_proj)});
    }
    head = pack(model.head);
    embedding = {model.embedding, model.embedding.data == model.head.data ? head.panels : nullptr};
}

Weights PackedWeights::pack(const Model& model, const Kernels& kernels, const Matrix& matrix, bool alone) {
    Weights weights{matrix, nullptr};
    if (kernels.pack == nullptr || matrix.empty()) return weights;
    for (const bool single : {true, false}) {
        operand_row_bytes_ = std::max(operand_row_bytes_, packed::operand_row_bytes(operand_form(matrix.type, single), matrix.cols));
    }
    if (!packed::has_panels(matrix.type)) return weights;
    const size_t bytes = packed::panel_bytes(matrix.type, matrix.cols);
    const int64_t count = packed::panels(matrix.rows);
    Buffer<std::byte> panels(static_cast<size_t>(count) * bytes + slack_bytes, "the engine's packed weights");
    const auto a_piece = static_cast<int64_t>(forgotten_bytes / bytes + 1);
    const platform::MappedFile* const file = file_of(model, matrix.data);
    parallel_for((count + a_piece - 1) / a_piece, [&](int64_t i) {
        const int64_t first = i * a_piece, several = std::min(a_piece, count - first);
        kernels.pack(matrix, first, several, panels.data() + static_cast<size_t>(first) * bytes);
        const int64_t begin = first * packed::panel_rows, rows = std::min(several * packed::panel_rows, matrix.rows - begin);
        const size_t read = static_cast<size_t>(rows) * matrix.row_bytes;
        if (file != nullptr) file->forget(static_cast<size_t>(matrix.row(begin) - file->data()), read);
        else if (alone) platform::discard(matrix.row(begin), read);
    });
    if (alone) model.release(matrix);
    weights.panels = panels.data();
    panels_.push_back(std::move(panels));
    return weights;
}

int64_t PackedWeights::bytes() const {
    int64_t total = 0;
    for (const Buffer<std::byte>& panels : panels_) total += static_cast<int64_t>(panels.bytes());
    return total;
}

}  // namespace mamba
