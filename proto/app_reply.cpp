#include "proto/app_reply.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <iterator>

#include "proto/http/content_type.hpp"
#include "proto/text/ascii.hpp"
#include "proto/text/base64.hpp"
#include "proto/text/name.hpp"
#include "proto/text/percent.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::proto {
namespace {

constexpr std::size_t max_state = 2048;
/// No header's value begins with it.
constexpr char packed_mark = '\x01';
constexpr std::size_t max_close_reason = 123;
constexpr std::size_t max_histories = 100;  ///< that one answer asks for

const std::string* find(const header_list& headers, std::string_view lower) {
    for (const auto& [name, value] : headers) {
        if (iequals(name, lower)) {
            return &value;
        }
    }
    return nullptr;
}

void add_names(std::vector<std::string>& to, std::string_view list, std::vector<problem>& problems) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        const auto part = trim(list.substr(0, comma));
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
        if (part.empty()) {
            continue;
        }
        std::string name = percent_decode(part);
        if (!valid_name(name)) {
            problems.push_back(
                {"bad_name", "a name has 1 to 256 bytes of UTF-8 without NUL, CR, LF, percent-encoded in a header"});
        } else {
            to.push_back(std::move(name));
        }
    }
}

/// `table-7=20`, or `*=20` for what is for all.
void add_history(app_reply& r, std::string_view list) {
    const auto refuse = [&r](const char* why) { r.problems.push_back({"bad_history", why}); };
    while (!list.empty()) {
        const auto comma = list.find(',');
        const auto part = trim(list.substr(0, comma));
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
        if (part.empty()) {
            continue;
        }
        const auto equals = std::min(part.rfind('='), part.size());
        const auto name = trim(part.substr(0, equals));
        const auto number = trim(part.substr(std::min(equals + 1, part.size())));
        app_reply::last_of wanted{name == "*" ? std::string() : percent_decode(name)};
        const auto [end, ec] = std::from_chars(number.data(), number.data() + number.size(), wanted.count);
        if (ec != std::errc{} || end != number.data() + number.size() || wanted.count == 0) {
            refuse("Ws-History is a group, '=' and how many of its latest messages, like table-7=20");
        } else if (name != "*" && !valid_name(wanted.group)) {
            refuse("a group in Ws-History has 1 to 256 bytes of UTF-8 without NUL, CR, LF, percent-encoded");
        } else if (r.history.size() >= max_histories) {
            refuse("Ws-History names at most 100 groups");
            return;
        } else {
            r.history.push_back(std::move(wanted));
        }
    }
}

void read_close(app_reply& r, std::string_view value) {
    value = trim(value);
    unsigned code = 0;
    const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), code);
    const auto digits = static_cast<std::size_t>(end - value.data());
    if (ec != std::errc{} || digits != 4 || (value.size() > 4 && value[4] != ' ') || !valid_close_code(code)) {
        r.problems.push_back({"bad_close", "Ws-Close is a close code and a reason"});
        return;
    }
    std::string reason = percent_decode(trim(value.substr(4)));
    if (!valid_utf8(reason)) {
        r.problems.push_back({"bad_close", "the reason of Ws-Close is UTF-8"});
        reason.clear();
    } else if (reason.size() > max_close_reason) {
        r.problems.push_back({"bad_close", "the reason of Ws-Close was cut: a close frame has room for 123 bytes"});
        reason.resize(whole_characters(reason, max_close_reason).size());
    }
    r.close = close_order{static_cast<std::uint16_t>(code), std::move(reason)};
}

/// Ws_Join, WsJoin: a command but for its hyphens.
bool is_nearly_a_command(std::string_view name) {
    static constexpr std::array<std::string_view, 10> commands{"wsuser",        "wsalias",      "wsjoin",     "wsleave",
                                                               "wshistory",     "wsstate",      "wsmessages", "wsclose",
                                                               "wssubprotocol", "wsdestination"};
    if (name.size() > 20 || !iequals(name.substr(0, 2), "ws")) {
        return false;
    }
    std::string letters;
    std::copy_if(name.begin(), name.end(), std::back_inserter(letters), [](char c) { return c != '-' && c != '_'; });
    return std::any_of(commands.begin(), commands.end(), [&](std::string_view c) { return iequals(letters, c); });
}

void read_header(app_reply& r, const std::string& name, const std::string& value) {
    if (iequals(name, "ws-user")) {
        std::string user = percent_decode(trim(value));
        if (valid_name(user)) {
            r.user = std::move(user);
        } else {
            r.problems.push_back(
                {"bad_name",
                 "Ws-User has 1 to 256 bytes of UTF-8 without NUL, CR, LF, percent-encoded where they are not ASCII"});
        }
    } else if (iequals(name, "ws-alias")) {
        add_names(r.aliases, value, r.problems);
    } else if (iequals(name, "ws-join")) {
        add_names(r.join, value, r.problems);
    } else if (iequals(name, "ws-leave")) {
        add_names(r.leave, value, r.problems);
    } else if (iequals(name, "ws-history")) {
        add_history(r, value);
    } else if (iequals(name, "ws-state")) {
        const std::string_view state = trim(value);  // opaque: what the app wrote is what it gets back
        if (state.size() > max_state) {
            r.problems.push_back({"state_too_long", "Ws-State has at most 2 KiB"});
        } else {
            r.state = std::string(state);
        }
    } else if (iequals(name, "ws-close")) {
        read_close(r, value);
    } else if (iequals(name, "ws-messages")) {
        r.parts = r.parts ? *r.parts + ',' + value : value;
    } else if (iequals(name, "ws-subprotocol")) {
        r.subprotocol = std::string(trim(value));
    } else if (iequals(name, "ws-destination")) {
        r.destination = percent_decode(trim(value));
        if (!has_name_form(r.destination)) {  // whether it is text is looked at where it is used: the answer goes nowhere else
            r.problems.push_back({"bad_name", "Ws-Destination has 1 to 256 bytes without NUL, CR, LF"});
            r.destination.clear();
        }
    } else if (iequals(name, "set-cookie")) {
        r.set_cookies.push_back(value);
    } else if (iequals(name.substr(0, 3), "ws-") || is_nearly_a_command(name)) {
        r.unknown.push_back(name.substr(0, 64));
    }
}

/// One element of Ws-Messages, `text=12` or `binary=5`: how many bytes of the body are a message, and of which kind.
std::optional<std::pair<bool, std::size_t>> part_of(std::string_view element) {
    element = trim(element);
    const auto equals = element.find('=');
    const std::string_view kind = element.substr(0, equals);
    if (equals == std::string_view::npos || (kind != "text" && kind != "binary")) {
        return std::nullopt;
    }
    std::size_t bytes = 0;
    const char* const last = element.data() + element.size();
    const auto [end, ec] = std::from_chars(element.data() + equals + 1, last, bytes);
    return ec == std::errc{} && end == last ? std::optional(std::pair(kind == "text", bytes)) : std::nullopt;
}

/// The body is several messages, or an empty one: all of them are sent, or none.
void read_parts(app_reply& r, std::string_view body) {
    std::vector<app_reply::text_or_binary> messages;
    std::string_view list = *r.parts;
    for (;;) {
        const auto comma = list.find(',');
        const auto part = part_of(list.substr(0, comma));
        const bool fits = part && part->second <= body.size();
        if (!fits || (part->first && !valid_utf8(body.substr(0, part->second)))) {
            r.problems.push_back({fits ? "not_utf8" : "bad_messages",
                                  "Ws-Messages is the body's messages, as text=12, binary=5; text is UTF-8"});
            return;
        }
        messages.push_back({part->first, std::string(body.substr(0, part->second))});
        body.remove_prefix(part->second);
        if (comma == std::string_view::npos) {
            break;
        }
        list.remove_prefix(comma + 1);
    }
    if (!body.empty()) {
        r.problems.push_back({"bad_messages", "Ws-Messages says less than the body holds"});
        return;
    }
    r.message = std::move(messages.front());
    r.more.assign(std::make_move_iterator(messages.begin() + 1), std::make_move_iterator(messages.end()));
}

void read_body(app_reply& r, const header_list& headers, std::string body) {
    if (body.empty() && !r.parts) {
        return;
    }
    if (const std::string* coding = find(headers, "content-encoding");
        coding != nullptr && !iequals(trim(*coding), "identity")) {
        r.problems.push_back({"content_encoding", "the answer's Content-Encoding is not known, or its body is damaged"});
        return;
    }
    if (r.parts) {
        read_parts(r, body);
        return;
    }
    const std::string* value = find(headers, "content-type");
    const media_type type = value != nullptr ? parse_content_type(*value) : media_type{};
    r.content_type = type.type;
    if (!is_text_type(type.type)) {
        r.message = app_reply::text_or_binary{false, std::move(body)};
        return;
    }
    auto text = to_utf8(std::move(body), type.charset);
    if (text.has_error()) {
        r.problems.push_back({"not_utf8", text.error().detail});
        return;
    }
    r.message = app_reply::text_or_binary{true, std::move(*text)};
}

}  // namespace

verdict classify(event_type type, unsigned status, bool keep_unauthorized) {
    const bool again = status == 429 || status == 502 || status == 503 || status == 504;
    const bool login = status == 401 || (status >= 300 && status < 400);
    if (status >= 200 && status < 300) {
        return verdict::done;
    }
    if (type == event_type::connect) {
        return (status >= 300 && status < 500) || status == 503 ? verdict::relay : verdict::bad_gateway;
    }
    if (again) {
        return verdict::retry;
    }
    if ((type == event_type::message || type == event_type::subscribe) && login && !keep_unauthorized) {
        return verdict::login_gone;
    }
    return verdict::rejected;
}

std::optional<std::chrono::milliseconds> retry_after(const header_list& headers, std::chrono::system_clock::time_point now) {
    using namespace std::chrono;
    const std::string* value = find(headers, "retry-after");
    if (value == nullptr) {
        return std::nullopt;
    }
    constexpr milliseconds most = minutes(5);
    const std::string_view text = trim(*value);
    unsigned long seconds_given = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seconds_given);
    if (end == text.data() + text.size() && !text.empty()) {
        return ec == std::errc{} && seconds_given < 300 ? milliseconds(seconds_given * 1000) : most;
    }
    std::tm tm{};
    if (strptime(value->c_str(), "%a, %d %b %Y %H:%M:%S GMT", &tm) == nullptr) {
        return std::nullopt;
    }
    const auto wait = duration_cast<milliseconds>(system_clock::from_time_t(timegm(&tm)) - now);
    return std::clamp(wait, milliseconds(0), most);
}

app_reply parse_reply(const header_list& headers, std::string body) {
    app_reply r;
    for (const auto& [name, value] : headers) {
        read_header(r, name, value);
    }
    read_body(r, headers, std::move(body));
    return r;
}

header_list relayed_headers(const header_list& headers) {
    header_list out;
    for (const auto& h : headers) {
        for (const auto* name :
             {"content-type", "content-encoding", "www-authenticate", "retry-after", "set-cookie", "location"}) {
            if (iequals(h.first, name)) {
                out.push_back(h);
            }
        }
    }
    return out;
}

stomp_error read_stomp_error(const header_list& headers, std::string_view body) {
    static constexpr std::string_view front = "stomp-";
    stomp_error e;
    if (const std::string* type = find(headers, "content-type"); type != nullptr && valid_utf8(*type)) {
        e.headers.emplace_back("content-type", *type);
    }
    for (const auto& [name, value] : headers) {
        if (name.size() == front.size() || !istarts_with(name, front)) {
            continue;
        }
        std::string decoded = percent_decode(trim(value));
        if (!valid_utf8(decoded)) {
            continue;
        }
        if (iequals(name, "stomp-message")) {
            e.message = std::move(decoded);
        } else {
            e.headers.emplace_back(name.substr(front.size()), std::move(decoded));
        }
    }
    e.body = whole_characters(body, max_error_body);
    return e;
}

std::string packed_state(std::string_view state) {
    return valid_utf8(state) ? std::string(state) : packed_mark + base64_encode(state);
}

std::string unpacked_state(std::string_view packed) {
    if (packed.starts_with(packed_mark)) {
        if (auto state = base64_decode(packed.substr(1))) {
            return std::move(*state);
        }
    }
    return std::string(packed);
}

bool valid_close_code(unsigned code) {
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) || (code >= 3000 && code <= 4999);
}

}  // namespace wsidecar::proto
