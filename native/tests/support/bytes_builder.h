// Files put together byte by byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace mamba::test {

class BytesBuilder {
public:
    template <typename T>
    BytesBuilder& number(T value) {
        bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
        return *this;
    }
    BytesBuilder& raw(std::string_view text) {
        bytes += text;
        return *this;
    }
    template <typename T>
    BytesBuilder& all(const std::vector<T>& values) {
        for (const T value : values) number(value);
        return *this;
    }
    BytesBuilder& align(size_t step) {
        bytes.resize((bytes.size() + step - 1) / step * step);
        return *this;
    }
    std::string bytes;
};

inline Bytes as_bytes(std::string_view text) { return {reinterpret_cast<const std::byte*>(text.data()), text.size()}; }

}  // namespace mamba::test
