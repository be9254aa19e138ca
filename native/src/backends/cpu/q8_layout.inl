// Sizes and the fixed-point form of q8_vnni.inl, which has their meaning. Included before it.

constexpr int64_t block_weights = BlockQ8_0::weights, pairs = block_weights / 2;
constexpr int64_t block_bytes = sizeof(BlockQ8_0), scale_bytes = 2;
constexpr int vectors = 2;                       // of weights, side by side in a register tile
constexpr int64_t group = vectors * part_lanes;  // weight rows that are spread at a time
constexpr int64_t pair_bytes = group * 4;        // of one pair of columns of a group
constexpr int64_t record_bytes = pairs * pair_bytes;
static_assert(group <= blocking::q8_group);

// x = unit * v, and v = scale * x rounded. `most` is the block's largest |x|; what is not finite makes the unit, and so the sums, NaN;
// nothing is left of numbers below 2^-100.
struct FixedPoint {
    float unit, scale;

    MAMBA_ALWAYS_INLINE explicit FixedPoint(float most) {
        const bool finite = most < std::numeric_limits<float>::infinity(), counts = finite && most > 0x1p-100f;
        unit = counts ? most / 32767.0f : finite ? 0.0f : std::numeric_limits<float>::quiet_NaN();
        scale = counts ? 32767.0f / most : 0.0f;
    }
};
