#pragma once

#include <chrono>
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

/// The meaning of an answer's status (proto/README.md, Status codes).
enum class verdict {
    done,         ///< 2xx
    relay,        ///< connect: the client gets this status, the body and relayed_headers()
    bad_gateway,  ///< connect: the client gets 502 or 503
    login_gone,   ///< message: 401 or a redirect
    rejected,     ///< the app has refused the event
    retry,        ///< the same event must be sent again later
};
verdict classify(event_type type, unsigned status, bool keep_unauthorized = false);

/// Reads Retry-After, in seconds or as an HTTP date (RFC 9110 section 10.2.3). Returns at most 5 minutes.
std::optional<std::chrono::milliseconds> retry_after(const header_list& headers, std::chrono::system_clock::time_point now);

/// The contents of a 2xx answer.
struct app_reply {
    struct text_or_binary {
        bool text = true;
        std::string payload;
    };
    std::optional<text_or_binary> message;
    std::vector<text_or_binary> more;  ///< with Ws-Messages: the messages behind the first
    std::string content_type;          ///< the message's type without parameters, empty if none was given
    std::optional<std::string> user;
    std::vector<std::string> aliases;
    std::vector<std::string> join;
    std::vector<std::string> leave;
    /// Ws-History: the latest pushes of a group that the connection joins with this answer, or of those for all.
    struct last_of {
        std::string group;  ///< empty for all
        std::uint32_t count = 0;
    };
    std::vector<last_of> history;
    std::optional<std::string> state;  ///< as received; an empty one deletes the state
    std::optional<close_order> close;
    std::string subprotocol;
    std::string destination;           ///< STOMP: where the body goes; if empty, to the destination of the event
    std::optional<std::string> parts;  ///< Ws-Messages as received
    std::vector<std::string> set_cookies;
    std::vector<problem> problems;     ///< parts that were not accepted, counted as bad_answer
    std::vector<std::string> unknown;  ///< names of unknown Ws-* headers, at most 64 bytes each
};

/// Reads the body and the command headers. Values except Ws-State are percent-decoded. Lists may be repeated or comma-separated.
app_reply parse_reply(const header_list& headers, std::string body);

/// The headers of a refusal that are relayed to the client: Content-Type, WWW-Authenticate, Retry-After, Set-Cookie, Location.
header_list relayed_headers(const header_list& headers);

/// Packs a state for the registry, whose entries are read as JSON. unpacked_state() also accepts a state that was never packed.
std::string packed_state(std::string_view state);
std::string unpacked_state(std::string_view packed);

/// Whether an app or an envelope may close with this code: RFC 6455 section 7.4 without the codes that no endpoint sends.
bool valid_close_code(unsigned code);

}  // namespace wsidecar::proto
