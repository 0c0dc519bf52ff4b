#include "sidecar/net/relay.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <unordered_set>
#include <utility>
#include <vector>

#include "sidecar/core/log.hpp"
#include "sidecar/net/transport.hpp"

namespace wsidecar::net {
namespace asio = boost::asio;
namespace {

/// The most unread bytes of an app, so that an app that does not read cannot fill the pod's memory.
constexpr std::size_t queue_at_most = 64UL * 1024 * 1024;
constexpr std::size_t frame_at_most = 1024UL * 1024;

/// All destinations belong to the broker, and every client of the relay may SEND to them.
config::route relay_route() {
    config::route r;
    r.path.clear();
    r.protocol = "stomp";
    r.events.clear();
    r.stomp.app_prefixes.clear();
    r.stomp.broker_prefixes = {""};
    r.stomp.user_prefix = "/\x01";  // none: the app's own broker resolves them
    r.stomp.broadcast = true;
    r.limits.frame = frame_at_most;
    return r;
}

}  // namespace

struct relay::shared {
    boost::asio::io_context& loop;
    core::gateway& gateway;
    config::route route = relay_route();
    std::unordered_set<session*> sessions{};
    std::array<char, 64UL * 1024> scratch{};  ///< for one read; nobody keeps a view of it
};

/// One connection of the app. Frames come with a WebSocket header, which TCP has no use for.
class relay::session final : public core::session_port, public std::enable_shared_from_this<session> {
public:
    session(std::shared_ptr<shared> s, tcp_socket socket) : shared_(std::move(s)), peer_(std::move(socket)) {
        shared_->sessions.insert(this);
    }
    ~session() override { shared_->sessions.erase(this); }

    void start() {
        core::handshake h;
        h.route = &shared_->route;
        h.path = "relay";
        h.target = "relay";
        shared_->gateway.open(std::move(h), [this](core::handshake_verdict v) { conn_ = std::move(v.conn); });
        shared_->gateway.established(*conn_, *this);
        asio::co_spawn(shared_->loop, read(shared_from_this()), asio::detached);
    }

    void send(core::frame_ptr frame, std::uint64_t tag, std::uint64_t) override {
        if (closing_) {
            return;
        }
        const auto payload = frame->payload();
        if (out_.size() + payload.size() > queue_at_most) {
            core::log::limited(core::log::level::error, "relay", "the app does not read: its relay session is closed",
                               {{"bytes", out_.size()}});
            end();
            return;
        }
        out_.append(payload);
        if (tag >= core::first_delivery_id) {
            tags_.push_back(tag);
        }
        if (!writing_) {
            writing_ = true;
            asio::co_spawn(shared_->loop, write(shared_from_this()), asio::detached);
        }
    }

    void close(std::uint16_t, std::string_view) override {
        closing_ = true;
        if (!writing_) {
            end();
        }
    }

    void pause_reading(bool) override {}  // its frames are processed at once, so nothing waits
    std::size_t queued_bytes() const override { return out_.size(); }

    void end() {
        closing_ = true;
        asio::post(shared_->loop, [self = shared_from_this()] { self->report(); });
    }

    void report() {
        peer_.close();
        if (const auto c = std::exchange(conn_, nullptr)) {
            shared_->gateway.closed(*c, terms(core::close_cause::relay).code, "", core::close_cause::relay);
        }
    }

private:
    static task<void> read(std::shared_ptr<session> self) {
        while (self->conn_) {
            const io_result r = co_await self->peer_.read_some(self->shared_->scratch.data(), self->shared_->scratch.size());
            if (r.ec || !self->conn_) {
                break;
            }
            const core::connection_ptr keep = self->conn_;
            self->shared_->gateway.relayed(*keep, {self->shared_->scratch.data(), r.n});
        }
        self->report();
    }

    static task<void> write(std::shared_ptr<session> self) {
        while (!self->out_.empty() && self->conn_) {
            const std::string bytes = std::exchange(self->out_, {});
            const auto tags = std::exchange(self->tags_, {});
            const auto ec = co_await self->peer_.write_all(bytes);
            if (ec || !self->conn_) {
                break;
            }
            // Loopback, and the other end is the app's own: what the kernel has, it gets.
            for (const std::uint64_t tag : tags) {
                self->shared_->gateway.confirmed(*self->conn_, tag);
            }
        }
        self->writing_ = false;
        if (self->closing_) {
            self->report();
        }
    }

    std::shared_ptr<shared> shared_;
    transport peer_;
    core::connection_ptr conn_;
    std::string out_;
    std::vector<std::uint64_t> tags_;
    bool writing_ = false;
    bool closing_ = false;
};

relay::relay(boost::asio::io_context& loop, core::gateway& gateway, timers& clock, const config::relay& settings)
    : shared_(new shared{loop, gateway}),
      address_(settings.address),
      listener_(loop, clock, [this](tcp_socket s, auto) { std::make_shared<session>(shared_, std::move(s))->start(); }) {}

relay::~relay() {
    stop();
}

void relay::start() {
    listener_options options;
    options.address = address_;
    listener_.start(options);
    core::log::info("relay", "listening for the app's own STOMP relay", {{"port", listener_.endpoint().port()}});
}

void relay::stop() {
    listener_.stop();
    const std::vector<session*> all(shared_->sessions.begin(), shared_->sessions.end());
    for (session* s : all) {
        s->report();
    }
}

std::size_t relay::sessions() const {
    return shared_->sessions.size();
}

}  // namespace wsidecar::net
