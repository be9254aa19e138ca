// y = x W^T of the models' projections: one row and few rows as in decoding, many as in reading a prompt.
#include <memory>

#include "kernel_bench.h"
#include "model/quantize.h"

namespace mamba::bench {
namespace {

struct Projection {
    const char* name;
    int64_t rows, cols;
    bool head;  // of the vocabulary: only asked for a few positions
};
constexpr Projection projections[] = {
    {"39m_in", 2320, 512, false},   {"39m_out", 512, 1024, false},  {"39m_head", 16384, 512, true},
    {"130m_in", 3352, 768, false}, {"130m_out", 768, 1536, false}, {"130m_head", 50288, 768, true},
};

constexpr WeightType types[] = {WeightType::f32, WeightType::f16, WeightType::bf16, WeightType::q8_0, WeightType::q6_k, WeightType::q4_k};

// The same matrix many times over in memory: each iteration takes another, as each layer of a model has its own.
class MatrixRing {
public:
    MatrixRing(WeightType type, int64_t rows, int64_t cols) : matrix_{type, rows, cols, row_bytes(type, cols), nullptr} {
        const Buffer<float> values = random_floats(rows * cols, 0.1f);
        count_ = copies_in_memory(matrix_.bytes());
        data_ = Buffer<std::byte>(static_cast<size_t>(count_) * matrix_.bytes(), "a benchmark's weights");
        for (int64_t row = 0; row < rows; ++row) {
            encode_row(type, values.data() + row * cols, cols, data_.data() + static_cast<size_t>(row) * matrix_.row_bytes);
        }
        for (int64_t i = 1; i < count_; ++i) {
            std::memcpy(data_.data() + static_cast<size_t>(i) * matrix_.bytes(), data_.data(), matrix_.bytes());
        }
    }

    Matrix at(int64_t turn) const {
        Matrix matrix = matrix_;
        matrix.data = data_.data() + static_cast<size_t>(turn % count_) * matrix_.bytes();
        return matrix;
    }

private:
    Matrix matrix_;
    int64_t count_ = 0;
    Buffer<std::byte> data_;
};

// Neighbouring cases use the same weights.
MatrixRing& ring(WeightType type, const Projection& projection) {
    static std::unique_ptr<MatrixRing> kept;
    static std::pair<WeightType, const Projection*> key{};
    if (key != std::pair{type, &projection}) {
        kept.reset();
        kept = std::make_unique<MatrixRing>(type, projection.rows, projection.cols);
        key = {type, &projection};
    }
    return *kept;
}

struct Activations {
    Buffer<float> x, y, scratch;
    int64_t scratch_width;
};

Body matmul(const Kernels& kernels, WeightType type, const Projection& p, int64_t rows) {
    MatrixRing& weights = ring(type, p);
    const int64_t width = matmul_scratch_floats(p.cols);
    auto memory = std::make_shared<Activations>(Activations{random_floats(rows * p.cols), random_floats(rows * p.rows),
                                                            random_floats(width * thread_counts().back()), width});
    return [&kernels, &weights, &p, rows, memory](const ThreadPool& pool, int worker, int64_t turn) {
        const Range mine = pool.share(worker, p.rows, 16);
        if (mine.empty()) return;
        kernels.matmul(weights.at(turn), mine.begin, mine.end, memory->x.data(), p.cols, rows, nullptr, false, memory->y.data(), p.rows,
                       memory->scratch.data() + worker * memory->scratch_width);
    };
}

}  // namespace

void add_matmul_benchmarks() {
    for (const Projection& p : projections) {
        for (const WeightType type : types) {
            if (!can_convert(type) || p.cols % block_shape(type).weights != 0) continue;
            for (const int64_t rows : {1, 16, 64, 512}) {
                if (p.head && rows > 16) continue;
                Work work;
                work.operations = 2.0 * static_cast<double>(rows * p.rows * p.cols);
                work.bytes = static_cast<double>(p.rows) * static_cast<double>(row_bytes(type, p.cols));
                work.traffic = Traffic::read;
                work.type = type;
                const std::string name = std::string("matmul/") + p.name + '/' + mamba::name(type) + "/rows:" + std::to_string(rows);
                for (const Kernels* kernels : tables()) add(name, *kernels, work, [=, &p] { return matmul(*kernels, type, p, rows); });
            }
        }
    }
}

}  // namespace mamba::bench
