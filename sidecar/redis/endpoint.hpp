#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace wsidecar::redis {

/// The address of Redis and the login, from `redis` of the configuration with its URL parsed. `redis.username` and the configured
/// password take precedence over those in the URL.
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
    /// The login at the sentinels.
    struct sentinel_login {
        std::string username;
        std::string password;  ///< empty if none is configured; then a sentinel that asks for a password gets that of Redis
        bool tls = false;
        config::redis_tls tls_files;
    } sentinel;
    bool cluster = false;
    std::string slot_key;  ///< in a cluster: any key with the prefix; determines the slot
    config::redis_tls tls_files;

    std::string describe() const;
};

/// Reports no errors, because the configuration has been validated; a malformed URL would give the defaults.
endpoint make_endpoint(const config::redis& r, const std::string& prefix);

}  // namespace wsidecar::redis
