// Random weights with the distributions that mamba_ssm's modules and _init_weights start training from.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "model/config_check.h"
#include "model/gguf_config.h"
#include "model/layer_table.h"
#include "model/model.h"
#include "model/quantize.h"
#include "model/seal.h"

namespace mamba {
namespace {

constexpr const char* random_source = "the random model's shape";
constexpr double embedding_deviation = 0.02;
constexpr double dt_low = 1e-3, dt_high = 1e-1;   // of dt at rest
constexpr double a_low = 1, a_high = 16;          // Mamba-2: -A

// exp and log out of additions, multiplications and divisions alone, which every platform rounds alike; libraries differ in the
// last bit. Slow, which the few numbers that need them do not notice.
double portable_exp(double x) {
    constexpr int halvings = 10;
    const double small = x / (1 << halvings);
    double term = 1, sum = 1;
    for (int i = 1; i <= 12; ++i) {
        term *= small / i;
        sum += term;
    }
    for (int i = 0; i < halvings; ++i) sum *= sum;
    return sum;
}

double portable_log(double x) {  // 0 < x: ln(m * 2^e) = e ln 2 + 2 artanh((m - 1) / (m + 1))
    constexpr double ln2 = 0.69314718055994530942;
    int exponent = 0;
    const double mantissa = std::frexp(x, &exponent);  // exact
    const double ratio = (mantissa - 1) / (mantissa + 1), square = ratio * ratio;
    double power = ratio, sum = 0;
    for (int i = 1; i <= 61; i += 2) {
        sum += power / i;
        power *= square;
    }
    return exponent * ln2 + 2 * sum;
}

// Numbers by row and position, so that any thread can draw any of them. 32-bit arithmetic without branches: compilers turn a loop
// over i into vector code. Two multiply-xorshift rounds (constants: C. Wellons, "lowbias32"), keyed before each.
class Row {
public:
    Row(uint64_t seed, const std::string& name, int64_t row) {
        const uint64_t key = hash128(name.data(), name.size(), seed)[0] + static_cast<uint64_t>(row);
        const uint64_t mixed = hash128(&key, sizeof(key))[0];
        low_ = static_cast<uint32_t>(mixed);
        high_ = static_cast<uint32_t>(mixed >> 32);
    }

    uint32_t bits(uint32_t i) const {
        uint32_t x = i + low_;
        x = (x ^ (x >> 16)) * 0x7feb352du;
        x = (x ^ (x >> 15) ^ high_) * 0x846ca68bu;
        return x ^ (x >> 16);
    }
    // Uniform in [0, 1).
    double unit(uint32_t i) const { return bits(i) * 0x1p-32; }
    // Uniform in [-bound, bound).
    float symmetric(uint32_t i, float bound) const { return static_cast<float>(static_cast<int32_t>(bits(i))) * (bound * 0x1p-31f); }
    // Mean 0, deviation 1: the sum of four uniform numbers of 16 bits, scaled (tails end at 3.5 deviations).
    float normal(uint32_t i) const {
        constexpr float scale = 1.7320508f / 65536.0f;  // sqrt(12 / 4) over the range of one
        const uint32_t a = bits(2 * i), b = bits(2 * i + 1);
        const auto sum = static_cast<int32_t>((a & 0xffffu) + (a >> 16) + (b & 0xffffu) + (b >> 16));
        return static_cast<float>(sum - 2 * 65535) * scale;
    }

private:
    uint32_t low_, high_;
};

int64_t or_default(int32_t value, int64_t otherwise) { return value == 0 ? otherwise : value; }

ModelConfig config_of(const mamba_shape& shape) {
    for (const int32_t number : {shape.layer_count, shape.d_model, shape.d_state, shape.d_conv, shape.expand, shape.head_dim, shape.group_count, shape.vocab_size}) {
        if (number < 0) fail(MAMBA_INVALID_ARGUMENT, random_source, " has a negative number, ", number);
    }
    const bool second = shape.architecture == MAMBA_ARCH_MAMBA2;
    if (!second && shape.architecture != MAMBA_ARCH_MAMBA1 && shape.architecture != MAMBA_ARCH_FALCON_MAMBA) {
        fail(MAMBA_UNSUPPORTED, random_source, ": random models of architecture ", shape.architecture, " are not made; Mamba-1, Mamba-2 and Falcon-Mamba are");
    }
    ModelConfig config;
    config.architecture = static_cast<mamba_architecture>(shape.architecture);
    config.layers = uniform_layers(random_source, second ? LayerKind::mamba2 : LayerKind::mamba1, shape.layer_count, MAMBA_INVALID_ARGUMENT);
    config.d_model = shape.d_model;
    config.d_inner = or_default(shape.expand, 2) * config.d_model;
    config.d_state = or_default(shape.d_state, second ? 128 : 16);
    config.d_conv = or_default(shape.d_conv, 4);
    config.vocab_size = config.padded_vocab_size = or_default(shape.vocab_size, second ? 50288 : 50280);
    if (second) {
        config.head_dim = or_default(shape.head_dim, 64);
        config.head_count = config.d_inner / config.head_dim;
        config.group_count = or_default(shape.group_count, 1);
    } else {
        config.dt_rank = (config.d_model + 15) / 16;
        config.dt_b_c_norm = shape.architecture == MAMBA_ARCH_FALCON_MAMBA;
        config.tied_embeddings = !config.dt_b_c_norm;
    }
    check_config(random_source, config, MAMBA_INVALID_ARGUMENT);
    return config;
}

WeightType type_of(const mamba_shape& shape) {
    const auto type = shape.weight_type == MAMBA_WEIGHT_AS_STORED ? WeightType::f32 : static_cast<WeightType>(shape.weight_type);
    if (shape.weight_type < 0 || shape.weight_type > MAMBA_WEIGHT_Q4_K) {
        fail(MAMBA_UNSUPPORTED, random_source, ": random weights of type ", shape.weight_type, " are not made; F32, F16, BF16, Q8_0, Q6_K and Q4_K are");
    }
    return type;
}

class Maker {
public:
    Maker(Model& model, WeightType type, uint64_t seed) : model_(model), type_(type), seed_(seed) {}

    void run() {
        const ModelConfig& config = model_.config;
        const auto deviation = static_cast<float>(embedding_deviation);
        model_.layers.resize(config.layers.size());
        refuse_too_large();
        model_.embedding = matrix("token_embd.weight", config.padded_vocab_size, config.d_model,
                                  [=](const Row& row, uint32_t i) { return deviation * row.normal(i); });
        model_.head = config.tied_embeddings ? model_.embedding
                                             : matrix("output.weight", config.padded_vocab_size, config.d_model,
                                                      [=](const Row& row, uint32_t i) { return deviation * row.normal(i); });
        model_.final_norm = ones({config.d_model}, "output_norm.weight");
        for (size_t i = 0; i < model_.layers.size(); ++i) {
            Layer& layer = model_.layers[i];
            layer.kind = config.layers[i];
            for (const TensorSpec& spec : layer_table()) {
                if (applies(spec, layer.kind, config)) make(layer, spec, "blk." + std::to_string(i) + "." + spec.gguf);
            }
        }
    }

private:
    // A type whose blocks do not divide the row leaves it in F16.
    WeightType type_for(int64_t cols) const { return cols % block_shape(type_).weights == 0 ? type_ : WeightType::f16; }

    // All of it at once: each matrix alone might fit.
    void refuse_too_large() const {
        const ModelConfig& config = model_.config;
        const auto bytes_of = [&](int64_t rows, int64_t cols) { return static_cast<double>(rows) * static_cast<double>(row_bytes(type_for(cols), cols)); };
        double bytes = bytes_of(config.padded_vocab_size, config.d_model) * (config.tied_embeddings ? 1 : 2);
        for (const LayerKind kind : config.layers) {
            for (const TensorSpec& spec : layer_table()) {
                if (!applies(spec, kind, config)) continue;
                const Shape shape = spec.shape(config);
                bytes += spec.matrix != nullptr ? bytes_of(shape[0], shape[1]) : sizeof(float) * static_cast<double>(element_count(shape).value_or(0));
            }
        }
        const uint64_t available = platform::available_memory();
        constexpr double mebibyte = 1 << 20;
        if (bytes > static_cast<double>(available)) {
            fail(MAMBA_OUT_OF_MEMORY, "the random model needs ", static_cast<uint64_t>(bytes / mebibyte), " MiB of memory, and ", available >> 20,
                 " MiB can be had: choose a smaller shape or weight type");
        }
    }

    template <typename Draw>
    Matrix matrix(const std::string& name, int64_t rows, int64_t cols, const Draw& draw) {
        Matrix matrix;
        matrix.type = type_for(cols);
        matrix.rows = rows;
        matrix.cols = cols;
        matrix.row_bytes = row_bytes(matrix.type, cols);
        Buffer<std::byte> buffer(matrix.bytes(), name.c_str());
        matrix.data = buffer.data();
        const int64_t step = std::max<int64_t>(1, (1 << 18) / cols);  // rows a turn: enough work for a thread to fetch
        parallel_for((rows + step - 1) / step, [&](int64_t turn) {
            std::vector<float> values(static_cast<size_t>(cols));
            for (int64_t r = turn * step; r < std::min(rows, (turn + 1) * step); ++r) {
                const Row row(seed_, name, r);
                float* out = values.data();
                for (uint32_t c = 0; c < static_cast<uint32_t>(cols); ++c) out[c] = draw(row, c);
                encode_row(matrix.type, values.data(), cols, buffer.data() + static_cast<size_t>(r) * matrix.row_bytes);
            }
        });
        model_.storage.push_back(std::move(buffer));
        return matrix;
    }

    static Vector ones(const Shape& shape, const std::string& name) {
        Vector vector(static_cast<size_t>(element_count(shape).value_or(0)), name.c_str());
        std::fill(vector.begin(), vector.end(), 1.0f);
        return vector;
    }

    void make(Layer& layer, const TensorSpec& spec, const std::string& name) {
        const ModelConfig& config = model_.config;
        const Shape shape = spec.shape(config);
        if (spec.matrix != nullptr) {
            // torch.nn.Linear draws from +-1 / sqrt(inputs); so does dt_proj. The residual branches' last projection is made smaller.
            double bound = 1 / std::sqrt(static_cast<double>(shape[1]));
            if (spec.init == Init::residual) bound /= std::sqrt(static_cast<double>(config.layer_count()));
            layer.*spec.matrix = matrix(name, shape[0], shape[1], [bound = static_cast<float>(bound)](const Row& row, uint32_t i) { return row.symmetric(i, bound); });
            return;
        }
        Vector vector = ones(shape, name);
        const Row row(seed_, name, 0);
        const auto conv_bound = static_cast<float>(1 / std::sqrt(static_cast<double>(config.d_conv)));
        for (uint32_t i = 0; i < vector.size(); ++i) {
            switch (spec.init) {
                case Init::convolution: vector[i] = row.symmetric(i, conv_bound); break;
                case Init::dt_bias: {  // softplus(bias) = dt, log-uniform
                    const double dt = portable_exp(portable_log(dt_low) + row.unit(i) * (portable_log(dt_high) - portable_log(dt_low)));
                    vector[i] = static_cast<float>(dt + portable_log(1 - portable_exp(-dt)));
                    break;
                }
                case Init::decay:  // Mamba-1: -1, -2, .. over the states of a channel (S4D-real); Mamba-2: uniform
                    vector[i] = layer.kind == LayerKind::mamba1 ? -static_cast<float>(i % static_cast<uint32_t>(config.d_state) + 1)
                                                                : -static_cast<float>(a_low + row.unit(i) * (a_high - a_low));
                    break;
                default: break;
            }
        }
        layer.*spec.vector = std::move(vector);
    }

    Model& model_;
    WeightType type_;
    uint64_t seed_;
};

}  // namespace

std::shared_ptr<const Model> random_model(const mamba_shape& shape) {
    auto model = std::make_shared<Model>();
    const WeightType type = type_of(shape);
    model->config = config_of(shape);
    Maker(*model, type, shape.seed).run();
    seal(*model, random_source, Naming::gguf);
    model->metadata = describe(model->config, model->weight_type);
    replace(model->metadata, make_text("general.name", "random weights"));
    return model;
}

}  // namespace mamba
