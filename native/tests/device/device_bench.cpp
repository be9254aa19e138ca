// How fast an engine steps on a device, from C++: mamba_device_bench SHAPE TYPE BATCH... A step reads one token of each session and gives the
// largest logit of each. Prints the median and the best of all steps. Instead of BATCH, pN measures a prompt of N tokens, o a session's way
// to host memory and back, m the statistics of all layers of a session; rN: slices of N rows. Sessions behind it are, with wN, under a
// restart-window of N tokens, with f under forget-more, with t such that add up their step sizes, with n plain again. SHAPE: 130m, 370m, 790m,
// 1.3b or 2.7b, with "mamba1-" before it for Mamba-1; TYPE: BF16, F16, F32, Q8_0, Q6_K or Q4_K.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "state/snapshot.h"
#include "state/statistics.h"

namespace {

using namespace mamba;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

mamba_shape shape_of(std::string name, const std::string& type) {
    mamba_shape shape{};
    shape.struct_size = sizeof(shape);
    shape.architecture = MAMBA_ARCH_MAMBA2;
    if (name.rfind("mamba1-", 0) == 0) {
        shape.architecture = MAMBA_ARCH_MAMBA1;
        name = name.substr(7);
    }
    const struct { const char* name; int32_t layers, d_model; } sizes[] = {
        {"130m", 24, 768}, {"370m", 48, 1024}, {"790m", 48, 1536}, {"1.3b", 48, 2048}, {"2.7b", 64, 2560}};
    for (const auto& size : sizes) {
        if (name != size.name) continue;
        shape.layer_count = size.layers;
        shape.d_model = size.d_model;
    }
    shape.vocab_size = 50277;
    for (const WeightType candidate : all_weight_types) {
        if (type == mamba::name(candidate)) shape.weight_type = static_cast<int32_t>(candidate);
    }
    return shape;
}

// What sessions are under from here on.
std::shared_ptr<const Policy> policy;
bool tracks = false;

std::shared_ptr<Session> new_session(const std::shared_ptr<Engine>& engine) {
    const auto session = engine->create_session();
    engine->set_policy(*session, policy);
    engine->set_tracking(*session, tracks);
    return session;
}

void set_policy(const Model& model, const char* argument) {
    tracks = argument[0] == 't';
    mamba_policy asked{};
    asked.struct_size = sizeof asked;
    if (argument[0] == 'w') asked.kind = MAMBA_POLICY_RESTART_WINDOW, asked.window = std::atoll(argument + 1);
    if (argument[0] == 'f') asked.kind = MAMBA_POLICY_FORGET_MORE, asked.retention = 0.9999f, asked.insertion = 0.75f;
    policy = Policy::make(asked, nullptr, 0, model);
    std::printf("  sessions: %s\n", argument);
}

void measure_steps(const std::shared_ptr<Engine>& engine, int batch) {
    std::vector<std::shared_ptr<Session>> sessions;
    std::vector<int32_t> tokens(static_cast<size_t>(batch), 17);
    std::vector<mamba_top_entry> top(static_cast<size_t>(batch));
    std::vector<BatchItem> items;
    for (int i = 0; i < batch; ++i) {
        sessions.push_back(new_session(engine));
        items.push_back({sessions.back(), &tokens[static_cast<size_t>(i)], 1, 1, 0, i});
    }
    BatchOutput output;
    output.top = top.data();
    output.top_k = 1;
    std::vector<double> times;
    constexpr int warm = 20, steps = 200;
    for (int step = 0; step < warm + steps; ++step) {
        const auto start = Clock::now();
        engine->evaluate(items, output, nullptr);
        if (step >= warm) times.push_back(seconds_since(start));
        for (int i = 0; i < batch; ++i) tokens[static_cast<size_t>(i)] = top[static_cast<size_t>(i)].token;
    }
    std::sort(times.begin(), times.end());
    // The mean counts the steps that bring recent inputs into the states, one in 16.
    const double mean = std::accumulate(times.begin(), times.end(), 0.0) / steps;
    std::printf("  batch %3d: %8.1f tok/s median, %8.1f mean, %8.1f best, %7.1f us a step\n", batch, batch / times[times.size() / 2], batch / mean,
                batch / times[0], times[times.size() / 2] * 1e6);
    std::fflush(stdout);
}

void measure_prompt(const std::shared_ptr<Engine>& engine, int64_t length) {
    const std::vector<int32_t> tokens(static_cast<size_t>(length), 17);
    std::vector<double> times;
    mamba_top_entry top{};
    BatchOutput output;
    output.top = &top;
    output.top_k = 1;
    for (int i = 0; i < 4; ++i) {
        const auto session = new_session(engine);
        const auto start = Clock::now();
        engine->evaluate({{session, tokens.data(), length, 1, 0, 0}}, output, nullptr);
        if (i > 0) times.push_back(seconds_since(start));
    }
    std::sort(times.begin(), times.end());
    std::printf("  prompt of %lld: %.0f tok/s\n", static_cast<long long>(length), static_cast<double>(length) / times[times.size() / 2]);
    std::fflush(stdout);
}

double median(std::vector<double> times) {
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

void measure_statistics(const std::shared_ptr<Engine>& engine) {
    const auto session = engine->create_session();
    engine->set_tracking(*session, true);
    const std::vector<int32_t> tokens(100, 17);
    const int64_t layers = engine->model().config.layer_count();
    std::vector<mamba_head_statistics> heads(static_cast<size_t>(head_or_block_count(engine->model().config)));
    for (const int64_t waiting : {0, 5}) {
        engine->evaluate({{session, tokens.data(), 96, 0, 0, 0}}, {}, nullptr);
        for (int64_t t = 0; t < waiting; ++t) engine->evaluate({{session, tokens.data(), 1, 0, 0, 0}}, {}, nullptr);
        std::vector<double> times;
        for (int i = 0; i < 20; ++i) {
            const auto start = Clock::now();
            for (int64_t layer = 0; layer < layers; ++layer) engine->measure(*session, layer, heads.data());
            times.push_back(seconds_since(start) * 1e3);
        }
        std::printf("  statistics of %lld layers, %lld tokens waiting: %.2f ms\n", static_cast<long long>(layers),
                    static_cast<long long>(session->state.pending), median(times));
    }
    std::fflush(stdout);
}

// A call leaves its copy under way, so a copy's time is that until its session's logits are there, less what they take anyway.
void measure_offload(const std::shared_ptr<Engine>& engine) {
    const int32_t token = 17;
    mamba_top_entry top{};
    BatchOutput output;
    output.top = &top;
    output.top_k = 1;
    const auto session = engine->create_session(), other = engine->create_session();
    const auto timed = [](const auto& action) {
        const auto start = Clock::now();
        action();
        return seconds_since(start) * 1e3;
    };
    const auto step = [&](const std::shared_ptr<Session>& of, int64_t count) {
        engine->evaluate({{of, &token, count, 1, 0, 0}}, output, nullptr);
    };
    step(session, 1);
    std::vector<float> values(static_cast<size_t>(session->state.used_floats())), hidden(session->state.hidden_floats());
    const double first = timed([&] { engine->offload(*session, true); });
    std::vector<double> calls, both, in, logits, beside, alone;
    for (int i = 0; i < 20; ++i) {
        step(session, 0);
        logits.push_back(timed([&] { step(session, 0); }));
        both.push_back(timed([&] {
            calls.push_back(timed([&] { engine->offload(*session, true); }));
            engine->offload(*session, false);
            step(session, 0);
        }));
        engine->offload(*session, true);
        session->state.read(values.data(), hidden.data());  // waits
        in.push_back(timed([&] {
            engine->offload(*session, false);
            step(session, 0);
        }));
    }
    for (int i = 0; i < 100; ++i) {
        alone.push_back(timed([&] { step(other, 1); }));
    }
    for (int i = 0; i < 100; ++i) {
        engine->offload(*session, i % 2 == 0);
        beside.push_back(timed([&] { step(other, 1); }));
    }
    std::vector<std::byte> saved(snapshot_size(session->state));
    std::vector<double> saves, loads;
    for (int i = 0; i < 5; ++i) {
        saves.push_back(timed([&] { save_snapshot(session->state, engine->model().fingerprint, saved.data()); }));
        State state = engine->new_state();
        loads.push_back(timed([&] { load_snapshot(saved.data(), saved.size(), engine->model().fingerprint, state); }));
    }
    const double away = median(both) - median(in), back = median(in) - median(logits);
    const double megabytes = static_cast<double>(session->state.bytes()) * 1e-6;
    std::printf("  session of %.1f MB to host memory: %.2f ms, back: %.2f ms (%.1f and %.1f GB/s); the call %.3f ms, the first %.1f ms; "
                "another session's step %.3f ms, beside copies %.3f ms; saved in %.1f ms, loaded in %.1f ms\n",
                megabytes, away, back, megabytes / away, megabytes / back, median(calls), first, median(alone), median(beside),
                median(saves), median(loads));
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const auto start = Clock::now();
        EngineOptions options;
        options.device_kind = MAMBA_DEVICE_CUDA;
        for (int i = 3; i < argc; ++i) {
            if (argv[i][0] == 'r') options.max_batch_tokens = std::atoll(argv[i] + 1);
        }
        auto model = random_model(shape_of(argv[1], argv[2]));
        const double made = seconds_since(start);
        const auto engine = std::make_shared<Engine>(model, options);
        std::printf("%s %s: %.2f GB of weights made in %.1f s, sent in %.1f s; memory reads at %.0f GB/s\n", argv[1], argv[2],
                    static_cast<double>(model->weight_bytes) * 1e-9, made, seconds_since(start) - made, engine->measure_bandwidth() * 1e-9);
        for (int i = 3; i < argc; ++i) {
            if (argv[i][0] == 'r') continue;
            if (std::strchr("wftn", argv[i][0]) != nullptr) set_policy(*model, argv[i]);
            else if (argv[i][0] == 'o') measure_offload(engine);
            else if (argv[i][0] == 'm') measure_statistics(engine);
            else if (argv[i][0] == 'p') measure_prompt(engine, std::atoll(argv[i] + 1));
            else measure_steps(engine, std::atoi(argv[i]));
        }
        return 0;
    } catch (const Error& error) {
        std::fprintf(stderr, "%s\n", error.message().c_str());
        return 1;
    }
}
