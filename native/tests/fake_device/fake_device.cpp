// A device that is none: the table of backends/device.h, computed by an engine of this machine's processors, so that all that stands
// before a device is tested where there is none. It holds its caller to the contract, and fails when it is told to.
#include "fake_device/fake_device.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/device.h"
#include "engine/engine.h"
#include "engine/top.h"
#include "state/statistics.h"

namespace mamba::fake {
namespace {

// Slots from here on are in host memory.
constexpr int32_t first_host_slot = 1000;

std::mutex mutex;  // around everything
std::map<std::string, std::pair<int32_t, int32_t>> failures;  // function: the calls to come, 0 for each, and the code
bool stopped = false;
int32_t slots_in_use[2] = {};

struct FakeEngine {
    std::shared_ptr<mamba::Engine> engine;
    int64_t weight_bytes = 0;
    std::map<int32_t, std::shared_ptr<Session>> slots;
    std::vector<float> logits;  // of all rows of the last run
    std::map<int32_t, std::shared_ptr<const Policy>> policies;
    std::map<int32_t, Buffer<double>> sums;

    int64_t width() const { return engine->model().config.padded_vocab_size; }
    Session& at(int32_t slot) {
        const auto found = slots.find(slot);
        if (found == slots.end()) fail(MAMBA_INTERNAL, "slot ", slot, " is not taken");
        return *found->second;
    }
    Session& on_device(int32_t slot) {
        if (slot >= first_host_slot) fail(MAMBA_INTERNAL, "slot ", slot, " rests in host memory");
        return at(slot);
    }
    void expect(Session& session, int64_t position) const {
        const int64_t at = session.state.token_count;
        if (at != position) fail(MAMBA_INTERNAL, "position ", position, " of a state at ", at);
    }
    int32_t take(bool on_host) {
        int32_t slot = on_host ? first_host_slot : 0;
        while (slots.count(slot) != 0) ++slot;
        slots.emplace(slot, engine->create_session());
        ++slots_in_use[on_host ? 1 : 0];
        return slot;
    }
    void give(int32_t slot) {
        if (slots.erase(slot) != 0) --slots_in_use[slot >= first_host_slot ? 1 : 0];
    }
    // A row's logits, wherever they come from.
    std::vector<float> row(const device::Row& row) {
        std::vector<float> out(static_cast<size_t>(width()));
        if (row.slot >= 0) {
            on_device(row.slot);
            BatchOutput output;
            output.logits = out.data();
            engine->evaluate({{slots[row.slot], nullptr, 0, 1, 0, 0}}, output, nullptr);
        } else {
            if ((row.row + 1) * width() > static_cast<int64_t>(logits.size())) fail(MAMBA_INTERNAL, "the last run had no row ", row.row);
            std::copy_n(logits.begin() + row.row * width(), width(), out.begin());
        }
        return out;
    }
};

template <typename T>
T& found(std::map<int32_t, T>& in, int32_t index, const char* what) {
    const auto place = in.find(index);
    if (place == in.end()) fail(MAMBA_INTERNAL, what, " ", index, " is not taken");
    return place->second;
}

template <typename T>
int32_t put(std::map<int32_t, T>& to, T value) {
    int32_t index = 0;
    while (to.count(index) != 0) ++index;
    to.emplace(index, std::move(value));
    return index;
}

// A session as its piece describes it: what lies beside its state is lent to it, and goes back where it came from.
class Lent {
public:
    Lent(FakeEngine& engine, const device::Piece& piece) : engine_(engine), piece_(piece), session_(engine.on_device(piece.slot)) {
        engine.expect(session_, piece.position);
        State& state = session_.state;
        if (piece.policy >= 0) {
            state.policy = PolicyState(found(engine.policies, piece.policy, "policy"), 0);
            state.policy.origin = piece.origin;
        }
        if (piece.newest >= 0) for_newest([](float* own, float* newest, int64_t count) { std::copy_n(newest, count, own); });
        if (piece.sums >= 0) {
            state.tracking.start(engine.engine->layout().step_sums);
            std::swap(state.tracking.sums, found(engine.sums, piece.sums, "sums"));
        }
    }
    ~Lent() {
        State& state = session_.state;
        if (piece_.sums >= 0) std::swap(state.tracking.sums, found(engine_.sums, piece_.sums, "sums"));
        if (piece_.newest >= 0) for_newest([](const float* own, float* newest, int64_t count) { std::copy_n(own, count, newest); });
        state.tracking.stop();
        state.policy = PolicyState();
    }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;

private:
    template <typename F>
    void for_newest(const F& f) {
        Session& newest = engine_.on_device(piece_.newest);
        PolicyState& policy = session_.state.policy;
        for (size_t i = 0; i < engine_.engine->layout().layers.size(); ++i) {
            const LayerState& place = engine_.engine->layout().layers[i];
            f(policy.states.data() + policy.rule->layer(i).states, newest.state.values.data() + place.ssm, place.ssm_floats);
        }
    }

    FakeEngine& engine_;
    const device::Piece& piece_;
    Session& session_;
};

FakeEngine& own(device::Engine* engine) { return *reinterpret_cast<FakeEngine*>(engine); }

int32_t report(device::Status* status, mamba_result code, const std::string& message) {
    status->code = code;
    std::snprintf(status->message, sizeof status->message, "%s", message.c_str());
    return code;
}

template <typename Body>
int32_t guard(const char* function, device::Status* status, const Body& body) noexcept {
    const std::lock_guard lock(mutex);
    try {
        if (stopped) fail(MAMBA_DEVICE, "the fake device has stopped");
        const auto failure = failures.find(function);
        const bool every = failure != failures.end() && failure->second.first == 0;
        if (failure != failures.end() && (every || --failure->second.first == 0)) {
            const auto code = static_cast<mamba_result>(failure->second.second);
            if (!every) failures.erase(failure);
            stopped = code == MAMBA_DEVICE;
            fail(code, "the fake device fails in ", function);
        }
        body();
        return report(status, MAMBA_OK, "");
    } catch (const Error& error) {
        return report(status, error.code(), error.message());
    } catch (const std::exception& error) {
        return report(status, MAMBA_INTERNAL, error.what());
    }
}

// The model once more, out of plain numbers: what the border lets through is enough to compute with.
std::shared_ptr<const mamba::Model> copy_of(const device::Model& from, int64_t* weight_bytes) {
    auto model = std::make_shared<mamba::Model>();
    ModelConfig& c = model->config;
    const bool second = from.head_count > 0;
    c.architecture = second ? MAMBA_ARCH_MAMBA2 : MAMBA_ARCH_MAMBA1;
    c.layers.assign(static_cast<size_t>(from.layer_count), second ? LayerKind::mamba2 : LayerKind::mamba1);
    c.d_model = from.d_model;
    c.d_inner = from.d_inner;
    c.d_state = from.d_state;
    c.d_conv = from.d_conv;
    c.dt_rank = from.dt_rank;
    c.head_count = from.head_count;
    c.head_dim = from.head_dim;
    c.group_count = from.group_count;
    c.vocab_size = from.vocab_size;
    c.padded_vocab_size = from.padded_vocab_size;
    c.tied_embeddings = from.head.data == from.embedding.data;
    c.norm_eps = from.norm_eps;
    c.dt_b_c_norm = from.dt_b_c_norm != 0;
    c.dt_b_c_norm_eps = from.dt_b_c_norm_eps;
    c.gated_norm = from.gated_norm != 0;
    c.norm_before_gate = from.norm_before_gate != 0;
    c.dt_min = from.dt_min;
    c.dt_max = from.dt_max;

    const auto matrix = [&](const device::Matrix& m) {
        Matrix copy;
        if (m.data == nullptr) return copy;
        copy = {static_cast<WeightType>(m.type), m.rows, m.cols, static_cast<size_t>(m.row_bytes), nullptr};
        Buffer<std::byte> bytes(copy.bytes(), "the fake device's weights");
        std::memcpy(bytes.data(), m.data, bytes.bytes());
        copy.data = bytes.data();
        *weight_bytes += static_cast<int64_t>(bytes.bytes());
        model->storage.push_back(std::move(bytes));
        return copy;
    };
    const auto vector = [](const float* data, int64_t count) {
        if (data == nullptr) return Vector();
        Vector copy(static_cast<size_t>(count), "the fake device's weights");
        std::copy_n(data, count, copy.data());
        return copy;
    };
    for (int64_t i = 0; i < from.layer_count; ++i) {
        const device::Layer& l = from.layers[i];
        Layer layer;
        layer.kind = c.layers[static_cast<size_t>(i)];
        layer.norm = vector(l.norm, c.d_model);
        layer.in_proj = matrix(l.in_proj);
        layer.in_proj_bias = vector(l.in_proj_bias, c.in_proj_rows());
        layer.conv_weight = vector(l.conv_weight, c.d_conv * c.conv_channels());
        layer.conv_bias = vector(l.conv_bias, c.conv_channels());
        layer.x_proj = matrix(l.x_proj);
        layer.dt_proj = matrix(l.dt_proj);
        layer.dt_bias = vector(l.dt_bias, second ? c.head_count : c.d_inner);
        layer.a = vector(l.a, second ? c.head_count : c.d_inner * c.d_state);
        layer.d = vector(l.d, second ? c.head_count : c.d_inner);
        layer.dt_norm = vector(l.dt_norm, c.dt_rank);
        layer.b_norm = vector(l.b_norm, c.d_state);
        layer.c_norm = vector(l.c_norm, c.d_state);
        layer.gated_norm = vector(l.gated_norm, c.d_inner);
        layer.out_proj = matrix(l.out_proj);
        layer.out_proj_bias = vector(l.out_proj_bias, c.d_model);
        model->layers.push_back(std::move(layer));
    }
    model->embedding = matrix(from.embedding);
    model->head = c.tied_embeddings ? model->embedding : matrix(from.head);
    model->final_norm = vector(from.final_norm, c.d_model);
    return model;
}

// ---- The table

int32_t device_count(int32_t* count, device::Status* status) {
    return guard("device_count", status, [&] { *count = 1; });
}

int32_t device_get(int32_t index, device::Info* info, device::Status* status) {
    return guard("device_get", status, [&] {
        if (index != 0) fail(MAMBA_NOT_FOUND, "there is no device ", index);
        *info = {};
        info->usable = 1;
        info->compute_capability = 90;
        info->unit_count = 1;
        info->memory_bytes = info->free_bytes = int64_t{1} << 30;
        std::snprintf(info->name, sizeof info->name, "Fake device");
    });
}

int32_t open(int32_t, const device::Model* model, int64_t max_rows, device::Engine** engine, device::Status* status) {
    return guard("open", status, [&] {
        auto fake = std::make_unique<FakeEngine>();
        EngineOptions options;
        options.threads = 1;
        options.max_batch_tokens = max_rows;
        fake->engine = std::make_shared<mamba::Engine>(copy_of(*model, &fake->weight_bytes), options);
        *engine = reinterpret_cast<device::Engine*>(fake.release());
    });
}

void close(device::Engine* engine) {
    const std::lock_guard lock(mutex);
    if (engine == nullptr) return;
    while (!own(engine).slots.empty()) own(engine).give(own(engine).slots.begin()->first);
    delete &own(engine);
}

void memory(device::Engine* engine, int64_t* working_bytes, int64_t* weight_bytes) {
    *working_bytes = 1 << 20;
    *weight_bytes = own(engine).weight_bytes;
}

int32_t bandwidth(device::Engine*, double* bytes_per_second, device::Status* status) {
    return guard("bandwidth", status, [&] { *bytes_per_second = 1e11; });
}

int32_t state_take(device::Engine* engine, int32_t* slot, device::Status* status) {
    return guard("state_take", status, [&] { *slot = own(engine).take(false); });
}

int32_t state_take_host(device::Engine* engine, int32_t* slot, device::Status* status) {
    return guard("state_take_host", status, [&] { *slot = own(engine).take(true); });
}

void state_give(device::Engine* engine, int32_t slot) {
    const std::lock_guard lock(mutex);
    own(engine).give(slot);
}

int32_t state_clear(device::Engine* engine, int32_t slot, device::Status* status) {
    return guard("state_clear", status, [&] { own(engine).on_device(slot).state.reset(); });
}

int32_t state_copy(device::Engine* engine, int32_t from, int32_t to, device::Status* status) {
    return guard("state_copy", status, [&] {
        FakeEngine& e = own(engine);
        if (from >= first_host_slot && to >= first_host_slot) fail(MAMBA_INTERNAL, "a copy from host memory to host memory");
        e.at(to).state.assign(e.at(from).state);
    });
}

int32_t state_pending(device::Engine* engine, int32_t slot, int32_t* entries, device::Status* status) {
    return guard("state_pending", status, [&] { *entries = static_cast<int32_t>(own(engine).at(slot).state.pending); });
}

int32_t state_fold(device::Engine* engine, const device::Piece* session, device::Status* status) {
    return guard("state_fold", status, [&] {
        const Lent lent(own(engine), *session);
        own(engine).engine->fold(own(engine).at(session->slot));
    });
}

int32_t state_read_layer(device::Engine* engine, const device::Piece* session, int64_t layer, float* values, device::Status* status) {
    return guard("state_read_layer", status, [&] {
        const Lent lent(own(engine), *session);
        own(engine).engine->copy_layer_state(own(engine).at(session->slot), layer, values);
    });
}

int32_t state_measure(device::Engine* engine, const device::Piece* session, int64_t layer, int64_t tracked, device::HeadSums* heads,
                      device::Status* status) {
    return guard("state_measure", status, [&] {
        const Lent lent(own(engine), *session);
        const mamba::Engine& e = *own(engine).engine;
        const ModelConfig& config = e.model().config;
        State& state = own(engine).at(session->slot).state;
        if (state.tracking.on()) state.tracking.tokens = tracked;
        std::vector<mamba_head_statistics> measured(static_cast<size_t>(head_or_block_count(config)));
        e.measure(own(engine).at(session->slot), layer, measured.data());
        std::vector<float> values(static_cast<size_t>(config.d_inner * config.d_state));
        e.copy_layer_state(own(engine).at(session->slot), layer, values.data());
        const float* next = values.data();
        for (int64_t head = 0; head < head_or_block_count(config); ++head) {
            const mamba_head_statistics& of = measured[static_cast<size_t>(head)];
            const auto decays = static_cast<double>(head_decays(config, head));
            heads[head] = {0, 0, of.log_retention * decays, static_cast<double>(of.retention) * decays, of.max_abs, 0};
            for (const float* const end = next + head_floats(config, head); next != end; ++next) {
                heads[head].sum += static_cast<double>(*next);
                heads[head].squares += static_cast<double>(*next) * static_cast<double>(*next);
            }
        }
    });
}

int32_t policy_take(device::Engine* engine, const device::Policy* policy, int32_t* index, device::Status* status) {
    return guard("policy_take", status, [&] {
        mamba_policy asked{};
        asked.struct_size = sizeof asked;
        asked.kind = policy->kind;
        asked.window = policy->window;
        asked.retention = policy->retention;
        asked.insertion = policy->insertion;
        asked.norm_scale = policy->norm_scale;
        asked.layer_value_count = policy->layer_value_count;
        const mamba::Model& model = own(engine).engine->model();
        const size_t count = model.layers.size() * static_cast<size_t>(policy->layer_value_count);
        *index = put(own(engine).policies, Policy::make(asked, policy->layer_values, count, model));
    });
}

void policy_give(device::Engine* engine, int32_t index) {
    const std::lock_guard lock(mutex);
    own(engine).policies.erase(index);
}

int32_t sums_take(device::Engine* engine, int32_t* index, device::Status* status) {
    return guard("sums_take", status, [&] {
        Buffer<double> fresh(static_cast<size_t>(own(engine).engine->layout().step_sums), "the fake device's sums");
        std::fill(fresh.begin(), fresh.end(), -1.0);
        *index = put(own(engine).sums, std::move(fresh));
    });
}

void sums_give(device::Engine* engine, int32_t index) {
    const std::lock_guard lock(mutex);
    own(engine).sums.erase(index);
}

int32_t sums_copy(device::Engine* engine, int32_t from, int32_t to, device::Status* status) {
    return guard("sums_copy", status, [&] { found(own(engine).sums, to, "sums").assign(found(own(engine).sums, from, "sums")); });
}

int32_t sums_read(device::Engine* engine, int32_t index, double* values, device::Status* status) {
    return guard("sums_read", status, [&] {
        const Buffer<double>& sums = found(own(engine).sums, index, "sums");
        std::copy(sums.begin(), sums.end(), values);
    });
}

int32_t sums_write(device::Engine* engine, int32_t index, const double* values, device::Status* status) {
    return guard("sums_write", status, [&] {
        Buffer<double>& sums = found(own(engine).sums, index, "sums");
        if (values == nullptr) std::fill(sums.begin(), sums.end(), 0.0);
        else std::copy_n(values, sums.size(), sums.begin());
    });
}

int32_t state_read(device::Engine* engine, int32_t slot, int64_t position, void* values, void* hidden, device::Status* status) {
    return guard("state_read", status, [&] {
        FakeEngine& e = own(engine);
        e.expect(e.at(slot), position);
        e.at(slot).state.read(values, hidden);
    });
}

int32_t state_write(device::Engine* engine, int32_t slot, int64_t position, const void* values, int32_t entries, const void* hidden,
                    device::Status* status) {
    return guard("state_write", status, [&] {
        State& state = own(engine).on_device(slot).state;
        state.token_count = position;
        state.write(values, entries, hidden);
    });
}

int32_t run(device::Engine* engine, const device::Piece* pieces, int32_t count, device::Status* status) {
    return guard("run", status, [&] {
        FakeEngine& e = own(engine);
        std::vector<BatchItem> items;
        std::vector<std::unique_ptr<Lent>> lent;
        int64_t rows = 0;
        for (int32_t i = 0; i < count; ++i) {
            lent.push_back(std::make_unique<Lent>(e, pieces[i]));
            items.push_back({e.slots[pieces[i].slot], pieces[i].tokens, pieces[i].count, pieces[i].count, rows, 0});
            rows += pieces[i].count;
        }
        e.logits.resize(static_cast<size_t>(rows * e.width()));
        BatchOutput output;
        output.logits = e.logits.data();
        e.engine->evaluate(items, output, nullptr);
    });
}

int32_t logits(device::Engine* engine, const device::Row* rows, int32_t count, float* out, int64_t stride, device::Status* status) {
    return guard("logits", status, [&] {
        for (int32_t i = 0; i < count; ++i) {
            const std::vector<float> row = own(engine).row(rows[i]);
            std::copy(row.begin(), row.end(), out + i * stride);
        }
    });
}

int32_t top(device::Engine* engine, const device::Row* rows, int32_t count, int32_t k, const uint32_t* masks, int32_t mask_words,
            device::TopEntry* out, device::Status* status) {
    return guard("top", status, [&] {
        FakeEngine& e = own(engine);
        std::vector<mamba_top_entry> entries(static_cast<size_t>(k));
        for (int32_t i = 0; i < count; ++i) {
            const uint32_t* const mask = masks == nullptr ? nullptr : masks + i * mask_words;
            select_top(e.row(rows[i]).data(), e.engine->model().config.vocab_size, mask, mask_words, k, entries.data());
            for (int32_t j = 0; j < k; ++j) out[i * k + j] = {entries[static_cast<size_t>(j)].token, entries[static_cast<size_t>(j)].logit};
        }
    });
}

int32_t wait(device::Engine*, device::Status* status) {
    return guard("wait", status, [] {});
}

constexpr device::Table table{
    device::interface_version, static_cast<int32_t>(sizeof(device::Table)),
    device_count, device_get, open, close, memory, bandwidth, state_take, state_take_host, state_give, state_clear, state_copy,
    state_pending, state_fold, state_read_layer, state_measure, state_read, state_write, policy_take, policy_give, sums_take, sums_give,
    sums_copy, sums_read, sums_write, run, logits, top, wait,
};

}  // namespace
}  // namespace mamba::fake

#if defined(_WIN32)
#  define MAMBA_FAKE_EXPORT extern "C" __declspec(dllexport)
#else
#  define MAMBA_FAKE_EXPORT extern "C" __attribute__((visibility("default")))
#endif

MAMBA_FAKE_EXPORT const mamba::device::Table* mamba_device_table(int32_t version) {
    return version == mamba::device::interface_version ? &mamba::fake::table : nullptr;
}

MAMBA_FAKE_EXPORT void mamba_fake_fail(const char* function, int32_t call, int32_t code) {
    using namespace mamba::fake;
    const std::lock_guard lock(mutex);
    if (function == nullptr) {
        failures.clear();
        stopped = false;
    } else {
        failures[function] = {call, code};
    }
}

MAMBA_FAKE_EXPORT int32_t mamba_fake_slots(int32_t on_host) {
    const std::lock_guard lock(mamba::fake::mutex);
    return mamba::fake::slots_in_use[on_host != 0 ? 1 : 0];
}
