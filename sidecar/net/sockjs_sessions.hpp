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

/// The SockJS sessions of the HTTP transports, by the route's path as opened and the session's id, while requests may come for them.
/// Those that have ended stay until polls that come late have been told why; they count for no limit of connections, and together
/// hold no more than core::sockjs_ended_bytes.
class sockjs_sessions {
public:
    using session_ptr = boost::intrusive_ptr<sockjs_session>;
    struct ended_session {
        sockjs_session* session;
        std::size_t bytes;
    };
    /// A session's place among those that have ended; empty: it has not.
    using ended_place = std::optional<std::list<ended_session>::iterator>;

    explicit sockjs_sessions(core::metrics& metrics);
    ~sockjs_sessions();

    /// Null: there is none with this key, or (`another`) it is not this client's.
    session_ptr find(std::string_view key, const session_owner::proof& who, bool& another) const;
    /// There is one that was begun with credentials.
    bool has_credentials(std::string_view key) const;
    void add(const std::string& key, session_ptr session);
    /// The session has ended, and holds so many bytes. The first of those that have ended go when they hold too much.
    void remember(sockjs_session& session, std::size_t bytes, ended_place& place);
    void forget(const std::string& key, ended_place& place);
    /// Ends those that are left.
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
