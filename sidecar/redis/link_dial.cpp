// The part of link that dials: it finds the master, connects, and logs in.

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <optional>

#include "proto/text/host_port.hpp"
#include "sidecar/redis/link.hpp"
#include "sidecar/redis/stream.hpp"

namespace wsidecar::redis {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto dial_limit = 2s;
constexpr std::size_t nodes_remembered = 16;  ///< of a cluster
constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

std::string text_of(const std::string& host, std::uint16_t port) {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

std::optional<std::uint16_t> port_of(std::string_view digits) {
    std::uint16_t port = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    return ec == std::errc() && end == digits.data() + digits.size() && port != 0 ? std::optional(port) : std::nullopt;
}

bool says(const std::unique_ptr<proto::reply>& reply, std::string_view error) {
    return reply && reply->view().is_error() && reply->view().text().starts_with(error);
}

constexpr const char* see_url = " (see redis.url)";
constexpr const char* see_url_and_tls = " (see redis.url and redis.tls)";
constexpr const char* see_login = " (see redis.username and redis.password)";

constexpr const char* still_loading = " (tried again until it has)";

/// Describes bytes that arrived instead of a reply.
std::string no_redis(std::string_view bytes) {
    constexpr char tls_alert = 0x15;  // RFC 8446, section 5.1
    return !bytes.empty() && bytes[0] == tls_alert ? "this port speaks TLS (the address then begins with rediss://)"
                                                   : "what answers there is not Redis";
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
    const bool reached = problem.empty();  // else it says itself whom it speaks of
    if (problem.empty() && *alive) {
        problem = co_await connect_to(host, port, where_.tls ? &where_.tls_files : nullptr);
        if (!problem.empty()) {
            problem += where_.tls ? see_url_and_tls : see_url;
        }
    }
    if (problem.empty() && *alive) {
        problem = co_await log_in();
    }
    if (!problem.empty() && *alive && where_.socket.empty() && reached) {
        problem = text_of(host, port) + ": " + problem;
    }
    if (*alive) {
        deadline_.cancel();
    }
    co_return problem;
}

/// Connects within dial_limit. Returns the error, if any.
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

/// Reads the certificate files. This happens at each dial, because settings or files may have changed. Returns the problem, or "".
std::string link::make_tls(const config::redis_tls& files) {
    std::string reading = files.ca;
    const auto encrypted = std::make_shared<bool>(false);
    try {
        tls_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
        files.ca.empty() ? tls_->set_default_verify_paths() : tls_->load_verify_file(files.ca);
        if (!files.cert.empty()) {
            // Nobody can type a passphrase, and OpenSSL would block the loop while it asks the terminal.
            tls_->set_password_callback([encrypted](auto, auto) { return *encrypted = true, std::string(); });
            reading = files.cert;
            tls_->use_certificate_chain_file(files.cert);
            reading = files.key.empty() ? files.cert : files.key;
            tls_->use_private_key_file(reading, asio::ssl::context::pem);
        }
        tls_->set_verify_mode(files.verify ? asio::ssl::verify_peer : asio::ssl::verify_none);
        return "";
    } catch (const boost::system::system_error& e) {
        tls_.reset();
        return "TLS: the file " + reading +
               " can't be used: " + (*encrypted ? "it is encrypted; a key without a passphrase is needed" : e.code().message());
    }
}

asio::awaitable<std::string> link::connect_to(std::string host, std::uint16_t port, const config::redis_tls* tls) {
    const auto alive = alive_;
    reader_ = std::make_unique<proto::reply_reader>();
    if (tls != nullptr) {  // first, so that a file that is missing is told although nobody listens there yet
        if (auto wrong = make_tls(*tls); !wrong.empty()) {
            co_return wrong;
        }
    }
    stream::socket_type socket(loop_);
    const auto failure = co_await open_socket(host, port, socket);
    if (failure) {
        co_return failure.message();
    }
    tune(socket);
    stream_ = std::make_unique<stream>(std::move(socket));
    // One deadline covers TLS and login. When it passes, the stream is closed.
    deadline_.expires_after(dial_limit);
    const std::string perhaps = was_up_ ? "" : ": does this port speak TLS, or not?";
    unanswered_ = "the connection was closed before an answer" + perhaps;
    deadline_.async_wait([this, alive, perhaps](boost::system::error_code ec) {
        if (!ec && *alive) {
            unanswered_ = "no answer within 2 s" + perhaps;
            stream_->close();
        }
    });
    if (tls == nullptr) {
        co_return "";
    }
    const std::string name = tls->server_name.empty() ? host : tls->server_name;
    const bool verify = tls->verify;
    const bool shown = !tls->cert.empty();
    const std::string refused = co_await stream_->secure(*tls_, name, verify);
    if (!refused.empty() && *alive) {
        tls_.reset();                 // the files may have been renewed: the next attempt reads them again
    } else if (*alive && !was_up_) {  // with TLS 1.3, a server looks at the client's certificate after the handshake
        unanswered_ = "the connection was closed before an answer: ";
        unanswered_ += shown ? "is the client certificate accepted there?" : "is a client certificate wanted there?";
    }
    co_return refused.empty() ? "" : "TLS: " + refused;
}

/// Asks the sentinels or the cluster for the master's address.
asio::awaitable<std::string> link::locate(std::string& host, std::uint16_t& port) {
    const auto alive = alive_;
    if (where_.cluster) {
        std::string problem = co_await find_in_cluster(host, port);
        co_return problem;
    }
    std::string problem;
    const std::vector<std::string> sentinels = where_.sentinels;  // configure() may come meanwhile
    for (const std::string& sentinel : sentinels) {
        const std::string failed = co_await ask_sentinel(sentinel, host, port);
        if (!*alive) {
            co_return "stopped";
        }
        if (failed.empty()) {
            co_return "";
        }
        problem.append(problem.empty() ? "" : "; ").append("sentinel ").append(sentinel).append(": ").append(failed);
    }
    co_return problem;
}

/// Asks the node of redis.url and the nodes seen since; each of them knows the master of the slot.
asio::awaitable<std::string> link::find_in_cluster(std::string& host, std::uint16_t& port) {
    const auto alive = alive_;
    std::vector<std::pair<std::string, std::uint16_t>> nodes{{host, port}};
    for (const auto& node : nodes_) {
        if (node != nodes.front()) {
            nodes.push_back(node);
        }
    }
    std::string problem;
    for (const auto& [name, number] : nodes) {
        host = name;
        port = number;
        const std::string failed = co_await ask_cluster(host, port);
        if (!*alive) {
            co_return "stopped";
        }
        if (failed.empty()) {
            co_return "";
        }
        problem.append(problem.empty() ? "" : "; ").append(text_of(name, number)).append(": ").append(failed);
    }
    co_return problem;
}

/// `host` and `port` name a node of the cluster, and are replaced by the master of the prefix's slot.
asio::awaitable<std::string> link::ask_cluster(std::string& host, std::uint16_t& port) {
    const auto alive = alive_;
    const std::string unreached = co_await connect_to(host, port, where_.tls ? &where_.tls_files : nullptr);
    const char* const see_address = where_.tls ? see_url_and_tls : see_url;
    if (!unreached.empty() || !*alive) {
        co_return unreached + see_address;
    }
    const std::string username = where_.username;
    const std::string password = where_.password;
    const std::string refused = co_await authenticate(username, password);
    if (!refused.empty() || !*alive) {
        co_return refused + (refused == unanswered_ ? see_address : see_login);
    }
    std::vector<std::string> words{"CLUSTER", "SLOTS"};
    const auto slots = co_await ask(words);
    if (!*alive || !slots) {
        co_return unanswered_ + see_address;
    }
    if (slots->view().is_error()) {
        const auto text = slots->view().text();
        co_return "CLUSTER SLOTS: " + std::string(text) + (text.starts_with("NO") ? see_login : " (see redis.cluster)");
    }
    const auto wanted = static_cast<std::int64_t>(proto::key_slot(where_.slot_key));
    const std::string asked = host;
    bool found = false;
    nodes_.clear();
    for (std::size_t i = 0; slots->view().is_array() && i < slots->view().size(); ++i) {
        const auto range = slots->view()[i];
        for (std::size_t n = 2; n < range.size() && nodes_.size() < nodes_remembered; ++n) {
            const std::string name(range[n][0].text().empty() ? std::string_view(asked) : range[n][0].text());
            const std::pair node(name, static_cast<std::uint16_t>(range[n][1].integer()));
            if (std::find(nodes_.begin(), nodes_.end(), node) == nodes_.end()) {
                nodes_.push_back(node);
            }
        }
        if (range[0].integer() <= wanted && wanted <= range[1].integer()) {
            host = range[2][0].text().empty() ? asked : std::string(range[2][0].text());
            port = static_cast<std::uint16_t>(range[2][1].integer());
            found = true;
        }
    }
    co_return found ? "" : "no master has the slot of the prefix: the cluster is not complete (CLUSTER INFO)";
}

/// Returns the problem, with the sentinel's own text if there is one, or "" after setting `host` and `port` to the master's.
asio::awaitable<std::string> link::ask_sentinel(std::string at, std::string& host, std::uint16_t& port) {
    constexpr std::uint16_t usual_port = 26379;
    const auto alive = alive_;
    const auto parts = proto::split_host_port(at);
    if (!parts) {
        co_return "this is not host:port (see redis.sentinels)";
    }
    const endpoint::sentinel_login login = where_.sentinel;
    const std::string name(parts->host);
    const std::uint16_t number = parts->port.value_or(usual_port);
    const config::redis_tls* const tls = login.tls ? &login.tls_files : nullptr;
    const char* const see_address = " (see redis.sentinels and redis.sentinel.tls)";
    const char* const see_sentinel_login = " (see redis.sentinel.username and redis.sentinel.password)";
    std::string failed = co_await connect_to(name, number, tls);
    if (!failed.empty() || !*alive) {
        co_return failed + see_address;
    }
    failed = co_await authenticate(login.username, login.password);
    if (!failed.empty() || !*alive) {
        co_return failed + (failed == unanswered_ ? see_address : see_sentinel_login);
    }
    const std::vector<std::string> words{"SENTINEL", "get-master-addr-by-name", where_.master};
    auto answer = co_await ask(words);
    if (*alive && says(answer, "NOAUTH") && login.password.empty() && !where_.password.empty()) {
        // Many installations have one password for both. It goes to no sentinel that does not ask for one.
        const std::string nobody;
        const std::string password = where_.password;
        failed = co_await authenticate(nobody, password);
        if (!failed.empty() || !*alive) {
            co_return failed + " (Redis' password was tried; the sentinels' own is redis.sentinel.password)";
        }
        answer = co_await ask(words);
    }
    if (!*alive || !answer) {
        co_return unanswered_ + see_address;
    }
    const auto said = answer->view();
    if (said.is_error()) {
        const auto text = said.text();
        const bool about_login = text.starts_with("NOAUTH") || text.starts_with("NOPERM");
        co_return std::string(text) + (about_login ? see_sentinel_login : " (is this a sentinel? see redis.sentinels)");
    }
    const auto master_port = said.is_array() && said.size() == 2 ? port_of(said[1].text()) : std::nullopt;
    if (!master_port) {
        co_return "it does not know a master named '" + where_.master + "' (redis.master)";
    }
    host = std::string(said[0].text());
    port = *master_port;
    co_return "";
}

/// Sends AUTH if a password is configured.
asio::awaitable<std::string> link::authenticate(std::string username, std::string password) {
    if (username.empty() && password.empty()) {
        co_return "";
    }
    std::vector<std::string> words{"AUTH", username, password};
    if (username.empty()) {
        words.erase(words.begin() + 1);  // Redis before version 6 has no user names
    }
    const auto r = co_await ask(words);
    co_return !r ? unanswered_ : r->view().is_error() ? std::string(r->view().text()) : std::string();
}

asio::awaitable<std::tuple<boost::system::error_code, std::size_t>> link::read_some(char* to, std::size_t size) {
    auto initiate = [this, to, size](auto resume) {
        auto h = std::make_shared<decltype(resume)>(std::move(resume));
        stream_->read_some(to, size, [h](boost::system::error_code ec, std::size_t n) { std::move (*h)(ec, n); });
    };
    co_return co_await asio::async_initiate<decltype(use_tuple), void(boost::system::error_code, std::size_t)>(initiate,
                                                                                                               use_tuple);
}

/// Sends one command before the link is up. Returns null if the connection was lost.
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
    std::size_t came = 0;
    while (!wec && *alive) {
        auto next = reader_->next();
        if (next.has_error()) {
            unanswered_ = no_redis({buffer.data(), came});
            co_return nullptr;
        }
        if (*next) {
            co_return std::move(*next);
        }
        const auto [ec, n] = co_await read_some(buffer.data(), buffer.size());
        if (ec || !*alive) {
            break;
        }
        came = n;
        reader_->feed({buffer.data(), n});
    }
    co_return nullptr;
}

asio::awaitable<std::string> link::log_in() {
    const auto alive = alive_;
    const std::string username = where_.username;
    const std::string password = where_.password;
    const char* const see_server = was_up_ ? "" : where_.tls ? see_url_and_tls : see_url;
    const std::string refused = co_await authenticate(username, password);
    if (!refused.empty() || !*alive) {
        co_return refused + (refused == unanswered_ ? see_server : see_login);
    }
    if (where_.database != 0) {
        std::vector<std::string> select{"SELECT", std::to_string(where_.database)};
        const auto r = co_await ask(select);
        if (!r || r->view().is_error()) {
            const bool no_right = r && r->view().text().starts_with("NO");  // NOAUTH, NOPERM
            co_return r ? std::string(r->view().text()) + (no_right ? see_login : " (the number at the end of redis.url)")
                        : unanswered_ + see_server;
        }
    }
    std::vector<std::string> setname{"CLIENT", "SETNAME", "wsidecar-" + name_};
    const auto named = co_await ask(setname);  // not allowed on some managed services: no matter
    if (!named) {
        co_return unanswered_ + see_server;
    }
    std::vector<std::string> role_words{"ROLE"};
    const auto role = co_await ask(role_words);
    if (!role) {
        co_return unanswered_;
    }
    const auto text = role->view().is_error() ? role->view().text() : role->view()[0].text();
    if (text.starts_with("NOAUTH")) {
        co_return std::string(text) + " (see redis.password)";
    }
    if (text.starts_with("LOADING")) {
        co_return std::string(text) + still_loading;
    }
    std::vector<std::string> ping_words{"PING"};  // ROLE and INFO are answered while the data is still read
    const auto ping = co_await ask(ping_words);
    if (!ping) {
        co_return unanswered_;
    }
    if (ping->view().is_error() && ping->view().text().starts_with("LOADING")) {
        co_return std::string(ping->view().text()) + still_loading;
    }
    if (text == "slave") {
        co_return "READONLY: a replica, not the master (see redis.url and redis.sentinels)";
    }
    history_.clear();
    std::vector<std::string> info_words{"INFO", "server"};
    const auto info = co_await ask(info_words);
    if (!info) {
        co_return unanswered_;
    }
    if (info->view().is_string()) {
        note_info(info->view().text());
    }
    co_return *alive ? "" : "stopped";
}

}  // namespace wsidecar::redis
