#include "kernels_testing.h"

namespace mamba::testing {
namespace {

struct Shape {
    int64_t rows, weight_rows, cols;
};
// One row, fewer than a tile, one more than a tile, several blocks; whole vectors and rests; one slab and two.
constexpr Shape shapes[] = {{1, 1, 1},    {1, 9, 16},   {1, 23, 48},  {2, 7, 31},   {3, 8, 32},    {5, 13, 96},
                            {6, 5, 64}, {1, 21, 512}, {4, 11, 256},   {7, 50, 80},  {13, 97, 33}, {19, 61, 800}, {9, 26, 1024}, {8, 51, 1600}, {33, 49, 160}};
constexpr float untouched = -77;

struct Call {
    bool bias, add;
    int64_t begin, end;
};

Floats run(const Kernels& kernels, const Matrix& w, const Floats& x, int64_t x_stride, int64_t rows, const Floats& bias, const Floats& y,
           int64_t y_stride, const Call& call) {
    Floats out = y;
    Floats scratch(static_cast<size_t>(matmul_scratch_floats(w.cols)), NAN);
    kernels.matmul(w, call.begin, call.end, x.data(), x_stride, rows, call.bias ? bias.data() : nullptr, call.add, out.data(), y_stride,
                   scratch.data());
    return out;
}

// How far a product may be from the reference, relative to the largest: 16 bits of x are left where they are cut to whole numbers.
double tolerance(const Kernels* kernels, WeightType type, double others) {
    return type == WeightType::q8_0 && has_q8_pairs(kernels) ? 2e-4 : others;
}

bool storable(WeightType type, int64_t cols) { return cols % block_shape(type).weights == 0; }

TEST(Matmul, EqualsTheReference) {
    Random random(1);
    for (const WeightType type : weight_types) {
        for (const Shape& s : shapes) {
            if (!storable(type, s.cols)) continue;
            const Weights w(type, s.weight_rows, s.cols, random);
            const int64_t x_stride = s.cols + 3, y_stride = s.weight_rows + 5;
            const Floats x = random.normals(s.rows * x_stride), bias = random.normals(s.weight_rows);
            const Floats y(static_cast<size_t>(s.rows * y_stride), untouched);
            const int64_t all = s.weight_rows;
            for (const Call& call : {Call{false, false, 0, all}, Call{true, false, 0, all}, Call{false, true, 0, all},
                                     Call{true, true, all / 3, all - all / 4}}) {
                const Floats expected = run(scalar_kernels(), w.matrix(), x, x_stride, s.rows, bias, y, y_stride, call);
                for (const Kernels* kernels : matmul_tables()) {
                    const Floats actual = run(*kernels, w.matrix(), x, x_stride, s.rows, bias, y, y_stride, call);
                    EXPECT_LT(error(actual, expected), tolerance(kernels, type, 2e-6))
                        << name(kernels->isa) << ' ' << name(type) << ' ' << s.rows << 'x' << s.cols << 'x' << s.weight_rows;
                }
            }
        }
    }
}

TEST(Matmul, WritesItsRangeOnly) {
    Random random(2);
    for (const int64_t rows : {1, 4, 20}) {
        const Weights w(WeightType::bf16, 70, 48, random);
        const Floats x = random.normals(rows * 48), y(static_cast<size_t>(rows * 75), untouched);
        for (const Kernels* kernels : matmul_tables()) {
            const Floats out = run(*kernels, w.matrix(), x, 48, rows, {}, y, 75, {false, false, 11, 59});
            for (size_t i = 0; i < out.size(); ++i) {
                const bool inside = i % 75 >= 11 && i % 75 < 59;
                EXPECT_EQ(out[i] != untouched, inside) << name(kernels->isa) << " column " << i % 75;
            }
        }
    }
}

// The bits of an output are those of its row of x and its row of weights, whatever else is computed in the same call.
TEST(Matmul, BitsDoNotDependOnTheCall) {
    Random random(3);
    for (const WeightType type : weight_types) {
        for (const int64_t cols : {32, 768, 800, 1600}) {
            if (!storable(type, cols)) continue;
            const int64_t rows = 20, weight_rows = 53;
            const Weights w(type, weight_rows, cols, random);
            const Floats x = random.normals(rows * cols), y(static_cast<size_t>(rows * weight_rows));
            for (const Kernels* kernels : matmul_tables()) {
                const Floats whole = run(*kernels, w.matrix(), x, cols, rows, {}, y, weight_rows, {false, false, 0, weight_rows});
                for (const int64_t part : {1, 2, 3, 5, 6, 7, 13}) {
                    Floats pieces = y;
                    for (int64_t m = 0; m < rows; m += part) {
                        const int64_t count = std::min(part, rows - m);
                        Floats scratch(static_cast<size_t>(matmul_scratch_floats(cols)));
                        for (int64_t j = 0; j < weight_rows; j += part + 4) {
                            kernels->matmul(w.matrix(), j, std::min(j + part + 4, weight_rows), x.data() + m * cols, cols, count, nullptr,
                                            false, pieces.data() + m * weight_rows, weight_rows, scratch.data());
                        }
                    }
                    EXPECT_TRUE(same_bits(whole, pieces))
                        << name(kernels->isa) << ' ' << name(type) << ' ' << cols << ", pieces of " << part;
                }
            }
        }
    }
}

// Q8_0 has two arithmetics: FP32, and whole numbers.
TEST(Matmul, BitsAreThoseOfEveryVectorTable) {
    Random random(4);
    for (const WeightType type : weight_types) {
        for (const Shape& s : shapes) {
            if (!storable(type, s.cols)) continue;
            const Weights w(type, s.weight_rows, s.cols, random);
            const Floats x = random.normals(s.rows * s.cols), bias = random.normals(s.weight_rows);
            const Floats y = random.normals(s.rows * s.weight_rows);
            const Call call{true, true, 0, s.weight_rows};
            Floats first[2];
            for (const Kernels* kernels : matmul_tables()) {
                const Floats out = run(*kernels, w.matrix(), x, s.cols, s.rows, bias, y, s.weight_rows, call);
                Floats& expected = first[type == WeightType::q8_0 && has_q8_pairs(kernels) ? 1 : 0];
                if (expected.empty()) expected = out;
                EXPECT_TRUE(same_bits(expected, out))
                    << name(kernels->isa) << ' ' << name(type) << ' ' << s.rows << 'x' << s.cols << 'x' << s.weight_rows;
            }
        }
    }
}

// Decoding inside the product gives the bits of a matrix that was widened before.
TEST(Matmul, BitsAreThoseOfTheWidenedMatrix) {
    Random random(6);
    for (const WeightType type : weight_types) {
        constexpr int64_t weight_rows = 37, cols = 768;
        const Weights w(type, weight_rows, cols, random);
        Floats wide(static_cast<size_t>(weight_rows * cols));
        for (int64_t j = 0; j < weight_rows; ++j) scalar_kernels().widen(type, w.matrix().row(j), cols, wide.data() + j * cols);
        const Matrix widened{WeightType::f32, weight_rows, cols, row_bytes(WeightType::f32, cols), reinterpret_cast<const std::byte*>(wide.data())};
        for (const int64_t rows : {1, 2, 6, 7, 30}) {
            const Floats x = random.normals(rows * cols), y(static_cast<size_t>(rows * weight_rows));
            const Call call{false, false, 0, weight_rows};
            for (const Kernels* kernels : matmul_tables()) {
                if (type == WeightType::q8_0 && (kernels->isa == MAMBA_ISA_NEON || has_q8_pairs(kernels))) continue;  // whole numbers there
                EXPECT_TRUE(same_bits(run(*kernels, w.matrix(), x, cols, rows, {}, y, weight_rows, call),
                                      run(*kernels, widened, x, cols, rows, {}, y, weight_rows, call)))
                    << name(kernels->isa) << ' ' << name(type) << ' ' << rows;
            }
        }
    }
}

// Tables may cut x into fixed-point numbers, block by block of 32: that has to be as good as FP32 for blocks of every magnitude, and at
// both ends of what a byte holds.
TEST(Matmul, Q8IsExactEnoughForAnyX) {
    Random random(6);
    const int64_t cols = 96, weight_rows = 13;
    Weights w(WeightType::q8_0, weight_rows, cols, random);
    struct {
        const char* what;
        float (*value)(Random&, int64_t k);
    } const cases[] = {
        {"one large value a block", [](Random& r, int64_t k) { return r.normal(k % 32 == 5 ? 1e4f : 1.0f); }},
        {"blocks far apart", [](Random& r, int64_t k) { return r.normal(k < 32 ? 1e-9f : k < 64 ? 1e3f : 1e12f); }},
        {"small", [](Random& r, int64_t) { return r.normal(1e-17f); }},
        {"huge", [](Random& r, int64_t) { return r.normal(1e34f); }},
        {"powers of two", [](Random& r, int64_t k) { return std::ldexp(k % 3 != 0 ? 1.0f : -1.0f, static_cast<int>(r.integer(-3, 3))); }},
        {"just below powers of two", [](Random& r, int64_t k) { return k % 2 != 0 ? std::nextafter(2.0f, 0.0f) : r.uniform(-2, -1.98f); }},
        {"bytes of -128", [](Random&, int64_t k) { return k % 32 == 0 ? 1.0f : -0x8080p-22f; }},
    };
    for (const auto& c : cases) {
        for (const int64_t rows : {1, 2, 3, 9}) {
            Floats x(static_cast<size_t>(rows * cols));
            for (size_t i = 0; i < x.size(); ++i) x[i] = c.value(random, static_cast<int64_t>(i) % cols);
            const Floats y(static_cast<size_t>(rows * weight_rows));
            const Call call{false, false, 0, weight_rows};
            const Floats expected = run(scalar_kernels(), w.matrix(), x, cols, rows, {}, y, weight_rows, call);
            for (const Kernels* kernels : matmul_tables()) {
                EXPECT_LT(error(run(*kernels, w.matrix(), x, cols, rows, {}, y, weight_rows, call), expected),
                          tolerance(kernels, WeightType::q8_0, 1e-6))
                    << name(kernels->isa) << ' ' << c.what << ' ' << rows;
            }
        }
    }
}

TEST(Matmul, Q8OfNothingIsZeroAndOfNanIsNan) {
    Random random(7);
    const Weights w(WeightType::q8_0, 9, 64, random);
    for (const Kernels* kernels : matmul_tables()) {
        for (const int64_t rows : {1, 2, 7}) {
            Floats x(static_cast<size_t>(rows) * 64);
            const Floats y(static_cast<size_t>(rows) * 9, untouched);
            const Call call{false, false, 0, 9};
            EXPECT_EQ(run(*kernels, w.matrix(), x, 64, rows, {}, y, 9, call), Floats(y.size())) << name(kernels->isa);
            x[40] = NAN;
            const Floats out = run(*kernels, w.matrix(), x, 64, rows, {}, y, 9, call);
            for (size_t i = 0; i < out.size(); ++i) EXPECT_EQ(std::isnan(out[i]), i < 9) << name(kernels->isa) << ' ' << i;
        }
    }
}

TEST(Widen, IsExact) {
    Random random(5);
    for (const WeightType type : weight_types) {
        for (const int64_t cols : {1, 15, 16, 17, 32, 96, 100, 256, 768}) {
            if (!storable(type, cols)) continue;
            const Weights w(type, 1, cols, random);
            Floats expected(static_cast<size_t>(cols));
            scalar_kernels().widen(type, w.matrix().data, cols, expected.data());
            for (const Kernels* kernels : vector_tables()) {
                Floats actual(static_cast<size_t>(cols) + 1, untouched);
                kernels->widen(type, w.matrix().data, cols, actual.data());
                EXPECT_EQ(actual.back(), untouched);
                actual.pop_back();
                EXPECT_TRUE(same_bits(actual, expected)) << name(kernels->isa) << ' ' << name(type) << ' ' << cols;
            }
        }
    }
}

TEST(Widen, EveryHalfOfBothKinds) {
    std::vector<uint16_t> every(65536);
    for (size_t i = 0; i < every.size(); ++i) every[i] = static_cast<uint16_t>(i);
    const auto* row = reinterpret_cast<const std::byte*>(every.data());
    for (const Kernels* kernels : vector_tables()) {
        Floats out(every.size());
        kernels->widen(WeightType::bf16, row, 65536, out.data());
        for (size_t i = 0; i < every.size(); ++i) {
            const float expected = bf16_to_f32(every[i]);
            EXPECT_EQ(std::memcmp(&out[i], &expected, sizeof expected), 0) << i;
        }
        kernels->widen(WeightType::f16, row, 65536, out.data());
        for (size_t i = 0; i < every.size(); ++i) {
            const float expected = f16_to_f32(every[i]);
            if (std::isnan(expected)) EXPECT_TRUE(std::isnan(out[i])) << i;  // the processor sets the quiet bit
            else EXPECT_EQ(std::memcmp(&out[i], &expected, sizeof expected), 0) << i;
        }
    }
}

}  // namespace
}  // namespace mamba::testing
