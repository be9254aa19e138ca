#include "backends/cuda/parking.h"

#include <algorithm>

namespace mamba::cuda {

Parking::~Parking() {
    out_.wait();
    in_.wait();
}

int32_t Parking::take() {
    if (spare_.empty()) {
        if (empty_.empty()) {
            // So that giving back needs no memory.
            spare_.reserve(places_.size() + 1);
            empty_.reserve(places_.size() + 1);
            places_.emplace_back();
            empty_.push_back(first_place + static_cast<int32_t>(places_.size()) - 1);
        }
        Place& place = places_[static_cast<size_t>(empty_.back() - first_place)];
        place.memory = PinnedArray<float>(slot_bytes_ / sizeof(float), "a session's state at rest");
        spare_.push_back(empty_.back());
        empty_.pop_back();
    }
    const int32_t place = spare_.back();
    spare_.pop_back();
    return place;
}

void Parking::give(int32_t place) {
    const size_t in_use = places_.size() - spare_.size() - empty_.size() - 1;
    if (spare_.size() < std::max(in_use, most_spare)) {
        spare_.push_back(place);
        return;
    }
    Place& p = places_[static_cast<size_t>(place - first_place)];
    p.move.done.wait();
    p.memory = {};
    empty_.push_back(place);
}

Parking::Move& Parking::move_of(int32_t index) {
    if (index >= first_place) return places_[static_cast<size_t>(index - first_place)].move;
    if (static_cast<size_t>(index) >= slots_.size()) slots_.resize(static_cast<size_t>(index) + 1);
    return slots_[static_cast<size_t>(index)];
}

void Parking::park(int32_t slot, const float* device, int32_t entries, int32_t place, cudaStream_t queue) {
    places_[static_cast<size_t>(place - first_place)].entries = entries;
    copy(slot, place, device, at(place), cudaMemcpyDeviceToHost, out_, queue);
}

void Parking::unpark(int32_t place, int32_t slot, float* device, cudaStream_t queue) {
    copy(slot, place, at(place), device, cudaMemcpyHostToDevice, in_, queue);
}

void Parking::copy(int32_t slot, int32_t place, const float* from, float* to, cudaMemcpyKind kind, const Stream& stream,
                   cudaStream_t queue) {
    queued_.record(queue);
    queued_.hold(stream.get());
    for (const int32_t index : {slot, place}) settle(index, stream.get());
    check(cudaMemcpyAsync(to, from, slot_bytes_, kind, stream.get()), "moving a state");
    for (const int32_t index : {slot, place}) {
        Move& move = move_of(index);
        move.done.record(stream.get());
        move.pending = true;
    }
}

void Parking::settle(int32_t index, cudaStream_t queue) {
    if (index < first_place && static_cast<size_t>(index) >= slots_.size()) return;
    Move& move = move_of(index);
    if (move.pending) move.done.hold(queue);
    move.pending = false;
}

bool Parking::moving(int32_t index) {
    if (index < first_place && static_cast<size_t>(index) >= slots_.size()) return false;
    const Move& move = move_of(index);
    return move.pending && !move.done.reached();
}

}  // namespace mamba::cuda
