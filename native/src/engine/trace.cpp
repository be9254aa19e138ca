#include "engine/trace.h"

#include <algorithm>
#include <cmath>

#include "state/statistics.h"

namespace mamba {
namespace {

float length_of(const float* values, int64_t count) {
    double squares = 0;
    for (int64_t i = 0; i < count; ++i) squares += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    return static_cast<float>(std::sqrt(squares));
}

// What the session's policy makes of a log-decay dt * A: dt * A * scale + added.
struct Decay {
    float scale = 1, added = 0;
};

Decay decay_of(const Policy* policy, int64_t layer) {
    if (policy == nullptr) return {};
    return {policy->decay_scale(static_cast<size_t>(layer)), policy->log_retention()};
}

void trace_mamba2(const ModelConfig& config, const Layer& layer, const Workspace& work, Decay decay, int64_t row, float* out) {
    const float* x = work.convolved.data() + row * work.conv_width;
    const float* dt = work.projected.data() + row * work.projected_width + config.d_inner + work.conv_width;
    const int64_t heads_a_group = config.head_count / config.group_count;
    for (int64_t head = 0; head < config.head_count; ++head, out += trace_width) {
        out[0] = dt[head];
        out[1] = dt[head] * (layer.a[static_cast<size_t>(head)] * decay.scale) + decay.added;
        out[2] = length_of(x + config.d_inner + head / heads_a_group * config.d_state, config.d_state);
        out[3] = length_of(x + head * config.head_dim, config.head_dim);
    }
}

void trace_mamba1(const ModelConfig& config, const Layer& layer, const Workspace& work, Decay decay, int64_t row, float* out) {
    const float* v = work.convolved.data() + row * work.conv_width;
    const float* dt = work.dt.data() + row * config.d_inner;
    const float b = length_of(work.small.data() + row * work.small_width + config.dt_rank, config.d_state);
    for (int64_t begin = 0; begin < config.d_inner; begin += block_channels, out += trace_width) {
        const int64_t end = std::min(begin + block_channels, config.d_inner);
        double steps = 0, decays = 0;
        for (int64_t d = begin; d < end; ++d) {
            double a = 0;
            for (int64_t n = 0; n < config.d_state; ++n) a += static_cast<double>(layer.a[static_cast<size_t>(d * config.d_state + n)]);
            steps += static_cast<double>(dt[d]);
            decays += static_cast<double>(dt[d]) * a / static_cast<double>(config.d_state);
        }
        out[0] = static_cast<float>(steps / static_cast<double>(end - begin));
        out[1] = static_cast<float>(decays / static_cast<double>(end - begin) * static_cast<double>(decay.scale)) + decay.added;
        out[2] = b;
        out[3] = length_of(v + begin, end - begin);
    }
}

}  // namespace

void write_trace(const ModelConfig& config, const Layer& layer, const Workspace& work, const Slice& slice, const LayerTrace& trace) {
    const int64_t width = head_or_block_count(config) * trace_width;
    for (const Piece& piece : slice.pieces) {
        const Decay decay = decay_of(piece.state->policy.rule.get(), trace.layer);
        for (int64_t t = 0; t < piece.count; ++t) {
            float* out = trace.values + (piece.position + t - trace.first_position) * width;
            if (layer.kind == LayerKind::mamba2) trace_mamba2(config, layer, work, decay, piece.first_row + t, out);
            else trace_mamba1(config, layer, work, decay, piece.first_row + t, out);
        }
    }
}

}  // namespace mamba
