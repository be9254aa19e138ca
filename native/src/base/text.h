// Names from files, made fit for a message.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mamba {

// 'name', with control characters shown as '?' and what is longer than 120 bytes cut.
inline std::string quote(std::string_view name) {
    constexpr size_t longest = 120;
    std::string text = "'";
    for (const char c : name.substr(0, longest)) text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    if (name.size() > longest) text += "...";
    return text += '\'';
}

}  // namespace mamba
