#include "backends/cuda/mamba2_prefill.h"

#include "backends/cuda/mamba2_chunks.h"

namespace mamba::cuda {
namespace ssd {
namespace {

bool tensor_shape(const Mamba2Shape& s) {
    const int n = s.d_state;
    return s.head_dim % tensor_slice == 0 && (n == 16 || n == 32 || n == 64 || n == 128 || n == 256);
}

int slices_a_head(const Mamba2Shape& s, bool tensor_cores) {
    return tensor_cores ? s.head_dim / tensor_slice : (s.head_dim + plain_slice - 1) / plain_slice;
}

}  // namespace

bool on_tensor_cores(const Mamba2PrefillArgs& args) { return !args.exact && tensor_shape(args.shape); }

int slices(const Mamba2PrefillArgs& args) { return args.shape.heads * slices_a_head(args.shape, on_tensor_cores(args)); }

Work divide(const Mamba2Shape& shape, bool exact, int64_t rows, int64_t chunks, void* workspace) {
    size_t used = 0;
    const auto part = [&](int64_t count, size_t size) {
        void* at = static_cast<unsigned char*>(workspace) + used;
        used += (static_cast<size_t>(count) * size + 255) / 256 * 256;
        return at;
    };
    const bool tensor_cores = !exact && tensor_shape(shape);
    const size_t activation = exact ? sizeof(float) : sizeof(bf16);
    const int64_t heads = chunks * shape.heads;
    Work w{};
    w.convolved = part(rows * shape.channels(), activation);
    w.steps = static_cast<float2*>(part(heads * ssd_chunk, sizeof(float2)));
    w.inflow = static_cast<float*>(part(heads * inflow_floats, sizeof(float)));
    w.states = part(tensor_cores ? 0 : heads * shape.head_dim * shape.d_state, activation);
    w.products = static_cast<uint4*>(part(tensor_cores ? chunks * shape.groups * product_blocks * 32 : 0, sizeof(uint4)));
    w.squares = static_cast<float*>(part(rows * shape.heads * slices_a_head(shape, tensor_cores), sizeof(float)));
    w.bytes = used;
    return w;
}

}  // namespace ssd

bool mamba2_prefill_takes(const Mamba2Shape& s) {
    return s.heads % s.groups == 0 && s.groups <= 64 && s.d_conv >= 1 && s.d_conv <= 4 && s.d_inner() % (8 * s.groups) == 0 &&
           s.channels() % 8 == 0;
}

size_t mamba2_prefill_workspace(const Mamba2Shape& shape, bool exact, int64_t rows, int64_t chunks) {
    return ssd::divide(shape, exact, rows, chunks, nullptr).bytes;
}

cudaError_t mamba2_prefill(const Mamba2PrefillArgs& args, const Queue& queue) {
    const cudaStream_t stream = queue.stream;
    const ssd::Work work = ssd::divide(args.shape, args.exact, args.rows, args.chunk_count, args.workspace);
    const bool tensor_cores = ssd::on_tensor_cores(args);
    const auto advance = [&](const Mamba2PrefillArgs& some) {
        return tensor_cores ? ssd::scan(some, work, stream) : ssd::plain_states(some, work, stream);
    };
    cudaError_t error = ssd::prepare(args, work, stream);
    if (error == cudaSuccess && args.policies != nullptr) error = ssd::add_steps(args, work, stream);
    if (error == cudaSuccess && !args.in_rounds) error = advance(args);
    for (int32_t i = 0; i < args.round_count && error == cudaSuccess; ++i) {
        const Mamba2Round& round = args.rounds[i];
        const int64_t floats = int64_t{args.shape.d_inner()} * args.shape.d_state;
        if (round.move_count > 0) move_states(queue, round.moves, round.move_count, args.state, floats, 1, 0);
        Mamba2PrefillArgs some = args;
        // First the newest states: what enters the chunks of the others is what stays.
        some.pieces = round.fed;
        some.piece_count = round.fed_count;
        some.states_only = true;
        if (some.piece_count > 0) error = advance(some);
        some.pieces = round.pieces;
        some.piece_count = round.piece_count;
        some.states_only = false;
        if (error == cudaSuccess) error = advance(some);
    }
    if (error == cudaSuccess && !tensor_cores) error = ssd::plain_scan(args, work, stream);
    if (error == cudaSuccess && args.capped_count > 0) {
        Mamba2PrefillArgs some = args;
        some.pieces = args.capped;
        some.piece_count = args.capped_count;
        some.policies = args.capped_policies;
        error = ssd::scan_capped(some, work, stream);
    }
    if (error == cudaSuccess && args.norm) error = ssd::norm(args, work, stream);
    return error;
}

}  // namespace mamba::cuda
