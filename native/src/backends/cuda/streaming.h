// How the blocks of streaming.cuh are laid out.
#pragma once

#include <algorithm>
#include <cstdint>

namespace mamba::cuda {

// The same for all matrices of a kernel, whose columns are once or more as many as those of a stage.
struct Streaming {
    int32_t cols;       // of a stage; passes over the stages of one tile make a matrix's columns
    int32_t row_bytes;  // of a stage's row in shared memory, an odd multiple of 16: eight rows' 16 bytes are in different banks
    int32_t stages;     // of the ring, two or more
    int32_t window;     // pieces of stages (two rows) that are under way at a time, no more than two stages have
};

inline Streaming streaming_of(int32_t cols, bool q8) {
    // What keeps the memory busy with all multiprocessors asking; more would only be a longer queue.
    constexpr int32_t under_way = 40 << 10;
    constexpr int32_t pieces_of_two_stages = 8;
    const int32_t row_bytes = ((q8 ? cols + cols / 16 : 2 * cols) / 16 | 1) * 16;
    return {cols, row_bytes, 2, std::clamp(under_way / (2 * row_bytes), 2, pieces_of_two_stages)};
}

}  // namespace mamba::cuda
