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

/// The JSON Web Tokens that a route asks for (`jwt`), compiled: where a handshake has its token, and what is asked of it.
class token_check {
public:
    /// Reasons: bad_jwks, bad_secret.
    static result<token_check> compile(const config::jwt& c);
    /// What is wrong with the keys that were read; nullopt: nothing.
    static std::optional<std::string> problem_of(const config::jwt& c);

    /// The first place that has a token decides: a bad one there is not made good by another elsewhere. Reasons: jwt_missing, and
    /// those of proto::jwt::check.
    result<proto::jwt::claims> check(const proto::request_head& head, std::chrono::system_clock::time_point now) const;

    /// What the 101 answers to who offered a token as subprotocol when nothing else was chosen: browsers end a connection whose
    /// 101 takes none of their offers. `bearer` in front of the token, else the token itself; empty: none was offered.
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
