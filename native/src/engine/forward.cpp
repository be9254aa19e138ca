#include "engine/forward.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "engine/policy_scan.h"
#include "engine/ring.h"
#include "engine/trace.h"
#include "state/statistics.h"

namespace mamba {
namespace {

// Weight rows a thread takes at a time: a multiple of every kernel's tile, so that slices stay whole and contiguous.
constexpr int64_t row_grain = 16;
// Channels a thread scans at a time: whole cache lines.
constexpr int64_t channel_grain = 16;
// Columns of in_proj that a thread computes at a time, to convolve them while they are in its cache.
constexpr int64_t columns_at_once = 1024;
// Tokens of Mamba-1 whose step sizes stay in the cache between their softplus and the scan.
constexpr int64_t scan_tokens = 128;

// What of `range` lies in [begin, end), counted from begin.
Range within(Range range, int64_t begin, int64_t end) {
    return {std::max(range.begin, begin) - begin, std::min(range.end, end) - begin};
}

}  // namespace

void Forward::run(const Slice& slice) {
    pool_.run([this, &slice](int worker) {
        embed(worker, slice);
        pool_.barrier();
        const bool brief = is_brief(slice);
        for (int64_t i = 0; i < config_.layer_count(); ++i) layer(worker, slice, brief, i);
        const Range mine = pool_.share(worker, slice.rows);
        for (int64_t row = mine.begin; row < mine.end; ++row) {
            kernels_.rms_norm(work_.x.data() + row * config_.d_model, model_.final_norm.data(), config_.norm_eps, config_.d_model,
                              work_.normed.data() + row * config_.d_model);
        }
        pool_.barrier();
        if (worker != 0) return;
        for (const Piece& piece : slice.pieces) {
            const float* last = work_.normed.data() + (piece.first_row + piece.count - 1) * config_.d_model;
            std::memcpy(piece.state->hidden.data(), last, piece.state->hidden.bytes());
            piece.state->token_count += piece.count;
            if (piece.state->tracking.on()) piece.state->tracking.tokens += piece.count;
            if (layout_.entry_floats > 0 && piece.state->policy.uses_ring()) {
                piece.state->pending = pending_after(piece.pending, piece.position, piece.count);
            }
            for (int64_t t = 0; t < piece.count; ++t) piece.state->token_hash = extend_token_hash(piece.state->token_hash, piece.tokens[t]);
        }
    });
}

void Forward::head(const float* rows, int64_t count, float* out) {
    const auto body = [&](int worker) {
        const bool brief = count <= work_.brief_rows;
        const Input x{rows, config_.d_model, brief ? work_.private_operand(worker) : work_.operand.data(), count, count};
        const Range mine = brief ? Range{0, count} : pool_.share(worker, count);
        for (int64_t row = mine.begin; row < mine.end; ++row) prepare(weights_.head, x, row);
        if (!brief) pool_.barrier();
        project(worker, weights_.head, Vector(), x, false, out, config_.padded_vocab_size);
    };
    pool_.run(std::cref(body));  // by reference: std::function would copy so many captures to the heap
}

bool Forward::is_brief(const Slice& slice) const {
    if (slice.trace != nullptr) return false;  // what a trace reads would lie in each thread's own memory
    if (slice.single_rows != slice.rows || slice.rows > work_.brief_rows) return false;
    for (size_t i = 1; i < slice.pieces.size(); ++i) {
        if (slice.pieces[i].state == slice.pieces[i - 1].state) return false;
    }
    return true;
}

void Forward::embed(int worker, const Slice& slice) {
    const Range mine = pool_.share(worker, slice.rows);
    for (const Piece& piece : slice.pieces) {
        for (int64_t t = 0; t < piece.count; ++t) {
            const int64_t row = piece.first_row + t;
            if (row < mine.begin || row >= mine.end) continue;
            const Weights& table = weights_.embedding;
            float* x = work_.x.data() + row * config_.d_model;
            if (table.panels != nullptr) kernels_.unpack(table, piece.tokens[t], x);
            else kernels_.widen(table.matrix.type, table.matrix.row(piece.tokens[t]), config_.d_model, x);
        }
    }
}

// ---- Products

std::array<Forward::Part, 2> Forward::parts(const Weights& weights, const Input& x) const {
    const OperandForm single = form(weights, true), other = form(weights, false);
    const int64_t split = single == other ? x.count : x.singles;
    std::byte* const behind = x.operand + packed::operand_bytes(single, weights.matrix.cols, split);
    return {{{single, 0, split, x.operand}, {other, split, x.count - split, behind}}};
}

void Forward::prepare(const Weights& weights, const Input& x, int64_t row) {
    const std::array<Part, 2> both = parts(weights, x);
    const Part& part = both[row < both[1].first ? 0 : 1];
    if (part.form == OperandForm::plain) return;
    kernels_.prepare(part.form, x.rows + row * x.stride, weights.matrix.cols, row - part.first, part.count, part.operand);
}

void Forward::project(int worker, const Weights& weights, const Vector& bias, const Input& x, bool add, float* y, int64_t y_stride) {
    project(worker, pool_.share(worker, weights.matrix.rows, row_grain), weights, bias, x, add, y, y_stride);
}

void Forward::project(int worker, Range columns, const Weights& weights, const Vector& bias, const Input& x, bool add, float* y,
                      int64_t y_stride) {
    if (columns.empty()) return;
    for (const Part& part : parts(weights, x)) {
        if (part.count == 0) continue;
        float* out = y + part.first * y_stride;
        if (part.form == OperandForm::plain) {
            kernels_.matmul(weights.matrix, columns.begin, columns.end, x.rows + part.first * x.stride, x.stride, part.count,
                            data_or_null(bias), add, out, y_stride, work_.scratch(worker));
        } else {
            kernels_.matmul_packed(weights, columns.begin, columns.end, {part.form, part.count, part.operand}, data_or_null(bias), add, out,
                                   y_stride, reinterpret_cast<std::byte*>(work_.scratch(worker)));
        }
    }
}

// ---- Layers: x = x + Mixer(rms(x)); the residual stays in FP32.

void Forward::layer(int worker, const Slice& slice, bool brief, int64_t index) {
    const Layer& layer = model_.layers[static_cast<size_t>(index)];
    const LayerWeights& weights = weights_.layers[static_cast<size_t>(index)];
    const LayerState& place = layout_.layers[static_cast<size_t>(index)];
    const int64_t d_model = config_.d_model, d_inner = config_.d_inner;
    const Range rows = brief ? Range{0, slice.rows} : pool_.share(worker, slice.rows);

    float* const normed = brief ? work_.private_rows(worker) : work_.normed.data();
    const Input into = input(worker, slice, brief, normed, d_model);
    for (int64_t row = rows.begin; row < rows.end; ++row) {
        kernels_.rms_norm(work_.x.data() + row * d_model, layer.norm.data(), config_.norm_eps, d_model, normed + row * d_model);
        prepare(weights.in_proj, into, row);
    }
    const bool is_mamba2 = layer.kind == LayerKind::mamba2;  // the loader lets no third kind through
    if (!brief) pool_.barrier();
    float* const projected = work_.projected.data();
    if (brief && is_mamba2) project(worker, weights.in_proj, layer.in_proj_bias, into, false, projected, work_.projected_width);
    else expand(worker, slice, layer, weights, place, into);
    pool_.barrier();

    if (!is_mamba2) mamba1(worker, slice, brief, index);
    else if (brief) brief_mamba2(worker, slice, index);
    else mamba2(worker, slice, index);
    pool_.barrier();
    if (slice.trace != nullptr && slice.trace->layer == index && worker == 0) write_trace(config_, layer, work_, slice, *slice.trace);

    const bool copies = brief && is_mamba2;  // to gate them
    float* const mixed = copies ? work_.private_rows(worker) : work_.mixed.data();
    const Input out_of = input(worker, slice, brief, mixed, d_inner);
    for (int64_t row = rows.begin; row < rows.end; ++row) {
        float* values = mixed + row * d_inner;
        if (copies) std::memcpy(values, work_.mixed.data() + row * d_inner, static_cast<size_t>(d_inner) * sizeof(float));
        if (is_mamba2) gate(row, layer, values);
        prepare(weights.out_proj, out_of, row);
    }
    if (!brief) pool_.barrier();
    if (brief && is_mamba2 && worker == 0) {
        // B and C, whose window every thread has read.
        for (const Piece& piece : slice.pieces) {
            advance_window({d_inner, work_.conv_width}, piece, place, projected + d_inner);
        }
    }
    project(worker, weights.out_proj, layer.out_proj_bias, out_of, true, work_.x.data(), d_model);
    pool_.barrier();
}

// Columns are, in parts: [z | x | B, C, dt] of Mamba-2, [x | z] of Mamba-1. A thread takes its share of every part, so that what it
// convolves is mostly what it scans.
void Forward::expand(int worker, const Slice& slice, const Layer& layer, const LayerWeights& weights, const LayerState& place,
                     const Input& x) {
    const bool is_mamba2 = layer.kind == LayerKind::mamba2;
    const int64_t d_inner = config_.d_inner, width = work_.conv_width, count = weights.in_proj.matrix.rows;
    const int64_t conv = is_mamba2 ? d_inner : 0, dt = conv + width;
    const int64_t parts[] = {0, d_inner / row_grain * row_grain, 2 * d_inner / row_grain * row_grain, count};
    float* const out = work_.projected.data();
    for (int part = 0; part < 3; ++part) {
        const Range mine = pool_.share(worker, parts[part + 1] - parts[part], row_grain);
        for (int64_t at = mine.begin; at < mine.end; at += columns_at_once) {
            const Range columns{parts[part] + at, parts[part] + std::min(at + columns_at_once, mine.end)};
            project(worker, columns, weights.in_proj, layer.in_proj_bias, x, false, out, work_.projected_width);
            const Range channels = within(columns, conv, dt);
            for (const Piece& piece : slice.pieces) {
                convolve(channels, piece, layer, place, out + conv, work_.convolved.data());
                advance_window(channels, piece, place, out + conv);
            }
            const Range steps = is_mamba2 ? within(columns, dt, count) : Range{0, 0};
            if (steps.empty()) continue;
            for (int64_t row = 0; row < slice.rows; ++row) {
                kernels_.softplus(out + row * work_.projected_width + dt + steps.begin, layer.dt_bias.data() + steps.begin, config_.dt_min,
                                  config_.dt_max, steps.end - steps.begin);
            }
        }
    }
}

void Forward::convolve(Range channels, const Piece& piece, const Layer& layer, const LayerState& place, const float* in, float* out) {
    if (channels.empty()) return;
    Convolution c{};
    c.tokens = piece.count;
    c.channels = work_.conv_width;
    c.d_conv = config_.d_conv;
    c.begin = channels.begin;
    c.end = channels.end;
    c.in = in + piece.first_row * work_.projected_width;
    c.in_stride = work_.projected_width;
    c.window = piece.state->values.data() + place.conv;
    c.weight = layer.conv_weight.data();
    c.bias = data_or_null(layer.conv_bias);
    c.out = out + piece.first_row * work_.conv_width;
    c.out_stride = work_.conv_width;
    kernels_.convolution(c);
}

// The window's new rows are the last d_conv - 1 of [window; inputs].
void Forward::advance_window(Range channels, const Piece& piece, const LayerState& place, const float* in) {
    if (channels.empty()) return;
    const int64_t width = work_.conv_width, past = config_.d_conv - 1;
    float* window = piece.state->values.data() + place.conv;
    const size_t bytes = static_cast<size_t>(channels.end - channels.begin) * sizeof(float);
    for (int64_t k = 0; k < past; ++k) {
        const int64_t from = piece.count + k;  // index into [window; inputs]
        const float* source = from < past ? window + from * width : in + (piece.first_row + from - past) * work_.projected_width;
        std::memmove(window + k * width + channels.begin, source + channels.begin, bytes);
    }
}

void Forward::mamba1(int worker, const Slice& slice, bool brief, int64_t index) {
    const Layer& layer = model_.layers[static_cast<size_t>(index)];
    const LayerWeights& weights = weights_.layers[static_cast<size_t>(index)];
    const LayerState& place = layout_.layers[static_cast<size_t>(index)];
    const int64_t d_inner = config_.d_inner, rank = config_.dt_rank, n = config_.d_state, small = work_.small_width;
    // A norm is taken of a whole block, by one thread.
    const bool blocks = std::any_of(slice.pieces.begin(), slice.pieces.end(),
                                    [](const Piece& piece) { return piece.state->policy.kind() == MAMBA_POLICY_STATE_NORM; });
    const Range channels = pool_.share(worker, d_inner, blocks ? block_channels : channel_grain);
    const Range rows = brief ? Range{0, slice.rows} : pool_.share(worker, slice.rows);
    const Input convolved = input(worker, slice, brief, work_.convolved.data(), d_inner);
    for (int64_t row = rows.begin; row < rows.end; ++row) prepare(weights.x_proj, convolved, row);
    if (!brief) pool_.barrier();
    project(worker, weights.x_proj, Vector(), convolved, false, work_.small.data(), small);
    pool_.barrier();

    float* const r_b_c = brief ? work_.private_rows(worker) : work_.small.data();
    const Input r = input(worker, slice, brief, r_b_c, small);
    for (int64_t row = rows.begin; row < rows.end; ++row) {
        float* values = r_b_c + row * small;
        if (brief) std::memcpy(values, work_.small.data() + row * small, static_cast<size_t>(rank + 2 * n) * sizeof(float));
        if (config_.dt_b_c_norm) {
            kernels_.rms_norm(values, layer.dt_norm.data(), config_.dt_b_c_norm_eps, rank, values);
            kernels_.rms_norm(values + rank, layer.b_norm.data(), config_.dt_b_c_norm_eps, n, values + rank);
            kernels_.rms_norm(values + rank + n, layer.c_norm.data(), config_.dt_b_c_norm_eps, n, values + rank + n);
        }
        prepare(weights.dt_proj, r, row);
    }
    if (!brief) pool_.barrier();

    // From here on a thread keeps to its channels, and needs nobody.
    if (channels.empty()) return;
    project(worker, channels, weights.dt_proj, Vector(), r, false, work_.dt.data(), d_inner);
    for (const Piece& piece : slice.pieces) {
        for (int64_t done = 0; done < piece.count; done += scan_tokens) {
            const int64_t count = std::min(piece.count - done, scan_tokens), first = piece.first_row + done;
            for (int64_t row = first; row < first + count; ++row) {
                kernels_.softplus(work_.dt.data() + row * d_inner + channels.begin, layer.dt_bias.data() + channels.begin, 0.0f,
                                  std::numeric_limits<float>::infinity(), channels.end - channels.begin);
            }
            Mamba1Channels c{};
            c.tokens = count;
            c.d_state = n;
            c.begin = channels.begin;
            c.end = channels.end;
            c.v = work_.convolved.data() + first * d_inner;
            c.v_stride = d_inner;
            c.dt = work_.dt.data() + first * d_inner;
            c.dt_stride = d_inner;
            c.b = r_b_c + first * small + rank;
            c.b_stride = small;
            c.c = c.b + n;
            c.c_stride = small;
            c.a = layer.a.data();
            c.d = layer.d.data();
            c.z = work_.projected.data() + first * work_.projected_width + d_inner;
            c.z_stride = work_.projected_width;
            c.state = piece.state->values.data() + place.ssm;
            c.y = work_.mixed.data() + first * d_inner;
            c.y_stride = d_inner;
            PolicyState& policy = piece.state->policy;
            if (!policy.on()) {
                kernels_.mamba1(c);
            } else {
                float* const dt = work_.dt.data() + first * d_inner;
                scan_under_policy(kernels_, policy, static_cast<size_t>(index), c, dt, piece.position + done);
            }
            // The step sizes as the policy left them.
            Tracking& tracking = piece.state->tracking;
            if (tracking.on()) tracking.add(place.step_sums + c.begin, place.step_sums + c.end, c.dt + c.begin, c.dt_stride, count);
        }
    }
}

void Forward::mamba2(int worker, const Slice& slice, int64_t index) {
    const Range mine = pool_.share(worker, config_.head_count);
    const State* before = nullptr;
    for (const Piece& piece : slice.pieces) {
        // A single token behind others of its session begins the ring anew, over entries whose B all heads of a group have to have read.
        if (piece.count == 1 && piece.state == before) pool_.barrier();
        heads(worker, mine, piece, index, work_.convolved.data());
        before = piece.state;
    }
}

// A thread convolves what its heads need, so that between the two projections nobody waits. B and C are convolved by every thread whose
// heads use them, for itself; their window stays until all have read it.
void Forward::brief_mamba2(int worker, const Slice& slice, int64_t index) {
    const Layer& layer = model_.layers[static_cast<size_t>(index)];
    const LayerState& place = layout_.layers[static_cast<size_t>(index)];
    const int64_t d_inner = config_.d_inner, n = config_.d_state, groups = config_.group_count;
    const float* in = work_.projected.data() + d_inner;
    float* convolved = work_.private_convolved(worker);
    const Range mine = pool_.share(worker, config_.head_count);
    if (mine.empty()) return;
    const int64_t heads_a_group = config_.head_count / groups;
    const Range used{mine.begin / heads_a_group, (mine.end - 1) / heads_a_group + 1};
    const Range x{mine.begin * config_.head_dim, mine.end * config_.head_dim};
    for (const Piece& piece : slice.pieces) {
        convolve(x, piece, layer, place, in, convolved);
        advance_window(x, piece, place, in);
        convolve({d_inner + used.begin * n, d_inner + used.end * n}, piece, layer, place, in, convolved);
        convolve({d_inner + (groups + used.begin) * n, d_inner + (groups + used.end) * n}, piece, layer, place, in, convolved);
        kernels_.softplus(work_.projected.data() + piece.first_row * work_.projected_width + d_inner + work_.conv_width + mine.begin,
                          layer.dt_bias.data() + mine.begin, config_.dt_min, config_.dt_max, mine.end - mine.begin);
        heads(worker, mine, piece, index, convolved);
    }
}

void Forward::gate(int64_t row, const Layer& layer, float* out) {
    const float* weight = config_.gated_norm ? layer.gated_norm.data() : nullptr;
    kernels_.gated_norm(out, work_.projected.data() + row * work_.projected_width, weight, config_.norm_eps, config_.d_inner,
                        config_.d_inner / config_.group_count, config_.norm_before_gate);
}

void Forward::heads(int worker, Range heads, const Piece& piece, int64_t index, const float* convolved) {
    if (heads.empty()) return;
    const Layer& layer = model_.layers[static_cast<size_t>(index)];
    const LayerState& place = layout_.layers[static_cast<size_t>(index)];
    const Mamba2Ring ring = ring_at(config_, piece.state->ring() + place.ring, layout_.entry_floats, piece.pending);
    Mamba2Scan s = ring_scan(config_, heads, layer, piece.state->values.data() + place.ssm, ring);
    s.tokens = piece.count;
    s.first_position = piece.position;
    s.stride = work_.conv_width;
    s.x = convolved + piece.first_row * s.stride;
    s.b = s.x + config_.d_inner;
    s.c = s.b + config_.group_count * config_.d_state;
    s.dt_stride = work_.projected_width;
    float* const dt = work_.projected.data() + piece.first_row * s.dt_stride + config_.d_inner + work_.conv_width;
    s.dt = dt;
    s.y_stride = config_.d_inner;
    s.y = work_.mixed.data() + piece.first_row * s.y_stride;
    s.exact = operand_form(layer.in_proj.type, false) == OperandForm::plain;
    PolicyState& policy = piece.state->policy;
    if (!policy.on()) kernels_.mamba2_scan(s, work_.scratch(worker));
    else scan_under_policy(kernels_, policy, static_cast<size_t>(index), s, dt, work_.scratch(worker));
    // The step sizes as the policy left them.
    Tracking& tracking = piece.state->tracking;
    if (tracking.on()) tracking.add(place.step_sums + heads.begin, place.step_sums + heads.end, s.dt + heads.begin, s.dt_stride, s.tokens);
}

void Forward::fold(State& state) {
    if (state.pending == 0) return;
    pool_.run([this, &state](int worker) {
        fold_ring(model_, layout_, kernels_, pool_.share(worker, config_.head_count), state.values.data(), state.pending, state.policy,
                  state.token_count, work_.scratch(worker));
    });
    state.pending = 0;
}

void Forward::copy_layer_state(const State& state, int64_t index, float* out) const {
    const Layer& layer = model_.layers[static_cast<size_t>(index)];
    const LayerState& place = layout_.layers[static_cast<size_t>(index)];
    std::memcpy(out, state.values.data() + place.ssm, static_cast<size_t>(place.ssm_floats) * sizeof(float));
    if (state.pending > 0 && layer.kind == LayerKind::mamba2) fold_copy(state, index, out);
    reduce_to_window(state.policy, static_cast<size_t>(index), model_, state.token_count, out);
}

void Forward::fold_copy(const State& state, int64_t index, float* out) const {
    const LayerState& place = layout_.layers[static_cast<size_t>(index)];
    const int64_t width = config_.d_inner + config_.group_count * config_.d_state + config_.head_count;
    Buffer<float> entries(static_cast<size_t>(state.pending * width), "a copy of a layer's state");
    for (int64_t j = 0; j < state.pending; ++j) {
        const float* entry = state.ring() + j * layout_.entry_floats + place.ring;
        std::memcpy(entries.data() + j * width, entry, static_cast<size_t>(width) * sizeof(float));
    }
    Buffer<float> scratch(static_cast<size_t>(mamba2_scratch_floats(config_.head_dim, config_.d_state)), "a copy of a layer's state");
    const Mamba2Ring ring = ring_at(config_, entries.data(), width, state.pending);
    Mamba2Scan s = ring_scan(config_, {0, config_.head_count}, model_.layers[static_cast<size_t>(index)], out, ring);
    apply_policy(state.policy, static_cast<size_t>(index), s);
    kernels_.mamba2_fold(s, scratch.data());
}

}  // namespace mamba
