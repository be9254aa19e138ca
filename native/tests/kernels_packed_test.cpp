// Matrix products on matrix units: packed.h. Where the processor has none, there is nothing to test.
#include <algorithm>
#include <bit>

#include "kernels_testing.h"
#include "model/quantize.h"

namespace mamba::testing {
namespace {

class Packed : public ::testing::Test {
protected:
    void SetUp() override {
        if (vector_tables().back()->matmul_packed == nullptr) GTEST_SKIP() << "no matrix units on this processor";
        kernels_ = vector_tables().back();
    }

    // A matrix, in panels where its type has any.
    struct Packing {
        mamba::Weights weights;
        std::vector<std::byte> panels;
    };
    Packing pack(const Matrix& matrix) const {
        Packing packing{{matrix, nullptr}, {}};
        if (!packed::has_panels(matrix.type)) return packing;
        packing.panels.resize(static_cast<size_t>(packed::panels(matrix.rows)) * packed::panel_bytes(matrix.type, matrix.cols));
        kernels_->pack(matrix, 0, packed::panels(matrix.rows), packing.panels.data());
        packing.weights.panels = packing.panels.data();
        return packing;
    }

    // [rows, matrix.rows] of products; x: [rows, matrix.cols]. Memory is as large as promised, and no larger.
    Floats multiply(const Packing& packing, OperandForm form, const Floats& x, int64_t rows, int64_t begin = 0, int64_t end = -1,
                    const float* bias = nullptr, const Floats* added = nullptr) const {
        const Matrix& matrix = packing.weights.matrix;
        std::vector<std::byte> operand(packed::operand_bytes(form, matrix.cols, rows));
        for (int64_t r = 0; r < rows; ++r) kernels_->prepare(form, x.data() + r * matrix.cols, matrix.cols, r, rows, operand.data());
        std::vector<std::byte> scratch(packed_scratch_bytes(matrix.cols));
        Floats y = added != nullptr ? *added : Floats(static_cast<size_t>(rows * matrix.rows), NAN);
        kernels_->matmul_packed(packing.weights, begin, end < 0 ? matrix.rows : end, {form, rows, operand.data()}, bias, added != nullptr,
                                y.data(), matrix.rows, scratch.data());
        return y;
    }

    static Floats exact(const Matrix& matrix, const Floats& x, int64_t rows) {
        Floats row(static_cast<size_t>(matrix.cols)), y(static_cast<size_t>(rows * matrix.rows));
        for (int64_t j = 0; j < matrix.rows; ++j) {
            decode_row(matrix.type, matrix.row(j), matrix.cols, row.data());
            for (int64_t r = 0; r < rows; ++r) {
                double sum = 0;
                for (int64_t k = 0; k < matrix.cols; ++k) sum += static_cast<double>(row[static_cast<size_t>(k)]) * static_cast<double>(x[static_cast<size_t>(r * matrix.cols + k)]);
                y[static_cast<size_t>(r * matrix.rows + j)] = static_cast<float>(sum);
            }
        }
        return y;
    }

    // The largest difference in units of the root mean square.
    static double worst(const Floats& y, const Floats& expected) {
        double worst = 0, squares = 0;
        for (size_t i = 0; i < y.size(); ++i) {
            const double difference = static_cast<double>(y[i]) - static_cast<double>(expected[i]);
            worst = std::isnan(difference) ? INFINITY : std::max(worst, std::fabs(difference));
            squares += static_cast<double>(expected[i]) * static_cast<double>(expected[i]);
        }
        return worst / std::sqrt(squares / static_cast<double>(y.size()));
    }

    const Kernels* kernels_ = nullptr;
};

struct Case {
    WeightType type;
    OperandForm form;
    double tolerance;  // of the largest of some hundred errors, in units of the outputs' root mean square
};
constexpr Case cases[] = {{WeightType::bf16, OperandForm::bf16, 1.5e-2}, {WeightType::q8_0, OperandForm::bf16, 2e-2},
                          {WeightType::q8_0, OperandForm::int8_pair, 2e-4}};

TEST_F(Packed, ProductsAreThoseOfTheWeights) {
    Random random(1);
    for (const Case& c : cases) {
        for (const auto& [out, cols] : {std::pair<int64_t, int64_t>{40, 96}, {16, 32}, {130, 512}, {7, 160}}) {
            const testing::Weights weights(c.type, out, cols, random);
            const Packing packing = pack(weights.matrix());
            for (const int64_t rows : {1, 2, 5, 8, 9, 16, 17, 33, 50}) {
                const Floats x = random.normals(rows * cols), expected = exact(weights.matrix(), x, rows);
                EXPECT_LE(worst(multiply(packing, c.form, x, rows), expected), c.tolerance)
                    << name(c.type) << ", " << out << " x " << cols << ", " << rows << " rows";
            }
        }
    }
}

// One row goes through vector units, a few stand in one tile, more in several: the bits are the same.
TEST_F(Packed, BitsDoNotDependOnTheOtherRowsNorOnTheRange) {
    Random random(2);
    constexpr int64_t out = 200, cols = 288, rows = 37;
    for (const Case& c : cases) {
        const testing::Weights weights(c.type, out, cols, random);
        const Packing packing = pack(weights.matrix());
        Floats x = random.normals(rows * cols);
        for (size_t i = 0; i < x.size(); i += 3) x[i] *= std::exp2(static_cast<float>(random.integer(-40, 10)));  // some vanish beside others
        const Floats all = multiply(packing, c.form, x, rows);
        for (const int64_t count : {1, 2, 7, 8, 9, 16, 17, 32, 33}) {
            const Floats some(x.end() - count * cols, x.end());
            const Floats y = multiply(packing, c.form, some, count);
            EXPECT_TRUE(std::equal(y.begin(), y.end(), all.end() - count * out)) << name(c.type) << ", " << count << " rows";
            for (const int64_t begin : {0, 16, 64, 192}) {
                const Floats part = multiply(packing, c.form, some, count, begin, out);
                for (int64_t r = 0; r < count; ++r) {
                    EXPECT_TRUE(std::equal(part.begin() + r * out + begin, part.begin() + (r + 1) * out, y.begin() + r * out + begin))
                        << name(c.type) << ", " << count << " rows from column " << begin;
                }
            }
        }
    }
}

TEST_F(Packed, ProductOfOneRowWithBf16IsThatOfATileEvenWhereNumbersVanish) {
    Random random(3);
    constexpr int64_t out = 48, cols = 256;
    std::vector<uint16_t> bits(static_cast<size_t>(out * cols));
    for (int spread : {1, 20, 60}) {
        for (uint16_t& w : bits) w = f32_to_bf16(random.normal() * std::exp2(static_cast<float>(random.integer(-spread, spread))));
        const Packing packing = pack({WeightType::bf16, out, cols, static_cast<size_t>(cols) * 2, reinterpret_cast<const std::byte*>(bits.data())});
        Floats x = random.normals(2 * cols);
        for (float& v : x) v *= std::exp2(static_cast<float>(random.integer(-spread - 60, spread)));
        const Floats two = multiply(packing, OperandForm::bf16, x, 2);
        const Floats one = multiply(packing, OperandForm::bf16, Floats(x.begin(), x.begin() + cols), 1);
        EXPECT_TRUE(std::equal(one.begin(), one.end(), two.begin())) << "spread over 2^" << spread;
    }
}

TEST_F(Packed, RowsComeBackAsTheyWere) {
    Random random(6);
    for (const WeightType type : {WeightType::bf16, WeightType::q8_0}) {
        for (const int64_t cols : {32, 96, 512}) {
            constexpr int64_t out = 37;
            const testing::Weights weights(type, out, cols, random);
            const Packing packing = pack(weights.matrix());
            for (int64_t row = 0; row < out; ++row) {
                Floats expected(static_cast<size_t>(cols)), actual(expected);
                scalar_kernels().widen(type, weights.matrix().row(row), cols, expected.data());
                kernels_->unpack(packing.weights, row, actual.data());
                EXPECT_EQ(actual, expected) << name(type) << ", row " << row;
            }
        }
    }
    // Columns of BF16 that fill no block.
    const testing::Weights weights(WeightType::bf16, 3, 45, random);
    const Packing packing = pack(weights.matrix());
    Floats expected(45), actual(45);
    scalar_kernels().widen(WeightType::bf16, weights.matrix().row(2), 45, expected.data());
    kernels_->unpack(packing.weights, 2, actual.data());
    EXPECT_EQ(actual, expected);
}

TEST_F(Packed, AddsAndTakesABias) {
    Random random(4);
    constexpr int64_t out = 88, cols = 64;
    for (const Case& c : cases) {
        const testing::Weights weights(c.type, out, cols, random);
        const Packing packing = pack(weights.matrix());
        const Floats bias = random.normals(out);
        for (const int64_t rows : {1, 6, 12, 40}) {
            const Floats x = random.normals(rows * cols), before = random.normals(rows * out);
            const Floats plain = multiply(packing, c.form, x, rows);
            const Floats y = multiply(packing, c.form, x, rows, 0, -1, bias.data(), &before);
            for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], before[i] + (plain[i] + bias[i % static_cast<size_t>(out)])) << i;
        }
    }
}

TEST_F(Packed, WhatIsNotFiniteStaysSo) {
    Random random(5);
    constexpr int64_t out = 16, cols = 64;
    for (const Case& c : cases) {
        const testing::Weights weights(c.type, out, cols, random);
        const Packing packing = pack(weights.matrix());
        for (const float bad : {NAN, INFINITY, -INFINITY}) {
            Floats x = random.normals(3 * cols);
            x[cols + 5] = bad;
            const Floats y = multiply(packing, c.form, x, 3);
            for (int64_t j = 0; j < out; ++j) {
                EXPECT_TRUE(std::isfinite(y[static_cast<size_t>(j)]) && std::isfinite(y[static_cast<size_t>(2 * out + j)]));
                EXPECT_FALSE(std::isfinite(y[static_cast<size_t>(out + j)])) << name(c.type);
            }
        }
    }
}

}  // namespace
}  // namespace mamba::testing
