#include "base/json.h"
#include "fuzz_input.h"
#include "model/hf_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace mamba;
    const std::string file = "config.json";
    return fuzz::run([&] { config_from_json(file, parse_json(file, {reinterpret_cast<const char*>(data), size})); });
}
