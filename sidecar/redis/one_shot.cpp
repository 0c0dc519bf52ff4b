#include "sidecar/redis/one_shot.hpp"

#include <boost/asio/io_context.hpp>

#include "sidecar/core/metrics.hpp"
#include "sidecar/redis/link.hpp"

namespace wsidecar::redis {

one_reply run_once(const config::config& c, const std::vector<std::string>& words) {
    boost::asio::io_context loop{1};
    core::metrics unused;
    one_reply out;
    bool answered = false;
    link l(loop, make_endpoint(c.redis, c.prefix), "cli", unused);
    link::hooks hooks;
    hooks.up = [&] {
        l.send(words, [&](proto::reply_view r) {
            answered = true;
            out.error = r.is_error() ? std::string(r.text()) : std::string();
            out.number = r.integer();
            loop.stop();
        });
    };
    hooks.down = [] {};
    l.start(std::move(hooks));
    loop.run_for(std::chrono::seconds(5));
    if (!answered) {
        out.error = "no answer from Redis: " + l.state();
    }
    l.stop();
    loop.restart();
    loop.run_for(std::chrono::milliseconds(10));  // what stop() cancelled ends
    return out;
}

}  // namespace wsidecar::redis
