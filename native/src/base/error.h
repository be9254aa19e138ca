// What went wrong, as a status code of the C ABI and one sentence that names the thing and the way out.
#pragma once

#include <exception>
#include <sstream>
#include <string>
#include <utility>

#include "mamba/c_api.h"

namespace mamba {

// Thrown inside the core, turned into a mamba_status at the border (api/guard.h). Never crosses it.
class Error : public std::exception {
public:
    Error(mamba_result code, std::string message) : code_(code), message_(std::move(message)) {}
    mamba_result code() const noexcept { return code_; }
    const std::string& message() const noexcept { return message_; }
    const char* what() const noexcept override { return message_.c_str(); }

private:
    mamba_result code_;
    std::string message_;
};

// fail(MAMBA_BAD_FORMAT, "tensor '", name, "' ends past the file"): every part that an ostream prints.
template <typename... Parts>
[[noreturn]] void fail(mamba_result code, const Parts&... parts) {
    std::ostringstream text;
    (text << ... << parts);
    throw Error(code, text.str());
}

}  // namespace mamba
