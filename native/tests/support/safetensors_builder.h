// safetensors files, right or wrong.
#pragma once

#include <string>
#include <vector>

#include "support/bytes_builder.h"

namespace mamba::test {

inline std::string safetensors_file(std::string_view header, std::string_view data) {
    return BytesBuilder().number<uint64_t>(header.size()).raw(header).raw(data).bytes;
}

}  // namespace mamba::test
