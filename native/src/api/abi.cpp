// Version, layout and cancellation.
#include <string>

#include "api/guard.h"
#include "api/handles.h"

using namespace mamba;

namespace {

struct LayoutText {
    std::string text;
    void line(const char* type, const char* field, size_t offset, size_t size) {
        text += std::string(type) + " " + field + " " + std::to_string(offset) + " " + std::to_string(size) + "\n";
    }
};

#define STRUCT(type) layout.line(#type, "*", 0, sizeof(type))
#define FIELD(type, field) layout.line(#type, #field, offsetof(type, field), sizeof(type::field))

std::string abi_layout() {
    LayoutText layout;
    STRUCT(mamba_status);
    FIELD(mamba_status, struct_size);
    FIELD(mamba_status, code);
    FIELD(mamba_status, message_length);
    FIELD(mamba_status, message);
    STRUCT(mamba_device_info);
    FIELD(mamba_device_info, struct_size);
    FIELD(mamba_device_info, kind);
    FIELD(mamba_device_info, index);
    FIELD(mamba_device_info, usable);
    FIELD(mamba_device_info, isa);
    FIELD(mamba_device_info, compute_capability);
    FIELD(mamba_device_info, unit_count);
    FIELD(mamba_device_info, name_length);
    FIELD(mamba_device_info, reason_length);
    FIELD(mamba_device_info, memory_bytes);
    FIELD(mamba_device_info, free_bytes);
    FIELD(mamba_device_info, name);
    FIELD(mamba_device_info, reason);
    STRUCT(mamba_model_info);
    FIELD(mamba_model_info, struct_size);
    FIELD(mamba_model_info, architecture);
    FIELD(mamba_model_info, weight_type);
    FIELD(mamba_model_info, layer_count);
    FIELD(mamba_model_info, d_model);
    FIELD(mamba_model_info, d_inner);
    FIELD(mamba_model_info, d_state);
    FIELD(mamba_model_info, d_conv);
    FIELD(mamba_model_info, dt_rank);
    FIELD(mamba_model_info, head_count);
    FIELD(mamba_model_info, head_dim);
    FIELD(mamba_model_info, group_count);
    FIELD(mamba_model_info, vocab_size);
    FIELD(mamba_model_info, padded_vocab_size);
    FIELD(mamba_model_info, tied_embeddings);
    FIELD(mamba_model_info, training_length);
    FIELD(mamba_model_info, parameter_count);
    FIELD(mamba_model_info, weight_bytes);
    FIELD(mamba_model_info, state_bytes);
    FIELD(mamba_model_info, state_growth_bytes);
    FIELD(mamba_model_info, fingerprint);
    STRUCT(mamba_shape);
    FIELD(mamba_shape, struct_size);
    FIELD(mamba_shape, architecture);
    FIELD(mamba_shape, layer_count);
    FIELD(mamba_shape, d_model);
    FIELD(mamba_shape, d_state);
    FIELD(mamba_shape, d_conv);
    FIELD(mamba_shape, expand);
    FIELD(mamba_shape, head_dim);
    FIELD(mamba_shape, group_count);
    FIELD(mamba_shape, vocab_size);
    FIELD(mamba_shape, weight_type);
    FIELD(mamba_shape, seed);
    STRUCT(mamba_engine_options);
    FIELD(mamba_engine_options, struct_size);
    FIELD(mamba_engine_options, device_kind);
    FIELD(mamba_engine_options, device_index);
    FIELD(mamba_engine_options, isa);
    FIELD(mamba_engine_options, thread_count);
    FIELD(mamba_engine_options, max_batch_tokens);
    FIELD(mamba_engine_options, rollback_tokens);
    FIELD(mamba_engine_options, weight_type);
    STRUCT(mamba_engine_info);
    FIELD(mamba_engine_info, struct_size);
    FIELD(mamba_engine_info, device_kind);
    FIELD(mamba_engine_info, device_index);
    FIELD(mamba_engine_info, isa);
    FIELD(mamba_engine_info, thread_count);
    FIELD(mamba_engine_info, max_batch_tokens);
    FIELD(mamba_engine_info, rollback_tokens);
    FIELD(mamba_engine_info, memory_bytes);
    FIELD(mamba_engine_info, evaluations);
    FIELD(mamba_engine_info, tokens_evaluated);
    STRUCT(mamba_batch_item);
    FIELD(mamba_batch_item, session);
    FIELD(mamba_batch_item, token_offset);
    FIELD(mamba_batch_item, token_count);
    FIELD(mamba_batch_item, logits_count);
    FIELD(mamba_batch_item, logits_offset);
    FIELD(mamba_batch_item, top_offset);
    STRUCT(mamba_batch);
    FIELD(mamba_batch, struct_size);
    FIELD(mamba_batch, item_count);
    FIELD(mamba_batch, item_size);
    FIELD(mamba_batch, reserved);
    FIELD(mamba_batch, token_count);
    FIELD(mamba_batch, logits_capacity);
    FIELD(mamba_batch, top_k);
    FIELD(mamba_batch, mask_words);
    FIELD(mamba_batch, top_capacity);
    STRUCT(mamba_top_entry);
    FIELD(mamba_top_entry, token);
    FIELD(mamba_top_entry, logit);
    STRUCT(mamba_session_info);
    FIELD(mamba_session_info, struct_size);
    FIELD(mamba_session_info, on_device);
    FIELD(mamba_session_info, token_count);
    FIELD(mamba_session_info, state_bytes);
    FIELD(mamba_session_info, rollback_available);
    FIELD(mamba_session_info, token_hash);
    STRUCT(mamba_policy);
    FIELD(mamba_policy, struct_size);
    FIELD(mamba_policy, kind);
    FIELD(mamba_policy, window);
    FIELD(mamba_policy, retention);
    FIELD(mamba_policy, insertion);
    FIELD(mamba_policy, norm_scale);
    FIELD(mamba_policy, layer_value_count);
    STRUCT(mamba_head_statistics);
    FIELD(mamba_head_statistics, norm);
    FIELD(mamba_head_statistics, variance);
    FIELD(mamba_head_statistics, max_abs);
    FIELD(mamba_head_statistics, rms);
    FIELD(mamba_head_statistics, retention);
    FIELD(mamba_head_statistics, horizon);
    FIELD(mamba_head_statistics, log_retention);
    return layout.text;
}

#undef FIELD
#undef STRUCT

}  // namespace

int32_t mamba_abi_version(void) { return 1; }

int32_t mamba_abi_layout(uint8_t* text, size_t capacity, size_t* length, mamba_status* status) {
    return api::result(status, [&] {
        const std::string layout = abi_layout();
        api::write_bytes(layout.data(), layout.size(), text, capacity, length, "the layout");
    });
}

mamba_cancellation* mamba_cancellation_new(mamba_status* status) {
    return api::handle(status, [] { return new mamba_cancellation(); });
}

void mamba_cancellation_request(mamba_cancellation* cancellation) {
    if (cancellation != nullptr) cancellation->cancellation.requested.store(true, std::memory_order_relaxed);
}

void mamba_cancellation_free(mamba_cancellation* cancellation) { delete cancellation; }
