#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>

#include "sidecar/core/metrics.hpp"
#include "sidecar/core/text.hpp"
#include "sidecar/net/session_owner.hpp"

namespace wsidecar::net {

class sockjs_session;

/// The SockJS sessions of the HTTP transports, by the route's path as opened and the session id. Ended sessions stay for a while, so that late
/// polls learn why; they do not count as connections, and together hold at most core::sockjs_ended_bytes. Event loop only.
class sockjs_sessions {
public:
    using session_ptr = boost::intrusive_ptr<sockjs_session>;
    struct ended_session {
        sockjs_session* session;
        std::size_t bytes;
    };
    /// A session's position in the list of ended sessions; empty if it has not ended.
    using ended_place = std::optional<std::list<ended_session>::iterator>;

    explicit sockjs_sessions(core::metrics& metrics);
    ~sockjs_sessions();

    /// Finds a session. Returns null if there is none with this key, or if it belongs to another client (then `another` is set).
    session_ptr find(std::string_view key, const session_owner::proof& who, bool& another) const;
    /// Whether there is a session with this key that was begun with credentials.
    bool has_credentials(std::string_view key) const;
    void add(const std::string& key, session_ptr session);
    /// Adds an ended session that holds `bytes`. Removes the oldest ended sessions while they hold too much.
    void remember(sockjs_session& session, std::size_t bytes, ended_place& place);
    void forget(const std::string& key, ended_place& place);
    /// Ends all remaining sessions.
    void kill_all();

    std::size_t size() const { return sessions_.size(); }
    std::size_t ended_bytes() const { return ended_bytes_; }

private:
    core::metrics& metrics_;
    core::by_text<session_ptr> sessions_;
    std::list<ended_session> ended_;  ///< the first to end at the front
    std::size_t ended_bytes_ = 0;
};

}  // namespace wsidecar::net
