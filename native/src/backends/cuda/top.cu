#include "backends/cuda/top.h"

namespace mamba::cuda {
namespace {

constexpr int threads = 1024, part_threads = 256, part_tokens = 1024;

using Key = unsigned long long;

// Logit and token as one number: larger is better, no two are equal, and 0 is none.
__device__ __forceinline__ Key key_of(const Top& t, int row, int token) {
    if (t.masks != nullptr) {
        const int word = token / 32;
        if (word >= t.mask_words || (t.masks[static_cast<int64_t>(row) * t.mask_words + word] >> (token % 32) & 1u) == 0) return 0;
    }
    const unsigned int bits = __float_as_uint(t.logits[row * t.stride + token] + 0.0f);  // -0 becomes 0
    const unsigned int ordered = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
    return static_cast<Key>(ordered) << 32 | (0xffffffffu - static_cast<unsigned int>(token));
}

// The k largest of `count` keys that key(i) gives, in any order, to `chosen`, which is filled up with zeros to `room`. A radix selection:
// 8 bits at a time from the top, until the least key that belongs to them is known. For a whole block.
template <typename KeyOf>
__device__ void choose(int count, int k, int room, const KeyOf& key_at, Key* chosen) {
    __shared__ unsigned int histogram[256];
    __shared__ Key prefix;
    __shared__ int wanted, held;
    __shared__ bool done;
    if (threadIdx.x == 0) prefix = 0, wanted = k, held = 0, done = false;
    for (int i = threadIdx.x; i < room; i += blockDim.x) chosen[i] = 0;
    int shift = 64;
    while (shift > 0) {
        shift -= 8;
        for (int i = threadIdx.x; i < 256; i += blockDim.x) histogram[i] = 0;
        __syncthreads();
        for (int i = threadIdx.x; i < count; i += blockDim.x) {
            const Key key = key_at(i);
            if (key != 0 && (shift == 56 || key >> (shift + 8) == prefix)) atomicAdd(&histogram[key >> shift & 255u], 1u);
        }
        __syncthreads();
        if (threadIdx.x == 0) {
            int bin = 255, above = 0;
            while (bin > 0 && above + static_cast<int>(histogram[bin]) < wanted) above += static_cast<int>(histogram[bin--]);
            prefix = prefix << 8 | static_cast<Key>(bin);
            wanted -= above;
            done = static_cast<int>(histogram[bin]) <= wanted;  // all of the bin: no need to look further down
        }
        __syncthreads();
        if (done) break;
    }
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        const Key key = key_at(i);
        if (key != 0 && key >> shift >= prefix) chosen[atomicAdd(&held, 1)] = key;
    }
    __syncthreads();
}

// Each block chooses from its part of a row, so that few remain.
__global__ __launch_bounds__(part_threads) void choose_parts(Top t, Key* parts) {
    allow_next();
    __shared__ Key keys[part_tokens];
    __shared__ Key chosen[top_parted];
    begin_dependent();
    const int row = blockIdx.y, first = blockIdx.x * part_tokens, count = min(part_tokens, t.vocabulary - first);
    for (int i = threadIdx.x; i < count; i += part_threads) keys[i] = key_of(t, row, first + i);
    __syncthreads();
    choose(count, t.k, t.k, [&](int i) { return keys[i]; }, chosen);
    for (int i = threadIdx.x; i < t.k; i += part_threads) parts[(static_cast<int64_t>(row) * gridDim.x + blockIdx.x) * t.k + i] = chosen[i];
}

// parts: [rows, part_count] keys of candidates, or NULL: the logits themselves.
__global__ __launch_bounds__(threads) void select(Top t, const Key* parts, int part_count) {
    allow_next();
    __shared__ Key chosen[top_most];
    begin_dependent();
    const int row = blockIdx.x;
    if (parts != nullptr) choose(part_count, t.k, top_most, [&](int i) { return parts[static_cast<int64_t>(row) * part_count + i]; }, chosen);
    else choose(t.vocabulary, t.k, top_most, [&](int i) { return key_of(t, row, i); }, chosen);

    // Bitonic, descending.
    int size = 1;
    while (size < t.k) size *= 2;
    for (int length = 2; length <= size; length *= 2) {
        for (int distance = length / 2; distance > 0; distance /= 2) {
            for (int i = threadIdx.x; i < size; i += threads) {
                const int other = i ^ distance;
                if (other > i && ((i & length) == 0) == (chosen[i] < chosen[other])) {
                    const Key swapped = chosen[i];
                    chosen[i] = chosen[other];
                    chosen[other] = swapped;
                }
            }
            __syncthreads();
        }
    }
    for (int i = threadIdx.x; i < t.k; i += threads) {
        device::TopEntry entry{-1, -INFINITY};
        if (chosen[i] != 0) {
            entry.token = static_cast<int32_t>(0xffffffffu - static_cast<unsigned int>(chosen[i]));
            entry.logit = t.logits[row * t.stride + entry.token];
        }
        t.out[static_cast<int64_t>(row) * t.k + i] = entry;
    }
}

}  // namespace

void select_top(const Queue& queue, const Top& t, unsigned long long* parts) {
    const int blocks = (t.vocabulary + part_tokens - 1) / part_tokens;
    const bool parted = t.k <= top_parted;
    if (parted) {
        queue.launch(choose_parts, dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(t.rows)), part_threads, 0,
                     "choosing the largest logits", t, parts);
    }
    queue.launch(select, dim3(static_cast<unsigned>(t.rows)), threads, 0, "choosing the largest logits", t, parted ? parts : nullptr,
                 blocks * t.k);
}

}  // namespace mamba::cuda
