// A whole model with long-context policies, token by token in double, as the equations say and with nothing shared with the engine: windows
// are recomputed from the inputs of each layer since their first token. Of F32 weights, small.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "model/model.h"

namespace mamba::test {

class ReferenceModel {
public:
    using Values = std::vector<double>;

    explicit ReferenceModel(const Model& model) : model_(model), c_(model.config), layers_(model.layers.size()) {
        for (State& state : layers_) {
            state.window.assign(static_cast<size_t>(c_.d_conv - 1), Values(static_cast<size_t>(c_.conv_channels())));
            state.h.assign(static_cast<size_t>(c_.d_inner * c_.d_state), 0);
        }
    }

    // From the next token on. values: [layers, policy.layer_value_count].
    void set(const mamba_policy& policy, std::vector<float> values = {}) {
        policy_ = policy;
        values_ = std::move(values);
        origin_ = position_ == 0 ? policy.window : (position_ + 63) / 64 * 64;
    }

    // The next token; its logits.
    Values read(int32_t token) {
        Values x = row(model_.embedding, token);
        for (size_t i = 0; i < layers_.size(); ++i) {
            const Values mixed = mix(i, normed(x, model_.layers[i].norm));
            for (size_t k = 0; k < x.size(); ++k) x[k] += mixed[k];
        }
        ++position_;
        return product(model_.head, normed(x, model_.final_norm), Vector());
    }

    // Empties the windows of the convolutions: the next token is to them the first of a text.
    void clear_windows() {
        for (State& state : layers_) {
            for (Values& input : state.window) std::fill(input.begin(), input.end(), 0);
        }
    }

    // The layer's state as it was read last.
    const Values& state(size_t layer) const { return layers_[layer].h; }

private:
    struct Input {
        Values x, b, dt;
    };
    struct State {
        std::vector<Values> window;  // of the convolution, the oldest first
        Values h;
        std::vector<Input> inputs;   // of every token so far
    };

    static double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }
    static double silu(double v) { return v * sigmoid(v); }
    static double softplus(double v) { return v > 20 ? v : std::log1p(std::exp(v)); }

    static Values row(const Matrix& m, int64_t index) {
        std::vector<float> floats(static_cast<size_t>(m.cols));
        std::memcpy(floats.data(), m.row(index), floats.size() * sizeof(float));
        return {floats.begin(), floats.end()};
    }
    static Values product(const Matrix& m, const Values& x, const Vector& bias) {
        Values y(static_cast<size_t>(m.rows));
        for (int64_t j = 0; j < m.rows; ++j) {
            const Values w = row(m, j);
            double sum = bias.empty() ? 0 : bias[static_cast<size_t>(j)];
            for (size_t k = 0; k < w.size(); ++k) sum += w[k] * x[k];
            y[static_cast<size_t>(j)] = sum;
        }
        return y;
    }
    Values normed(const Values& x, const Vector& weight) const { return normed(x, 0, x.size(), weight.data(), c_.norm_eps); }
    static Values normed(const Values& x, size_t begin, size_t count, const float* weight, double eps) {
        double squares = 0;
        for (size_t i = begin; i < begin + count; ++i) squares += x[i] * x[i];
        const double scale = 1 / std::sqrt(squares / static_cast<double>(count) + eps);
        Values y(count);
        for (size_t i = 0; i < count; ++i) y[i] = x[begin + i] * scale * weight[i];
        return y;
    }

    Values convolved(State& state, const Layer& layer, const Values& in) const {
        state.window.push_back(in);
        Values out(in.size());
        for (size_t i = 0; i < in.size(); ++i) {
            double sum = layer.conv_bias.empty() ? 0 : layer.conv_bias[i];
            for (size_t k = 0; k < state.window.size(); ++k) sum += layer.conv_weight[k * in.size() + i] * state.window[k][i];
            out[i] = silu(sum);
        }
        state.window.erase(state.window.begin());
        return out;
    }

    float value(size_t layer, size_t index) const { return values_[layer * static_cast<size_t>(policy_.layer_value_count) + index]; }

    double changed_step(size_t layer, size_t step, double dt) const {
        if (policy_.kind == MAMBA_POLICY_DELTA_SCALE) return dt * value(layer, 0);
        if (policy_.kind == MAMBA_POLICY_TOKEN_FILTER && position_ < policy_.window && dt < value(layer, step)) return 0;
        return dt;
    }

    // h after this input. A step is a head or a channel; A has a value for each step or for each value of the state.
    void advance(size_t index, Values& h, const Input& input) const {
        const Layer& layer = model_.layers[index];
        const auto n = static_cast<size_t>(c_.d_state), rows = static_cast<size_t>(c_.d_inner), step_rows = rows / input.dt.size();
        const size_t groups = input.b.size() / n;
        const double scale = policy_.kind == MAMBA_POLICY_DECAY_SCALE ? value(index, 0) : 1;
        const double kept = policy_.kind == MAMBA_POLICY_FORGET_MORE ? policy_.retention : 1;
        for (size_t p = 0; p < rows; ++p) {
            const size_t step = p / step_rows, group = step / (input.dt.size() / groups);
            for (size_t k = 0; k < n; ++k) {
                const double a = layer.a[layer.a.size() == input.dt.size() ? step : p * n + k] * scale;
                double& s = h[p * n + k];
                s = kept * std::exp(input.dt[step] * a) * s + input.dt[step] * input.x[p] * input.b[(groups == 1 ? 0 : group) * n + k];
            }
        }
    }

    void cap(size_t index, Values& h) const {
        const auto heads = static_cast<size_t>(policy_.layer_value_count);
        const size_t floats = static_cast<size_t>(c_.head_count > 0 ? c_.head_dim : 64) * static_cast<size_t>(c_.d_state);
        for (size_t head = 0; head < heads; ++head) {
            const size_t begin = head * floats, end = std::min(begin + floats, h.size());
            double squares = 0;
            for (size_t i = begin; i < end; ++i) squares += h[i] * h[i];
            const double most = static_cast<double>(policy_.norm_scale) * value(index, head), norm = std::sqrt(squares);
            for (size_t i = begin; norm > most && i < end; ++i) h[i] *= most / norm;
        }
    }

    // The first token of what the state holds at this position.
    size_t window_begin() const {
        const bool is_window = policy_.kind == MAMBA_POLICY_RESTART_WINDOW || policy_.kind == MAMBA_POLICY_DIFFERENCE_WINDOW;
        if (!is_window || position_ < origin_ + policy_.window) return 0;
        return static_cast<size_t>(origin_ + ((position_ - origin_) / policy_.window - 1) * policy_.window);
    }

    // C h + D x after this input.
    Values scanned(size_t index, Input input, const Values& c) {
        State& state = layers_[index];
        for (size_t i = 0; i < input.dt.size(); ++i) input.dt[i] = changed_step(index, i, input.dt[i]);
        state.inputs.push_back(input);
        if (const size_t begin = window_begin(); begin > 0) {
            std::fill(state.h.begin(), state.h.end(), 0);
            for (size_t t = begin; t < state.inputs.size(); ++t) advance(index, state.h, state.inputs[t]);
        } else {
            advance(index, state.h, input);
        }
        if (policy_.kind == MAMBA_POLICY_STATE_NORM) cap(index, state.h);
        const Layer& layer = model_.layers[index];
        const auto n = static_cast<size_t>(c_.d_state);
        const size_t step_rows = input.x.size() / input.dt.size(), groups = c.size() / n;
        const double inserted = policy_.kind == MAMBA_POLICY_FORGET_MORE ? policy_.insertion : 1;
        Values y(input.x.size());
        for (size_t p = 0; p < y.size(); ++p) {
            const size_t step = p / step_rows, group = groups == 1 ? 0 : step / (input.dt.size() / groups);
            double sum = 0;
            for (size_t k = 0; k < n; ++k) sum += c[group * n + k] * state.h[p * n + k];
            y[p] = inserted * sum + layer.d[step] * input.x[p];
        }
        return y;
    }

    static Values part(const Values& from, size_t begin, size_t count) {
        return {from.begin() + static_cast<int64_t>(begin), from.begin() + static_cast<int64_t>(begin + count)};
    }

    Values mix(size_t index, const Values& x) {
        const Layer& layer = model_.layers[index];
        const auto d = static_cast<size_t>(c_.d_inner), n = static_cast<size_t>(c_.d_state);
        const Values projected = product(layer.in_proj, x, layer.in_proj_bias);
        if (layer.kind == LayerKind::mamba1) {
            const auto rank = static_cast<size_t>(c_.dt_rank);
            const Values v = convolved(layers_[index], layer, part(projected, 0, d)), small = product(layer.x_proj, v, Vector());
            Values r = part(small, 0, rank), b = part(small, rank, n), c = part(small, rank + n, n);
            if (c_.dt_b_c_norm) {
                r = normed(r, 0, rank, layer.dt_norm.data(), c_.dt_b_c_norm_eps);
                b = normed(b, 0, n, layer.b_norm.data(), c_.dt_b_c_norm_eps);
                c = normed(c, 0, n, layer.c_norm.data(), c_.dt_b_c_norm_eps);
            }
            Values dt = product(layer.dt_proj, r, layer.dt_bias);
            for (double& step : dt) step = softplus(step);
            Values y = scanned(index, {v, b, dt}, c);
            for (size_t i = 0; i < d; ++i) y[i] *= silu(projected[d + i]);
            return product(layer.out_proj, y, layer.out_proj_bias);
        }
        const size_t bc = static_cast<size_t>(c_.group_count) * n, heads = static_cast<size_t>(c_.head_count);
        const Values xbc = convolved(layers_[index], layer, part(projected, d, d + 2 * bc));
        Values dt = part(projected, 2 * d + 2 * bc, heads);
        for (size_t h = 0; h < heads; ++h) {
            dt[h] = std::min<double>(std::max<double>(softplus(dt[h] + layer.dt_bias[h]), c_.dt_min), c_.dt_max);
        }
        Values y = scanned(index, {part(xbc, 0, d), part(xbc, d, bc), dt}, part(xbc, d + bc, bc));
        const size_t group = d / static_cast<size_t>(c_.group_count);
        const auto norm = [&] {
            for (size_t begin = 0; c_.gated_norm && begin < d; begin += group) {
                const Values part = normed(y, begin, group, layer.gated_norm.data() + begin, c_.norm_eps);
                std::copy(part.begin(), part.end(), y.begin() + static_cast<int64_t>(begin));
            }
        };
        if (c_.norm_before_gate) norm();
        for (size_t i = 0; i < d; ++i) y[i] *= silu(projected[i]);
        if (!c_.norm_before_gate) norm();
        return product(layer.out_proj, y, layer.out_proj_bias);
    }

    const Model& model_;
    const ModelConfig& c_;
    std::vector<State> layers_;
    mamba_policy policy_{};
    std::vector<float> values_;
    int64_t position_ = 0, origin_ = 0;
};

}  // namespace mamba::test
