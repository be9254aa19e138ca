#include "engine/session.h"

#include <atomic>

#include "engine/engine.h"

namespace mamba {
namespace {

uint64_t next_id() {
    static std::atomic<uint64_t> last{0};
    return ++last;
}

}  // namespace

Session::Session(std::shared_ptr<Engine> owner, State initial, History past)
    : engine(std::move(owner)), id(next_id()), state(std::move(initial)), history(std::move(past)) {}

Session::~Session() { engine->remove(id); }

}  // namespace mamba
