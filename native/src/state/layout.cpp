#include "state/layout.h"

#include "backends/cpu/kernels.h"

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
        layer.step_sums = step_sums;
        step_sums += config.layers[i] == LayerKind::mamba2 ? config.head_count : config.d_inner;
        layer.ring = entry_floats;
        if (config.layers[i] == LayerKind::mamba2) entry_floats += config.d_inner + config.group_count * config.d_state + config.head_count;
        layers.push_back(layer);
    }
}

int64_t StateLayout::bytes() const { return (floats + ring_entries * entry_floats) * static_cast<int64_t>(sizeof(float)); }

}  // namespace mamba
