#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace wsidecar::redis {

/// Logs what happens to an instance's connections to Redis. They usually fail together and for one reason, so they share one line that
/// names all of them. The same line is repeated after 2 s at the earliest, with the number of times since. Lines that are still being
/// collected are logged on destruction. Event loop only.
class link_news {
public:
    enum class event { connected, lost, unreachable };

    explicit link_news(boost::asio::io_context& loop) : loop_(loop) {}
    ~link_news();
    link_news(const link_news&) = delete;
    link_news& operator=(const link_news&) = delete;

    /// `error` describes the problem and its remedy; it is empty for `connected`.
    void tell(event what, const std::string& link, const std::string& to, const std::string& error = {});

private:
    using key = std::tuple<event, std::string, std::string>;
    struct line {
        explicit line(boost::asio::io_context& loop) : due(loop) {}
        boost::asio::steady_timer due;
        std::vector<std::string> links;
        unsigned times = 0;
    };

    void wait(const key& which, line& gathered, std::chrono::milliseconds how_long);
    static void write(const key& which, line& gathered);

    boost::asio::io_context& loop_;
    std::map<key, line> lines_;
};

}  // namespace wsidecar::redis
