// The decoder of envelopes: one walk over the bytes, in which every value is read where it stands.

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cmath>

#include "proto/app_reply.hpp"
#include "proto/envelope.hpp"
#include "proto/json/json_cursor.hpp"
#include "proto/json/json_scan.hpp"
#include "proto/text/base64.hpp"
#include "proto/text/name.hpp"
#include "proto/text/rfc3339.hpp"
#include "proto/text/utf8.hpp"
#include "proto/trace/traceparent.hpp"

namespace wsidecar::proto {
namespace {

using maybe = std::optional<problem>;
constexpr maybe ok{};

constexpr problem bad_member{"bad_member", "a member has the wrong type"};
constexpr problem bad_name{"bad_name", "names have 1 to 256 bytes without NUL, CR, LF"};
constexpr problem bad_target{"bad_target",
                             "an address has user, alias, group, connection, destination (a string or an array) or all: true, "
                             "and a route only beside them"};
constexpr problem not_json{"not_json", "not valid JSON"};
constexpr problem not_object{"not_object", "an envelope is a JSON object"};

/// A string of a text that is JSON in UTF-8; nullopt: no string, or with a lone surrogate.
std::optional<std::string> text_of(std::string_view raw) {
    if (raw.front() == '"' && raw.find('\\') == std::string_view::npos) {
        return std::string(raw.substr(1, raw.size() - 2));
    }
    return json_string(raw);
}

std::optional<double> read_number(std::string_view raw) {
    boost::system::error_code ec;
    const auto v = boost::json::parse(raw, ec);
    if (ec || !v.is_number()) {
        return std::nullopt;
    }
    return v.to_number<double>();
}

maybe read_close(std::string_view raw, envelope& e) {
    static constexpr problem bad{"bad_close",
                                 "close is {\"code\", \"reason\"} with a code that may be sent and at most 123 bytes"};
    const auto members = json_members(raw);
    if (!members) {
        return bad;
    }
    close_order order;
    bool code_given = false;
    for (const auto& [raw_key, value] : *members) {
        const auto key = json_string(raw_key);
        if (key == "code" && !code_given) {
            const auto n = read_number(value);
            if (!n || *n != std::floor(*n) || *n < 0 || *n > 65535 || !valid_close_code(static_cast<unsigned>(*n))) {
                return bad;
            }
            order.code = static_cast<std::uint16_t>(*n);
            code_given = true;
        } else if (key == "reason") {
            auto reason = text_of(value);
            if (!reason || reason->size() > 123) {
                return bad;
            }
            order.reason = std::move(*reason);
        } else {
            return bad;
        }
    }
    if (!code_given) {
        return bad;
    }
    e.close = std::move(order);
    return ok;
}

maybe read_text(std::string_view raw, envelope& e) {
    auto text = text_of(raw);
    if (!text) {
        return problem{"bad_payload", "text and binary are strings of valid Unicode"};
    }
    e.kind = payload_kind::text;
    e.payload = std::move(*text);
    return ok;
}

maybe read_binary(std::string_view raw, envelope& e) {
    if (auto p = read_text(raw, e)) {
        return p;
    }
    auto bytes = base64_decode(e.payload);
    if (!bytes) {
        return problem{"bad_base64", "binary is base64 with padding"};
    }
    e.kind = payload_kind::binary;
    e.payload = std::move(*bytes);
    return ok;
}

maybe read_headers(std::string_view raw, envelope& e) {
    static constexpr problem bad{"bad_headers", "headers is an object of strings"};
    const auto members = json_members(raw);
    if (!members) {
        return bad;
    }
    for (const auto& [raw_key, value] : *members) {
        auto key = text_of(raw_key);
        auto text = text_of(value);
        if (!key || key->empty() || !text) {
            return bad;
        }
        e.headers.emplace_back(std::move(*key), std::move(*text));
    }
    return ok;
}

maybe read_string(std::string_view raw, std::string& to, const problem& wrong, std::size_t most = 256) {
    auto s = text_of(raw);
    if (!s || s->empty() || s->size() > most) {
        return wrong;
    }
    to = std::move(*s);
    return ok;
}

maybe read_bool(std::string_view raw, bool& to, const problem& wrong) {
    to = raw == "true";
    return to || raw == "false" ? ok : maybe(wrong);
}

maybe read_ttl(std::string_view raw, envelope& e) {
    e.ttl = read_number(raw);
    return e.ttl && *e.ttl > 0 && std::isfinite(*e.ttl) ? ok : maybe(problem{"bad_ttl", "ttl is a number of seconds above 0"});
}

maybe read_time(std::string_view raw, envelope& e) {
    const auto text = text_of(raw);
    e.time = text ? parse_rfc3339(*text) : std::nullopt;
    return e.time ? ok : maybe(problem{"bad_time", "time is an RFC 3339 date-time"});
}

maybe read_traceparent(std::string_view raw, envelope& e) {
    const auto text = text_of(raw);
    // What is no trace context is as none (W3C Trace Context 3.2.2): never a reason to lose a push.
    e.traceparent = text && valid_traceparent(*text) ? *text : std::string();
    return text ? ok : maybe(bad_member);
}

/// What an object may have, the usual ones first; the last two in `own` envelopes only.
enum class member : std::uint8_t {
    id,
    to,
    text,
    json,
    binary,
    except,
    ttl,
    time,
    join,
    leave,
    close,
    mailbox,
    receipt,
    collapse,
    headers,
    traceparent,
    signature,
    callback,
    by_write,
    unknown
};
constexpr std::array<std::string_view, 19> member_names{
    "id",    "to",      "text",    "json",     "binary",  "except",      "ttl",       "time",     "join",    "leave",
    "close", "mailbox", "receipt", "collapse", "headers", "traceparent", "signature", "callback", "by_write"};

enum class address : std::uint8_t { user, alias, group, connection, destination, all, subscription, route, unknown };
constexpr std::array<std::string_view, 8> address_names{"user",        "alias", "group",        "connection",
                                                        "destination", "all",   "subscription", "route"};

/// The keys of one object, of which each may stand there once.
template <class Name, std::size_t N>
class keys {
public:
    explicit keys(const std::array<std::string_view, N>& names) : names_(names) {}

    /// `raw`: with its quotes. nullopt: no Unicode.
    std::optional<Name> read(std::string_view raw) {
        const std::string_view key = raw.substr(1, raw.size() - 2);
        std::size_t n = place_of(key);
        if (n == N && key.find('\\') != std::string_view::npos) {
            const auto unescaped = json_string(raw);
            if (!unescaped) {
                return std::nullopt;
            }
            n = place_of(*unescaped);
        }
        repeated_ = n < N && (seen_ >> n & 1U) != 0;
        seen_ |= std::uint32_t(n < N) << n;
        return static_cast<Name>(n);
    }
    /// Whether the last key read has been there before.
    bool repeated() const { return repeated_; }

private:
    std::size_t place_of(std::string_view key) const {
        std::size_t n = 0;
        while (n < N && names_[n] != key) {
            ++n;
        }
        return n;
    }

    const std::array<std::string_view, N>& names_;
    std::uint32_t seen_ = 0;
    bool repeated_ = false;
};

/// Reads envelopes where the cursor stands. Its functions return false when what is there is no JSON; what is JSON and no
/// envelope is walked over to its end, and the first problem kept.
class envelope_reader {
public:
    envelope_reader(json_cursor& at, bool own) : at_(at), own_(own) {}

    /// One element, `depth` containers around it.
    bool element(int depth, result<envelope>& to) {
        if (at_.peek() != '{') {
            to = not_object;
            return at_.value(depth);
        }
        envelope& e = *to;
        maybe wrong;
        keys<member, member_names.size()> known(member_names);
        const bool json = at_.container(depth, [&](std::string_view raw_key) {
            member what = member::unknown;
            if (!wrong) {
                const auto key = known.read(raw_key);
                what = key.value_or(member::unknown);
                wrong = !key               ? maybe(not_json)
                        : known.repeated() ? maybe(problem{"repeated_member", "a member stands in the envelope twice"})
                                           : ok;
            }
            if (!wrong && (what == member::to || what == member::except)) {
                return whom(depth + 1, what == member::to ? e.to : e.except, wrong);
            }
            if (!wrong && (what == member::join || what == member::leave)) {
                return names(depth + 1, what == member::join ? e.join : e.leave, bad_member, wrong);
            }
            const std::size_t start = at_.at();
            if (!at_.value(depth + 1)) {
                return false;
            }
            if (!wrong) {
                wrong = take(what, at_.since(start), e);
            }
            return true;
        });
        if (!wrong && e.to.empty() && !own_) {  // between instances the names may stand apart from it
            wrong = problem{"no_target", "an envelope needs `to`"};
        }
        if (!wrong && e.except.empty() && !e.except.routes.empty()) {
            wrong = bad_target;
        }
        if (!wrong && e.kind == payload_kind::none && e.join.empty() && e.leave.empty() && !e.close) {
            wrong = problem{"no_payload", "an envelope needs text, json or binary, or a command (join, leave, close)"};
        }
        if (wrong) {
            to = *wrong;
        }
        return json;
    }

private:
    maybe take(member what, std::string_view raw, envelope& e) const {
        if ((what == member::text || what == member::json || what == member::binary) && e.kind != payload_kind::none) {
            return problem{"two_payloads", "an envelope has one of text, json and binary"};
        }
        switch (what) {
            case member::text: return read_text(raw, e);
            case member::binary: return read_binary(raw, e);
            case member::json:
                e.kind = payload_kind::text;
                e.payload = json_compact(raw);
                return ok;
            case member::id: return read_string(raw, e.id, {"bad_id", "id is a string of 1 to 256 bytes"});
            case member::ttl: return read_ttl(raw, e);
            case member::time: return read_time(raw, e);
            case member::close: return read_close(raw, e);
            case member::mailbox: return read_bool(raw, e.mailbox, bad_member);
            case member::receipt:
                return read_string(raw, e.receipt, {"bad_receipt", "receipt is a key of 1 to 1024 bytes"}, 1024);
            case member::collapse: return read_string(raw, e.collapse, bad_member);
            case member::headers: return read_headers(raw, e);
            case member::traceparent: return read_traceparent(raw, e);
            case member::signature: e.is_signed = true; return text_of(raw) ? ok : maybe(bad_member);
            case member::callback:
                if (own_) {
                    return read_string(raw, e.callback, bad_member, 1024 * 1024);
                }
                break;
            case member::by_write:
                if (own_) {
                    e.by_write = raw == "true";
                    return ok;
                }
                break;
            default: break;
        }
        return problem{"unknown_member",
                       "an envelope has a member other than to, except, text, json, binary, id, ttl, time, join, leave, close, "
                       "mailbox, receipt, collapse, headers, traceparent and signature"};
    }

    /// `to` or `except`.
    bool whom(int depth, addresses& to, maybe& wrong) {
        if (at_.peek() != '{') {
            wrong = bad_target;
            return at_.value(depth);
        }
        keys<address, address_names.size()> known(address_names);
        return at_.container(depth, [&](std::string_view raw_key) {
            if (wrong) {
                return at_.value(depth + 1);
            }
            const auto key = known.read(raw_key).value_or(address::unknown);
            std::vector<std::string>* const list = list_of(key, to);
            if (known.repeated() || (list == nullptr && key != address::all)) {
                wrong = bad_target;
            } else if (list != nullptr) {
                return names(depth + 1, *list, bad_target, wrong, key == address::subscription);
            }
            const std::size_t start = at_.at();
            if (!at_.value(depth + 1)) {
                return false;
            }
            if (!wrong) {
                wrong = read_bool(at_.since(start), to.all, bad_target);
            }
            return true;
        });
    }

    std::vector<std::string>* list_of(address kind, addresses& to) const {
        switch (kind) {
            case address::user: return &to.users;
            case address::alias: return &to.aliases;
            case address::group: return &to.groups;
            case address::connection: return &to.connections;
            case address::destination: return &to.destinations;
            case address::route: return &to.routes;
            case address::subscription: return own_ ? &to.subscriptions : nullptr;
            default: return nullptr;
        }
    }

    /// A name, or an array of some. `any`: they need not be what clients may be called.
    bool names(int depth, std::vector<std::string>& to, const problem& bad, maybe& wrong, bool any = false) {
        const auto one = [&](int around) {
            const std::size_t start = at_.at();
            if (!at_.value(around)) {
                return false;
            }
            if (!wrong) {
                auto name = text_of(at_.since(start));
                wrong = !name ? maybe(bad) : !any && !valid_name(*name) ? maybe(bad_name) : ok;
                if (!wrong) {
                    to.push_back(std::move(*name));
                }
            }
            return true;
        };
        if (at_.peek() != '[') {
            return one(depth);
        }
        const bool json = at_.container(depth, [&](std::string_view) { return one(depth + 1); });
        if (!wrong && to.empty()) {
            wrong = bad;
        }
        return json;
    }

    json_cursor& at_;
    bool own_;
};

/// The one envelope, or those of an array; false: no JSON, or neither.
bool read_all(std::string_view bytes, bool own, std::vector<envelope_item>& out) {
    if (!valid_utf8(bytes)) {
        return false;
    }
    json_cursor at(bytes);
    envelope_reader reader(at, own);
    const char first = at.space();
    if (first == '{') {
        out.reserve(1);
        out.emplace_back().raw = bytes;
        return reader.element(0, out.back().value) && at.at_end();
    }
    return first == '[' && at.container(0, [&](std::string_view) {
        const std::size_t start = at.at();
        out.emplace_back();
        const bool json = reader.element(1, out.back().value);
        out.back().raw = at.since(start);
        return json;
    }) && at.at_end();
}

}  // namespace

namespace {

/// What is wrong with bytes that are no envelopes, with the cure for how serializers of Java write them.
problem why_not_read(std::string_view bytes) {
    using namespace std::string_view_literals;
    if (bytes.starts_with("\xAC\xED\x00\x05"sv)) {
        return {"not_json", "a Java serialization stream: write envelopes with StringRedisSerializer"};
    }
    const auto first = bytes.find_first_not_of(" \t\r\n");
    const bool nearly = first != std::string_view::npos && bytes[first] != '{' && bytes[first] != '[';
    boost::system::error_code ec;
    if (!nearly || !valid_utf8(bytes) || (boost::json::parse(bytes, ec), ec)) {
        return {"not_json", "not valid JSON in UTF-8"};
    }
    return bytes[first] != '"'
               ? not_object
               : problem{"not_object",
                         "an envelope is a JSON object, and this is a string, as a JSON serializer writes text: "
                         "write envelopes with StringRedisSerializer"};
}

}  // namespace

std::vector<envelope_item> decode_envelopes(std::string_view bytes, bool own) {
    std::vector<envelope_item> out;
    if (read_all(bytes, own, out)) {
        return out;
    }
    out.clear();
    out.push_back({why_not_read(bytes), bytes});
    return out;
}

}  // namespace wsidecar::proto
