// The arrays that hold an engine's states. Memory fresh from the system costs several times the copy that fills it, in page
// faults, so arrays of states that have ended serve the next ones: few, and never more than are in use, so that an engine
// without sessions holds none.
#pragma once

#include <cstddef>
#include <mutex>

#include "base/buffer.h"

namespace mamba {

class DeviceStates;

// Thread-safe. Outlives every State made with it.
class StateMemory {
public:
    // Each array: floats of the states, and ring_entries entries of a ring (StateLayout). device: where states live instead, and
    // this memory keeps no arrays; NULL: here.
    StateMemory(int64_t floats, int64_t entry_floats, DeviceStates* device = nullptr);
    StateMemory(const StateMemory&) = delete;
    StateMemory& operator=(const StateMemory&) = delete;
    ~StateMemory() { shrink(0); }

    int64_t floats() const { return floats_; }
    int64_t entry_floats() const { return entry_floats_; }
    DeviceStates* device() const { return device_; }

    // Its values are unspecified.
    Buffer<float> take();
    // Takes back what take() gave; an array that was moved from is nothing.
    void give(Buffer<float> values) noexcept;

    // Arrays that wait to be used again.
    size_t kept() const;

private:
    static constexpr size_t most_kept = 4;

    void shrink(size_t count) noexcept;

    const int64_t floats_, entry_floats_;
    DeviceStates* const device_;
    mutable std::mutex mutex_;
    Buffer<float> kept_[most_kept];
    size_t kept_count_ = 0, in_use_ = 0;
};

}  // namespace mamba
