#include "backends/cuda/engine.h"

#include <algorithm>
#include <cstring>
#include <exception>

#include "backends/cuda/convolution.h"
#include "backends/cuda/mamba1.h"
#include "backends/cuda/mamba2.h"
#include "backends/cuda/measure.h"
#include "backends/cuda/project.h"
#include "backends/cuda/rows.h"
#include "backends/cuda/top.h"

namespace mamba::cuda {
namespace {

constexpr const char* working = "working memory";

size_t batch_bytes(int64_t rows) { return static_cast<size_t>(rows) * (sizeof(Part) + sizeof(Mamba2Piece) + 2 * sizeof(int32_t)); }

static_assert(sizeof(Part) % alignof(Mamba2Piece) == 0 && sizeof(Mamba2Piece) % alignof(int32_t) == 0);

cudaStream_t new_stream() {
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "a stream");
    return stream;
}

__global__ void read_all(const float4* from, size_t count, float* sink) {
    float sum = 0;
    for (size_t i = blockIdx.x * static_cast<size_t>(blockDim.x) + threadIdx.x; i < count; i += static_cast<size_t>(gridDim.x) * blockDim.x) {
        const float4 v = __ldcs(from + i);
        sum += v.x + v.y + v.z + v.w;
    }
    if (sum == 12345.0f) *sink = sum;
}

}  // namespace

Engine::Engine(int32_t device, const device::Model& model, int64_t max_rows)
    : device_(device), shape_(model), max_rows_(max_rows), queue_(queue_of(device)), weights_(model), states_(model),
      parking_(states_.slot_bytes()), policies_(model, states_, max_rows), prefill_(model, weights_, states_, queue_, max_rows),
      steps_(model, weights_, states_), mamba2_decode_(model, weights_, states_, queue_) {
    const bool second = shape_.head_count > 0;
    constexpr int64_t most_blocks = 65535;  // along y
    if (max_rows > most_blocks && !prefill_.takes()) {
        fail(MAMBA_UNSUPPORTED, "a model of these sizes takes up to ", most_blocks, " tokens at a time on the CUDA backend, not ", max_rows);
    }
    if (second ? shape_.d_state > mamba2_most_states : shape_.d_state > mamba1_most_states) {
        fail(MAMBA_UNSUPPORTED, "a state of ", shape_.d_state, " numbers a channel is more than the CUDA backend's ",
             second ? mamba2_most_states : mamba1_most_states);
    }
    channels_ = second ? shape_.d_inner + 2 * shape_.group_count * shape_.d_state : shape_.d_inner;
    rings_ = second && mamba2_step_takes(shape_.head_dim, shape_.d_state, shape_.d_conv);
    const auto lines = [](int64_t floats) { return static_cast<int64_t>(round_up(static_cast<size_t>(floats), 32)); };
    projected_width_ = lines(second ? shape_.d_inner + channels_ + shape_.head_count : 2 * shape_.d_inner);
    small_width_ = second ? 0 : lines(shape_.dt_rank + 2 * shape_.d_state);
    const auto floats = [&](int64_t rows, int64_t width) { return DeviceArray<float>(static_cast<size_t>(rows * width), working); };
    // Rows that the kernels of few rows meet.
    const int64_t few = prefill_.takes() ? std::min<int64_t>(max_rows, most_steps) : max_rows;
    x_ = floats(max_rows, shape_.d_model);
    normed_ = floats(1, std::max(max_rows * shape_.d_model, few * shape_.d_inner));
    projected_ = floats(few, projected_width_);
    convolved_ = floats(few, channels_);
    mixed_ = floats(few, shape_.d_inner);
    dt_ = floats(few, second ? 0 : shape_.d_inner);
    small_ = floats(few, small_width_);
    gathered_ = floats(output_rows, shape_.d_model);
    logits_ = floats(output_rows, shape_.padded_vocab_size);
    logits_host_ = PinnedArray<float>(static_cast<size_t>(output_rows * shape_.padded_vocab_size), working);
    batch_ = DeviceArray<unsigned char>(batch_bytes(max_rows), working);
    batch_host_ = PinnedArray<unsigned char>(batch_bytes(max_rows), working);
    gather_ = DeviceArray<const float*>(output_rows, working);
    gather_host_ = PinnedArray<const float*>(output_rows, working);
    top_ = DeviceArray<device::TopEntry>(static_cast<size_t>(output_rows) * top_most, working);
    top_parts_ = DeviceArray<unsigned long long>(top_part_keys(output_rows, shape_.vocab_size), working);
    masks_ = DeviceArray<uint32_t>(static_cast<size_t>(output_rows * ((shape_.padded_vocab_size + 31) / 32)), working);

    if (second) {
        std::vector<const float*> decays;
        for (const LayerWeights& layer : weights_.layers) decays.push_back(layer.a);
        decays_ = DeviceArray<const float*>(decays.size(), working);
        check(cudaMemcpy(decays_.data(), decays.data(), decays_.bytes(), cudaMemcpyHostToDevice), working);
    }

    queue_.stream = new_stream();
    check(cudaEventCreateWithFlags(&sent_, cudaEventDisableTiming), "an event");
}

Engine::~Engine() {
    if (queue_.stream != nullptr) {
        cudaStreamSynchronize(queue_.stream);
        cudaStreamDestroy(queue_.stream);
    }
    if (sent_ != nullptr) cudaEventDestroy(sent_);
}

int64_t Engine::working_bytes() const {
    return static_cast<int64_t>(x_.bytes() + normed_.bytes() + projected_.bytes() + convolved_.bytes() + mixed_.bytes() + dt_.bytes() +
                                small_.bytes() + gathered_.bytes() + logits_.bytes() + batch_.bytes() + gather_.bytes() + top_.bytes() +
                                top_parts_.bytes() + masks_.bytes() + prefill_.bytes() + steps_.bytes() + policies_.bytes() +
                                folded_.bytes() + heads_.bytes() + mamba2_decode_.bytes());
}

void Engine::require_whole() const {
    if (half_way_) fail(MAMBA_DEVICE, "an earlier run ended half-way, and nobody knows what the states hold: a new engine is needed");
}

// ---- States

void Engine::give_state(int32_t slot) {
    if (rests(slot)) parking_.give(slot);
    else states_.give(slot, parking_.moving(slot));
}

void Engine::clear_state(int32_t slot) {
    parking_.settle(slot, queue_.stream);
    states_.clear(slot, queue_.stream);
}

void Engine::copy_state(int32_t from, int32_t to) {
    if (rests(to)) return parking_.park(from, states_.at(from), states_.pending(from), to, queue_.stream);
    if (rests(from)) {
        parking_.unpark(from, to, states_.at(to), queue_.stream);
        return states_.set_pending(to, parking_.pending(from));
    }
    parking_.settle(from, queue_.stream);
    parking_.settle(to, queue_.stream);
    states_.copy(from, to, queue_.stream);
}

void Engine::read_state(int32_t slot, int64_t position, void* values, void* hidden) {
    parking_.settle(slot, queue_.stream);
    states_.read(rests(slot) ? parking_.at(slot) : states_.at(slot), position, pending(slot), values, hidden, queue_.stream);
    wait();
}

Batch Engine::send_session(const device::Piece& session) {
    for (const int32_t slot : {session.slot, session.newest}) {
        if (slot >= 0) parking_.settle(slot, queue_.stream);
    }
    check(cudaEventSynchronize(sent_), "sending a batch");
    *reinterpret_cast<Part*>(batch_host_.data()) = {states_.at(session.slot), 0, 0, 0, states_.pending(session.slot), 0, 0};
    check(cudaMemcpyAsync(batch_.data(), batch_host_.data(), sizeof(Part), cudaMemcpyHostToDevice, queue_.stream), "sending a batch");
    const PartPolicy* const policies = policies_.send(&session, 1, queue_.stream);
    check(cudaEventRecord(sent_, queue_.stream), "sending a batch");
    return {nullptr, nullptr, reinterpret_cast<const Part*>(batch_.data()), 0, 1, policies};
}

void Engine::fold_state(const device::Piece& session) {
    if (states_.pending(session.slot) == 0) return;
    fold(send_session(session));
    states_.set_pending(session.slot, 0);
}

const float* Engine::folded_layer(const device::Piece& session, int64_t layer) {
    if (states_.pending(session.slot) == 0) {
        parking_.settle(session.slot, queue_.stream);
        return states_.at(session.slot) + states_.ssm(layer);
    }
    const auto floats = static_cast<size_t>(shape_.d_inner * shape_.d_state);
    if (folded_.size() == 0) folded_ = DeviceArray<float>(floats, "a copy of a layer's state");
    Mamba2Scan scan = mamba2_layer(shape_, weights_.layers[0], states_, 0, nullptr, 0);
    mamba2_fold_layer(queue_, send_session(session), scan, decays_.data(), layer, states_.layer_floats(), folded_.data());
    return folded_.data();
}

void Engine::read_layer(const device::Piece& session, int64_t layer, float* values) {
    const auto bytes = static_cast<size_t>(shape_.d_inner * shape_.d_state) * sizeof(float);
    check(cudaMemcpyAsync(values, folded_layer(session, layer), bytes, cudaMemcpyDeviceToHost, queue_.stream), "reading a layer's state");
    wait();
}

void Engine::measure(const device::Piece& session, int64_t layer, int64_t tracked, device::HeadSums* heads) {
    const auto channels = static_cast<int32_t>(shape_.head_count > 0 ? shape_.head_dim : measured_channels);
    const auto count = static_cast<int32_t>((shape_.d_inner + channels - 1) / channels);
    if (heads_.size() == 0) heads_ = DeviceArray<device::HeadSums>(static_cast<size_t>(count), "statistics of a state");
    const PartPolicy policy = policies_.part(session, 0, 0);
    Measured m{};
    m.values = folded_layer(session, layer);
    m.count = static_cast<int32_t>(shape_.d_inner * shape_.d_state);
    m.head_values = channels * static_cast<int32_t>(shape_.d_state);
    const bool mamba2 = shape_.head_count > 0;
    m.head_decays = mamba2 ? 1 : m.head_values;
    m.decays_a_sum = mamba2 ? 1 : static_cast<int32_t>(shape_.d_state);
    m.a = weights_.layers[static_cast<size_t>(layer)].a;
    m.decay_scale = policy.decay_scales != nullptr ? policy.decay_scales + layer : nullptr;
    m.added = static_cast<double>(policy.log_retention) * static_cast<double>(tracked);
    if (policy.sums != nullptr) m.sums = policy.sums + layer * (mamba2 ? shape_.head_count : shape_.d_inner);
    measure_heads(queue_, m, heads_.data());
    check(cudaMemcpyAsync(heads, heads_.data(), heads_.bytes(), cudaMemcpyDeviceToHost, queue_.stream), "measuring a state");
    wait();
}

void Engine::read_sums(int32_t index, double* values) {
    policies_.read_sums(index, values, queue_.stream);
    wait();
}

void Engine::write_sums(int32_t index, const double* values) {
    policies_.write_sums(index, values, queue_.stream);
    if (values != nullptr) wait();
}

void Engine::write_state(int32_t slot, int64_t position, const void* values, int32_t entries, const void* hidden) {
    parking_.settle(slot, queue_.stream);
    states_.write(slot, position, values, entries, hidden, queue_.stream);
    wait();
}

// ---- A run

Batch Engine::send(const device::Piece* pieces, int32_t count) {
    int32_t rows = 0;
    for (int32_t i = 0; i < count; ++i) rows += pieces[i].count;
    if (rows > max_rows_) fail(MAMBA_INTERNAL, "a run of ", rows, " rows, where ", max_rows_, " fit");
    check(cudaEventSynchronize(sent_), "sending a batch");  // the one before has left this memory
    auto* parts = reinterpret_cast<Part*>(batch_host_.data());
    auto* chunked = reinterpret_cast<Mamba2Piece*>(parts + count);
    auto* tokens = reinterpret_cast<int32_t*>(chunked + count);
    int32_t* part_of = tokens + rows;
    int32_t row = 0;
    for (int32_t i = 0; i < count; ++i) {
        const device::Piece& piece = pieces[i];
        parking_.settle(piece.slot, queue_.stream);
        if (piece.newest >= 0) parking_.settle(piece.newest, queue_.stream);
        const bool folds = (piece.position + 1) % ring_entries == 0;
        parts[i] = {states_.at(piece.slot), row, piece.count, states_.phase(piece.position), states_.pending(piece.slot), folds ? 1 : 0, 0};
        std::memcpy(tokens + row, piece.tokens, static_cast<size_t>(piece.count) * sizeof(int32_t));
        std::fill_n(part_of + row, piece.count, i);
        row += piece.count;
    }
    if (prefill_.takes() && shape_.head_count > 0) prefill_.arrange(pieces, parts, count, chunked);
    const size_t bytes = static_cast<size_t>(count) * (sizeof(Part) + sizeof(Mamba2Piece)) + 2 * static_cast<size_t>(rows) * sizeof(int32_t);
    check(cudaMemcpyAsync(batch_.data(), batch_host_.data(), bytes, cudaMemcpyHostToDevice, queue_.stream), "sending a batch");
    const PartPolicy* const policies = policies_.send(pieces, count, queue_.stream);
    if (policies != nullptr && takes_many(rows, count)) prefill_.arrange_rounds(pieces, parts, count, policies_, queue_.stream);
    check(cudaEventRecord(sent_, queue_.stream), "sending a batch");
    const auto* at = reinterpret_cast<const Part*>(batch_.data());
    const auto* device_tokens = reinterpret_cast<const int32_t*>(reinterpret_cast<const Mamba2Piece*>(at + count) + count);
    return {device_tokens, device_tokens + rows, at, rows, count, policies, policies_.capped()};
}

bool Engine::takes_many(int32_t rows, int32_t parts) const {
    return prefill_.takes() && rows > (rows == parts ? most_steps : most_few_rows);
}

void Engine::run(const device::Piece* pieces, int32_t count) {
    const Batch batch = send(pieces, count);
    last_rows_ = batch.rows;
    const bool steps = batch.rows == batch.part_count, many = takes_many(batch.rows, count);
    const bool rings = rings_ && steps && !many && !batch.capped;
    const bool recorded = steps && batch.rows <= Graphs::most_rows && !batch.capped;
    Graphs& graphs = batch.policies != nullptr ? policy_graphs_ : graphs_;
    const auto waits = [&](const device::Piece& piece) { return states_.pending(piece.slot) > 0; };
    try {
        if (!rings && std::any_of(pieces, pieces + count, waits)) fold(batch);
        if (policies_.move_count() > 0) {
            move_states(queue_, policies_.moves(), policies_.move_count(), states_.ssm(0), shape_.d_inner * shape_.d_state, shape_.layer_count,
                        states_.layer_floats());
        }
        if (many) compute_many(queue_, batch);
        else if (recorded) graphs.launch(queue_, batch.rows, [&](const Queue& q) { compute_few(q, batch); });
        else compute_few(queue_, batch);
    } catch (const Failure& failure) {
        half_way_ = true;
        fail(MAMBA_DEVICE, "a run ended half-way: ", failure.message);
    } catch (const std::exception& exception) {  // memory of the host
        half_way_ = true;
        fail(MAMBA_DEVICE, "a run ended half-way: ", exception.what());
    }
    for (int32_t i = 0; i < count; ++i) {
        const bool waiting = rings && (pieces[i].position + 1) % ring_entries != 0;
        states_.set_pending(pieces[i].slot, waiting ? states_.pending(pieces[i].slot) + 1 : 0);
    }
}

void Engine::fold(const Batch& batch) {
    const Mamba2Scan scan = mamba2_layer(shape_, weights_.layers[0], states_, 0, nullptr, 0);
    mamba2_fold(queue_, batch, scan, decays_.data(), static_cast<int32_t>(shape_.layer_count), states_.layer_floats());
}

void Engine::compute_many(const Queue& queue, const Batch& batch) {
    const auto* pieces = reinterpret_cast<const Mamba2Piece*>(batch.parts + batch.part_count);
    embed(queue, weights_.embedding, batch, x_.data());
    for (int64_t layer = 0; layer < shape_.layer_count; ++layer) {
        if (shape_.head_count > 0) prefill_.mamba2(queue, batch, pieces, layer, x_.data());
        else prefill_.mamba1(queue, batch, layer, x_.data());
    }
    final_norm(queue, batch, x_.data(), weights_.final_norm, shape_.norm_eps, static_cast<int32_t>(shape_.d_model), normed_.data(),
               states_.hidden());
}

void Engine::compute_few(const Queue& queue, const Batch& batch) {
    embed(queue, weights_.embedding, batch, x_.data());
    const bool steps = batch.rows == batch.part_count, whole = steps && batch.policies == nullptr && mamba2_decode_.takes(batch.rows);
    const bool streamed = steps && !batch.capped && steps_.takes(queue, batch.rows);
    if (whole) mamba2_decode_.run(queue, batch, x_.data());
    else if (streamed) steps_.run(queue, batch, x_.data(), projected_.data(), projected_width_);
    for (int64_t layer = 0; !whole && !streamed && layer < shape_.layer_count; ++layer) {
        if (shape_.head_count > 0) mamba2(queue, batch, layer);
        else mamba1(queue, batch, layer);
    }
    final_norm(queue, batch, x_.data(), weights_.final_norm, shape_.norm_eps, static_cast<int32_t>(shape_.d_model), normed_.data(),
               states_.hidden());
}

void Engine::multiply(const Queue& queue, const Weight& w, const Product& p) {
    if (p.rows > most_few_rows && prefill_.takes()) prefill_.project(queue, w, p);
    else project(queue, w, p);
}

void Engine::project_normed(const Queue& queue, const Weight& w, const float* x, int64_t x_stride, int32_t rows, const float* norm, int32_t group,
                            const float* bias, bool add, float* y, int64_t y_stride) {
    Product p{x, x_stride, rows, bias, add, y, y_stride, group, norm, shape_.norm_eps};
    if (p.rows > most_few_rows && prefill_.takes() ? group != w.cols : !takes_norm(queue, w, p)) {
        norm_rows(queue, {x, x_stride, normed_.data(), w.cols, rows, w.cols, group, norm, shape_.norm_eps, nullptr, 0});
        p = {normed_.data(), w.cols, rows, bias, add, y, y_stride, 0, nullptr, 0.0f};
    }
    multiply(queue, w, p);
}

void Engine::mamba2(const Queue& queue, const Batch& batch, int64_t index) {
    const LayerWeights& layer = weights_.layers[static_cast<size_t>(index)];
    const auto d_model = static_cast<int32_t>(shape_.d_model), d_inner = static_cast<int32_t>(shape_.d_inner);
    const int64_t width = projected_width_;
    float* const projected = projected_.data();
    float* const mixed = mixed_.data();
    project_normed(queue, layer.in_proj, x_.data(), d_model, batch.rows, layer.norm, d_model, layer.in_proj_bias, false, projected, width);

    const Convolution c{projected + d_inner, width, layer.conv_weight, layer.conv_bias, convolved_.data(), channels_, states_.window(index),
                        static_cast<int32_t>(channels_), static_cast<int32_t>(shape_.d_conv)};
    const bool steps = rings_ && batch.rows == batch.part_count && !batch.capped;
    if (!steps) {
        convolve(queue, batch, c);
        keep_window(queue, batch, c);
    }

    const bool gate_last = shape_.gated_norm != 0 && shape_.norm_before_gate != 0;
    Mamba2Scan s = mamba2_layer(shape_, layer, states_, index, projected, width);
    s.x = convolved_.data();
    s.b = s.x + d_inner;
    s.c = s.b + shape_.group_count * shape_.d_state;
    s.stride = channels_;
    s.y = mixed;
    s.y_stride = d_inner;
    if (steps) mamba2_step(queue, batch, {s, c, {}, nullptr});
    else mamba2_scan(queue, batch, s);

    const auto group = static_cast<int32_t>(shape_.d_inner / shape_.group_count);
    if (shape_.gated_norm != 0 && !gate_last) {
        project_normed(queue, layer.out_proj, mixed, d_inner, batch.rows, layer.gated_norm, group, layer.out_proj_bias, true, x_.data(), d_model);
        return;
    }
    if (gate_last) {
        norm_rows(queue, {mixed, d_inner, mixed, d_inner, batch.rows, d_inner, group, layer.gated_norm, shape_.norm_eps, projected, width});
    }
    multiply(queue, layer.out_proj, {mixed, d_inner, batch.rows, layer.out_proj_bias, true, x_.data(), d_model, 0, nullptr, 0.0f});
}

void Engine::mamba1(const Queue& queue, const Batch& batch, int64_t index) {
    const LayerWeights& layer = weights_.layers[static_cast<size_t>(index)];
    const auto d_model = static_cast<int32_t>(shape_.d_model), d_inner = static_cast<int32_t>(shape_.d_inner);
    const auto rank = static_cast<int32_t>(shape_.dt_rank), n = static_cast<int32_t>(shape_.d_state);
    const int64_t width = projected_width_, small_width = small_width_;
    float* const projected = projected_.data();
    float* const small = small_.data();
    project_normed(queue, layer.in_proj, x_.data(), d_model, batch.rows, layer.norm, d_model, layer.in_proj_bias, false, projected, width);
    const Product out{mixed_.data(), d_inner, batch.rows, layer.out_proj_bias, true, x_.data(), d_model, 0, nullptr, 0.0f};
    if (batch.rows == batch.part_count && !batch.capped && prefill_.takes_step(index, batch.rows)) {
        const bool few = batch.rows <= most_few_rows;  // out_proj reads FP32 rows
        prefill_.mamba1_step(queue, batch, index, projected, width, few ? mixed_.data() : nullptr, x_.data());
        if (few) multiply(queue, layer.out_proj, out);
        return;
    }

    const Convolution c{projected, width, layer.conv_weight, layer.conv_bias, convolved_.data(), channels_, states_.window(index),
                        static_cast<int32_t>(channels_), static_cast<int32_t>(shape_.d_conv)};
    convolve(queue, batch, c);
    keep_window(queue, batch, c);

    multiply(queue, layer.x_proj, {convolved_.data(), channels_, batch.rows, nullptr, false, small, small_width, 0, nullptr, 0.0f});
    if (shape_.dt_b_c_norm != 0) {
        const float eps = shape_.dt_b_c_norm_eps;
        norm_rows(queue, {small, small_width, small, small_width, batch.rows, rank, rank, layer.dt_norm, eps, nullptr, 0});
        norm_rows(queue, {small + rank, small_width, small + rank, small_width, batch.rows, n, n, layer.b_norm, eps, nullptr, 0});
        norm_rows(queue, {small + rank + n, small_width, small + rank + n, small_width, batch.rows, n, n, layer.c_norm, eps, nullptr, 0});
    }
    const Product steps{small, small_width, batch.rows, nullptr, false, dt_.data(), d_inner, 0, nullptr, 0.0f};
    if (rank % 8 == 0) multiply(queue, layer.dt_proj, steps);
    else project(queue, layer.dt_proj, steps);

    Mamba1Scan s{};
    s.v = convolved_.data();
    s.v_stride = channels_;
    s.dt = dt_.data();
    s.dt_stride = d_inner;
    s.b = small + rank;
    s.c = s.b + n;
    s.bc_stride = small_width;
    s.z = projected + d_inner;
    s.z_stride = width;
    s.a = layer.a;
    s.d = layer.d;
    s.dt_bias = layer.dt_bias;
    s.y = mixed_.data();
    s.y_stride = d_inner;
    s.state = states_.ssm(index);
    s.d_inner = d_inner;
    s.d_state = n;
    s.layer = static_cast<int32_t>(index);
    mamba1_scan(queue, batch, s);
    multiply(queue, layer.out_proj, out);
}

// ---- What comes out

void Engine::compute_logits(const device::Row* rows, int32_t count) {
    const auto d_model = static_cast<int32_t>(shape_.d_model);
    bool together = true;  // rows of the run, one behind the other, as in every step of decoding: they need not be brought together
    for (int32_t i = 0; i < count; ++i) {
        if (rows[i].slot < 0 && (rows[i].row < 0 || rows[i].row >= last_rows_)) fail(MAMBA_INTERNAL, "row ", rows[i].row, " of ", last_rows_);
        if (rows[i].slot >= 0) parking_.settle(rows[i].slot, queue_.stream);
        gather_host_.data()[i] = rows[i].slot >= 0 ? states_.at(rows[i].slot) + states_.hidden() : normed_.data() + rows[i].row * shape_.d_model;
        together = together && rows[i].slot < 0 && rows[i].row == rows[0].row + i;
    }
    const float* x = together ? gather_host_.data()[0] : gathered_.data();
    if (!together) {
        const size_t bytes = static_cast<size_t>(count) * sizeof(const float*);
        check(cudaMemcpyAsync(gather_.data(), gather_host_.data(), bytes, cudaMemcpyHostToDevice, queue_.stream), "asking for logits");
        gather(queue_, gather_.data(), count, d_model, gathered_.data());
    }
    if (steps_.takes_head(queue_, count)) return steps_.head(queue_, x, count, logits_.data());
    const int64_t v = shape_.padded_vocab_size;
    const Product p{x, d_model, count, nullptr, false, logits_.data(), v, 0, nullptr, 0.0f};
    // A quantized head is not widened: the memory for it would be the largest of all.
    if (weights_.head.type == operand_type(weights_.head.type)) multiply(queue_, weights_.head, p);
    else project(queue_, weights_.head, p);
}

void Engine::logits(const device::Row* rows, int32_t count, float* out, int64_t stride) {
    const int64_t v = shape_.padded_vocab_size;
    const size_t bytes = static_cast<size_t>(v) * sizeof(float);
    for (int32_t first = 0; first < count; first += output_rows) {
        const int32_t some = std::min(output_rows, count - first);
        compute_logits(rows + first, some);
        // By way of page-locked memory, because the caller's is slow to read into: what has come is handed on while the rest comes.
        const auto rows_of = [&](size_t part) { return std::min(static_cast<int32_t>(part) * rows_a_part, some); };
        for (size_t part = 0; part < parts_read_.size(); ++part) {
            const int64_t begin = rows_of(part), end = rows_of(part + 1);
            if (begin == end) break;
            check(cudaMemcpyAsync(logits_host_.data() + begin * v, logits_.data() + begin * v, static_cast<size_t>(end - begin) * bytes,
                                  cudaMemcpyDeviceToHost, queue_.stream), "reading logits");
            parts_read_[part].record(queue_.stream);
        }
        for (int32_t row = 0; row < some; ++row) {
            if (row % rows_a_part == 0) parts_read_[static_cast<size_t>(row / rows_a_part)].wait();
            std::memcpy(out + (first + row) * stride, logits_host_.data() + row * v, bytes);
        }
    }
}

void Engine::top(const device::Row* rows, int32_t count, int32_t k, const uint32_t* masks, int32_t mask_words, device::TopEntry* out) {
    const auto vocabulary = static_cast<int32_t>(shape_.vocab_size);
    const int32_t words = std::min(mask_words, (vocabulary + 31) / 32), some_k = std::min(k, top_most);
    if (k > top_most && vocabulary > top_most) {
        fail(MAMBA_UNSUPPORTED, "the ", k, " largest logits were asked for; the CUDA backend chooses up to ", top_most);
    }
    for (int32_t first = 0; first < count; first += output_rows) {
        const int32_t some = std::min(output_rows, count - first);
        compute_logits(rows + first, some);
        if (masks != nullptr) {
            check(cudaMemcpy2DAsync(masks_.data(), static_cast<size_t>(words) * 4, masks + static_cast<int64_t>(first) * mask_words,
                                    static_cast<size_t>(mask_words) * 4, static_cast<size_t>(words) * 4, static_cast<size_t>(some),
                                    cudaMemcpyHostToDevice, queue_.stream), "sending masks");
        }
        select_top(queue_, {logits_.data(), shape_.padded_vocab_size, some, vocabulary, some_k, masks == nullptr ? nullptr : masks_.data(),
                            words, top_.data()}, top_parts_.data());
        device::TopEntry* to = out + static_cast<int64_t>(first) * k;
        check(cudaMemcpy2DAsync(to, static_cast<size_t>(k) * sizeof(device::TopEntry), top_.data(),
                                static_cast<size_t>(some_k) * sizeof(device::TopEntry), static_cast<size_t>(some_k) * sizeof(device::TopEntry),
                                static_cast<size_t>(some), cudaMemcpyDeviceToHost, queue_.stream), "reading the largest logits");
        wait();
        for (int32_t i = 0; i < some; ++i) {
            std::fill(to + static_cast<int64_t>(i) * k + some_k, to + static_cast<int64_t>(i + 1) * k, device::TopEntry{-1, -INFINITY});
        }
    }
}

double Engine::bandwidth() {
    constexpr size_t bytes = size_t{1} << 30;  // many times the cache
    const DeviceArray<float4> memory(bytes / sizeof(float4), "the bandwidth measurement");
    check(cudaMemsetAsync(memory.data(), 0, bytes, queue_.stream), "measuring the bandwidth");
    cudaEvent_t begin = nullptr, end = nullptr;
    check(cudaEventCreate(&begin), "an event");
    check(cudaEventCreate(&end), "an event");
    double best = 0;
    constexpr int repeats = 8;
    for (int i = 0; i < repeats; ++i) {
        check(cudaEventRecord(begin, queue_.stream), "measuring the bandwidth");
        read_all<<<2112, 512, 0, queue_.stream>>>(memory.data(), memory.size(), logits_.data());
        check(cudaGetLastError(), "measuring the bandwidth");
        check(cudaEventRecord(end, queue_.stream), "measuring the bandwidth");
        check(cudaEventSynchronize(end), "measuring the bandwidth");
        float milliseconds = 0;
        check(cudaEventElapsedTime(&milliseconds, begin, end), "measuring the bandwidth");
        best = std::max(best, static_cast<double>(bytes) / (milliseconds * 1e-3));
    }
    cudaEventDestroy(begin);
    cudaEventDestroy(end);
    return best;
}

}  // namespace mamba::cuda
