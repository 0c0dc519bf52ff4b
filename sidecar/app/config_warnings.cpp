#include "sidecar/app/config_warnings.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>

#include <unistd.h>

#include "config/load.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/endpoint.hpp"

namespace wsidecar::app {
using namespace std::chrono_literals;

const char* const anybody_words = "any client can be anyone here: the path names the user and no connect event asks the app";

std::vector<std::string> routes_of_anybody(const config::config& c) {
    std::vector<std::string> out;
    for (const auto& r : c.routes) {
        if (!r.user.empty() && !r.has_event("connect")) {
            out.push_back(r.path);
        }
    }
    return out;
}

std::vector<std::string> environment_names() {
    std::vector<std::string> out;
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        const std::string_view line = *variable;
        out.emplace_back(line.substr(0, line.find('=')));
    }
    return out;
}

void warn_of_variables() {
    for (const auto& warning : wsidecar::config::misspelt_variables(environment_names())) {
        core::log::warn("config", warning);
    }
}

void warn_of_oddities(const config::config& config) {
    for (const auto& path : routes_of_anybody(config)) {
        core::log::warn("config", anybody_words, {{"route", path}});
    }
    if (std::any_of(config.routes.begin(), config.routes.end(), [](const auto& r) { return r.has_sockjs(); })) {
        core::log::info("config",
                        "SockJS: with more than one pod xhr, xhr_streaming and eventsource need a proxy with affinity in front "
                        "(nginx: hash on the session's part of the path); websocket needs none");
    }
    for (const auto& r : config.routes) {
        if (config.mailbox.bytes > r.limits.queue) {
            core::log::warn(
                "config",
                "mailbox.bytes is above limits.queue: a full mailbox can be more than a client that connects may have queued",
                {{"route", r.path}, {"mailbox.bytes", config.mailbox.bytes}, {"limits.queue", r.limits.queue}});
        }
    }
    if (config.redis.url.starts_with("rediss:") && !config.redis.tls.verify) {
        core::log::warn("config", "redis.tls.verify is false: whoever is on the way to Redis can be Redis");
    }
    const auto& tls = config.redis.tls;
    const bool own_files = !tls.ca.empty() || !tls.cert.empty();
    if (own_files && config.redis.url.starts_with("redis:") && config.redis.sentinel.tls.use != "always") {
        core::log::warn("config",
                        "redis.tls has no effect, and Redis is spoken to without TLS: redis.url has to begin with rediss://");
    }
    for (const auto& proxy : config.trusted_proxies) {
        if (proxy == "0.0.0.0/0" || proxy == "::/0") {
            core::log::warn("config", "trusted_proxies has every address: clients write their own X-Forwarded-For and -Host",
                            {{"network", proxy}});
        }
    }
    for (const auto& r : config.routes) {
        if (r.origins == std::vector<std::string>{"*"}) {
            core::log::warn("config", "origins is \"*\": any page may open this route with its visitor's cookies",
                            {{"route", r.path}});
        }
    }
    if (!config.redis.sentinels.empty()) {
        const auto named = redis::make_endpoint(config.redis, config.prefix);
        const auto usual = redis::make_endpoint(wsidecar::config::redis{}, config.prefix);
        if (named.host != config.redis.master && (named.host != usual.host || named.port != usual.port)) {
            core::log::warn("config", "the host in redis.url is not used: redis.sentinels say where the master is",
                            {{"host", named.host}, {"port", named.port}});
        }
    }
    if (config.push.require_signature && !config.sources.empty()) {
        core::log::warn("config",
                        "push.require_signature does not cover sources: what is in their channels and lists is not signed",
                        {{"sources", config.sources.size()}});
    }
    const auto& o = config.outbox;
    if (o.dedup_window < config.ping + config.pong_timeout + config.lease + 5s) {
        core::log::warn(
            "config",
            "outbox.dedup_window is below ping + pong_timeout + lease + 5s: what is delivered again after a fault may repeat",
            {{"dedup_window_ms", o.dedup_window.count()}});
    }
}

}  // namespace wsidecar::app
