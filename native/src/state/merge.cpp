#include "state/merge.h"

#include <algorithm>
#include <cmath>

namespace mamba {

MergeWeights::MergeWeights(mamba_merge merge, size_t count) : merge_(merge), count_(count) {
    if (merge != MAMBA_MERGE_ALL_ORDERS) return;
    // Gauss-Legendre on [0, 1]: m nodes are exact for polynomials up to degree 2 m - 1, and the integrand has degree count - 1.
    const size_t m = (count + 1) / 2;
    for (size_t i = 0; i < m; ++i) {
        // Newton's method from the usual first guess; P_m and its derivative by the three-term recurrence.
        double x = std::cos(3.14159265358979323846 * (static_cast<double>(i) + 0.75) / (static_cast<double>(m) + 0.5)), slope = 1;
        for (int step = 0; step < 8; ++step) {
            double before = 1, value = x;
            for (size_t k = 2; k <= m; ++k) {
                const auto degree = static_cast<double>(k);
                const double next = ((2 * degree - 1) * x * value - (degree - 1) * before) / degree;
                before = value;
                value = next;
            }
            slope = static_cast<double>(m) * (x * value - before) / (x * x - 1);
            x -= value / slope;
        }
        nodes_.push_back((1 + x) / 2);
        node_weights_.push_back(1 / ((1 - x * x) * slope * slope));
    }
}

void MergeWeights::compute(const double* decays, double* weights) const {
    if (merge_ == MAMBA_MERGE_CONCATENATE) concatenate(decays, weights);
    else if (merge_ == MAMBA_MERGE_CYCLIC) cyclic(decays, weights);
    else all_orders(decays, weights);
}

// w_k = P_(k+1) .. P_n: what comes behind a text decays it.
void MergeWeights::concatenate(const double* decays, double* weights) const {
    double behind = 1;
    for (size_t k = count_; k-- > 0; behind *= decays[k]) weights[k] = behind;
}

// n w_k = 1 + P_(k+1) + P_(k+1) P_(k+2) + .. over the n - 1 texts behind it in the circle, so n w_(k-1) = 1 + P_k n w_k - P_1 .. P_n.
void MergeWeights::cyclic(const double* decays, double* weights) const {
    const auto n = static_cast<double>(count_);
    double sum = 1, all = 1;
    for (size_t m = count_; m-- > 1;) sum = 1 + decays[m - 1] * sum;  // of the last text, behind which the circle begins anew
    for (size_t k = 0; k < count_; ++k) all *= decays[k];
    for (size_t k = count_; k-- > 0; sum = 1 + decays[k] * sum - all) weights[k] = sum / n;
}

// Texts that arrive at independent, uniform times come in every order equally often. One that arrives a share t before the end has each other one
// behind it with probability t: w_k = integral over t in [0, 1] of prod_(j != k) (1 - t + t P_j), a polynomial with no negative term.
void MergeWeights::all_orders(const double* decays, double* weights) const {
    std::fill_n(weights, count_, 0.0);
    for (size_t q = 0; q < nodes_.size(); ++q) {
        const double t = nodes_[q];
        double product = node_weights_[q];
        for (size_t j = 0; j < count_; ++j) product *= 1 - t + t * decays[j];
        for (size_t k = 0; k < count_; ++k) weights[k] += product / (1 - t + t * decays[k]);
    }
}

void merge_layer(const ModelConfig& config, const Layer& layer, const MergeWeights& weights, const std::vector<const double*>& step_sums,
                 const std::vector<const float*>& states, float* out) {
    // Numbers of the state side by side that share a decay, and decays side by side that share a sum of dt.
    const bool is_mamba2 = layer.kind == LayerKind::mamba2;
    const int64_t shared = is_mamba2 ? config.head_dim * config.d_state : 1, decays_a_sum = is_mamba2 ? 1 : config.d_state;
    const size_t n = weights.count();
    std::vector<double> p(n), w(n), sums(static_cast<size_t>(shared));
    for (int64_t decay = 0, begin = 0; begin < config.d_inner * config.d_state; ++decay, begin += shared) {
        const auto a = static_cast<double>(layer.a[static_cast<size_t>(decay)]);
        for (size_t k = 0; k < n; ++k) p[k] = std::exp(a * step_sums[k][decay / decays_a_sum]);
        weights.compute(p.data(), w.data());
        std::fill(sums.begin(), sums.end(), 0.0);
        for (size_t k = 0; k < n; ++k) {
            const float* const state = states[k] + begin;
            for (size_t i = 0; i < sums.size(); ++i) sums[i] += w[k] * static_cast<double>(state[i]);
        }
        for (size_t i = 0; i < sums.size(); ++i) out[begin + static_cast<int64_t>(i)] = static_cast<float>(sums[i]);
    }
}

}  // namespace mamba
