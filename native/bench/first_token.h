// From the start of a process to its first token.
#pragma once

namespace mamba::bench {

// Loads the model through the C API, reads a prompt of 16 tokens and takes the next. Returns the process's exit code.
int take_first_token(const char* model);

}  // namespace mamba::bench
