// The library's border: the table of backends/device.h. No exception leaves.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <new>
#include <string>

#include "backends/cuda/engine.h"
#include "backends/device.h"

namespace mamba::cuda {
namespace {

// The oldest device that this build has code for; the PTX that it carries serves newer ones.
constexpr int oldest_capability = 80;

int32_t report(device::Status* status, mamba_result code, const char* message) {
    status->code = code;
    std::snprintf(status->message, sizeof status->message, "%s", message);
    return code;
}

template <typename Body>
int32_t guard(device::Status* status, Body&& body) noexcept {
    try {
        body();
        return report(status, MAMBA_OK, "");
    } catch (const Failure& failure) {
        return report(status, failure.code, failure.message.c_str());
    } catch (const std::bad_alloc&) {
        return report(status, MAMBA_OUT_OF_MEMORY, "the system has no memory left");
    } catch (...) {
        return report(status, MAMBA_INTERNAL, "an unknown exception");
    }
}

// Whether this build has code for a device is asked of this one.
__global__ void probe() {}

Engine& own(device::Engine* engine) { return *reinterpret_cast<Engine*>(engine); }

// Devices that have failed, and how. The driver says an error again to every later call, or starts anew as if nothing had been: neither is
// an answer to who asks for a state that is gone.
class Lost {
public:
    void note(int32_t device, const std::string& message) {
        const std::lock_guard<std::mutex> lock(mutex_);
        messages_.emplace(device, message);
    }
    void refuse(int32_t device) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto found = messages_.find(device);
        if (found != messages_.end()) throw Failure{MAMBA_DEVICE, found->second};
    }

private:
    std::mutex mutex_;
    std::map<int32_t, std::string> messages_;
};

Lost& lost() {
    static Lost devices;
    return devices;
}

template <typename Body>
void on_device(int32_t device, Body&& body) {
    lost().refuse(device);
    try {
        body();
    } catch (const Failure& failure) {
        // A launch that the driver refuses leaves the device as it was: other engines go on.
        cudaGetLastError();
        if (failure.code == MAMBA_DEVICE && cudaDeviceSynchronize() != cudaSuccess) lost().note(device, failure.message);
        throw;
    }
}

template <typename Body>
int32_t guard(device::Engine* engine, device::Status* status, Body&& body) noexcept {
    return guard(status, [&] {
        Engine& e = own(engine);
        const std::lock_guard<std::mutex> lock(e.mutex);
        on_device(e.device(), [&] {
            e.enter();
            e.require_whole();
            body(e);
        });
    });
}

int32_t device_count(int32_t* count, device::Status* status) {
    return guard(status, [&] {
        *count = 0;
        int found = 0;
        const cudaError_t error = cudaGetDeviceCount(&found);
        if (error == cudaErrorInsufficientDriver) {
            int driver = 0, runtime = 0;
            cudaDriverGetVersion(&driver);
            cudaRuntimeGetVersion(&runtime);
            if (driver == 0) fail(MAMBA_UNSUPPORTED, "there is no NVIDIA driver on this machine");
            fail(MAMBA_UNSUPPORTED, "the NVIDIA driver is for CUDA ", driver / 1000, ".", driver % 1000 / 10, ", too old for this build's ",
                 runtime / 1000, ".", runtime % 1000 / 10);
        }
        if (error == cudaErrorNoDevice || (error == cudaSuccess && found == 0)) fail(MAMBA_UNSUPPORTED, "the NVIDIA driver shows no device");
        if (error != cudaSuccess) fail(MAMBA_UNSUPPORTED, "the NVIDIA driver does not start: ", cudaGetErrorString(error));
        *count = found;
    });
}

int32_t device_get(int32_t index, device::Info* info, device::Status* status) {
    return guard(status, [&] {
        *info = {};
        cudaDeviceProp properties{};
        const cudaError_t error = cudaGetDeviceProperties(&properties, index);
        if (error == cudaErrorInvalidDevice) {
            cudaGetLastError();
            fail(MAMBA_NOT_FOUND, "there is no device ", index);
        }
        check(error, "asking for the device's properties");
        std::snprintf(info->name, sizeof info->name, "%.*s", static_cast<int>(sizeof info->name) - 1, properties.name);
        info->compute_capability = 10 * properties.major + properties.minor;
        info->unit_count = properties.multiProcessorCount;
        info->memory_bytes = static_cast<int64_t>(properties.totalGlobalMem);
        if (info->compute_capability < oldest_capability) {
            std::snprintf(info->reason, sizeof info->reason, "its compute capability is %d.%d; the CUDA backend needs %d.%d", properties.major,
                          properties.minor, oldest_capability / 10, oldest_capability % 10);
            return;
        }
        size_t free = 0, total = 0;
        cudaFuncAttributes attributes{};
        cudaError_t tried = cudaSetDevice(index);
        if (tried == cudaSuccess) tried = cudaMemGetInfo(&free, &total);
        if (tried == cudaSuccess) tried = cudaFuncGetAttributes(&attributes, probe);
        if (tried == cudaErrorNoKernelImageForDevice || tried == cudaErrorInvalidDeviceFunction) {
            cudaGetLastError();
            std::snprintf(info->reason, sizeof info->reason, "this build of the CUDA backend has no code for its compute capability %d.%d",
                          properties.major, properties.minor);
            return;
        }
        if (tried != cudaSuccess) {
            std::snprintf(info->reason, sizeof info->reason, "it does not start: %s", cudaGetErrorString(tried));
            return;
        }
        info->free_bytes = static_cast<int64_t>(free);
        info->usable = 1;
    });
}

int32_t open(int32_t index, const device::Model* model, int64_t max_rows, device::Engine** engine, device::Status* status) {
    return guard(status, [&] {
        on_device(index, [&] {
            device::Info info{};
            if (device_get(index, &info, status) != MAMBA_OK) throw Failure{static_cast<mamba_result>(status->code), status->message};
            if (info.usable == 0) fail(MAMBA_UNSUPPORTED, info.name, ": ", info.reason);
            check(cudaSetDevice(index), "choosing the device");
            *engine = reinterpret_cast<device::Engine*>(new Engine(index, *model, max_rows));
        });
    });
}

void close(device::Engine* engine) {
    if (engine == nullptr) return;
    device::Status ignored;
    guard(&ignored, [&] { own(engine).enter(); });  // a lost device takes nothing back, but the host has memory of it
    guard(&ignored, [&] { delete &own(engine); });
}

void memory(device::Engine* engine, int64_t* working_bytes, int64_t* weight_bytes) {
    const std::lock_guard<std::mutex> lock(own(engine).mutex);  // policies take working memory in the middle of other calls
    *working_bytes = own(engine).working_bytes();
    *weight_bytes = own(engine).weight_bytes();
}

int32_t bandwidth(device::Engine* engine, double* bytes_per_second, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { *bytes_per_second = e.bandwidth(); });
}

int32_t state_take(device::Engine* engine, int32_t* slot, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { *slot = e.take_state(); });
}

void state_give(device::Engine* engine, int32_t slot) {
    device::Status ignored;
    guard(&ignored, [&] {
        const std::lock_guard<std::mutex> lock(own(engine).mutex);
        own(engine).enter();
        own(engine).give_state(slot);
    });
}

int32_t state_take_host(device::Engine* engine, int32_t* slot, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { *slot = e.take_host_state(); });
}

int32_t state_clear(device::Engine* engine, int32_t slot, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { e.clear_state(slot); });
}

int32_t state_copy(device::Engine* engine, int32_t from, int32_t to, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { e.copy_state(from, to); });
}

int32_t state_pending(device::Engine* engine, int32_t slot, int32_t* entries, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { *entries = e.pending(slot); });
}

int32_t state_fold(device::Engine* engine, const device::Piece* session, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { e.fold_state(*session); });
}

int32_t state_read_layer(device::Engine* engine, const device::Piece* session, int64_t layer, float* values, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { e.read_layer(*session, layer, values); });
}

int32_t state_measure(device::Engine* engine, const device::Piece* session, int64_t layer, int64_t tracked, device::HeadSums* heads,
                      device::Status* status) {
    return guard(engine, status, [&](Engine& e) { e.measure(*session, layer, tracked, heads); });
}

int32_t state_read(device::Engine* engine, int32_t slot, int64_t position, void* values, void* hidden, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { e.read_state(slot, position, values, hidden); });
}

int32_t state_write(device::Engine* engine, int32_t slot, int64_t position, const void* values, int32_t entries, const void* hidden,
                    device::Status* status) {
    return guard(engine, status, [&](Engine& e) { e.write_state(slot, position, values, entries, hidden); });
}

int32_t policy_take(device::Engine* engine, const device::Policy* policy, int32_t* index, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { *index = e.take_policy(*policy); });
}

void policy_give(device::Engine* engine, int32_t index) {
    device::Status ignored;
    guard(&ignored, [&] {
        const std::lock_guard<std::mutex> lock(own(engine).mutex);
        own(engine).enter();
        own(engine).give_policy(index);
    });
}

int32_t sums_take(device::Engine* engine, int32_t* index, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { *index = e.take_sums(); });
}

void sums_give(device::Engine* engine, int32_t index) {
    device::Status ignored;
    guard(&ignored, [&] {
        const std::lock_guard<std::mutex> lock(own(engine).mutex);
        own(engine).give_sums(index);
    });
}

int32_t sums_copy(device::Engine* engine, int32_t from, int32_t to, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { e.copy_sums(from, to); });
}

int32_t sums_read(device::Engine* engine, int32_t index, double* values, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { e.read_sums(index, values); });
}

int32_t sums_write(device::Engine* engine, int32_t index, const double* values, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { e.write_sums(index, values); });
}

int32_t run(device::Engine* engine, const device::Piece* pieces, int32_t count, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { e.run(pieces, count); });
}

int32_t logits(device::Engine* engine, const device::Row* rows, int32_t count, float* out, int64_t stride, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { e.logits(rows, count, out, stride); });
}

int32_t top(device::Engine* engine, const device::Row* rows, int32_t count, int32_t k, const uint32_t* masks, int32_t mask_words,
            device::TopEntry* out, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { e.top(rows, count, k, masks, mask_words, out); });
}

int32_t wait(device::Engine* engine, device::Status* status) {
    return guard(engine, status, [&](Engine& e) { e.wait(); });
}

constexpr device::Table table{
    device::interface_version, static_cast<int32_t>(sizeof(device::Table)),
    device_count, device_get, open, close, memory, bandwidth, state_take, state_take_host, state_give, state_clear, state_copy,
    state_pending, state_fold, state_read_layer, state_measure, state_read, state_write, policy_take, policy_give, sums_take, sums_give,
    sums_copy, sums_read, sums_write, run, logits, top, wait,
};

}  // namespace
}  // namespace mamba::cuda

#if defined(_WIN32)
#  define MAMBA_CUDA_EXPORT extern "C" __declspec(dllexport)
#else
#  define MAMBA_CUDA_EXPORT extern "C" __attribute__((visibility("default")))
#endif

MAMBA_CUDA_EXPORT const mamba::device::Table* mamba_device_table(int32_t version) {
    return version == mamba::device::interface_version ? &mamba::cuda::table : nullptr;
}
