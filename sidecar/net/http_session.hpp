#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/http/handshake.hpp"
#include "proto/http/http_head.hpp"
#include "proto/http/path.hpp"
#include "proto/ws/deflate.hpp"
#include "sidecar/core/gateway.hpp"
#include "sidecar/net/address_count.hpp"
#include "sidecar/net/admission.hpp"
#include "sidecar/net/event_stream_request.hpp"
#include "sidecar/net/handover.hpp"
#include "sidecar/net/http_shared.hpp"
#include "sidecar/net/pending_connections.hpp"
#include "sidecar/net/timers.hpp"
#include "sidecar/net/transport.hpp"

namespace wsidecar::net {

/// A client's connection in its HTTP phase: TLS handshake, request head, decision, answer. It ends when the connection has become a
/// WebSocket, was passed on, or was refused. Its pending operations keep it alive. Event loop only.
class http_session final : public timer_entry,
                           public pending_connections::member,
                           public boost::intrusive_ref_counter<http_session, boost::thread_unsafe_counter> {
public:
    static void start(std::shared_ptr<http_shared> shared, tcp_socket socket, const boost::asio::ip::tcp::endpoint& peer);
    ~http_session() override;

private:
    using ref = boost::intrusive_ptr<http_session>;
    enum class stage : std::uint8_t { proxy, tls, head, waiting, answering, lingering, over };

    http_session(std::shared_ptr<http_shared> shared, transport peer, std::string address);
    static void next_request(std::shared_ptr<http_shared> shared, transport peer, std::string address, std::string received);
    static void let_go(std::shared_ptr<http_shared> shared, transport peer, std::string address);

    // http_session.cpp: input and output
    void read_proxy_header();
    void begin();
    void run_tls();
    void read_head();
    void arm_for_head();
    void wait_readable();
    void on_readable();
    void watch_client();
    void answer(std::string bytes);
    void write_out();
    void end_output();
    void linger();
    void end();
    void enter_pending(bool idle);
    void give_way() override;
    bool waits_for_peer() const override { return peer_.nothing_to_read(); }
    void make_way();
    void on_timer() override;

    // http_decide.cpp: what becomes of the request
    void look_at_head();
    void decide(const proto::request_head& head);
    void plain_request(const proto::request_head& head, const proto::request_path& path);
    void upgrade_request(const proto::request_head& head, const proto::request_path& path);
    void sockjs_request(core::gateway::route_match match);
    void event_stream_request(const proto::request_head& head, const proto::request_path& path,
                              core::gateway::route_match match);
    void answer_preflight(const arrival& a, const config::route* route);
    void await_gateway(core::handshake h);
    void tunnel(const arrival& a);
    void ask_gateway(const arrival& a, const proto::upgrade_request& upgrade, const proto::request_path& path,
                     core::gateway::route_match match);
    void on_verdict(core::handshake_verdict v);
    void refuse(turned_away away);
    void refuse_plain(unsigned status, std::string_view body);
    void send_answer(unsigned status, std::string_view body, const core::field_list& headers);
    void become_session();
    handover hand_over();

    core::metrics& metrics() const { return shared_->sessions.metrics; }

    std::shared_ptr<http_shared> shared_;
    transport peer_;
    std::string address_;   ///< of the TCP peer, or the one that the PROXY protocol names
    std::string received_;  ///< bytes that were read and not processed
    std::string out_;
    std::size_t written_ = 0;
    core::connection_ptr conn_;  ///< from the gateway's decision until established()
    address_count::slot slot_;
    std::string key_;  ///< Sec-WebSocket-Key
    proto::deflate_terms deflate_;
    std::vector<std::string> offered_;  ///< subprotocols
    event_stream_terms stream_;
    std::size_t head_size_ = 0;
    std::uint32_t began_ = 0;  ///< on the clock of the timers: the head's first byte, or the connection
    stage stage_ = stage::head;
    bool upgraded_ = false;   ///< out_ is the 101
    bool head_only_ = false;  ///< the request is HEAD
    bool sockjs_ = false;     ///< the WebSocket speaks SockJS
    bool first_ = true;       ///< of this connection; later ones may wait longer for their first byte
};

}  // namespace wsidecar::net
