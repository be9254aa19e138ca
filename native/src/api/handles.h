// What the opaque handles of the C ABI hold. A child holds its parent, so they may be freed in any order.
#pragma once

#include <functional>
#include <memory>

#include "engine/engine.h"
#include "mamba/c_api.h"
#include "model/model.h"

struct mamba_model {
    std::shared_ptr<const mamba::ModelFacts> facts;
    // Of a file always the same; of random weights each engine and writer gets its own, to do with as it likes.
    std::function<std::shared_ptr<const mamba::Model>()> weights;
};

struct mamba_engine {
    std::shared_ptr<mamba::Engine> engine;
};

struct mamba_session {
    std::shared_ptr<mamba::Session> session;
};

struct mamba_cancellation {
    mamba::Cancellation cancellation;
};
