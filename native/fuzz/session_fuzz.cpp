// Saved sessions. Each input is tried as it is and with its checksum put right, so that what lies behind the checksum is reached.
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/hash.h"
#include "state/snapshot.h"

namespace {

// One layer of two heads, for which saved policies are made.
mamba::Model tiny_model() {
    mamba::Model model;
    model.config.layers = {mamba::LayerKind::mamba2};
    model.config.d_inner = 4;
    model.config.d_state = 2;
    model.config.head_count = 2;
    model.config.head_dim = 2;
    model.layers.resize(1);
    model.layers[0].a = mamba::Vector(2, "a model");
    model.layers[0].d = mamba::Vector(2, "a model");
    return model;
}

void load(const std::vector<std::byte>& bytes) {
    static const mamba::Model model = tiny_model();
    mamba::StateMemory memory(12, 3);
    mamba::State state(memory, 4);
    try {
        mamba::load_snapshot(bytes.data(), bytes.size(), {1, 2}, state, 2, &model);
    } catch (const mamba::Error&) {
        // Refused, which is what most inputs deserve.
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto* first = reinterpret_cast<const std::byte*>(data);
    std::vector<std::byte> bytes(first, first + size);
    load(bytes);
    if (size >= sizeof(uint64_t)) {
        const size_t body = size - sizeof(uint64_t);
        const uint64_t sum = mamba::hash128(bytes.data(), body)[0];
        std::memcpy(bytes.data() + body, &sum, sizeof sum);
        load(bytes);
    }
    return 0;
}
