// The model that the weight files of the corpus fit: one Mamba-2 layer of a few hundred weights.
#pragma once

#include "model/config.h"

namespace mamba::fuzz {

inline ModelConfig tiny_config() {
    ModelConfig config;
    config.architecture = MAMBA_ARCH_MAMBA2;
    config.layers = {LayerKind::mamba2};
    config.d_model = 4;
    config.d_inner = 8;
    config.d_state = 2;
    config.head_count = 2;
    config.head_dim = 4;
    config.vocab_size = 3;
    return config;
}

}  // namespace mamba::fuzz
