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

private:
    DeviceStates* states_ = nullptr;
    int32_t index_ = -1;
    bool on_host_ = false;
};

}  // namespace mamba
