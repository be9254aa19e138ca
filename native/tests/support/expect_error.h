// That something fails with a code and a message that says certain things.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/error.h"

namespace mamba::test {

template <typename Action>
void expect_error(mamba_result code, std::initializer_list<std::string_view> parts, const Action& action) {
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << error.message();
        for (const std::string_view part : parts) {
            EXPECT_NE(error.message().find(part), std::string::npos) << "'" << part << "' is not in: " << error.message();
        }
        return;
    }
    ADD_FAILURE() << "no error, but one with '" << (parts.size() != 0 ? *parts.begin() : "") << "' was expected";
}

}  // namespace mamba::test
