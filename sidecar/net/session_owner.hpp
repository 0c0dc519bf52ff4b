#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "sidecar/core/ports.hpp"

namespace wsidecar::net {

/// Whose a SockJS session over HTTP is: each of its requests says anew who sends it. The session's id stands in URLs and logs, and
/// an address is that of everybody behind it, so neither proves anything where there are credentials (OWASP Session Management;
/// Spring's TransportHandlingSockJsService compares principals).
class session_owner {
public:
    /// What a request shows of its sender. Views: no longer than the head's bytes.
    struct proof {
        std::string_view address;
        std::string_view cookie;         ///< value of the Cookie header; empty: none
        std::string_view authorization;  ///< likewise
    };

    /// Of the session's first request.
    explicit session_owner(const proof& first);

    /// Begun with Cookie or Authorization: every request is then checked as one that carries them.
    bool has_credentials() const { return !cookie_.empty() || !authorization_.empty(); }
    /// The answer to the first request gave the client these cookies.
    void gave(const core::field_list& headers, std::chrono::system_clock::time_point now);
    /// Set-Cookie for that answer: a secret of this session alone, which the same browser sends back even after its other cookies
    /// have changed. `path`: of the session.
    std::string set_cookie(std::string_view path, bool secure, bool cross_site) const;

    /// Whether a later request is the owner's. With credentials: it brings that secret, or the same Authorization, or every cookie
    /// that the first request had, with the values that the app gave them in the first answer or since (`current`: the cookies
    /// that events carry). Others beside them do not matter. Without credentials: it brings that secret or the cookies that the app
    /// gave it since, or, while no request has shown that the client keeps cookies, comes from the same address.
    bool is(const proof& who, std::string_view current);

    /// All that it keeps.
    std::size_t bytes() const {
        return address_.capacity() + cookie_.capacity() + authorization_.capacity() + given_.capacity() + secret_.capacity();
    }

private:
    std::string address_;
    std::string cookie_;
    std::string authorization_;
    std::string given_;           ///< cookie_ as the first answer changed it
    std::string secret_;          ///< of set_cookie()
    bool keeps_cookies_ = false;  ///< what it was given has come back
};

}  // namespace wsidecar::net
