#include "backends/cuda/prefill.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "backends/cuda/mamba1.h"
#include "backends/cuda/mamba1_prefill.h"
#include "backends/cuda/mamba1_step.h"

namespace mamba::cuda {
namespace {

constexpr const char* working = "working memory for prompts";

int64_t inner_channels(const device::Model& m) { return m.head_count > 0 ? m.d_inner + 2 * m.group_count * m.d_state : m.d_inner; }

Mamba2Shape mamba2_shape(const device::Model& m) {
    return {static_cast<int32_t>(m.head_count), static_cast<int32_t>(m.group_count), static_cast<int32_t>(m.head_dim),
            static_cast<int32_t>(m.d_state), static_cast<int32_t>(m.d_conv)};
}

bool made_for(const device::Model& m) {
    if (m.d_model % 8 != 0 || m.d_inner % 8 != 0) return false;
    if (m.head_count > 0) return mamba2_prefill_takes(mamba2_shape(m));
    return m.d_state % 4 == 0 && m.d_state <= mamba1_most_states && m.d_conv <= 4 && m.dt_rank + 2 * m.d_state <= 1024;
}

// What all matrices multiply with, or F32.
int32_t common_type(const Weights& weights) {
    int32_t type = -1;
    for (const LayerWeights& layer : weights.layers) {
        for (const Weight* w : {&layer.in_proj, &layer.x_proj, &layer.dt_proj, &layer.out_proj}) {
            if (w->data == nullptr) continue;
            const int32_t own = operand_type(w->type);
            if (type >= 0 && own != type) return MAMBA_WEIGHT_F32;
            type = own;
        }
    }
    return type;
}

bool library_allowed() {
    const char* asked = std::getenv("MAMBA_CUDA_CUBLASLT");
    return asked == nullptr || std::strcmp(asked, "0") != 0;
}

}  // namespace

Prefill::Prefill(const device::Model& shape, const Weights& weights, const States& states, const Queue& queue, int64_t max_rows)
    : shape_(shape), weights_(weights), states_(states), rounds_(states, shape.head_count > 0), takes_(made_for(shape)) {
    if (!takes_) return;
    const bool second = shape_.head_count > 0;
    activation_ = common_type(weights);
    if (second && activation_ == MAMBA_WEIGHT_F16) activation_ = MAMBA_WEIGHT_F32;  // Mamba-2's kernels have BF16 and FP32
    const auto bytes = [](int64_t rows, int64_t width, int64_t each) {
        return DeviceArray<unsigned char>(static_cast<size_t>(rows * width * each), working);
    };
    const int64_t activation = operand_bytes(activation_), d_inner = shape_.d_inner;
    const int64_t outputs = second ? d_inner + inner_channels(shape_) + shape_.head_count : 2 * d_inner;  // of in_proj
    projected_width_ = static_cast<int64_t>(round_up(static_cast<size_t>(outputs), 32));
    projected_ = bytes(max_rows, projected_width_, activation);
    mixed_ = bytes(max_rows, d_inner, activation);
    operand_ = bytes(max_rows, std::max(shape_.d_model, d_inner), 4);

    size_t wide = 0, x_bytes = 0, dt_bytes = 0;
    const auto most = [](size_t& largest, const Weight& w, int32_t type) {
        const auto bytes = static_cast<size_t>(int64_t{w.rows} * w.padded_cols * operand_bytes(type));
        if (w.data != nullptr && w.type != type) largest = std::max(largest, bytes);
    };
    for (const LayerWeights& layer : weights.layers) {
        most(wide, layer.in_proj, operand_type(layer.in_proj.type));
        most(wide, layer.out_proj, operand_type(layer.out_proj.type));
        most(wide, layer.x_proj, operand_type(layer.x_proj.type));  // project() reads them so
        most(wide, layer.dt_proj, operand_type(layer.dt_proj.type));
        most(x_bytes, layer.x_proj, activation_);
        most(dt_bytes, layer.dt_proj, activation_);
    }
    wide_weights_ = DeviceArray<unsigned char>(wide, working);
    x_weights_ = DeviceArray<unsigned char>(x_bytes, working);
    dt_weights_ = DeviceArray<unsigned char>(dt_bytes, working);
    gemm_memory_ = DeviceArray<unsigned char>(gemm_workspace_bytes, working);

    const auto rows = static_cast<int32_t>(max_rows);
    if (second) {
        // One part of all rows, or a few that are short.
        most_chunks_ = rows / ssd_chunk + 16;
        groups_.reserve(static_cast<size_t>(max_rows));
        const bool exact = activation_ == MAMBA_WEIGHT_F32;
        scan_memory_ = DeviceArray<unsigned char>(mamba2_prefill_workspace(mamba2_shape(shape_), exact, max_rows, most_chunks_), working);
    } else {
        const auto n = static_cast<int32_t>(shape_.d_state), rank = static_cast<int32_t>(shape_.dt_rank);
        const size_t needed = mamba1_workspace_bytes(activation_, static_cast<int32_t>(d_inner), n, rank, rows, rows);
        scan_memory_ = DeviceArray<unsigned char>(needed, working);
        check(cudaMemset(scan_memory_.data(), 0, mamba1_counter_bytes), working);
        check(cudaDeviceSynchronize(), working);  // runs are on a stream that does not wait for this one
        v_ = bytes(max_rows, d_inner, activation);
        r_ = bytes(max_rows, mamba1_rank_pitch(rank), activation);
        bc_ = DeviceArray<float>(static_cast<size_t>(max_rows * 2 * n), working);
        dt_ = DeviceArray<float>(activation_ == MAMBA_WEIGHT_F32 ? static_cast<size_t>(max_rows * d_inner) : 0, working);
        if (mamba1_step_takes(queue, activation_, static_cast<int32_t>(d_inner), n, static_cast<int32_t>(shape_.d_conv), rank)) {
            const size_t shares = mamba1_step_bytes(queue, static_cast<int32_t>(d_inner), rank, std::min(rows, most_steps));
            shares_ = DeviceArray<float>(shares / sizeof(float), working);
        }
    }
    if (library_allowed()) library_ = std::make_unique<CublasLt>();
}

size_t Prefill::bytes() const {
    return gemm_memory_.bytes() + wide_weights_.bytes() + x_weights_.bytes() + dt_weights_.bytes() + operand_.bytes() + projected_.bytes() +
           mixed_.bytes() + scan_memory_.bytes() + v_.bytes() + r_.bytes() + bc_.bytes() + dt_.bytes() + shares_.bytes() + rounds_.bytes();
}

// ---- Products

Prefill::Matrix Prefill::as(const Queue& queue, const Weight& w, int32_t type, const DeviceArray<unsigned char>& memory) {
    if (w.type == type) return {w.data, w.pitch / operand_bytes(type)};
    dequantize(queue, w, type, memory.data());
    return {memory.data(), w.padded_cols};
}

void Prefill::multiply(const Queue& queue, const Weight& w, int32_t type, const void* x, int64_t x_stride, int32_t rows, const float* bias,
                       bool add, bool narrow, void* y, int64_t y_stride) {
    const Matrix weights = as(queue, w, type, wide_weights_);
    gemm(queue, library_.get(), workspace(),
         {type, rows, w.rows, w.cols, x, x_stride, weights.data, weights.stride, bias, add, narrow, y, y_stride});
}

void Prefill::project(const Queue& queue, const Weight& w, const Product& p) {
    const int32_t type = operand_type(w.type);
    norm_to_operand(queue, {type, p.rows, w.cols, p.x, p.x_stride, p.norm_weight, p.norm_eps, operand_.data(), w.cols, p.norm_group == 0});
    multiply(queue, w, type, operand_.data(), w.cols, p.rows, p.bias, p.add, false, p.y, p.y_stride);
}

void Prefill::in_proj(const Queue& queue, const LayerWeights& layer, const float* x, int32_t rows) {
    const int32_t type = operand_type(layer.in_proj.type);
    const auto d_model = static_cast<int32_t>(shape_.d_model);
    norm_to_operand(queue, {type, rows, d_model, x, d_model, layer.norm, shape_.norm_eps, operand_.data(), d_model, false});
    multiply(queue, layer.in_proj, type, operand_.data(), d_model, rows, layer.in_proj_bias, false, activation_ != MAMBA_WEIGHT_F32,
             projected_.data(), projected_width_);
}

void Prefill::out_proj(const Queue& queue, const LayerWeights& layer, const void* y, int32_t rows, float* x) {
    const int32_t type = operand_type(layer.out_proj.type);
    const auto d_inner = static_cast<int32_t>(shape_.d_inner);
    if (type != activation_) {
        norm_to_operand(queue, {type, rows, d_inner, static_cast<const float*>(y), d_inner, nullptr, 0.0f, operand_.data(), d_inner, true});
        y = operand_.data();
    }
    multiply(queue, layer.out_proj, type, y, d_inner, rows, layer.out_proj_bias, true, false, x, shape_.d_model);
}

// ---- Layers

void Prefill::arrange(const device::Piece* pieces, const Part* parts, int32_t count, Mamba2Piece* out) {
    groups_.clear();
    for (int32_t i = 0; i < count; ++i) {
        const int32_t chunks = ssd_chunks(pieces[i].position, pieces[i].count);
        if (groups_.empty() || groups_.back().chunks + chunks > most_chunks_) groups_.push_back({i, 0, parts[i].first_row, 0, 0, {}});
        Group& group = groups_.back();
        out[i] = {parts[i].state, parts[i].first_row - group.first_row, parts[i].count, parts[i].phase,
                  static_cast<int32_t>(pieces[i].position % ssd_chunk), group.chunks, chunks};
        ++group.parts;
        group.rows += parts[i].count;
        group.chunks += chunks;
    }
}

void Prefill::arrange_rounds(const device::Piece* pieces, const Part* parts, int32_t count, const Policies& policies, cudaStream_t stream) {
    if (shape_.head_count == 0) groups_.assign(1, {0, count, 0, 0, 0, {}});
    rounds_.clear();
    for (Group& group : groups_) group.rounds = rounds_.add(pieces, parts, group.first_part, group.parts, policies);
    rounds_.send(stream);
}

void Prefill::mamba2(const Queue& queue, const Batch& batch, const Mamba2Piece* pieces, int64_t index, float* x) {
    const LayerWeights& layer = weights_.layers[static_cast<size_t>(index)];
    in_proj(queue, layer, x, batch.rows);
    for (const Group& group : groups_) {
        const auto row = [&](const DeviceArray<unsigned char>& memory, int64_t width) {
            return memory.data() + group.first_row * width * operand_bytes(activation_);
        };
        Mamba2PrefillArgs s{};
        s.shape = mamba2_shape(shape_);
        s.exact = activation_ == MAMBA_WEIGHT_F32;
        s.projected = row(projected_, projected_width_);
        s.projected_stride = projected_width_;
        s.out = row(mixed_, shape_.d_inner);
        s.out_stride = shape_.d_inner;
        s.pieces = pieces + group.first_part;
        s.piece_count = group.parts;
        s.rows = group.rows;
        s.chunk_count = group.chunks;
        s.window = states_.window(index);
        s.state = states_.ssm(index);
        s.conv_weight = layer.conv_weight;
        s.conv_bias = layer.conv_bias;
        s.a = layer.a;
        s.d = layer.d;
        s.dt_bias = layer.dt_bias;
        s.dt_min = shape_.dt_min;
        s.dt_max = shape_.dt_max;
        s.norm = shape_.gated_norm != 0;
        s.norm_before_gate = shape_.norm_before_gate != 0;
        s.norm_weight = layer.gated_norm;
        s.norm_eps = shape_.norm_eps;
        s.workspace = scan_memory_.data();
        s.layer = static_cast<int32_t>(index);
        if (batch.policies != nullptr) {
            s.policies = batch.policies + group.first_part;
            const Rounds::Span& span = group.rounds;
            group_rounds_.clear();
            for (int32_t i = span.first; span.needed && i < span.first + span.count; ++i) {
                const Rounds::Round& round = rounds_[i];
                const Mamba2Piece* const first = rounds_.pieces() + round.first;
                group_rounds_.push_back({first, first + round.count, rounds_.moves() + round.first_move, round.count, round.fed, round.moves});
            }
            s.in_rounds = span.needed;
            s.rounds = group_rounds_.data();
            s.round_count = static_cast<int32_t>(group_rounds_.size());
            s.capped = rounds_.pieces() + span.first_capped;
            s.capped_policies = rounds_.policies() + span.first_capped;
            s.capped_count = span.capped;
        }
        check(mamba2_prefill(s, queue), "Mamba-2's scan");
    }
    out_proj(queue, layer, mixed_.data(), batch.rows, x);
}

void Prefill::mamba1(const Queue& queue, const Batch& batch, int64_t index, float* x) {
    const LayerWeights& layer = weights_.layers[static_cast<size_t>(index)];
    // Before in_proj: the kernels behind it begin to read their weights while it ends.
    const Matrix x_proj = as(queue, layer.x_proj, activation_, x_weights_), dt_proj = as(queue, layer.dt_proj, activation_, dt_weights_);
    in_proj(queue, layer, x, batch.rows);
    Mamba1Prefill p{};
    p.type = activation_;
    p.d_inner = static_cast<int32_t>(shape_.d_inner);
    p.d_state = static_cast<int32_t>(shape_.d_state);
    p.d_conv = static_cast<int32_t>(shape_.d_conv);
    p.dt_rank = static_cast<int32_t>(shape_.dt_rank);
    p.projected = projected_.data();
    p.projected_stride = projected_width_;
    p.conv_weight = layer.conv_weight;
    p.conv_bias = layer.conv_bias;
    p.x_proj = x_proj.data;
    p.x_proj_stride = x_proj.stride;
    p.dt_proj = dt_proj.data;
    p.dt_proj_stride = dt_proj.stride;
    p.dt_bias = layer.dt_bias;
    p.a = layer.a;
    p.d = layer.d;
    p.norms = shape_.dt_b_c_norm != 0;
    p.dt_norm = layer.dt_norm;
    p.b_norm = layer.b_norm;
    p.c_norm = layer.c_norm;
    p.norm_eps = shape_.dt_b_c_norm_eps;
    p.window = states_.window(index);
    p.state = states_.ssm(index);
    p.v = v_.data();
    p.r = r_.data();
    p.bc = bc_.data();
    p.dt = dt_.data();
    p.y = mixed_.data();
    p.workspace = {scan_memory_.data(), scan_memory_.bytes()};
    p.layer = static_cast<int32_t>(index);
    mamba1_inputs(queue, library_.get(), batch, p);
    const auto segments = [&](int32_t first, int32_t count, int32_t rows) {
        return Batch{nullptr, nullptr, rounds_.parts() + first, rows, count, rounds_.policies() + first};
    };
    if (batch.policies == nullptr) mamba1_scan(queue, batch, p);
    const Rounds::Span span = batch.policies != nullptr ? groups_.front().rounds : Rounds::Span();
    for (int32_t i = span.first; i < span.first + span.count; ++i) {
        const Rounds::Round& round = rounds_[i];
        const Move* const moves = rounds_.moves() + round.first_move;
        if (round.moves > 0) move_states(queue, moves, round.moves, p.state, shape_.d_inner * shape_.d_state, 1, 0);
        // First the newest states: the outputs that stay are the others'.
        const auto scan = [&](int32_t first, int32_t count) {
            if (count > 0) mamba1_scan(queue, segments(first, count, round.rows), p);
        };
        scan(round.first + round.count, round.fed);
        scan(round.first, round.count);
    }
    if (span.capped > 0) mamba1_scan_capped(queue, segments(span.first_capped, span.capped, 0), p);
    out_proj(queue, layer, mixed_.data(), batch.rows, x);
}

bool Prefill::takes_step(int64_t index, int32_t rows) const {
    // Weights that are to be widened first pay from some sessions on.
    const LayerWeights& layer = weights_.layers[static_cast<size_t>(index)];
    return shares_.bytes() > 0 && (rows > mamba1_step_sessions || (layer.x_proj.type == activation_ && layer.dt_proj.type == activation_));
}

void Prefill::mamba1_step(const Queue& queue, const Batch& batch, int64_t index, const float* projected, int64_t projected_stride, float* y,
                          float* x) {
    const LayerWeights& layer = weights_.layers[static_cast<size_t>(index)];
    const Matrix x_proj = as(queue, layer.x_proj, activation_, x_weights_), dt_proj = as(queue, layer.dt_proj, activation_, dt_weights_);
    Mamba1Step p = mamba1_layer(shape_, layer, states_, index, projected, projected_stride);
    p.type = activation_;
    p.x_proj = x_proj.data;
    p.x_proj_stride = x_proj.stride;
    p.dt_proj = dt_proj.data;
    p.dt_proj_stride = dt_proj.stride;
    p.shares = shares_.data();
    p.arrived = reinterpret_cast<unsigned*>(scan_memory_.data());
    p.y = y != nullptr ? static_cast<void*>(y) : mixed_.data();
    p.narrow = y == nullptr;
    cuda::mamba1_step(queue, batch, p);
    if (y == nullptr) out_proj(queue, layer, mixed_.data(), batch.rows, x);
}

}  // namespace mamba::cuda
