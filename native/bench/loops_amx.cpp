#include "loops.h"

#if MAMBA_X64
#include <immintrin.h>

namespace mamba::bench {
namespace {

// Palette 1, eight tiles of 16 rows of 64 bytes. Constant, because GCC 12 does not see that the instruction reads all of it.
struct alignas(64) TileShapes {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t columns[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr TileShapes shapes;

// Tiles 0 to 3 are sums, 4 and 5 rows of one factor, 6 and 7 columns of the other.
void load_zeros() {
    alignas(64) static const uint8_t zeros[1024] = {};
    _tile_loadconfig(&shapes);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_loadd(4, zeros, 64);
    _tile_loadd(5, zeros, 64);
    _tile_loadd(6, zeros, 64);
    _tile_loadd(7, zeros, 64);
}

constexpr double tiles = 4, rows = 16, columns = 16;

}  // namespace

double amx_bf16(int64_t turns) {
    load_zeros();
    for (int64_t turn = 0; turn < turns; ++turn) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_release();
    return 2 * tiles * rows * columns * 32 * static_cast<double>(turns);
}

double amx_int8(int64_t turns) {
    load_zeros();
    for (int64_t turn = 0; turn < turns; ++turn) {
        _tile_dpbssd(0, 4, 6);
        _tile_dpbssd(1, 4, 7);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(3, 5, 7);
    }
    _tile_release();
    return 2 * tiles * rows * columns * 64 * static_cast<double>(turns);
}

}  // namespace mamba::bench
#endif
