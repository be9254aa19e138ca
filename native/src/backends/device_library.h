// The backend library of CUDA devices. Once opened it is never closed.
#pragma once

#include <string>

#include "backends/device.h"

namespace mamba {

class DeviceLibrary {
public:
    // Opened once a process, when it is first asked for, where MAMBA_CUDA_PATH says.
    static const DeviceLibrary& cuda();
    // In the file or folder of this name; with an empty one beside this library, or else where the system looks.
    explicit DeviceLibrary(const std::string& named);
    DeviceLibrary(const DeviceLibrary&) = delete;
    DeviceLibrary& operator=(const DeviceLibrary&) = delete;

    // NULL where there is none; then reason() is the sentence.
    const device::Table* table() const { return table_; }
    const std::string& reason() const { return reason_; }

    // Devices that the driver shows. 0 where there are none, with the sentence in *reason.
    int32_t count(std::string* reason) const;
    // The table; throws MAMBA_UNSUPPORTED with the reason where there is none.
    const device::Table& require(int32_t index) const;

private:
    const device::Table* table_ = nullptr;
    std::string reason_;
};

}  // namespace mamba
