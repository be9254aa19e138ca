#include "state/layout.h"

namespace mamba {

StateLayout::StateLayout(const ModelConfig& config) {
    layers.reserve(config.layers.size());
    for (size_t i = 0; i < config.layers.size(); ++i) {
        LayerState layer;
        layer.conv_floats = (config.d_conv - 1) * config.conv_channels();
        layer.ssm_floats = config.d_inner * config.d_state;
        layer.conv = floats;
        layer.ssm = floats + layer.conv_floats;
        floats += layer.conv_floats + layer.ssm_floats;
        layers.push_back(layer);
    }
}

}  // namespace mamba
