#include <limits>

#include "kernels_testing.h"

namespace mamba::testing {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

struct Errors {
    double largest = 0, mean = 0;
};

// Relative errors of `actual` against a long double function of `at`.
template <typename F>
Errors relative_errors(const Floats& actual, const Floats& at, const F& exact) {
    Errors errors;
    for (size_t i = 0; i < at.size(); ++i) {
        const long double expected = exact(static_cast<long double>(at[i]));
        const auto e = static_cast<double>((static_cast<long double>(actual[i]) - expected) / expected);
        errors.largest = std::max(errors.largest, std::fabs(e));
        errors.mean += e / static_cast<double>(at.size());
    }
    return errors;
}

void report(const Kernels& kernels, const char* what, const Errors& e) {
    const std::string prefix = std::string(name(kernels.isa)) + "_" + what;
    ::testing::Test::RecordProperty(prefix + "_max", std::to_string(e.largest * 1e9) + "e-9");
    ::testing::Test::RecordProperty(prefix + "_mean", std::to_string(e.mean * 1e9) + "e-9");
}

// exp(A) as the scan computes it: with dt = 1, B = 0 and a state of 1, the next state is exp(A).
Floats decays(const Kernels& kernels, const Floats& at) {
    const auto n = static_cast<int64_t>(at.size());
    Floats state(at.size(), 1.0f);
    const Floats zeros(at.size());
    const float one = 1, zero = 0;
    kernels.mamba1({1, n, 0, 1, &zero, 1, &one, 1, zeros.data(), n, zeros.data(), n, at.data(), &zero, nullptr, 0, state.data(),
                    nullptr, 0});
    return state;
}

// What the vector tables make of A: they scan in powers of 2.
Floats in_powers_of_2(Floats at) {
    for (float& v : at) v *= 0x1.715476p0f;
    return at;
}

// silu() as the convolution computes it: one tap of weight 1.
Floats silus(const Kernels& kernels, const Floats& at) {
    const auto n = static_cast<int64_t>(at.size());
    Floats out(at.size());
    const Floats ones(at.size(), 1.0f);
    kernels.convolution({1, n, 1, 0, n, at.data(), n, nullptr, ones.data(), nullptr, out.data(), n});
    return out;
}

Floats softpluses(const Kernels& kernels, Floats at) {
    kernels.softplus(at.data(), nullptr, 0, infinity, static_cast<int64_t>(at.size()));
    return at;
}

Floats sweep(float low, float high, int64_t count) {
    if (runs_slowly) count /= 10;
    Floats values(static_cast<size_t>(count));
    const double step = (static_cast<double>(high) - low) / static_cast<double>(count - 1);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(low + step * static_cast<double>(i));
    return values;
}

TEST(Exp, WithinTwoAndAHalfParts10To7AndUnbiased) {
    for (const Kernels* kernels : vector_tables()) {
        for (const Floats& at : {sweep(-87.29f, 0, 400001), sweep(-1, 0, 200001), sweep(-1e-3f, 0, 50001)}) {
            const Errors e = relative_errors(decays(*kernels, at), in_powers_of_2(at), [](long double v) { return std::exp2(v); });
            report(*kernels, "exp2", e);
            EXPECT_LT(e.largest, 2.5e-7) << name(kernels->isa);
            EXPECT_LT(std::fabs(e.mean), 3e-8) << name(kernels->isa);
        }
    }
}

// States that decay slowly keep the rate of A: errors do not add up over the thousands of tokens that they live.
TEST(Exp, SlowDecaysKeepTheirRate) {
    for (const Kernels* kernels : vector_tables()) {
        for (const float low : {-1e-1f, -1e-2f, -1e-3f}) {
            const Floats at = sweep(low, low / 2, 100001);
            const Errors e = relative_errors(decays(*kernels, at), at, [](long double v) { return std::exp(v); });
            report(*kernels, "exp", e);
            EXPECT_LT(e.largest, 2e-7) << name(kernels->isa) << ' ' << low;
            EXPECT_LT(std::fabs(e.mean), 2e-6 * std::fabs(static_cast<double>(low))) << name(kernels->isa) << ' ' << low;
        }
    }
}

// log1p(exp(v)) is exp(v) far below 0: that of the gates and of Mamba-2, which takes any argument.
TEST(Exp, OfAnyArgument) {
    for (const Kernels* kernels : vector_tables()) {
        const Floats at = sweep(-87, -20, 400001);
        const Errors e = relative_errors(softpluses(*kernels, at), at, [](long double v) { return std::log1p(std::exp(v)); });
        report(*kernels, "exp_far", e);
        EXPECT_LT(e.largest, 2.5e-7) << name(kernels->isa);
        EXPECT_LT(std::fabs(e.mean), 5e-9) << name(kernels->isa);
    }
}

TEST(Exp, EndsOfTheRange) {
    for (const Kernels* kernels : vector_tables()) {
        const Floats out = decays(*kernels, {-infinity, -1e30f, -104, -88, 0, -0.0f, -1e-30f, NAN});
        for (size_t i = 0; i < 4; ++i) EXPECT_LT(out[i], 1e-38f) << name(kernels->isa) << ' ' << i;
        EXPECT_EQ(out[0], 0);
        EXPECT_EQ(out[1], 0);
        EXPECT_EQ(out[2], 0);
        EXPECT_EQ(out[4], 1);
        EXPECT_EQ(out[5], 1);
        EXPECT_EQ(out[6], 1);
        EXPECT_TRUE(std::isnan(out[7]));
    }
}

TEST(Silu, OverTheWholeRange) {
    for (const Kernels* kernels : vector_tables()) {
        for (const Floats& at : {sweep(-87, -1e-3f, 200001), sweep(1e-3f, 200, 200001)}) {
            const Errors e = relative_errors(silus(*kernels, at), at, [](long double v) { return v / (1 + std::exp(-v)); });
            report(*kernels, "silu", e);
            EXPECT_LT(e.largest, 4e-7) << name(kernels->isa);
        }
        const Floats out = silus(*kernels, {0, -89, -1e4f, -3e38f, 1e4f, 3e38f, infinity, NAN});
        EXPECT_EQ(out[0], 0);
        for (size_t i = 1; i < 4; ++i) EXPECT_NEAR(out[i], 0, 1e-35) << name(kernels->isa);
        EXPECT_EQ(out[4], 1e4f);
        EXPECT_EQ(out[5], 3e38f);
        EXPECT_EQ(out[6], infinity);
        EXPECT_TRUE(std::isnan(out[7]));
    }
}

TEST(Softplus, OverTheWholeRange) {
    for (const Kernels* kernels : vector_tables()) {
        for (const Floats& at : {sweep(-87, 0, 200001), sweep(0, 30, 200001)}) {
            const Errors e = relative_errors(softpluses(*kernels, at), at, [](long double v) { return std::log1p(std::exp(v)); });
            report(*kernels, "softplus", e);
            EXPECT_LT(e.largest, 4e-7) << name(kernels->isa);
        }
        const Floats out = softpluses(*kernels, {-infinity, -200, 20.0001f, 88, 1000, 3e38f, infinity, NAN});
        EXPECT_EQ(out[0], 0);
        EXPECT_EQ(out[1], 0);
        EXPECT_EQ(out[2], 20.0001f);
        EXPECT_EQ(out[3], 88);
        EXPECT_EQ(out[4], 1000);
        EXPECT_EQ(out[5], 3e38f);
        EXPECT_EQ(out[6], infinity);
        EXPECT_TRUE(std::isnan(out[7]));
    }
}

TEST(Softplus, AddsTheBiasAndClamps) {
    Random random(11);
    for (const int64_t n : {1, 15, 16, 24, 50}) {
        const Floats x = random.normals(n, 5), bias = random.normals(n, 5);
        Floats expected = x;
        scalar_kernels().softplus(expected.data(), bias.data(), 0.01f, 3, n);
        for (const Kernels* kernels : vector_tables()) {
            Floats actual = x;
            kernels->softplus(actual.data(), bias.data(), 0.01f, 3, n);
            EXPECT_LT(error(actual, expected), 3e-7) << name(kernels->isa) << ' ' << n;
        }
        EXPECT_GE(*std::min_element(expected.begin(), expected.end()), 0.01f);
        EXPECT_LE(*std::max_element(expected.begin(), expected.end()), 3.0f);
    }
}

TEST(RmsNorm, EqualsTheReference) {
    Random random(12);
    for (const int64_t d : {1, 8, 16, 33, 768, 2560}) {
        const Floats x = random.normals(d, 3), weight = random.normals(d);
        for (const bool weighted : {true, false}) {
            const float* w = weighted ? weight.data() : nullptr;
            Floats expected(x.size());
            scalar_kernels().rms_norm(x.data(), w, 1e-5f, d, expected.data());
            Floats first;
            for (const Kernels* kernels : vector_tables()) {
                Floats actual(x.size()), in_place = x;
                kernels->rms_norm(x.data(), w, 1e-5f, d, actual.data());
                kernels->rms_norm(in_place.data(), w, 1e-5f, d, in_place.data());
                EXPECT_LT(error(actual, expected), 1e-6) << name(kernels->isa) << ' ' << d;
                EXPECT_TRUE(same_bits(actual, in_place));
                if (first.empty()) first = actual;
                EXPECT_TRUE(same_bits(actual, first)) << name(kernels->isa) << ' ' << d;
            }
        }
    }
}

TEST(GatedNorm, EqualsTheReference) {
    Random random(13);
    struct {
        int64_t d_inner, group;
    } const shapes[] = {{64, 64}, {1536, 1536}, {96, 24}, {160, 32}, {100, 20}, {4096, 512}};
    for (const auto& s : shapes) {
        const Floats y = random.normals(s.d_inner), z = random.normals(s.d_inner, 20), weight = random.normals(s.d_inner);
        for (const bool weighted : {true, false}) {
            for (const bool norm_before_gate : {true, false}) {
                const float* w = weighted ? weight.data() : nullptr;
                Floats expected = y;
                scalar_kernels().gated_norm(expected.data(), z.data(), w, 1e-5f, s.d_inner, s.group, norm_before_gate);
                Floats first;
                for (const Kernels* kernels : vector_tables()) {
                    Floats actual = y;
                    kernels->gated_norm(actual.data(), z.data(), w, 1e-5f, s.d_inner, s.group, norm_before_gate);
                    EXPECT_LT(error(actual, expected), 1e-6)
                        << name(kernels->isa) << ' ' << s.d_inner << '/' << s.group << ' ' << norm_before_gate;
                    if (first.empty()) first = actual;
                    EXPECT_TRUE(same_bits(actual, first)) << name(kernels->isa) << ' ' << s.d_inner << '/' << s.group;
                }
            }
        }
    }
}

TEST(Convolution, EqualsTheReferenceAndJoinsAtItsWindow) {
    Random random(14);
    for (const int64_t d_conv : {1, 2, 3, 4, 5}) {
        for (const int64_t channels : {5, 16, 100}) {
            const int64_t tokens = 9, stride = channels + 2;
            const Floats in = random.normals(tokens * stride), window = random.normals((d_conv - 1) * channels);
            const Floats weight = random.normals(d_conv * channels), bias = random.normals(channels);
            for (const bool biased : {true, false}) {
                Floats expected(static_cast<size_t>(tokens * channels));
                Convolution call{tokens, channels, d_conv, 0, channels, in.data(), stride, window.data(), weight.data(),
                                 biased ? bias.data() : nullptr, expected.data(), channels};
                scalar_kernels().convolution(call);
                Floats first;
                for (const Kernels* kernels : vector_tables()) {
                    Floats whole(expected.size()), pieces(expected.size());
                    call.out = whole.data();
                    kernels->convolution(call);
                    EXPECT_LT(error(whole, expected), 1e-6) << name(kernels->isa) << ' ' << d_conv << ' ' << channels;
                    if (first.empty()) first = whole;
                    EXPECT_TRUE(same_bits(whole, first)) << name(kernels->isa);

                    // Token by token and in two ranges of channels, the window carried along.
                    Floats history = window;
                    for (int64_t t = 0; t < tokens; ++t) {
                        for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, channels / 3}, {channels / 3, channels}}) {
                            kernels->convolution({1, channels, d_conv, begin, end, in.data() + t * stride, stride, history.data(),
                                                  weight.data(), call.bias, pieces.data() + t * channels, channels});
                        }
                        history.insert(history.end(), in.begin() + t * stride, in.begin() + t * stride + channels);
                        history.erase(history.begin(), history.begin() + channels);
                    }
                    EXPECT_TRUE(same_bits(whole, pieces)) << name(kernels->isa) << ' ' << d_conv << ' ' << channels;
                }
            }
        }
    }
}

}  // namespace
}  // namespace mamba::testing
