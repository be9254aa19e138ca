#include "state/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mamba {
namespace {

// Sums side by side, which the compiler may add in vectors: the order of a single one it may not change.
constexpr int64_t partial_sums = 64;
// Values added in FP32 before they go into FP64.
constexpr int64_t values_at_once = 32 * partial_sums;

struct Moments {
    double sum = 0, squares = 0;
    float max_abs = 0;
};

template <typename Sum>
Moments add_up(const float* values, int64_t count) {
    Sum sum[partial_sums] = {}, squares[partial_sums] = {};
    float largest[partial_sums] = {};
    const int64_t whole = count / partial_sums * partial_sums;
    for (int64_t i = 0; i < whole; i += partial_sums) {
        for (int64_t k = 0; k < partial_sums; ++k) {
            const float v = values[i + k], size = std::fabs(v);
            sum[k] += static_cast<Sum>(v);
            squares[k] += static_cast<Sum>(v) * static_cast<Sum>(v);
            largest[k] = largest[k] < size ? size : largest[k];
        }
    }
    Moments all;
    for (int64_t k = 0; k < partial_sums; ++k) {
        all.sum += static_cast<double>(sum[k]);
        all.squares += static_cast<double>(squares[k]);
        all.max_abs = std::max(all.max_abs, largest[k]);
    }
    for (int64_t i = whole; i < count; ++i) {
        all.sum += static_cast<double>(values[i]);
        all.squares += static_cast<double>(values[i]) * static_cast<double>(values[i]);
        all.max_abs = std::max(all.max_abs, std::fabs(values[i]));
    }
    return all;
}

Moments moments(const float* values, int64_t count) {
    Moments all;
    for (int64_t i = 0; i < count; i += values_at_once) {
        const int64_t part_count = std::min(values_at_once, count - i);
        Moments part = add_up<float>(values + i, part_count);
        // Squares leave the range of FP32 long before the values do.
        if (!std::isfinite(part.squares)) part = add_up<double>(values + i, part_count);
        all.sum += part.sum;
        all.squares += part.squares;
        all.max_abs = std::max(all.max_abs, part.max_abs);
    }
    return all;
}

}  // namespace

int64_t head_or_block_count(const ModelConfig& config) {
    return config.head_count > 0 ? config.head_count : (config.d_inner + block_channels - 1) / block_channels;
}

void measure_state(const ModelConfig& config, const float* state, mamba_head_statistics* heads) {
    const int64_t all = config.d_inner * config.d_state;
    const int64_t most = (config.head_count > 0 ? config.head_dim : block_channels) * config.d_state;
    for (int64_t begin = 0, head = 0; begin < all; begin += most, ++head) {
        const int64_t count = std::min(most, all - begin);
        const Moments m = moments(state + begin, count);
        const double mean = m.sum / static_cast<double>(count), square = m.squares / static_cast<double>(count);
        mamba_head_statistics& out = heads[head];
        out.norm = static_cast<float>(std::sqrt(m.squares));
        out.variance = static_cast<float>(!std::isfinite(square) ? square : std::max(0.0, square - mean * mean));
        out.max_abs = m.max_abs;
        out.rms = static_cast<float>(std::sqrt(square));
    }
}

void measure_decay(const ModelConfig& config, const Layer& layer, const double* step_sums, int64_t tokens, mamba_head_statistics* heads,
                   double decay_scale, double log_retention) {
    const int64_t count = head_or_block_count(config);
    // Numbers with a decay of their own, and those that share a sum: Mamba-2 has one of each a head.
    const bool is_mamba2 = config.head_count > 0;
    const int64_t sums_a_head = is_mamba2 ? 1 : block_channels, decays = is_mamba2 ? 1 : config.d_state;
    const int64_t sums = is_mamba2 ? config.head_count : config.d_inner;
    for (int64_t head = 0; head < count; ++head) {
        mamba_head_statistics& out = heads[head];
        if (step_sums == nullptr) {
            out.retention = out.horizon = std::numeric_limits<float>::quiet_NaN();
            out.log_retention = std::numeric_limits<double>::quiet_NaN();
            continue;
        }
        const int64_t begin = head * sums_a_head, end = std::min(sums, begin + sums_a_head);
        double logs = 0, left = 0;
        for (int64_t i = begin; i < end; ++i) {
            for (int64_t n = 0; n < decays; ++n) {
                const double log = static_cast<double>(layer.a[static_cast<size_t>(i * decays + n)]) * decay_scale * step_sums[i] +
                                   log_retention * static_cast<double>(tokens);
                logs += log;
                left += std::exp(log);
            }
        }
        const double members = static_cast<double>((end - begin) * decays);
        out.log_retention = logs / members;
        out.retention = static_cast<float>(left / members);
        // 0 / 0 before the first token: there is no mean decay yet. A difference, for there is no -0 in it: what forgets nothing has an
        // infinite horizon.
        out.horizon = static_cast<float>(static_cast<double>(tokens) / (0.0 - out.log_retention));
    }
}

}  // namespace mamba
