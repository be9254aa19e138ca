// Devices: the CPU, and those of the CUDA backend, which is listed with its reason where there are none.
#include <algorithm>
#include <cstring>
#include <string>

#include "api/guard.h"
#include "backends/cpu/kernels.h"
#include "backends/device_library.h"
#include "base/platform.h"

using namespace mamba;

namespace {

template <size_t Capacity>
int32_t copy_text(const std::string& text, uint8_t (&out)[Capacity]) {
    const size_t length = std::min(text.size(), Capacity);
    std::memcpy(out, text.data(), length);
    return static_cast<int32_t>(length);
}

mamba_device_info cpu_device() {
    mamba_device_info info{};
    info.kind = MAMBA_DEVICE_CPU;
    info.usable = 1;
    info.isa = best_isa();
    info.unit_count = platform::processor_count();
    info.memory_bytes = static_cast<int64_t>(platform::total_memory());
    info.free_bytes = static_cast<int64_t>(platform::available_memory());
    info.name_length = copy_text(platform::processor_name(), info.name);
    return info;
}

mamba_device_info cuda_device(int32_t index) {
    mamba_device_info info{};
    info.kind = MAMBA_DEVICE_CUDA;
    info.index = index;
    std::string reason;
    if (DeviceLibrary::cuda().count(&reason) <= index) {
        info.name_length = copy_text("CUDA", info.name);
        info.reason_length = copy_text(reason, info.reason);
        return info;
    }
    device::Info found{};
    device::Status status{};
    if (DeviceLibrary::cuda().table()->device_get(index, &found, &status) != MAMBA_OK) {
        fail(static_cast<mamba_result>(status.code), status.message);
    }
    info.usable = found.usable;
    info.compute_capability = found.compute_capability;
    info.unit_count = found.unit_count;
    info.memory_bytes = found.memory_bytes;
    info.free_bytes = found.free_bytes;
    info.name_length = copy_text(found.name, info.name);
    info.reason_length = copy_text(found.reason, info.reason);
    return info;
}

}  // namespace

int32_t mamba_device_count(void) {
    std::string reason;
    return 1 + std::max(1, DeviceLibrary::cuda().count(&reason));
}

int32_t mamba_device_get(int32_t index, mamba_device_info* info, mamba_status* status) {
    return api::result(status, [&] {
        if (index < 0 || index >= mamba_device_count()) fail(MAMBA_NOT_FOUND, "there is no device ", index, "; there are ", mamba_device_count());
        api::write_struct(info, index == 0 ? cpu_device() : cuda_device(index - 1), "info");
    });
}
