#include "sidecar/net/http_pass.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <stdexcept>

#include "sidecar/net/pass_exchange.hpp"

namespace wsidecar::net {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using boost::system::error_code;

namespace {

constexpr auto sweep_period = 50ms;
constexpr unsigned look_every = 5;  ///< sweeps: a client's going away costs a system call to see
constexpr auto keep_for = 5s;
constexpr std::size_t keep_most = 32;
/// Those that are refused, or on their way out, beside those that wait.
constexpr std::size_t unplaced_at_least = 64;
constexpr std::size_t queue_at_least = 64;

/// Nothing to read, not even an end.
bool is_quiet(app_socket& s) {
    char byte = 0;
    error_code ec;
    s.receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, ec);
    return ec == asio::error::would_block;
}

}  // namespace

pass_options pass_options_of(const config::config& c) {
    pass_options o;
    o.url = c.app.url;
    o.timeout = c.pass.timeout;
    o.concurrency = c.pass.concurrency;
    o.per_address = c.connections_per_address;
    o.host = c.app.host == "preserve" ? "" : c.app.host;
    o.trusted_proxies = c.trusted_proxies;
    return o;
}

http_pass::http_pass(asio::io_context& loop, pass_options options, core::metrics& metrics)
    : shared_(std::make_shared<shared>(loop, metrics)) {
    configure(std::move(options));
}

http_pass::~http_pass() {
    stop();
}

void http_pass::configure(pass_options options) {
    auto where = parse_app_url(options.url);
    if (!where) {
        throw std::invalid_argument(where.error().detail);
    }
    auto trusted = proto::trusted_proxies::compile(options.trusted_proxies);
    if (!trusted) {
        throw std::invalid_argument(trusted.error().detail);
    }
    if (options.url != shared_->options.url) {
        while (shared_->take()) {
        }
    }
    shared_->options = std::move(options);
    shared_->where = std::move(*where);
    shared_->trusted = std::move(*trusted);
    shared_->give_places();
}

void http_pass::request(handover h, bool read_only, std::function<void(transport, std::string)> again) {
    auto x = std::make_shared<exchange>(shared_, std::move(h));
    asio::co_spawn(shared_->loop.get_executor(), exchange::pass(std::move(x), read_only, std::move(again)), asio::detached);
}

void http_pass::tunnel(handover h) {
    auto x = std::make_shared<exchange>(shared_, std::move(h));
    asio::co_spawn(shared_->loop.get_executor(), exchange::open_tunnel(std::move(x)), asio::detached);
}

void http_pass::close_tunnels() {
    const auto open = shared_->tunnels;
    for (auto* t : open) {
        t->close();
    }
}

/// Those without a place are few: they wait, or their answer is on its way.
bool http_pass::room() const {
    return shared_->active.size() < shared_->options.concurrency + shared_->queue_bound() + unplaced_at_least;
}

std::size_t http_pass::placed() const {
    return shared_->placed();
}

std::size_t http_pass::requests() const {
    return shared_->active.size();
}
std::size_t http_pass::tunnels() const {
    return shared_->tunnels.size();
}

void http_pass::stop() {
    close_tunnels();
    const auto active = shared_->active;
    for (auto* x : active) {
        x->abort();
    }
    while (shared_->take()) {
    }
}

// ---------------------------------------------------------------------------------------------------- shared

std::size_t http_pass::shared::share_of_one() const {
    const std::size_t share = options.per_address != 0 ? options.per_address : (options.concurrency + 1) / 2;
    return std::min(share, options.concurrency);
}

std::size_t http_pass::shared::queue_bound() const {
    return std::max(options.concurrency, queue_at_least);
}

bool http_pass::shared::place_for(std::string_view address) const {
    return placed_ < options.concurrency && places_.count(address) < share_of_one();
}

address_count::slot http_pass::shared::take_place(std::string_view address) {
    ++placed_;
    return places_.take(address);
}

bool http_pass::shared::may_wait(std::string_view address) const {
    // One address leaves half of the queue to others.
    return waiting_.size() < queue_bound() && queued_.count(address) < queue_bound() / 2;
}

void http_pass::shared::give_back(address_count::slot& place) {
    if (place) {
        place.reset();
        --placed_;
        give_places();
    }
}

void http_pass::shared::give_places() {
    for (auto it = waiting_.begin(); it != waiting_.end() && placed_ < options.concurrency;) {
        if (place_for((*it)->client())) {
            exchange* const x = *it;
            it = waiting_.erase(it);
            x->placed(take_place(x->client()));
        } else {
            ++it;
        }
    }
}

std::optional<app_socket> http_pass::shared::take() {
    while (!kept_.empty()) {
        app_socket s = std::move(kept_.back().socket);
        kept_.pop_back();
        if (is_quiet(s)) {
            return s;
        }
    }
    return std::nullopt;
}

void http_pass::shared::keep(app_socket s) {
    if (kept_.size() < keep_most) {
        kept_.push_back({std::move(s), pass_clock::now() + keep_for});
        arm_sweep();
    }
}

void http_pass::shared::arm_sweep() {
    if (sweeping_ || (active.empty() && kept_.empty())) {
        return;
    }
    sweeping_ = true;
    sweep_timer.expires_after(sweep_period);
    sweep_timer.async_wait([self = shared_from_this()](error_code) {
        self->sweeping_ = false;
        self->sweep();
    });
}

void http_pass::shared::sweep() {
    const auto now = pass_clock::now();
    const bool look = ++turn_ % look_every == 0;
    std::erase_if(kept_, [&](kept& k) { return now >= k.until || !is_quiet(k.socket); });
    for (auto* x : active) {
        x->check(now, look);
    }
    arm_sweep();
}

}  // namespace wsidecar::net
