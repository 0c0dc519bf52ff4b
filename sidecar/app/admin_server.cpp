#include "sidecar/app/admin_server.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/url/params_encoded_view.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <map>
#include <optional>
#include <utility>

#include "proto/http/proxy_protocol.hpp"
#include "sidecar/app/led_here.hpp"
#include "sidecar/core/log.hpp"

namespace wsidecar::app {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

std::string admin_request::parameter(std::string_view name) const {
    const std::string whole = "/?" + query;
    const auto parsed = boost::urls::parse_origin_form(whole);
    if (!parsed) {
        return {};
    }
    for (const auto& p : parsed->params()) {
        if (p.key == name) {
            return std::string(p.value);
        }
    }
    return {};
}

namespace {

/// Events that a viewer may miss one after the other before it is dropped.
constexpr int misses_at_most = 5;

constexpr char page_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

}  // namespace

class admin_server::session : public std::enable_shared_from_this<session>, public admin_stream {
public:
    session(admin_server& server, tcp::socket socket) : server_(&server), stream_(std::move(socket)) {
        boost::system::error_code ec;
        const auto peer = stream_.socket().remote_endpoint(ec);
        address_ = peer.address();
        loopback_ =
            !ec && (address_.is_loopback() || (address_.is_v6() && address_.to_v6().is_v4_mapped() &&
                                               asio::ip::make_address_v4(asio::ip::v4_mapped, address_.to_v6()).is_loopback()));
        place_ = server.sessions_.insert(server.sessions_.end(), this);
    }
    ~session() override {
        if (server_ != nullptr) {
            give_body_back();
            server_->sessions_.erase(place_);
        }
    }

    const asio::ip::address& address() const { return address_; }
    /// Nothing of it is under way here: it only waits for its peer.
    bool may_go() const { return !handling_ && !streaming_ && !closed_; }
    void close() {
        closed_ = true;
        beast::error_code ignored;
        stream_.socket().close(ignored);
    }
    /// The server is no more.
    void orphan() {
        server_ = nullptr;
        close();
    }

    /// A balancer that speaks the PROXY protocol may begin its health checks with a header, on whatever port they come (AWS' NLB does).
    void start() {
        stream_.expires_after(std::chrono::seconds(30));
        stream_.async_read_some(buffer_.prepare(1024), [self = shared_from_this()](beast::error_code ec, std::size_t got) {
            if (!ec && self->server_ != nullptr) {
                self->buffer_.commit(got);
                self->skip_proxy_header();
            }
        });
    }

    /// The head alone: who asks, and for what, is looked at before a body is read.
    void read() {
        parser_.emplace();
        parser_->header_limit(16 * 1024);
        parser_->body_limit(boost::none);  // see handle()
        stream_.expires_after(std::chrono::seconds(30));
        http::async_read_header(stream_, buffer_, *parser_, [self = shared_from_this()](beast::error_code ec, std::size_t) {
            if (ec == http::error::header_limit) {
                self->keep_alive_ = false;
                self->answer({413, R"({"error":"too large"})"});
            } else if (!ec && self->server_ != nullptr) {
                self->handle();
            }
        });
    }

    bool send(std::string_view data) override {
        if (!streaming_) {
            return false;
        }
        if (writing_) {
            if (++missed_ >= misses_at_most) {
                end_stream();
            }
            return streaming_;
        }
        missed_ = 0;
        event_.assign("data: ").append(data).append("\n\n");
        write_event();
        return true;
    }
    bool open() const override { return streaming_; }

private:
    /// What the header says is not looked at. But a connection that was led here is no operator's on loopback.
    void skip_proxy_header() {
        using state = proto::proxy_header::state;
        const auto front = proto::optional_proxy_header({static_cast<const char*>(buffer_.data().data()), buffer_.size()});
        if (front.what == state::incomplete) {
            start();
        } else if (front.what == state::problem) {
            close();
        } else {
            buffer_.consume(front.size);
            loopback_ = loopback_ && front.size == 0;
            read();
        }
    }

    void handle() {
        auto& sessions = server_->sessions_;
        sessions.splice(sessions.end(), sessions, place_);
        const auto& request = parser_->get();
        keep_alive_ = request.keep_alive() && parser_->is_done();
        admin_request r;
        r.method = std::string(request.method_string());
        r.path = std::string(request.target());
        if (const auto q = r.path.find('?'); q != std::string::npos) {
            r.query = r.path.substr(q + 1);
            r.path.resize(q);
        }
        const bool loopback = loopback_ && server_->loopback_open_ && !led_here(request);
        admin_answer refusal;
        r.of_operator = loopback || has_token(request);
        const entry* const found = server_->find(r.method, r.path, r.of_operator, refusal);
        if (found == nullptr) {
            answer(std::move(refusal));
            return;
        }
        if (parser_->is_done()) {
            run(*found, std::move(r));
            return;
        }
        const auto announced = parser_->content_length();
        const std::size_t size = announced ? static_cast<std::size_t>(*announced) : found->body;
        if (size > found->body) {
            answer({413, R"({"error":"too large"})"});
            return;
        }
        if (server_->body_bytes_ + size > admin_bodies_at_most) {
            server_->on_bound("admin_bodies");
            answer({503, R"({"error":"too many bodies at once"})"});
            return;
        }
        body_bytes_ = size;
        server_->body_bytes_ += size;
        parser_->body_limit(size);
        http::async_read(stream_, buffer_, *parser_,
                         [self = shared_from_this(), found, r = std::move(r)](beast::error_code ec, std::size_t) mutable {
                             if (self->server_ == nullptr) {
                                 return;
                             }
                             self->give_body_back();
                             if (ec == http::error::body_limit) {
                                 self->answer({413, R"({"error":"too large"})"});
                             } else if (!ec) {
                                 self->keep_alive_ = self->parser_->get().keep_alive();
                                 r.body = std::move(self->parser_->get().body());
                                 self->run(*found, std::move(r));
                             }
                         });
    }

    void run(const entry& found, admin_request r) {
        handling_ = true;
        stream_.expires_never();
        found.handler(r, [self = shared_from_this()](admin_answer a) {
            self->handling_ = false;
            self->answer(std::move(a));
        });
    }

    void give_body_back() { server_->body_bytes_ -= std::exchange(body_bytes_, 0); }

    bool has_token(const http::request<http::string_body>& request) const {
        const std::string given(request[http::field::authorization]);
        const std::string wanted = "Bearer " + server_->token_;
        return !server_->token_.empty() && given.size() == wanted.size() &&
               CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0;
    }

    void answer(admin_answer a) {
        const bool head = parser_->get().method() == http::verb::head;
        if (a.stream && !head) {
            begin_stream(a);
            return;
        }
        response_.emplace();
        response_->version(11);
        response_->result(a.status);
        response_->set(http::field::content_type, a.content_type);
        response_->set(http::field::cache_control, "no-store");
        if (!a.location.empty()) {
            response_->set(http::field::location, a.location);
        }
        if (a.page) {
            response_->set("Content-Security-Policy", page_policy);
            response_->set("X-Content-Type-Options", "nosniff");
            response_->set("Referrer-Policy", "no-referrer");
        }
        response_->keep_alive(keep_alive_);
        response_->body() = std::move(a.body);
        response_->prepare_payload();
        if (head) {
            response_->body().clear();
        }
        stream_.expires_after(std::chrono::seconds(30));
        http::async_write(stream_, *response_, [self = shared_from_this()](beast::error_code ec, std::size_t) {
            if (!ec && self->keep_alive_) {
                self->read();
            } else {
                self->linger();
            }
        });
    }

    /// What is unread when a socket is closed, as a body that nobody wanted, would make the kernel send a RST that may overtake
    /// the answer. For a moment, and into nothing.
    void linger() {
        beast::error_code ec;
        stream_.socket().shutdown(tcp::socket::shutdown_send, ec);
        if (parser_->is_done()) {
            return;
        }
        stream_.expires_after(std::chrono::seconds(1));
        throw_away();
    }
    void throw_away() {
        stream_.async_read_some(asio::buffer(ignored_), [self = shared_from_this()](beast::error_code ec, std::size_t) {
            if (!ec) {
                self->throw_away();
            }
        });
    }

    void begin_stream(const admin_answer& a) {
        streaming_ = true;
        // What a viewer does not read must not pile up in the kernel either, nor be old when it does.
        beast::error_code ignored;
        stream_.socket().set_option(asio::socket_base::send_buffer_size(64 * 1024), ignored);
        event_ = std::string("HTTP/1.1 200 OK\r\nContent-Type: ") + a.content_type +
                 "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Accel-Buffering: no\r\n"
                 "Connection: close\r\n\r\n";
        write_event();
        await_end();
        a.stream(shared_from_this());
    }

    void write_event() {
        writing_ = true;
        asio::async_write(stream_.socket(), asio::buffer(event_),
                          [self = shared_from_this()](beast::error_code ec, std::size_t) {
                              self->writing_ = false;
                              if (ec) {
                                  self->end_stream();
                              }
                          });
    }

    /// A viewer says nothing more: what comes is its end.
    void await_end() {
        stream_.socket().async_read_some(
            asio::buffer(ignored_),
            [self = shared_from_this()](beast::error_code ec, std::size_t) { ec ? self->end_stream() : self->await_end(); });
    }

    void end_stream() {
        streaming_ = false;
        beast::error_code ignored;
        stream_.socket().close(ignored);
    }

    admin_server* server_;
    std::list<session*>::iterator place_;
    asio::ip::address address_;
    std::size_t body_bytes_ = 0;
    beast::tcp_stream stream_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    std::optional<http::response<http::string_body>> response_;
    std::string event_;
    std::array<char, 4096> ignored_{};
    int missed_ = 0;
    bool loopback_ = false;
    bool keep_alive_ = false;
    bool handling_ = false;
    bool closed_ = false;  ///< to make room; it goes in the next turn
    bool streaming_ = false;
    bool writing_ = false;
};

admin_server::admin_server(asio::io_context& loop) : loop_(loop), acceptor_(loop) {}

admin_server::~admin_server() {
    while (!sessions_.empty()) {
        session* const s = sessions_.front();
        sessions_.pop_front();
        s->orphan();
    }
}

void admin_server::route(std::string method, std::string path, access who, admin_handler handler, std::size_t body) {
    routes_[std::move(path)][std::move(method)] = {who, std::move(handler), body};
}

/// Of the address that has most the one that has been idle longest; of those that wait for their peer alone.
void admin_server::make_room() {
    std::map<asio::ip::address, std::size_t> by_address;
    for (const session* s : sessions_) {
        ++by_address[s->address()];
    }
    session* oldest = nullptr;
    for (session* s : sessions_) {
        if (s->may_go() && (oldest == nullptr || by_address[s->address()] > by_address[oldest->address()])) {
            oldest = s;
        }
    }
    on_bound("admin_connections");
    core::log::limited(core::log::level::warn, "admin", "too many connections to the admin address: the longest idle is closed",
                       {{"connections", sessions_.size()}});
    if (oldest != nullptr) {
        oldest->close();
    }
}

tcp::endpoint parse_endpoint(const std::string& address) {
    const std::string whole = address.find(':') == std::string::npos ? ':' + address : address;
    const auto parts = proto::split_listen_address(whole);
    std::string host(parts ? parts->host : std::string_view());
    if (host.empty()) {
        host = "0.0.0.0";
    }
    if (host == "localhost") {
        host = "127.0.0.1";
    }
    boost::system::error_code ec;
    const auto ip = asio::ip::make_address(host, ec);
    if (ec || !parts) {
        throw boost::system::system_error(ec ? ec : make_error_code(boost::system::errc::invalid_argument),
                                          "cannot listen on " + address);
    }
    return {ip, *parts->port};
}

void admin_server::start(const std::string& address) {
    const auto at = parse_endpoint(address);
    acceptor_.open(at.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(at);
    acceptor_.listen();
    accept();
}

tcp::endpoint admin_server::endpoint() const {
    return acceptor_.local_endpoint();
}

void admin_server::stop() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
}

void admin_server::accept() {
    acceptor_.async_accept([this](boost::system::error_code ec, tcp::socket socket) {
        if (ec == asio::error::operation_aborted) {
            return;
        }
        if (!ec) {
            if (sessions_.size() >= admin_connections_at_most) {
                make_room();
            }
            if (sessions_.size() < admin_connections_at_most + 8) {  // who was closed goes in this turn
                std::make_shared<session>(*this, std::move(socket))->start();
            }
            accept();
            return;
        }
        // Out of descriptors, most likely: trying again at once would only burn the loop.
        auto pause = std::make_shared<asio::steady_timer>(loop_, std::chrono::milliseconds(100));
        pause->async_wait([this, pause](boost::system::error_code) { accept(); });
    });
}

const admin_server::entry* admin_server::find(const std::string& method, const std::string& path, bool operator_allowed,
                                              admin_answer& refusal) const {
    const auto at = routes_.find(path);
    if (at == routes_.end()) {
        refusal = {404, R"({"error":"no such path"})"};
        return nullptr;
    }
    const auto it = at->second.find(method == "HEAD" ? "GET" : method);
    if (it == at->second.end()) {
        refusal = {405, R"({"error":"method not allowed"})"};
        return nullptr;
    }
    if (it->second.who == access::operators && !operator_allowed) {
        refusal = {
            403,
            R"({"error":"for operators: from loopback (and no page of elsewhere) while admin.loopback is open, or with the token of admin.token_file"})"};
        return nullptr;
    }
    return &it->second;
}

}  // namespace wsidecar::app
