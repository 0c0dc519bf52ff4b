#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "proto/http/http_head.hpp"
#include "proto/text/cidr.hpp"
#include "sidecar/net/address_count.hpp"
#include "sidecar/net/app_endpoint.hpp"
#include "sidecar/net/http_pass.hpp"
#include "sidecar/net/http_reader.hpp"
#include "sidecar/net/pass_head.hpp"
#include "sidecar/net/tunnel.hpp"

namespace wsidecar::net {

using pass_clock = std::chrono::steady_clock;
using pass_timer = boost::asio::basic_waitable_timer<pass_clock, boost::asio::wait_traits<pass_clock>, loop_executor>;

/// State that the exchanges of one http_pass share. It outlives http_pass while an exchange is under way. Event loop only.
struct http_pass::shared : std::enable_shared_from_this<http_pass::shared> {
    shared(boost::asio::io_context& l, core::metrics& m) : loop(l), metrics(m), sweep_timer(l) {}

    /// Returns a keep-alive connection that is still open, or nullopt.
    std::optional<app_socket> take();
    void keep(app_socket s);
    /// Starts the periodic check of deadlines, gone clients and keep-alive connections. It runs while there are any.
    void arm_sweep();

    boost::asio::io_context& loop;
    core::metrics& metrics;
    pass_options options;
    app_endpoint where;
    proto::trusted_proxies trusted;
    std::unordered_set<exchange*> active;
    std::unordered_set<net::tunnel*> tunnels;

    // The app has pass.concurrency places, and one client address gets at most its share. Requests without a place wait in order in a
    // bounded queue.
    bool place_for(std::string_view address) const;
    address_count::slot take_place(std::string_view address);
    bool may_wait(std::string_view address) const;
    address_count::slot wait_for_place(exchange& x, std::string_view address) {
        waiting_.push_back(&x);
        return queued_.take(address);
    }
    void wait_no_more(exchange& x) { std::erase(waiting_, &x); }
    void give_back(address_count::slot& place);
    void give_places();
    std::size_t placed() const { return placed_; }
    std::size_t queue_bound() const;

private:
    std::size_t share_of_one() const;

    address_count places_;
    address_count queued_;
    std::size_t placed_ = 0;
    std::deque<exchange*> waiting_;

    struct kept {
        app_socket socket;
        pass_clock::time_point until;
    };
    void sweep();

    std::vector<kept> kept_;
    pass_timer sweep_timer;
    bool sweeping_ = false;
    unsigned turn_ = 0;
};

/// One passed request. It has up to two coroutines (the request's body up, the answer down); the periodic check ends it when it is late.
class http_pass::exchange : public std::enable_shared_from_this<http_pass::exchange> {
public:
    using again_function = std::function<void(transport, std::string)>;

    exchange(std::shared_ptr<shared> s, handover h);
    ~exchange();

    static task<void> pass(std::shared_ptr<exchange> self, bool read_only, again_function again);
    static task<void> open_tunnel(std::shared_ptr<exchange> self);

    /// The client's address, as far as it is known.
    const std::string& client() const { return client_address_; }
    /// The request has got its place.
    void placed(address_count::slot place);
    void check(pass_clock::time_point now, bool look_at_client);
    /// Closes both connections, which ends the coroutines.
    void abort();

private:
    enum class outcome { done, no_byte, failed };

    bool read_head();
    const char* refusal(bool read_only) const;
    task<bool> take_place();
    task<void> forward();
    task<boost::system::error_code> connect(bool kept_allowed);
    static task<void> upload(std::shared_ptr<exchange> self);
    task<void> send_body();
    task<outcome> relay_answer();
    bool take_answer(std::string& out);
    task<bool> read_app();
    std::string head_for_app() const;
    void close_app();
    task<void> answer_failure();
    task<void> refuse(unsigned status, std::string_view text, std::string_view extra);
    task<void> let_client_finish();
    bool may_replay() const;
    void count(unsigned status);

    static constexpr auto never = pass_clock::time_point::max();
    static constexpr std::uint32_t head_limit = 64 * 1024;
    /// The bytes that a client must send within options.stall.
    static constexpr std::size_t body_step = 16 * 1024;
    static constexpr std::size_t io_size = 16 * 1024;
    /// After this many reads the coroutine yields, so that a fast app and a fast client do not block the event loop.
    static constexpr unsigned reads_per_turn = 8;

    std::shared_ptr<shared> shared_;
    std::shared_ptr<void> counted_;  ///< of a tunnel
    address_count::slot place_;      ///< at the app
    address_count::slot queued_;     ///< while it waits for a place
    std::string client_address_;
    transport client_;
    std::string in_;  ///< read from the client, not yet used
    std::size_t head_size_;
    std::string address_;
    std::string raw_head_;  ///< what head_ looks into
    proto::request_head head_;
    request_reader request_;
    std::optional<app_socket> app_;
    std::optional<answer_reader> answer_;
    std::string app_in_;  ///< read from the app, not yet used
    framing framing_ = framing::none;
    unsigned reads_ = 0;
    bool kept_ = false;  ///< app_ has carried requests before
    bool keep_client_ = false;
    bool head_sent_ = false;
    bool switched_ = false;  ///< the app answered 101
    bool upgrade_ = false;
    bool any_byte_ = false;
    bool waiting_ = false;  ///< for a place
    bool uploading_ = false;
    bool upload_failed_ = false;  ///< the app takes no more of the body
    bool draining_ = false;       ///< the answer is out: what the client still sends is thrown away
    bool bad_body_ = false;
    bool timed_out_ = false;
    bool client_gone_ = false;
    std::size_t body_progress_ = 0;  ///< bytes of the body since body_deadline_ was set
    pass_timer place_came_;
    pass_timer upload_ended_;
    pass_clock::time_point place_deadline_ = never;   ///< it waits no longer for a place
    pass_clock::time_point app_deadline_ = never;     ///< the app must take or answer
    pass_clock::time_point upload_deadline_ = never;  ///< the app must take a part of the body
    pass_clock::time_point client_deadline_ = never;  ///< the client must take the answer
    pass_clock::time_point body_deadline_ = never;    ///< the client must send
};

}  // namespace wsidecar::net
