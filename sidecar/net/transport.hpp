#pragma once

#include <openssl/ssl.h>
#include <sys/uio.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace wsidecar::net {

using loop_executor = boost::asio::io_context::executor_type;
/// Uses a concrete executor, because any_io_executor would cost 48 bytes in every object.
using tcp_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, loop_executor>;
template <class T>
using task = boost::asio::awaitable<T, loop_executor>;

struct io_result {
    std::size_t n = 0;             ///< bytes moved
    boost::system::error_code ec;  ///< asio::error::would_block, asio::error::eof (FIN or TLS close_notify), or another error
};

/// The settings of a TLS server: certificate, key, and options that save memory.
using tls_context = std::shared_ptr<SSL_CTX>;

/// Mutual TLS: which client certificates are accepted.
struct client_certificates {
    std::string authorities_file;  ///< PEM; if empty, no certificate is requested
    bool required = true;  ///< refuse connections without a certificate; if false, a certificate is optional but still verified
};

/// Reads certificate chain, key and authorities (PEM files). Throws std::runtime_error that names the unusable file.
tls_context make_tls_context(const std::string& certificate_file, const std::string& key_file,
                             const client_certificates& clients = {});

/// The non-blocking operations on a connected stream socket, plain or TLS. It owns the TLS state, but not the descriptor. Movable.
class wire {
public:
    explicit wire(int descriptor) : fd_(descriptor) {}
    /// With TLS: handshake() must succeed before anything is read or written.
    wire(int descriptor, const tls_context& tls);
    wire(wire&& other) noexcept : fd_(std::exchange(other.fd_, -1)), tls_(std::move(other.tls_)) {}
    wire& operator=(wire&& other) noexcept {
        fd_ = std::exchange(other.fd_, -1);
        tls_ = std::move(other.tls_);
        return *this;
    }

    /// Continues the TLS handshake. Returns success, would_block (then wait for readiness), or an error; access_denied means that the client's
    /// certificate is missing or not signed by the authorities. Without TLS, returns success.
    boost::system::error_code handshake();

    /// Reads at most `size` bytes without waiting. With TLS, call it until would_block, because OpenSSL may hold bytes that the socket does
    /// not show.
    io_result read_now(char* to, std::size_t size);
    /// Writes as many bytes as possible without waiting. After would_block (`n` may still be > 0), wait until writable and call again even
    /// without new bytes (count 0), because a TLS record may be half written.
    io_result write_now(const iovec* parts, int count);

    /// Ends our sending (close_notify and FIN). Reading is still possible.
    void shutdown_send();
    /// Whether the peer has ended its sending or is gone (FIN or RST), even if its bytes were not read.
    bool peer_gone() const;
    /// Whether the socket has nothing to read, not even an end.
    bool nothing_to_read() const;
    /// Bytes the kernel has taken and the peer has not acknowledged (SIOCOUTQ).
    std::size_t unacknowledged() const;
    /// Bytes that were received although the socket may not show them (TLS).
    std::size_t pending() const;

    bool secure() const { return tls_ != nullptr; }
    /// The subject of the client's verified certificate in the form of RFC 4514, in UTF-8; nullopt if there is no certificate. It may be empty
    /// if the certificate has only other names.
    std::optional<std::string> client_subject() const;
    /// Why the client's certificate was refused, for operators. Call this after access_denied.
    const char* client_certificate_problem() const;
    int fd() const { return fd_; }

    /// Gives up the descriptor, which the caller closes; its number may then belong to another connection.
    int release() { return std::exchange(fd_, -1); }

protected:
    bool read_wants_write() const { return tls_ && tls_->read_wants_write; }
    bool write_wants_read() const { return tls_ && tls_->write_wants_read; }

private:
    struct tls_state {
        explicit tls_state(SSL* s) : ssl(s) {}
        tls_state(const tls_state&) = delete;
        tls_state& operator=(const tls_state&) = delete;
        ~tls_state() { SSL_free(ssl); }

        SSL* ssl;
        std::string unsent;  ///< taken from the caller, not yet by the kernel: at most one record
        bool read_wants_write = false;
        bool write_wants_read = false;
    };
    boost::system::error_code tls_error(int result, bool& other_way, int other);
    io_result read_tls(char* to, std::size_t size);
    io_result write_tls(const iovec* parts, int count);

    int fd_;
    std::unique_ptr<tls_state> tls_;
};

/// A client's TCP connection in Asio's readiness model, for the HTTP phase; it holds no buffer while waiting. It is movable, so that it can be
/// handed over. It must not be moved or destroyed while a wait is pending.
class transport : public wire {
public:
    transport() = delete;
    explicit transport(tcp_socket socket);
    transport(tcp_socket socket, const tls_context& tls);

    /// Runs handler(error_code) when read_now() is worth another try after it said would_block.
    template <class Handler>
    void wait_readable(Handler&& handler) {
        socket_.async_wait(read_wants_write() ? tcp_socket::wait_write : tcp_socket::wait_read, std::forward<Handler>(handler));
    }
    /// Runs handler(error_code) when write_now() is worth another try after it said would_block.
    template <class Handler>
    void wait_writable(Handler&& handler) {
        socket_.async_wait(write_wants_read() ? tcp_socket::wait_read : tcp_socket::wait_write, std::forward<Handler>(handler));
    }

    // Coroutines on the same calls. At most one reader and one writer at a time.
    /// Reads at least one byte, or returns an error (eof at the end).
    task<io_result> read_some(char* to, std::size_t size);
    /// Writes all bytes, or returns an error.
    task<boost::system::error_code> write_all(std::string_view bytes);

    /// Ends pending waits with operation_aborted. Idempotent.
    void close();
    /// Detaches the socket from Asio. The caller closes the descriptor. No wait may be pending.
    wire detach() &&;

    bool is_open() const { return socket_.is_open(); }
    tcp_socket& socket() { return socket_; }
    loop_executor get_executor() { return socket_.get_executor(); }

private:
    tcp_socket socket_;
};

}  // namespace wsidecar::net
