// Which table runs: the best that this build has and this processor can execute, or the one asked for.
#include "backends/cpu/kernels.h"

#include <algorithm>
#include <string>

#include "backends/cpu/amx_scan_layout.h"
#include "backends/cpu/blocking.h"
#include "backends/cpu/mamba2_parts.h"
#include "base/error.h"
#include "base/platform.h"

namespace mamba {
namespace {

const Kernels* built(mamba_isa isa) {
    switch (isa) {
        case MAMBA_ISA_SCALAR: return &scalar_kernels();
        case MAMBA_ISA_AVX2: return avx2_kernels();
        case MAMBA_ISA_AVX512: return avx512_kernels();
        case MAMBA_ISA_AMX: return amx_kernels();
        case MAMBA_ISA_NEON: return neon_kernels();
        default: return nullptr;
    }
}

bool executable(mamba_isa isa) {
    switch (isa) {
        case MAMBA_ISA_SCALAR: return true;
        case MAMBA_ISA_AVX2: return platform::cpu_features().avx2;
        case MAMBA_ISA_AVX512: return platform::cpu_features().avx512;
        case MAMBA_ISA_AMX: return platform::allow_amx();
        case MAMBA_ISA_NEON: return platform::cpu_features().neon;
        default: return false;
    }
}

// Best first.
constexpr mamba_isa preference[] = {MAMBA_ISA_AMX, MAMBA_ISA_AVX512, MAMBA_ISA_AVX2, MAMBA_ISA_NEON, MAMBA_ISA_SCALAR};

std::string choices(bool runnable_only) {
    std::string text;
    for (const mamba_isa isa : preference) {
        if (built(isa) == nullptr || (runnable_only && !executable(isa))) continue;
        if (!text.empty()) text += ", ";
        text += name(isa);
    }
    return text;
}

}  // namespace

int64_t matmul_scratch_floats(int64_t cols) {
    const int64_t widened = blocking::weight_rows(cols) * blocking::padded(cols) + blocking::accumulator_floats;
    return std::max(widened, blocking::q8_floats(cols));
}

size_t packed_scratch_bytes(int64_t cols) {
    // Panels of BF16, and the rows that one of them is made from: in BF16, and one in FP32.
    return static_cast<size_t>(packed::panels_at_once(cols) + 1) * packed::panel_bytes(WeightType::bf16, cols) +
           static_cast<size_t>(blocking::padded(cols)) * sizeof(float);
}

int64_t pending_after(int64_t pending, int64_t position, int64_t tokens) {
    for_chunk_parts(position, tokens, [&](int64_t first, int64_t count) {
        pending = count > 1 || closes_ring(position + first) ? 0 : pending + 1;
    });
    return pending;
}

int64_t mamba2_scratch_floats(int64_t head_dim, int64_t d_state) {
    if (head_dim == 0) return 0;  // a model without Mamba-2
    // C B^T and its decayed form [chunk, chunk], B of the ring's entries [ring_entries, d_state], weighted inputs [chunk, head_dim],
    // transposed state [d_state, head_dim].
    const int64_t vectors =
        2 * chunk_tokens * chunk_tokens + ring_entries * d_state + (chunk_tokens + d_state) * blocking::padded(head_dim);
    const int64_t tiles = amx_scan::fits(head_dim, d_state) ? amx_scan::Layout::floats(head_dim, d_state) : 0;
    return std::max(vectors, tiles);
}

mamba_isa best_isa() {
    for (const mamba_isa isa : preference) {
        if (built(isa) != nullptr && executable(isa)) return isa;
    }
    return MAMBA_ISA_SCALAR;
}

const Kernels& select_kernels(mamba_isa isa) {
    if (isa == MAMBA_ISA_AUTO) isa = best_isa();
    const Kernels* kernels = built(isa);
    if (kernels == nullptr) {
        fail(MAMBA_UNSUPPORTED, "this build has no CPU kernels for '", name(isa), "'; it has: ", choices(false),
             ". Choose one of these or 'auto'");
    }
    if (!executable(isa)) {
        fail(MAMBA_UNSUPPORTED, "this processor or operating system does not support '", name(isa), "'; it can run: ", choices(true),
             ". Choose one of these or 'auto'");
    }
    return *kernels;
}

const char* name(mamba_isa isa) {
    switch (isa) {
        case MAMBA_ISA_AUTO: return "auto";
        case MAMBA_ISA_SCALAR: return "scalar";
        case MAMBA_ISA_AVX2: return "avx2";
        case MAMBA_ISA_AVX512: return "avx512";
        case MAMBA_ISA_AMX: return "amx";
        case MAMBA_ISA_NEON: return "neon";
    }
    return "unknown instruction set";
}

}  // namespace mamba
