#include "proto/spring/fastjson.hpp"

#include <charconv>
#include <cstdint>
#include <optional>
#include <vector>

#include "proto/json/json_scan.hpp"
#include "proto/text/base64.hpp"

namespace wsidecar::proto {
namespace {

constexpr problem not_fastjson{"not_fastjson", "neither JSON nor what fastjson writes with WriteClassName"};
constexpr problem too_deep{"too_deep", "objects and arrays stand in each other deeper than the limit"};
constexpr problem output_too_large{"output_too_large", "written out, the references make more text than the limit"};
constexpr problem too_many_references{"too_many_references", "following the references takes too long"};

constexpr std::uint32_t none = 0xFFFFFFFF;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_hex(char c) {
    const char lower = static_cast<char>(c | 0x20);
    return is_digit(c) || (lower >= 'a' && lower <= 'f');
}

bool in_identifier(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || is_digit(c) || c == '_' || c == '$' || c == '@' ||
           (c & 0x80) != 0;
}

char hex_byte(char high, char low) {
    const auto digit = [](char c) { return static_cast<unsigned>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10); };
    return static_cast<char>(digit(high) << 4U | digit(low));
}

/// A byte that JSON can't have in a string as it is.
void write_control(std::string& out, unsigned char c) {
    static constexpr char hex[] = "0123456789abcdef";
    out += "\\u00";
    out += hex[c >> 4U];
    out += hex[c & 15U];
}

/// A string of fastjson (either kind of quotes around it, escapes checked) as a string of JSON.
void write_string(std::string& out, std::string_view raw) {
    out += '"';
    for (std::size_t i = 1; i + 1 < raw.size(); ++i) {
        const char c = raw[i];
        if (c == '"') {
            out += "\\\"";
        } else if (static_cast<unsigned char>(c) < 0x20) {
            write_control(out, static_cast<unsigned char>(c));
        } else if (c != '\\') {
            out += c;
        } else if (const char e = raw[++i]; e == '\'') {
            out += e;
        } else if (e == 'v') {
            write_control(out, 0x0B);
        } else if (e >= '0' && e <= '7') {
            write_control(out, static_cast<unsigned char>(e - '0'));
        } else if (e == 'x') {
            write_control(out, static_cast<unsigned char>(hex_byte(raw[i + 1], raw[i + 2])));
            i += 2;
        } else {
            out += c;
            out += e;
        }
    }
    out += '"';
}

/// What a string or a key stands for.
std::string text_of(std::string_view raw) {
    if (raw.front() != '"' && raw.front() != '\'') {
        return std::string(raw);
    }
    std::string json;
    write_string(json, raw);
    return json_string(json).value_or(std::string{});
}

enum class node_kind : std::uint8_t { token, string, bytes, null, object, array, reference };

/// A value; those inside follow it. Slices of the text.
struct node {
    std::string_view text;  ///< token, string, bytes: itself; reference: its path, with quotes
    std::string_view key;   ///< in an object
    std::uint32_t parent = none;
    std::uint32_t end = 0;  ///< the first node behind this one and all that is in it
    node_kind kind = node_kind::null;
    bool java = false;  ///< an object of a class in java.*
    bool open = false;  ///< being written right now
};

class fastjson_parser {
public:
    fastjson_parser(std::string_view s, int max_depth) : s_(s), max_depth_(max_depth) {}

    bool run() {
        space();
        if (!value(none, {}, 0)) {
            return false;
        }
        space();
        return at_ == s_.size();
    }

    std::vector<node> nodes;
    bool typed = false;
    bool changed = false;
    bool deep = false;

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
        const auto me = static_cast<std::uint32_t>(nodes.size());
        nodes.push_back({text, key, parent, me + 1, kind});
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
        changed = true;
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
            deep = true;
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
        nodes[me].end = static_cast<std::uint32_t>(nodes.size());
        return eat(']');
    }

    bool object(std::uint32_t parent, std::string_view key, int depth) {
        if (depth >= max_depth_) {
            deep = true;
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
        if (nodes.size() == me + 2 && nodes.back().kind == node_kind::string && text_of(nodes.back().key) == "$ref") {
            nodes[me].kind = node_kind::reference;
            nodes[me].text = nodes.back().text;
            nodes.pop_back();
            changed = true;
        }
        nodes[me].end = static_cast<std::uint32_t>(nodes.size());
        return eat('}');
    }

    bool member(std::uint32_t me, int depth) {
        const auto name = key();
        if (!name || space() != ':') {
            return false;
        }
        ++at_;
        space();
        if (name->size() <= 7 && text_of(*name) == "@type" && (peek() == '"' || peek() == '\'')) {
            const auto type = string();
            nodes[me].java = type && type->substr(1).starts_with("java.");
            typed = changed = true;
            return type.has_value();
        }
        return value(me, *name, depth + 1);
    }

    /// Quoted either way, a number (without its suffix) or a bare word.
    std::optional<std::string_view> key() {
        if (peek() == '"' || peek() == '\'') {
            return string();
        }
        changed = true;
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
        changed = changed || quote == '\'';
        while (at_ < s_.size()) {
            const char c = s_[at_++];
            if (c == quote) {
                return since(start);
            }
            if (c == '\\' && !escape()) {
                return std::nullopt;
            }
            changed = changed || static_cast<unsigned char>(c) < 0x20;
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
        changed = changed || own;
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
            changed = true;
        }
        return digits;
    }

    std::string_view s_;
    std::size_t at_ = 0;
    int max_depth_;
};

class fastjson_writer {
public:
    fastjson_writer(std::vector<node>& nodes, int max_depth, std::size_t max_output)
        : nodes_(nodes), max_depth_(max_depth), max_output_(max_output) {}

    std::optional<problem> run() {
        value(0, 0);
        return failure_;
    }

    std::string out;

private:
    static constexpr std::size_t max_steps = 10'000'000;  ///< nodes and bytes looked at on the way to what references point at

    bool fail(const problem& p) {
        failure_ = p;
        return false;
    }

    bool value(std::uint32_t me, int depth) {
        node& n = nodes_[me];
        if (out.size() > max_output_) {
            return fail(output_too_large);
        }
        if (depth > max_depth_) {
            return fail(too_deep);
        }
        switch (n.kind) {
            case node_kind::token: out += n.text; break;
            case node_kind::string: write_string(out, n.text); break;
            case node_kind::bytes: write_bytes(n.text); break;
            case node_kind::null: out += "null"; break;
            case node_kind::reference: return reference(me, depth);
            case node_kind::array:
            case node_kind::object: return container(me, depth);
        }
        return out.size() <= max_output_ || fail(output_too_large);
    }

    void write_bytes(std::string_view digits) {
        std::string bytes;
        for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
            bytes += hex_byte(digits[i], digits[i + 1]);
        }
        out += '"' + base64_encode(bytes) + '"';
    }

    bool container(std::uint32_t me, int depth) {
        node& n = nodes_[me];
        if (n.java && me + 1 < n.end && nodes_[me + 1].end == n.end && text_of(nodes_[me + 1].key) == "val") {
            return value(me + 1, depth + 1);
        }
        const bool object = n.kind == node_kind::object;
        n.open = true;
        out += object ? '{' : '[';
        for (std::uint32_t i = me + 1; i < n.end; i = nodes_[i].end) {
            if (i != me + 1) {
                out += ',';
            }
            if (object) {
                key(nodes_[i].key);
                out += ':';
            }
            if (!value(i, depth + 1)) {
                return false;
            }
        }
        out += object ? '}' : ']';
        n.open = false;
        return true;
    }

    void key(std::string_view raw) {
        if (raw.front() == '"' || raw.front() == '\'') {
            write_string(out, raw);
        } else {
            json_quote(out, raw);
        }
    }

    bool reference(std::uint32_t me, int depth) {
        node& n = nodes_[me];
        steps_ += n.text.size();
        const auto target = n.open ? none : find(text_of(n.text), n.parent);
        if (steps_ > max_steps) {
            return fail(too_many_references);
        }
        if (target == none || nodes_[target].open) {
            out += "null";
            return true;
        }
        n.open = true;
        const bool good = value(target, depth + 1);
        n.open = false;
        return good;
    }

    /// `path` as seen from `here`, the container of the reference: $, $.a.b[0], $["a"], @ (itself), .. (what it is in).
    std::uint32_t find(const std::string& path, std::uint32_t here) {
        if (path == "@") {
            return here;
        }
        if (path == "..") {
            return here == none ? none : nodes_[here].parent;
        }
        if (!path.starts_with('$')) {
            return none;
        }
        std::uint32_t at = 0;
        for (std::size_t i = 1; i < path.size() && at != none;) {
            const auto name = step(path, i);
            at = name ? child(at, *name) : none;
        }
        return at;
    }

    /// Reads .name, [0], ['name'] or ["name"] from `path` at `i`; \ makes the next byte part of a name.
    static std::optional<std::string> step(const std::string& path, std::size_t& i) {
        std::string name;
        const char opening = path[i++];
        if (opening == '.') {
            while (i < path.size() && path[i] != '.' && path[i] != '[') {
                i += path[i] == '\\' && i + 1 < path.size() ? 1U : 0U;
                name += path[i++];
            }
            return name;
        }
        if (opening != '[' || i >= path.size()) {
            return std::nullopt;
        }
        const std::string quote = path[i] == '\'' || path[i] == '"' ? path.substr(i, 1) : "";
        i += quote.size();
        const auto end = path.find(quote + ']', i);
        if (end == std::string::npos) {
            return std::nullopt;
        }
        name = path.substr(i, end - i);
        i = end + quote.size() + 1;
        return name;
    }

    std::uint32_t child(std::uint32_t of, const std::string& name) {
        const node& n = nodes_[of];
        if (n.kind != node_kind::object && n.kind != node_kind::array) {
            return none;
        }
        std::uint32_t left = none;  // until the place in an array
        if (n.kind == node_kind::array) {
            const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), left);
            if (error != std::errc() || rest != name.data() + name.size()) {
                return none;
            }
        }
        for (std::uint32_t i = of + 1; i < n.end && steps_ <= max_steps; i = nodes_[i].end) {
            ++steps_;
            if (n.kind == node_kind::array ? left-- == 0 : is_key(nodes_[i].key, name)) {
                return i;
            }
        }
        return none;
    }

    bool is_key(std::string_view raw, const std::string& name) {
        if (raw.find('\\') == std::string_view::npos) {
            const bool quoted = raw.front() == '"' || raw.front() == '\'';
            return (quoted ? raw.substr(1, raw.size() - 2) : raw) == name;
        }
        steps_ += raw.size();
        return text_of(raw) == name;
    }

    std::vector<node>& nodes_;
    int max_depth_;
    std::size_t max_output_;
    std::size_t steps_ = 0;
    std::optional<problem> failure_;
};

}  // namespace

result<plain_json> unwrap_fastjson(std::string_view bytes, int max_depth, std::size_t max_output) {
    fastjson_parser parser(bytes, max_depth);
    if (!parser.run()) {
        return parser.deep ? too_deep : not_fastjson;
    }
    plain_json out{parser.typed, parser.changed, {}};
    if (parser.changed) {
        fastjson_writer writer(parser.nodes, max_depth, max_output);
        if (const auto failure = writer.run()) {
            return *failure;
        }
        out.text = std::move(writer.out);
    }
    return out;
}

}  // namespace wsidecar::proto
