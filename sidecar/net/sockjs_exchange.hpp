#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "proto/http/http_head.hpp"
#include "proto/http/path.hpp"
#include "sidecar/core/gateway.hpp"
#include "sidecar/net/admission.hpp"
#include "sidecar/net/handover.hpp"
#include "sidecar/net/http_reader.hpp"
#include "sidecar/net/http_shared.hpp"
#include "sidecar/net/session_owner.hpp"
#include "sidecar/net/sockjs_response.hpp"
#include "sidecar/net/timers.hpp"
#include "sidecar/net/transport.hpp"

namespace wsidecar::net {

class sockjs_session;

/// One request of a SockJS client over plain HTTP, and its answer: a page, a client's messages (xhr_send), or a response that
/// receives for a session until it is full or the client has gone. Alive while it has pending operations, or its session holds it.
class sockjs_exchange final : public timer_entry,
                              public pending_connections::member,
                              public boost::intrusive_ref_counter<sockjs_exchange, boost::thread_unsafe_counter> {
public:
    /// Takes the client back after the answer, with the bytes read of its next request. `keep` says that it may send one.
    using give_back = std::function<void(transport peer, std::string received, bool keep)>;
    static void start(std::shared_ptr<http_shared> shared, handover client, core::gateway::route_match match, give_back done);
    ~sockjs_exchange() override;

    // What the session that it receives for does with it. Frames: `o`, `h`, `a[...]`, `c[...]`.
    const sockjs_response& response() const { return response_; }
    /// Bytes that were put() wait for the socket.
    bool writing() const { return writing_; }
    /// Headers of a session's first response, before its first frame: the app's (Set-Cookie), and what its owner is known by.
    void greet(core::field_list headers, const session_owner& owner);
    void put(std::string_view frame);
    /// Writes the frames put so far and, with `last`, ends the response. sockjs_session::written() follows, possibly before this returns.
    void send(bool last);
    /// Writes one frame and ends the response, because the session has another receiver or is over.
    void only(std::string_view frame);
    /// Answers that the client may not connect.
    void refuse(unsigned status, std::string_view body, const core::field_list& headers);
    /// Answers an xhr_send whose messages have been taken.
    void acknowledge();
    /// Closes the client's connection at once.
    void cut();

private:
    using ref = boost::intrusive_ptr<sockjs_exchange>;
    enum class stage : std::uint8_t { body, waiting, answering, over };
    sockjs_exchange(std::shared_ptr<http_shared> shared, handover client, core::gateway::route_match match, give_back done);

    // sockjs_exchange.cpp: input and output
    void read_body();
    bool read_more();
    void feed();
    void wait_readable();
    void watch_client();
    void write_out();
    void finish();
    void lost();
    void enter_pending();
    void give_way() override;
    bool waits_for_peer() const override { return peer_.nothing_to_read(); }
    void on_timer() override;

    // sockjs_answers.cpp: what becomes of the request
    void decide();
    void preflight(std::string_view methods);
    void for_session();
    void take_messages(const boost::intrusive_ptr<sockjs_session>& session);
    void open_session();
    std::uint64_t body_limit();
    void too_long();
    void too_fast();
    void unknown_session();
    std::string session_key() const;
    session_owner::proof who() const;
    std::string cors_lines() const;
    void answer(unsigned status, std::string_view lines, std::string_view body);
    void answer_text(unsigned status, std::string_view body);
    void method_not_allowed(std::string_view allowed);
    arrival as_arrival() const { return {head_, received_head_.size(), address_, peer_.secure(), peer_.client_subject()}; }

    std::shared_ptr<http_shared> shared_;
    transport peer_;
    std::string address_;
    std::string client_address_;  ///< behind trusted proxies
    std::string cookie_;          ///< all its Cookie lines
    std::string received_head_;   ///< the head's bytes, which head_ and path_ refer to
    std::string received_;        ///< bytes that have been read and not used
    core::gateway::route_match match_;
    give_back done_;
    proto::request_head head_;
    proto::request_path path_;
    sockjs_response response_;                ///< one that receives
    std::unique_ptr<request_reader> reader_;  ///< until the body is there
    std::string body_;
    std::shared_ptr<void> place_;  ///< of the body, among those of its session
    core::field_list headers_;
    std::string out_;
    std::size_t out_at_ = 0;
    boost::intrusive_ptr<sockjs_session> session_;
    stage stage_ = stage::body;
    bool keep_ = false;  ///< the client may send another request
    bool writing_ = false;
    bool last_ = false;
    bool reading_ = false;
    bool told_to_go_on_ = false;  ///< 100 Continue
};

}  // namespace wsidecar::net
