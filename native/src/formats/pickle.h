// The part of Python's pickle language that a state dict is written in. It builds plain values; it calls nothing. A pickle that names
// any function or class other than those of a state dict is refused by that name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace mamba {

// A tensor as the pickle describes it: a view of storage `key`.
struct PickledTensor {
    std::string_view name;
    std::string_view storage_class;  // "FloatStorage"
    std::string_view storage_key;    // the zip entry data/<key>
    int64_t storage_count = 0;       // elements of the storage
    int64_t offset = 0;              // elements
    std::vector<int64_t> shape, strides;
};

// The entries of the dict that the pickle holds, in order. The views point into `pickle`. `file` names it in messages.
std::vector<PickledTensor> read_state_dict(const std::string& file, Bytes pickle);

}  // namespace mamba
