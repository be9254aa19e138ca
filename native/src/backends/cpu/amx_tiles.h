// The state that products of tiles need of a thread. Included by the files for AMX alone; everything is local to each, so that the linker
// can never give another file a function that was compiled for AMX.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "base/platform.h"

namespace mamba::avx512 {
namespace {

// Instructions that load tiles do not tell the compiler what memory they read: what was written before must be so in memory, too.
MAMBA_ALWAYS_INLINE void memory_is_written() { __asm__ volatile("" ::: "memory"); }

// The palette of the processor: bytes a row and rows of each of eight tiles, whole ones unless set otherwise.
struct alignas(64) TileConfig {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};

    void set(int tile, int64_t tile_rows_, int64_t bytes) {
        rows[tile] = static_cast<uint8_t>(tile_rows_);
        row_bytes[tile] = static_cast<uint16_t>(bytes);
    }
    void load() const {
        memory_is_written();
        _tile_loadconfig(this);
    }
};

// For as long as it lives, subnormal numbers are 0 on this thread's vector units, as they are in products of BF16 tiles.
class SubnormalsAreZero {
public:
    SubnormalsAreZero() : control_(_mm_getcsr()) {
        constexpr unsigned flush_to_zero = 0x8000, subnormals_are_zero = 0x0040;
        _mm_setcsr(control_ | flush_to_zero | subnormals_are_zero);
    }
    ~SubnormalsAreZero() { _mm_setcsr(control_); }
    SubnormalsAreZero(const SubnormalsAreZero&) = delete;
    SubnormalsAreZero& operator=(const SubnormalsAreZero&) = delete;

private:
    unsigned control_;
};

}  // namespace
}  // namespace mamba::avx512
