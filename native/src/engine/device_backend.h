// A device behind a backend library (backends/device.h): weights and states are there, and what comes back are logits.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "backends/device_library.h"
#include "engine/backend.h"
#include "model/model.h"
#include "state/layout.h"

namespace mamba {

class DeviceBackend : public Backend, private DeviceStates {
public:
    // Throws MAMBA_UNSUPPORTED where there is no such library, driver or device, MAMBA_NOT_FOUND, MAMBA_OUT_OF_MEMORY or MAMBA_DEVICE.
    // The host's memory of the weights is let go: a file's pages, and what is the model's own where nobody else holds it (alone).
    DeviceBackend(const Model& model, bool alone, const StateLayout& layout, int32_t index, int64_t rows);

    mamba_device_kind kind() const override { return MAMBA_DEVICE_CUDA; }
    int32_t index() const override { return index_; }
    mamba_isa isa() const override { return MAMBA_ISA_AUTO; }
    int threads() const override { return 0; }
    int64_t rows() const override { return rows_; }
    int64_t memory_bytes() const override;
    StateMemory& states() override { return states_; }

    void make_room(int64_t rows, const BatchOutput& output) override;
    void run(const Slice& slice) override;
    void emit(const std::vector<LogitsRow>& logits, const std::vector<LogitsRow>& top, const BatchOutput& output) override;
    void abandon() override { abandoned_ = true; }
    void fold(State& state) override;
    void copy_layer_state(const State& state, int64_t layer, float* out) override;
    void measure(const State& state, int64_t layer, mamba_head_statistics* heads) override;
    void wait() override;
    double measure_bandwidth() override;

private:
    struct Close {
        const device::Table* table;
        void operator()(device::Engine* engine) const { table->close(engine); }
    };

    int32_t take() override;
    int32_t take_host() override;
    void give(int32_t slot) noexcept override;
    void clear(int32_t slot) override;
    void copy(int32_t from, int32_t to) override;
    void read(int32_t slot, int64_t position, void* values, void* hidden) override;
    void write(int32_t slot, int64_t position, const void* values, int64_t entries, const void* hidden) override;
    int32_t take_sums() override;
    void give_sums(int32_t index) noexcept override;
    void copy_sums(int32_t from, int32_t to) override;
    void read_sums(int32_t index, double* values) override;
    void write_sums(int32_t index, const double* values) override;

    // Calls a function of the table and throws what its status says.
    template <typename Function, typename... Arguments>
    void call(Function function, Arguments... arguments) const;
    device::Row row_of(const LogitsRow& row) const;
    // The device's copy of a policy; -1: none. It goes some time after the policy has gone.
    int32_t index_of(const std::shared_ptr<const Policy>& policy);
    device::Piece piece_of(const State& state, const int32_t* tokens, int64_t count);
    // Calls f with the state as a piece without tokens; one at rest is copied to the device for that time.
    template <typename F>
    void with_state(const State& state, const F& f);
    // Entries that wait in a slot's ring.
    int64_t pending(int32_t slot) const;

    const Model& model_;
    const device::Table& table_;
    const int32_t index_;
    const int64_t rows_, vocabulary_;
    std::unique_ptr<device::Engine, Close> engine_;
    StateMemory states_;
    struct DevicePolicy {
        std::weak_ptr<const Policy> policy;
        int32_t index;
    };
    std::vector<DevicePolicy> policies_;
    std::mutex policies_mutex_;  // sessions are looked at while others advance
    std::vector<device::Piece> pieces_;
    std::vector<int32_t> device_rows_;  // of the rows of the last slice, on the device
    std::vector<device::Row> wanted_;
    std::vector<device::TopEntry> entries_;
    std::vector<uint32_t> masks_;
    bool abandoned_ = false;
};

}  // namespace mamba
