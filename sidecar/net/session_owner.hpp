#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "sidecar/core/ports.hpp"

namespace wsidecar::net {

/// The owner of a SockJS session over HTTP. Each request of the session must prove that it comes from the same client. The session id
/// appears in URLs and logs, and many clients may share an address, so with credentials neither is a proof (OWASP Session Management;
/// Spring's TransportHandlingSockJsService compares principals). Event loop only.
class session_owner {
public:
    /// What a request says about its sender. The views are valid as long as the head's bytes.
    struct proof {
        std::string_view address;
        std::string_view cookie;         ///< value of the Cookie header; empty if none
        std::string_view authorization;  ///< value of the Authorization header; empty if none
    };

    /// `first` is taken from the session's first request.
    explicit session_owner(const proof& first);

    /// Whether the first request had Cookie or Authorization. Then all requests are checked as if they carried credentials.
    bool has_credentials() const { return !cookie_.empty() || !authorization_.empty(); }
    /// Takes over the cookies that the answer to the first request set.
    void gave(const core::field_list& headers, std::chrono::system_clock::time_point now);
    /// Set-Cookie for that answer: a secret of this session, which the browser returns even after its other cookies have changed. `path` is
    /// the session's path.
    std::string set_cookie(std::string_view path, bool secure, bool cross_site) const;

    /// Whether a later request is the owner's. With credentials: it brings that secret, or the same Authorization, or every cookie
    /// that the first request had, with the values that the app gave them in the first answer or since (`current`: the cookies
    /// that events carry). Others beside them do not matter. Without credentials: it brings that secret or the cookies that the app
    /// gave it since, or, while no request has shown that the client keeps cookies, comes from the same address.
    bool is(const proof& who, std::string_view current);

    /// Memory held, in bytes.
    std::size_t bytes() const {
        return address_.capacity() + cookie_.capacity() + authorization_.capacity() + given_.capacity() + secret_.capacity();
    }

private:
    std::string address_;
    std::string cookie_;
    std::string authorization_;
    std::string given_;           ///< cookie_ as the first answer changed it
    std::string secret_;          ///< of set_cookie()
    bool keeps_cookies_ = false;  ///< whether the client has returned a cookie that it was given
};

}  // namespace wsidecar::net
