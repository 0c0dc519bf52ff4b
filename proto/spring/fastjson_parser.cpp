#include <optional>

#include "proto/json/json_cursor.hpp"
#include "proto/json/json_scan.hpp"
#include "proto/json/json_text.hpp"
#include "proto/spring/fastjson_tree.hpp"
#include "proto/text/ascii.hpp"
#include "proto/text/hex.hpp"

namespace wsidecar::proto {
namespace {

using node_kind = fastjson_node::kind_type;
constexpr std::uint32_t none = fastjson_node::none;

bool is_hex(char c) {
    return hex_value(c) >= 0;
}

bool in_identifier(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || is_digit(c) || c == '_' || c == '$' || c == '@' ||
           (c & 0x80) != 0;
}

class fastjson_parser {
public:
    fastjson_parser(std::string_view s, int max_depth, fastjson_tree& to) : s_(s), max_depth_(max_depth), tree_(to) {}

    bool run() {
        space();
        if (!value(none, {}, 0)) {
            return false;
        }
        space();
        return at_ == s_.size();
    }

private:
    char peek() const { return at_ < s_.size() ? s_[at_] : '\0'; }
    char space() {
        while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') {
            ++at_;
        }
        return peek();
    }
    bool eat(char c) {
        if (peek() != c) {
            return false;
        }
        ++at_;
        return true;
    }
    /// The word, and no longer one.
    bool word(std::string_view w) {
        const std::size_t end = at_ + w.size();
        if (s_.substr(at_, w.size()) != w || (end < s_.size() && in_identifier(s_[end]) && in_identifier(w.back()))) {
            return false;
        }
        at_ = end;
        return true;
    }
    std::string_view since(std::size_t start) const { return s_.substr(start, at_ - start); }

    std::uint32_t add(node_kind kind, std::uint32_t parent, std::string_view key, std::string_view text = {}) {
        const auto me = static_cast<std::uint32_t>(tree_.nodes.size());
        tree_.nodes.push_back({text, key, parent, me + 1, kind});
        return me;
    }

    bool value(std::uint32_t parent, std::string_view key, int depth) {
        switch (peek()) {
            case '{': return object(parent, key, depth);
            case '[': return array(parent, key, depth);
            case '"':
            case '\'': {
                const auto raw = string();
                if (raw) {
                    add(node_kind::string, parent, key, *raw);
                }
                return raw.has_value();
            }
            default: break;
        }
        if (peek() == '-' || is_digit(peek())) {
            const auto digits = number();
            if (digits) {
                add(node_kind::token, parent, key, *digits);
            }
            return digits.has_value();
        }
        const std::size_t start = at_;
        if (word("true") || word("false") || word("null")) {
            add(node_kind::token, parent, key, since(start));
            return true;
        }
        tree_.changed = true;
        if (word("NaN") || word("undefined")) {
            add(node_kind::null, parent, key);
            return true;
        }
        if (word("Set") || word("TreeSet") || word("HashSet")) {
            return space() == '[' && array(parent, key, depth);
        }
        return word("new") ? date(parent, key) : word("x'") && bytes(parent, key);
    }

    /// new Date(n)
    bool date(std::uint32_t parent, std::string_view key) {
        space();
        if (!word("Date") || space() != '(') {
            return false;
        }
        ++at_;
        space();
        const auto digits = number();
        if (!digits || space() != ')') {
            return false;
        }
        ++at_;
        add(node_kind::token, parent, key, *digits);
        return true;
    }

    /// x'0AFF'
    bool bytes(std::uint32_t parent, std::string_view key) {
        const std::size_t start = at_;
        while (is_hex(peek())) {
            ++at_;
        }
        const auto digits = since(start);
        add(node_kind::bytes, parent, key, digits);
        return digits.size() % 2 == 0 && eat('\'');
    }

    bool array(std::uint32_t parent, std::string_view key, int depth) {
        if (depth >= max_depth_) {
            tree_.deep = true;
            return false;
        }
        const auto me = add(node_kind::array, parent, key);
        ++at_;
        if (space() != ']') {
            do {
                space();
                if (!value(me, {}, depth + 1)) {
                    return false;
                }
                space();
            } while (eat(','));
        }
        tree_.nodes[me].end = static_cast<std::uint32_t>(tree_.nodes.size());
        return eat(']');
    }

    bool object(std::uint32_t parent, std::string_view key, int depth) {
        if (depth >= max_depth_) {
            tree_.deep = true;
            return false;
        }
        const auto me = add(node_kind::object, parent, key);
        ++at_;
        if (space() != '}') {
            do {
                space();
                if (!member(me, depth)) {
                    return false;
                }
                space();
            } while (eat(','));
        }
        if (tree_.nodes.size() == me + 2 && tree_.nodes.back().kind == node_kind::string &&
            fastjson_text_of(tree_.nodes.back().key) == "$ref") {
            tree_.nodes[me].kind = node_kind::reference;
            tree_.nodes[me].text = tree_.nodes.back().text;
            tree_.nodes.pop_back();
            tree_.changed = true;
        }
        tree_.nodes[me].end = static_cast<std::uint32_t>(tree_.nodes.size());
        return eat('}');
    }

    bool member(std::uint32_t me, int depth) {
        const auto name = key();
        if (!name || space() != ':') {
            return false;
        }
        ++at_;
        space();
        if (name->size() <= 7 && fastjson_text_of(*name) == "@type" && (peek() == '"' || peek() == '\'')) {
            const auto type = string();
            tree_.nodes[me].java = type && type->substr(1).starts_with("java.");
            tree_.typed = tree_.changed = true;
            return type.has_value();
        }
        return value(me, *name, depth + 1);
    }

    /// Quoted either way, a number (without its suffix) or a bare word.
    std::optional<std::string_view> key() {
        if (peek() == '"' || peek() == '\'') {
            return string();
        }
        tree_.changed = true;
        if (peek() == '-' || is_digit(peek())) {
            return number();
        }
        const std::size_t start = at_;
        while (in_identifier(peek())) {
            ++at_;
        }
        return at_ == start ? std::nullopt : std::optional(since(start));
    }

    std::optional<std::string_view> string() {
        const std::size_t start = at_;
        const char quote = s_[at_++];
        tree_.changed = tree_.changed || quote == '\'';
        while (at_ < s_.size()) {
            const char c = s_[at_++];
            if (c == quote) {
                return since(start);
            }
            if (c == '\\' && !escape()) {
                return std::nullopt;
            }
            tree_.changed = tree_.changed || static_cast<unsigned char>(c) < 0x20;
        }
        return std::nullopt;
    }

    bool escape() {
        const char c = peek();
        ++at_;
        if (c == 'u' || c == 'x') {
            for (int left = c == 'u' ? 4 : 2; left > 0; --left) {
                if (!is_hex(peek())) {
                    return false;
                }
                ++at_;
            }
        }
        const bool own = c == '\'' || c == 'v' || c == 'x' || (c >= '0' && c <= '7');
        tree_.changed = tree_.changed || own;
        return own || c == 'u' || (c != '\0' && std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos);
    }

    /// A number of JSON; a suffix behind it is read and left out.
    std::optional<std::string_view> number() {
        const std::size_t start = at_;
        json_cursor cursor(s_.substr(at_));
        if ((peek() != '-' && !is_digit(peek())) || !cursor.scalar()) {
            return std::nullopt;
        }
        at_ += cursor.at();
        const auto digits = since(start);
        if (std::string_view("LSBFD").find(peek()) != std::string_view::npos && peek() != '\0') {
            ++at_;
            tree_.changed = true;
        }
        return digits;
    }

    std::string_view s_;
    std::size_t at_ = 0;
    int max_depth_;
    fastjson_tree& tree_;
};

}  // namespace

void append_fastjson_string(std::string& out, std::string_view raw) {
    out += '"';
    for (std::size_t i = 1; i + 1 < raw.size(); ++i) {
        const char c = raw[i];
        if (c == '"') {
            out += "\\\"";
        } else if (static_cast<unsigned char>(c) < 0x20) {
            append_json_escape(out, static_cast<unsigned char>(c));
        } else if (c != '\\') {
            out += c;
        } else if (const char e = raw[++i]; e == '\'') {
            out += e;
        } else if (e == 'v') {
            append_json_escape(out, 0x0B);
        } else if (e >= '0' && e <= '7') {
            append_json_escape(out, static_cast<unsigned char>(e - '0'));
        } else if (e == 'x') {
            append_json_escape(out, static_cast<std::uint32_t>(hex_value(raw[i + 1]) * 16 + hex_value(raw[i + 2])));
            i += 2;
        } else {
            out += c;
            out += e;
        }
    }
    out += '"';
}

std::string fastjson_text_of(std::string_view raw) {
    if (raw.front() != '"' && raw.front() != '\'') {
        return std::string(raw);
    }
    std::string json;
    append_fastjson_string(json, raw);
    return json_string(json).value_or(std::string{});
}

bool parse_fastjson(std::string_view text, int max_depth, fastjson_tree& to) {
    return fastjson_parser(text, max_depth, to).run();
}

}  // namespace wsidecar::proto
