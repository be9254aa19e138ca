#include "fuzz_input.h"
#include "model/open_sources.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace mamba;
    return fuzz::run([&] { model_from_gguf(fuzz::source("model.gguf", data, size)); });
}
