// Owned, 64-byte aligned arrays whose allocation fails with a status instead of ending the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/platform.h"

namespace mamba {

// `what` names the thing in the message of MAMBA_OUT_OF_MEMORY. Memory is zeroed. Moves, does not copy: see clone().
template <typename T>
class Buffer {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    Buffer() = default;
    Buffer(size_t count, const char* what) : size_(count) {
        if (count > std::numeric_limits<size_t>::max() / sizeof(T)) fail(MAMBA_OUT_OF_MEMORY, what, " needs more memory than can be addressed");
        data_ = static_cast<T*>(platform::allocate(count * sizeof(T), what));
    }
    Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Buffer() { platform::release(data_, size_ * sizeof(T)); }

    Buffer clone(const char* what) const {
        Buffer copy(size_, what);
        copy.assign(*this);
        return copy;
    }
    // Copies the values of a buffer of the same size.
    void assign(const Buffer& other) {
        if (size_ != 0) std::memcpy(data_, other.data_, size_ * sizeof(T));
    }

    T* data() noexcept { return data_; }
    const T* data() const noexcept { return data_; }
    size_t size() const noexcept { return size_; }
    size_t bytes() const noexcept { return size_ * sizeof(T); }
    bool empty() const noexcept { return size_ == 0; }
    T& operator[](size_t i) noexcept { return data_[i]; }
    const T& operator[](size_t i) const noexcept { return data_[i]; }
    T* begin() noexcept { return data_; }
    T* end() noexcept { return data_ + size_; }
    const T* begin() const noexcept { return data_; }
    const T* end() const noexcept { return data_ + size_; }

private:
    T* data_ = nullptr;
    size_t size_ = 0;
};

}  // namespace mamba
