// What a checkpoint says about its shape: the numbers that drive loader, engine and state layout.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "mamba/c_api.h"

namespace mamba {

// What a layer mixes tokens with. Only the Mamba kinds run today; the others are named so that a hybrid is refused by name.
enum class LayerKind : int32_t { mamba1, mamba2, attention, mlp, moe };

struct ModelConfig {
    mamba_architecture architecture = MAMBA_ARCH_UNKNOWN;
    std::vector<LayerKind> layers;

    int64_t d_model = 0;
    int64_t d_inner = 0;
    int64_t d_state = 0;
    int64_t d_conv = 4;
    int64_t dt_rank = 0;           // Mamba-1
    int64_t head_count = 0;        // Mamba-2: H
    int64_t head_dim = 0;          // Mamba-2: P = d_inner / H
    int64_t group_count = 1;       // Mamba-2: G; head h uses group h / (H / G)
    int64_t vocab_size = 0;        // tokens that mean something
    int64_t padded_vocab_size = 0; // rows of embedding and head
    bool tied_embeddings = true;
    bool use_bias = false;         // in_proj and out_proj
    bool use_conv_bias = true;

    float norm_eps = 1e-5f;
    bool dt_b_c_norm = false;      // Falcon-Mamba: rms norms on dt, B, C before dt_proj (docs/architecture.md)
    float dt_b_c_norm_eps = 1e-5f;
    bool gated_norm = true;        // Mamba-2: false is y * silu(z) alone
    bool norm_before_gate = false;
    float dt_min = 0.0f;           // Mamba-2: clamp of dt after softplus
    float dt_max = std::numeric_limits<float>::infinity();

    int64_t training_length = 0;   // tokens; 0 unknown

    bool operator==(const ModelConfig&) const = default;

    int64_t layer_count() const { return static_cast<int64_t>(layers.size()); }
    // Channels of the causal convolution: u, or x, B and C together.
    int64_t conv_channels() const { return head_count > 0 ? d_inner + 2 * group_count * d_state : d_inner; }
    // Rows of in_proj.
    int64_t in_proj_rows() const { return head_count > 0 ? 2 * d_inner + 2 * group_count * d_state + head_count : 2 * d_inner; }
};

}  // namespace mamba
