// Where a test takes many times as long as in the optimised build, which repeats what it does more often.
#pragma once

#include "base/platform.h"

namespace mamba::test {

// Under a sanitizer or an emulator.
#if defined(MAMBA_SANITIZED) || !MAMBA_X64
inline constexpr bool runs_slowly = true;
#else
inline constexpr bool runs_slowly = false;
#endif

}  // namespace mamba::test
