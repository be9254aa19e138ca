// Devices: this version runs on the CPU; a CUDA backend is listed with the reason why it is not there.
#include <cstring>
#include <string>

#include "api/guard.h"
#include "backends/cpu/kernels.h"
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

mamba_device_info cuda_device() {
    mamba_device_info info{};
    info.kind = MAMBA_DEVICE_CUDA;
    info.name_length = copy_text("CUDA", info.name);
    info.reason_length = copy_text("this version has no CUDA backend yet", info.reason);
    return info;
}

}  // namespace

int32_t mamba_device_count(void) { return 2; }

int32_t mamba_device_get(int32_t index, mamba_device_info* info, mamba_status* status) {
    return api::result(status, [&] {
        if (index < 0 || index >= mamba_device_count()) fail(MAMBA_NOT_FOUND, "there is no device ", index, "; there are ", mamba_device_count());
        api::write_struct(info, index == 0 ? cpu_device() : cuda_device(), "info");
    });
}
