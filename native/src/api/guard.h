// The border: no exception leaves, every failure becomes a status code and a sentence.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "mamba/c_api.h"

namespace mamba::api {

// Bytes of a caller's struct that both sides know.
inline size_t shared_size(uint32_t struct_size, size_t own_size) { return std::min<size_t>(struct_size, own_size); }

inline void report(mamba_status* status, mamba_result code, std::string_view message) noexcept {
    if (status == nullptr || status->struct_size < offsetof(mamba_status, message)) return;
    status->code = code;
    const size_t room = shared_size(status->struct_size, sizeof(mamba_status)) - offsetof(mamba_status, message);
    size_t length = std::min(message.size(), room);
    // Cut between characters, not within one.
    while (length < message.size() && length > 0 && (static_cast<unsigned char>(message[length]) & 0xc0u) == 0x80u) --length;
    std::copy_n(message.data(), length, status->message);  // unlike memcpy, takes the null pointer of an empty view
    status->message_length = static_cast<int32_t>(length);
}

// Runs `body` and returns its value; on an exception reports it and returns on_error(code).
template <typename Body, typename OnError>
auto guard(mamba_status* status, Body&& body, OnError&& on_error) noexcept -> decltype(body()) {
    try {
        report(status, MAMBA_OK, {});
        return body();
    } catch (const Error& error) {
        report(status, error.code(), error.message());
        return on_error(error.code());
    } catch (const std::bad_alloc&) {
        report(status, MAMBA_OUT_OF_MEMORY, "the system has no memory left");
        return on_error(MAMBA_OUT_OF_MEMORY);
    } catch (const std::exception& error) {
        report(status, MAMBA_INTERNAL, error.what());
        return on_error(MAMBA_INTERNAL);
    } catch (...) {
        report(status, MAMBA_INTERNAL, "an unknown exception");
        return on_error(MAMBA_INTERNAL);
    }
}

// For functions that return a mamba_result.
template <typename Body>
int32_t result(mamba_status* status, Body&& body) noexcept {
    return guard(
        status,
        [&]() -> int32_t {
            body();
            return MAMBA_OK;
        },
        [](mamba_result code) -> int32_t { return code; });
}

// For constructors.
template <typename Body>
auto handle(mamba_status* status, Body&& body) noexcept {
    using Handle = decltype(body());
    return guard(status, body, [](mamba_result) -> Handle { return nullptr; });
}

template <typename T>
T& require(T* pointer, const char* what) {
    if (pointer == nullptr) fail(MAMBA_INVALID_ARGUMENT, what, " is NULL");
    return *pointer;
}

inline std::string text(const uint8_t* bytes, size_t length, const char* what) {
    if (length != 0) require(bytes, what);
    return std::string(reinterpret_cast<const char*>(bytes), length);
}

// A path. The system would cut one at a zero byte and open another file.
inline std::string path(const uint8_t* bytes, size_t length) {
    std::string name = text(bytes, length, "path");
    if (name.find('\0') != std::string::npos) fail(MAMBA_INVALID_ARGUMENT, "the path ", quote(name), " holds a zero byte");
    return name;
}

// The caller's struct as this build sees it: fields it does not know are zero.
template <typename T>
T read_struct(const T* theirs, const char* what) {
    require(theirs, what);
    if (theirs->struct_size < sizeof(uint32_t)) fail(MAMBA_INVALID_ARGUMENT, what, ".struct_size is ", theirs->struct_size, "; set it to sizeof");
    T ours{};
    std::memcpy(&ours, theirs, shared_size(theirs->struct_size, sizeof(T)));
    return ours;
}

// Fills the part of the caller's struct that both sides know.
template <typename T>
void write_struct(T* theirs, T ours, const char* what) {
    require(theirs, what);
    if (theirs->struct_size < sizeof(uint32_t)) fail(MAMBA_INVALID_ARGUMENT, what, ".struct_size is ", theirs->struct_size, "; set it to sizeof");
    ours.struct_size = theirs->struct_size;
    std::memcpy(theirs, &ours, shared_size(theirs->struct_size, sizeof(T)));
}

// Copies bytes out; *length receives how many there are.
inline void write_bytes(const void* data, size_t size, uint8_t* buffer, size_t capacity, size_t* length, const char* what) {
    require(length, "length") = size;
    if (buffer == nullptr && capacity == 0) return;  // asked for the size only
    if (capacity < size) fail(MAMBA_BUFFER_TOO_SMALL, what, " needs ", size, " bytes, the buffer has ", capacity);
    std::memcpy(&require(buffer, "the buffer"), data, size);
}

}  // namespace mamba::api
