#include <algorithm>
#include <sstream>

#include "kernels_testing.h"

namespace mamba::testing {
namespace {

// ---- Mamba-1

struct Mamba1Case {
    int64_t tokens, d_inner, d_state;
    float dt_scale;
    bool gated;
    float log_retention = 0;
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
                                outputs ? result.y.data() + t * n : nullptr, n, shape.log_retention});
            }
        }
        return result;
    }
};

TEST(Mamba1, EqualsTheReferenceInAnyPieces) {
    Random random(21);
    for (const Mamba1Case& s : {Mamba1Case{40, 70, 16, 0.2f, true}, Mamba1Case{1, 16, 16, 0.2f, true}, Mamba1Case{9, 37, 16, 0.2f, false},
                                Mamba1Case{12, 19, 8, 0.5f, true}, Mamba1Case{12, 5, 24, 0.5f, true}, Mamba1Case{7, 33, 64, 0.5f, false},
                                Mamba1Case{30, 48, 16, 1000, true}, Mamba1Case{5, 20, 16, 0, true}, Mamba1Case{40, 48, 16, 0.2f, true, -1e-4f},
                                Mamba1Case{9, 37, 24, 0.01f, true, -0.3f}, Mamba1Case{12, 20, 16, 0, false, -0.02f}}) {
        const Mamba1Input input(s, random);
        const Mamba1Result expected = input.run(scalar_kernels(), s.d_inner, s.tokens);
        Mamba1Result first;
        for (const Kernels* kernels : vector_tables()) {
            const Mamba1Result whole = input.run(*kernels, s.d_inner, s.tokens);
            EXPECT_LT(error(whole.y, expected.y), 2e-6) << name(kernels->isa) << " d_state " << s.d_state << " dt " << s.dt_scale;
            EXPECT_LT(error(whole.state, expected.state), 2e-6) << name(kernels->isa) << " d_state " << s.d_state;
            for (const auto& [channels, tokens] : {std::pair<int64_t, int64_t>{3, 1}, {17, 5}, {32, s.tokens}, {16, 2}, {s.d_inner, 1}}) {
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
    int64_t tokens, first_position, heads, groups, head_dim, d_state;
    float dt_low, dt_high, a;
    float log_retention = 0;
};

// The ring begins as memory that nobody wrote.
struct Mamba2Result {
    Floats y, state, ring;
    int64_t pending = 0;
};

// Everything has a stride of its own, wider than its rows.
struct Mamba2Input {
    Mamba2Case shape;
    int64_t x_width, bc_width, stride, dt_stride, y_stride, ring_stride;
    Floats convolved, dt, a, d, state;

    Mamba2Input(const Mamba2Case& s, Random& random)
        : shape(s), x_width(s.heads * s.head_dim), bc_width(s.groups * s.d_state), stride(x_width + 2 * bc_width + 5),
          dt_stride(s.heads + 2), y_stride(x_width + 1), ring_stride(x_width + bc_width + s.heads + 3) {
        convolved = random.normals(s.tokens * stride);
        dt = random.uniforms(s.tokens * dt_stride, s.dt_low, s.dt_high);
        for (size_t i = 0; i < dt.size(); i += 7) dt[i] = 0;
        a = random.uniforms(s.heads, 1.5f * s.a, 0.5f * s.a);
        d = random.normals(s.heads);
        state = random.normals(x_width * s.d_state);
    }

    Mamba2Scan scan(Mamba2Result& result, bool exact, bool outputs = true) const {
        Mamba2Scan s{};
        s.tokens = shape.tokens;
        s.first_position = shape.first_position;
        s.head_end = shape.heads;
        s.heads_a_group = shape.heads / shape.groups;
        s.head_dim = shape.head_dim;
        s.d_state = shape.d_state;
        s.x = convolved.data();
        s.b = s.x + x_width;
        s.c = s.b + bc_width;
        s.stride = stride;
        s.dt = dt.data();
        s.dt_stride = dt_stride;
        s.a = a.data();
        s.d = d.data();
        s.state = result.state.data();
        float* const ring = result.ring.data();
        s.ring = {ring, ring + x_width, ring + x_width + bc_width, ring_stride, result.pending};
        s.y = outputs ? result.y.data() : nullptr;
        s.y_stride = y_stride;
        s.exact = exact;
        s.log_retention = shape.log_retention;
        return s;
    }

    Mamba2Result fresh() const {
        return {Floats(static_cast<size_t>(shape.tokens * y_stride)), state, Floats(static_cast<size_t>(ring_entries * ring_stride), NAN)};
    }

    static void call(const Mamba2Scan& s, void (*kernel)(const Mamba2Scan&, float*)) {
        Floats scratch(static_cast<size_t>(mamba2_scratch_floats(s.head_dim, s.d_state)), NAN);
        kernel(s, scratch.data());
    }

    // Tokens [first, end), in ranges of `heads` heads, the last ones first.
    void advance(Mamba2Result& result, const Kernels& kernels, bool exact, int64_t first, int64_t end, int64_t heads,
                 bool outputs = true) const {
        Mamba2Scan s = scan(result, exact, outputs);
        s.tokens = end - first;
        s.first_position += first;
        s.x += first * stride;
        s.b += first * stride;
        s.c += first * stride;
        s.dt += first * dt_stride;
        if (outputs) s.y += first * y_stride;
        for (int64_t head = (shape.heads - 1) / heads * heads; head >= 0; head -= heads) {
            s.head_begin = head;
            s.head_end = std::min(head + heads, shape.heads);
            call(s, kernels.mamba2_scan);
        }
        result.pending = pending_after(result.pending, s.first_position, s.tokens);
    }

    void fold(Mamba2Result& result, const Kernels& kernels, int64_t heads) const {
        Mamba2Scan s = scan(result, false);
        s.x = s.b = s.c = s.dt = nullptr;
        s.y = nullptr;
        for (int64_t head = 0; head < shape.heads; head += heads) {
            s.head_begin = head;
            s.head_end = std::min(head + heads, shape.heads);
            call(s, kernels.mamba2_fold);
        }
        result.pending = 0;
    }

    // Cut at these token counts and into ranges of `heads` heads; folded at the end, so that the state holds every token.
    Mamba2Result run_in_pieces(const Kernels& kernels, bool exact, const std::vector<int64_t>& cuts, int64_t heads,
                               bool outputs = true) const {
        Mamba2Result result = fresh();
        for (size_t i = 0; i <= cuts.size(); ++i) {
            advance(result, kernels, exact, i == 0 ? 0 : cuts[i - 1], i == cuts.size() ? shape.tokens : cuts[i], heads, outputs);
        }
        fold(result, kernels, heads);
        return result;
    }

    Mamba2Result run(const Kernels& kernels, bool exact, bool outputs = true) const {
        return run_in_pieces(kernels, exact, {}, shape.heads, outputs);
    }

    // Cuts on the chunk grid, every `chunks` chunks.
    std::vector<int64_t> grid(int64_t chunks) const {
        std::vector<int64_t> cuts;
        const int64_t step = chunks * chunk_tokens;
        for (int64_t t = step - shape.first_position % step; t < shape.tokens; t += step) cuts.push_back(t);
        return cuts;
    }

    std::vector<int64_t> every_token() const {
        std::vector<int64_t> cuts;
        for (int64_t t = 1; t < shape.tokens; ++t) cuts.push_back(t);
        return cuts;
    }

    // The recurrence as its equation says, in double.
    Mamba2Result reference() const {
        Mamba2Result result = fresh();
        const int64_t p = shape.head_dim, n = shape.d_state;
        for (int64_t head = 0; head < shape.heads; ++head) {
            const int64_t group = head / (shape.heads / shape.groups);
            std::vector<double> s(state.begin() + head * p * n, state.begin() + (head + 1) * p * n);
            for (int64_t t = 0; t < shape.tokens; ++t) {
                const float* x = convolved.data() + t * stride + head * p;
                const float* b = convolved.data() + t * stride + x_width + group * n;
                const float* c = b + bc_width;
                const double step = dt[static_cast<size_t>(t * dt_stride + head)];
                const double decay = std::exp(step * a[static_cast<size_t>(head)] + shape.log_retention);
                for (int64_t i = 0; i < p; ++i) {
                    double y = static_cast<double>(d[static_cast<size_t>(head)]) * x[i];
                    for (int64_t k = 0; k < n; ++k) {
                        double& place = s[static_cast<size_t>(i * n + k)];
                        place = decay * place + step * x[i] * b[k];
                        y += place * c[k];
                    }
                    result.y[static_cast<size_t>(t * y_stride + head * p + i)] = static_cast<float>(y);
                }
            }
            std::transform(s.begin(), s.end(), result.state.begin() + head * p * n, [](double v) { return static_cast<float>(v); });
        }
        return result;
    }
};

// The head_dim of models in use; where the plain code takes minutes, a quarter of it.
constexpr int64_t head_rows = runs_slowly ? 16 : 64;

const Mamba2Case mamba2_cases[] = {
    {64, 0, 1, 1, 64, 128, 0.001f, 0.1f, -1},  // a whole chunk
    {150, 0, 3, 1, head_rows, 128, 0.001f, 0.5f, -2},  // and part of one
    {330, 0, 2, 1, head_rows, 128, 0.001f, 0.1f, -1},
    {129, 63, 4, 2, head_rows, 128, 0.001f, 0.1f, -1},  // single tokens at both ends
    {2, 62, 2, 2, 64, 64, 0.01f, 0.1f, -1},
    {90, 17, 6, 3, 32, 16, 0.01f, 0.5f, -1},
    {65, 0, 1, 1, 2 * head_rows, 256, 0.01f, 0.1f, -4},
    {100, 30, 4, 2, 48, 96, 0.01f, 0.1f, -1},
    {17, 0, 2, 1, 64, 8, 0.1f, 1, -1},
    {33, 40, 2, 1, 20, 24, 0.1f, 1, -1},
    {50, 0, 3, 3, 5, 3, 0.1f, 1, -0.5f},
    {64, 0, 1, 1, 64, 128, 0, 0, -1},  // nothing decays, nothing enters
    {100, 0, 2, 1, head_rows, 128, 0, 50, -16},  // all decays at once
    {80, 0, 2, 1, 64, 64, 0, 1e6f, -16},
    {128, 0, 2, 1, 32, 32, 1e-6f, 1e-5f, -1},
    {150, 0, 3, 1, head_rows, 128, 0.001f, 0.1f, -1, -1e-4f},  // less is retained than dt says
    {129, 63, 4, 2, 32, 64, 0.001f, 0.5f, -1, -0.02f},
    {90, 10, 2, 1, 32, 32, 0, 1e-5f, -1, -0.5f},
    {70, 3, 2, 1, 32, 32, 0, 5, -16, -6},  // and nothing of a block
};

std::string describe(const Kernels& kernels, const Mamba2Case& s) {
    std::ostringstream text;
    text << name(kernels.isa) << ": " << s.tokens << " tokens from " << s.first_position << ", " << s.heads << " heads, " << s.groups
         << " groups, head_dim " << s.head_dim << ", d_state " << s.d_state << ", dt to " << s.dt_high;
    return text.str();
}

std::vector<const Kernels*> all_tables() {
    std::vector<const Kernels*> tables = vector_tables();
    tables.push_back(&scalar_kernels());
    return tables;
}

bool same(const Mamba2Result& a, const Mamba2Result& b) { return same_bits(a.y, b.y) && same_bits(a.state, b.state); }

TEST(Mamba2, StepEqualsTheReference) {
    Random random(22);
    for (const Mamba2Case& s : mamba2_cases) {
        const Mamba2Input input(s, random);
        const Mamba2Result expected = input.reference();
        Mamba2Result first;
        for (const Kernels* kernels : all_tables()) {
            const Mamba2Result actual = input.run_in_pieces(*kernels, false, input.every_token(), s.heads);
            EXPECT_LT(error(actual.y, expected.y), 3e-6) << describe(*kernels, s);
            EXPECT_LT(error(actual.state, expected.state), 3e-6) << describe(*kernels, s);
            if (kernels->isa == MAMBA_ISA_SCALAR) continue;
            if (first.y.empty()) first = actual;
            EXPECT_TRUE(same(actual, first)) << describe(*kernels, s) << ": bits of another table";
            EXPECT_TRUE(same(actual, input.run_in_pieces(*kernels, true, input.every_token(), 1))) << describe(*kernels, s) << ": exact";
        }
    }
}

// Groups whose heads fill no vector, one and several; single tokens of every place in the ring, and several behind some that wait.
const Mamba2Case ring_cases[] = {
    {50, 0, 24, 1, head_rows, runs_slowly ? 32 : 128, 0.001f, 0.1f, -1},
    {47, 9, 36, 2, 8, 24, 0.01f, 0.5f, -1},
    {41, 13, 5, 5, 7, 5, 0.1f, 1, -2},
    {70, 31, 6, 2, 20, 20, 0.01f, 0.5f, -16},
    {40, 5, 3, 1, head_rows, 256, 0, 1e6f, -16},
    {47, 9, 20, 2, 8, 24, 0.01f, 0.1f, -1, -0.01f},
};

TEST(Mamba2, TokensWaitInTheRingUntilTheirPositionClosesIt) {
    Random random(27);
    for (const Mamba2Case& s : ring_cases) {
        const Mamba2Input input(s, random);
        for (const Kernels* kernels : all_tables()) {
            Mamba2Result result = input.fresh();
            int64_t waiting = 0;
            for (int64_t t = 0; t < s.tokens; ++t) {
                const Floats before = result.state;
                input.advance(result, *kernels, false, t, t + 1, s.heads);
                const bool closes = (s.first_position + t + 1) % 16 == 0;
                waiting = closes ? 0 : waiting + 1;
                EXPECT_EQ(result.pending, waiting);
                EXPECT_EQ(same_bits(before, result.state), !closes) << describe(*kernels, s) << ", token " << t;
            }
        }
    }
}

TEST(Mamba2, NoBitOfASingleTokenDependsOnRangesOfHeads) {
    Random random(28);
    for (const Mamba2Case& s : ring_cases) {
        const Mamba2Input input(s, random);
        const Mamba2Result expected = input.reference();
        for (const Kernels* kernels : all_tables()) {
            const Mamba2Result whole = input.run_in_pieces(*kernels, false, input.every_token(), s.heads);
            EXPECT_LT(error(whole.y, expected.y), 3e-6) << describe(*kernels, s);
            EXPECT_LT(error(whole.state, expected.state), 3e-6) << describe(*kernels, s);
            for (const int64_t heads : {1, 2, 5, 17}) {
                EXPECT_TRUE(same(whole, input.run_in_pieces(*kernels, false, input.every_token(), heads)))
                    << describe(*kernels, s) << ", " << heads;
            }
            const Mamba2Result state_alone = input.run_in_pieces(*kernels, false, input.every_token(), s.heads, false);
            EXPECT_TRUE(same_bits(whole.state, state_alone.state)) << describe(*kernels, s);
        }
    }
}

TEST(Mamba2, FoldingBringsTheStateUpToDate) {
    Random random(29);
    for (const Mamba2Case& s : ring_cases) {
        for (int64_t tokens = 1; tokens <= ring_entries; ++tokens) {
            Mamba2Case begun = s;
            begun.tokens = tokens;
            begun.first_position = 32;
            const Mamba2Input input(begun, random);
            const Mamba2Result expected = input.reference();
            Mamba2Result first;
            for (const Kernels* kernels : all_tables()) {
                const Mamba2Result actual = input.run_in_pieces(*kernels, false, input.every_token(), s.heads);
                EXPECT_LT(error(actual.state, expected.state), 2e-6) << describe(*kernels, begun);
                if (kernels->isa == MAMBA_ISA_SCALAR) continue;
                if (first.y.empty()) first = actual;
                EXPECT_TRUE(same(actual, first)) << describe(*kernels, begun) << ": bits of another table";
            }
        }
    }
}

TEST(Mamba2, SeveralTokensFoldWhatWaits) {
    Random random(30);
    for (const Mamba2Case& s : ring_cases) {
        const Mamba2Input input(s, random);
        const Mamba2Result expected = input.reference();
        for (const Kernels* kernels : all_tables()) {
            for (const std::vector<int64_t>& cuts :
                 std::vector<std::vector<int64_t>>{{1, 2}, {1, 2, 3, 9, 10, 12}, {2, 3, 4, 5, 6, 30, 31}}) {
                const Mamba2Result actual = input.run_in_pieces(*kernels, true, cuts, s.heads);
                EXPECT_LT(error(actual.y, expected.y), 1e-5) << describe(*kernels, s);
                EXPECT_LT(error(actual.state, expected.state), 1e-5) << describe(*kernels, s);
                EXPECT_TRUE(same(actual, input.run_in_pieces(*kernels, true, cuts, 2))) << describe(*kernels, s);
            }
        }
    }
}

TEST(Mamba2, ExactChunksEqualTheReferenceAndEachOther) {
    Random random(23);
    for (const Mamba2Case& s : mamba2_cases) {
        const Mamba2Input input(s, random);
        const Mamba2Result expected = input.reference();
        Mamba2Result first;
        for (const Kernels* kernels : all_tables()) {
            const Mamba2Result actual = input.run(*kernels, true);
            EXPECT_LT(error(actual.y, expected.y), 1e-5) << describe(*kernels, s);
            EXPECT_LT(error(actual.state, expected.state), 1e-5) << describe(*kernels, s);
            if (kernels->isa == MAMBA_ISA_SCALAR) continue;
            if (first.y.empty()) first = actual;
            EXPECT_TRUE(same(actual, first)) << describe(*kernels, s) << ": bits of another table";
        }
    }
}

// Root of the mean square of the differences over that of the values.
double deviation(const Floats& actual, const Floats& expected) {
    double differences = 0, squares = 1e-30;
    for (size_t i = 0; i < expected.size(); ++i) {
        const double difference = static_cast<double>(actual[i]) - expected[i];
        differences += difference * difference;
        squares += static_cast<double>(expected[i]) * expected[i];
    }
    return std::isfinite(differences) ? std::sqrt(differences / squares) : INFINITY;
}

// Rounding a value to BF16 has a relative deviation of 0.16 %, and sums of random terms keep it.
TEST(Mamba2, ChunksRoundedToBf16EqualTheReference) {
    Random random(26);
    for (const Mamba2Case& s : mamba2_cases) {
        const Mamba2Input input(s, random);
        const Mamba2Result expected = input.reference();
        for (const Kernels* kernels : all_tables()) {
            const Mamba2Result actual = input.run(*kernels, false);
            EXPECT_LT(deviation(actual.y, expected.y), 0.004) << describe(*kernels, s);
            EXPECT_LT(deviation(actual.state, expected.state), 0.004) << describe(*kernels, s);
            EXPECT_LT(error(actual.y, expected.y), 0.01) << describe(*kernels, s);
            EXPECT_LT(error(actual.state, expected.state), 0.01) << describe(*kernels, s);
        }
    }
}

TEST(Mamba2, NoBitDependsOnCutsAtTheGridOrRangesOfHeads) {
    Random random(24);
    for (const Mamba2Case& s : mamba2_cases) {
        const Mamba2Input input(s, random);
        // Under sanitizers and emulation the plain code takes minutes; it is of one piece anyway.
        for (const Kernels* kernels : runs_slowly ? vector_tables() : all_tables()) {
            for (const bool exact : {false, true}) {
                if (!exact && kernels->matmul_packed == nullptr) continue;  // the same
                const Mamba2Result whole = input.run(*kernels, exact);
                EXPECT_TRUE(same(whole, input.run_in_pieces(*kernels, exact, input.grid(1), s.heads))) << describe(*kernels, s);
                EXPECT_TRUE(same(whole, input.run_in_pieces(*kernels, exact, input.grid(3), 1))) << describe(*kernels, s);
                EXPECT_TRUE(same(whole, input.run_in_pieces(*kernels, exact, {}, 2))) << describe(*kernels, s);
                EXPECT_TRUE(same_bits(whole.state, input.run(*kernels, exact, false).state)) << describe(*kernels, s) << ": state alone";
            }
        }
    }
}

TEST(Mamba2, FormsOfAChunkAgreeWhereverItIsCut) {
    Random random(25);
    const Mamba2Case s{128, 0, 2, 1, head_rows, 128, 0.001f, 0.1f, -1};
    const Mamba2Input input(s, random);
    const Mamba2Result expected = input.reference();
    for (const Kernels* kernels : all_tables()) {
        for (const std::vector<int64_t>& cuts : std::vector<std::vector<int64_t>>{
                 {1}, {2, 5}, {31, 32, 64, 127}, {15, 16, 17, 48, 80}, {1, 2, 3, 9, 10, 11, 12, 40, 41, 42, 100}}) {
            const Mamba2Result actual = input.run_in_pieces(*kernels, true, cuts, s.heads);
            EXPECT_LT(error(actual.y, expected.y), 1e-5) << describe(*kernels, s);
            EXPECT_LT(error(actual.state, expected.state), 1e-5) << describe(*kernels, s);
        }
    }
}

}  // namespace
}  // namespace mamba::testing
