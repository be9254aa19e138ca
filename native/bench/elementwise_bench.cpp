// Norms, softplus, the convolution and the layout of rows for matrix units, over as many rows as stay in a cache of 1 MiB a thread, in the
// widths of mamba2-130m.
#include <algorithm>
#include <memory>

#include "kernel_bench.h"

namespace mamba::bench {
namespace {

constexpr int64_t d_model = 768, d_inner = 1536, conv_channels = 1792, d_conv = 4, rows = 64;

struct Memory {
    Buffer<float> in, out, weight, window;
};

std::shared_ptr<Memory> memory(int64_t width) {
    return std::make_shared<Memory>(Memory{random_floats(rows * width), random_floats(rows * width), random_floats(d_conv * width),
                                           random_floats((d_conv - 1) * width)});
}

// body(row) for each row of the worker's share.
template <typename RowBody>
Body by_rows(const RowBody& body) {
    return [body](const ThreadPool& pool, int worker, int64_t) {
        const Range mine = pool.share(worker, rows);
        for (int64_t row = mine.begin; row < mine.end; ++row) body(row);
    };
}

// For each of `values` so many floats moved and vector operations done, where a multiply and an add in one are two. An
// exponential is 8: rounding, reduction, a polynomial of degree 5, scaling.
Work of(int64_t values, double floats, double operations) {
    Work work;
    work.bytes = static_cast<double>(values) * floats * sizeof(float);
    work.operations = static_cast<double>(values) * 2 * operations;
    return work;
}
constexpr double silu = 8 + 3, log_of_exp = 8 + 10;

// Each allocates its memory when the case is run, and keeps it in the body.
Body rms_norm(const Kernels& kernels) {
    return by_rows([&kernels, m = memory(d_model)](int64_t row) {
        kernels.rms_norm(m->in.data() + row * d_model, m->weight.data(), 1e-5f, d_model, m->out.data() + row * d_model);
    });
}

// y is read and written, the gate is read. With gates and weights of ones y keeps its values over the iterations.
Body gated_norm(const Kernels& kernels) {
    const auto m = memory(d_inner);
    std::fill(m->in.begin(), m->in.end(), 1.0f);
    std::fill(m->weight.begin(), m->weight.end(), 1.0f);
    return by_rows([&kernels, m](int64_t row) {
        kernels.gated_norm(m->out.data() + row * d_inner, m->in.data() + row * d_inner, m->weight.data(), 1e-5f, d_inner, d_inner, false);
    });
}

// In place and repeated, so bounded: otherwise the values would grow for ever.
Body softplus(const Kernels& kernels) {
    return by_rows([&kernels, m = memory(d_inner)](int64_t row) {
        kernels.softplus(m->out.data() + row * d_inner, m->weight.data(), 0, 1, d_inner);
    });
}

Body prepare(const Kernels& kernels, OperandForm form) {
    auto operand = std::make_shared<Buffer<std::byte>>(packed::operand_bytes(form, d_inner, rows), "a benchmark's output");
    return by_rows([&kernels, form, operand, m = memory(d_inner)](int64_t row) {
        kernels.prepare(form, m->in.data() + row * d_inner, d_inner, row, rows, operand->data());
    });
}

Body convolution(const Kernels& kernels) {
    return [&kernels, m = memory(conv_channels)](const ThreadPool& pool, int worker, int64_t) {
        const Range channels = pool.share(worker, conv_channels, 16);
        if (channels.empty()) return;
        Convolution c{};
        c.tokens = rows;
        c.channels = conv_channels;
        c.d_conv = d_conv;
        c.begin = channels.begin;
        c.end = channels.end;
        c.in = m->in.data();
        c.out = m->out.data();
        c.in_stride = c.out_stride = conv_channels;
        c.window = m->window.data();
        c.weight = m->weight.data();
        kernels.convolution(c);
    };
}

}  // namespace

void add_elementwise_benchmarks() {
    for (const Kernels* kernels : tables()) {
        add("rms_norm", *kernels, of(rows * d_model, 2, 2), [=] { return rms_norm(*kernels); });
        add("gated_norm", *kernels, of(rows * d_inner, 3, silu + 3), [=] { return gated_norm(*kernels); });
        if (kernels->prepare != nullptr) {
            add("prepare/bf16", *kernels, of(rows * d_inner, 1.5, 1), [=] { return prepare(*kernels, OperandForm::bf16); });
            add("prepare/int8_pair", *kernels, of(rows * d_inner, 1.5, 5), [=] { return prepare(*kernels, OperandForm::int8_pair); });
        }
        add("softplus", *kernels, of(rows * d_inner, 2, log_of_exp), [=] { return softplus(*kernels); });
        add("convolution", *kernels, of(rows * conv_channels, 2, d_conv + silu), [=] { return convolution(*kernels); });
    }
}

}  // namespace mamba::bench
