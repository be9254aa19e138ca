// Engines and evaluation.
#include <cstring>
#include <vector>

#include "api/guard.h"
#include "api/handles.h"

using namespace mamba;

namespace {

// The caller's items, each `size` bytes as he sees them.
std::vector<mamba_batch_item> read_items(const mamba_batch_item* items, int32_t count, int32_t size) {
    if (count < 0) fail(MAMBA_INVALID_ARGUMENT, "item_count is ", count);
    if (count > 0) api::require(items, "items");
    if (size < static_cast<int32_t>(sizeof(uint64_t))) fail(MAMBA_INVALID_ARGUMENT, "item_size is ", size, "; set it to sizeof(mamba_batch_item)");
    std::vector<mamba_batch_item> read(static_cast<size_t>(count), mamba_batch_item{});
    const auto* bytes = reinterpret_cast<const unsigned char*>(items);
    for (int32_t i = 0; i < count; ++i) {
        std::memcpy(&read[static_cast<size_t>(i)], bytes + static_cast<size_t>(i) * static_cast<size_t>(size),
                    api::shared_size(static_cast<uint32_t>(size), sizeof(mamba_batch_item)));
    }
    return read;
}

// [offset, offset + count) of `limit` rows, without overflow.
void check_rows(int64_t offset, int64_t count, int64_t limit, const char* what, uint64_t session) {
    if (offset < 0 || count < 0 || count > limit || offset > limit - count) {
        fail(MAMBA_INVALID_ARGUMENT, what, " [", offset, ", +", count, ") of session ", session, " lie outside of the ", limit, " given");
    }
}

EngineOptions checked_options(const mamba_engine_options& theirs) {
    if (theirs.device_kind != MAMBA_DEVICE_CUDA && (theirs.device_kind != MAMBA_DEVICE_CPU || theirs.device_index != 0)) {
        fail(MAMBA_NOT_FOUND, "there is no device of kind ", theirs.device_kind, " with index ", theirs.device_index, "; the cpu is kind 0, index 0");
    }
    if (theirs.isa < MAMBA_ISA_AUTO || theirs.isa > MAMBA_ISA_NEON) fail(MAMBA_INVALID_ARGUMENT, "isa ", theirs.isa, " is no mamba_isa");
    EngineOptions options;
    options.device_kind = static_cast<mamba_device_kind>(theirs.device_kind);
    options.device_index = theirs.device_index;
    options.isa = static_cast<mamba_isa>(theirs.isa);
    options.threads = theirs.thread_count;
    options.max_batch_tokens = theirs.max_batch_tokens;
    options.rollback_tokens = theirs.rollback_tokens;
    return options;
}

}  // namespace

mamba_engine* mamba_engine_new(mamba_model* model, const mamba_engine_options* options, mamba_status* status) {
    return api::handle(status, [&] {
        const mamba_engine_options theirs = api::read_struct(options, "options");
        const EngineOptions ours = checked_options(theirs);
        std::shared_ptr<const Model> weights = api::require(model, "model").weights();
        if (theirs.weight_type != MAMBA_WEIGHT_AS_STORED) {
            weights = convert_model(std::move(weights), static_cast<WeightType>(theirs.weight_type));
        }
        return new mamba_engine{std::make_shared<Engine>(std::move(weights), ours)};
    });
}

void mamba_engine_free(mamba_engine* engine) { delete engine; }

int32_t mamba_engine_get_info(const mamba_engine* engine, mamba_engine_info* info, mamba_status* status) {
    return api::result(status, [&] {
        const Engine& e = *api::require(engine, "engine").engine;
        mamba_engine_info ours{};
        ours.device_kind = e.device_kind();
        ours.device_index = e.device_index();
        ours.isa = e.isa();
        ours.thread_count = e.threads();
        ours.max_batch_tokens = static_cast<int32_t>(e.max_batch_tokens());
        ours.rollback_tokens = static_cast<int32_t>(e.rollback_tokens());
        ours.memory_bytes = e.memory_bytes();
        ours.evaluations = e.evaluations();
        ours.tokens_evaluated = e.tokens_evaluated();
        api::write_struct(info, ours, "info");
    });
}

int32_t mamba_engine_evaluate(mamba_engine* engine, const mamba_batch* batch, const mamba_batch_item* items, const int32_t* tokens,
                              const uint32_t* masks, float* logits, mamba_top_entry* top, mamba_cancellation* cancellation,
                              mamba_status* status) {
    return api::result(status, [&] {
        Engine& e = *api::require(engine, "engine").engine;
        const mamba_batch b = api::read_struct(batch, "batch");
        if (b.token_count > 0) api::require(tokens, "tokens");
        if (b.logits_capacity > 0) api::require(logits, "logits");
        if (b.top_k < 0 || b.mask_words < 0) fail(MAMBA_INVALID_ARGUMENT, "top_k is ", b.top_k, " and mask_words ", b.mask_words, "; neither may be negative");
        if (b.top_k > 0) api::require(top, "top");
        if (b.mask_words > 0) api::require(masks, "masks");
        const int64_t logits_rows = b.logits_capacity / e.model().config.padded_vocab_size;
        const int64_t top_rows = b.top_k > 0 ? b.top_capacity / b.top_k : 0;

        std::vector<BatchItem> work;
        for (const mamba_batch_item& item : read_items(items, b.item_count, b.item_size)) {
            check_rows(item.token_offset, item.token_count, b.token_count, "tokens", item.session);
            if (b.logits_capacity > 0) check_rows(item.logits_offset, item.logits_count, logits_rows, "rows of logits", item.session);
            if (b.top_k > 0) check_rows(item.top_offset, item.logits_count, top_rows, "rows of top entries", item.session);
            work.push_back({e.find_session(item.session), tokens + item.token_offset, item.token_count, item.logits_count, item.logits_offset,
                            item.top_offset});
        }
        BatchOutput output;
        output.logits = b.logits_capacity > 0 ? logits : nullptr;
        output.top = b.top_k > 0 ? top : nullptr;
        output.top_k = b.top_k;
        output.masks = b.mask_words > 0 ? masks : nullptr;
        output.mask_words = b.mask_words;
        e.evaluate(work, output, cancellation == nullptr ? nullptr : &cancellation->cancellation);
    });
}

double mamba_engine_measure_bandwidth(mamba_engine* engine, mamba_status* status) {
    return api::guard(
        status, [&]() -> double { return api::require(engine, "engine").engine->measure_bandwidth(); }, [](mamba_result) { return 0.0; });
}
