// Products of many rows and Mamba-1's prefill against float64 on the host; with "time", what they take on this device ("time ROWS": one layer). Stands alone:
//   nvcc -O3 -std=c++17 -gencode=arch=compute_90a,code=sm_90a -DMAMBA_CUDA_HOPPER -Inative/src -Inative/include
//        native/tests/cuda/prefill_test.cu native/src/backends/cuda/{cublaslt,gemm,gemm_hopper,gemm_tensor,gemm_f32,mamba1_inputs,mamba1_prefill}.cu
// (without the first two -D and -gencode options: -arch=sm_80). Exit code 1: something is wrong.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "backends/cuda/cublaslt.h"
#include "backends/cuda/gemm.h"
#include "backends/cuda/mamba1_prefill.h"
#include "backends/cuda/memory.h"
#include "checks.h"

using namespace mamba::cuda;

namespace {

float normal() {
    static std::normal_distribution<float> distribution;
    return distribution(random_numbers);
}

// ---- Values of 16 bits on the host

float rounded(double v, int32_t type) {
    const auto f = static_cast<float>(v);
    return type == MAMBA_WEIGHT_F32 ? f : value_of(bits_of(f, type), type);
}

// An array on the host and on the device, of a type; values are held as they are after rounding.
struct Values {
    int32_t type = MAMBA_WEIGHT_F32;
    std::vector<float> host;
    DeviceArray<unsigned char> device;

    Values() = default;
    Values(int32_t type_, size_t count, float scale, float poison = 0) : type(type_), host(count) {
        for (float& v : host) v = poison != 0 ? poison : rounded(scale * normal(), type);
        send();
    }
    size_t bytes() const { return host.size() * (type == MAMBA_WEIGHT_F32 ? 4 : 2); }
    void send() {
        if (device.size() != bytes()) device = DeviceArray<unsigned char>(bytes(), "a test");
        if (type == MAMBA_WEIGHT_F32) {
            check(cudaMemcpy(device.data(), host.data(), bytes(), cudaMemcpyHostToDevice), "sending");
            return;
        }
        std::vector<uint16_t> bits(host.size());
        for (size_t i = 0; i < bits.size(); ++i) bits[i] = bits_of(host[i], type);
        check(cudaMemcpy(device.data(), bits.data(), bytes(), cudaMemcpyHostToDevice), "sending");
    }
    void fetch() {
        if (type == MAMBA_WEIGHT_F32) {
            check(cudaMemcpy(host.data(), device.data(), bytes(), cudaMemcpyDeviceToHost), "fetching");
            return;
        }
        std::vector<uint16_t> bits(host.size());
        check(cudaMemcpy(bits.data(), device.data(), bytes(), cudaMemcpyDeviceToHost), "fetching");
        for (size_t i = 0; i < bits.size(); ++i) host[i] = value_of(bits[i], type);
    }
    void* at(size_t index = 0) const { return device.data() + index * (type == MAMBA_WEIGHT_F32 ? 4 : 2); }
    float* floats(size_t index = 0) const { return static_cast<float*>(at(index)); }
};

const char* name_of(int32_t type) { return type == MAMBA_WEIGHT_F32 ? "F32" : type == MAMBA_WEIGHT_F16 ? "F16" : "BF16"; }
const char* name_of(GemmKernels kernels) {
    return kernels == GemmKernels::cublas ? "cublas" : kernels == GemmKernels::hopper ? "hopper" : kernels == GemmKernels::tensor ? "tensor" : "best";
}

struct Device {
    Queue queue;
    CublasLt library;
    DeviceArray<unsigned char> workspace_memory{gemm_workspace_bytes, "a workspace"};
    Workspace workspace{workspace_memory.data(), gemm_workspace_bytes};
    cudaDeviceProp properties{};

    Device() {
        check(cudaGetDeviceProperties(&properties, 0), "the device");
        queue.overlap = properties.major >= 9;
        check(cudaStreamCreate(&queue.stream), "a stream");
    }
    ~Device() { cudaStreamDestroy(queue.stream); }
    void wait() const { check(cudaStreamSynchronize(queue.stream), "waiting"); }
};

// ---- Products

void test_gemm(Device& device, GemmKernels kernels, int32_t type, int m, int n, int k, bool add, bool narrow, bool bias) {
    const int64_t x_stride = k + 8, w_stride = k + 16, y_stride = n + (n % 2 == 0 ? 4 : 3);
    const Values x(type, static_cast<size_t>(m * x_stride), 1), w(type, static_cast<size_t>(n * w_stride), 1.0f / std::sqrt(static_cast<float>(k)));
    const Values b(MAMBA_WEIGHT_F32, static_cast<size_t>(n), 1);
    Values y(narrow ? type : MAMBA_WEIGHT_F32, static_cast<size_t>(m * y_stride), 1, add ? 0.0f : NAN);
    const std::vector<float> before = y.host;
    gemm(device.queue, kernels == GemmKernels::cublas ? &device.library : nullptr, device.workspace,
         {type, m, n, k, x.at(), x_stride, w.at(), w_stride, bias ? b.floats() : nullptr, add, narrow, y.at(), y_stride}, kernels);
    device.wait();
    y.fetch();
    Difference difference;
    bool kept = true;
    for (int i = 0; i < m; ++i) {
        for (int j = 0; j < n; ++j) {
            double sum = (add ? before[static_cast<size_t>(i * y_stride + j)] : 0.0) + (bias ? b.host[static_cast<size_t>(j)] : 0.0);
            for (int l = 0; l < k; ++l) {
                sum += static_cast<double>(x.host[static_cast<size_t>(i * x_stride + l)]) * w.host[static_cast<size_t>(j * w_stride + l)];
            }
            difference.add(y.host[static_cast<size_t>(i * y_stride + j)], sum);
        }
        for (int64_t j = n; j < y_stride; ++j) {
            const float now = y.host[static_cast<size_t>(i * y_stride + j)], then = before[static_cast<size_t>(i * y_stride + j)];
            kept = kept && (now == then || (std::isnan(now) && std::isnan(then)));
        }
    }
    const std::string what = std::string("gemm ") + name_of(kernels) + " " + name_of(type) + " " + std::to_string(m) + " x " + std::to_string(n) +
                             " x " + std::to_string(k) + (add ? " add" : "") + (narrow ? " narrow" : "") + (bias ? " bias" : "");
    expect(what, difference.value(), narrow && type == MAMBA_WEIGHT_BF16 ? 4e-3 : narrow && type == MAMBA_WEIGHT_F16 ? 5e-4 : type == MAMBA_WEIGHT_F32 ? 2e-6 : 1e-5);
    if (!kept) expect(what + ": wrote between rows", 1, 0);
}

void test_gemms(Device& device) {
    for (const GemmKernels kernels : {GemmKernels::cublas, GemmKernels::hopper, GemmKernels::tensor}) {
        if (kernels == GemmKernels::cublas && !device.library.available()) continue;
        for (const int32_t type : {MAMBA_WEIGHT_BF16, MAMBA_WEIGHT_F16, MAMBA_WEIGHT_F32}) {
            test_gemm(device, kernels, type, 16, 24, 8, false, false, false);
            test_gemm(device, kernels, type, 17, 100, 72, false, true, false);
            test_gemm(device, kernels, type, 65, 129, 40, true, false, true);
            test_gemm(device, kernels, type, 129, 257, 200, false, true, true);
            test_gemm(device, kernels, type, 300, 515, 328, true, false, false);
            test_gemm(device, kernels, type, 1100, 520, 64, false, false, false);
        }
    }
}

// ---- Quantized matrices: rows as weights.h lays them out, decoded by their formulas

float half_value(const unsigned char* at) {
    uint16_t bits;
    std::memcpy(&bits, at, 2);
    return value_of(bits, MAMBA_WEIGHT_F16);
}

double quantized_value(const Weight& w, const unsigned char* row, int col) {
    const int cols = w.padded_cols, block = col / 256, i = col % 256;
    if (w.type == MAMBA_WEIGHT_Q8_0) return static_cast<double>(half_value(row + cols + col / 32 * 2)) * static_cast<signed char>(row[col]);
    if (w.type == MAMBA_WEIGHT_Q6_K) {
        const int half = i / 128, k = i % 128 / 32, j = i % 32;
        const int low = row[block * 128 + half * 64 + k % 2 * 32 + j] >> (k / 2 * 4) & 15;
        const int high = row[cols / 2 + block * 64 + half * 32 + j] >> (2 * k) & 3;
        const double scale = half_value(row + cols / 4 * 3 + cols / 16 + block * 2) * static_cast<signed char>(row[cols / 4 * 3 + col / 16]);
        return scale * ((low | high << 4) - 32);
    }
    const int g = i / 32;
    const int number = row[block * 128 + g / 2 * 32 + i % 32] >> (g % 2 * 4) & 15;
    const unsigned char* head = row + cols / 2 + block * 16;
    const unsigned char* s = head + 4;
    const int scale = g < 4 ? s[g] & 63 : (s[g + 4] & 15) | s[g - 4] >> 6 << 4;
    const int minimum = g < 4 ? s[g + 4] & 63 : s[g + 4] >> 4 | s[g] >> 6 << 4;
    return static_cast<double>(half_value(head)) * scale * number - static_cast<double>(half_value(head + 2)) * minimum;
}

void test_dequantize(Device& device, int32_t type, const char* name) {
    const int rows = 37, cols = 1280;
    const size_t bytes = type == MAMBA_WEIGHT_Q8_0 ? cols + cols / 16 : type == MAMBA_WEIGHT_Q6_K ? cols / 256 * 210 : cols / 256 * 144;
    Weight w;
    w.type = type;
    w.rows = rows;
    w.cols = w.padded_cols = cols;
    w.pitch = static_cast<int64_t>(round_up(bytes, 16));
    std::vector<unsigned char> host(static_cast<size_t>(rows * w.pitch));
    for (unsigned char& byte : host) byte = static_cast<unsigned char>(random_numbers());
    const auto put_half = [&](int64_t at, float v) {
        const uint16_t bits = bits_of(v, MAMBA_WEIGHT_F16);
        std::memcpy(host.data() + at, &bits, 2);
    };
    for (int row = 0; row < rows; ++row) {
        const int64_t at = row * w.pitch;
        if (type == MAMBA_WEIGHT_Q8_0) for (int i = 0; i < cols / 32; ++i) put_half(at + cols + i * 2, 0.01f * normal());
        if (type == MAMBA_WEIGHT_Q6_K) for (int i = 0; i < cols / 256; ++i) put_half(at + cols / 4 * 3 + cols / 16 + i * 2, 0.01f * normal());
        if (type == MAMBA_WEIGHT_Q4_K) for (int i = 0; i < cols / 128; ++i) put_half(at + cols / 2 + i / 2 * 16 + i % 2 * 2, 0.01f * normal());
    }
    const DeviceArray<unsigned char> memory(host.size(), "a test");
    check(cudaMemcpy(memory.data(), host.data(), host.size(), cudaMemcpyHostToDevice), "sending");
    w.data = memory.data();
    Values out(MAMBA_WEIGHT_BF16, static_cast<size_t>(rows * cols), 1, NAN);
    dequantize(device.queue, w, MAMBA_WEIGHT_BF16, out.at());
    device.wait();
    out.fetch();
    Difference difference;
    for (int row = 0; row < rows; ++row) {
        for (int col = 0; col < cols; ++col) {
            difference.add(out.host[static_cast<size_t>(row * cols + col)], quantized_value(w, host.data() + row * w.pitch, col));
        }
    }
    expect(std::string("dequantize ") + name, difference.value(), 3e-3);
}

void test_norm(Device& device, int32_t type) {
    const int rows = 33, width = 1028, stride = 1040;
    const Values x(MAMBA_WEIGHT_F32, rows * stride, 3), weight(MAMBA_WEIGHT_F32, width, 1);
    Values y(type, rows * stride, 1, NAN);
    norm_to_operand(device.queue, {type, rows, width, x.floats(), stride, weight.floats(), 1e-5f, y.at(), stride, false});
    device.wait();
    y.fetch();
    Difference difference;
    for (int row = 0; row < rows; ++row) {
        double squares = 0;
        for (int i = 0; i < width; ++i) squares += static_cast<double>(x.host[row * stride + i]) * x.host[row * stride + i];
        for (int i = 0; i < width; ++i) {
            difference.add(y.host[row * stride + i], x.host[row * stride + i] / std::sqrt(squares / width + 1e-5) * weight.host[i]);
        }
    }
    expect(std::string("norm ") + name_of(type), difference.value(), type == MAMBA_WEIGHT_BF16 ? 4e-3 : type == MAMBA_WEIGHT_F16 ? 5e-4 : 1e-6);
}

// ---- Mamba-1

struct Mamba1Test {
    int32_t type, d_inner, d_state, dt_rank, d_conv;
    bool norms, bias;
    std::vector<int> counts;
    int segments;
};

double silu(double v) { return v / (1 + std::exp(-v)); }

void test_mamba1(Device& device, const Mamba1Test& t) {
    const auto size = [](auto... factors) { return (static_cast<size_t>(factors) * ...); };
    int rows = 0;
    for (const int count : t.counts) rows += count;
    const int di = t.d_inner, n = t.d_state, rank = t.dt_rank, parts = static_cast<int>(t.counts.size()), columns = rank + 2 * n;
    const int rank_stride = (rank + 7) / 8 * 8, pitch = mamba1_rank_pitch(rank);
    const int64_t stride = 2 * di + 8;
    Values projected(t.type, size(rows, stride), 1), conv(MAMBA_WEIGHT_F32, size(t.d_conv, di), 0.5f), conv_bias(MAMBA_WEIGHT_F32, size(di), 0.3f);
    Values x_proj(t.type, size(columns, di), 2 / std::sqrt(static_cast<float>(di))), dt_bias(MAMBA_WEIGHT_F32, size(di), 2.0f);
    Values dt_proj(t.type, size(di, rank_stride), 1 / std::sqrt(static_cast<float>(rank)));
    for (int i = 0; i < di; ++i) {
        for (int j = rank; j < rank_stride; ++j) dt_proj.host[size(i, rank_stride) + static_cast<size_t>(j)] = 0;
    }
    dt_proj.send();
    dt_bias.host[1] = 25;  // beyond softplus's bend
    dt_bias.host[2] = -12;
    dt_bias.send();
    Values a(MAMBA_WEIGHT_F32, size(di, n), 1), d(MAMBA_WEIGHT_F32, size(di), 1);
    for (float& v : a.host) v = -std::exp(0.7f * v);
    a.send();
    Values r_norm(MAMBA_WEIGHT_F32, size(rank), 1), b_norm(MAMBA_WEIGHT_F32, size(n), 1), c_norm(MAMBA_WEIGHT_F32, size(n), 1);
    const int64_t window = 32, ssm = window + static_cast<int64_t>(round_up(size(t.d_conv, di), 32)), slot = ssm + di * n;
    Values states(MAMBA_WEIGHT_F32, size(parts, slot), 1);
    const std::vector<float> before = states.host;

    std::vector<Part> host_parts;
    std::vector<int32_t> part_of;
    for (int i = 0, row = 0; i < parts; ++i) {
        host_parts.push_back({states.floats(size(i, slot)), row, t.counts[static_cast<size_t>(i)], i % t.d_conv, 0, 0, 0});
        part_of.insert(part_of.end(), static_cast<size_t>(t.counts[static_cast<size_t>(i)]), i);
        row += t.counts[static_cast<size_t>(i)];
    }
    const DeviceArray<Part> device_parts(host_parts.size(), "a test");
    const DeviceArray<int32_t> device_part_of(part_of.size(), "a test");
    check(cudaMemcpy(device_parts.data(), host_parts.data(), device_parts.bytes(), cudaMemcpyHostToDevice), "sending");
    check(cudaMemcpy(device_part_of.data(), part_of.data(), device_part_of.bytes(), cudaMemcpyHostToDevice), "sending");
    const Batch batch{nullptr, device_part_of.data(), device_parts.data(), rows, parts};

    Values v(t.type, size(rows, di), 1, NAN), r(t.type, size(rows, pitch), 1, NAN), bc(MAMBA_WEIGHT_F32, size(rows, 2, n), 1, NAN);
    Values dt(MAMBA_WEIGHT_F32, size(rows, di), 1, NAN), y(t.type, size(rows, di), 1, NAN);
    const DeviceArray<unsigned char> workspace(mamba1_workspace_bytes(t.type, di, n, rank, rows, parts), "a test");
    check(cudaMemset(workspace.data(), 0, mamba1_counter_bytes), "clearing");
    Mamba1Prefill p{};
    p.type = t.type, p.d_inner = di, p.d_state = n, p.d_conv = t.d_conv, p.dt_rank = rank;
    p.projected = projected.at(), p.projected_stride = stride;
    p.conv_weight = conv.floats(), p.conv_bias = t.bias ? conv_bias.floats() : nullptr;
    p.x_proj = x_proj.at(), p.x_proj_stride = di, p.dt_proj = dt_proj.at(), p.dt_proj_stride = rank_stride;
    p.dt_bias = dt_bias.floats(), p.a = a.floats(), p.d = d.floats();
    p.norms = t.norms, p.dt_norm = r_norm.floats(), p.b_norm = t.bias ? b_norm.floats() : nullptr, p.c_norm = c_norm.floats(), p.norm_eps = 1e-6f;
    p.window = window, p.state = ssm;
    p.v = v.at(), p.r = r.at(), p.bc = bc.floats(), p.dt = dt.floats(), p.y = y.at();
    p.workspace = {workspace.data(), workspace.bytes()};
    mamba1_inputs(device.queue, nullptr, batch, p);
    mamba1_scan(device.queue, batch, p, t.segments);
    device.wait();
    for (Values* values : {&v, &r, &bc, &y, &states}) values->fetch();

    // Each stage from what the device's own stage before wrote, so that rounding between them is not counted twice.
    Difference v_difference, r_difference, bc_difference, y_difference, state_difference, window_difference;
    std::vector<double> s(size(n));
    for (int part = 0; part < parts; ++part) {
        const Part& at = host_parts[static_cast<size_t>(part)];
        const size_t base = size(part, slot);
        const auto input = [&](int time, int channel) -> double {
            if (time >= 0) return projected.host[size(at.first_row + time, stride) + static_cast<size_t>(channel)];
            return before[base + static_cast<size_t>(window) + size((at.phase + time + t.d_conv) % t.d_conv, di) + static_cast<size_t>(channel)];
        };
        for (int time = 0; time < at.count; ++time) {
            const size_t row = static_cast<size_t>(at.first_row + time);
            for (int channel = 0; channel < di; ++channel) {
                double sum = t.bias ? conv_bias.host[static_cast<size_t>(channel)] : 0.0;
                for (int k = 0; k < t.d_conv; ++k) {
                    sum += conv.host[size(k, di) + static_cast<size_t>(channel)] * input(time + k - (t.d_conv - 1), channel);
                }
                v_difference.add(v.host[row * size(di) + static_cast<size_t>(channel)], silu(sum));
            }
            std::vector<double> small(size(columns));
            for (int col = 0; col < columns; ++col) {
                double sum = 0;
                for (int i = 0; i < di; ++i) sum += static_cast<double>(v.host[row * size(di) + static_cast<size_t>(i)]) * x_proj.host[size(col, di) + static_cast<size_t>(i)];
                small[static_cast<size_t>(col)] = sum;
            }
            if (t.norms) {
                const auto norm = [&](int first, int count, const float* weight) {
                    double squares = 0;
                    for (int i = 0; i < count; ++i) squares += small[static_cast<size_t>(first + i)] * small[static_cast<size_t>(first + i)];
                    const double scale = 1 / std::sqrt(squares / count + 1e-6);
                    for (int i = 0; i < count; ++i) small[static_cast<size_t>(first + i)] *= scale * (weight != nullptr ? weight[i] : 1.0f);
                };
                norm(0, rank, r_norm.host.data());
                norm(rank, n, t.bias ? b_norm.host.data() : nullptr);
                norm(rank + n, n, c_norm.host.data());
            }
            for (int i = 0; i < pitch; ++i) r_difference.add(r.host[row * size(pitch) + static_cast<size_t>(i)], i < rank ? small[static_cast<size_t>(i)] : 0.0);
            for (int i = 0; i < 2 * n; ++i) bc_difference.add(bc.host[row * size(2, n) + static_cast<size_t>(i)], small[static_cast<size_t>(rank + i)]);
        }
        for (int channel = 0; channel < di; ++channel) {
            const float* const begin = before.data() + base + ssm + channel * n;
            for (int i = 0; i < n; ++i) s[static_cast<size_t>(i)] = begin[i];
            for (int time = 0; time < at.count; ++time) {
                const size_t row = static_cast<size_t>(at.first_row + time);
                double step = dt_bias.host[static_cast<size_t>(channel)];
                for (int i = 0; i < rank; ++i) step += static_cast<double>(r.host[row * size(pitch) + static_cast<size_t>(i)]) * dt_proj.host[size(channel, rank_stride) + static_cast<size_t>(i)];
                step = step > 20 ? step : std::log1p(std::exp(step));
                const double in = v.host[row * size(di) + static_cast<size_t>(channel)];
                double sum = 0;
                for (int i = 0; i < n; ++i) {
                    double& state = s[static_cast<size_t>(i)];
                    state = std::exp(step * a.host[size(channel, n) + static_cast<size_t>(i)]) * state + step * bc.host[row * size(2, n) + static_cast<size_t>(i)] * in;
                    sum += state * bc.host[row * size(2, n) + static_cast<size_t>(n + i)];
                }
                const double gate = projected.host[size(row, stride) + static_cast<size_t>(di + channel)];
                y_difference.add(y.host[row * size(di) + static_cast<size_t>(channel)], (sum + d.host[static_cast<size_t>(channel)] * in) * silu(gate));
            }
            for (int i = 0; i < n; ++i) state_difference.add(states.host[base + static_cast<size_t>(ssm + channel * n + i)], s[static_cast<size_t>(i)]);
            for (int back = 1; back < t.d_conv; ++back) {
                const int kept = (at.phase + at.count - back + t.d_conv) % t.d_conv;
                window_difference.add(states.host[base + static_cast<size_t>(window) + size(kept, di) + static_cast<size_t>(channel)], input(at.count - back, channel));
            }
        }
    }
    const std::string what = std::string("mamba1 ") + name_of(t.type) + " " + std::to_string(di) + " x " + std::to_string(n) + ", rank " +
                             std::to_string(rank) + ", " + std::to_string(rows) + " rows in " + std::to_string(parts) + (t.norms ? ", norms" : "") +
                             ", segments " + std::to_string(t.segments) + ": ";
    const double narrow = t.type == MAMBA_WEIGHT_BF16 ? 3e-3 : t.type == MAMBA_WEIGHT_F16 ? 4e-4 : 3e-6;
    expect(what + "v", v_difference.value(), narrow);
    expect(what + "r", r_difference.value(), narrow);
    const double wide = t.type == MAMBA_WEIGHT_F32 ? 4e-6 : 2e-5;  // the tensor cores' sums are FP32, but not rounded to nearest
    expect(what + "b, c", bc_difference.value(), wide);
    expect(what + "y", y_difference.value(), narrow);
    expect(what + "state", state_difference.value(), wide);
    expect(what + "window", window_difference.value(), 0);
}

void test_mamba1s(Device& device) {
    for (const int32_t type : {MAMBA_WEIGHT_BF16, MAMBA_WEIGHT_F16, MAMBA_WEIGHT_F32}) {
        test_mamba1(device, {type, 128, 16, 8, 4, false, true, {300}, 0});
        test_mamba1(device, {type, 136, 16, 10, 4, false, false, {1, 2, 3, 5, 64, 130, 129}, 1});
        test_mamba1(device, {type, 192, 16, 12, 3, true, true, {700, 1}, 3});
        test_mamba1(device, {type, 64, 8, 160, 4, true, false, {260, 17}, 2});
        test_mamba1(device, {type, 320, 64, 256, 2, true, true, {70, 400}, 1});
        test_mamba1(device, {type, 128, 16, 48, 4, false, true, {2000}, 5});
    }
    test_mamba1(device, {MAMBA_WEIGHT_BF16, 2560, 16, 160, 4, false, true, {130, 100, 7}, 0});
    test_mamba1(device, {MAMBA_WEIGHT_BF16, 5120, 16, 160, 4, false, true, {150}, 0});
}

// ---- Times

__global__ void fill_random(uint32_t seed, size_t count, float scale, int32_t type, void* out) {
    for (size_t i = blockIdx.x * size_t{256} + threadIdx.x; i < count; i += size_t{256} * gridDim.x) {
        uint32_t h = seed + static_cast<uint32_t>(i) * 2654435761u;
        float sum = 0;
        for (int k = 0; k < 4; ++k) {
            h ^= h >> 16, h *= 0x85ebca6bu, h ^= h >> 13, h *= 0xc2b2ae35u, h ^= h >> 16;
            sum += static_cast<float>(h) * (1.0f / 4294967296.0f) - 0.5f;
        }
        const float v = scale * sum * 1.7320508f;
        if (type == MAMBA_WEIGHT_F32) static_cast<float*>(out)[i] = v;
        else if (type == MAMBA_WEIGHT_F16) static_cast<__half*>(out)[i] = __float2half(v);
        else static_cast<__nv_bfloat16*>(out)[i] = __float2bfloat16(v);
    }
}

__global__ void negate_exponential(size_t count, float* out) {
    for (size_t i = blockIdx.x * size_t{256} + threadIdx.x; i < count; i += size_t{256} * gridDim.x) out[i] = -expf(0.7f * out[i]);
}

DeviceArray<unsigned char> random_array(int32_t type, size_t count, float scale) {
    static uint32_t seed = 1;
    DeviceArray<unsigned char> out(count * static_cast<size_t>(operand_bytes(type)), "a timing");
    fill_random<<<1056, 256>>>(seed += 77777, count, scale, type, out.data());
    check(cudaDeviceSynchronize(), "filling");
    return out;
}

// The median of `repeats` times of `calls` calls each, in microseconds a call.
template <typename Work>
double time_of(const Device& device, int calls, Work work) {
    constexpr int repeats = 9;
    cudaEvent_t begin, end;
    check(cudaEventCreate(&begin), "an event");
    check(cudaEventCreate(&end), "an event");
    for (int i = 0; i < 2; ++i) work(i);
    std::vector<double> times;
    for (int i = 0; i < repeats; ++i) {
        check(cudaEventRecord(begin, device.queue.stream), "timing");
        for (int call = 0; call < calls; ++call) work(call);
        check(cudaEventRecord(end, device.queue.stream), "timing");
        check(cudaEventSynchronize(end), "timing");
        float milliseconds = 0;
        check(cudaEventElapsedTime(&milliseconds, begin, end), "timing");
        times.push_back(milliseconds * 1e3 / calls);
    }
    cudaEventDestroy(begin);
    cudaEventDestroy(end);
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

void time_gemm(Device& device, int32_t type, int m, int n, int k, bool add) {
    const auto x = random_array(type, static_cast<size_t>(m) * static_cast<size_t>(k), 1);
    const int sets = std::max(1, static_cast<int>((int64_t{120} << 20) / (static_cast<int64_t>(n) * k * operand_bytes(type))));
    const auto w = random_array(type, static_cast<size_t>(n) * static_cast<size_t>(k) * static_cast<size_t>(sets), 0.02f);
    const auto y = random_array(MAMBA_WEIGHT_F32, static_cast<size_t>(m) * static_cast<size_t>(n), 1);
    const int64_t matrix = static_cast<int64_t>(n) * k * operand_bytes(type);
    const double flop = 2.0 * m * n * k;
    const int calls = std::max(3, static_cast<int>(4e12 / flop / (type == MAMBA_WEIGHT_F32 ? 10 : 1)));
    std::printf("gemm %-4s %6d x %6d x %5d%s", name_of(type), m, n, k, add ? " add   " : " narrow");
    double best = 0;
    for (const GemmKernels kernels : {GemmKernels::cublas, GemmKernels::hopper, GemmKernels::tensor}) {
        if (kernels == GemmKernels::cublas && !device.library.available()) continue;
        if (kernels == GemmKernels::hopper && type == MAMBA_WEIGHT_F32) continue;
        const double us = time_of(device, std::min(calls, 60), [&](int call) {
            gemm(device.queue, kernels == GemmKernels::cublas ? &device.library : nullptr, device.workspace,
                 {type, m, n, k, x.data(), k, w.data() + call % sets * matrix, k, nullptr, add, !add, y.data(), n}, kernels);
        });
        if (kernels == GemmKernels::cublas) best = us;
        std::printf("  %s %8.1f us %4.0f TFLOP/s (%3.0f%%)", name_of(kernels), us, flop / us * 1e-6, best > 0 ? 100 * best / us : 0.0);
    }
    std::printf("\n");
}

// A layer of Mamba-1 2.8B (or of other sizes), by kernel and whole.
void time_layer(Device& device, int rows, int d_model, int rank, int n) {
    constexpr int layers = 4;  // sets of weights, so that none stays in the cache
    const int32_t type = MAMBA_WEIGHT_BF16;
    const int di = 2 * d_model, columns = rank + 2 * n;
    const auto size = [](auto... factors) { return (static_cast<size_t>(factors) * ...); };
    const auto x = random_array(MAMBA_WEIGHT_F32, size(rows, d_model), 1), norm = random_array(MAMBA_WEIGHT_F32, size(d_model), 1);
    const auto normed = random_array(type, size(rows, d_model), 1), projected = random_array(type, size(rows, 2, di), 1);
    const auto v = random_array(type, size(rows, di), 1), y = random_array(type, size(rows, di), 1);
    const auto r = random_array(type, size(rows, mamba1_rank_pitch(rank)), 1), bc = random_array(MAMBA_WEIGHT_F32, size(rows, 2, n), 1);
    const auto conv = random_array(MAMBA_WEIGHT_F32, size(4, di), 0.5f), vector = random_array(MAMBA_WEIGHT_F32, size(di), 1);
    const auto dt_bias = random_array(MAMBA_WEIGHT_F32, size(di), 2), a = random_array(MAMBA_WEIGHT_F32, size(di, n), 1);
    negate_exponential<<<256, 256>>>(size(di, n), reinterpret_cast<float*>(a.data()));
    std::vector<DeviceArray<unsigned char>> in_proj, x_proj, dt_proj, out_proj;
    for (int i = 0; i < layers; ++i) {
        in_proj.push_back(random_array(type, size(2, di, d_model), 0.02f));
        x_proj.push_back(random_array(type, size(columns, di), 0.02f));
        dt_proj.push_back(random_array(type, size(di, rank), 0.08f));
        out_proj.push_back(random_array(type, size(d_model, di), 0.002f));
    }
    const int64_t ssm = static_cast<int64_t>(round_up(size(4, di), 32));
    const auto state = random_array(MAMBA_WEIGHT_F32, static_cast<size_t>(ssm) + size(di, n), 1);
    const Part part{reinterpret_cast<float*>(state.data()), 0, rows, 0, 0, 0, 0};
    const DeviceArray<Part> parts(1, "a timing");
    const DeviceArray<int32_t> part_of(static_cast<size_t>(rows), "a timing");
    check(cudaMemcpy(parts.data(), &part, sizeof part, cudaMemcpyHostToDevice), "sending");
    check(cudaMemset(part_of.data(), 0, part_of.bytes()), "sending");
    const Batch batch{nullptr, part_of.data(), parts.data(), rows, 1};
    const DeviceArray<unsigned char> workspace(mamba1_workspace_bytes(type, di, n, rank, rows, 1), "a timing");
    check(cudaMemset(workspace.data(), 0, mamba1_counter_bytes), "clearing");
    const auto floats = [](const DeviceArray<unsigned char>& array) { return reinterpret_cast<float*>(array.data()); };

    const auto norm_work = [&](int) {
        norm_to_operand(device.queue, {type, rows, d_model, floats(x), d_model, floats(norm), 1e-5f, normed.data(), d_model, false});
    };
    const auto in_work = [&](int i, CublasLt* library, GemmKernels kernels) {
        gemm(device.queue, library, device.workspace, {type, rows, 2 * di, d_model, normed.data(), d_model, in_proj[static_cast<size_t>(i % layers)].data(),
             d_model, nullptr, false, true, projected.data(), 2 * di}, kernels);
    };
    const auto out_work = [&](int i, CublasLt* library, GemmKernels kernels) {
        gemm(device.queue, library, device.workspace, {type, rows, d_model, di, y.data(), di, out_proj[static_cast<size_t>(i % layers)].data(), di, nullptr,
             true, false, x.data(), d_model}, kernels);
    };
    const auto arguments = [&](int i) {
        Mamba1Prefill p{};
        p.type = type, p.d_inner = di, p.d_state = n, p.d_conv = 4, p.dt_rank = rank;
        p.projected = projected.data(), p.projected_stride = 2 * di, p.conv_weight = floats(conv), p.conv_bias = floats(vector);
        p.x_proj = x_proj[static_cast<size_t>(i % layers)].data(), p.x_proj_stride = di;
        p.dt_proj = dt_proj[static_cast<size_t>(i % layers)].data(), p.dt_proj_stride = rank;
        p.dt_bias = floats(dt_bias), p.a = floats(a), p.d = floats(vector), p.window = 0, p.state = ssm;
        p.v = v.data(), p.r = r.data(), p.bc = floats(bc), p.y = y.data(), p.workspace = {workspace.data(), workspace.bytes()};
        return p;
    };
    const auto inputs_work = [&](int i) { mamba1_inputs(device.queue, nullptr, batch, arguments(i)); };
    const auto scan_work = [&](int i) { mamba1_scan(device.queue, batch, arguments(i)); };
    const int calls = std::max(4, std::min(64, 200000 / rows));
    const double tokens = rows;
    std::printf("layer d_model %d, %d tokens:", d_model, rows);
    const auto report = [&](const char* what, double us) { std::printf(" %s %.1f us (%.1f ns/token)", what, us, us * 1e3 / tokens); };
    report("norm", time_of(device, calls, norm_work));
    report("in_proj", time_of(device, calls, [&](int i) { in_work(i, &device.library, GemmKernels::best); }));
    report("conv+x_proj", time_of(device, calls, inputs_work));
    report("dt_proj+scan", time_of(device, calls, scan_work));
    report("out_proj", time_of(device, calls, [&](int i) { out_work(i, &device.library, GemmKernels::best); }));
    std::printf("\n");
    for (const GemmKernels kernels : {GemmKernels::cublas, GemmKernels::hopper, GemmKernels::tensor}) {
        CublasLt* const library = kernels == GemmKernels::cublas ? &device.library : nullptr;
        const double us = time_of(device, calls, [&](int i) {
            norm_work(i);
            in_work(i, library, kernels);
            inputs_work(i);
            scan_work(i);
            out_work(i, library, kernels);
        });
        std::printf("  whole layer, %s: %.1f us, %.1f ns/token; 64 layers: %.0f tok/s\n", name_of(kernels), us, us * 1e3 / tokens, tokens / (us * 64e-6));
    }
}

void time_all(Device& device) {
    {
        const DeviceArray<unsigned char> from(size_t{1} << 30, "a copy"), to(size_t{1} << 30, "a copy");
        const double us = time_of(device, 4, [&](int) {
            check(cudaMemcpyAsync(to.data(), from.data(), from.bytes(), cudaMemcpyDeviceToDevice, device.queue.stream), "copying");
        });
        std::printf("copy: %.2f TB/s, read and written\n", 2 * static_cast<double>(from.bytes()) / us * 1e-6);
    }
    time_gemm(device, MAMBA_WEIGHT_BF16, 8192, 8192, 8192, false);
    time_gemm(device, MAMBA_WEIGHT_BF16, 64, 10240, 2560, false);
    for (const int m : {512, 2048, 8192}) {
        time_gemm(device, MAMBA_WEIGHT_BF16, m, 10240, 2560, false);
        time_gemm(device, MAMBA_WEIGHT_BF16, m, 2560, 5120, true);
    }
    time_gemm(device, MAMBA_WEIGHT_F16, 8192, 10240, 2560, false);
    time_gemm(device, MAMBA_WEIGHT_F32, 2048, 10240, 2560, false);
    for (const int rows : {512, 2048, 8192, 65536}) time_layer(device, rows, 2560, 160, 16);
    time_layer(device, 8192, 768, 48, 16);
}

}  // namespace

int main(int count, char** arguments) {
    try {
        Device device;
        std::printf("%s, %d multiprocessors; cuBLASLt %zu\n", device.properties.name, device.properties.multiProcessorCount, device.library.version());
        if (count > 1 && std::string(arguments[1]) == "time") {
            if (count > 2) time_layer(device, std::atoi(arguments[2]), 2560, 160, 16);
            else time_all(device);
            return 0;
        }
        test_gemms(device);
        test_dequantize(device, MAMBA_WEIGHT_Q8_0, "Q8_0");
        test_dequantize(device, MAMBA_WEIGHT_Q6_K, "Q6_K");
        test_dequantize(device, MAMBA_WEIGHT_Q4_K, "Q4_K");
        for (const int32_t type : {MAMBA_WEIGHT_BF16, MAMBA_WEIGHT_F16, MAMBA_WEIGHT_F32}) test_norm(device, type);
        test_mamba1s(device);
    } catch (const Failure& failure) {
        std::printf("FAIL %s\n", failure.message.c_str());
        return 1;
    }
    std::printf(failures == 0 ? "all is well\n" : "%d failures\n", failures);
    return failures == 0 ? 0 : 1;
}
