#include "backends/cuda/weights.h"

#include <algorithm>
#include <cstring>

namespace mamba::cuda {
namespace {

constexpr size_t alignment = 256;
// Bytes that are laid out on the host while as many travel.
constexpr size_t staging_bytes = size_t{16} << 20;

struct Plan {
    Weight weight;
    size_t row_bytes;  // of the host's
};

Plan plan(const device::Matrix& m) {
    Plan result{};
    Weight& w = result.weight;
    w.type = m.type;
    w.rows = static_cast<int32_t>(m.rows);
    w.cols = static_cast<int32_t>(m.cols);
    w.padded_cols = static_cast<int32_t>(round_up(static_cast<size_t>(m.cols), 8));
    result.row_bytes = static_cast<size_t>(m.row_bytes);
    const size_t cols = static_cast<size_t>(w.padded_cols);
    size_t bytes = 0;
    switch (m.type) {
        case MAMBA_WEIGHT_F32: bytes = cols * 4; break;
        case MAMBA_WEIGHT_F16:
        case MAMBA_WEIGHT_BF16: bytes = cols * 2; break;
        case MAMBA_WEIGHT_Q8_0: bytes = cols + cols / 16; break;
        case MAMBA_WEIGHT_Q6_K: bytes = cols / 256 * 210; break;
        case MAMBA_WEIGHT_Q4_K: bytes = cols / 256 * 144; break;
        default: fail(MAMBA_UNSUPPORTED, "weights of type ", m.type, " are not known to the CUDA backend");
    }
    w.pitch = static_cast<int64_t>(round_up(bytes, 16));
    return result;
}

// One row from the host's layout to the device's, of w.pitch bytes.
void lay_out(const Weight& w, const unsigned char* row, size_t row_bytes, unsigned char* out) {
    const size_t cols = static_cast<size_t>(w.cols);
    const auto pitch = static_cast<size_t>(w.pitch);
    switch (w.type) {
        case MAMBA_WEIGHT_Q8_0:
            for (size_t b = 0; b < cols / 32; ++b, row += 34) {
                std::memcpy(out + b * 32, row + 2, 32);
                std::memcpy(out + cols + b * 2, row, 2);
            }
            std::memset(out + cols + cols / 16, 0, pitch - cols - cols / 16);
            return;
        case MAMBA_WEIGHT_Q6_K: {
            const size_t blocks = cols / 256;
            for (size_t b = 0; b < blocks; ++b, row += 210) {
                std::memcpy(out + b * 128, row, 128);
                std::memcpy(out + blocks * 128 + b * 64, row + 128, 64);
                std::memcpy(out + blocks * 192 + b * 16, row + 192, 16);
                std::memcpy(out + blocks * 208 + b * 2, row + 208, 2);
            }
            std::memset(out + blocks * 210, 0, pitch - blocks * 210);
            return;
        }
        case MAMBA_WEIGHT_Q4_K: {
            const size_t blocks = cols / 256;
            for (size_t b = 0; b < blocks; ++b, row += 144) {
                std::memcpy(out + b * 128, row + 16, 128);
                std::memcpy(out + blocks * 128 + b * 16, row, 16);
            }
            return;
        }
        default:
            std::memcpy(out, row, row_bytes);
            std::memset(out + row_bytes, 0, pitch - row_bytes);
    }
}

// Lays rows out in one of two page-locked buffers while the other travels.
class Upload {
public:
    Upload() : staging_{{staging_bytes, "memory to send weights from"}, {staging_bytes, "memory to send weights from"}} {
        check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "a stream for the weights");
        for (cudaEvent_t& event : sent_) {
            if (cudaEventCreateWithFlags(&event, cudaEventDisableTiming) != cudaSuccess) event = nullptr;
        }
    }
    ~Upload() {
        cudaStreamSynchronize(stream_);
        for (cudaEvent_t event : sent_) cudaEventDestroy(event);
        cudaStreamDestroy(stream_);
    }

    void matrix(const Weight& w, const device::Matrix& m, unsigned char* to) {
        const auto pitch = static_cast<size_t>(w.pitch);
        if (pitch > staging_bytes) fail(MAMBA_UNSUPPORTED, "a row of weights of ", pitch, " bytes is longer than the CUDA backend takes");
        const int64_t most = static_cast<int64_t>(staging_bytes / pitch);
        const auto* from = static_cast<const unsigned char*>(m.data);
        for (int64_t first = 0; first < m.rows; first += most) {
            const int64_t rows = std::min(most, m.rows - first);
            unsigned char* buffer = next();
            for (int64_t i = 0; i < rows; ++i) {
                lay_out(w, from + (first + i) * m.row_bytes, static_cast<size_t>(m.row_bytes), buffer + static_cast<size_t>(i) * pitch);
            }
            send(to + static_cast<size_t>(first) * pitch, static_cast<size_t>(rows) * pitch);
        }
    }

    void vector(const float* from, size_t count, unsigned char* to) {
        for (size_t done = 0, part; done < count; done += part) {
            part = std::min(count - done, staging_bytes / sizeof(float));
            std::memcpy(next(), from + done, part * sizeof(float));
            send(to + done * sizeof(float), part * sizeof(float));
        }
    }

    void wait() { check(cudaStreamSynchronize(stream_), "sending weights to the device"); }

private:
    unsigned char* next() {
        turn_ = 1 - turn_;
        check(cudaEventSynchronize(sent_[turn_]), "sending weights to the device");
        return staging_[turn_].data();
    }
    void send(unsigned char* to, size_t bytes) {
        check(cudaMemcpyAsync(to, staging_[turn_].data(), bytes, cudaMemcpyHostToDevice, stream_), "sending weights to the device");
        check(cudaEventRecord(sent_[turn_], stream_), "sending weights to the device");
    }

    PinnedArray<unsigned char> staging_[2];
    cudaStream_t stream_ = nullptr;
    cudaEvent_t sent_[2] = {};
    int turn_ = 0;
};

// Runs twice over the same weights: first for their places, then with memory and an upload.
struct Placer {
    unsigned char* memory = nullptr;
    Upload* upload = nullptr;
    size_t end = 0;

    unsigned char* place(size_t bytes) {
        unsigned char* at = memory == nullptr ? nullptr : memory + end;
        end += round_up(bytes, alignment);
        return at;
    }
    void matrix(const device::Matrix& m, Weight& w) {
        if (m.data == nullptr) return;
        w = plan(m).weight;
        unsigned char* at = place(static_cast<size_t>(w.pitch) * static_cast<size_t>(w.rows));
        w.data = at;
        if (upload != nullptr) upload->matrix(w, m, at);
    }
    void vector(const float* from, int64_t count, const float*& to) {
        to = nullptr;
        if (from == nullptr) return;
        unsigned char* at = place(static_cast<size_t>(count) * sizeof(float));
        to = reinterpret_cast<const float*>(at);
        if (upload != nullptr) upload->vector(from, static_cast<size_t>(count), at);
    }
};

void place_all(const device::Model& m, Placer& p, Weights& w) {
    const bool second = m.head_count > 0;
    const int64_t channels = second ? m.d_inner + 2 * m.group_count * m.d_state : m.d_inner;
    const int64_t in_rows = second ? m.d_inner + channels + m.head_count : 2 * m.d_inner;
    const int64_t heads = second ? m.head_count : m.d_inner;
    p.matrix(m.embedding, w.embedding);
    if (m.head.data == m.embedding.data) w.head = w.embedding;
    else p.matrix(m.head, w.head);
    p.vector(m.final_norm, m.d_model, w.final_norm);
    for (int64_t i = 0; i < m.layer_count; ++i) {
        const device::Layer& from = m.layers[i];
        LayerWeights& to = w.layers[static_cast<size_t>(i)];
        p.matrix(from.in_proj, to.in_proj);
        p.matrix(from.x_proj, to.x_proj);
        p.matrix(from.dt_proj, to.dt_proj);
        p.matrix(from.out_proj, to.out_proj);
        p.vector(from.norm, m.d_model, to.norm);
        p.vector(from.in_proj_bias, in_rows, to.in_proj_bias);
        p.vector(from.conv_weight, m.d_conv * channels, to.conv_weight);
        p.vector(from.conv_bias, channels, to.conv_bias);
        p.vector(from.dt_bias, heads, to.dt_bias);
        p.vector(from.a, second ? heads : heads * m.d_state, to.a);
        p.vector(from.d, heads, to.d);
        p.vector(from.dt_norm, m.dt_rank, to.dt_norm);
        p.vector(from.b_norm, m.d_state, to.b_norm);
        p.vector(from.c_norm, m.d_state, to.c_norm);
        p.vector(from.gated_norm, m.d_inner, to.gated_norm);
        p.vector(from.out_proj_bias, m.d_model, to.out_proj_bias);
    }
}

}  // namespace

Weights::Weights(const device::Model& model) : layers(static_cast<size_t>(model.layer_count)) {
    Placer places;
    place_all(model, places, *this);
    size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "asking for the device's memory");
    if (places.end > free) {
        fail(MAMBA_OUT_OF_MEMORY, "the weights need ", places.end >> 20, " MiB of device memory, ", free >> 20, " of ", total >> 20, " MiB are free");
    }
    memory_ = DeviceArray<unsigned char>(places.end, "the weights");
    Upload upload;
    Placer placer{memory_.data(), &upload, 0};
    place_all(model, placer, *this);
    upload.wait();
}

}  // namespace mamba::cuda
