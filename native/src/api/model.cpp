// Models.
#include <algorithm>
#include <mutex>
#include <utility>

#include "api/guard.h"
#include "api/handles.h"
#include "state/layout.h"

using namespace mamba;

namespace {

// Random weights that the first who asks takes away. Engines of one model may be made at the same time.
struct DrawnOnce {
    explicit DrawnOnce(std::shared_ptr<const Model> m) : model(std::move(m)) {}

    std::shared_ptr<const Model> take() {
        const std::lock_guard lock(mutex);
        return std::exchange(model, nullptr);
    }

    std::mutex mutex;
    std::shared_ptr<const Model> model;
};

}  // namespace

mamba_model* mamba_model_open(const uint8_t* path, size_t path_length, mamba_status* status) {
    return api::handle(status, [&] {
        const std::shared_ptr<const Model> model = open_model(api::path(path, path_length));
        return new mamba_model{model, [model] { return model; }};
    });
}

mamba_model* mamba_model_random(const mamba_shape* shape, mamba_status* status) {
    return api::handle(status, [&] {
        const mamba_shape ours = api::read_struct(shape, "shape");
        const auto drawn = std::make_shared<DrawnOnce>(random_model(ours));
        return new mamba_model{std::make_shared<ModelFacts>(*drawn->model), [ours, drawn] {
            std::shared_ptr<const Model> first = drawn->take();
            return first != nullptr ? first : random_model(ours);
        }};
    });
}

void mamba_model_free(mamba_model* model) { delete model; }

int32_t mamba_model_get_info(const mamba_model* model, mamba_model_info* info, mamba_status* status) {
    return api::result(status, [&] {
        const ModelFacts& m = *api::require(model, "model").facts;
        const ModelConfig& c = m.config;
        mamba_model_info ours{};
        ours.architecture = c.architecture;
        ours.weight_type = static_cast<int32_t>(m.weight_type);
        ours.layer_count = static_cast<int32_t>(c.layer_count());
        ours.d_model = static_cast<int32_t>(c.d_model);
        ours.d_inner = static_cast<int32_t>(c.d_inner);
        ours.d_state = static_cast<int32_t>(c.d_state);
        ours.d_conv = static_cast<int32_t>(c.d_conv);
        ours.dt_rank = static_cast<int32_t>(c.dt_rank);
        ours.head_count = static_cast<int32_t>(c.head_count);
        ours.head_dim = static_cast<int32_t>(c.head_dim);
        ours.group_count = static_cast<int32_t>(c.group_count);
        ours.vocab_size = static_cast<int32_t>(c.vocab_size);
        ours.padded_vocab_size = static_cast<int32_t>(c.padded_vocab_size);
        ours.tied_embeddings = c.tied_embeddings ? 1 : 0;
        ours.training_length = c.training_length;
        ours.parameter_count = m.parameter_count;
        ours.weight_bytes = m.weight_bytes;
        ours.state_bytes = StateLayout(c).bytes();
        std::copy(m.fingerprint.begin(), m.fingerprint.end(), ours.fingerprint);
        api::write_struct(info, ours, "info");
    });
}

int64_t mamba_model_metadata_count(const mamba_model* model) {
    return model == nullptr ? 0 : static_cast<int64_t>(model->facts->metadata.size());
}

int32_t mamba_model_get_metadata_key(const mamba_model* model, int64_t index, uint8_t* key, size_t capacity, size_t* length,
                                     mamba_status* status) {
    return api::result(status, [&] {
        const auto& metadata = api::require(model, "model").facts->metadata;
        if (index < 0 || index >= static_cast<int64_t>(metadata.size())) {
            fail(MAMBA_NOT_FOUND, "there is no metadata key ", index, "; there are ", metadata.size());
        }
        const std::string& found = metadata[static_cast<size_t>(index)].key;
        api::write_bytes(found.data(), found.size(), key, capacity, length, "the key");
    });
}

int32_t mamba_model_get_metadata(const mamba_model* model, const uint8_t* key, size_t key_length, uint8_t* value, size_t capacity,
                                 size_t* length, mamba_status* status) {
    return api::result(status, [&] {
        const auto& metadata = api::require(model, "model").facts->metadata;
        const std::string wanted = api::text(key, key_length, "key");
        const auto found = std::find_if(metadata.begin(), metadata.end(), [&](const MetadataEntry& entry) { return entry.key == wanted; });
        if (found == metadata.end()) fail(MAMBA_NOT_FOUND, "the model has no metadata key '", wanted, "'");
        api::write_bytes(found->value.data(), found->value.size(), value, capacity, length, "the value");
    });
}

int32_t mamba_model_write(const mamba_model* model, const uint8_t* path, size_t path_length, int32_t weight_type, const uint8_t* metadata,
                          size_t metadata_length, mamba_progress progress, uint64_t context, mamba_status* status) {
    return api::result(status, [&] {
        const std::shared_ptr<const Model> weights = api::require(model, "model").weights();
        if (metadata_length != 0) api::require(metadata, "metadata");
        write_gguf(*weights, api::path(path, path_length), static_cast<WeightType>(weight_type),
                   reinterpret_cast<const std::byte*>(metadata), metadata_length, WriteProgress{progress, context});
    });
}
