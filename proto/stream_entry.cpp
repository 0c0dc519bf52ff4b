#include "proto/stream_entry.hpp"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "proto/json/json_scan.hpp"
#include "proto/spring/jackson.hpp"
#include "proto/text/base64.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::proto {
namespace {

using namespace std::string_view_literals;

constexpr auto java_magic = "\xAC\xED\x00\x05"sv;
/// A byte[] as the whole stream, up to its length of four bytes; a string up to its length of two.
constexpr auto java_bytes = "\xAC\xED\x00\x05ur\x00\x02[B\xAC\xF3\x17\xF8\x06\x08T\xE0\x02\x00\x00xp"sv;
constexpr auto java_string = "\xAC\xED\x00\x05t"sv;

constexpr problem bad_utf8{"not_utf8", "the name of a stream's field is neither UTF-8 nor a string of a known serializer"};

std::string_view without_front(std::string_view text, std::size_t n) {
    return text.substr(n);
}

/// What follows `front` and a length of `digits` bytes, if that is all there is.
std::optional<std::string_view> counted(std::string_view text, std::string_view front, std::size_t digits) {
    if (!text.starts_with(front) || text.size() < front.size() + digits) {
        return std::nullopt;
    }
    std::size_t length = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        length = length << 8U | static_cast<unsigned char>(text[front.size() + i]);
    }
    const auto rest = without_front(text, front.size() + digits);
    return rest.size() == length ? std::optional(rest) : std::nullopt;
}

bool is_quoted(std::string_view text) {
    return text.size() >= 2 && text.front() == '"' && json_string(text).has_value();
}

bool is_text(std::string_view bytes) {
    return valid_utf8(bytes) && std::none_of(bytes.begin(), bytes.end(), [](char c) {
               const auto u = static_cast<unsigned char>(c);
               return u == 0x7F || (u < 0x20 && (u < '\t' || u > '\r'));
           });
}

std::string quoted(std::string_view text) {
    std::string out;
    json_quote(out, text);
    return out;
}

std::string name_of(std::string_view raw) {
    if (const auto text = counted(raw, java_string, 2)) {
        return std::string(*text);
    }
    if (const auto bytes = counted(raw, java_bytes, 4)) {
        return std::string(*bytes);
    }
    if (is_quoted(raw)) {
        return *json_string(raw);
    }
    return std::string(raw);
}

std::string_view bytes_of(std::string_view raw) {
    return counted(raw, java_bytes, 4).value_or(raw);
}

/// How the values of one entry are written.
enum class values { plain, json, hash_mapper, hash_mapper_base64 };

/// JSON without Jackson's types. Mapped and then serialized by Jackson, a value has them twice.
std::string untyped(std::string json) {
    for (int i = 0; i < 4; ++i) {
        auto plain = unwrap_jackson(json, jackson_types::detect);
        if (!plain || !plain->typed) {
            break;
        }
        json = std::move(plain->text);
    }
    return json;
}

/// A string of JSON, or the object or array that it holds.
std::string opened(std::string json) {
    if (json.starts_with('"')) {
        auto inner = json_string(json);
        return inner && json_container(*inner) ? untyped(std::move(*inner)) : json;
    }
    return json_container(json) ? untyped(std::move(json)) : json;
}

/// A scalar of ObjectHashMapper.
std::string scalar(std::string_view bytes, values how) {
    std::string decoded;
    if (how == values::hash_mapper_base64 && is_quoted(bytes)) {
        if (auto raw = base64_decode(*json_string(bytes))) {
            decoded = std::move(*raw);
            bytes = decoded;
        }
    }
    return quoted(is_text(bytes) ? std::string(bytes) : base64_encode(bytes));
}

result<std::string> value_json(std::string_view raw, values how, const jdk_decoder& jdk, const payload_limits& limits) {
    if (how == values::hash_mapper || how == values::hash_mapper_base64) {
        return scalar(bytes_of(raw), how);
    }
    if (const auto bytes = counted(raw, java_bytes, 4)) {
        return scalar(*bytes, how);
    }
    if (raw.empty()) {
        return std::string("\"\"");
    }
    if (raw.starts_with(java_magic)) {
        auto json = jdk(raw);
        return json ? result<std::string>(opened(std::move(*json))) : json.error();
    }
    auto decoded = decode_payload(raw, payload_format::automatic, jdk, limits);
    if (!decoded) {
        return decoded.error();
    }
    const bool as_json = decoded->json && (json_container(decoded->text) || (how == values::json && decoded->verbatim));
    return as_json ? untyped(std::move(decoded->text)) : quoted(decoded->text);
}

/// A path of a flattened object: a.b, a.[0], a[0], a.[key]. One segment where it is no such path.
std::vector<std::string> segments_of(const std::string& path) {
    std::vector<std::string> out;
    std::size_t at = 0;
    while (at < path.size()) {
        const bool bracket = path[at] == '[';
        const auto end = bracket ? path.find(']', at) : std::min(path.find_first_of(".[", at), path.size());
        if (end == std::string::npos || end == at || (bracket && end == at + 1)) {
            return {path};
        }
        out.push_back(path.substr(at + (bracket ? 1 : 0), end - at - (bracket ? 1 : 0)));
        at = end + (bracket ? 1 : 0);
        if (at < path.size() && path[at] == '.') {
            if (++at == path.size()) {
                return {path};
            }
        } else if (at < path.size() && path[at] != '[') {
            return {path};
        }
    }
    return out;
}

/// An object that is put together from paths.
class tree {
public:
    /// False: another path says otherwise.
    bool set(const std::vector<std::string>& path, std::string json) {
        tree* at = this;
        for (const auto& segment : path) {
            if (!at->json_.empty()) {
                return false;
            }
            const auto [place, fresh] = at->places_.try_emplace(segment, at->children_.size());
            if (fresh) {
                at->children_.emplace_back(segment, tree());
            }
            at = &at->children_[place->second].second;
        }
        const bool free = at->children_.empty() && at->json_.empty();
        at->json_ = std::move(json);
        return free;
    }

    void write(std::string& out) const {
        if (!json_.empty()) {
            out += json_;
            return;
        }
        const bool array = is_array();
        out += array ? '[' : '{';
        for (std::size_t i = 0; i < children_.size(); ++i) {
            out += i == 0 ? "" : ",";
            if (array) {
                children_[places_.at(std::to_string(i))].second.write(out);
                continue;
            }
            json_quote(out, children_[i].first);
            out += ':';
            children_[i].second.write(out);
        }
        out += array ? ']' : '}';
    }

private:
    /// Its names are 0, 1, 2, ...
    bool is_array() const {
        for (std::size_t i = 0; i < children_.size(); ++i) {
            if (!places_.contains(std::to_string(i))) {
                return false;
            }
        }
        return !children_.empty();
    }

    std::string json_;  ///< of a leaf
    std::vector<std::pair<std::string, tree>> children_;
    std::unordered_map<std::string, std::size_t> places_;
};

using members = std::vector<std::pair<std::string, std::string>>;

std::string flat(const members& of) {
    std::string out = "{";
    for (const auto& [name, json] : of) {
        out += out.size() == 1 ? "" : ",";
        json_quote(out, name);
        out.append(":").append(json);
    }
    return out + "}";
}

result<std::string> unflattened(const members& of) {
    tree all;
    bool fits = true;
    for (const auto& [name, json] : of) {
        const auto path = segments_of(name);
        if (path.size() > json_depth) {
            return problem{"too_deep", "objects and arrays stand in each other deeper than the limit"};
        }
        if (path.back() != "_class" && path.back() != "@class") {
            fits = fits && all.set(path, json);
        }
    }
    if (!fits) {
        return flat(of);
    }
    std::string out;
    all.write(out);
    return out;
}

}  // namespace

std::optional<stream_entry> read_stream_entry(std::string_view text) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    stream_entry out{text.substr(0, end), {}};
    text.remove_prefix(end + 1);
    std::vector<std::string_view> words;
    while (!text.empty()) {
        std::size_t length = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), length);
        const auto digits = static_cast<std::size_t>(read.ptr - text.data());
        if (read.ec != std::errc{} || digits == text.size() || text[digits] != ':' || length > text.size() - digits - 1) {
            return std::nullopt;
        }
        words.push_back(text.substr(digits + 1, length));
        text.remove_prefix(digits + 1 + length);
    }
    if (words.size() % 2 != 0) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < words.size(); i += 2) {
        out.fields.emplace_back(words[i], words[i + 1]);
    }
    return out;
}

std::optional<std::string_view> field_of(const stream_entry& entry, std::string_view name) {
    for (const auto& [raw, value] : entry.fields) {
        if (raw == name || name_of(raw) == name) {
            return bytes_of(value);
        }
    }
    return std::nullopt;
}

result<std::string> entry_json(const stream_entry& entry, const jdk_decoder& jdk, const payload_limits& limits) {
    std::vector<std::string> names;
    for (const auto& field : entry.fields) {
        names.push_back(name_of(field.first));
    }
    // A serializer that writes JSON writes ObjectHashMapper's bytes as base64, also those of names: "_class".
    if (std::find(names.begin(), names.end(), "X2NsYXNz") != names.end()) {
        for (auto& name : names) {
            name = base64_decode(name).value_or(name);
        }
    }
    values how = values::plain;
    bool mapped = false;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!valid_utf8(names[i])) {
            return bad_utf8;
        }
        const auto raw = entry.fields[i].second;
        mapped = mapped || names[i] == "_class" || names[i] == "@class";
        if (names[i] == "_class") {
            how = is_quoted(raw) ? values::hash_mapper_base64 : values::hash_mapper;
            break;
        }
        if (is_quoted(raw)) {
            how = values::json;
        }
    }
    members out;
    for (std::size_t i = 0; i < names.size(); ++i) {
        auto json = value_json(entry.fields[i].second, how, jdk, limits);
        if (!json) {
            return json.error();
        }
        out.emplace_back(std::move(names[i]), std::move(*json));
    }
    return mapped ? unflattened(out) : flat(out);
}

std::string describe_entry(const stream_entry& entry) {
    members texts;
    members others;
    for (const auto& [raw, value] : entry.fields) {
        const auto decoded = name_of(raw);
        const auto name = valid_utf8(decoded) ? decoded : base64_encode(raw);
        const bool text = is_text(value);
        (text ? texts : others).emplace_back(name, quoted(text ? std::string(value) : base64_encode(value)));
    }
    std::string out = R"({"id":)" + quoted(entry.id) + R"(,"fields":)" + flat(texts);
    if (!others.empty()) {
        out += R"(,"base64":)" + flat(others);
    }
    return out + "}";
}

}  // namespace wsidecar::proto
