#include "fuzz_input.h"
#include "model/open_sources.h"
#include "tiny_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace mamba;
    return fuzz::run([&] { model_from_checkpoint("checkpoint", fuzz::tiny_config(), {fuzz::source("model.safetensors", data, size)}); });
}
