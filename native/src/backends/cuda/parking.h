// Sessions' states at rest: in page-locked host memory, each as it lies in its slot, so that one copy moves it; and these copies, which
// go on beside runs, a stream for each direction. Page-locked memory takes tens of milliseconds to get: what is given back is kept for
// the next, as much as is in use, and a few.
#pragma once

#include <vector>

#include "backends/cuda/async.h"
#include "backends/cuda/memory.h"

namespace mamba::cuda {

class Parking {
public:
    // Places are numbered from here on; lower numbers are slots of the device.
    static constexpr int32_t first_place = 1 << 30;

    // slot_bytes: of a state in its slot.
    explicit Parking(size_t slot_bytes) : slot_bytes_(slot_bytes) {}
    // Waits for copies under way.
    ~Parking();
    Parking(const Parking&) = delete;
    Parking& operator=(const Parking&) = delete;

    int32_t take();
    void give(int32_t place);
    float* at(int32_t place) const { return places_[static_cast<size_t>(place - first_place)].memory.data(); }

    // Queues a copy behind what `queue` holds now. slot: whose memory `device` is. entries: that wait in its ring.
    void park(int32_t slot, const float* device, int32_t entries, int32_t place, cudaStream_t queue);
    void unpark(int32_t place, int32_t slot, float* device, cudaStream_t queue);
    int32_t pending(int32_t place) const { return places_[static_cast<size_t>(place - first_place)].entries; }
    // What is queued from now on waits for the last copy of this slot or place.
    void settle(int32_t index, cudaStream_t queue);
    // Whether such a copy is under way.
    bool moving(int32_t index);

private:
    static constexpr size_t most_spare = 4;

    // The last copy of a slot or place.
    struct Move {
        Event done;
        bool pending = false;  // the engine's stream does not wait for it yet
    };
    struct Place {
        PinnedArray<float> memory;
        Move move;
        int32_t entries = 0;
    };

    Move& move_of(int32_t index);
    void copy(int32_t slot, int32_t place, const float* from, float* to, cudaMemcpyKind kind, const Stream& stream, cudaStream_t queue);

    const size_t slot_bytes_;
    Stream out_, in_;
    Event queued_;
    std::vector<Move> slots_;  // as many as ever moved
    std::vector<Place> places_;
    std::vector<int32_t> spare_, empty_;  // places with memory that nobody uses, and those without
};

}  // namespace mamba::cuda
