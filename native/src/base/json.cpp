#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/error.h"
#include "base/text.h"

namespace mamba {
namespace {

constexpr int deepest = 64;
// A value takes fifty times the memory of the shortest text that makes one; real files hold some ten thousand.
constexpr int most_values = 1 << 20;

class Parser {
public:
    Parser(const std::string& file, std::string_view text) : file_(file), text_(text) {}

    Json document() {
        if (text_.substr(0, 3) == "\xef\xbb\xbf") position_ = 3;  // byte order mark
        Json root = value(0);
        skip_space();
        if (position_ != text_.size()) refuse("text after the end of the document");
        return root;
    }

private:
    [[noreturn]] void refuse(const std::string& what) const {
        const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(position_), '\n');
        fail(MAMBA_BAD_FORMAT, quote(file_), " is not valid JSON: ", what, " (line ", line, ")");
    }

    void skip_space() {
        while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\t' || text_[position_] == '\n' || text_[position_] == '\r')) {
            ++position_;
        }
    }

    bool accept(std::string_view word) {
        if (text_.substr(position_, word.size()) != word) return false;
        position_ += word.size();
        return true;
    }

    void expect(char c) {
        skip_space();
        if (!accept({&c, 1})) refuse(std::string("expected '") + c + "'");
    }

    Json value(int depth) {
        if (depth > deepest) refuse("more than 64 levels of nesting");
        if (++values_ > most_values) refuse("more than 1048576 values");
        skip_space();
        Json json;
        if (position_ == text_.size()) refuse("the text ends where a value should stand");
        switch (text_[position_]) {
            case '{': object(json, depth); return json;
            case '[': array(json, depth); return json;
            case '"':
                json.kind = Json::Kind::text;
                json.text = string();
                return json;
            default: break;
        }
        if (accept("null")) return json;
        if (accept("true") || accept("false")) {
            json.kind = Json::Kind::boolean;
            json.boolean = text_[position_ - 2] == 'u';
            return json;
        }
        json.kind = Json::Kind::real;
        if (accept("Infinity")) {
            json.real = std::numeric_limits<double>::infinity();
        } else if (accept("-Infinity")) {
            json.real = -std::numeric_limits<double>::infinity();
        } else if (accept("NaN")) {
            json.real = std::numeric_limits<double>::quiet_NaN();
        } else {
            number(json);
        }
        return json;
    }

    void object(Json& json, int depth) {
        json.kind = Json::Kind::object;
        ++position_;
        skip_space();
        if (accept("}")) return;
        for (;;) {
            skip_space();
            if (position_ == text_.size() || text_[position_] != '"') refuse("expected a key in quotes");
            json.keys.push_back(string());
            expect(':');
            json.items.push_back(value(depth + 1));
            skip_space();
            if (accept("}")) break;
            expect(',');
        }
        std::vector<std::string_view> keys(json.keys.begin(), json.keys.end());
        std::sort(keys.begin(), keys.end());
        const auto twice = std::adjacent_find(keys.begin(), keys.end());
        if (twice != keys.end()) refuse("the key " + quote(*twice) + " appears twice in one object");
    }

    void array(Json& json, int depth) {
        json.kind = Json::Kind::array;
        ++position_;
        skip_space();
        if (accept("]")) return;
        for (;;) {
            json.items.push_back(value(depth + 1));
            skip_space();
            if (accept("]")) return;
            expect(',');
        }
    }

    void number(Json& json) {
        const char* first = text_.data() + position_;
        const char* last = text_.data() + text_.size();
        const char* digits = first != last && *first == '-' ? first + 1 : first;
        if (digits == last || *digits < '0' || *digits > '9') refuse("expected a value");
        const auto [end, error] = std::from_chars(first, last, json.real);
        if (error == std::errc::result_out_of_range) refuse("a number is too large or too small");
        if (error != std::errc()) refuse("expected a value");
        const auto whole = std::from_chars(first, last, json.integer);
        if (whole.ec == std::errc() && whole.ptr == end) json.kind = Json::Kind::integer;
        position_ += static_cast<size_t>(end - first);
    }

    uint32_t code_unit() {
        uint32_t unit = 0;
        const char* first = text_.data() + position_;
        if (text_.size() - position_ < 4) refuse("a \\u escape is cut short");
        const auto [end, error] = std::from_chars(first, first + 4, unit, 16);
        if (error != std::errc() || end != first + 4) refuse("a \\u escape is not four hexadecimal digits");
        position_ += 4;
        return unit;
    }

    void append_escape(std::string& out) {
        if (position_ == text_.size()) refuse("a string is not closed");
        const char c = text_[position_++];
        switch (c) {
            case '"': case '\\': case '/': out += c; return;
            case 'b': out += '\b'; return;
            case 'f': out += '\f'; return;
            case 'n': out += '\n'; return;
            case 'r': out += '\r'; return;
            case 't': out += '\t'; return;
            case 'u': break;
            default: refuse("an unknown escape in a string");
        }
        uint32_t code = code_unit();
        if (code >= 0xd800 && code < 0xdc00 && accept("\\u")) {
            const uint32_t low = code_unit();
            if (low < 0xdc00 || low > 0xdfff) refuse("half a surrogate pair in a string");
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        } else if (code >= 0xd800 && code <= 0xdfff) {
            refuse("half a surrogate pair in a string");
        }
        const auto byte = [&](uint32_t bits) { out += static_cast<char>(bits); };
        if (code < 0x80) {
            byte(code);
        } else if (code < 0x800) {
            byte(0xc0 | (code >> 6));
            byte(0x80 | (code & 0x3f));
        } else if (code < 0x10000) {
            byte(0xe0 | (code >> 12));
            byte(0x80 | ((code >> 6) & 0x3f));
            byte(0x80 | (code & 0x3f));
        } else {
            byte(0xf0 | (code >> 18));
            byte(0x80 | ((code >> 12) & 0x3f));
            byte(0x80 | ((code >> 6) & 0x3f));
            byte(0x80 | (code & 0x3f));
        }
    }

    std::string string() {
        std::string out;
        for (++position_;;) {
            if (position_ == text_.size()) refuse("a string is not closed");
            const char c = text_[position_++];
            if (c == '"') return out;
            if (c == '\\') {
                append_escape(out);
            } else {
                if (static_cast<unsigned char>(c) < 0x20) refuse("a control character in a string");
                out += c;
            }
        }
    }

    const std::string& file_;
    std::string_view text_;
    size_t position_ = 0;
    int values_ = 0;
};

}  // namespace

const Json* Json::find(std::string_view key) const noexcept {
    const auto place = std::find(keys.begin(), keys.end(), key);
    return place == keys.end() ? nullptr : &items[static_cast<size_t>(place - keys.begin())];
}

Json parse_json(const std::string& file, std::string_view text) { return Parser(file, text).document(); }

}  // namespace mamba
