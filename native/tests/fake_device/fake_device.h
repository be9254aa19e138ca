// What fake_device.cpp exports beside the table, for tests: found by name in the library that MAMBA_CUDA_PATH names.
#pragma once

#include <stdint.h>

namespace mamba::fake {

// The `call`-th next call of this function of the table (1: the next; 0: each) fails with this mamba_result, and nothing else happens in
// it. After MAMBA_DEVICE the device has stopped working. NULL: all is well again, as in a new process.
using Fail = void (*)(const char* function, int32_t call, int32_t code);
constexpr char fail_symbol[] = "mamba_fake_fail";

// Slots in use, of all engines: of the device, or in host memory.
using Slots = int32_t (*)(int32_t on_host);
constexpr char slots_symbol[] = "mamba_fake_slots";

}  // namespace mamba::fake
