// A cursor over bytes from a file, little-endian. Every read is checked: past the end is MAMBA_BAD_FORMAT, naming the file.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/error.h"
#include "base/text.h"

namespace mamba {

static_assert(std::endian::native == std::endian::little, "files and states are little-endian and are used as they are");

using Bytes = std::span<const std::byte>;

class ByteReader {
public:
    // `file` names the bytes in messages and must outlive the reader.
    ByteReader(const std::string& file, Bytes bytes, size_t position = 0) : file_(file), bytes_(bytes), position_(position) {}

    template <typename T>
    T read(const char* what) {
        static_assert(std::is_arithmetic_v<T>);
        T value;
        std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
        return value;
    }
    Bytes take(uint64_t bytes, const char* what) {
        if (bytes > remaining()) fail(MAMBA_BAD_FORMAT, quote(file_), " is cut short or damaged: ", what, " ends past the end of the file");
        const Bytes taken = bytes_.subspan(position_, static_cast<size_t>(bytes));
        position_ += taken.size();
        return taken;
    }
    std::string_view text(uint64_t bytes, const char* what) {
        const Bytes taken = take(bytes, what);
        return {reinterpret_cast<const char*>(taken.data()), taken.size()};
    }

    Bytes bytes() const noexcept { return bytes_; }
    size_t position() const noexcept { return position_; }
    size_t remaining() const noexcept { return bytes_.size() - position_; }
    const std::string& file() const noexcept { return file_; }

private:
    const std::string& file_;
    Bytes bytes_;
    size_t position_;
};

}  // namespace mamba
