// Steps of decoding as CUDA graphs, one for each number of sessions: recorded when it is met the second time, then launched whole. The first
// time loads what the kernels need, which cannot be done while recording.
#pragma once

#include <array>

#include "backends/cuda/launch.h"

namespace mamba::cuda {

class Graphs {
public:
    // Of more the device takes longer than launching takes.
    static constexpr int32_t most_rows = 64;

    Graphs() = default;
    Graphs(const Graphs&) = delete;
    Graphs& operator=(const Graphs&) = delete;
    ~Graphs() {
        for (cudaGraphExec_t graph : graphs_) {
            if (graph != nullptr) cudaGraphExecDestroy(graph);
        }
    }

    // queue_kernels(queue): queues the same kernels with the same arguments whenever `rows` is the same.
    template <typename QueueKernels>
    void launch(const Queue& queue, int32_t rows, const QueueKernels& queue_kernels) {
        cudaGraphExec_t& graph = graphs_[static_cast<size_t>(rows)];
        bool& met = met_[static_cast<size_t>(rows)];
        if (graph == nullptr && met && !unsupported_) graph = record(queue, queue_kernels);
        met = true;
        if (graph == nullptr) queue_kernels(queue);
        else check(cudaGraphLaunch(graph, queue.stream), "a step");
    }

private:
    // Where the driver records no overlapping kernels, they are recorded as others are.
    template <typename QueueKernels>
    cudaGraphExec_t record(const Queue& queue, const QueueKernels& queue_kernels) {
        Queue recorded = queue;
        for (;;) {
            cudaGraph_t graph = nullptr;
            cudaGraphExec_t result = nullptr;
            check(cudaStreamBeginCapture(recorded.stream, cudaStreamCaptureModeThreadLocal), "recording a step");
            try {
                queue_kernels(recorded);
            } catch (...) {
                cudaStreamEndCapture(recorded.stream, &graph);
                if (graph != nullptr) cudaGraphDestroy(graph);
                graph = nullptr;
            }
            cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
            check(cudaStreamIsCapturing(recorded.stream, &status), "recording a step");
            cudaError_t error = cudaErrorStreamCaptureInvalidated;
            if (status != cudaStreamCaptureStatusNone) error = cudaStreamEndCapture(recorded.stream, &graph);
            if (error == cudaSuccess) error = cudaGraphInstantiateWithFlags(&result, graph, 0);
            if (graph != nullptr) cudaGraphDestroy(graph);
            if (error == cudaSuccess) return result;
            cudaGetLastError();
            if (!recorded.overlap) {
                unsupported_ = true;
                return nullptr;
            }
            recorded.overlap = false;
        }
    }

    std::array<cudaGraphExec_t, most_rows + 1> graphs_{};
    std::array<bool, most_rows + 1> met_{};
    bool unsupported_ = false;
};

}  // namespace mamba::cuda
