#include "model/config_check.h"

#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace mamba {
namespace {

constexpr int64_t widest = int64_t{1} << 24;

}  // namespace

void check_config(const std::string& source, const ModelConfig& config, mamba_result code) {
    const auto check = [&](const char* what, int64_t value, int64_t least, int64_t most) {
        if (value < least || value > most) {
            fail(code, quote(source), ": ", what, " is ", value, "; it must be between ", least, " and ", most);
        }
    };
    const auto agree = [&](bool right, const auto&... what) {
        if (!right) fail(code, quote(source), ": ", what...);
    };
    check("the number of layers", config.layer_count(), 1, most_layers);
    check("the width of the model (d_model)", config.d_model, 1, widest);
    check("d_inner", config.d_inner, 1, widest);
    check("the state size (d_state)", config.d_state, 1, 1 << 16);
    check("the width of the convolution (d_conv)", config.d_conv, 1, 64);
    check("the vocabulary size", config.vocab_size, 0, widest);
    check("the training length", config.training_length, 0, int64_t{1} << 48);
    if (config.layers.front() == LayerKind::mamba2) {
        check("the number of heads", config.head_count, 1, config.d_inner);
        check("the channels of a head (head_dim)", config.head_dim, 1, config.d_inner);
        check("the number of groups", config.group_count, 1, config.head_count);
        check("groups x d_state", config.group_count * config.d_state, 1, widest);
        agree(config.head_count * config.head_dim == config.d_inner, config.head_count, " heads of ", config.head_dim,
              " channels do not make the d_inner of ", config.d_inner);
        agree(config.head_count % config.group_count == 0, config.head_count, " heads cannot be shared out over ", config.group_count, " groups");
        agree(config.dt_min >= 0 && config.dt_min <= config.dt_max, "the limits of the time step, ", config.dt_min, " to ", config.dt_max, ", are no range");
    } else {
        check("the rank of the time step (dt_rank)", config.dt_rank, 1, widest);
    }
    for (const float eps : {config.norm_eps, config.dt_b_c_norm_eps}) {
        agree(std::isfinite(eps) && eps >= 0, "the epsilon of the norms is ", eps, "; it must be a small positive number");
    }
}

std::vector<LayerKind> uniform_layers(const std::string& source, LayerKind kind, int64_t count, mamba_result code) {
    if (count < 1 || count > most_layers) {
        fail(code, quote(source), ": the number of layers is ", count, "; it must be between 1 and ", most_layers);
    }
    return std::vector<LayerKind>(static_cast<size_t>(count), kind);
}

}  // namespace mamba
