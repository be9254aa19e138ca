// What a user waits for: a new process that loads the model, reads a short prompt and says its first token. The file is in the
// system's cache, because the first round has read it. The model: the embedded one, or the path in MAMBA_BENCH_MODEL.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "first_token.h"
#include "kernel_bench.h"

namespace mamba::bench {
namespace {

int refuse(const char* what, const mamba_status& status) {
    std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(status.message_length), reinterpret_cast<const char*>(status.message));
    return 1;
}

const char* model_path() {
    const char* given = std::getenv("MAMBA_BENCH_MODEL");
    return given != nullptr ? given : MAMBA_EMBEDDED_MODEL;
}

}  // namespace

int take_first_token(const char* path) {
    constexpr int prompt_tokens = 16;
    mamba_status status{};
    status.struct_size = sizeof status;
    mamba_model* model = mamba_model_open(reinterpret_cast<const uint8_t*>(path), std::strlen(path), &status);
    if (model == nullptr) return refuse("opening the model", status);
    mamba_engine_options options{};
    options.struct_size = sizeof options;
    mamba_engine* engine = mamba_engine_new(model, &options, &status);
    if (engine == nullptr) return refuse("starting the engine", status);
    mamba_session* session = mamba_session_new(engine, &status);
    if (session == nullptr) return refuse("making a session", status);

    int32_t prompt[prompt_tokens];
    for (int i = 0; i < prompt_tokens; ++i) prompt[i] = 100 + 7 * i;
    mamba_batch_item item{};
    item.session = mamba_session_id(session);
    item.token_count = prompt_tokens;
    item.logits_count = 1;
    mamba_top_entry first{};
    mamba_batch batch{};
    batch.struct_size = sizeof batch;
    batch.item_count = 1;
    batch.item_size = sizeof item;
    batch.token_count = prompt_tokens;
    batch.top_k = 1;
    batch.top_capacity = 1;
    if (mamba_engine_evaluate(engine, &batch, &item, prompt, nullptr, nullptr, &first, nullptr, &status) != MAMBA_OK) {
        return refuse("reading the prompt", status);
    }
    mamba_session_free(session);
    mamba_engine_free(engine);
    mamba_model_free(model);
    return 0;
}

void add_first_token_benchmark(const char* program) {
    const std::string command = '"' + std::string(program) + "\" --first-token \"" + model_path() + '"';
    const auto run = [command](benchmark::State& state) {
        if (std::system(command.c_str()) != 0) {
            state.SkipWithError("the process failed: does MAMBA_BENCH_MODEL name a model?");
            return;
        }
        for (auto _ : state) {
            const auto start = std::chrono::steady_clock::now();
            static_cast<void>(std::system(command.c_str()));
            state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        }
    };
    benchmark::RegisterBenchmark("first_token", run)->UseManualTime()->Unit(benchmark::kMillisecond);
}

}  // namespace mamba::bench
