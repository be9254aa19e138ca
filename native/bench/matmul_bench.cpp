// y = x W^T of the models' projections: one row and few rows as in decoding, many as in reading a prompt.
#include <algorithm>
#include <cstring>
#include <memory>
#include <tuple>

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

// Rows up to here are single tokens of as many sessions, more are one session's prompt: the engine gives them to different kernels.
constexpr int64_t most_singles = 16;

// The same matrix many times over in memory, in panels where the table multiplies by those: each iteration takes another, as each
// layer of a model has its own.
class WeightRing {
public:
    WeightRing(const Kernels& kernels, WeightType type, int64_t rows, int64_t cols)
        : matrix_{type, rows, cols, row_bytes(type, cols), nullptr}, first_(matrix_.bytes(), "a benchmark's weights") {
        // Searching for the scales of quantized rows takes long, so a few rows stand for all.
        const int64_t different = std::min<int64_t>(rows, 64);
        const Buffer<float> values = random_floats(different * cols, 0.1f);
        for (int64_t row = 0; row < rows; ++row) {
            std::byte* place = first_.data() + static_cast<size_t>(row) * matrix_.row_bytes;
            if (row < different) encode_row(type, values.data() + row * cols, cols, place);
            else std::memcpy(place, first_.data() + static_cast<size_t>(row % different) * matrix_.row_bytes, matrix_.row_bytes);
        }
        matrix_.data = first_.data();
        panels_ = kernels.pack != nullptr && packed::has_panels(type);
        bytes_ = panels_ ? static_cast<size_t>(packed::panels(rows)) * packed::panel_bytes(type, cols) : matrix_.bytes();
        count_ = copies_in_memory(bytes_);
        constexpr size_t read_ahead = 4096;  // kernels may ask memory for what lies behind the last
        data_ = Buffer<std::byte>(static_cast<size_t>(count_) * bytes_ + read_ahead, "a benchmark's weights");
        if (panels_) kernels.pack(matrix_, 0, packed::panels(rows), data_.data());
        else std::memcpy(data_.data(), first_.data(), bytes_);
        for (int64_t i = 1; i < count_; ++i) std::memcpy(data_.data() + static_cast<size_t>(i) * bytes_, data_.data(), bytes_);
    }

    Weights at(int64_t turn) const {
        const std::byte* data = data_.data() + static_cast<size_t>(turn % count_) * bytes_;
        Weights weights{matrix_, nullptr};
        (panels_ ? weights.panels : weights.matrix.data) = data;
        return weights;
    }

private:
    Matrix matrix_;
    Buffer<std::byte> first_;
    bool panels_ = false;
    size_t bytes_ = 0;
    int64_t count_ = 0;
    Buffer<std::byte> data_;
};

// Neighbouring cases use the same weights.
WeightRing& ring(const Kernels& kernels, WeightType type, const Projection& projection) {
    static std::unique_ptr<WeightRing> kept;
    static std::tuple<bool, WeightType, const Projection*> key{};
    const auto asked = std::tuple{kernels.pack != nullptr, type, &projection};
    if (key != asked) {
        kept.reset();
        kept = std::make_unique<WeightRing>(kernels, type, projection.rows, projection.cols);
        key = asked;
    }
    return *kept;
}

struct Activations {
    Buffer<float> x, y;
    Buffer<std::byte> operand, scratch;
};

Body matmul(const Kernels& kernels, WeightType type, const Projection& p, int64_t rows) {
    WeightRing& weights = ring(kernels, type, p);
    const OperandForm form = kernels.pack == nullptr ? OperandForm::plain : operand_form(type, rows <= most_singles);
    const size_t needed = std::max(static_cast<size_t>(matmul_scratch_floats(p.cols)) * sizeof(float), packed_scratch_bytes(p.cols));
    const size_t width = needed / 64 * 64 + 64;
    auto m = std::make_shared<Activations>();
    m->x = random_floats(rows * p.cols);
    m->y = random_floats(rows * p.rows);
    m->scratch = Buffer<std::byte>(width * static_cast<size_t>(thread_counts().back()), "a benchmark's scratch memory");
    if (form != OperandForm::plain) {
        m->operand = Buffer<std::byte>(packed::operand_bytes(form, p.cols, rows), "a benchmark's input");
        for (int64_t row = 0; row < rows; ++row) kernels.prepare(form, m->x.data() + row * p.cols, p.cols, row, rows, m->operand.data());
    }
    return [&kernels, &weights, &p, rows, form, width, m](const ThreadPool& pool, int worker, int64_t turn) {
        const Range mine = pool.share(worker, p.rows, 16);
        if (mine.empty()) return;
        const Weights w = weights.at(turn);
        std::byte* scratch = m->scratch.data() + static_cast<size_t>(worker) * width;
        if (form == OperandForm::plain) {
            kernels.matmul(w.matrix, mine.begin, mine.end, m->x.data(), p.cols, rows, nullptr, false, m->y.data(), p.rows,
                           reinterpret_cast<float*>(scratch));
        } else {
            kernels.matmul_packed(w, mine.begin, mine.end, {form, rows, m->operand.data()}, nullptr, false, m->y.data(), p.rows, scratch);
        }
    };
}

void add(const Kernels& kernels, WeightType type, const Projection& p, int64_t rows) {
    Work work;
    work.operations = 2.0 * static_cast<double>(rows * p.rows * p.cols);
    work.bytes = static_cast<double>(p.rows) * static_cast<double>(row_bytes(type, p.cols));
    work.traffic = Traffic::read;
    work.type = type;
    const std::string name = std::string("matmul/") + p.name + '/' + mamba::name(type) + "/rows:" + std::to_string(rows);
    add(name, kernels, work, [=, &kernels, &p] { return matmul(kernels, type, p, rows); });
}

}  // namespace

void add_matmul_benchmarks() {
    for (const Projection& p : projections) {
        for (const WeightType type : all_weight_types) {
            if (p.cols % block_shape(type).weights != 0) continue;
            for (const Kernels* kernels : tables()) {
                for (const int64_t rows : {1, 16, 64, 512}) {
                    if (!p.head || rows <= most_singles) add(*kernels, type, p, rows);
                }
            }
        }
    }
}

}  // namespace mamba::bench
