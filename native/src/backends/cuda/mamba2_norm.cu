// The RMS norm of each group of a row, in place, from the sums of squares that scan left.
// A token of 2.7B: 10.6 KB read and 10.2 KB written: bound by memory.
#include "backends/cuda/mamba2_chunks.h"

namespace mamba::cuda::ssd {
namespace {

constexpr int threads = 256, warps = threads / 32, most_groups = 64;

template <typename T>
__global__ __launch_bounds__(threads) void norm_rows(Mamba2PrefillArgs s, Work w, int slices) {
    __shared__ float scale[most_groups];
    const int row = static_cast<int>(blockIdx.x), d_inner = s.shape.d_inner(), groups = s.shape.groups, vectors = d_inner / 8;
    const int thread = static_cast<int>(threadIdx.x), lane = thread % 32, a_group = slices / groups;
    T* const out = static_cast<T*>(s.out) + row * s.out_stride;
    const T* const z = static_cast<const T*>(s.projected) + row * s.projected_stride;
    Eight values, gates;
    if (thread < vectors) values.load(out + thread * 8);
    for (int group = thread / 32; group < groups; group += warps) {
        const float* squares = w.squares + static_cast<int64_t>(row) * slices + group * a_group;
        float sum = 0;
        for (int i = lane; i < a_group; i += 32) sum += squares[i];
#pragma unroll
        for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
        if (lane == 0) scale[group] = 1.0f / sqrtf(sum / static_cast<float>(d_inner / groups) + s.norm_eps);
    }
    __syncthreads();
    for (int i = thread; i < vectors; i += threads) {
        if (i != thread) values.load(out + i * 8);
        float v[8], gate[8];
        values.template get<T>(v);
        const float by = scale[i * 8 / (d_inner / groups)];
        const float4 low = *reinterpret_cast<const float4*>(s.norm_weight + i * 8),
                high = *reinterpret_cast<const float4*>(s.norm_weight + i * 8 + 4);
        const float weight[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
        if (s.norm_before_gate) {
            gates.load(z + i * 8);
            gates.template get<T>(gate);
        }
#pragma unroll
        for (int k = 0; k < 8; ++k) {
            v[k] *= by * weight[k];
            if (s.norm_before_gate) v[k] *= silu_of<T>(gate[k]);
        }
        store(out + i * 8, v);
    }
}

}  // namespace

cudaError_t norm(const Mamba2PrefillArgs& s, const Work& w, cudaStream_t stream) {
    const auto rows = static_cast<unsigned>(s.rows);
    if (s.exact) norm_rows<float><<<rows, threads, 0, stream>>>(s, w, slices(s));
    else norm_rows<bf16><<<rows, threads, 0, stream>>>(s, w, slices(s));
    return cudaGetLastError();
}

}  // namespace mamba::cuda::ssd
