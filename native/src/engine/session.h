// One conversation: a state, and what it takes to undo its last tokens.
#pragma once

#include <cstdint>
#include <memory>

#include "state/history.h"
#include "state/state.h"

namespace mamba {

class Engine;

struct Session {
    Session(std::shared_ptr<Engine> owner, State initial, History past);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    const std::shared_ptr<Engine> engine;
    const uint64_t id;
    State state;
    History history;
};

}  // namespace mamba
