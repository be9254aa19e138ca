#include <algorithm>

#include "base/half.h"
#include "model/k_quants.h"
#include "model/k_search.h"

namespace mamba {
namespace {

using namespace k_search;

constexpr int64_t group = BlockQ6_K::group, groups = BlockQ6_K::weights / group;

// One group's best numbers for a scale, and what they leave.
struct Fit {
    float n[group];
    float xn = 0, nn = 0;  // sums of x * n and n * n
};

Fit fit(const float* x, float inverse) {
    Fit result;
    for (int64_t i = 0; i < group; ++i) result.n[i] = limit(nearest(x[i] * inverse), -32.0f, 31.0f);
    Sum xn, nn;
    for (int64_t i = 0; i < group; i += 4) {
        for (int64_t l = 0; l < 4; ++l) {
            xn.lane[l] += x[i + l] * result.n[i + l];
            nn.lane[l] += result.n[i + l] * result.n[i + l];
        }
    }
    result.xn = xn.total();
    result.nn = nn.total();
    return result;
}

// The scale of least squared error: for given numbers it is xn / nn, which leaves sum x^2 - xn^2 / nn. The numbers come from a walk around
// the scales that put the farthest weight at either end of the range.
float best_scale(const float* x, float farthest) {
    constexpr int steps = 9;
    float best = 0, gain = 0;
    for (const float end : {-32.0f, 31.0f}) {
        for (int step = -steps; step <= steps; ++step) {
            const Fit tried = fit(x, (end + 0.1f * static_cast<float>(step)) / farthest);
            if (tried.xn * tried.xn > gain * tried.nn) {
                gain = tried.xn * tried.xn / tried.nn;
                best = tried.xn / tried.nn;
            }
        }
    }
    return best;
}

// A whole block for one d: what of sum x^2 it does not leave, less the constant.
struct Candidate {
    float d = 0;
    float error = INFINITY;
    float scales[groups] = {};
    float n[BlockQ6_K::weights] = {};
    float xa = 0, aa = 0;  // sums of x * a and a * a, a = scale * n: the best d is their ratio
};

Candidate try_d(const float* x, const float* wanted, float d) {
    Candidate candidate;
    candidate.d = d;
    candidate.error = 0;
    for (int64_t g = 0; g < groups; ++g) {
        const float middle = nearest(limit(wanted[g] / d, -128.0f, 127.0f));
        float least = INFINITY;
        for (float scale = std::max(middle - 1, -128.0f); scale <= std::min(middle + 1, 127.0f); ++scale) {
            const float step = d * scale;
            const Fit tried = fit(x + g * group, scale != 0 ? 1 / step : 0.0f);
            const float error = step * (step * tried.nn - 2 * tried.xn);
            if (error >= least) continue;
            least = error;
            candidate.scales[g] = scale;
            std::copy_n(tried.n, group, candidate.n + g * group);
        }
        candidate.error += least;
    }
    for (int64_t g = 0; g < groups; ++g) {
        Sum xa, aa;
        for (int64_t i = 0; i < group; i += 4) {
            for (int64_t l = 0; l < 4; ++l) {
                const float a = candidate.scales[g] * candidate.n[g * group + i + l];
                xa.lane[l] += x[g * group + i + l] * a;
                aa.lane[l] += a * a;
            }
        }
        candidate.xa += xa.total();
        candidate.aa += aa.total();
    }
    return candidate;
}

void store(const Candidate& from, BlockQ6_K& block) {
    block = {};
    block.d = f32_to_f16(from.d);
    for (int64_t g = 0; g < groups; ++g) block.scales[g] = static_cast<int8_t>(from.scales[g]);
    for (int64_t i = 0; i < BlockQ6_K::weights; ++i) {
        const auto n = static_cast<uint8_t>(from.n[i] + 32);
        const int64_t half = i / 128, k = i % 128 / 32, j = i % 32;
        block.low[half * 64 + k % 2 * 32 + j] |= static_cast<uint8_t>((n & 15) << (k / 2 * 4));
        block.high[half * 32 + j] |= static_cast<uint8_t>((n >> 4) << (2 * k));
    }
}

}  // namespace

void decode(const BlockQ6_K& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int64_t i = 0; i < BlockQ6_K::weights; ++i) {
        const int64_t half = i / 128, k = i % 128 / 32, j = i % 32;
        const int low = block.low[half * 64 + k % 2 * 32 + j] >> (k / 2 * 4) & 15, high = block.high[half * 32 + j] >> (2 * k) & 3;
        // Exact: 11 + 7 + 6 bits. The sum makes +0 of -0, as a fused multiply-add does.
        out[i] = d * static_cast<float>(block.scales[i / BlockQ6_K::group]) * static_cast<float>(low + 16 * high - 32) + 0.0f;
    }
}

bool encode(const float* in, BlockQ6_K& block) {
    constexpr float most = most_f16 * 128 * 31;
    if (!all_within(in, BlockQ6_K::weights, -most, most)) return false;
    float wanted[groups], widest = 0;
    for (int64_t g = 0; g < groups; ++g) {
        const float* x = in + g * group;
        const float farthest = *std::max_element(x, x + group, [](float a, float b) { return std::fabs(a) < std::fabs(b); });
        wanted[g] = std::fabs(farthest) < least_f16 / 2 ? 0.0f : best_scale(x, farthest);
        if (std::fabs(wanted[g]) > std::fabs(widest)) widest = wanted[g];
    }
    Candidate best;
    if (widest == 0) {
        store(Candidate{}, block);
        return true;
    }
    // The widest scale at either end of its range, then the d that fits the numbers found, as long as that is better.
    constexpr int rounds = 3;
    for (const float end : {-128.0f, 127.0f, -120.0f}) {
        float d = stored_scale(widest / end);
        for (int round = 0; round < rounds; ++round) {
            const Candidate tried = try_d(in, wanted, d);
            if (!(tried.error < best.error)) break;
            best = tried;
            if (tried.aa == 0) break;
            d = stored_scale(tried.xa / tried.aa);
        }
    }
    store(best, block);
    return true;
}

}  // namespace mamba
