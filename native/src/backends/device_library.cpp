#include "backends/device_library.h"

#include "base/error.h"
#include "base/platform.h"
#include "base/text.h"

namespace mamba {
namespace {

constexpr char path_variable[] = "MAMBA_CUDA_PATH";

}  // namespace

const DeviceLibrary& DeviceLibrary::cuda() {
    static const DeviceLibrary library(platform::environment(path_variable));
    return library;
}

DeviceLibrary::DeviceLibrary(const std::string& named) {
    const std::string file = platform::library_file(device::cuda_library);
    std::string path = named;
    if (named.empty()) path = platform::own_directory() + file;
    else if (platform::path_kind(named) == platform::PathKind::directory) path = named + "/" + file;
    const bool beside = named.empty() && platform::path_kind(path) == platform::PathKind::file;
    if (named.empty() && !beside) path = file;  // where the system looks
    std::string error;
    void* library = platform::open_library(path, error);
    if (library == nullptr) {
        if (beside) reason_ = "the CUDA backend in " + quote(path) + " cannot be opened: " + error;
        else if (named.empty()) reason_ = "the CUDA backend is not installed: there is no " + file + " beside this library (build/cuda builds it)";
        else reason_ = std::string(path_variable) + " names " + quote(path) + ", which cannot be opened: " + error;
        return;
    }
    const auto get = reinterpret_cast<device::GetTable>(platform::find_symbol(library, device::table_symbol));
    const device::Table* table = get == nullptr ? nullptr : get(device::interface_version);
    if (table == nullptr || table->version != device::interface_version || table->size != static_cast<int32_t>(sizeof(device::Table))) {
        reason_ = "the CUDA backend in " + quote(path) + " is of another version than this library: install both from one build";
        return;
    }
    table_ = table;
}

int32_t DeviceLibrary::count(std::string* reason) const {
    if (table_ == nullptr) {
        *reason = reason_;
        return 0;
    }
    int32_t count = 0;
    device::Status status{};
    if (table_->device_count(&count, &status) != MAMBA_OK) {
        *reason = status.message;
        return 0;
    }
    return count;
}

const device::Table& DeviceLibrary::require(int32_t index) const {
    std::string reason;
    const int32_t found = count(&reason);
    if (found == 0) fail(MAMBA_UNSUPPORTED, "cuda:", index, " cannot be used: ", reason);
    if (index < 0 || index >= found) fail(MAMBA_NOT_FOUND, "there is no device cuda:", index, "; this machine has ", found);
    return *table_;
}

}  // namespace mamba
