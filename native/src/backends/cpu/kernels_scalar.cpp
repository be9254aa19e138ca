// The reference: every operation as its equation says, in plain loops. Sums run in double, so that the other tables are
// compared with something more exact than they are.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "backends/cpu/kernels.h"
#include "backends/cpu/mamba2_parts.h"
#include "base/half.h"
#include "model/k_quants.h"

namespace mamba {
namespace {

float silu(float v) { return v / (1.0f + std::exp(-v)); }

double dot(const float* a, const float* b, int64_t n) {
    double sum = 0;
    for (int64_t k = 0; k < n; ++k) sum += static_cast<double>(a[k]) * b[k];
    return sum;
}

template <typename T>
T load(const std::byte* address) {
    T value;
    std::memcpy(&value, address, sizeof value);
    return value;
}

template <typename Block>
void widen_blocks(const std::byte* row, int64_t cols, float* out) {
    for (int64_t first = 0; first < cols; first += Block::weights, row += sizeof(Block)) decode(load<Block>(row), out + first);
}

void widen(WeightType type, const std::byte* row, int64_t cols, float* out) {
    switch (type) {
        case WeightType::f32:
            std::memcpy(out, row, static_cast<size_t>(cols) * sizeof(float));
            return;
        case WeightType::f16:
            for (int64_t i = 0; i < cols; ++i) out[i] = f16_to_f32(load<uint16_t>(row + 2 * i));
            return;
        case WeightType::bf16:
            for (int64_t i = 0; i < cols; ++i) out[i] = bf16_to_f32(load<uint16_t>(row + 2 * i));
            return;
        case WeightType::q8_0:
            for (int64_t first = 0; first < cols; first += BlockQ8_0::weights, row += sizeof(BlockQ8_0)) {
                const BlockQ8_0 block = load<BlockQ8_0>(row);
                const float d = f16_to_f32(block.scale);
                for (int64_t i = 0; i < BlockQ8_0::weights; ++i) out[first + i] = d * block.q[i];
            }
            return;
        case WeightType::q6_k: return widen_blocks<BlockQ6_K>(row, cols, out);
        case WeightType::q4_k: return widen_blocks<BlockQ4_K>(row, cols, out);
    }
}

void matmul(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t x_stride, int64_t rows, const float* bias, bool add,
            float* y, int64_t y_stride, float* scratch) {
    for (int64_t j = begin; j < end; ++j) {
        widen(w.type, w.row(j), w.cols, scratch);
        for (int64_t m = 0; m < rows; ++m) {
            double sum = dot(x + m * x_stride, scratch, w.cols);
            if (bias != nullptr) sum += bias[j];
            float& out = y[m * y_stride + j];
            out = static_cast<float>(add ? out + sum : sum);
        }
    }
}

// rms(v, w, eps) = v / sqrt(mean(v^2) + eps) * w
void rms_norm(const float* x, const float* weight, float eps, int64_t d, float* y) {
    const double scale = 1 / std::sqrt(dot(x, x, d) / static_cast<double>(d) + eps);
    for (int64_t i = 0; i < d; ++i) y[i] = static_cast<float>(x[i] * scale * (weight != nullptr ? weight[i] : 1.0f));
}

// Each group of d_inner / n_groups values separately: rms(y * silu(z)), or rms(y) * silu(z) with norm_before_gate.
void gated_norm(float* y, const float* z, const float* weight, float eps, int64_t d_inner, int64_t group, bool norm_before_gate) {
    if (weight != nullptr && norm_before_gate) {
        for (int64_t g = 0; g < d_inner; g += group) rms_norm(y + g, weight + g, eps, group, y + g);
    }
    for (int64_t i = 0; i < d_inner; ++i) y[i] *= silu(z[i]);
    if (weight != nullptr && !norm_before_gate) {
        for (int64_t g = 0; g < d_inner; g += group) rms_norm(y + g, weight + g, eps, group, y + g);
    }
}

// softplus(v) = v if v > 20 else log1p(exp(v)), then the model's time_step_limit.
void softplus(float* x, const float* bias, float low, float high, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
        const float v = x[i] + (bias != nullptr ? bias[i] : 0.0f);
        x[i] = std::min(std::max(v > 20.0f ? v : std::log1p(std::exp(v)), low), high);
    }
}

// out_t[c] = silu(bias[c] + sum_k weight[k][c] * in_{t - (d_conv - 1) + k}[c])
void convolution(const Convolution& c) {
    for (int64_t t = 0; t < c.tokens; ++t) {
        for (int64_t i = c.begin; i < c.end; ++i) {
            float sum = c.bias != nullptr ? c.bias[i] : 0.0f;
            for (int64_t k = 0; k < c.d_conv; ++k) {
                const int64_t source = t + k - (c.d_conv - 1);
                sum += c.weight[k * c.channels + i] *
                       (source < 0 ? c.window[(source + c.d_conv - 1) * c.channels + i] : c.in[source * c.in_stride + i]);
            }
            c.out[t * c.out_stride + i] = silu(sum);
        }
    }
}

// s[n] = exp(dt * A[n] + ln retention) * s[n] + dt * B[n] * v;  y = (sum_n C[n] * s[n] + D * v) * silu(z)
void mamba1(const Mamba1Channels& c) {
    for (int64_t i = c.begin; i < c.end; ++i) {
        const float* a = c.a + i * c.d_state;
        float* s = c.state + i * c.d_state;
        for (int64_t t = 0; t < c.tokens; ++t) {
            const float v = c.v[t * c.v_stride + i];
            const float dt = c.dt[t * c.dt_stride + i];
            const float* b = c.b + t * c.b_stride;
            for (int64_t n = 0; n < c.d_state; ++n) s[n] = std::exp(dt * a[n] + c.log_retention) * s[n] + dt * b[n] * v;
            if (c.y == nullptr) continue;
            const float y = static_cast<float>(dot(c.c + t * c.c_stride, s, c.d_state) + c.d[i] * v);
            c.y[t * c.y_stride + i] = c.z != nullptr ? y * silu(c.z[t * c.z_stride + i]) : y;
        }
    }
}

// l_i = sum_{k <= i} (dt_k A + ln retention)
struct DecaySums {
    double l[chunk_tokens];

    explicit DecaySums(const Mamba2Head& h) {
        double sum = 0;
        for (int64_t i = 0; i < h.tokens; ++i) l[i] = sum += static_cast<double>(h.dt[i * h.dt_stride]) * h.a + h.log_retention;
    }
};

// y_i = sum_{j <= i} (C_i . B_j) exp(l_i - l_j) dt_j x_j + exp(l_i) S C_i + D x_i
void mamba2_output(const Mamba2Head& h, const DecaySums& sums, int64_t i, const float* c, float* y) {
    const double* l = sums.l;
    double mixed[chunk_tokens];
    for (int64_t j = 0; j <= i; ++j) mixed[j] = dot(c, h.b + j * h.b_stride, h.d_state) * std::exp(l[i] - l[j]) * h.dt[j * h.dt_stride];
    for (int64_t p = 0; p < h.head_dim; ++p) {
        double out = std::exp(l[i]) * dot(c, h.state + p * h.d_state, h.d_state) + h.d * h.x[i * h.stride + p];
        for (int64_t j = 0; j <= i; ++j) out += mixed[j] * h.x[j * h.stride + p];
        y[p] = static_cast<float>(out);
    }
}

// S = exp(l_last) S + sum_j exp(l_last - l_j) dt_j x_j outer B_j
void mamba2_advance(const Mamba2Head& h, const DecaySums& sums) {
    const double last = sums.l[h.tokens - 1];
    for (int64_t p = 0; p < h.head_dim; ++p) {
        for (int64_t n = 0; n < h.d_state; ++n) {
            float& s = h.state[p * h.d_state + n];
            double next = std::exp(last) * s;
            for (int64_t j = 0; j < h.tokens; ++j) {
                next += std::exp(last - sums.l[j]) * h.dt[j * h.dt_stride] * h.x[j * h.stride + p] * h.b[j * h.b_stride + n];
            }
            s = static_cast<float>(next);
        }
    }
}

void mamba2_chunk(const Mamba2Head& h) {
    const DecaySums sums(h);
    for (int64_t i = 0; h.y != nullptr && i < h.tokens; ++i) mamba2_output(h, sums, i, h.c + i * h.stride, h.y + i * h.y_stride);
    mamba2_advance(h, sums);
}

// A token alone: the last of those in the ring. scratch: [ring_entries, d_state].
void mamba2_single(const Mamba2Scan& s, int64_t head, int64_t first, float* scratch) {
    const Mamba2Head token = head_of(s, head, first, 1);
    Mamba2Head recent = recent_of(s, head, s.ring.pending + 1);
    copy_b(s, head / s.heads_a_group, token, scratch);
    recent.b = scratch;
    recent.b_stride = s.d_state;
    const DecaySums sums(recent);
    if (token.y != nullptr) mamba2_output(recent, sums, s.ring.pending, token.c, token.y);
    if (closes_ring(s.first_position + first)) mamba2_advance(recent, sums);
}

void mamba2_fold(const Mamba2Scan& s, float*) {
    if (s.ring.pending == 0) return;
    for (int64_t head = s.head_begin; head < s.head_end; ++head) mamba2_chunk(recent_of(s, head, s.ring.pending));
}

void mamba2_scan(const Mamba2Scan& scan, float* scratch) {
    for_scan_parts(
        scan,
        [&](const Mamba2Scan& s, int64_t first) {
            enter_ring(s, first);
            for (int64_t head = s.head_begin; head < s.head_end; ++head) mamba2_single(s, head, first, scratch);
        },
        [&](const Mamba2Scan& s, int64_t first, int64_t tokens) {
            for (int64_t head = s.head_begin; head < s.head_end; ++head) mamba2_chunk(head_of(s, head, first, tokens));
        },
        [&](const Mamba2Scan& s) { mamba2_fold(s, scratch); });
}

}  // namespace

const Kernels& scalar_kernels() {
    static constexpr Kernels table{
        .isa = MAMBA_ISA_SCALAR,
        .matmul = matmul,
        .matmul_packed = nullptr,
        .pack = nullptr,
        .unpack = nullptr,
        .prepare = nullptr,
        .widen = widen,
        .rms_norm = rms_norm,
        .gated_norm = gated_norm,
        .softplus = softplus,
        .convolution = convolution,
        .mamba1 = mamba1,
        .mamba2_scan = mamba2_scan,
        .mamba2_fold = mamba2_fold,
    };
    return table;
}

}  // namespace mamba
