#include "engine/top.h"

#include <algorithm>
#include <limits>

namespace mamba {

void select_top(const float* logits, int64_t vocab_size, const uint32_t* mask, int64_t mask_words, int32_t k, mamba_top_entry* top) {
    const auto better = [](const mamba_top_entry& a, const mamba_top_entry& b) {
        return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
    };
    // A heap of the best so far, the worst of them in front.
    int32_t held = 0;
    for (int64_t id = 0; id < vocab_size; ++id) {
        if (mask != nullptr && (id / 32 >= mask_words || (mask[id / 32] >> (id % 32) & 1u) == 0)) continue;
        const mamba_top_entry entry{static_cast<int32_t>(id), logits[id]};
        if (held < k) {
            top[held++] = entry;
            std::push_heap(top, top + held, better);
        } else if (better(entry, top[0])) {
            std::pop_heap(top, top + held, better);
            top[held - 1] = entry;
            std::push_heap(top, top + held, better);
        }
    }
    std::sort_heap(top, top + held, better);
    std::fill(top + held, top + k, mamba_top_entry{-1, -std::numeric_limits<float>::infinity()});
}

}  // namespace mamba
