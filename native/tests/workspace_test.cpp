// The engine's working memory: engine/workspace.h.
#include "engine/workspace.h"

#include <gtest/gtest.h>

#include "support/pace.h"

namespace mamba {
namespace {

TEST(Workspace, HoldsTheScratchOfEveryMatrixOfALayer) {
    ModelConfig config;
    config.vocab_size = config.padded_vocab_size = 64;
    for (int64_t d_model = 16; d_model <= 8192; d_model += test::runs_slowly ? 272 : 16) {
        config.d_model = d_model;
        config.d_inner = 2 * d_model;
        config.d_state = 16;
        config.dt_rank = d_model / 16;
        const Workspace work(config, 1, 1, 0);
        for (const int64_t cols : {config.d_model, config.d_inner, config.dt_rank}) {
            EXPECT_GE(work.scratch_width, matmul_scratch_floats(cols)) << "d_model " << d_model << ", a matrix of " << cols << " columns";
            EXPECT_GE(static_cast<size_t>(work.scratch_width) * sizeof(float), packed_scratch_bytes(cols)) << "d_model " << d_model << ", " << cols;
        }
    }
}

}  // namespace
}  // namespace mamba
