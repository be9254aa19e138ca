#include "backends/cuda/steps.h"

#include <algorithm>

namespace mamba::cuda {
namespace {

constexpr const char* working = "working memory";

}  // namespace

Mamba2Scan mamba2_layer(const device::Model& shape, const LayerWeights& layer, const States& states, int64_t index, float* projected, int64_t width) {
    const int64_t channels = shape.d_inner + 2 * shape.group_count * shape.d_state;
    Mamba2Scan s{};
    s.dt = projected + shape.d_inner + channels;
    s.dt_stride = width;
    s.z = shape.gated_norm != 0 && shape.norm_before_gate != 0 ? nullptr : projected;
    s.z_stride = width;
    s.a = layer.a;
    s.d = layer.d;
    s.dt_bias = layer.dt_bias;
    s.dt_min = shape.dt_min;
    s.dt_max = shape.dt_max;
    s.state = states.ssm(index);
    s.recent = states.recent(index);
    s.recent_stride = states.recent_stride();
    s.heads = static_cast<int32_t>(shape.head_count);
    s.heads_a_group = static_cast<int32_t>(shape.head_count / shape.group_count);
    s.head_dim = static_cast<int32_t>(shape.head_dim);
    s.d_state = static_cast<int32_t>(shape.d_state);
    s.layer = static_cast<int32_t>(index);
    return s;
}

Steps::Steps(const device::Model& shape, const Weights& weights, const States& states) : shape_(shape), weights_(weights), states_(states) {
    takes_head_ = streams(weights.head);
    takes_ = shape.head_count > 0 && shape.group_count == 1 && shape.gated_norm != 0 && shape.norm_before_gate == 0 &&
             mamba2_step_takes(shape.head_dim, shape.d_state, shape.d_conv) &&
             std::all_of(weights.layers.begin(), weights.layers.end(), [](const LayerWeights& l) { return streams(l.in_proj) && streams(l.out_proj) && l.gated_norm != nullptr; });
    if (!takes_ && !takes_head_) return;
    model_rows_ = DeviceArray<uint16_t>(static_cast<size_t>(most_streamed_rows * shape.d_model), working);
    if (!takes_) return;
    inner_rows_ = DeviceArray<uint16_t>(static_cast<size_t>(most_streamed_rows * shape.d_inner), working);
    const auto squares = [](int32_t parts) { return DeviceArray<float>(static_cast<size_t>(parts) * most_streamed_rows, working); };
    model_squares_ = squares(stream_parts(weights.layers[0].out_proj));
    inner_squares_ = squares(mamba2_step_parts(mamba2_layer(shape, weights.layers[0], states, 0, nullptr, 0)));
}

void Steps::run(const Queue& queue, const Batch& batch, float* x, float* projected, int64_t width) const {
    const int64_t d_model = shape_.d_model, d_inner = shape_.d_inner, channels = d_inner + 2 * shape_.d_state;
    Operand normed{model_rows_.data(), d_model, model_squares_.data(), 1};
    make_operand(queue, x, d_model, batch.rows, static_cast<int32_t>(d_model), weights_.layers[0].norm, normed);
    for (size_t i = 0; i < weights_.layers.size(); ++i) {
        const LayerWeights& layer = weights_.layers[i];
        const auto index = static_cast<int64_t>(i);
        stream(queue, layer.in_proj, {batch.rows, normed, shape_.norm_eps, layer.in_proj_bias, false, projected, width, {}, nullptr});

        Mamba2Step step{mamba2_layer(shape_, layer, states_, index, projected, width), {}, {}, layer.gated_norm};
        step.convolution = {projected + d_inner, width, layer.conv_weight, layer.conv_bias, nullptr, 0, states_.window(index),
                            static_cast<int32_t>(channels), static_cast<int32_t>(shape_.d_conv)};
        step.out = {inner_rows_.data(), d_inner, inner_squares_.data(), mamba2_step_parts(step.scan)};
        mamba2_step(queue, batch, step);

        normed.parts = stream_parts(layer.out_proj);
        StreamProduct out{batch.rows, step.out, shape_.norm_eps, layer.out_proj_bias, true, x, d_model, normed, nullptr};
        if (i + 1 < weights_.layers.size()) out.next_weight = weights_.layers[i + 1].norm;
        else out.next = {};
        stream(queue, layer.out_proj, out);
    }
}

void Steps::head(const Queue& queue, const float* x, int32_t rows, float* y) const {
    const Operand operand{model_rows_.data(), shape_.d_model, nullptr, 0};
    make_operand(queue, x, shape_.d_model, rows, static_cast<int32_t>(shape_.d_model), nullptr, operand);
    stream(queue, weights_.head, {rows, operand, 0.0f, nullptr, false, y, weights_.head.rows, {}, nullptr});
}

}  // namespace mamba::cuda
