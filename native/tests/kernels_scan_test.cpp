#include <sstream>

#include "kernels_testing.h"

namespace mamba::testing {
namespace {

// ---- Mamba-1

struct Mamba1Case {
    int64_t tokens, d_inner, d_state;
    float dt_scale;
    bool gated;
};

struct Mamba1Result {
    Floats y, state;
};

struct Mamba1Input {
    Mamba1Case shape;
    Floats v, dt, b, c, a, d, z, state;

    Mamba1Input(const Mamba1Case& s, Random& random) : shape(s) {
        v = random.normals(s.tokens * s.d_inner);
        dt = random.uniforms(s.tokens * s.d_inner, 0, s.dt_scale);
        for (size_t i = 0; i < dt.size(); i += 5) dt[i] = 0;
        b = random.normals(s.tokens * s.d_state);
        c = random.normals(s.tokens * s.d_state);
        a = random.uniforms(s.d_inner * s.d_state, -16, -0.01f);
        d = random.normals(s.d_inner);
        z = random.normals(s.tokens * s.d_inner, 30);
        state = random.normals(s.d_inner * s.d_state);
    }

    // Channels and tokens in pieces of the given sizes.
    Mamba1Result run(const Kernels& kernels, int64_t channels, int64_t tokens, bool outputs = true) const {
        Mamba1Result result{Floats(v.size()), state};
        const int64_t n = shape.d_inner, s = shape.d_state;
        for (int64_t t = 0; t < shape.tokens; t += tokens) {
            for (int64_t i = 0; i < n; i += channels) {
                kernels.mamba1({std::min(tokens, shape.tokens - t), s, i, std::min(i + channels, n), v.data() + t * n, n,
                                dt.data() + t * n, n, b.data() + t * s, s, c.data() + t * s, s, a.data(), d.data(),
                                shape.gated ? z.data() + t * n : nullptr, n, result.state.data(),
                                outputs ? result.y.data() + t * n : nullptr, n});
            }
        }
        return result;
    }
};

TEST(Mamba1, EqualsTheReferenceInAnyPieces) {
    Random random(21);
    for (const Mamba1Case& s : {Mamba1Case{40, 70, 16, 0.2f, true}, Mamba1Case{1, 16, 16, 0.2f, true}, Mamba1Case{9, 37, 16, 0.2f, false},
                                Mamba1Case{12, 19, 8, 0.5f, true}, Mamba1Case{12, 5, 24, 0.5f, true}, Mamba1Case{7, 33, 64, 0.5f, false},
                                Mamba1Case{30, 48, 16, 1000, true}, Mamba1Case{5, 20, 16, 0, true}}) {
        const Mamba1Input input(s, random);
        const Mamba1Result expected = input.run(scalar_kernels(), s.d_inner, s.tokens);
        Mamba1Result first;
        for (const Kernels* kernels : vector_tables()) {
            const Mamba1Result whole = input.run(*kernels, s.d_inner, s.tokens);
            EXPECT_LT(error(whole.y, expected.y), 2e-6) << name(kernels->isa) << " d_state " << s.d_state << " dt " << s.dt_scale;
            EXPECT_LT(error(whole.state, expected.state), 2e-6) << name(kernels->isa) << " d_state " << s.d_state;
            for (const auto& [channels, tokens] : {std::pair<int64_t, int64_t>{3, 1}, {17, 5}, {32, s.tokens}, {s.d_inner, 1}}) {
                const Mamba1Result pieces = input.run(*kernels, channels, tokens);
                EXPECT_TRUE(same_bits(whole.y, pieces.y) && same_bits(whole.state, pieces.state))
                    << name(kernels->isa) << " pieces of " << channels << " channels, " << tokens << " tokens";
            }
            EXPECT_TRUE(same_bits(whole.state, input.run(*kernels, s.d_inner, s.tokens, false).state)) << name(kernels->isa);
            if (first.y.empty()) first = whole;
            EXPECT_TRUE(same_bits(whole.y, first.y) && same_bits(whole.state, first.state))
                << name(kernels->isa) << " against another table";
        }
    }
}

// ---- Mamba-2

struct Mamba2Case {
    int64_t tokens, head_dim, d_state;
    float dt_low, dt_high, a;
};

struct Mamba2Result {
    Floats y, state;
};

struct Mamba2Input {
    Mamba2Case shape;
    int64_t x_stride, bc_stride, dt_stride = 3, y_stride;
    Floats x, b, c, dt, state;

    Mamba2Input(const Mamba2Case& s, Random& random)
        : shape(s), x_stride(s.head_dim + 7), bc_stride(s.d_state + 9), y_stride(s.head_dim + 1) {
        x = random.normals(s.tokens * x_stride);
        b = random.normals(s.tokens * bc_stride);
        c = random.normals(s.tokens * bc_stride);
        dt = random.uniforms(s.tokens * dt_stride, s.dt_low, s.dt_high);
        for (int64_t t = 0; t < s.tokens; t += 7) dt[static_cast<size_t>(t * dt_stride)] = 0;
        state = random.normals(s.head_dim * s.d_state);
    }

    Mamba2Result run(const Kernels& kernels, bool chunked, bool outputs = true) const {
        Mamba2Result result{Floats(static_cast<size_t>(shape.tokens * y_stride)), state};
        for (int64_t t = 0; t < shape.tokens; t += chunk_tokens) {
            const int64_t tokens = std::min(chunk_tokens, shape.tokens - t);
            const Mamba2Head head{tokens, shape.head_dim, shape.d_state, x.data() + t * x_stride, x_stride, b.data() + t * bc_stride,
                                  bc_stride, c.data() + t * bc_stride, bc_stride, dt.data() + t * dt_stride, dt_stride, shape.a, 0.7f,
                                  result.state.data(), outputs ? result.y.data() + t * y_stride : nullptr, y_stride};
            if (!chunked) {
                kernels.mamba2_step(head);
                continue;
            }
            Floats cb(static_cast<size_t>(chunk_tokens * chunk_tokens), NAN);
            Floats scratch(static_cast<size_t>(mamba2_scratch_floats(shape.head_dim, shape.d_state)), NAN);
            if (outputs) kernels.mamba2_cb(head.b, head.b_stride, head.c, head.c_stride, tokens, shape.d_state, cb.data());
            kernels.mamba2_chunk(head, cb.data(), scratch.data());
        }
        return result;
    }
};

const Mamba2Case mamba2_cases[] = {
    {64, 64, 128, 0.001f, 0.1f, -1},  {150, 64, 128, 0.001f, 0.5f, -2}, {1, 64, 128, 0.001f, 0.1f, -1}, {2, 64, 64, 0.01f, 0.1f, -1},
    {63, 32, 16, 0.01f, 0.5f, -1},    {65, 128, 256, 0.01f, 0.1f, -4},  {17, 64, 8, 0.1f, 1, -1},       {33, 20, 24, 0.1f, 1, -1},
    {50, 5, 3, 0.1f, 1, -0.5f},       {64, 64, 128, 0, 0, -1},          {100, 64, 128, 0, 50, -16},     {80, 64, 64, 0, 1e6f, -16},
    {128, 32, 32, 1e-6f, 1e-5f, -1},
};

std::string describe(const Kernels& kernels, const Mamba2Case& s) {
    std::ostringstream text;
    text << name(kernels.isa) << " tokens " << s.tokens << ", head_dim " << s.head_dim << ", d_state " << s.d_state << ", dt to "
         << s.dt_high;
    return text.str();
}

TEST(Mamba2, StepEqualsTheReference) {
    Random random(22);
    for (const Mamba2Case& s : mamba2_cases) {
        const Mamba2Input input(s, random);
        const Mamba2Result expected = input.run(scalar_kernels(), false);
        Mamba2Result first;
        for (const Kernels* kernels : vector_tables()) {
            const Mamba2Result actual = input.run(*kernels, false);
            EXPECT_LT(error(actual.y, expected.y), 3e-6) << describe(*kernels, s);
            EXPECT_LT(error(actual.state, expected.state), 3e-6) << describe(*kernels, s);
            EXPECT_TRUE(same_bits(actual.state, input.run(*kernels, false, false).state)) << describe(*kernels, s);
            if (first.y.empty()) first = actual;
            EXPECT_TRUE(same_bits(actual.y, first.y) && same_bits(actual.state, first.state)) << describe(*kernels, s) << ": bits";
        }
    }
}

TEST(Mamba2, ChunkEqualsStep) {
    Random random(23);
    std::vector<const Kernels*> tables = vector_tables();
    tables.push_back(&scalar_kernels());
    for (const Mamba2Case& s : mamba2_cases) {
        const Mamba2Input input(s, random);
        const Mamba2Result expected = input.run(scalar_kernels(), false);
        for (const Kernels* kernels : tables) {
            const Mamba2Result actual = input.run(*kernels, true);
            EXPECT_LT(error(actual.y, expected.y), 1e-5) << describe(*kernels, s);
            EXPECT_LT(error(actual.state, expected.state), 1e-5) << describe(*kernels, s);
            EXPECT_TRUE(same_bits(actual.state, input.run(*kernels, true, false).state)) << describe(*kernels, s) << ": state alone";
        }
    }
}

TEST(Mamba2, ChunkBitsAreThoseOfEveryVectorTable) {
    Random random(24);
    const std::vector<const Kernels*> tables = vector_tables();
    for (const Mamba2Case& s : mamba2_cases) {
        const Mamba2Input input(s, random);
        const Mamba2Result first = input.run(*tables.front(), true);
        for (const Kernels* kernels : tables) {
            const Mamba2Result actual = input.run(*kernels, true);
            EXPECT_TRUE(same_bits(actual.y, first.y) && same_bits(actual.state, first.state)) << describe(*kernels, s);
        }
    }
}

TEST(Mamba2, CbEqualsTheReferenceBelowTheDiagonal) {
    Random random(25);
    for (const int64_t tokens : {1, 2, 5, 6, 7, 31, 64}) {
        for (const int64_t d_state : {8, 16, 64, 100, 128}) {
            const int64_t stride = d_state + 3;
            const Floats b = random.normals(tokens * stride), c = random.normals(tokens * stride);
            Floats expected(static_cast<size_t>(chunk_tokens * chunk_tokens));
            scalar_kernels().mamba2_cb(b.data(), stride, c.data(), stride, tokens, d_state, expected.data());
            for (const Kernels* kernels : vector_tables()) {
                Floats actual(expected.size());
                kernels->mamba2_cb(b.data(), stride, c.data(), stride, tokens, d_state, actual.data());
                for (int64_t i = 0; i < chunk_tokens; ++i) {
                    for (int64_t j = i + 1; j < chunk_tokens; ++j) actual[static_cast<size_t>(i * chunk_tokens + j)] = 0;
                }
                EXPECT_LT(error(actual, expected), 1e-6) << name(kernels->isa) << ' ' << tokens << ' ' << d_state;
            }
        }
    }
}

}  // namespace
}  // namespace mamba::testing
