// link: from a name to a connection that is logged in to a master.

#include <netinet/tcp.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

#include "sidecar/redis/link.hpp"
#include "sidecar/redis/stream.hpp"

namespace wsidecar::redis {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

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

/// Connects within dial_limit; the socket, or what went wrong.
asio::awaitable<boost::system::error_code> link::open_socket(std::string host, std::uint16_t port, stream::socket_type& to) {
    const auto alive = alive_;
    if (!where_.socket.empty()) {
        asio::local::stream_protocol::socket s(loop_);
        const auto [ec] = co_await s.async_connect(asio::local::stream_protocol::endpoint(where_.socket), use_tuple);
        to = std::move(s);
        co_return ec;
    }
    asio::ip::tcp::resolver resolver(loop_);
    const std::string service = std::to_string(port);
    const auto [resolved, found] = co_await resolver.async_resolve(host, service, use_tuple);
    boost::system::error_code failure = resolved;
    for (const auto& entry : found) {
        if (!*alive) {
            break;
        }
        const asio::ip::tcp::endpoint address = entry.endpoint();
        // Shared with the timer, whose handler may be on its way when the connection is there.
        const auto socket = std::make_shared<asio::ip::tcp::socket>(loop_);
        asio::steady_timer limit(loop_, dial_limit);
        limit.async_wait([weak = std::weak_ptr(socket)](boost::system::error_code ec) {
            if (const auto s = weak.lock(); s && !ec) {
                boost::system::error_code ignored;
                s->close(ignored);
            }
        });
        const auto [ec] = co_await socket->async_connect(address, use_tuple);
        limit.cancel();
        failure = ec;
        if (!ec) {
            to = std::move(*socket);
            break;
        }
    }
    co_return *alive ? failure : make_error_code(asio::error::operation_aborted);
}

/// Reads the files, at each dial: the settings, or what the files hold, may have changed. What is wrong with them, or nothing.
std::string link::make_tls() {
    try {
        tls_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
        const auto& f = where_.tls_files;
        f.ca.empty() ? tls_->set_default_verify_paths() : tls_->load_verify_file(f.ca);
        if (!f.cert.empty()) {
            tls_->use_certificate_chain_file(f.cert);
            tls_->use_private_key_file(f.key.empty() ? f.cert : f.key, asio::ssl::context::pem);
        }
        tls_->set_verify_mode(f.verify ? asio::ssl::verify_peer : asio::ssl::verify_none);
        return "";
    } catch (const boost::system::system_error& e) {
        tls_.reset();
        return std::string("TLS: ") + e.what();
    }
}

asio::awaitable<std::string> link::connect_to(std::string host, std::uint16_t port, bool tls) {
    const auto alive = alive_;
    reader_ = std::make_unique<proto::reply_reader>();
    stream::socket_type socket(loop_);
    const auto failure = co_await open_socket(host, port, socket);
    if (failure) {
        co_return failure.message();
    }
    tune(socket);
    stream_ = std::make_unique<stream>(std::move(socket));
    // One deadline for TLS and the login: whatever hangs, the stream is closed under it.
    deadline_.expires_after(dial_limit);
    deadline_.async_wait([this, alive](boost::system::error_code ec) {
        if (!ec && *alive) {
            stream_->close();
        }
    });
    if (!tls) {
        co_return "";
    }
    if (auto wrong = make_tls(); !wrong.empty()) {
        co_return wrong;
    }
    const auto& f = where_.tls_files;
    const std::string name = !f.verify ? "" : f.server_name.empty() ? host : f.server_name;
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
        const auto at =
            static_cast<std::uint16_t>(colon == std::string::npos ? 26379 : std::atoi(sentinel.c_str() + colon + 1));
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
        stream_->read_some(to, size, [h](boost::system::error_code ec, std::size_t n) { std::move (*h)(ec, n); });
    };
    co_return co_await asio::async_initiate<decltype(use_tuple), void(boost::system::error_code, std::size_t)>(initiate,
                                                                                                               use_tuple);
}

/// One command before the link is up. Null when the connection went.
asio::awaitable<std::unique_ptr<proto::reply>> link::ask(std::vector<std::string> words) {
    const auto alive = alive_;
    std::string bytes;
    proto::append_command(bytes, words);
    auto initiate_write = [this, &bytes](auto resume) {
        auto h = std::make_shared<decltype(resume)>(std::move(resume));
        stream_->write(bytes, [h](boost::system::error_code ec, std::size_t n) { std::move (*h)(ec, n); });
    };
    const auto [wec, written] =
        co_await asio::async_initiate<decltype(use_tuple), void(boost::system::error_code, std::size_t)>(initiate_write,
                                                                                                         use_tuple);
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
    std::vector<std::string> ping_words{"PING"};  // ROLE and INFO are answered while the data is still read
    const auto ping = co_await ask(ping_words);
    if (!ping) {
        co_return "no answer to PING";
    }
    if (ping->view().is_error() && ping->view().text().starts_with("LOADING")) {
        co_return std::string(ping->view().text());
    }
    if (text == "slave") {
        co_return "READONLY: a replica, not the master";
    }
    history_.clear();
    for (const auto& [section, key] : {std::pair{"server", "run_id:"}, std::pair{"replication", "master_replid:"}}) {
        std::vector<std::string> info_words{"INFO", section};
        const auto info = co_await ask(info_words);
        if (!info) {
            co_return "no answer to INFO";
        }
        if (info->view().is_string()) {
            note_info(info->view().text(), key);
        }
    }
    co_return *alive ? "" : "stopped";
}

void link::note_info(std::string_view info, std::string_view id_key) {
    if (const auto id = line_of(info, id_key); !id.empty()) {
        history_.append(history_.empty() ? "" : "/").append(id);
    }
    const auto version = line_of(info, "redis_version:");
    std::from_chars(version.data(), version.data() + version.size(), major_version_);
}

}  // namespace wsidecar::redis
