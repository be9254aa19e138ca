// Reference outputs of a fixture: golden.safetensors beside its model.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/platform.h"
#include "formats/safetensors.h"

namespace mamba {

class Golden {
public:
    explicit Golden(const std::string& directory)
        : file_(platform::MappedFile::open(directory + "/golden.safetensors")),
          source_{file_->path(), {file_->data(), file_->size()}, file_} {
        read_safetensors(source_, table_);
    }

    std::vector<float> floats(const std::string& name) const { return values<float>(name, "F32"); }
    std::vector<int32_t> tokens(const std::string& name) const {
        const StoredTensor& tensor = find(name);
        if (tensor.type_name == "I32") return values<int32_t>(name, "I32");
        const std::vector<int64_t> wide = values<int64_t>(name, "I64");
        return {wide.begin(), wide.end()};
    }

private:
    const StoredTensor& find(const std::string& name) const {
        const StoredTensor* tensor = table_.find(name);
        if (tensor == nullptr) fail(MAMBA_NOT_FOUND, source_.name, " has no ", name);
        return *tensor;
    }
    template <typename T>
    std::vector<T> values(const std::string& name, const char* type) const {
        const StoredTensor& tensor = find(name);
        if (tensor.type_name != type) fail(MAMBA_BAD_FORMAT, name, " is ", tensor.type_name);
        std::vector<T> copy(tensor.data.size() / sizeof(T));
        std::memcpy(copy.data(), tensor.data.data(), copy.size() * sizeof(T));
        return copy;
    }

    std::shared_ptr<platform::MappedFile> file_;
    SourceFile source_;
    TensorTable table_;
};

}  // namespace mamba
