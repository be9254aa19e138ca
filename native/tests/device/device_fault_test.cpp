// What is left when a real device gives out: its memory, or for good. On the fake one device_failure_test.cpp says the same of every call.
#include <gtest/gtest.h>

#include "device_testing.h"
#include "fake_device/fake_device.h"
#include "support/expect_error.h"

namespace mamba {
namespace {

bool is_fake() {
    std::string reason;
    void* const library = platform::open_library(platform::environment("MAMBA_CUDA_PATH"), reason);
    return library != nullptr && platform::find_symbol(library, fake::fail_symbol) != nullptr;
}

TEST(DeviceMemory, SessionsThatFitGoOnWhenTheNextDoesNot) {
    if (is_fake()) GTEST_SKIP() << "its memory is the machine's";
    mamba_shape shape{};
    shape.struct_size = sizeof(shape);
    shape.architecture = MAMBA_ARCH_MAMBA2;
    shape.layer_count = 64;
    shape.d_model = 512;
    shape.vocab_size = 100;
    shape.weight_type = MAMBA_WEIGHT_BF16;
    const auto engine = make_engine(random_model(shape), MAMBA_DEVICE_CUDA, 0, 64);
    const std::vector<int32_t> tokens{5, 6, 7, 8, 9};
    const auto session = engine->create_session();
    feed(*engine, session, tokens.data(), 3, 0);
    const std::vector<float> expected = feed(*engine, engine->clone_session(*session), tokens.data() + 3, 2, 2);

    std::vector<std::shared_ptr<Session>> all;
    const auto fill = [&] {
        for (;;) all.push_back(engine->create_session());
    };
    test::expect_error(MAMBA_OUT_OF_MEMORY, {"cuda:0", "a session's state needs", "MiB"}, fill);
    // Kernels that this run is the first to need find room as well.
    std::vector<BatchItem> items;
    for (size_t i = 0; i < 20; ++i) items.push_back({all[i], tokens.data(), 3, 0, 0, 0});  // one slice: no states are kept
    engine->evaluate(items, {}, nullptr);
    EXPECT_EQ(feed(*engine, all[7], tokens.data() + 3, 2, 2).size(), expected.size());
    test::expect_error(MAMBA_OUT_OF_MEMORY, {"cuda:0"}, [&] { engine->clone_session(*session); });

    engine->offload(*all.back(), true);
    EXPECT_EQ(feed(*engine, engine->clone_session(*session), tokens.data() + 3, 2, 2), expected);
    all.pop_back();
    test::expect_error(MAMBA_OUT_OF_MEMORY, {"cuda:0"}, fill);
    EXPECT_EQ(feed(*engine, session, tokens.data() + 3, 2, 2), expected);
}

#if defined(__linux__)

// Ends the device for this process as a kernel's fault does: by the driver, in the context that the CUDA backend uses too.
void trap() {
    constexpr char kernel[] = ".version 7.0\n.target sm_70\n.address_size 64\n.visible .entry fault()\n{\ntrap;\nret;\n}\n";
    std::string reason;
    void* const driver = platform::open_library("libcuda.so.1", reason);
    ASSERT_NE(driver, nullptr) << reason;
    const auto call = [&](const char* name, auto... arguments) {
        const auto function = reinterpret_cast<int (*)(decltype(arguments)...)>(platform::find_symbol(driver, name));
        return function == nullptr ? -1 : function(arguments...);
    };
    void *context = nullptr, *module = nullptr, *function = nullptr;
    ASSERT_EQ(call("cuDevicePrimaryCtxRetain", &context, 0), 0);
    ASSERT_EQ(call("cuCtxSetCurrent", context), 0);
    ASSERT_EQ(call("cuModuleLoadData", &module, static_cast<const void*>(kernel)), 0);
    ASSERT_EQ(call("cuModuleGetFunction", &function, module, "fault"), 0);
    void* const nothing = nullptr;
    ASSERT_EQ(call("cuLaunchKernel", function, 1u, 1u, 1u, 1u, 1u, 1u, 0u, nothing, nothing, nothing), 0);
    ASSERT_NE(call("cuCtxSynchronize"), 0) << "it was to fail";
}

void outlive_a_fault() {
    const auto model = open_model(fixture("mamba2"));
    const std::vector<int32_t> tokens{5, 6, 7, 8, 9};
    const auto host = make_engine(model, MAMBA_DEVICE_CPU);
    auto engine = make_engine(model, MAMBA_DEVICE_CUDA), beside = make_engine(model, MAMBA_DEVICE_CUDA);
    auto session = engine->create_session(), other = beside->create_session(), resting = beside->create_session();
    feed(*engine, session, tokens.data(), 3, 0);
    beside->offload(*resting, true);
    trap();
    const auto expect_lost = [](const auto& action) {
        test::expect_error(MAMBA_DEVICE, {"cuda:0", "what it held is lost", "new process"}, action);
    };
    for (int i = 0; i < 2; ++i) {
        expect_lost([&] { feed(*engine, session, tokens.data(), 3, 1); });
        expect_lost([&] { feed(*beside, other, tokens.data(), 3, 1); });
        expect_lost([&] { feed(*beside, resting, tokens.data(), 3, 1); });
        expect_lost([&] { engine->create_session(); });
        expect_lost([&] { make_engine(model, MAMBA_DEVICE_CUDA); });
    }
    session = other = resting = nullptr;
    engine = beside = nullptr;
    EXPECT_EQ(feed(*host, host->create_session(), tokens.data(), 3, 3).size(), 3u * static_cast<size_t>(model->config.padded_vocab_size));
}

TEST(DeviceFaultDeathTest, EveryLaterCallSaysSoAndTheProcessLives) {
    if (is_fake()) GTEST_SKIP() << "it has no driver";
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    // In a process of its own: no device is left in it.
    EXPECT_EXIT(
        {
            outlive_a_fault();
            std::exit(testing::Test::HasFailure() ? 1 : 0);
        },
        testing::ExitedWithCode(0), "");
}

#endif

}  // namespace
}  // namespace mamba
