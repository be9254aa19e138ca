#include "engine/forward.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

namespace mamba {
namespace {

// Weight rows a thread takes at a time: a multiple of every kernel's tile, so that slices stay whole and contiguous.
constexpr int64_t row_grain = 16;
// Channels a thread convolves or scans at a time: whole cache lines.
constexpr int64_t channel_grain = 16;

const float* data_or_null(const Vector& v) { return v.empty() ? nullptr : v.data(); }

}  // namespace

void Forward::run(const Slice& slice) {
    pool_.run([this, &slice](int worker) {
        embed(worker, slice);
        pool_.barrier();
        for (int64_t i = 0; i < config_.layer_count(); ++i) layer(worker, slice, i);
        normalise(worker, slice.rows, model_.final_norm);
        pool_.barrier();
        if (worker != 0) return;
        for (const Piece& piece : slice.pieces) {
            const float* last = work_.normed.data() + (piece.first_row + piece.count - 1) * config_.d_model;
            std::memcpy(piece.state->hidden.data(), last, piece.state->hidden.bytes());
            piece.state->token_count += piece.count;
            for (int64_t t = 0; t < piece.count; ++t) piece.state->token_hash = extend_token_hash(piece.state->token_hash, piece.tokens[t]);
        }
    });
}

void Forward::head(const float* rows, int64_t count, float* out) {
    const auto body = [&](int worker) {
        project(worker, model_.head, Vector(), rows, config_.d_model, count, false, out, config_.padded_vocab_size);
    };
    pool_.run(std::cref(body));  // by reference: std::function would copy so many captures to the heap
}

void Forward::embed(int worker, const Slice& slice) {
    const Range mine = pool_.share(worker, slice.rows);
    for (const Piece& piece : slice.pieces) {
        for (int64_t t = 0; t < piece.count; ++t) {
            const int64_t row = piece.first_row + t;
            if (row < mine.begin || row >= mine.end) continue;
            kernels_.widen(model_.embedding.type, model_.embedding.row(piece.tokens[t]), config_.d_model,
                           work_.x.data() + row * config_.d_model);
        }
    }
}

void Forward::normalise(int worker, int64_t rows, const Vector& weight) {
    const Range mine = pool_.share(worker, rows);
    for (int64_t row = mine.begin; row < mine.end; ++row) {
        kernels_.rms_norm(work_.x.data() + row * config_.d_model, weight.data(), config_.norm_eps, config_.d_model,
                          work_.normed.data() + row * config_.d_model);
    }
}

void Forward::project(int worker, const Matrix& weight, const Vector& bias, const float* x, int64_t x_stride, int64_t rows, bool add,
                      float* y, int64_t y_stride) {
    const Range mine = pool_.share(worker, weight.rows, row_grain);
    if (mine.empty()) return;
    kernels_.matmul(weight, mine.begin, mine.end, x, x_stride, rows, data_or_null(bias), add, y, y_stride, scratch(worker));
}

// x = x + Mixer(rms(x)); the residual stays in FP32.
void Forward::layer(int worker, const Slice& slice, int64_t index) {
    const Layer& layer = model_.layers[static_cast<size_t>(index)];
    const LayerState& place = layout_.layers[static_cast<size_t>(index)];
    normalise(worker, slice.rows, layer.norm);
    pool_.barrier();
    project(worker, layer.in_proj, layer.in_proj_bias, work_.normed.data(), config_.d_model, slice.rows, false, work_.projected.data(),
            work_.projected_width);
    pool_.barrier();
    switch (layer.kind) {
        case LayerKind::mamba1: mamba1(worker, slice, layer, place); break;
        case LayerKind::mamba2: mamba2(worker, slice, layer, place); break;
        default: break;  // the loader lets no other kind through
    }
    pool_.barrier();
    project(worker, layer.out_proj, layer.out_proj_bias, work_.mixed.data(), config_.d_inner, slice.rows, true, work_.x.data(),
            config_.d_model);
    pool_.barrier();
}

void Forward::convolve(Range channels, const Piece& piece, const Layer& layer, const LayerState& place, const float* in,
                       int64_t in_stride) {
    if (channels.empty()) return;
    float* window = piece.state->values.data() + place.conv;
    const int64_t width = work_.conv_width, past = config_.d_conv - 1;
    Convolution c{};
    c.tokens = piece.count;
    c.channels = width;
    c.d_conv = config_.d_conv;
    c.begin = channels.begin;
    c.end = channels.end;
    c.in = in + piece.first_row * in_stride;
    c.in_stride = in_stride;
    c.window = window;
    c.weight = layer.conv_weight.data();
    c.bias = data_or_null(layer.conv_bias);
    c.out = work_.convolved.data() + piece.first_row * width;
    c.out_stride = width;
    kernels_.convolution(c);
    // The window's new rows are the last `past` of [window; inputs].
    const size_t bytes = static_cast<size_t>(channels.end - channels.begin) * sizeof(float);
    for (int64_t k = 0; k < past; ++k) {
        const int64_t from = piece.count + k;  // index into [window; inputs]
        const float* source = from < past ? window + from * width : c.in + (from - past) * in_stride;
        std::memmove(window + k * width + channels.begin, source + channels.begin, bytes);
    }
}

void Forward::mamba1(int worker, const Slice& slice, const Layer& layer, const LayerState& place) {
    const int64_t d_inner = config_.d_inner, rank = config_.dt_rank, n = config_.d_state, small = work_.small_width;
    const Range channels = pool_.share(worker, d_inner, channel_grain);
    for (const Piece& piece : slice.pieces) convolve(channels, piece, layer, place, work_.projected.data(), work_.projected_width);
    pool_.barrier();

    project(worker, layer.x_proj, Vector(), work_.convolved.data(), d_inner, slice.rows, false, work_.small.data(), small);
    pool_.barrier();

    if (config_.dt_b_c_norm) {
        const Range rows = pool_.share(worker, slice.rows);
        for (int64_t row = rows.begin; row < rows.end; ++row) {
            float* r = work_.small.data() + row * small;
            kernels_.rms_norm(r, layer.dt_norm.data(), config_.dt_b_c_norm_eps, rank, r);
            kernels_.rms_norm(r + rank, layer.b_norm.data(), config_.dt_b_c_norm_eps, n, r + rank);
            kernels_.rms_norm(r + rank + n, layer.c_norm.data(), config_.dt_b_c_norm_eps, n, r + rank + n);
        }
        pool_.barrier();
    }

    // From here on a thread keeps to its channels, and needs nobody.
    if (channels.empty()) return;
    kernels_.matmul(layer.dt_proj, channels.begin, channels.end, work_.small.data(), small, slice.rows, nullptr, false, work_.dt.data(),
                    d_inner, scratch(worker));
    for (int64_t row = 0; row < slice.rows; ++row) {
        kernels_.softplus(work_.dt.data() + row * d_inner + channels.begin, layer.dt_bias.data() + channels.begin, 0.0f,
                          std::numeric_limits<float>::infinity(), channels.end - channels.begin);
    }
    for (const Piece& piece : slice.pieces) {
        Mamba1Channels c{};
        c.tokens = piece.count;
        c.d_state = n;
        c.begin = channels.begin;
        c.end = channels.end;
        c.v = work_.convolved.data() + piece.first_row * d_inner;
        c.v_stride = d_inner;
        c.dt = work_.dt.data() + piece.first_row * d_inner;
        c.dt_stride = d_inner;
        c.b = work_.small.data() + piece.first_row * small + rank;
        c.b_stride = small;
        c.c = c.b + n;
        c.c_stride = small;
        c.a = layer.a.data();
        c.d = layer.d.data();
        c.z = work_.projected.data() + piece.first_row * work_.projected_width + d_inner;
        c.z_stride = work_.projected_width;
        c.state = piece.state->values.data() + place.ssm;
        c.y = work_.mixed.data() + piece.first_row * d_inner;
        c.y_stride = d_inner;
        kernels_.mamba1(c);
    }
}

void Forward::mamba2(int worker, const Slice& slice, const Layer& layer, const LayerState& place) {
    const int64_t d_inner = config_.d_inner, width = work_.conv_width, h = config_.head_count;
    const Range channels = pool_.share(worker, width, channel_grain);
    for (const Piece& piece : slice.pieces) {
        convolve(channels, piece, layer, place, work_.projected.data() + d_inner, work_.projected_width);
    }
    const Range rows = pool_.share(worker, slice.rows);
    for (int64_t row = rows.begin; row < rows.end; ++row) {
        kernels_.softplus(work_.projected.data() + row * work_.projected_width + d_inner + width, layer.dt_bias.data(), config_.dt_min,
                          config_.dt_max, h);
    }
    pool_.barrier();

    const Range mine = pool_.share(worker, h);
    for (const Piece& piece : slice.pieces) heads(worker, mine, piece, layer, place);
    pool_.barrier();

    const float* weight = config_.gated_norm ? layer.gated_norm.data() : nullptr;
    for (int64_t row = rows.begin; row < rows.end; ++row) {
        kernels_.gated_norm(work_.mixed.data() + row * d_inner, work_.projected.data() + row * work_.projected_width, weight,
                            config_.norm_eps, d_inner, d_inner / config_.group_count, config_.norm_before_gate);
    }
}

void Forward::heads(int worker, Range heads, const Piece& piece, const Layer& layer, const LayerState& place) {
    if (heads.empty()) return;
    Mamba2Scan s{};
    s.tokens = piece.count;
    s.first_position = piece.state->token_count;
    s.head_begin = heads.begin;
    s.head_end = heads.end;
    s.heads_a_group = config_.head_count / config_.group_count;
    s.head_dim = config_.head_dim;
    s.d_state = config_.d_state;
    s.stride = work_.conv_width;
    s.x = work_.convolved.data() + piece.first_row * s.stride;
    s.b = s.x + config_.d_inner;
    s.c = s.b + config_.group_count * config_.d_state;
    s.dt_stride = work_.projected_width;
    s.dt = work_.projected.data() + piece.first_row * s.dt_stride + config_.d_inner + work_.conv_width;
    s.a = layer.a.data();
    s.d = layer.d.data();
    s.state = piece.state->values.data() + place.ssm;
    s.y_stride = config_.d_inner;
    s.y = work_.mixed.data() + piece.first_row * s.y_stride;
    s.exact = layer.in_proj.type == WeightType::f32 || layer.in_proj.type == WeightType::f16;
    kernels_.mamba2_scan(s, scratch(worker));
}

}  // namespace mamba
