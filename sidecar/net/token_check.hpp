#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "proto/http/http_head.hpp"
#include "proto/http/jwt.hpp"
#include "proto/text/result.hpp"

namespace wsidecar::net {

/// A route's requirements for JSON Web Tokens (`jwt`), compiled: where a handshake carries the token, and how it is verified.
class token_check {
public:
    /// Fails with the reasons bad_jwks and bad_secret.
    static result<token_check> compile(const config::jwt& c);
    /// The problem of the keys that were read; nullopt if there is none.
    static std::optional<std::string> problem_of(const config::jwt& c);

    /// Verifies the token in the first place that has one; tokens in other places are ignored. Fails with jwt_missing or a reason of
    /// proto::jwt::check.
    result<proto::jwt::claims> check(const proto::request_head& head, std::chrono::system_clock::time_point now) const;

    /// The subprotocol of the 101 for a client that offered a token as subprotocol, if no other was chosen, because browsers end a connection
    /// whose 101 selects none of their offers. Returns `bearer` if it precedes the token, otherwise the token; empty if none was offered.
    static std::string_view answer_to(const std::vector<std::string>& offered);

private:
    struct place {
        enum class kind : std::uint8_t { header, cookie, subprotocol, query } what;
        std::string name;  ///< of a cookie or a parameter
    };
    static std::string token_at(const place& p, const proto::request_head& head);

    proto::jwt::key_set keys_;
    proto::jwt::rules rules_;
    std::vector<place> places_;
};

}  // namespace wsidecar::net
