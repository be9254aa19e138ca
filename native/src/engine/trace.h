// What one layer did with each token, for inspection: mamba_engine_trace.
#pragma once

#include "engine/slice.h"
#include "engine/workspace.h"
#include "model/model.h"

namespace mamba {

struct LayerTrace {
    int64_t layer;
    int64_t first_position;  // of the traced session's first token
    float* values;           // [tokens, heads or blocks (state/statistics.h), 4]: dt, log-decay, ||B||, ||x||; of a block the means of the first two
};

// Numbers a token and head.
inline constexpr int64_t trace_width = 4;

// With what the session's policy makes of dt and decay. Of the slice that has just passed the layer's scan, whose inputs still lie in the workspace.
void write_trace(const ModelConfig& config, const Layer& layer, const Workspace& work, const Slice& slice, const LayerTrace& trace);

}  // namespace mamba
