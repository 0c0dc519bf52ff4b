#include "sidecar/cli/live_source.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <iostream>
#include <optional>
#include <vector>

#include "sidecar/core/metrics.hpp"
#include "sidecar/redis/link.hpp"
#include "sidecar/redis/source.hpp"

namespace wsidecar::cli {
using namespace std::chrono_literals;
namespace {

/// Redis has to be reached within this; later it may go and come back.
constexpr auto patience = 5s;
constexpr auto pause = 20ms;
constexpr auto block = 1000ms;
/// Entries at the head of a list that are looked at.
constexpr int looked_at = 100;

class watcher {
public:
    using seen = std::function<bool(const std::string&, const std::string&)>;

    watcher(const config::config& c, const config::source& s, std::string name, seen f)
        : source_(s),
          name_(std::move(name)),
          seen_(std::move(f)),
          link_(loop_, redis::make_endpoint(c.redis, c.prefix), "explain", unused_),
          timer_(loop_) {}

    int run() {
        redis::link::hooks hooks;
        hooks.up = [this] { on_up(); };
        hooks.down = [] { std::cerr << "wsidecar explain: the connection to Redis is lost; reconnecting\n"; };
        if (source_.list.empty()) {
            hooks.message = [this](proto::reply_view r) { on_message(r); };
        }
        link_.start(std::move(hooks));
        loop_.run_for(patience);
        if (!was_up_) {
            std::cerr << "wsidecar explain: no answer from Redis: " << link_.state() << '\n';
        } else if (!over_) {
            loop_.restart();
            loop_.run();
        }
        link_.stop();
        loop_.restart();
        loop_.run_for(10ms);  // what stop() cancelled ends
        return was_up_ ? 0 : 1;
    }

private:
    void on_up() {
        if (!was_up_) {
            std::cerr << "watching " << name_ << "; nothing is removed or delivered\n";
        }
        was_up_ = true;
        if (source_.list.empty()) {
            const bool pattern = !source_.pattern.empty() && source_.pattern == name_;
            link_.send({pattern ? "PSUBSCRIBE" : "SUBSCRIBE", name_});
        } else {
            look();
        }
    }

    void tell(const std::string& from, const std::string& payload) {
        if (!over_ && !seen_(from, payload)) {
            over_ = true;
            loop_.stop();
        }
    }

    void on_message(proto::reply_view r) {
        const auto kind = r[0].text();
        if (kind == "message" && r.size() == 3) {
            tell(std::string(r[1].text()), std::string(r[2].text()));
        } else if (kind == "pmessage" && r.size() == 4) {
            tell(std::string(r[2].text()), std::string(r[3].text()));
        }
    }

    // A list: the head is moved onto itself, which changes nothing and waits while there is none, as the router does.

    std::string key() const { return redis::source_reader(source_).key(); }
    bool left() const { return source_.pop == "left"; }

    void look() {
        const std::vector<std::string> head =
            left() ? std::vector<std::string>{"LRANGE", key(), "0", std::to_string(looked_at - 1)}
                   : std::vector<std::string>{"LRANGE", key(), std::to_string(-looked_at), "-1"};
        link_.send(head, [this](proto::reply_view r) {
            if (r.is_null()) {
                return;  // the connection has gone: on_up() looks again
            }
            std::vector<std::string> now;
            for (std::size_t i = 0; i < r.size(); ++i) {
                now.emplace_back(r[i].text());
            }
            if (!left()) {
                std::reverse(now.begin(), now.end());
            }
            tell_new(now);
            last_ = std::move(now);
            wait();
        });
    }

    /// What was not there at the last look. Entries leave at the front and come at the back.
    void tell_new(const std::vector<std::string>& now) {
        std::size_t gone = 0;
        while (gone < last_.size() &&
               !std::equal(last_.begin() + static_cast<std::ptrdiff_t>(gone), last_.end(), now.begin(),
                           now.begin() + static_cast<std::ptrdiff_t>(std::min(now.size(), last_.size() - gone)))) {
            ++gone;
        }
        for (std::size_t i = last_.size() - gone; i < now.size(); ++i) {
            tell(source_.list, now[i]);
        }
    }

    void wait() {
        const char* side = left() ? "LEFT" : "RIGHT";
        if (!last_.empty()) {
            timer_.expires_after(pause);
            timer_.async_wait([this](boost::system::error_code ec) {
                if (!ec) {
                    look();
                }
            });
            return;
        }
        link_.send(
            {"BLMOVE", key(), key(), side, side, "1"},
            [this](proto::reply_view r) {
                // What was moved is told at once: whoever consumes the list may have taken it by the time of the next look.
                if (r.is_string()) {
                    last_ = {std::string(r.text())};
                    tell(source_.list, last_.front());
                }
                if (link_.up()) {
                    look();
                }
            },
            block);
    }

    const config::source& source_;
    std::string name_;
    seen seen_;
    boost::asio::io_context loop_{1};
    core::metrics unused_;
    redis::link link_;
    boost::asio::steady_timer timer_;
    std::vector<std::string> last_;
    bool was_up_ = false;
    bool over_ = false;
};

}  // namespace

int watch_source(const config::config& c, const config::source& s, const std::string& name,
                 const std::function<bool(const std::string&, const std::string&)>& f) {
    return watcher(c, s, name, f).run();
}

}  // namespace wsidecar::cli
