// Finding the CUDA backend: what is missing is a sentence, and never more than that. Runs with and without the library, and on any machine.
#include "backends/device_library.h"

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace mamba {
namespace {

std::string reason_of(const std::string& named) {
    const DeviceLibrary library(named);
    EXPECT_EQ(library.table(), nullptr);
    std::string reason;
    EXPECT_EQ(library.count(&reason), 0);
    EXPECT_EQ(reason, library.reason());
    return reason;
}

TEST(DeviceLibrary, NamesWhatCannotBeOpened) {
    const test::TemporaryDirectory directory;
    EXPECT_NE(reason_of(directory.file("nowhere.so")).find("nowhere.so"), std::string::npos);
    EXPECT_NE(reason_of(directory.path()).find("mamba_cuda"), std::string::npos) << "a folder is looked into";
}

#if defined(__linux__)
TEST(DeviceLibrary, RefusesALibraryThatIsNone) {
    EXPECT_NE(reason_of("libm.so.6").find("another version"), std::string::npos);
}
#endif

TEST(DeviceLibrary, AnEngineIsRefusedForTheReasonThatTheDevicesHave) {
    std::string reason;
    const int32_t count = DeviceLibrary::cuda().count(&reason);
    EngineOptions options;
    options.device_kind = MAMBA_DEVICE_CUDA;
    options.device_index = count;  // one past the last
    const auto model = open_model(test::fixture("mamba2"));
    const auto make = [&] { std::make_shared<Engine>(model, options); };
    if (count == 0) test::expect_error(MAMBA_UNSUPPORTED, {reason}, make);
    else test::expect_error(MAMBA_NOT_FOUND, {"there is no device cuda:" + std::to_string(count)}, make);
}

}  // namespace
}  // namespace mamba
