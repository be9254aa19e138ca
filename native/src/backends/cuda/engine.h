// A model on one device: its weights, its states, working memory of one run, and the layer loop.
#pragma once

#include <array>
#include <mutex>
#include <vector>

#include "backends/cuda/async.h"
#include "backends/cuda/batch.h"
#include "backends/cuda/graphs.h"
#include "backends/cuda/launch.h"
#include "backends/cuda/mamba2_decode.h"
#include "backends/cuda/parking.h"
#include "backends/cuda/policies.h"
#include "backends/cuda/prefill.h"
#include "backends/cuda/states.h"
#include "backends/cuda/steps.h"
#include "backends/cuda/weights.h"

namespace mamba::cuda {

// The numbers of device::Model, without what it points to.
using Shape = device::Model;

class Engine {
public:
    Engine(int32_t device, const device::Model& model, int64_t max_rows);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    std::mutex mutex;  // around each call
    // Makes the device the calling thread's.
    void enter() const { check(cudaSetDevice(device_), "choosing the device"); }
    // Fails where a run ended half-way: what states, sums and logits hold is not to be handed out then.
    void require_whole() const;
    int32_t device() const { return device_; }

    int32_t take_state() { return states_.take(); }
    int32_t take_host_state() { return parking_.take(); }
    void give_state(int32_t slot);
    void clear_state(int32_t slot);
    void copy_state(int32_t from, int32_t to);
    int32_t pending(int32_t slot) const { return rests(slot) ? parking_.pending(slot) : states_.pending(slot); }
    void fold_state(const device::Piece& session);
    void read_layer(const device::Piece& session, int64_t layer, float* values);
    void measure(const device::Piece& session, int64_t layer, int64_t tracked, device::HeadSums* heads);
    void read_state(int32_t slot, int64_t position, void* values, void* hidden);
    void write_state(int32_t slot, int64_t position, const void* values, int32_t entries, const void* hidden);

    int32_t take_policy(const device::Policy& policy) { return policies_.take(policy); }
    void give_policy(int32_t index) { policies_.give(index); }
    int32_t take_sums() { return policies_.take_sums(); }
    void give_sums(int32_t index) { policies_.give_sums(index); }
    void copy_sums(int32_t from, int32_t to) { policies_.copy_sums(from, to, queue_.stream); }
    void read_sums(int32_t index, double* values);
    void write_sums(int32_t index, const double* values);

    void run(const device::Piece* pieces, int32_t count);
    void logits(const device::Row* rows, int32_t count, float* out, int64_t stride);
    void top(const device::Row* rows, int32_t count, int32_t k, const uint32_t* masks, int32_t mask_words, device::TopEntry* out);
    void wait() { check(cudaStreamSynchronize(queue_.stream), "waiting for the device"); }

    double bandwidth();
    int64_t working_bytes() const;
    int64_t weight_bytes() const { return static_cast<int64_t>(weights_.bytes()); }

private:
    // Rows whose logits are computed at a time.
    static constexpr int32_t output_rows = 64;
    // Of them, as many as come to the host at a time.
    static constexpr int32_t rows_a_part = 8;

    // Whether a run is one of many rows, as prompts are.
    bool takes_many(int32_t rows, int32_t parts) const;
    static bool rests(int32_t slot) { return slot >= Parking::first_place; }

    // What a run is told, in one stretch of memory: parts, then Mamba-2's pieces, then tokens, then part_of.
    Batch send(const device::Piece* pieces, int32_t count);
    // Of one session alone, without tokens.
    Batch send_session(const device::Piece& session);
    // Brings what waits in the parts' rings into their states.
    void fold(const Batch& batch);
    // A layer's state with what waits brought in: where it lies, or in folded_.
    const float* folded_layer(const device::Piece& session, int64_t layer);
    // Queues the kernels of a run: of few rows or of steps, or of many.
    void compute_few(const Queue& queue, const Batch& batch);
    void compute_many(const Queue& queue, const Batch& batch);
    void mamba1(const Queue& queue, const Batch& batch, int64_t layer);
    void mamba2(const Queue& queue, const Batch& batch, int64_t layer);
    // A product of FP32 rows, and one of normed rows, where the norm is part of it if it can be.
    void multiply(const Queue& queue, const Weight& w, const Product& p);
    void project_normed(const Queue& queue, const Weight& w, const float* x, int64_t x_stride, int32_t rows, const float* norm, int32_t group,
                        const float* bias, bool add, float* y, int64_t y_stride);
    // Hidden rows brought together, and their logits, [count, padded_vocab_size].
    void compute_logits(const device::Row* rows, int32_t count);

    const int32_t device_;
    Shape shape_;
    const int64_t max_rows_;  // of a run
    Queue queue_;
    cudaEvent_t sent_ = nullptr;

    Weights weights_;
    States states_;
    Parking parking_;
    Policies policies_;
    Prefill prefill_;
    Steps steps_;
    Mamba2Decode mamba2_decode_;
    bool rings_ = false;  // steps leave recent inputs in the rings

    int64_t projected_width_, channels_, small_width_;
    DeviceArray<float> x_, normed_, projected_, convolved_, mixed_, dt_, small_, gathered_, logits_;
    DeviceArray<unsigned char> batch_;
    PinnedArray<unsigned char> batch_host_;
    DeviceArray<const float*> decays_;  // A of each layer
    DeviceArray<const float*> gather_;
    PinnedArray<const float*> gather_host_;
    PinnedArray<float> logits_host_;
    std::array<Event, output_rows / rows_a_part> parts_read_;
    DeviceArray<device::TopEntry> top_;
    DeviceArray<unsigned long long> top_parts_;
    DeviceArray<uint32_t> masks_;
    Graphs graphs_, policy_graphs_;  // the latter of steps where any part has a policy
    DeviceArray<float> folded_;             // [d_inner, d_state], taken when it is first needed
    DeviceArray<device::HeadSums> heads_;   // likewise, [heads or blocks]
    int32_t last_rows_ = 0;
    bool half_way_ = false;  // a run failed after its first kernel
};

}  // namespace mamba::cuda
