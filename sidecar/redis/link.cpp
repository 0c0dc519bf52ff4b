#include "sidecar/redis/link.hpp"

#include <netinet/tcp.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

#include "proto/ids.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/stream.hpp"

namespace wsidecar::redis {
namespace asio = boost::asio;
namespace log = core::log;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

namespace {

constexpr auto reply_limit = 4s;    ///< a reply later than this: the connection is dead
constexpr auto prompt = 1s;         ///< a reply later than this: not well
constexpr auto dial_limit = 2s;
constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

/// Finds a dead peer within seconds, also when nothing is sent.
void tune(stream::socket_type& s) {
    const int fd = s.native_handle();
    const auto set = [fd](int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 5);
    set(IPPROTO_TCP, TCP_KEEPINTVL, 2);
    set(IPPROTO_TCP, TCP_KEEPCNT, 2);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
}

std::string_view line_of(std::string_view info, std::string_view key) {
    const auto at = info.find(key);
    if (at == std::string_view::npos) {
        return {};
    }
    const auto start = at + key.size();
    return info.substr(start, info.find_first_of("\r\n", start) - start);
}

}  // namespace

link::link(asio::io_context& loop, endpoint const& where, std::string name, core::metrics& m)
    : loop_(loop), where_(where), name_(std::move(name)), metrics_(m), pause_(loop), watch_(loop), deadline_(loop),
      well_since_(clock::time_point::max()) {}

link::~link() { stop(); }

void link::start(hooks h) {
    hooks_ = std::move(h);
    asio::co_spawn(loop_, run(), asio::detached);
    watch();
}

void link::stop() {
    if (!stopped_) {
        stopped_ = true;
        *alive_ = false;
        up_ = false;
        pause_.cancel();
        watch_.cancel();
        deadline_.cancel();
        if (stream_) {
            stream_->close();
        }
    }
}

void link::send(const std::vector<std::string>& words, handler done, std::chrono::milliseconds blocking) {
    std::string bytes;
    proto::append_command(bytes, words);
    send_raw(bytes, std::move(done), blocking);
}

void link::send_raw(std::string_view bytes, handler done, std::chrono::milliseconds blocking) {
    if (!up_) {
        if (done) {
            done(proto::reply_view());
        }
        return;
    }
    out_.append(bytes);
    if (!hooks_.message) {
        pending_.push_back({std::move(done), clock::now(), blocking});
    }
    if (!flush_posted_ && sending_.empty()) {
        // Everything that one turn of the loop has to say leaves in one write.
        flush_posted_ = true;
        asio::post(loop_, [this, alive = alive_] {
            if (*alive) {
                flush_posted_ = false;
                flush();
            }
        });
    }
}

void link::flush() {
    if (out_.empty() || !sending_.empty() || !stream_ || !up_) {
        return;
    }
    sending_.swap(out_);
    stream_->write(sending_, [this, alive = alive_](boost::system::error_code ec, std::size_t) {
        if (!*alive) {
            return;
        }
        sending_.clear();
        if (!ec) {
            flush();
        }  // else the read loop finds out
    });
}

void link::reset(std::string_view why) {
    if (stream_) {
        why_ = why;
        stream_->close();
    }
}

void link::watch() {
    watch_.expires_after(500ms);
    watch_.async_wait([this, alive = alive_](boost::system::error_code ec) {
        if (ec || !*alive) {
            return;
        }
        if (up_ && !pending_.empty()) {
            const auto age = clock::now() - pending_.front().sent - pending_.front().blocking;
            if (age > prompt) {
                well_since_ = clock::time_point::max();
            }
            if (age > reply_limit) {
                metrics_.redis_errors.at({"no_answer"}) += 1;
                reset("no answer for 4 s");
            }
        }
        watch();
    });
}

asio::awaitable<void> link::run() {
    const auto alive = alive_;
    while (!stopped_) {
        std::string problem = co_await dial();
        if (!*alive) {
            co_return;
        }
        if (problem.empty()) {
            failures_ = 0;
            up_ = true;
            state_ = "ok";
            well_since_ = clock::now();
            if (was_up_) {
                metrics_.redis_reconnects.at({name_}) += 1;
            }
            was_up_ = true;
            log::info("redis", "connected", {{"link", name_}, {"to", where_.describe()}});
            hooks_.up();
            problem = co_await read_loop();
            if (!*alive) {
                co_return;
            }
        }
        const bool fell = up_;
        up_ = false;
        well_since_ = clock::time_point::max();
        if (!why_.empty()) {
            problem = std::move(why_);
            why_.clear();
        }
        state_ = problem;
        stream_->close();
        if (fell || ++failures_ == 1) {
            log::warn("redis", fell ? "connection lost" : "cannot connect",
                      {{"link", name_}, {"to", where_.describe()}, {"error", problem}});
        }
        if (fell) {
            fail_pending();
            hooks_.down();
        }
        const auto ceiling = std::min<std::uint32_t>(1000, 50U << std::min(failures_, 5U));
        pause_.expires_after(std::chrono::milliseconds(ceiling / 2 + proto::random_below(ceiling / 2 + 1)));
        co_await pause_.async_wait(use_tuple);
        if (!*alive) {
            co_return;
        }
    }
}

asio::awaitable<std::string> link::dial() {
    const auto alive = alive_;
    stream_ = std::make_unique<stream>(stream::socket_type(loop_));
    std::string host = where_.host;
    std::uint16_t port = where_.port;
    std::string problem;
    if (!where_.sentinels.empty() || where_.cluster) {
        problem = co_await locate(host, port);
    }
    if (problem.empty() && *alive) {
        problem = co_await connect_to(host, port, where_.tls);
    }
    if (problem.empty() && *alive) {
        problem = co_await log_in();
    }
    if (*alive) {
        deadline_.cancel();
    }
    co_return problem;
}

asio::awaitable<std::string> link::connect_to(std::string host, std::uint16_t port, bool tls) {
    const auto alive = alive_;
    reader_ = std::make_unique<proto::reply_reader>();
    // One deadline for connecting, TLS and the login: whatever hangs, the socket is closed under it.
    auto expired = std::make_shared<bool>(false);
    deadline_.expires_after(dial_limit);
    deadline_.async_wait([this, alive, expired](boost::system::error_code ec) {
        if (!ec && *alive) {
            *expired = true;
            stream_->close();
        }
    });
    stream::socket_type socket(loop_);
    boost::system::error_code failure;
    if (!where_.socket.empty()) {
        asio::local::stream_protocol::socket s(loop_);
        const auto [ec] = co_await s.async_connect(asio::local::stream_protocol::endpoint(where_.socket), use_tuple);
        failure = ec;
        socket = std::move(s);
    } else {
        asio::ip::tcp::resolver resolver(loop_);
        const std::string service = std::to_string(port);
        const auto [rec, found] = co_await resolver.async_resolve(host, service, use_tuple);
        if (!*alive) {
            co_return "stopped";
        }
        if (rec) {
            co_return host + ": " + rec.message();
        }
        for (const auto& entry : found) {
            const asio::ip::tcp::endpoint to = entry.endpoint();
            asio::ip::tcp::socket s(loop_);
            // The deadline closes stream_: the socket must be in there while it connects.
            stream_ = std::make_unique<stream>(stream::socket_type(loop_));
            asio::steady_timer limit(loop_, dial_limit);
            limit.async_wait([&s](boost::system::error_code ec) {
                if (!ec) {
                    boost::system::error_code ignored;
                    s.close(ignored);
                }
            });
            const auto [ec] = co_await s.async_connect(to, use_tuple);
            limit.cancel();
            if (!*alive) {
                co_return "stopped";
            }
            failure = ec;
            if (!ec) {
                socket = std::move(s);
                break;
            }
        }
    }
    if (failure) {
        co_return failure.message();
    }
    tune(socket);
    stream_ = std::make_unique<stream>(std::move(socket));
    if (*expired) {
        co_return "timed out";
    }
    if (!tls) {
        co_return "";
    }
    if (!tls_) {
        try {
            tls_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
            const auto& f = where_.tls_files;
            f.ca.empty() ? tls_->set_default_verify_paths() : tls_->load_verify_file(f.ca);
            if (!f.cert.empty()) {
                tls_->use_certificate_chain_file(f.cert);
                tls_->use_private_key_file(f.key.empty() ? f.cert : f.key, asio::ssl::context::pem);
            }
            tls_->set_verify_mode(f.verify ? asio::ssl::verify_peer : asio::ssl::verify_none);
        } catch (const boost::system::system_error& e) {
            tls_.reset();
            co_return std::string("TLS: ") + e.what();
        }
    }
    std::string name = !where_.tls_files.verify ? "" : !where_.tls_files.server_name.empty() ? where_.tls_files.server_name : host;
    const auto ec = co_await stream_->secure(*tls_, name);
    co_return ec ? "TLS: " + ec.message() : "";
}

/// Asks the sentinels, or the cluster, who the master is.
asio::awaitable<std::string> link::locate(std::string& host, std::uint16_t& port) {
    const auto alive = alive_;
    if (where_.cluster) {
        std::string problem = co_await connect_to(host, port, where_.tls);
        if (!problem.empty()) {
            co_return problem;
        }
        std::vector<std::string> auth{"AUTH", where_.username.empty() ? "default" : where_.username, where_.password};
        if (!where_.password.empty()) {
            co_await ask(auth);
        }
        std::vector<std::string> words{"CLUSTER", "SLOTS"};
        const auto slots = co_await ask(words);
        if (!*alive || !slots || !slots->view().is_array()) {
            co_return "CLUSTER SLOTS failed";
        }
        const auto wanted = static_cast<std::int64_t>(proto::key_slot(where_.slot_key));
        for (std::size_t i = 0; i < slots->view().size(); ++i) {
            const auto range = slots->view()[i];
            if (range[0].integer() <= wanted && wanted <= range[1].integer()) {
                host = range[2][0].text().empty() ? host : std::string(range[2][0].text());
                port = static_cast<std::uint16_t>(range[2][1].integer());
                co_return "";
            }
        }
        co_return "no master has the slot of the prefix";
    }
    std::string problem = "no sentinel answers";
    for (const std::string& sentinel : where_.sentinels) {
        const auto colon = sentinel.rfind(':');
        const std::string name = sentinel.substr(0, colon);
        const auto at = static_cast<std::uint16_t>(colon == std::string::npos ? 26379 : std::atoi(sentinel.c_str() + colon + 1));
        const std::string failed = co_await connect_to(name, at, false);
        if (!*alive) {
            co_return "stopped";
        }
        if (!failed.empty()) {
            problem = "sentinel " + sentinel + ": " + failed;
            continue;
        }
        std::vector<std::string> words{"SENTINEL", "get-master-addr-by-name", where_.master};
        const auto master = co_await ask(words);
        if (master && master->view().size() == 2) {
            host = std::string(master->view()[0].text());
            port = static_cast<std::uint16_t>(std::atoi(std::string(master->view()[1].text()).c_str()));
            co_return "";
        }
        problem = "sentinel " + sentinel + " does not know " + where_.master;
    }
    co_return problem;
}

asio::awaitable<std::tuple<boost::system::error_code, std::size_t>> link::read_some(char* to, std::size_t size) {
    auto initiate = [this, to, size](auto resume) {
        auto h = std::make_shared<decltype(resume)>(std::move(resume));
        stream_->read_some(to, size, [h](boost::system::error_code ec, std::size_t n) { std::move(*h)(ec, n); });
    };
    co_return co_await asio::async_initiate<decltype(use_tuple), void(boost::system::error_code, std::size_t)>(initiate, use_tuple);
}

/// One command before the link is up. Null when the connection went.
asio::awaitable<std::unique_ptr<proto::reply>> link::ask(std::vector<std::string> words) {
    const auto alive = alive_;
    std::string bytes;
    proto::append_command(bytes, words);
    auto initiate_write = [this, &bytes](auto resume) {
        auto h = std::make_shared<decltype(resume)>(std::move(resume));
        stream_->write(bytes, [h](boost::system::error_code ec, std::size_t n) { std::move(*h)(ec, n); });
    };
    const auto [wec, written] =
        co_await asio::async_initiate<decltype(use_tuple), void(boost::system::error_code, std::size_t)>(initiate_write, use_tuple);
    std::array<char, 4096> buffer;
    while (!wec && *alive) {
        auto next = reader_->next();
        if (next.has_error()) {
            co_return nullptr;
        }
        if (*next) {
            co_return std::move(*next);
        }
        const auto [ec, n] = co_await read_some(buffer.data(), buffer.size());
        if (ec || !*alive) {
            break;
        }
        reader_->feed({buffer.data(), n});
    }
    co_return nullptr;
}

asio::awaitable<std::string> link::log_in() {
    const auto alive = alive_;
    if (!where_.password.empty() || !where_.username.empty()) {
        std::vector<std::string> auth{"AUTH"};
        if (!where_.username.empty()) {
            auth.push_back(where_.username);
        }
        auth.push_back(where_.password);
        const auto r = co_await ask(auth);
        if (!r) {
            co_return "no answer to AUTH";
        }
        if (r->view().is_error()) {
            co_return std::string(r->view().text());
        }
    }
    if (where_.database != 0) {
        std::vector<std::string> select{"SELECT", std::to_string(where_.database)};
        const auto r = co_await ask(select);
        if (!r || r->view().is_error()) {
            co_return r ? std::string(r->view().text()) : "no answer to SELECT";
        }
    }
    std::vector<std::string> setname{"CLIENT", "SETNAME", "wsidecar-" + name_};
    const auto named = co_await ask(setname);  // not allowed on some managed services: no matter
    if (!named) {
        co_return "no answer";
    }
    std::vector<std::string> role_words{"ROLE"};
    const auto role = co_await ask(role_words);
    if (!role) {
        co_return "no answer to ROLE";
    }
    const auto text = role->view().is_error() ? role->view().text() : role->view()[0].text();
    if (text.starts_with("LOADING") || text.starts_with("NOAUTH")) {
        co_return std::string(text);
    }
    if (text == "slave") {
        co_return "READONLY: a replica, not the master";
    }
    std::vector<std::string> info_words{"INFO", "server"};
    const auto info = co_await ask(info_words);
    if (!info) {
        co_return "no answer to INFO";
    }
    if (info->view().is_string()) {
        note_info(info->view().text());
    }
    co_return *alive ? "" : "stopped";
}

void link::note_info(std::string_view info) {
    run_id_ = std::string(line_of(info, "run_id:"));
    const auto version = line_of(info, "redis_version:");
    std::from_chars(version.data(), version.data() + version.size(), major_version_);
}

asio::awaitable<std::string> link::read_loop() {
    const auto alive = alive_;
    std::vector<char> buffer(64 * 1024);
    for (;;) {
        for (;;) {
            auto next = reader_->next();
            if (next.has_error()) {
                metrics_.redis_errors.at({next.error().reason}) += 1;
                co_return next.error().detail;
            }
            if (!*next) {
                break;
            }
            take((*next)->view());
            if (!*alive) {
                co_return "stopped";
            }
        }
        const auto [ec, n] = co_await read_some(buffer.data(), buffer.size());
        if (!*alive) {
            co_return "stopped";
        }
        if (ec) {
            co_return ec == asio::error::eof ? "closed by Redis" : ec.message();
        }
        reader_->feed({buffer.data(), n});
    }
}

void link::take(proto::reply_view r) {
    if (hooks_.message) {
        hooks_.message(r);
        return;
    }
    if (pending_.empty()) {
        return;
    }
    pending p = std::move(pending_.front());
    pending_.pop_front();
    if (r.is_error()) {
        const auto text = r.text();
        metrics_.redis_errors.at({text.substr(0, std::min(text.find(' '), std::size_t{24}))}) += 1;
        if (text.starts_with("READONLY") || text.starts_with("MOVED") || text.starts_with("LOADING") || text.starts_with("MASTERDOWN")) {
            reset(text);
        }
    }
    if (p.done) {
        p.done(r);
    }
}

void link::fail_pending() {
    out_.clear();
    auto lost = std::move(pending_);
    pending_.clear();
    for (auto& p : lost) {
        if (p.done) {
            p.done(proto::reply_view());
        }
    }
}

}  // namespace wsidecar::redis
