#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "sidecar/net/app_endpoint.hpp"
#include "sidecar/net/transport.hpp"

namespace wsidecar::net {

/// Bytes both ways between a client and the app, unread: what one side sends waits in the kernel until the other side takes
/// it. An idle tunnel pins no buffer. A side that ends its sending is told on; the tunnel ends when both have, when either
/// breaks, or 30 s after the first has ended.
class tunnel : public std::enable_shared_from_this<tunnel> {
public:
    tunnel(transport client, app_socket app);

    /// Relays until the end. `to_app` and `to_client` were read already and go first.
    static task<void> run(std::shared_ptr<tunnel> self, std::string to_app, std::string to_client);
    /// Ends it from outside. Idempotent.
    void close();

private:
    static task<void> upstream(std::shared_ptr<tunnel> self, std::string first);
    task<void> client_to_app(std::string first);
    task<void> app_to_client(std::string first);
    void side_ended();
    void arm_linger();

    using timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                    boost::asio::wait_traits<std::chrono::steady_clock>, loop_executor>;

    transport client_;
    app_socket app_;
    timer linger_;
    timer both_ended_;
    int open_sides_ = 2;
    bool closed_ = false;
};

}  // namespace wsidecar::net
