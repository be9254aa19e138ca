// Long-context policies: what keeps a state healthy past the model's training length. Equations, forms and why these:
// docs/architecture.md, "Long-context policies"; arXiv 2410.07145 and what followed it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "mamba/c_api.h"
#include "model/model.h"

namespace mamba {

// Where the blocks of a window begin: at origin, and then every `length` tokens. Before origin nothing is forgotten.
struct WindowBlocks {
    int64_t origin, length;

    // Which block a position lies in; negative before the first.
    int64_t block(int64_t position) const { return position < origin ? -1 : (position - origin) / length; }
    bool begins_at(int64_t position) const { return position >= origin && (position - origin) % length == 0; }
    // The first beginning behind a position.
    int64_t next(int64_t position) const { return origin + (block(position) + 1) * length; }
};

// A policy as one model takes it, with all that can be computed before a token comes. Immutable, shared by the states under it.
class Policy {
public:
    // What of a layer differs from the model. Empty, NULL: nothing.
    struct Layer {
        Vector a;                       // like the model's
        Vector d;                       // [d_inner] of Mamba-1, [head_count] of Mamba-2
        const float* values = nullptr;  // [layer_value_count] as asked for
        int64_t states = 0;             // offset in PolicyState::states, of one state or two behind each other
        int64_t steps = 0;              // offset in PolicyState::steps, of step_count() sums of each of two
    };

    // values: [layers, layer_value_count], `count` of them. Throws MAMBA_INVALID_ARGUMENT with what is wrong. NULL for MAMBA_POLICY_NONE.
    static std::shared_ptr<const Policy> make(const mamba_policy& asked, const float* values, size_t count, const Model& model);

    mamba_policy_kind kind() const { return static_cast<mamba_policy_kind>(asked_.kind); }
    const mamba_policy& asked() const { return asked_; }
    const std::vector<float>& values() const { return values_; }
    const Layer& layer(size_t index) const { return layers_[index]; }

    // Added to the log-decay of every token.
    float log_retention() const { return log_retention_; }
    // What A of a layer is multiplied with.
    float decay_scale(size_t index) const { return kind() == MAMBA_POLICY_DECAY_SCALE ? *layers_[index].values : 1.0f; }
    // What the scan gives out is multiplied with; Layer::d makes up for it.
    float output_scale() const { return output_scale_; }
    // Zeros, as many as a token has step sizes.
    const float* no_steps() const { return no_steps_.data(); }

    bool is_window() const { return kind() == MAMBA_POLICY_RESTART_WINDOW || kind() == MAMBA_POLICY_DIFFERENCE_WINDOW; }
    // Blocks of a window that is set where a session has read `position` tokens. At an empty session the first block would begin with it
    // and hold what the state holds, so the second is the first that counts.
    WindowBlocks blocks(int64_t position) const;
    // Whether single tokens of Mamba-2 may wait in the ring.
    bool uses_ring() const { return kind() != MAMBA_POLICY_STATE_NORM; }

    // Values of a layer's state.
    int64_t layer_floats() const { return layer_floats_; }
    // Step sizes of a token in a layer: Mamba-2 [head_count], Mamba-1 [d_inner].
    int64_t step_count() const { return step_count_; }
    // Of PolicyState's arrays.
    int64_t state_floats() const { return state_floats_; }
    int64_t step_sums() const { return step_sums_; }

private:
    Policy(const mamba_policy& asked, const float* values, size_t count, const Model& model);

    mamba_policy asked_;
    std::vector<float> values_;
    std::vector<Layer> layers_;
    Vector no_steps_;
    float log_retention_ = 0, output_scale_ = 1;
    int64_t layer_floats_, step_count_, state_floats_ = 0, step_sums_ = 0;
};

}  // namespace mamba
