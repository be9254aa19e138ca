// Merging states of texts that were each read alone. To a layer a text u is the map S -> P_u S + H_u, with P_u = exp(A sum_u dt) for each number of
// the state and H_u what the text leaves in an empty one. What several orders of the texts make of an empty state differs in the decays
// behind each text alone, so the mean over orders is sum_k w_k H_k with weights made of P. arXiv 2502.17605 (PICASO) has the forms.
#pragma once

#include <cstddef>
#include <vector>

#include "mamba/c_api.h"
#include "model/model.h"

namespace mamba {

inline constexpr int32_t most_merged = 256;

// The weights of `count` texts, for which orders the mean is taken over.
class MergeWeights {
public:
    MergeWeights(mamba_merge merge, size_t count);

    size_t count() const { return count_; }
    // decays: [count], P of each text in order, in [0, 1]. weights: [count].
    void compute(const double* decays, double* weights) const;

private:
    void concatenate(const double* decays, double* weights) const;
    void cyclic(const double* decays, double* weights) const;
    void all_orders(const double* decays, double* weights) const;

    mamba_merge merge_;
    size_t count_;
    std::vector<double> nodes_, node_weights_;  // of all_orders
};

// The layer's merged state [d_inner, d_state], from each text's sums of dt (state/tracking.h) and state.
void merge_layer(const ModelConfig& config, const Layer& layer, const MergeWeights& weights, const std::vector<const double*>& step_sums,
                 const std::vector<const float*>& states, float* out);

}  // namespace mamba
