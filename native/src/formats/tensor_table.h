// The tensors that a file holds, by name, before anything is known of the model they make.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/platform.h"
#include "model/tensor.h"

namespace mamba {

using Shape = std::vector<int64_t>;  // outermost dimension first

std::string to_string(const Shape& shape);
// The product of the dimensions, or nullopt when one is negative or the product passes 2^62.
std::optional<int64_t> element_count(const Shape& shape);

struct StoredTensor {
    std::string name;
    std::string type_name;            // as the file calls it: "BF16", "I64"
    std::optional<WeightType> type;   // absent for types that no weight may have
    Shape shape;
    Shape strides;                    // in elements; empty: one row after another
    Bytes data;                       // the tensor's bytes; with strides, from its first element to the end of its storage
    const std::string* file = nullptr;                // for messages; outlives the table
    const platform::MappedFile* mapping = nullptr;    // of `data`; NULL: not a mapped file
};

// A file's bytes and what they are called in messages. `mapping` is the file itself where there is one. Outlives what is read from it.
struct SourceFile {
    std::string name;
    Bytes bytes;
    std::shared_ptr<const platform::MappedFile> mapping;
};

class TensorTable {
public:
    // Refuses a name that is there already.
    void add(StoredTensor tensor);
    const StoredTensor* find(std::string_view name) const;
    const std::vector<StoredTensor>& tensors() const noexcept { return tensors_; }

private:
    std::vector<StoredTensor> tensors_;
    std::unordered_map<std::string, size_t> index_;
};

// Where a tensor's bytes lie in its file: for the check that no two tensors share any.
struct Extent {
    uint64_t begin, end;
    size_t tensor;
};
// Throws MAMBA_BAD_FORMAT naming two tensors of the table whose extents overlap.
void refuse_overlap(const std::string& file, const TensorTable& table, std::vector<Extent> extents);

}  // namespace mamba
