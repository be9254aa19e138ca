#include "engine/device_backend.h"

#include <algorithm>
#include <cstring>

#include "backends/cpu/kernels.h"
#include "model/seal.h"
#include "state/statistics.h"

namespace mamba {
namespace {

// Rows of logits and of top entries that are asked for at a time.
constexpr size_t output_rows = 64;

static_assert(sizeof(device::TopEntry) == sizeof(mamba_top_entry));
static_assert(device::ring_entries == ring_entries);

device::Matrix matrix_of(const Matrix& m) {
    return {m.data, m.rows, m.cols, static_cast<int64_t>(m.row_bytes), static_cast<int32_t>(m.type), 0};
}

device::Layer layer_of(const Layer& layer) {
    device::Layer result{};
    result.in_proj = matrix_of(layer.in_proj);
    result.x_proj = matrix_of(layer.x_proj);
    result.dt_proj = matrix_of(layer.dt_proj);
    result.out_proj = matrix_of(layer.out_proj);
    result.norm = data_or_null(layer.norm);
    result.in_proj_bias = data_or_null(layer.in_proj_bias);
    result.conv_weight = data_or_null(layer.conv_weight);
    result.conv_bias = data_or_null(layer.conv_bias);
    result.dt_bias = data_or_null(layer.dt_bias);
    result.a = data_or_null(layer.a);
    result.d = data_or_null(layer.d);
    result.dt_norm = data_or_null(layer.dt_norm);
    result.b_norm = data_or_null(layer.b_norm);
    result.c_norm = data_or_null(layer.c_norm);
    result.gated_norm = data_or_null(layer.gated_norm);
    result.out_proj_bias = data_or_null(layer.out_proj_bias);
    return result;
}

device::Model model_of(const Model& model, const std::vector<device::Layer>& layers) {
    const ModelConfig& c = model.config;
    device::Model result{};
    result.layer_count = c.layer_count();
    result.d_model = c.d_model;
    result.d_inner = c.d_inner;
    result.d_state = c.d_state;
    result.d_conv = c.d_conv;
    result.dt_rank = c.dt_rank;
    result.head_count = c.head_count;
    result.head_dim = c.head_dim;
    result.group_count = c.group_count;
    result.vocab_size = c.vocab_size;
    result.padded_vocab_size = c.padded_vocab_size;
    result.norm_eps = c.norm_eps;
    result.dt_b_c_norm_eps = c.dt_b_c_norm_eps;
    result.dt_min = c.dt_min;
    result.dt_max = c.dt_max;
    result.dt_b_c_norm = c.dt_b_c_norm ? 1 : 0;
    result.gated_norm = c.gated_norm ? 1 : 0;
    result.norm_before_gate = c.norm_before_gate ? 1 : 0;
    result.embedding = matrix_of(model.embedding);
    result.head = matrix_of(model.head);
    result.final_norm = model.final_norm.data();
    result.layers = layers.data();
    return result;
}

// What is read no more once the device has it.
void release_weights(const Model& model, bool alone) {
    const auto release = [&](const Matrix& matrix) {
        if (matrix.empty()) return;
        if (const platform::MappedFile* const file = file_of(model, matrix.data)) {
            file->forget(static_cast<size_t>(matrix.data - file->data()), matrix.bytes());
        } else if (alone) {
            model.release(matrix);
        }
    };
    for (const Layer& layer : model.layers) {
        for (const Matrix* matrix : {&layer.in_proj, &layer.x_proj, &layer.dt_proj, &layer.out_proj}) release(*matrix);
    }
    release(model.embedding);
    release(model.head);
}

}  // namespace

template <typename Function, typename... Arguments>
void DeviceBackend::call(Function function, Arguments... arguments) const {
    device::Status status{};
    if (function(arguments..., &status) == MAMBA_OK) return;
    const auto code = static_cast<mamba_result>(status.code);
    if (code == MAMBA_DEVICE) fail(code, "cuda:", index_, ": ", status.message, "; what it held is lost, and a new process is needed to use it");
    fail(code, "cuda:", index_, ": ", status.message);
}

DeviceBackend::DeviceBackend(const Model& model, bool alone, const StateLayout& layout, int32_t index, int64_t rows)
    : model_(model), table_(DeviceLibrary::cuda().require(index)), index_(index), rows_(rows), vocabulary_(model.config.padded_vocab_size),
      engine_(nullptr, Close{&table_}), states_(layout.floats, layout.entry_floats, this) {
    std::vector<device::Layer> layers;
    for (const Layer& layer : model.layers) layers.push_back(layer_of(layer));
    const device::Model weights = model_of(model, layers);
    device::Engine* engine = nullptr;
    call(table_.open, index, &weights, rows, &engine);
    engine_.reset(engine);
    release_weights(model, alone);
    pieces_.reserve(static_cast<size_t>(rows));
    device_rows_.reserve(static_cast<size_t>(rows));
    wanted_.reserve(output_rows);
}

int64_t DeviceBackend::memory_bytes() const {
    int64_t working = 0, weights = 0;
    table_.memory(engine_.get(), &working, &weights);
    return working + weights;
}

void DeviceBackend::make_room(int64_t, const BatchOutput& output) {
    if (output.top == nullptr) return;
    if (output.top_k > device::most_top && model_.config.vocab_size > device::most_top) {
        fail(MAMBA_UNSUPPORTED, "the ", output.top_k, " largest logits were asked for; a device chooses up to ", device::most_top, ": ask for all logits");
    }
    entries_.resize(output_rows * static_cast<size_t>(output.top_k));
    if (output.masks != nullptr) masks_.resize(output_rows * static_cast<size_t>(output.mask_words));
}

void DeviceBackend::run(const Slice& slice) {
    if (abandoned_) fail(MAMBA_DEVICE, "cuda:", index_, ": an evaluation ended half-way, so this model's sessions here are lost: load it again");
    // A session's pieces stand one behind the other, and their tokens too: on the device they are one.
    pieces_.clear();
    device_rows_.resize(static_cast<size_t>(slice.rows));
    int32_t next = 0;
    const Piece* before = nullptr;
    for (const Piece& piece : slice.pieces) {
        for (int64_t t = 0; t < piece.count; ++t) device_rows_[static_cast<size_t>(piece.first_row + t)] = next++;
        if (before != nullptr && before->state == piece.state) pieces_.back().count += static_cast<int32_t>(piece.count);
        else pieces_.push_back(piece_of(*piece.state, piece.tokens, piece.count));
        before = &piece;
    }
    call(table_.run, engine_.get(), pieces_.data(), static_cast<int32_t>(pieces_.size()));
    for (const Piece& piece : slice.pieces) {
        piece.state->token_count += piece.count;
        if (piece.state->tracking.on()) piece.state->tracking.tokens += piece.count;
        for (int64_t t = 0; t < piece.count; ++t) piece.state->token_hash = extend_token_hash(piece.state->token_hash, piece.tokens[t]);
        piece.state->pending = pending(piece.state->slot.index());
    }
}

int64_t DeviceBackend::pending(int32_t slot) const {
    int32_t entries = 0;
    call(table_.state_pending, engine_.get(), slot, &entries);
    return entries;
}

int32_t DeviceBackend::index_of(const std::shared_ptr<const Policy>& policy) {
    if (policy == nullptr) return -1;
    const std::lock_guard lock(policies_mutex_);
    for (const DevicePolicy& known : policies_) {
        if (known.policy.lock() == policy) return known.index;
    }
    std::erase_if(policies_, [&](const DevicePolicy& known) {
        const bool gone = known.policy.expired();
        if (gone) table_.policy_give(engine_.get(), known.index);
        return gone;
    });
    policies_.reserve(policies_.size() + 1);
    const mamba_policy& asked = policy->asked();
    const device::Policy given{asked.kind, asked.layer_value_count, asked.window, asked.retention, asked.insertion, asked.norm_scale, 0,
                               policy->values().data()};
    int32_t index = -1;
    call(table_.policy_take, engine_.get(), &given, &index);
    policies_.push_back({policy, index});
    return index;
}

device::Piece DeviceBackend::piece_of(const State& state, const int32_t* tokens, int64_t count) {
    return {state.slot.index(), static_cast<int32_t>(count), state.token_count, tokens, index_of(state.policy.rule), state.policy.newest.index(),
            state.policy.origin, state.tracking.on_device.index(), 0};
}

template <typename F>
void DeviceBackend::with_state(const State& state, const F& f) {
    device::Piece piece = piece_of(state, nullptr, 0);
    const DeviceSlot awake = state.offloaded() ? state.slot.copy(false) : DeviceSlot();
    if (state.offloaded()) piece.slot = awake.index();
    piece.newest = -1;  // what is read is the other one
    f(piece);
}

void DeviceBackend::fold(State& state) {
    state.bring_back();
    const device::Piece piece = piece_of(state, nullptr, 0);
    call(table_.state_fold, engine_.get(), &piece);
    state.pending = 0;
}

device::Row DeviceBackend::row_of(const LogitsRow& row) const {
    if (row.state != nullptr) return {row.state->slot.index(), 0};
    return {-1, device_rows_[static_cast<size_t>(row.row)]};
}

void DeviceBackend::emit(const std::vector<LogitsRow>& logits, const std::vector<LogitsRow>& top, const BatchOutput& output) {
    for (size_t begin = 0, end; begin < logits.size(); begin = end) {
        const size_t most = std::min(logits.size(), begin + output_rows);
        wanted_.assign(1, row_of(logits[begin]));
        for (end = begin + 1; end < most && logits[end].out == logits[end - 1].out + 1; ++end) wanted_.push_back(row_of(logits[end]));
        call(table_.logits, engine_.get(), wanted_.data(), static_cast<int32_t>(wanted_.size()), output.logits + logits[begin].out * vocabulary_,
             vocabulary_);
    }
    const auto k = static_cast<size_t>(output.top_k), words = static_cast<size_t>(output.mask_words);
    for (size_t begin = 0, end; begin < top.size(); begin = end) {
        end = std::min(top.size(), begin + output_rows);
        wanted_.clear();
        for (size_t i = begin; i < end; ++i) {
            wanted_.push_back(row_of(top[i]));
            if (output.masks != nullptr) {
                std::copy_n(output.masks + static_cast<size_t>(top[i].out) * words, words, masks_.data() + (i - begin) * words);
            }
        }
        call(table_.top, engine_.get(), wanted_.data(), static_cast<int32_t>(wanted_.size()), output.top_k,
             output.masks != nullptr ? masks_.data() : nullptr, output.mask_words, entries_.data());
        for (size_t i = begin; i < end; ++i) {
            std::memcpy(output.top + static_cast<size_t>(top[i].out) * k, entries_.data() + (i - begin) * k, k * sizeof(mamba_top_entry));
        }
    }
}

void DeviceBackend::copy_layer_state(const State& state, int64_t layer, float* out) {
    with_state(state, [&](const device::Piece& piece) { call(table_.state_read_layer, engine_.get(), &piece, layer, out); });
}

void DeviceBackend::measure(const State& state, int64_t layer, mamba_head_statistics* heads) {
    const ModelConfig& config = model_.config;
    const int64_t count = head_or_block_count(config), tracked = state.tracking.tokens;
    std::vector<device::HeadSums> sums(static_cast<size_t>(count));
    with_state(state, [&](const device::Piece& piece) { call(table_.state_measure, engine_.get(), &piece, layer, tracked, sums.data()); });
    for (int64_t head = 0; head < count; ++head) {
        const device::HeadSums& of = sums[static_cast<size_t>(head)];
        write_moments({of.sum, of.squares, of.max_abs}, head_floats(config, head), heads[head]);
        if (state.tracking.on()) write_retention({of.log_retention, of.retention}, head_decays(config, head), tracked, heads[head]);
        else write_no_retention(heads[head]);
    }
}

void DeviceBackend::wait() { call(table_.wait, engine_.get()); }

double DeviceBackend::measure_bandwidth() {
    double result = 0;
    call(table_.bandwidth, engine_.get(), &result);
    return result;
}

int32_t DeviceBackend::take() {
    int32_t slot = -1;
    call(table_.state_take, engine_.get(), &slot);
    return slot;
}

int32_t DeviceBackend::take_host() {
    int32_t slot = -1;
    call(table_.state_take_host, engine_.get(), &slot);
    return slot;
}

void DeviceBackend::give(int32_t slot) noexcept { table_.state_give(engine_.get(), slot); }

void DeviceBackend::clear(int32_t slot) { call(table_.state_clear, engine_.get(), slot); }

void DeviceBackend::copy(int32_t from, int32_t to) { call(table_.state_copy, engine_.get(), from, to); }

void DeviceBackend::read(int32_t slot, int64_t position, void* values, void* hidden) {
    call(table_.state_read, engine_.get(), slot, position, values, hidden);
}

void DeviceBackend::write(int32_t slot, int64_t position, const void* values, int64_t entries, const void* hidden) {
    call(table_.state_write, engine_.get(), slot, position, values, static_cast<int32_t>(entries), hidden);
}

int32_t DeviceBackend::take_sums() {
    int32_t index = -1;
    call(table_.sums_take, engine_.get(), &index);
    return index;
}

void DeviceBackend::give_sums(int32_t index) noexcept { table_.sums_give(engine_.get(), index); }

void DeviceBackend::copy_sums(int32_t from, int32_t to) { call(table_.sums_copy, engine_.get(), from, to); }

void DeviceBackend::read_sums(int32_t index, double* values) { call(table_.sums_read, engine_.get(), index, values); }

void DeviceBackend::write_sums(int32_t index, const double* values) { call(table_.sums_write, engine_.get(), index, values); }

}  // namespace mamba
