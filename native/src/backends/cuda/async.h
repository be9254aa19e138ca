// Owned streams and events, made when they are first used.
#pragma once

#include <cuda_runtime.h>

#include <utility>

#include "backends/cuda/error.h"

namespace mamba::cuda {

class Stream {
public:
    Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() {
        wait();
        if (stream_ != nullptr) cudaStreamDestroy(stream_);
    }

    // For what is queued, however it ends.
    void wait() const {
        if (stream_ != nullptr) cudaStreamSynchronize(stream_);
    }

    cudaStream_t get() const {
        if (stream_ == nullptr) check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "a stream");
        return stream_;
    }

private:
    mutable cudaStream_t stream_ = nullptr;
};

// Moves, does not copy.
class Event {
public:
    Event() = default;
    Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
    Event& operator=(Event&& other) noexcept {
        std::swap(event_, other.event_);
        return *this;
    }
    ~Event() {
        if (event_ != nullptr) cudaEventDestroy(event_);
    }

    void record(cudaStream_t stream) {
        if (event_ == nullptr) check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "an event");
        check(cudaEventRecord(event_, stream), "recording an event");
    }
    // What is queued on the stream from now on waits for what was recorded last.
    void hold(cudaStream_t stream) const {
        if (event_ != nullptr) check(cudaStreamWaitEvent(stream, event_, 0), "waiting for an event");
    }
    void wait() const {
        if (event_ != nullptr) check(cudaEventSynchronize(event_), "waiting for an event");
    }
    bool reached() const {
        if (event_ == nullptr || cudaEventQuery(event_) != cudaErrorNotReady) return true;
        cudaGetLastError();  // no error: the next launch is not to find it
        return false;
    }

private:
    cudaEvent_t event_ = nullptr;
};

}  // namespace mamba::cuda
