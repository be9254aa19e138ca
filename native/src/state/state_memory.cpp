#include "state/state_memory.h"

#include <algorithm>

#include "backends/cpu/kernels.h"

namespace mamba {

StateMemory::StateMemory(int64_t floats, int64_t entry_floats, DeviceStates* device)
    : floats_(floats), entry_floats_(entry_floats), device_(device) {}

Buffer<float> StateMemory::take() {
    const std::lock_guard lock(mutex_);
    Buffer<float> values;
    if (kept_count_ > 0) {
        values = std::move(kept_[--kept_count_]);
        platform::allow_access(values.data(), values.bytes());
    } else {
        values = Buffer<float>(static_cast<size_t>(floats_ + ring_entries * entry_floats_), "a session's state");
    }
    ++in_use_;
    return values;
}

void StateMemory::give(Buffer<float> values) noexcept {
    if (values.empty()) return;
    const std::lock_guard lock(mutex_);
    --in_use_;
    const size_t most = std::min(in_use_, most_kept);
    shrink(most);
    if (kept_count_ == most) return;
    platform::forbid_access(values.data(), values.bytes());
    kept_[kept_count_++] = std::move(values);
}

size_t StateMemory::kept() const {
    const std::lock_guard lock(mutex_);
    return kept_count_;
}

void StateMemory::shrink(size_t count) noexcept {
    while (kept_count_ > count) {
        Buffer<float> last = std::move(kept_[--kept_count_]);
        platform::allow_access(last.data(), last.bytes());
    }
}

}  // namespace mamba
