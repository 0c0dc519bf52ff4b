#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "sidecar/net/app_endpoint.hpp"
#include "sidecar/net/transport.hpp"

namespace wsidecar::net {

/// Relays bytes between a client and the app in both directions. Bytes wait in the kernel until the other side takes them, and an idle tunnel
/// holds no buffer. The end of one side's sending is passed on. The tunnel ends when both sides have ended, when either breaks, or 30 s after
/// the first has ended. Event loop only.
class tunnel : public std::enable_shared_from_this<tunnel> {
public:
    tunnel(transport client, app_socket app);

    /// Relays until the end. `to_app` and `to_client` are bytes that were read before; they are sent first.
    static task<void> run(std::shared_ptr<tunnel> self, std::string to_app, std::string to_client);
    /// Ends the tunnel. Idempotent.
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
