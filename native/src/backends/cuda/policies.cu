#include "backends/cuda/policies.h"

#include <algorithm>
#include <cmath>

namespace mamba::cuda {
namespace {

constexpr const char* working = "working memory of long-context policies";

// No token of a part.
constexpr int32_t never = 1 << 30;

int32_t token_or_never(int64_t tokens) { return static_cast<int32_t>(std::min<int64_t>(std::max<int64_t>(tokens, 0), never)); }

__global__ void move_layers(const Move* moves, int64_t first, int64_t floats, int64_t layer_floats) {
    const Move move = moves[blockIdx.z];
    const int64_t layer = first + blockIdx.y * layer_floats, i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (i >= floats) return;
    move.state[layer + i] = move.newest[layer + i];
    move.newest[layer + i] = 0;
}

}  // namespace

void move_states(const Queue& queue, const Move* moves, int32_t count, int64_t first, int64_t floats, int64_t layers, int64_t layer_floats) {
    constexpr int threads = 256;
    const dim3 grid(static_cast<unsigned>((floats + threads - 1) / threads), static_cast<unsigned>(layers), static_cast<unsigned>(count));
    Queue whole = queue;
    whole.overlap = false;  // it writes what the kernels behind it read before they wait
    whole.launch(move_layers, grid, threads, 0, "a window's states", moves, first, floats, layer_floats);
}

Policies::Policies(const device::Model& m, const States& states, int64_t max_parts)
    : states_(states), layers_(m.layer_count), steps_(m.head_count > 0 ? m.head_count : m.d_inner), max_parts_(max_parts) {}

int32_t Policies::take(const device::Policy& policy) {
    if (policy.kind == MAMBA_POLICY_DIFFERENCE_WINDOW) fail(MAMBA_UNSUPPORTED, "the CUDA backend has no long-context policy ", policy.kind);
    std::vector<float> values(policy.layer_values, policy.layer_values + layers_ * policy.layer_value_count);
    if (policy.kind == MAMBA_POLICY_STATE_NORM) {
        for (float& cap : values) cap *= policy.norm_scale;
    }
    Held held{policy, DeviceArray<float>(values.size(), "a long-context policy")};
    held.policy.layer_values = nullptr;
    if (!values.empty()) check(cudaMemcpy(held.values.data(), values.data(), held.values.bytes(), cudaMemcpyHostToDevice), "a long-context policy");
    const auto free = std::find_if(policies_.begin(), policies_.end(), [](const Held& h) { return h.policy.kind == MAMBA_POLICY_NONE; });
    const auto index = static_cast<int32_t>(free - policies_.begin());
    if (free == policies_.end()) policies_.push_back(std::move(held));
    else *free = std::move(held);
    return index;
}

int32_t Policies::take_sums() {
    if (free_sums_.empty()) {
        free_sums_.reserve(sums_.size() + 1);  // so that giving back needs no memory
        sums_.emplace_back(static_cast<size_t>(layers_ * steps_), "a session's sums of step sizes");
        free_sums_.push_back(static_cast<int32_t>(sums_.size()) - 1);
    }
    const int32_t index = free_sums_.back();
    free_sums_.pop_back();
    return index;
}

void Policies::copy_sums(int32_t from, int32_t to, cudaStream_t stream) {
    const DeviceArray<double>& source = sums_[static_cast<size_t>(from)];
    check(cudaMemcpyAsync(sums_[static_cast<size_t>(to)].data(), source.data(), source.bytes(), cudaMemcpyDeviceToDevice, stream), "copying sums");
}

void Policies::read_sums(int32_t index, double* values, cudaStream_t stream) const {
    const DeviceArray<double>& sums = sums_[static_cast<size_t>(index)];
    check(cudaMemcpyAsync(values, sums.data(), sums.bytes(), cudaMemcpyDeviceToHost, stream), "reading sums");
}

void Policies::write_sums(int32_t index, const double* values, cudaStream_t stream) {
    DeviceArray<double>& sums = sums_[static_cast<size_t>(index)];
    if (values == nullptr) check(cudaMemsetAsync(sums.data(), 0, sums.bytes(), stream), "clearing sums");
    else check(cudaMemcpyAsync(sums.data(), values, sums.bytes(), cudaMemcpyHostToDevice, stream), "writing sums");
}

bool Policies::any(const device::Piece* pieces, int32_t count) {
    return std::any_of(pieces, pieces + count, [](const device::Piece& piece) { return piece.policy >= 0 || piece.sums >= 0; });
}

int64_t Policies::to_border(const device::Piece& piece, int32_t first) const {
    const Held* const held = of(piece);
    if (held == nullptr || held->policy.kind != MAMBA_POLICY_RESTART_WINDOW) return never;
    const int64_t position = piece.position + first, behind = position - piece.origin;
    return behind < 0 ? -behind : held->policy.window - behind % held->policy.window;
}

PartPolicy Policies::part(const device::Piece& piece, int32_t first, int32_t count) const {
    PartPolicy p{};
    p.output_scale = 1;
    p.fed_from = p.moved_at = p.window = never;
    if (piece.sums >= 0) p.sums = sums_[static_cast<size_t>(piece.sums)].data();
    const Held* const held = of(piece);
    if (held == nullptr) return p;
    const int64_t position = piece.position + first;
    const float* const values = held->values.data();
    switch (held->policy.kind) {
        case MAMBA_POLICY_FORGET_MORE:
            p.log_retention = static_cast<float>(std::log(static_cast<double>(held->policy.retention)));
            p.output_scale = held->policy.insertion;
            break;
        case MAMBA_POLICY_DELTA_SCALE: p.delta_scales = values; break;
        case MAMBA_POLICY_DECAY_SCALE: p.decay_scales = values; break;
        case MAMBA_POLICY_STATE_NORM: p.caps = values; break;
        case MAMBA_POLICY_TOKEN_FILTER:
            p.filtered = token_or_never(std::min<int64_t>(held->policy.window - position, count));
            if (p.filtered > 0) p.least_steps = values;
            break;
        case MAMBA_POLICY_RESTART_WINDOW: {
            if (piece.newest < 0) break;
            p.newest = states_.at(piece.newest);
            p.fed_from = token_or_never(piece.origin - position);
            p.window = token_or_never(held->policy.window);
            // The first block begins beside the state and takes no place.
            const int64_t second = piece.origin + held->policy.window, behind = position - second;
            p.moved_at = token_or_never(behind <= 0 ? -behind : (held->policy.window - behind % held->policy.window) % held->policy.window);
            break;
        }
        default: break;
    }
    return p;
}

const PartPolicy* Policies::send(const device::Piece* pieces, int32_t count, cudaStream_t stream) {
    move_count_ = 0;
    capped_ = false;
    if (!any(pieces, count)) return nullptr;
    if (parts_.size() == 0) {
        const auto most = static_cast<size_t>(max_parts_);
        parts_host_ = PinnedArray<PartPolicy>(most, working);
        moves_host_ = PinnedArray<Move>(most, working);
        moves_ = DeviceArray<Move>(most, working);
        parts_ = DeviceArray<PartPolicy>(most, working);
    }
    for (int32_t i = 0; i < count; ++i) {
        const PartPolicy p = part(pieces[i], 0, pieces[i].count);
        parts_host_.data()[i] = p;
        capped_ = capped_ || p.caps != nullptr;
        if (p.newest != nullptr && p.moved_at == 0 && pieces[i].count > 0) moves_host_.data()[move_count_++] = {states_.at(pieces[i].slot), p.newest};
    }
    const auto put = [&](auto& to, const auto& from, int32_t items) {
        const size_t bytes = static_cast<size_t>(items) * sizeof(*from.data());
        check(cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyHostToDevice, stream), "sending a batch");
    };
    put(parts_, parts_host_, count);
    if (move_count_ > 0) put(moves_, moves_host_, move_count_);
    return parts_.data();
}

}  // namespace mamba::cuda
