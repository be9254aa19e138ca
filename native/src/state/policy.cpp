#include "state/policy.h"

#include <cmath>

#include "backends/cpu/kernels.h"
#include "state/statistics.h"

namespace mamba {
namespace {

const char* name(int32_t kind) {
    switch (kind) {
        case MAMBA_POLICY_NONE: return "none";
        case MAMBA_POLICY_RESTART_WINDOW: return "restart-window";
        case MAMBA_POLICY_DIFFERENCE_WINDOW: return "difference-window";
        case MAMBA_POLICY_FORGET_MORE: return "forget-more";
        case MAMBA_POLICY_STATE_NORM: return "state-norm";
        case MAMBA_POLICY_DELTA_SCALE: return "delta-scale";
        case MAMBA_POLICY_DECAY_SCALE: return "decay-scale";
        case MAMBA_POLICY_TOKEN_FILTER: return "token-filter";
        default: return nullptr;
    }
}

int64_t step_count_of(const ModelConfig& config) { return config.head_count > 0 ? config.head_count : config.d_inner; }

// Values that each layer has to have.
int64_t values_needed(int32_t kind, const ModelConfig& config) {
    switch (kind) {
        case MAMBA_POLICY_DELTA_SCALE:
        case MAMBA_POLICY_DECAY_SCALE: return 1;
        case MAMBA_POLICY_STATE_NORM: return head_or_block_count(config);
        case MAMBA_POLICY_TOKEN_FILTER: return step_count_of(config);
        default: return 0;
    }
}

// Of step sizes and decay rates, and the least insertion: far beyond what is of use, and products with them, or 1 / insertion, stay finite.
constexpr float least_scale = 1e-6f, most_scale = 1e6f;

// What a value of a layer has to be, or NULL for one that is.
const char* wrong_value(int32_t kind, float value) {
    switch (kind) {
        case MAMBA_POLICY_STATE_NORM: return value >= 0 ? nullptr : "a cap is a norm, 0 or more";
        case MAMBA_POLICY_TOKEN_FILTER: return std::isnan(value) ? "a least dt is a number" : nullptr;
        default: return value >= least_scale && value <= most_scale ? nullptr : "a scale is from 1e-6 to 1e6";
    }
}

void check(const mamba_policy& asked, const float* values, size_t count, const ModelConfig& config) {
    const char* const kind = name(asked.kind);
    if (kind == nullptr) fail(MAMBA_INVALID_ARGUMENT, "there is no long-context policy ", asked.kind, "; mamba_policy_kind names those there are");
    const bool is_window = asked.kind == MAMBA_POLICY_RESTART_WINDOW || asked.kind == MAMBA_POLICY_DIFFERENCE_WINDOW;
    constexpr int64_t longest = int64_t{1} << 40;
    if (is_window && (asked.window <= 0 || asked.window > longest || asked.window % chunk_tokens != 0)) {
        fail(MAMBA_INVALID_ARGUMENT, kind, "'s window is ", asked.window, " tokens; it must be a positive multiple of ", chunk_tokens,
             ", at most ", longest);
    }
    if (asked.kind == MAMBA_POLICY_TOKEN_FILTER && asked.window <= 0) {
        fail(MAMBA_INVALID_ARGUMENT, "token-filter's window, the length of the prompt, is ", asked.window, "; it must be positive");
    }
    if (asked.kind == MAMBA_POLICY_FORGET_MORE) {
        if (!(asked.retention > 0 && asked.retention <= 1)) {
            fail(MAMBA_INVALID_ARGUMENT, "forget-more's retention is ", asked.retention, "; it must be above 0 and at most 1");
        }
        if (!(asked.insertion >= least_scale && asked.insertion <= 1)) {
            fail(MAMBA_INVALID_ARGUMENT, "forget-more's insertion is ", asked.insertion, "; it must be from 1e-6 to 1");
        }
    }
    if (asked.kind == MAMBA_POLICY_STATE_NORM && !(asked.norm_scale > 0 && std::isfinite(asked.norm_scale))) {
        fail(MAMBA_INVALID_ARGUMENT, "state-norm's norm_scale is ", asked.norm_scale, "; it must be positive and finite");
    }
    const int64_t needed = values_needed(asked.kind, config), layers = config.layer_count();
    if (asked.layer_value_count != needed) {
        fail(MAMBA_INVALID_ARGUMENT, kind, " has ", asked.layer_value_count, " values a layer (layer_value_count); of this model it takes ", needed);
    }
    if (count != static_cast<size_t>(layers * needed)) {
        fail(MAMBA_INVALID_ARGUMENT, kind, " has ", count, " layer values in all; this model's ", layers, " layers with ", needed, " each take ",
             layers * needed);
    }
    if (count > 0 && values == nullptr) fail(MAMBA_INVALID_ARGUMENT, kind, "'s layer values are NULL");
    for (size_t i = 0; i < count; ++i) {
        if (const char* const rule = wrong_value(asked.kind, values[i])) {
            const auto index = static_cast<int64_t>(i);
            fail(MAMBA_INVALID_ARGUMENT, kind, "'s value ", index % needed, " of layer ", index / needed, " is ", values[i], "; ", rule);
        }
    }
}

Vector scaled(const Vector& values, float scale) {
    Vector result(values.size(), "a long-context policy");
    for (size_t i = 0; i < values.size(); ++i) result[i] = values[i] * scale;
    return result;
}

}  // namespace

std::shared_ptr<const Policy> Policy::make(const mamba_policy& asked, const float* values, size_t count, const Model& model) {
    check(asked, values, count, model.config);
    if (asked.kind == MAMBA_POLICY_NONE) return nullptr;
    return std::shared_ptr<const Policy>(new Policy(asked, values, count, model));
}

Policy::Policy(const mamba_policy& asked, const float* values, size_t count, const Model& model)
    : asked_(asked), values_(values, values + count), layers_(model.layers.size()),
      layer_floats_(model.config.d_inner * model.config.d_state), step_count_(step_count_of(model.config)) {
    if (kind() == MAMBA_POLICY_FORGET_MORE) {
        log_retention_ = static_cast<float>(std::log(static_cast<double>(asked.retention)));
        output_scale_ = asked.insertion;
    }
    if (kind() == MAMBA_POLICY_STATE_NORM) no_steps_ = Vector(static_cast<size_t>(step_count_), "a long-context policy");
    for (size_t i = 0; i < layers_.size(); ++i) {
        Layer& layer = layers_[i];
        if (asked.layer_value_count > 0) layer.values = values_.data() + i * static_cast<size_t>(asked.layer_value_count);
        if (kind() == MAMBA_POLICY_DECAY_SCALE) layer.a = scaled(model.layers[i].a, decay_scale(i));
        if (output_scale_ != 1) layer.d = scaled(model.layers[i].d, 1 / output_scale_);
        layer.states = state_floats_;
        layer.steps = step_sums_;
        if (kind() == MAMBA_POLICY_RESTART_WINDOW) state_floats_ += layer_floats_;
        if (kind() == MAMBA_POLICY_DIFFERENCE_WINDOW) {
            state_floats_ += 2 * layer_floats_;
            step_sums_ += 2 * step_count_;
        }
    }
}

WindowBlocks Policy::blocks(int64_t position) const {
    const int64_t origin = position == 0 ? asked_.window : (position + chunk_tokens - 1) / chunk_tokens * chunk_tokens;
    return {origin, asked_.window};
}

}  // namespace mamba
