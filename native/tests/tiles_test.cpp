// No tile of the matrix units (AMX) is ever live on the thread that calls the engine: where one is, a fault that the .NET runtime turns into
// an exception on that thread ends the process.
#include "base/platform.h"

#if MAMBA_X64 && defined(__linux__)

#include <gtest/gtest.h>
#include <immintrin.h>

#include <thread>

#include "engine/engine.h"
#include "model/model.h"

namespace mamba {
namespace {

// XINUSE: which parts of the processor's state are not in their initial state; bit 17 is the tiles' shape, bit 18 the tiles.
bool tiles_in_use() {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
    return (low & (3u << 17)) != 0;
}

__attribute__((target("amx-tile"))) bool tiles_in_use_with_one_loaded() {
    alignas(64) uint8_t shape[64] = {1};  // palette 1
    shape[16] = 64;                       // bytes a row of tile 0
    shape[48] = 16;                       // its rows
    __asm__ volatile("" ::: "memory");    // the next instruction does not tell the compiler that it reads all of it
    _tile_loadconfig(shape);
    _tile_zero(0);
    const bool in_use = tiles_in_use();
    _tile_release();
    return in_use;
}

class Tiles : public ::testing::TestWithParam<mamba_weight_type> {};

TEST_P(Tiles, NoneIsLiveOnTheCallingThread) {
    if (!platform::allow_amx()) GTEST_SKIP() << "this processor or operating system has no AMX";
    bool seen = false;
    std::thread([&] { seen = tiles_in_use_with_one_loaded(); }).join();
    ASSERT_TRUE(seen) << "a live tile would not be seen";

    mamba_shape shape{};
    shape.struct_size = sizeof(shape);
    shape.architecture = MAMBA_ARCH_MAMBA2;
    shape.layer_count = 2;
    shape.d_model = 128;
    shape.vocab_size = 1000;
    shape.weight_type = GetParam();
    EngineOptions options;
    options.isa = MAMBA_ISA_AMX;
    options.threads = 1;
    const auto engine = std::make_shared<Engine>(random_model(shape), options);
    const auto session = engine->create_session();
    const std::vector<int32_t> tokens(70, 5);
    std::vector<float> logits(static_cast<size_t>(engine->model().config.padded_vocab_size));
    BatchOutput output;
    output.logits = logits.data();
    for (const int64_t count : {70, 1}) {
        engine->evaluate({{session, tokens.data(), count, 1, 0, 0}}, output, nullptr);
        EXPECT_FALSE(tiles_in_use()) << count << " tokens";
    }
}

INSTANTIATE_TEST_SUITE_P(Types, Tiles, ::testing::Values(MAMBA_WEIGHT_BF16, MAMBA_WEIGHT_Q8_0),
                         [](const auto& info) { return std::string(info.param == MAMBA_WEIGHT_BF16 ? "bf16" : "q8_0"); });

}  // namespace
}  // namespace mamba

#endif
