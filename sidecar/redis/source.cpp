#include "sidecar/redis/source.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>

#include "proto/json/json_pointer.hpp"
#include "proto/json/json_scan.hpp"
#include "proto/spring/java_json.hpp"
#include "proto/spring/java_stream.hpp"
#include "sidecar/core/log.hpp"

namespace wsidecar::redis {
namespace {

constexpr std::size_t longest_name = 256;

proto::payload_format format_of(const std::string& word) {
    using enum proto::payload_format;
    constexpr std::array<std::pair<std::string_view, proto::payload_format>, 5> words{
        {{"text", text}, {"json", json}, {"jackson", jackson}, {"jdk", jdk}, {"fastjson", fastjson}}};
    const auto it = std::find_if(words.begin(), words.end(), [&](const auto& w) { return w.first == word; });
    return it == words.end() ? automatic : it->second;
}

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= longest_name &&
           name.find_first_of(std::string_view("\0\r\n", 3)) == std::string_view::npos;
}

/// The problem's words with the class that could not be read, for the list `rejected` and for people. A problem refers to its
/// words, so these stay: as many as an app has such classes, and no more than a few whatever comes.
const char* with_class(const proto::java_problem& p) {
    static constexpr std::size_t most = 256;
    static std::set<std::string> kept;
    if (p.class_name.empty()) {
        return p.detail;
    }
    std::string words = std::string(p.detail) + " (class " + p.class_name + ")";
    const auto found = kept.find(words);
    if (found == kept.end() && kept.size() >= most) {
        return p.detail;
    }
    return kept.insert(std::move(words)).first->c_str();
}

/// A Java serialization stream as JSON.
result<std::string> read_java(std::string_view stream, std::size_t most) {
    auto text = proto::java_to_json(stream, {}, {.message = most, .json = most});
    if (text) {
        return std::move(*text);
    }
    const auto& p = text.error();
    core::log::limited(core::log::level::warn, "sources", "a Java serialization stream can't be read",
                       {{"reason", p.reason}, {"class", p.class_name}, {"offset", p.offset}, {"bytes", stream.size()}});
    return problem{p.reason, with_class(p)};
}

/// A sentence that names a pointer of the configuration. A problem refers to its words, so these stay: as many as there are pointers.
const char* about(std::string_view pointer, const char* where) {
    static constexpr std::size_t most = 4096;
    static std::set<std::string> kept;
    std::string words = "the payload has nothing at " + std::string(pointer) + ", where " + where + " points";
    const auto found = kept.find(words);
    if (found == kept.end() && kept.size() >= most) {
        return "the payload has nothing at one of the pointers of this source";
    }
    return kept.insert(std::move(words)).first->c_str();
}

/// Fills in one template. A pointer with `*` gives several names if it is the whole template.
class filler {
public:
    /// `entry`: of a stream, the whole of it as JSON.
    filler(const source_reader::origin& from, const proto::decoded_payload& payload, const std::string* entry)
        : from_(from), payload_(payload), entry_(entry) {}

    result<std::vector<std::string>> fill(std::string_view text) const {
        if ((text.starts_with("{/") || text.starts_with(front_of_entry)) && text.find('}') == text.size() - 1) {
            return names_at(text.substr(1, text.size() - 2));
        }
        std::string out;
        while (!text.empty()) {
            const auto open = std::min(text.find('{'), text.size());
            out.append(text.substr(0, open));
            text.remove_prefix(open);
            if (text.empty()) {
                break;
            }
            const auto close = text.find('}');
            const auto one = value_of(text.substr(1, close - 1));
            if (!one) {
                return one.error();
            }
            out.append(*one);
            text.remove_prefix(close + 1);
        }
        return std::vector{std::move(out)};
    }

private:
    static problem nothing(std::string_view pointer) { return {"no_target", about(pointer, "'to' or 'except'")}; }

    static constexpr std::string_view front_of_entry = "{entry/";

    result<std::vector<std::string>> names_at(std::string_view pointer) const {
        const bool of_entry = !pointer.starts_with('/') && entry_ != nullptr;
        if (!of_entry && !payload_.json) {
            return problem{"not_json", "'to' points into a payload that is not JSON"};
        }
        std::vector<std::string> out;
        for (const auto raw : proto::find_all(of_entry ? *entry_ : payload_.text, pointer.substr(pointer.find('/')))) {
            if (auto name = proto::name_text(raw)) {
                out.push_back(std::move(*name));
            }
        }
        return out.empty() ? result<std::vector<std::string>>(nothing(pointer)) : out;
    }

    result<std::string> value_of(std::string_view name) const {
        if (name == "channel") {
            return std::string(from_.name);
        }
        if (name.find('/') != std::string_view::npos) {
            const auto names = names_at(name);
            if (!names) {
                return names.error();
            }
            return names->front();
        }
        const auto number = static_cast<std::size_t>(name[0] - '1');
        return number < from_.stars.size() ? result<std::string>(from_.stars[number]) : nothing(name);
    }

    const source_reader::origin& from_;
    const proto::decoded_payload& payload_;
    const std::string* entry_;
};

/// `optional`: names that are not there are left out.
result<proto::addresses> addresses_of(const config::source_targets& t, const filler& f, bool optional) {
    proto::addresses out;
    out.all = t.all;
    out.routes = t.routes;
    const std::array<std::pair<const std::vector<std::string>*, std::vector<std::string>*>, 5> kinds{
        {{&t.users, &out.users},
         {&t.aliases, &out.aliases},
         {&t.groups, &out.groups},
         {&t.connections, &out.connections},
         {&t.destinations, &out.destinations}}};
    for (const auto& [templates, names] : kinds) {
        for (const auto& text : *templates) {
            auto filled = f.fill(text);
            if (!filled) {
                if (optional) {
                    continue;
                }
                return filled.error();
            }
            for (auto& name : *filled) {
                if (!is_name(name)) {
                    return problem{"bad_name", "a name has 1 to 256 bytes without NUL, CR, LF"};
                }
                names->push_back(std::move(name));
            }
        }
    }
    return out;
}

}  // namespace

source_reader::source_reader(const config::source& s, std::size_t max_payload)
    : settings_(s), format_(format_of(s.format)), max_payload_(max_payload) {}

proto::jdk_decoder source_reader::java() const {
    return [most = max_payload_](std::string_view stream) { return read_java(stream, most); };
}

result<proto::decoded_payload> source_reader::decode(std::string_view payload) const {
    return proto::decode_payload(payload, format_, java(), {.input = max_payload_, .output = max_payload_});
}

result<proto::envelope> source_reader::read(const origin& from, std::string_view payload) const {
    auto decoded = decode(payload);
    if (!decoded) {
        return decoded.error();
    }
    return make(from, std::move(*decoded), nullptr);
}

result<proto::envelope> source_reader::read(const proto::stream_entry& entry) const {
    const origin from{settings_.stream, {}};
    std::string whole;
    if (settings_.field.empty() || uses_entry()) {
        auto json = proto::entry_json(entry, java(), {.input = max_payload_, .output = max_payload_});
        if (!json) {
            return json.error();
        }
        whole = std::move(*json);
    }
    if (settings_.field.empty()) {
        return make(from, {proto::payload_format::json, false, true, whole}, &whole);
    }
    const auto value = proto::field_of(entry, settings_.field);
    if (!value) {
        return problem{"no_field", "the entry does not have the field that 'field' names"};
    }
    auto decoded = decode(*value);
    if (!decoded) {
        return decoded.error();
    }
    return make(from, std::move(*decoded), &whole);
}

/// Whether a name is made of other fields than the payload.
bool source_reader::uses_entry() const {
    const auto in = [](const config::source_targets& t) {
        const auto any = [](const std::vector<std::string>& texts) {
            return std::any_of(texts.begin(), texts.end(),
                               [](const auto& text) { return text.find("{entry/") != std::string::npos; });
        };
        return any(t.users) || any(t.aliases) || any(t.groups) || any(t.connections) || any(t.destinations);
    };
    return in(settings_.to) || in(settings_.except);
}

result<proto::envelope> source_reader::make(const origin& from, proto::decoded_payload payload,
                                            const std::string* entry) const {
    auto* decoded = &payload;
    const filler f(from, *decoded, entry);
    auto to = addresses_of(settings_.to, f, false);
    if (!to) {
        return to.error();
    }
    auto except = addresses_of(settings_.except, f, true);
    if (!except) {
        return except.error();
    }
    proto::envelope e;
    e.to = std::move(*to);
    e.except = std::move(*except);
    e.kind = proto::payload_kind::text;
    e.by_write = settings_.confirm == "write";
    e.callback = callback_of(*decoded);
    e.headers = headers_of(*decoded);
    e.id = id_of(*decoded);
    if (settings_.data.empty()) {
        e.payload = std::move(decoded->text);
        return e;
    }
    const auto raw = decoded->json ? proto::find_pointer(decoded->text, settings_.data) : std::nullopt;
    if (!raw || *raw == "null") {
        return problem{decoded->json ? "no_data" : "not_json",
                       decoded->json ? about(settings_.data, "'data'") : "'data' points into a payload that is not JSON"};
    }
    // A string is sent as its text, anything else as its JSON, as it stands.
    const auto text = raw->starts_with('"') ? proto::scalar_text(*raw) : std::optional(std::string(*raw));
    if (!text) {
        return problem{"no_data", about(settings_.data, "'data'")};
    }
    e.payload = *text;
    return e;
}

/// STOMP headers that the payload carries: members that are text, numbers or booleans.
std::vector<std::pair<std::string, std::string>> source_reader::headers_of(const proto::decoded_payload& payload) const {
    std::vector<std::pair<std::string, std::string>> out;
    const auto raw =
        settings_.headers.empty() || !payload.json ? std::nullopt : proto::find_pointer(payload.text, settings_.headers);
    const auto members = raw ? proto::json_members(*raw) : std::nullopt;
    if (!members) {
        return out;
    }
    for (const auto& [key, value] : *members) {
        auto name = proto::json_string(key);
        auto text = proto::scalar_text(value);
        if (name && text) {
            out.emplace_back(std::move(*name), std::move(*text));
        }
    }
    return out;
}

/// The push's id. An invalid id counts as absent, because it is no reason to lose a push.
std::string source_reader::id_of(const proto::decoded_payload& payload) const {
    const auto raw = settings_.id.empty() || !payload.json ? std::nullopt : proto::find_pointer(payload.text, settings_.id);
    auto id = raw ? proto::name_text(*raw) : std::nullopt;
    return id && is_name(*id) ? std::move(*id) : std::string();
}

/// The callback for the push's delivery; empty if none is configured or the payload lacks the id.
std::string source_reader::callback_of(const proto::decoded_payload& payload) const {
    const auto values = settings_.delivered.post.empty() || !payload.json
                            ? std::vector<std::string_view>()
                            : proto::find_all(payload.text, settings_.delivered.body);
    if (values.empty()) {
        return {};
    }
    std::string out = R"({"post":)";
    proto::json_quote(out, settings_.delivered.post);
    out += R"(,"ids":[)";
    for (std::size_t i = 0; i < values.size(); ++i) {
        out.append(i == 0 ? "" : ",").append(values[i]);
    }
    return out + "]}";
}

std::string source_reader::key() const {
    const auto& name = settings_.stream.empty() ? settings_.list : settings_.stream;
    return settings_.key_format == "jdk" ? proto::write_java_string(name) : name;
}

std::string source_reader::group(const std::string& prefix) const {
    if (!settings_.group.empty() || settings_.stream.empty()) {
        return settings_.group;
    }
    const auto end = prefix.find_last_not_of(':');
    return end == std::string::npos ? "wsidecar" : prefix.substr(0, end + 1);
}

std::optional<std::vector<std::string>> stars_of(std::string_view pattern, std::string_view name) {
    // Greedy from the left with a way back to the last star, as glob matchers do; the stars' texts fall out of it.
    struct star {
        std::size_t in_pattern;
        std::size_t from;
        std::size_t to;
    };
    std::vector<star> stars;
    std::size_t p = 0;
    std::size_t n = 0;
    const auto one = [&](std::size_t& at) -> bool {  // one character of the name against one element of the pattern
        if (pattern[at] == '?') {
            ++at;
            return true;
        }
        if (pattern[at] == '[') {
            const auto close = pattern.find(']', at + 1);
            if (close == std::string_view::npos) {
                return false;
            }
            auto set = pattern.substr(at + 1, close - at - 1);
            const bool negative = set.starts_with('^');
            set.remove_prefix(negative ? 1 : 0);
            bool in = false;
            for (std::size_t i = 0; i < set.size(); ++i) {
                if (i + 2 < set.size() && set[i + 1] == '-') {
                    in = in || (name[n] >= set[i] && name[n] <= set[i + 2]);
                    i += 2;
                } else {
                    in = in || set[i] == name[n];
                }
            }
            at = close + 1;
            return in != negative;
        }
        if (pattern[at] == '\\' && at + 1 < pattern.size()) {
            ++at;
        }
        return pattern[at++] == name[n];
    };
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            stars.push_back({p++, n, n});
            continue;
        }
        std::size_t next = p;
        if (p < pattern.size() && one(next)) {
            p = next;
            ++n;
            continue;
        }
        if (stars.empty()) {
            return std::nullopt;
        }
        n = ++stars.back().to;
        p = stars.back().in_pattern + 1;
    }
    for (; p < pattern.size() && pattern[p] == '*'; ++p) {
        stars.push_back({p, n, n});
    }
    if (p != pattern.size()) {
        return std::nullopt;
    }
    std::vector<std::string> out;
    for (const auto& s : stars) {
        out.emplace_back(name.substr(s.from, s.to - s.from));
    }
    return out;
}

}  // namespace wsidecar::redis
