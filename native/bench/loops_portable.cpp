#include "loops.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace mamba::bench {
namespace portable {
namespace {
#include "loops_memory.inl"
}  // namespace
}  // namespace portable

const MemoryLoops portable_memory_loops{portable::read, portable::update};

#if defined(__aarch64__)
double neon_fma(int64_t turns) {
    constexpr int chains = 16, lanes = 4;
    float32x4_t sums[chains];
    for (int i = 0; i < chains; ++i) sums[i] = vdupq_n_f32(static_cast<float>(i));
    const float32x4_t factor = vdupq_n_f32(0.5f);
    for (int64_t turn = 0; turn < turns; ++turn) {
        for (float32x4_t& sum : sums) sum = vfmaq_f32(factor, sum, factor);
    }
    float32x4_t all = sums[0];
    for (int i = 1; i < chains; ++i) all = vaddq_f32(all, sums[i]);
    volatile float sink = vaddvq_f32(all);
    static_cast<void>(sink);
    return 2.0 * chains * lanes * static_cast<double>(turns);
}
#endif

}  // namespace mamba::bench
