#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "proto/resp.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/endpoint.hpp"

namespace wsidecar::redis {

class link_news;
class stream;

/// One connection to Redis that reconnects by itself. It dials (through sentinels or a cluster's slot map where configured), logs in,
/// checks that the other end is a writable master, and then pipelines commands.
/// The connection counts as dead when a command has waited for its reply for 4 s (plus its own blocking time) and no bytes have
/// arrived meanwhile. It is then dropped, every pending callback gets a null reply, and dialling starts again after a jittered pause of
/// 50 ms to 1 s, without a limit on the attempts. Event loop only; must outlive io_context::run.
class link final : public command_port {
public:
    /// `news` logs connects, losses and failures; with null, only state() shows them. `loop`, `m` and `news` must outlive the link.
    link(boost::asio::io_context& loop, endpoint const& where, std::string name, core::metrics& m, link_news* news = nullptr);
    ~link() override;
    link(const link&) = delete;
    link& operator=(const link&) = delete;

    void start(hooks h) override;
    void stop() override;

    void send(const std::vector<std::string>& words, handler done = {}, std::chrono::milliseconds blocking = {}) override;
    void configure(const endpoint& where) override { where_ = where; }
    void reset(std::string_view why) override;
    void redial(std::string_view why) override;
    bool up() const override { return up_; }
    const std::string& state() const override { return state_; }
    std::chrono::steady_clock::time_point well_since() const override { return well_since_; }
    const std::string& history() const override { return history_; }
    int major_version() const override { return major_version_; }

private:
    using socket_type = boost::asio::generic::stream_protocol::socket;
    /// The connection that redial() ended.
    struct redialled {
        std::chrono::steady_clock::time_point at;
        std::chrono::steady_clock::time_point well_since;
        std::string history;
    };
    struct pending {
        handler done;
        std::chrono::steady_clock::time_point sent;
        std::chrono::milliseconds blocking;
    };

    boost::asio::awaitable<void> run();
    boost::asio::awaitable<std::string> dial();
    /// Returns the problem, or an empty string. `tls` is null for a plain connection; it must live until the coroutine has ended.
    boost::asio::awaitable<std::string> connect_to(std::string host, std::uint16_t port, const config::redis_tls* tls);
    boost::asio::awaitable<boost::system::error_code> open_socket(std::string host, std::uint16_t port, socket_type& to);
    std::string make_tls(const config::redis_tls& files);
    boost::asio::awaitable<std::string> locate(std::string& host, std::uint16_t& port);
    boost::asio::awaitable<std::string> find_in_cluster(std::string& host, std::uint16_t& port);
    boost::asio::awaitable<std::string> ask_cluster(std::string& host, std::uint16_t& port);
    boost::asio::awaitable<std::string> ask_sentinel(std::string at, std::string& host, std::uint16_t& port);
    boost::asio::awaitable<std::string> authenticate(std::string username, std::string password);
    boost::asio::awaitable<std::string> log_in();
    boost::asio::awaitable<std::tuple<boost::system::error_code, std::size_t>> read_some(char* to, std::size_t size);
    boost::asio::awaitable<std::unique_ptr<proto::reply>> ask(std::vector<std::string> words);
    void tell_unreachable(const std::string& problem);
    boost::asio::awaitable<std::string> read_loop();
    void take(proto::reply_view r);
    void note_info(std::string_view info);
    void flush();
    void fail_pending();
    void watch();
    std::chrono::steady_clock::time_point well_from_now();

    boost::asio::io_context& loop_;
    endpoint where_;
    std::string name_;
    core::metrics& metrics_;
    hooks hooks_;
    std::unique_ptr<stream> stream_;
    std::unique_ptr<boost::asio::ssl::context> tls_;
    std::unique_ptr<proto::reply_reader> reader_;
    boost::asio::steady_timer pause_;
    boost::asio::steady_timer watch_;
    boost::asio::steady_timer deadline_;  ///< while dialling and logging in
    std::deque<pending> pending_;
    std::string out_;
    std::string sending_;
    bool flush_posted_ = false;
    bool up_ = false;
    bool stopped_ = false;
    bool was_up_ = false;
    std::string state_ = "connecting";
    std::string why_;
    std::vector<std::pair<std::string, std::uint16_t>> nodes_;  ///< the cluster's nodes in its latest slot map
    std::string history_;
    int major_version_ = 0;
    unsigned failures_ = 0;   ///< consecutive failures; a connection that is lost within a second counts as one
    std::string unanswered_;  ///< why ask() returned no reply
    std::string told_;        ///< the problem that was last reported to `news_`; empty if none was
    std::chrono::steady_clock::time_point told_at_;
    link_news* news_;
    std::chrono::steady_clock::time_point well_since_;
    std::optional<redialled> redialled_;
    std::chrono::steady_clock::time_point last_bytes_;  ///< when bytes last arrived
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace wsidecar::redis
