// The backend library as the core opens it, on any machine: it loads without a driver, and says in a sentence why there is no device.
//   library_test native/out/cuda/libmamba_cuda.so
// Where there are devices, it names them. Exit code 1: something is wrong.
#include <dlfcn.h>

#include <cstdio>
#include <cstring>

#include "backends/device.h"
#include "mamba/c_api.h"

using namespace mamba;

namespace {

int failures = 0;

void expect(bool holds, const char* what) {
    if (holds) return;
    std::printf("FAILED: %s\n", what);
    ++failures;
}

// A result other than MAMBA_OK comes with its code and a sentence.
void expect_refusal(int32_t result, const device::Status& status, const char* what) {
    expect(result != MAMBA_OK && status.code == result && std::strlen(status.message) > 10, what);
    std::printf("%s: %s\n", what, status.message);
}

void without_a_device(const device::Table& table) {
    device::Status status{};
    int32_t count = -1;
    const int32_t result = table.device_count(&count, &status);
    expect_refusal(result, status, "counting devices");
    expect(result == MAMBA_UNSUPPORTED && count == 0, "no device is none to count, and unsupported");
    expect(std::strstr(status.message, "NVIDIA driver") != nullptr, "the sentence is about the driver");

    device::Info info{};
    status = {};
    expect_refusal(table.device_get(0, &info, &status), status, "asking for device 0");

    device::Model model{};
    device::Engine* engine = nullptr;
    status = {};
    expect_refusal(table.open(0, &model, 1, &engine, &status), status, "opening an engine");
    expect(engine == nullptr, "a refused engine is none");
    table.close(nullptr);
}

void with_devices(const device::Table& table, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        device::Status status{};
        device::Info info{};
        expect(table.device_get(i, &info, &status) == MAMBA_OK, "asking for a device");
        expect(info.name[0] != 0 && info.memory_bytes > 0, "a device has a name and memory");
        expect((info.usable != 0) == (info.reason[0] == 0), "a device is usable, or there is a reason");
        std::printf("cuda:%d: %s%s%s\n", i, info.name, info.usable != 0 ? "" : ", not usable: ", info.reason);
    }
}

}  // namespace

int main(int argument_count, char** arguments) {
    if (argument_count != 2) {
        std::printf("usage: library_test PATH/libmamba_cuda.so\n");
        return 2;
    }
    void* library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        std::printf("FAILED: %s\n", dlerror());
        return 1;
    }
    const auto get = reinterpret_cast<device::GetTable>(dlsym(library, device::table_symbol));
    const device::Table* table = get == nullptr ? nullptr : get(device::interface_version);
    if (table == nullptr || table->version != device::interface_version || table->size != static_cast<int32_t>(sizeof(device::Table))) {
        std::printf("FAILED: no table of version %d\n", device::interface_version);
        return 1;
    }
    expect(get(device::interface_version + 1) == nullptr, "another version is refused");
    int32_t count = 0;
    device::Status status{};
    table->device_count(&count, &status);
    if (count == 0) without_a_device(*table);
    else with_devices(*table, count);
    return failures == 0 ? 0 : 1;
}
