#include "base/error.h"
#include "kernels_testing.h"

namespace mamba::testing {
namespace {

std::string refusal(mamba_isa isa) {
    try {
        select_kernels(isa);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), MAMBA_UNSUPPORTED);
        return error.message();
    }
    return "";
}

TEST(Dispatch, AutoIsTheBest) {
    EXPECT_EQ(select_kernels(MAMBA_ISA_AUTO).isa, best_isa());
    EXPECT_EQ(select_kernels(best_isa()).isa, best_isa());
    EXPECT_EQ(vector_tables().back()->isa, best_isa());
}

TEST(Dispatch, ForcedTableOrASentence) {
    EXPECT_EQ(select_kernels(MAMBA_ISA_SCALAR).isa, MAMBA_ISA_SCALAR);
    const platform::CpuFeatures features = platform::cpu_features();
    struct {
        mamba_isa isa;
        const Kernels* built;
        bool executable;
    } const sets[] = {{MAMBA_ISA_AVX2, avx2_kernels(), features.avx2}, {MAMBA_ISA_AVX512, avx512_kernels(), features.avx512},
                {MAMBA_ISA_AMX, amx_kernels(), platform::allow_amx()},
                {MAMBA_ISA_NEON, neon_kernels(), features.neon}};
    for (const auto& set : sets) {
        if (set.built != nullptr && set.executable) EXPECT_EQ(&select_kernels(set.isa), set.built);
        else EXPECT_NE(refusal(set.isa).find(name(set.isa)), std::string::npos);
    }
}

TEST(Dispatch, RefusesWhatThisBuildLacks) {
    for (const mamba_isa isa : {MAMBA_X64 ? MAMBA_ISA_NEON : MAMBA_ISA_AVX2}) {
        const std::string message = refusal(isa);
        EXPECT_NE(message.find(std::string("no CPU kernels for '") + name(isa) + "'"), std::string::npos) << message;
        EXPECT_NE(message.find("scalar"), std::string::npos) << message;
    }
}

TEST(Dispatch, EveryTableIsComplete) {
    std::vector<const Kernels*> tables = vector_tables();
    tables.push_back(&scalar_kernels());
    for (const Kernels* k : tables) {
        EXPECT_TRUE(k->matmul && k->widen && k->rms_norm && k->gated_norm && k->softplus && k->convolution && k->mamba1 && k->mamba2_scan &&
                    k->mamba2_fold)
            << name(k->isa);
    }
}

TEST(WeightTypes, ShapesAndRows) {
    EXPECT_EQ(row_bytes(WeightType::f32, 7), 28u);
    EXPECT_EQ(row_bytes(WeightType::f16, 7), 14u);
    EXPECT_EQ(row_bytes(WeightType::bf16, 7), 14u);
    EXPECT_EQ(row_bytes(WeightType::q8_0, 64), 68u);
    EXPECT_EQ(row_bytes(WeightType::q6_k, 512), 420u);
    EXPECT_EQ(row_bytes(WeightType::q4_k, 512), 288u);
    EXPECT_STREQ(name(WeightType::q8_0), "Q8_0");
    EXPECT_STREQ(name(WeightType::q6_k), "Q6_K");
    EXPECT_STREQ(name(WeightType::q4_k), "Q4_K");
    try {
        row_bytes(WeightType::q8_0, 48);
        FAIL() << "48 is no multiple of 32";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), MAMBA_BAD_FORMAT);
        EXPECT_NE(error.message().find("row of 48 weights cannot be Q8_0"), std::string::npos) << error.message();
    }
}

}  // namespace
}  // namespace mamba::testing
