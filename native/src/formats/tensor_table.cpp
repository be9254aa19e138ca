#include "formats/tensor_table.h"

#include <algorithm>

namespace mamba {

std::string to_string(const Shape& shape) {
    std::ostringstream text;
    text << '[';
    for (size_t i = 0; i < shape.size(); ++i) text << (i == 0 ? "" : ", ") << shape[i];
    text << ']';
    return text.str();
}

std::optional<int64_t> element_count(const Shape& shape) {
    constexpr int64_t most = int64_t{1} << 62;
    int64_t count = 1;
    for (const int64_t dimension : shape) {
        if (dimension < 0 || (dimension != 0 && count > most / dimension)) return std::nullopt;
        count *= dimension;
    }
    return count;
}

void TensorTable::add(StoredTensor tensor) {
    const auto [place, is_new] = index_.emplace(tensor.name, tensors_.size());
    if (!is_new) fail(MAMBA_BAD_FORMAT, quote(*tensor.file), " is damaged: the tensor ", quote(tensor.name), " appears twice");
    tensors_.push_back(std::move(tensor));
}

const StoredTensor* TensorTable::find(std::string_view name) const {
    const auto place = index_.find(std::string(name));
    return place == index_.end() ? nullptr : &tensors_[place->second];
}

void refuse_overlap(const std::string& file, const TensorTable& table, std::vector<Extent> extents) {
    std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
    for (size_t i = 1; i < extents.size(); ++i) {
        if (extents[i].begin < extents[i - 1].end) {
            fail(MAMBA_BAD_FORMAT, quote(file), " is damaged: the tensors ", quote(table.tensors()[extents[i - 1].tensor].name), " and ",
                 quote(table.tensors()[extents[i].tensor].name), " overlap");
        }
    }
}

}  // namespace mamba
