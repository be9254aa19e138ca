#include "engine/ring.h"

#include "engine/policy_scan.h"

namespace mamba {

Mamba2Ring ring_at(const ModelConfig& config, float* entry, int64_t stride, int64_t pending) {
    float* const b = entry + config.d_inner;
    return {entry, b, b + config.group_count * config.d_state, stride, pending};
}

Mamba2Scan ring_scan(const ModelConfig& config, Range heads, const Layer& layer, float* state, const Mamba2Ring& ring) {
    Mamba2Scan s{};
    s.head_begin = heads.begin;
    s.head_end = heads.end;
    s.heads_a_group = config.head_count / config.group_count;
    s.head_dim = config.head_dim;
    s.d_state = config.d_state;
    s.a = layer.a.data();
    s.d = layer.d.data();
    s.state = state;
    s.ring = ring;
    return s;
}

void fold_ring(const Model& model, const StateLayout& layout, const Kernels& kernels, Range heads, float* values, int64_t pending,
               PolicyState& policy, int64_t position, float* scratch) {
    for (size_t i = 0; i < layout.layers.size(); ++i) {
        const LayerState& place = layout.layers[i];
        if (model.layers[i].kind != LayerKind::mamba2) continue;
        const Mamba2Ring ring = ring_at(model.config, values + layout.floats + place.ring, layout.entry_floats, pending);
        Mamba2Scan s = ring_scan(model.config, heads, model.layers[i], values + place.ssm, ring);
        apply_policy(policy, i, s);
        kernels.mamba2_fold(s, scratch);
        fold_under_policy(kernels, policy, i, s, position, scratch);
    }
}

}  // namespace mamba
