#include "sidecar/net/transport.hpp"

#include <linux/sockios.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace wsidecar::net {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// The size of one TLS record. Writing more at once would only copy bytes twice.
constexpr std::size_t record = 16 * 1024;
/// What copying costs less than a second part.
constexpr std::size_t small_write = 2 * 1024;

error_code last_error() {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return asio::error::would_block;
    }
    return {errno, boost::system::system_category()};
}

std::runtime_error tls_failure(const std::string& what, const std::string& file, const std::string& cure = {}) {
    const unsigned long e = ERR_get_error();
    ERR_clear_error();
    // A file that is missing, a directory or not permitted: the system's words say more than OpenSSL's.
    const char* const text = ERR_SYSTEM_ERROR(e) ? std::strerror(ERR_GET_REASON(e)) : ERR_reason_error_string(e);
    return std::runtime_error(
        what + " " + file + ": " + (text != nullptr ? text : "it is not such a PEM file") +
        (ERR_SYSTEM_ERROR(e) && ERR_GET_REASON(e) == EACCES
             ? " (user " + std::to_string(geteuid()) + ", as which wsidecar runs, must be able to read it)"
             : cure));
}

}  // namespace

namespace {

void ask_for_certificates(SSL_CTX* c, const client_certificates& clients) {
    const std::string& file = clients.authorities_file;
    STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(file.c_str());
    if (names == nullptr || SSL_CTX_load_verify_locations(c, file.c_str(), nullptr) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        throw tls_failure("can't use the authorities of", file,
                          " (listen.tls.client_ca is a PEM file with their certificates)");
    }
    SSL_CTX_set_client_CA_list(c, names);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | (clients.required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
    // Without it OpenSSL refuses what looks like a resumed session of a client that was asked for a certificate.
    static constexpr unsigned char id[] = "wsidecar";
    SSL_CTX_set_session_id_context(c, id, sizeof id - 1);
}

}  // namespace

tls_context make_tls_context(const std::string& certificate_file, const std::string& key_file,
                             const client_certificates& clients) {
    tls_context context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
    if (!context) {
        throw tls_failure("can't set up TLS for", certificate_file);
    }
    SSL_CTX* c = context.get();
    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    // TLS 1.2 only with forward secrecy and authenticated encryption (RFC 9325 sections 4.1 and 4.2). All suites of TLS 1.3 have both.
    if (SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20:!PSK:!aNULL") != 1) {
        throw tls_failure("can't choose the cipher suites for", certificate_file);
    }
    // No sessions and no tickets: WebSocket connections last long, so each would cost memory that is never used.
    SSL_CTX_set_options(c,
                        SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // A FIN without close_notify ends what the peer sends, and nothing else: frames tell whether a message is whole.
    SSL_CTX_set_options(c, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(c, 0);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_use_certificate_chain_file(c, certificate_file.c_str()) != 1) {
        throw tls_failure("can't use the certificate", certificate_file,
                          " (listen.tls.cert is a PEM file: the certificate, then its chain)");
    }
    // Nobody can type a passphrase, so an encrypted key is refused. OpenSSL would ask the terminal and wait.
    bool encrypted = false;
    SSL_CTX_set_default_passwd_cb_userdata(c, &encrypted);
    SSL_CTX_set_default_passwd_cb(c, [](char*, int, int, void* asked) {
        *static_cast<bool*>(asked) = true;
        return -1;
    });
    const int taken = SSL_CTX_use_PrivateKey_file(c, key_file.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_set_default_passwd_cb_userdata(c, nullptr);
    SSL_CTX_set_default_passwd_cb(c, nullptr);
    if (encrypted) {
        ERR_clear_error();
        throw std::runtime_error("can't use the private key " + key_file +
                                 ": it is encrypted; listen.tls.key needs a key without a passphrase (openssl pkey -in " +
                                 key_file + " -out FILE writes one)");
    }
    constexpr const char* pair = " (listen.tls.cert and listen.tls.key are one pair; were both renewed?)";
    if (const auto e = ERR_peek_error(); taken != 1 && ERR_GET_REASON(e) == X509_R_KEY_VALUES_MISMATCH) {
        throw tls_failure("can't use the private key", key_file, pair);
    }
    if (taken != 1) {
        throw tls_failure("can't use the private key", key_file, " (listen.tls.key is a PEM file with the certificate's key)");
    }
    if (SSL_CTX_check_private_key(c) != 1) {
        throw tls_failure("the private key does not belong to the certificate:", key_file, pair);
    }
    if (!clients.authorities_file.empty()) {
        ask_for_certificates(c, clients);
    }
    return context;
}

transport::transport(tcp_socket socket) : wire(socket.native_handle()), socket_(std::move(socket)) {}

transport::transport(tcp_socket socket, const tls_context& tls)
    : wire(socket.native_handle(), tls), socket_(std::move(socket)) {}

wire transport::detach() && {
    socket_.release();
    return std::move(static_cast<wire&>(*this));
}

wire::wire(int descriptor, const tls_context& tls) : fd_(descriptor) {
    SSL* ssl = SSL_new(tls.get());
    if (ssl == nullptr) {
        throw std::bad_alloc();
    }
    tls_ = std::make_unique<tls_state>(ssl);
    SSL_set_fd(ssl, fd_);
    SSL_set_accept_state(ssl);
}

error_code wire::tls_error(int result, bool& other_way, int other) {
    const int saved = errno;
    const int why = SSL_get_error(tls_->ssl, result);
    other_way = why == other;
    switch (why) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE: return asio::error::would_block;
        case SSL_ERROR_ZERO_RETURN: return asio::error::eof;
        case SSL_ERROR_SYSCALL:
            return saved == 0 ? error_code(asio::error::eof) : error_code(saved, boost::system::system_category());
        default: break;
    }
    switch (ERR_GET_REASON(ERR_peek_error())) {
        // OpenSSL 3 reports a FIN without close_notify here; to us it is the end like any other.
        case SSL_R_UNEXPECTED_EOF_WHILE_READING: return asio::error::eof;
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        case SSL_R_CERTIFICATE_VERIFY_FAILED: return asio::error::access_denied;
        default: return asio::error::connection_aborted;
    }
}

error_code wire::handshake() {
    if (!tls_) {
        return {};
    }
    if (fd_ < 0) {
        return asio::error::bad_descriptor;
    }
    ERR_clear_error();
    errno = 0;
    const int r = SSL_accept(tls_->ssl);
    if (r == 1) {
        tls_->read_wants_write = false;
        return {};
    }
    return tls_error(r, tls_->read_wants_write, SSL_ERROR_WANT_WRITE);
}

std::optional<std::string> wire::client_subject() const {
    X509* const certificate = tls_ ? SSL_get0_peer_certificate(tls_->ssl) : nullptr;
    if (certificate == nullptr || SSL_get_verify_result(tls_->ssl) != X509_V_OK) {
        return std::nullopt;
    }
    const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), &BIO_free);
    // As RFC 4514 has it, but for letters beyond ASCII, which stay UTF-8.
    if (!text || X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0,
                                    XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB)) < 0) {
        return std::nullopt;
    }
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(text.get(), &bytes);
    return std::string(bytes, static_cast<std::size_t>(size));
}

const char* wire::client_certificate_problem() const {
    const long result = tls_ ? SSL_get_verify_result(tls_->ssl) : X509_V_OK;
    return result == X509_V_OK ? "there is none" : X509_verify_cert_error_string(result);
}

io_result wire::read_now(char* to, std::size_t size) {
    if (fd_ < 0) {
        return {0, asio::error::bad_descriptor};
    }
    if (tls_) {
        return read_tls(to, size);
    }
    for (;;) {
        const ssize_t n = ::recv(fd_, to, size, 0);
        if (n > 0) {
            return {static_cast<std::size_t>(n), {}};
        }
        if (n == 0) {
            return {0, asio::error::eof};
        }
        if (errno != EINTR) {
            return {0, last_error()};
        }
    }
}

io_result wire::read_tls(char* to, std::size_t size) {
    ERR_clear_error();
    errno = 0;
    std::size_t n = 0;
    const int r = SSL_read_ex(tls_->ssl, to, size, &n);
    if (r == 1) {
        tls_->read_wants_write = false;
        return {n, {}};
    }
    return {0, tls_error(r, tls_->read_wants_write, SSL_ERROR_WANT_WRITE)};
}

io_result wire::write_now(const iovec* parts, int count) {
    if (fd_ < 0) {
        return {0, asio::error::bad_descriptor};
    }
    if (tls_) {
        return write_tls(parts, count);
    }
    std::size_t total = 0;
    for (int i = 0; i < count; ++i) {
        total += parts[i].iov_len;
    }
    if (total == 0) {
        return {};
    }
    // One part for send(2), which takes less of the kernel than sendmsg(2): so small frames are worth a copy.
    char together[small_write];
    iovec one = parts[0];
    if (count > 1 && total <= small_write) {
        one = {together, total};
        for (char* to = together; count > 0; --count, ++parts) {
            std::memcpy(to, parts->iov_base, parts->iov_len);
            to += parts->iov_len;
        }
        count = 1;
    }
    msghdr m{};
    m.msg_iov = const_cast<iovec*>(parts);
    m.msg_iovlen = static_cast<std::size_t>(count);
    for (;;) {
        const ssize_t n = count == 1 ? ::send(fd_, one.iov_base, one.iov_len, MSG_NOSIGNAL) : ::sendmsg(fd_, &m, MSG_NOSIGNAL);
        if (n >= 0) {
            const auto taken = static_cast<std::size_t>(n);
            return {taken, taken < total ? error_code(asio::error::would_block) : error_code()};
        }
        if (errno != EINTR) {
            return {0, last_error()};
        }
    }
}

io_result wire::write_tls(const iovec* parts, int count) {
    static thread_local char gathered[record];
    io_result result;
    int part = 0;
    std::size_t offset = 0;
    for (;;) {
        const char* bytes = tls_->unsent.data();
        std::size_t size = tls_->unsent.size();
        if (size == 0) {
            for (; part < count && size < record; offset = 0, ++part) {
                const std::size_t n = std::min(parts[part].iov_len - offset, record - size);
                std::memcpy(gathered + size, static_cast<const char*>(parts[part].iov_base) + offset, n);
                size += n;
                offset += n;
                if (offset < parts[part].iov_len) {
                    break;
                }
            }
            bytes = gathered;
            result.n += size;
        }
        if (size == 0) {
            return result;
        }
        ERR_clear_error();
        errno = 0;
        std::size_t written = 0;
        const int r = SSL_write_ex(tls_->ssl, bytes, size, &written);
        if (r == 1) {
            tls_->write_wants_read = false;
            tls_->unsent = std::string(bytes + written, size - written);
            continue;
        }
        result.ec = tls_error(r, tls_->write_wants_read, SSL_ERROR_WANT_READ);
        if (bytes == gathered) {
            // OpenSSL has begun with these bytes and wants the same again, whatever becomes of the caller's queue.
            tls_->unsent.assign(bytes, size);
        }
        return result;
    }
}

task<io_result> transport::read_some(char* to, std::size_t size) {
    for (;;) {
        io_result r = read_now(to, size);
        if (r.ec != asio::error::would_block) {
            co_return r;
        }
        const auto way = read_wants_write() ? tcp_socket::wait_write : tcp_socket::wait_read;
        auto waited = socket_.async_wait(way, asio::as_tuple(asio::use_awaitable_t<loop_executor>()));
        auto [ec] = co_await std::move(waited);
        if (ec) {
            co_return io_result{0, ec};
        }
    }
}

task<error_code> transport::write_all(std::string_view bytes) {
    for (;;) {
        iovec part{const_cast<char*>(bytes.data()), bytes.size()};
        const io_result r = write_now(&part, 1);
        bytes.remove_prefix(r.n);
        if (r.ec != asio::error::would_block) {
            co_return r.ec;
        }
        const auto way = write_wants_read() ? tcp_socket::wait_read : tcp_socket::wait_write;
        auto waited = socket_.async_wait(way, asio::as_tuple(asio::use_awaitable_t<loop_executor>()));
        auto [ec] = co_await std::move(waited);
        if (ec) {
            co_return ec;
        }
    }
}

void wire::shutdown_send() {
    if (fd_ < 0) {
        return;
    }
    if (tls_ && tls_->unsent.empty()) {
        ERR_clear_error();
        SSL_shutdown(tls_->ssl);
    }
    ::shutdown(fd_, SHUT_WR);
}

void transport::close() {
    error_code ignored;
    socket_.close(ignored);
    release();
}

bool wire::peer_gone() const {
    pollfd p{fd_, POLLRDHUP, 0};
    return ::poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLERR | POLLHUP | POLLNVAL)) != 0;
}

bool wire::nothing_to_read() const {
    pollfd p{fd_, POLLIN | POLLRDHUP, 0};
    return ::poll(&p, 1, 0) == 0;
}

std::size_t wire::unacknowledged() const {
    int bytes = 0;
    if (::ioctl(fd_, SIOCOUTQ, &bytes) != 0 || bytes < 0) {
        return 0;
    }
    return static_cast<std::size_t>(bytes);
}

std::size_t wire::pending() const {
    return tls_ ? static_cast<std::size_t>(SSL_pending(tls_->ssl)) : 0;
}

}  // namespace wsidecar::net
