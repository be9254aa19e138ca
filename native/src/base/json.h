// JSON as checkpoints hold it: RFC 8259, and the bare Infinity, -Infinity and NaN that Python writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mamba {

struct Json {
    enum class Kind { null, boolean, integer, real, text, array, object };

    Kind kind = Kind::null;
    bool boolean = false;
    int64_t integer = 0;   // Kind::integer
    double real = 0;       // Kind::integer and Kind::real
    std::string text;
    std::vector<Json> items;        // of an array; of an object, each with its key
    std::vector<std::string> keys;  // of an object: in the file's order, every key once

    bool is(Kind wanted) const noexcept { return kind == wanted; }
    bool is_number() const noexcept { return kind == Kind::integer || kind == Kind::real; }
    // The member of that name, or nullptr (also where this is no object).
    const Json* find(std::string_view key) const noexcept;
};

// `file` names the text in messages. Throws MAMBA_BAD_FORMAT with the line; more than 64 levels of nesting are refused.
Json parse_json(const std::string& file, std::string_view text);

}  // namespace mamba
