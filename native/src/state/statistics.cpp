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

template <typename Sum>
HeadMoments add_up(const float* values, int64_t count) {
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
    HeadMoments all;
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

HeadMoments moments(const float* values, int64_t count) {
    HeadMoments all;
    for (int64_t i = 0; i < count; i += values_at_once) {
        const int64_t part_count = std::min(values_at_once, count - i);
        HeadMoments part = add_up<float>(values + i, part_count);
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

int64_t head_floats(const ModelConfig& config, int64_t head) {
    const int64_t channels = config.head_count > 0 ? config.head_dim : std::min(block_channels, config.d_inner - head * block_channels);
    return channels * config.d_state;
}

void write_moments(const HeadMoments& m, int64_t count, mamba_head_statistics& out) {
    const double mean = m.sum / static_cast<double>(count), square = m.squares / static_cast<double>(count);
    out.norm = static_cast<float>(std::sqrt(m.squares));
    out.variance = static_cast<float>(!std::isfinite(square) ? square : std::max(0.0, square - mean * mean));
    out.max_abs = m.max_abs;
    out.rms = static_cast<float>(std::sqrt(square));
}

void measure_state(const ModelConfig& config, const float* state, mamba_head_statistics* heads) {
    for (int64_t head = 0, begin = 0; head < head_or_block_count(config); ++head) {
        const int64_t count = head_floats(config, head);
        write_moments(moments(state + begin, count), count, heads[head]);
        begin += count;
    }
}

int64_t head_decays(const ModelConfig& config, int64_t head) { return config.head_count > 0 ? 1 : head_floats(config, head); }

void write_retention(const HeadRetention& retention, int64_t decays, int64_t tokens, mamba_head_statistics& out) {
    const auto members = static_cast<double>(decays);
    out.log_retention = retention.logs / members;
    out.retention = static_cast<float>(retention.left / members);
    // 0 / 0 before the first token: there is no mean decay yet. A difference, for there is no -0 in it: what forgets nothing has an
    // infinite horizon.
    out.horizon = static_cast<float>(static_cast<double>(tokens) / (0.0 - out.log_retention));
}

void write_no_retention(mamba_head_statistics& out) {
    out.retention = out.horizon = std::numeric_limits<float>::quiet_NaN();
    out.log_retention = std::numeric_limits<double>::quiet_NaN();
}

void measure_decay(const ModelConfig& config, const Layer& layer, const double* step_sums, int64_t tokens, mamba_head_statistics* heads,
                   double decay_scale, double log_retention) {
    // Of Mamba-1 d_state decays share a sum.
    const int64_t shared = config.head_count > 0 ? 1 : config.d_state;
    for (int64_t head = 0, at = 0; head < head_or_block_count(config); ++head) {
        if (step_sums == nullptr) {
            write_no_retention(heads[head]);
            continue;
        }
        HeadRetention sums;
        const int64_t decays = head_decays(config, head);
        for (const int64_t end = at + decays; at < end; ++at) {
            const double log = static_cast<double>(layer.a[static_cast<size_t>(at)]) * decay_scale * step_sums[at / shared] +
                               log_retention * static_cast<double>(tokens);
            sums.logs += log;
            sums.left += std::exp(log);
        }
        write_retention(sums, decays, tokens, heads[head]);
    }
}

}  // namespace mamba
