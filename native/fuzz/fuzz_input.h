// What every target does with an input: read it. An Error is an answer; anything else that is thrown, and every report of a
// sanitizer, is a finding.
#pragma once

#include "base/error.h"
#include "formats/tensor_table.h"

namespace mamba::fuzz {

inline SourceFile source(const char* name, const uint8_t* data, size_t size) {
    SourceFile file;
    file.name = name;
    file.bytes = {reinterpret_cast<const std::byte*>(data), size};
    return file;
}

template <typename Read>
int run(const Read& read) {
    try {
        read();
    } catch (const Error&) {
    }
    return 0;
}

}  // namespace mamba::fuzz
