#include <algorithm>

#include "base/half.h"
#include "model/k_quants.h"
#include "model/k_search.h"

namespace mamba {
namespace {

using namespace k_search;

constexpr int64_t group = BlockQ4_K::group, groups = BlockQ4_K::weights / group;
constexpr float most_n = 15, most_scale = 63;

// A group's weights are x = scale * n - minimum; neither is negative.
struct Line {
    float scale = 0, minimum = 0;
};

// One group's nearest numbers for a line, and their sums.
struct Fit {
    float n[group];
    float sum_n = 0, nn = 0, xn = 0;
};

Fit fit(const float* x, float inverse, float minimum) {
    Fit result;
    for (int64_t i = 0; i < group; ++i) result.n[i] = limit(nearest((x[i] + minimum) * inverse), 0.0f, most_n);
    Sum sum, nn, xn;
    for (int64_t i = 0; i < group; i += 4) {
        for (int64_t l = 0; l < 4; ++l) {
            const float n = result.n[i + l];
            sum.lane[l] += n;
            nn.lane[l] += n * n;
            xn.lane[l] += x[i + l] * n;
        }
    }
    result.sum_n = sum.total();
    result.nn = nn.total();
    result.xn = xn.total();
    return result;
}

float total(const float* x) {
    Sum sum;
    for (int64_t i = 0; i < group; i += 4) {
        for (int64_t l = 0; l < 4; ++l) sum.lane[l] += x[i + l];
    }
    return sum.total();
}

// What sum (x - scale * n + minimum)^2 is, less the constant sum x^2.
float error_of(const Fit& f, float sum_x, Line line) {
    return line.scale * (line.scale * f.nn - 2 * f.xn - 2 * line.minimum * f.sum_n) + line.minimum * (group * line.minimum + 2 * sum_x);
}

// The line of least squared error through given numbers.
Line through(const Fit& f, float sum_x) {
    const float determinant = static_cast<float>(group) * f.nn - f.sum_n * f.sum_n;
    if (determinant > 0) {
        const float scale = (static_cast<float>(group) * f.xn - f.sum_n * sum_x) / determinant;
        const float minimum = (f.sum_n * f.xn - f.nn * sum_x) / determinant;
        if (minimum > 0 && scale > 0) return {scale, minimum};
    }
    return {f.nn > 0 ? std::max(f.xn / f.nn, 0.0f) : 0.0f, 0.0f};
}

// The weights of a group lie between least <= 0 and least + range. The numbers come from a walk around the line that takes the smallest
// weight to 0 and the largest to 15; the best of them are then fitted and rounded in turn until that gains nothing.
Line best_line(const float* x, float sum_x, float least, float range) {
    constexpr int steps = 10, rounds = 3;
    if (!(range >= least_f16 / 2)) return {0, -least};
    Line best;
    float best_error = INFINITY;
    const auto consider = [&](const Fit& f) {
        const Line line = through(f, sum_x);
        const float error = error_of(f, sum_x, line);
        if (!(error < best_error)) return false;
        best_error = error;
        best = line;
        return true;
    };
    for (int step = -steps; step <= steps; ++step) consider(fit(x, (most_n + 0.1f * static_cast<float>(step)) / range, -least));
    for (int round = 0; round < rounds && best.scale > 0 && consider(fit(x, 1 / best.scale, best.minimum)); ++round) {
    }
    return best;
}

// A whole block for one pair of d and d_min: what of sum x^2 it does not leave, less the constant.
struct Candidate {
    float d = 0, d_min = 0;
    float error = INFINITY;
    float scales[groups] = {}, minima[groups] = {};
    float n[BlockQ4_K::weights] = {};
    // Sums over the block that the best d and d_min for these numbers follow from: a = scale * n, b = minimum.
    float aa = 0, ab = 0, bb = 0, xa = 0, xb = 0;
};

Candidate try_scales(const float* x, const float* sums, const Line* wanted, float d, float d_min) {
    Candidate candidate;
    candidate.d = d;
    candidate.d_min = d_min;
    candidate.error = 0;
    for (int64_t g = 0; g < groups; ++g) {
        const float scale_at = nearest(limit(wanted[g].scale / d, 0.0f, most_scale));
        const float minimum_at = nearest(limit(wanted[g].minimum / d_min, 0.0f, most_scale));
        float least = INFINITY;
        Fit best;
        for (float scale = std::max(scale_at - 1, 0.0f); scale <= std::min(scale_at + 1, most_scale); ++scale) {
            for (float minimum = std::max(minimum_at - 1, 0.0f); minimum <= std::min(minimum_at + 1, most_scale); ++minimum) {
                const Line line{d * scale, d_min * minimum};
                const Fit tried = fit(x + g * group, scale > 0 ? 1 / line.scale : 0.0f, line.minimum);
                const float error = error_of(tried, sums[g], line);
                if (!(error < least)) continue;
                least = error;
                best = tried;
                candidate.scales[g] = scale;
                candidate.minima[g] = minimum;
            }
        }
        std::copy_n(best.n, group, candidate.n + g * group);
        const float a = candidate.scales[g], b = candidate.minima[g];
        candidate.error += least;
        candidate.aa += a * a * best.nn;
        candidate.ab += a * b * best.sum_n;
        candidate.bb += static_cast<float>(group) * b * b;
        candidate.xa += a * best.xn;
        candidate.xb += b * sums[g];
    }
    return candidate;
}

// d and d_min of least squared error for the numbers of a candidate: x = d * a - d_min * b.
Line refit(const Candidate& c) {
    const double determinant = static_cast<double>(c.aa) * c.bb - static_cast<double>(c.ab) * c.ab;
    if (determinant > 0) {
        const double d = (static_cast<double>(c.xa) * c.bb - static_cast<double>(c.ab) * c.xb) / determinant;
        const double d_min = (static_cast<double>(c.ab) * c.xa - static_cast<double>(c.aa) * c.xb) / determinant;
        if (d > 0 && d_min > 0) return {static_cast<float>(d), static_cast<float>(d_min)};
    }
    return {c.aa > 0 ? std::max(c.xa / c.aa, 0.0f) : c.d, c.d_min};
}

void store(const Candidate& from, BlockQ4_K& block) {
    block = {};
    block.d = f32_to_f16(from.d);
    block.d_min = f32_to_f16(from.d_min);
    for (int64_t g = 0; g < groups; ++g) {
        const auto scale = static_cast<uint8_t>(from.scales[g]), minimum = static_cast<uint8_t>(from.minima[g]);
        if (g < 4) {
            block.scales[g] |= scale;
            block.scales[g + 4] |= minimum;
        } else {
            block.scales[g + 4] = static_cast<uint8_t>((scale & 15) | (minimum & 15) << 4);
            block.scales[g - 4] |= static_cast<uint8_t>(scale >> 4 << 6);
            block.scales[g] |= static_cast<uint8_t>(minimum >> 4 << 6);
        }
    }
    for (int64_t i = 0; i < BlockQ4_K::weights; ++i) {
        block.n[i / 64 * 32 + i % 32] |= static_cast<uint8_t>(static_cast<uint8_t>(from.n[i]) << (i % 64 / 32 * 4));
    }
}

}  // namespace

void decode(const BlockQ4_K& block, float* out) {
    const float d = f16_to_f32(block.d), d_min = f16_to_f32(block.d_min);
    for (int64_t g = 0; g < groups; ++g) {
        const uint8_t* s = block.scales;
        const int scale = g < 4 ? s[g] & 63 : (s[g + 4] & 15) | s[g - 4] >> 6 << 4;
        const int minimum = g < 4 ? s[g + 4] & 63 : s[g + 4] >> 4 | s[g] >> 6 << 4;
        const float step = d * static_cast<float>(scale), offset = d_min * static_cast<float>(minimum);
        const uint8_t* n = block.n + g / 2 * 32;
        for (int64_t i = 0; i < group; ++i) {
            // The product is exact (11 + 6 + 4 bits), so that a fused multiply-add gives the same bits.
            out[g * group + i] = step * static_cast<float>(n[i] >> (g % 2 * 4) & 15) - offset;
        }
    }
}

bool encode(const float* in, BlockQ4_K& block) {
    constexpr float least_minimum = -most_f16 * most_scale, most_range = most_f16 * most_scale * most_n;
    if (!all_within(in, BlockQ4_K::weights, least_minimum, most_range)) return false;
    Line wanted[groups], widest;
    float sums[groups];
    for (int64_t g = 0; g < groups; ++g) {
        const float* x = in + g * group;
        const auto [low, high] = std::minmax_element(x, x + group);
        const float least = std::min(*low, 0.0f), range = *high - least;
        if (range > most_range) return false;
        sums[g] = total(x);
        wanted[g] = best_line(x, sums[g], least, range);
        widest.scale = std::max(widest.scale, wanted[g].scale);
        widest.minimum = std::max(widest.minimum, wanted[g].minimum);
    }
    // The largest of each at the end of its range, then the pair that fits the numbers found, as long as that is better.
    constexpr int rounds = 3;
    Candidate best;
    for (const float end : {most_scale, most_scale - 3}) {
        Line d{stored_scale(widest.scale / end), stored_scale(widest.minimum / end)};
        for (int round = 0; round < rounds; ++round) {
            const Candidate tried = try_scales(in, sums, wanted, d.scale, d.minimum);
            if (!(tried.error < best.error)) break;
            best = tried;
            const Line next = refit(tried);
            d = {stored_scale(next.scale), stored_scale(next.minimum)};
        }
    }
    store(best, block);
    return true;
}

}  // namespace mamba
