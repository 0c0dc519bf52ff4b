#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/cloudevents.hpp"
#include "proto/envelope.hpp"
#include "proto/text/result.hpp"

namespace wsidecar::proto {

using header_list = std::vector<std::pair<std::string, std::string>>;

/// What an answer's status means (proto/README.md, Status codes).
enum class verdict {
    done,         ///< 2xx
    relay,        ///< connect: the client gets this status, body and the headers that matter
    bad_gateway,  ///< connect: the client gets 502 or 503
    login_gone,   ///< message: 401 or a redirect
    rejected,     ///< the app had it and said no
    retry,        ///< the same event again, later
};
verdict classify(event_type type, unsigned status, bool keep_unauthorized = false);

/// Retry-After in seconds or as an HTTP date (RFC 9110 section 10.2.3), at most 5 minutes.
std::optional<std::chrono::milliseconds> retry_after(const header_list& headers, std::chrono::system_clock::time_point now);

/// What a 2xx answer says.
struct app_reply {
    struct text_or_binary {
        bool text = true;
        std::string payload;
    };
    std::optional<text_or_binary> message;
    std::vector<text_or_binary> more;  ///< with Ws-Messages: those behind the first
    std::string content_type;          ///< of the message, without parameters (it is UTF-8 now); empty: none was given
    std::optional<std::string> user;
    std::vector<std::string> aliases;
    std::vector<std::string> join;
    std::vector<std::string> leave;
    /// Ws-History: the last so many pushes of a group that it joins with this answer, or of those for all.
    struct last_of {
        std::string group;  ///< empty: all
        std::uint32_t count = 0;
    };
    std::vector<last_of> history;
    std::optional<std::string> state;  ///< byte for byte; empty: delete
    std::optional<close_order> close;
    std::string subprotocol;
    std::string destination;           ///< STOMP: where the body goes; empty: the event's own
    std::optional<std::string> parts;  ///< Ws-Messages, as it was written
    std::vector<std::string> set_cookies;
    std::vector<problem> problems;  ///< what was not taken: counted bad_answer
    std::vector<std::string>
        unknown;  ///< names that are no command but begin with Ws- or are nearly one (Ws_Join), at most 64 bytes each
};

/// Reads body and command headers. Values are percent-decoded, but for Ws-State; lists may be repeated or comma-separated.
app_reply parse_reply(const header_list& headers, std::string body);

/// The headers of a refusal that go to the client: Content-Type, WWW-Authenticate, Retry-After, Set-Cookie, Location.
header_list relayed_headers(const header_list& headers);

/// What an answer says to the STOMP client whose frame it refuses: parts of the ERROR frame.
struct stomp_error {
    std::string message;  ///< stomp-message; empty: none was given
    header_list headers;  ///< the body's content-type first, then the answer's other stomp-<name> headers as <name>
    std::string body;     ///< at most max_error_body bytes
};
inline constexpr std::size_t max_error_body = 4096;
/// Values are percent-decoded. Those that are not UTF-8 then are left out; the body is taken as it is, cut behind a whole character.
stomp_error read_stomp_error(const header_list& headers, std::string_view body);

/// A state as the registry can hold it, whose entries are JSON to those who read them; and back, also what was never packed.
std::string packed_state(std::string_view state);
std::string unpacked_state(std::string_view packed);

/// May an app or an envelope close with this code? RFC 6455 section 7.4 without those that no endpoint sends.
bool valid_close_code(unsigned code);

}  // namespace wsidecar::proto
