// Where the states of an engine live that computes on a device: slots of a pool there.
#pragma once

#include <cstdint>
#include <utility>

namespace mamba {

// Thread-safe. What fails throws, MAMBA_OUT_OF_MEMORY or MAMBA_DEVICE.
class DeviceStates {
public:
    virtual ~DeviceStates() = default;
    // A slot whose values are unspecified.
    virtual int32_t take() = 0;
    // The same in host memory, where a state rests: it can be copied from and to the device, read and given back, and nothing else.
    virtual int32_t take_host() = 0;
    virtual void give(int32_t slot) noexcept = 0;
    virtual void clear(int32_t slot) = 0;
    virtual void copy(int32_t from, int32_t to) = 0;
    // To and from host memory, FP32 in StateLayout with the entries that wait in the ring behind it (State::pending), and the hidden vector.
    // position: tokens that the state has read.
    virtual void read(int32_t slot, int64_t position, void* values, void* hidden) = 0;
    virtual void write(int32_t slot, int64_t position, const void* values, int64_t entries, const void* hidden) = 0;

    // Sums of a session's step sizes (state/tracking.h), StateLayout::step_sums of them: places of their own, with unspecified values.
    virtual int32_t take_sums() = 0;
    virtual void give_sums(int32_t index) noexcept = 0;
    virtual void copy_sums(int32_t from, int32_t to) = 0;
    virtual void read_sums(int32_t index, double* values) = 0;
    // NULL: zeros.
    virtual void write_sums(int32_t index, const double* values) = 0;
};

// A slot that is given back when this ends. Moves, does not copy.
class DeviceSlot {
public:
    DeviceSlot() = default;
    explicit DeviceSlot(DeviceStates& states, bool on_host = false)
        : states_(&states), index_(on_host ? states.take_host() : states.take()), on_host_(on_host) {}
    DeviceSlot(DeviceSlot&& other) noexcept
        : states_(std::exchange(other.states_, nullptr)), index_(std::exchange(other.index_, -1)),
          on_host_(std::exchange(other.on_host_, false)) {}
    DeviceSlot& operator=(DeviceSlot&& other) noexcept {
        std::swap(states_, other.states_);
        std::swap(index_, other.index_);
        std::swap(on_host_, other.on_host_);
        return *this;
    }
    ~DeviceSlot() {
        if (states_ != nullptr) states_->give(index_);
    }

    // NULL: there is no slot, and the state is in host memory.
    DeviceStates* states() const { return states_; }
    int32_t index() const { return index_; }
    // Whether it rests in host memory.
    bool on_host() const { return on_host_; }

    // A copy on the device, or at rest; of no slot, none. Not from host memory to host memory.
    DeviceSlot copy(bool on_host) const {
        if (states_ == nullptr) return {};
        DeviceSlot other(*states_, on_host);
        states_->copy(index_, other.index_);
        return other;
    }
    // Becomes as another. Not at rest.
    void assign(const DeviceSlot& other) {
        if (states_ != nullptr) states_->copy(other.index_, index_);
    }
    // To zeros. Not at rest.
    void clear() {
        if (states_ != nullptr) states_->clear(index_);
    }

private:
    DeviceStates* states_ = nullptr;
    int32_t index_ = -1;
    bool on_host_ = false;
};

// A place for sums that is given back when this ends. Moves, does not copy.
class DeviceSums {
public:
    DeviceSums() = default;
    explicit DeviceSums(DeviceStates& states) : states_(&states), index_(states.take_sums()) {}
    DeviceSums(DeviceSums&& other) noexcept : states_(std::exchange(other.states_, nullptr)), index_(std::exchange(other.index_, -1)) {}
    DeviceSums& operator=(DeviceSums&& other) noexcept {
        std::swap(states_, other.states_);
        std::swap(index_, other.index_);
        return *this;
    }
    ~DeviceSums() {
        if (states_ != nullptr) states_->give_sums(index_);
    }

    // NULL: there is no place.
    DeviceStates* states() const { return states_; }
    int32_t index() const { return index_; }
    void read(double* values) const { states_->read_sums(index_, values); }
    void write(const double* values) { states_->write_sums(index_, values); }
    void assign(const DeviceSums& other) { states_->copy_sums(other.index_, index_); }

private:
    DeviceStates* states_ = nullptr;
    int32_t index_ = -1;
};

}  // namespace mamba
