#include "model/layer_table.h"

namespace mamba {
namespace {

using Config = ModelConfig;

constexpr uint32_t of_mamba1 = 1u << static_cast<int32_t>(LayerKind::mamba1);
constexpr uint32_t of_mamba2 = 1u << static_cast<int32_t>(LayerKind::mamba2);
constexpr uint32_t any_mamba = of_mamba1 | of_mamba2;

Shape model_width(const Config& c) { return {c.d_model}; }
Shape inner_width(const Config& c) { return {c.d_inner}; }
Shape states(const Config& c) { return {c.d_state}; }
Shape rank(const Config& c) { return {c.dt_rank}; }
Shape heads(const Config& c) { return {c.head_count}; }
Shape heads_column(const Config& c) { return {c.head_count, 1}; }  // ggml dims [1, H]: what llama.cpp asks for
Shape channels(const Config& c) { return {c.conv_channels()}; }
Shape in_rows(const Config& c) { return {c.in_proj_rows()}; }

bool has_bias(const Config& c) { return c.use_bias; }
bool has_conv_bias(const Config& c) { return c.use_conv_bias; }
bool has_dt_b_c_norm(const Config& c) { return c.dt_b_c_norm; }
bool has_gated_norm(const Config& c) { return c.gated_norm; }

const TensorSpec table[] = {
    {any_mamba, "norm.weight", "attn_norm.weight", nullptr, &Layer::norm, model_width, nullptr, nullptr, Transform::none, Init::ones, false},
    {any_mamba, "mixer.in_proj.weight", "ssm_in.weight", &Layer::in_proj, nullptr,
     [](const Config& c) -> Shape { return {c.in_proj_rows(), c.d_model}; }, nullptr, nullptr, Transform::none, Init::linear, false},
    {any_mamba, "mixer.in_proj.bias", "ssm_in.bias", nullptr, &Layer::in_proj_bias, in_rows, nullptr, has_bias, Transform::none, Init::ones, false},
    {any_mamba, "mixer.conv1d.weight", "ssm_conv1d.weight", nullptr, &Layer::conv_weight,
     [](const Config& c) -> Shape { return {c.conv_channels(), 1, c.d_conv}; }, [](const Config& c) -> Shape { return {c.conv_channels(), c.d_conv}; },
     nullptr, Transform::tap_major, Init::convolution, false},
    {any_mamba, "mixer.conv1d.bias", "ssm_conv1d.bias", nullptr, &Layer::conv_bias, channels, nullptr, has_conv_bias, Transform::none,
     Init::convolution, false},

    {of_mamba1, "mixer.x_proj.weight", "ssm_x.weight", &Layer::x_proj, nullptr,
     [](const Config& c) -> Shape { return {c.dt_rank + 2 * c.d_state, c.d_inner}; }, nullptr, nullptr, Transform::none, Init::linear, false},
    {of_mamba1, "mixer.dt_proj.weight", "ssm_dt.weight", &Layer::dt_proj, nullptr, [](const Config& c) -> Shape { return {c.d_inner, c.dt_rank}; },
     nullptr, nullptr, Transform::none, Init::dt_weight, false},
    {of_mamba1, "mixer.dt_proj.bias", "ssm_dt.bias", nullptr, &Layer::dt_bias, inner_width, nullptr, nullptr, Transform::none, Init::dt_bias, false},
    {of_mamba1, "mixer.A_log", "ssm_a", nullptr, &Layer::a, [](const Config& c) -> Shape { return {c.d_inner, c.d_state}; }, nullptr, nullptr,
     Transform::decay, Init::decay, false},
    {of_mamba1, "mixer.D", "ssm_d", nullptr, &Layer::d, inner_width, nullptr, nullptr, Transform::none, Init::ones, false},
    {of_mamba1, "mixer.dt_layernorm.weight", "ssm_dt_norm.weight", nullptr, &Layer::dt_norm, rank, nullptr, has_dt_b_c_norm, Transform::none, Init::ones, true},
    {of_mamba1, "mixer.b_layernorm.weight", "ssm_b_norm.weight", nullptr, &Layer::b_norm, states, nullptr, has_dt_b_c_norm, Transform::none, Init::ones, true},
    {of_mamba1, "mixer.c_layernorm.weight", "ssm_c_norm.weight", nullptr, &Layer::c_norm, states, nullptr, has_dt_b_c_norm, Transform::none, Init::ones, true},

    {of_mamba2, "mixer.dt_bias", "ssm_dt.bias", nullptr, &Layer::dt_bias, heads, nullptr, nullptr, Transform::none, Init::dt_bias, false},
    {of_mamba2, "mixer.A_log", "ssm_a", nullptr, &Layer::a, heads, heads_column, nullptr, Transform::decay, Init::decay, false},
    {of_mamba2, "mixer.D", "ssm_d", nullptr, &Layer::d, heads, heads_column, nullptr, Transform::none, Init::ones, false},
    {of_mamba2, "mixer.norm.weight", "ssm_norm.weight", nullptr, &Layer::gated_norm, inner_width,
     [](const Config& c) -> Shape { return {c.group_count, c.d_inner / c.group_count}; }, has_gated_norm, Transform::none, Init::ones, false},

    {any_mamba, "mixer.out_proj.weight", "ssm_out.weight", &Layer::out_proj, nullptr, [](const Config& c) -> Shape { return {c.d_model, c.d_inner}; },
     nullptr, nullptr, Transform::none, Init::residual, false},
    {any_mamba, "mixer.out_proj.bias", "ssm_out.bias", nullptr, &Layer::out_proj_bias, model_width, nullptr, has_bias, Transform::none, Init::ones, false},
};

}  // namespace

std::span<const TensorSpec> layer_table() { return table; }

std::vector<WeightRef> list_weights(const Model& model) {
    std::vector<WeightRef> weights;
    if (model.embedding.empty()) return weights;  // a vocabulary
    weights.push_back({"token_embd.weight", "embeddings.weight", &model.embedding, nullptr, nullptr});
    if (!model.config.tied_embeddings) weights.push_back({"output.weight", "lm_head.weight", &model.head, nullptr, nullptr});
    weights.push_back({"output_norm.weight", "norm_f.weight", nullptr, &model.final_norm, nullptr});
    for (size_t i = 0; i < model.layers.size(); ++i) {
        const Layer& layer = model.layers[i];
        const std::string index = std::to_string(i) + ".";
        for (const TensorSpec& spec : layer_table()) {
            if (!applies(spec, layer.kind, model.config)) continue;
            weights.push_back({"blk." + index + spec.gguf, "layers." + index + spec.hugging_face,
                               spec.matrix != nullptr ? &(layer.*spec.matrix) : nullptr, spec.vector != nullptr ? &(layer.*spec.vector) : nullptr, &spec});
        }
    }
    return weights;
}

}  // namespace mamba
