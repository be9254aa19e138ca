#include "backends/cuda/rounds.h"

#include <algorithm>

namespace mamba::cuda {
namespace {

// To the device; from pageable memory, so that the call returns when it has been read.
template <typename Item>
void send_items(DeviceArray<Item>& to, const std::vector<Item>& items, cudaStream_t stream) {
    if (items.empty()) return;
    if (to.size() < items.size()) to = DeviceArray<Item>(items.size() + items.size() / 2, "working memory of long-context policies");
    check(cudaMemcpyAsync(to.data(), items.data(), items.size() * sizeof(Item), cudaMemcpyHostToDevice, stream), "sending a batch");
}

}  // namespace

void Rounds::clear() {
    segments_.clear();
    host_moves_.clear();
    rounds_.clear();
}

Rounds::Span Rounds::add(const device::Piece* pieces, const Part* parts, int32_t first_part, int32_t count, const Policies& policies) {
    Span span;
    span.first = static_cast<int32_t>(rounds_.size());
    std::vector<int32_t> done(static_cast<size_t>(count), 0), first_chunk(static_cast<size_t>(count), 0);
    for (int32_t i = 1; i < count; ++i) {
        const device::Piece& before = pieces[first_part + i - 1];
        first_chunk[static_cast<size_t>(i)] = first_chunk[static_cast<size_t>(i - 1)] + ssd_chunks(before.position, before.count);
    }
    const int32_t first_row = parts[first_part].first_row;
    bool any = true;
    while (any) {
        any = false;
        Round round{static_cast<int32_t>(segments_.size()), 0, 0, static_cast<int32_t>(host_moves_.size()), 0, 0};
        std::vector<Segment> fed, capped;
        for (int32_t i = 0; i < count; ++i) {
            const device::Piece& piece = pieces[first_part + i];
            const Part& part = parts[first_part + i];
            const int32_t first = done[static_cast<size_t>(i)];
            if (first == piece.count) continue;
            any = true;
            const auto some = static_cast<int32_t>(std::min<int64_t>(piece.count - first, policies.to_border(piece, first)));
            done[static_cast<size_t>(i)] += some;
            const int64_t position = piece.position + first;
            const int32_t row = part.first_row + first, phase = states_.phase(position);
            const int32_t chunk = first_chunk[static_cast<size_t>(i)] + (first > 0 ? ssd_chunks(piece.position, first) : 0);
            Segment segment{{part.state, row, some, phase, 0, 0, 0},
                            {part.state, row - first_row, some, phase, static_cast<int32_t>(position % ssd_chunk), chunk, ssd_chunks(position, some)},
                            policies.part(piece, first, some)};
            if (segment.policy.caps != nullptr) {
                capped.push_back(segment);
                continue;
            }
            segments_.push_back(segment);
            round.rows += some;
            float* const newest = segment.policy.newest;
            // What comes before the first token is the run's to move.
            if (first > 0 && segment.policy.moved_at == 0) host_moves_.push_back({part.state, newest});
            if (newest == nullptr || segment.policy.fed_from > 0) continue;
            segment.part.state = segment.piece.state = newest;
            segment.policy.sums = nullptr;
            fed.push_back(segment);
        }
        round.count = static_cast<int32_t>(segments_.size()) - round.first;
        round.fed = static_cast<int32_t>(fed.size());
        round.moves = static_cast<int32_t>(host_moves_.size()) - round.first_move;
        segments_.insert(segments_.end(), fed.begin(), fed.end());
        if (!capped.empty()) {  // in the first round
            span.first_capped = static_cast<int32_t>(segments_.size());
            span.capped = static_cast<int32_t>(capped.size());
            segments_.insert(segments_.end(), capped.begin(), capped.end());
        }
        if (round.count > 0) rounds_.push_back(round);
    }
    span.count = static_cast<int32_t>(rounds_.size()) - span.first;
    span.needed = span.count != 1 || rounds_.back().fed > 0 || span.capped > 0;
    return span;
}

void Rounds::send(cudaStream_t stream) {
    std::vector<Mamba2Piece> pieces;
    std::vector<Part> parts;
    std::vector<PartPolicy> policies;
    for (const Segment& segment : segments_) {
        if (mamba2_) pieces.push_back(segment.piece);
        else parts.push_back(segment.part);
        policies.push_back(segment.policy);
    }
    send_items(pieces_, pieces, stream);
    send_items(parts_, parts, stream);
    send_items(policies_, policies, stream);
    send_items(moves_, host_moves_, stream);
}

}  // namespace mamba::cuda
