#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace wsidecar::redis {

/// Where Redis is and how to log in: redis.* of the configuration, the URL taken apart. Members of the URL win over
/// nothing: username and password given apart win over the URL's.
struct endpoint {
    std::string host = "127.0.0.1";
    std::uint16_t port = 6379;
    std::string socket;  ///< unix domain socket; empty: TCP
    bool tls = false;
    std::string username;
    std::string password;
    int database = 0;
    std::vector<std::string> sentinels;  ///< host:port
    std::string master;
    /// How to log in at the sentinels.
    struct sentinel_login {
        std::string username;
        std::string password;  ///< empty: none; a sentinel that asks for one gets Redis' own
        bool tls = false;
        config::redis_tls tls_files;
    } sentinel;
    bool cluster = false;
    std::string slot_key;  ///< cluster: any key of the prefix
    config::redis_tls tls_files;

    std::string describe() const;
};

/// The configuration was validated: a bad URL gives the defaults.
endpoint make_endpoint(const config::redis& r, const std::string& prefix);

}  // namespace wsidecar::redis
