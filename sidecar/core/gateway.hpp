#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/config.hpp"
#include "proto/sockjs.hpp"
#include "sidecar/core/connection.hpp"
#include "sidecar/core/dedup.hpp"
#include "sidecar/core/departed.hpp"
#include "sidecar/core/hub.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/core/recent.hpp"
#include "sidecar/core/silent_stomp.hpp"
#include "sidecar/core/subscriptions.hpp"
#include "sidecar/core/tracer.hpp"

namespace wsidecar::proto {
struct app_reply;
struct event_head;
enum class event_type : std::uint8_t;
}  // namespace wsidecar::proto
namespace wsidecar::proto::stomp {
struct frame;
}  // namespace wsidecar::proto::stomp

namespace wsidecar::core {

class stomp_message;

/// The answer to an upgrade request.
struct handshake_verdict {
    bool accepted = false;
    unsigned status = 0;        ///< when refused
    field_list headers{};       ///< refused: to relay; accepted: Set-Cookie lines of the 101
    std::string body;           ///< when refused
    std::string subprotocol{};  ///< accepted: what the app chose (Ws-Subprotocol), else empty
    connection_ptr conn{};      ///< accepted
    const char* cause = "";     ///< refused: label of wsidecar_handshakes_total
};

/// The use cases: connect, message, disconnect, push. Decides; does no input or output of its own.
///
///   client --> net/http_session --> open() --> app_port (connect event) --> bus_port::enroll --> 101
///   client --> net/ws_session --> message() --> app_port (message event) --> answer --> session_port
///   Redis --> redis/bus --> on_push() --> hub --> session_port
class gateway final : public push_port {
public:
    /// Finds the route of a path and its variables; null when none matches.
    struct route_match {
        const config::route* route = nullptr;
        std::vector<std::pair<std::string, std::string>> variables;
        proto::sockjs::place place = proto::sockjs::place::none;  ///< of a SockJS route: what is asked for
        std::string session;                                      ///< its id there
        std::size_t base = 0;                                     ///< how much of the path is the route's own
    };
    using find_route = std::function<route_match(std::string_view path)>;

    gateway(const config::config& c, std::string instance, metrics& m, app_port& app, bus_port& bus, timer_port& timers,
            find_route routes);
    ~gateway() override;

    // ------------------------------------------------------------------ called by net/
    /// Decides on an upgrade. `done` runs once, unless abandon() came first. Returns the connection in the making.
    connection_ptr open(handshake h, std::function<void(handshake_verdict)> done);
    /// The client went away before `done`.
    void abandon(connection& c);
    /// The subprotocol that the 101 names, never empty: later events carry it. Before established().
    void chose_subprotocol(connection& c, std::string_view name);
    /// The 101 is queued on `s`: the connect answer's body and live messages follow. `s` must live until closed().
    void established(connection& c, session_port& s);
    /// A whole message of the client.
    void message(connection& c, bool text, std::string_view payload);
    /// Bytes of a STOMP client that has no WebSocket: the app's own relay.
    void relayed(connection& c, std::string_view bytes) { stomp_bytes(c, bytes); }
    /// The frame sent with `tag`, and all list pushes sent before it, have arrived (what that means: session_port::send).
    void confirmed(connection& c, std::uint64_t tag);
    /// The frame sent with `tag` has given its place to a newer one.
    void collapsed(connection& c, std::uint64_t tag) { not_sent(c, tag, "collapsed"); }
    /// It was dropped: the peer is slow, and its route would rather lose it than the connection.
    void left_out(connection& c, std::uint64_t tag) { not_sent(c, tag, "slow_consumer"); }
    /// It will not be sent. `reason`: static label of wsidecar_undelivered_total.
    void not_sent(connection& c, std::uint64_t tag, const char* reason);
    /// Another client needs the place of a STOMP connection that has sent no CONNECT although it had time: the one that came first ends now.
    /// False: there is none.
    bool end_silent_one();
    /// The socket is gone, exactly once after established(). `cause`: static label of wsidecar_closes_total.
    void closed(connection& c, std::uint16_t code, std::string_view reason, const char* cause);

    /// bus_port::reached().
    place reached() const { return bus_.reached(); }

    // ------------------------------------------------------------------ called by redis/ (push_port)
    void on_push(const proto::envelope& push, const push_origin& from) override;
    std::vector<registration> enrolled() const override;
    bool holds(const std::string& connection) const override;
    void on_registered(const std::string& connection, registered there) override;
    void on_retired(const std::string& connection, push_place place) override { departed_.retired(connection, place); }
    void on_claimed(const std::string& connection) override;
    void on_fenced() override;
    void on_gap() override;
    void on_routed(std::string_view id, std::string_view target, std::string_view outcome, std::string_view reason) override;
    /// A survivor speaks for a connection of a dead instance: sends its disconnect event to this pod's app.
    /// `done(true)`: the app took it (or no route wants it).
    void speak_for(const lost_connection& lost, std::function<void(bool)> done);

    /// Tells the app of deliveries (a source's `delivered`). `done(true)`: it took the word, or will never.
    void tell(const std::string& path, std::string body, const std::string& id, std::function<void(bool)> done);

    // ------------------------------------------------------------------ called by app/
    std::size_t connections() const { return open_; }
    /// Connections still open, or closed with their disconnect event under way.
    std::size_t unfinished() const { return hub_.size() + ending_; }
    const hub& registry() const { return hub_; }
    const recent& lately() const { return recent_; }
    /// Events that wait for an app that did not take them.
    struct waiting_events {
        std::size_t count = 0;  ///< sent in vain at least once, and messages of the same connections behind them
        double oldest = 0;      ///< seconds since the first attempt of the one that has waited longest
    };
    waiting_events waiting() const;
    const std::string& instance() const { return instance_; }
    /// The configuration that it was made with has changed in place.
    void reconfigured();
    /// Spans of handshakes, events and pushes, for whoever exports them.
    tracer& spans() { return spans_; }
    void set_instance(std::string instance) { instance_ = std::move(instance); }

private:
    struct pending_open;
    struct exchange;

    // gateway_trace.cpp
    std::function<void(handshake_verdict)> trace_handshake(const connection& c, std::string& traceparent, bool trusted,
                                                           std::function<void(handshake_verdict)> done);
    span_ptr trace_event(const connection& c, std::string_view parent, const app_request& request, proto::event_head& head);
    void end_event_span(span_ptr s, unsigned status, unsigned attempts, const char* error);
    span_ptr trace_push(const proto::envelope& push, const push_origin& from);
    void end_push_span(span_ptr s, std::size_t connections, const char* error);

    // gateway_open.cpp
    void begin_open(const std::shared_ptr<pending_open>& p);
    void ask_app(std::shared_ptr<pending_open> p);
    void on_connect_answer(std::shared_ptr<pending_open> p, app_answer a);
    void admit(std::shared_ptr<pending_open> p);
    void refuse(std::shared_ptr<pending_open> p, handshake_verdict v);
    void withdraw(connection& c);
    void watch_login(connection& c);

    void drop_open(const std::shared_ptr<pending_open>& p);
    void explain_connect_answer(const connection& c, const app_answer& a);

    // gateway_events.cpp
    void enqueue(connection& c, inbound_work::item item);
    std::shared_ptr<exchange> new_exchange(const connection_ptr& c, proto::event_type type);
    void message_event(const connection_ptr& c, inbound_work::item item);
    void pump(connection_ptr c);
    void attempt(std::shared_ptr<exchange> x);
    void on_answer(std::shared_ptr<exchange> x, app_answer a);
    void retry(std::shared_ptr<exchange> x, std::optional<std::chrono::milliseconds> after, bool down, const char* cause);
    void refuse_client(const exchange& x, std::uint16_t code, const char* reason);
    void finish(std::shared_ptr<exchange> x, const char* result);
    void take_answer(std::shared_ptr<exchange> x, app_answer a);
    void take_cookies(connection& c, const field_list& headers);
    void set_cookies(connection& c, proto::app_reply& r);
    void drop_inbound(connection& c, const char* reason);
    void reject(std::shared_ptr<exchange> x, unsigned status, const char* reason);
    void end(connection_ptr c);
    void maybe_disconnect(connection_ptr c);

    // gateway_stomp.cpp
    void await_connect(connection& c);
    void await_frame(connection& c);
    void stomp_bytes(connection& c, std::string_view bytes);
    void stomp_frame(connection& c, const proto::stomp::frame& f);
    void stomp_hello(connection& c, const proto::stomp::frame& f);
    void stomp_transaction(connection& c, const proto::stomp::frame& f, const std::string& receipt);
    void stomp_turn(const connection_ptr& c, inbound_work::item item);
    void stomp_next(const connection_ptr& c, const stomp_request& r);
    void stomp_refuse(const connection_ptr& c, const stomp_request& r, const char* reason, const std::string& why,
                      std::uint16_t code = 1002);
    void stomp_connect(const connection_ptr& c, const stomp_request& r);
    void stomp_answered(connection& c, handshake_verdict v);
    void stomp_send(const connection_ptr& c, const std::shared_ptr<stomp_request>& r, std::string body);
    std::optional<proto::envelope> stomp_push_to(const connection& c, const std::string& destination, bool answer) const;
    void stomp_subscribe(const connection_ptr& c, const std::shared_ptr<stomp_request>& r);
    void stomp_join(const connection_ptr& c, const std::shared_ptr<stomp_request>& r);
    void stomp_unsubscribe(const connection_ptr& c, const std::shared_ptr<stomp_request>& r);
    void stomp_event(const std::shared_ptr<exchange>& x);
    void stomp_reply(const exchange& x, const proto::app_reply& reply);
    void stomp_init(connection& c, const stomp_request& r, const proto::envelope& push);
    void stomp_finished(const std::shared_ptr<exchange>& x, std::string_view result);

    // gateway_stomp_register.cpp
    bool stomp_pattern_fits(const connection& c, const subscription& s) const;
    bool stomp_waits(connection& c, inbound_work::item& item);
    void stomp_go_on(const connection_ptr& c);
    void stomp_leave(connection& c, subscription& gone);
    void stomp_register(connection& c, bool names_only);
    void stomp_register_now(connection& c);
    void stomp_registered(const connection_ptr& c, const enroll_result& result);
    bool may_wait_for_ack(const connection& c, std::size_t bytes) const;
    void await_ack(connection& c, const subscription& to, std::uint64_t message, delivery_id id, std::size_t bytes);
    void watch_acks(connection& c);
    void on_ack_time(connection& c);
    void give_back(connection& c);
    void give_up_acks(connection& c, const char* reason, const std::string& text);

    // gateway_stomp_push.cpp
    struct delivery;
    struct match {
        subscription* to;
        const std::string* destination;  ///< of the push
    };
    static std::vector<std::string> subscription_names(const connection& c);
    static std::vector<std::string> keys_of(const proto::addresses& to);
    void match_subscriptions(const proto::envelope& push, bool kept, std::vector<match>& out);
    /// What a push found here.
    struct share {
        std::size_t matched = 0;  ///< connections, or subscriptions, that it is for
        std::uint32_t given = 0;  ///< those that it was queued to
    };
    share push_messages(const proto::envelope& push, const push_origin& from, std::uint64_t hash, delivery* d);
    void name_unsubscribed(const proto::addresses& to, const std::vector<match>& matched, delivery_outcome& out) const;
    void deliver_message(subscription& s, stomp_message& message, const std::string& destination, const proto::envelope& push,
                         const push_origin& from, std::uint64_t sent_as);
    void lose_message(connection& c, const subscription& s, delivery_id id, const char* reason);
    void release_joined(subscription& s);
    std::string stomp_route_name(const connection& c, const delivery& d, delivery_id id) const;
    bool stomp_acknowledge(connection& c, const stomp_request& r);
    void acknowledged(connection& c, delivery_id id);
    void refused(connection& c, const subscription& s, delivery_id id);
    void drop_unacknowledged(connection& c, const subscription* of);
    void stomp_out(connection& c, std::string_view bytes);
    void stomp_receipt(connection& c, std::string_view id);
    void stomp_fail(connection& c, const char* reason, const std::string& text, std::string_view receipt = {},
                    std::uint16_t code = 1002);
    void stomp_beat(connection& c);
    void stomp_closed(connection& c);

    // gateway_push.cpp
    recent_push& note_push(const proto::envelope& push, const push_origin& from, std::chrono::system_clock::time_point now);
    void note_settled(const delivery& d);
    share push_plain(const proto::envelope& push, const push_origin& from, std::uint64_t hash, delivery* d);
    void not_for_stomp(connection& c, const push_origin& from);
    void name_absent(const proto::addresses& to, delivery_outcome& out) const;
    bool had_it(connection& c, const proto::envelope& push, std::uint64_t hash, std::uint64_t sent_as, const push_origin& from,
                delivery* d);
    bool deliver(connection& c, const frame_ptr& f, const push_origin& from, std::uint64_t collapse,
                 const proto::addresses* except = nullptr);
    void not_held(connection& c, const push_origin& from, std::uint64_t sent_as, const std::string& name,
                  const char* reason = "queue");
    void send(connection& c, const frame_ptr& f, std::uint64_t tag, std::uint64_t collapse = 0, place at = {});
    bool hold(connection& c, const frame_ptr& f, std::uint64_t tag, bool mailbox, const proto::addresses* except = nullptr,
              place at = {});
    void mailbox_came(connection& c);
    void one_came(connection& c, const push_origin& from);
    void name_not_for_it(const proto::envelope& push, delivery* d);
    void release_held(connection& c);
    void expect_mailbox(const connection_ptr& c, std::uint32_t count);
    void note_end(delivery& d, const connection& c, const char* outcome, const char* reason);
    void settle(delivery_id id);
    void drop_unconfirmed(connection& c);
    void act(connection& c, const proto::envelope& push, const push_origin& from);
    std::string name_of(const connection& c, const delivery& d, delivery_id id) const;
    const std::string& user_at(const connection& c, delivery_id id) const;
    void remember_user(const connection& c);
    void name_no_member(const proto::addresses& to, const push_origin& from, delivery* d);
    void name_excepted(const proto::envelope& push, delivery_outcome& out);
    /// What became of a copy that the connection had already, and that a later delivery of the same push waits for.
    enum class end_of_copy : std::uint8_t { delivered, dropped, lost };
    void pass_on(connection& c, delivery_id copy, end_of_copy how, const char* reason = "");
    bool share_fate(connection& c, std::uint64_t hash, delivery_id id);

    // gateway_history.cpp
    void wish_as_stream(connection& c, const handshake& h);
    void wish_for(connection& c, proto::app_reply& r);
    void mark_before(const connection_ptr& c);
    void mark_before_joining(connection& c);
    bool is_recalled(connection& c, const proto::addresses& to, const push_origin& from) const;
    void drop_recalled(connection& c);
    void recall(const connection_ptr& c);
    void take_history(const connection_ptr& c, const history_wish& wish, const history_answer& a);
    std::uint32_t history_asked(const connection& c, const subscription& s, const stomp_request& r);
    void recall_for(const connection_ptr& c, subscription& s);
    void take_history_of(const connection_ptr& c, std::uint64_t joining, const history_answer& a);
    static std::uint64_t recall_key(place at, std::uint64_t subscription);
    void note_history(const connection& c, const char* problem);
    std::size_t history_bytes(const connection& c) const { return c.route->limits.queue / 2; }

    // gateway.cpp
    proto::event_head event_head_of(const connection& c, proto::event_type type) const;
    std::string event_target(const connection& c, const char* event) const;
    bool take_commands(connection& c, proto::app_reply& r, bool open);
    void note_problems(const connection& c, const proto::app_reply& r);
    registration registration_of(const connection& c) const;
    void reenroll(connection& c);
    void close(connection& c, std::uint16_t code, std::string_view reason);
    std::string now_rfc3339() const;

    const config::config& config_;
    std::string instance_;
    metrics& metrics_;
    app_port& app_;
    bus_port& bus_;
    timer_port& timers_;
    find_route route_for_;
    double& received_text_;
    double& received_binary_;
    double& received_bytes_;
    double& pushed_list_;
    double& pushed_channel_;
    double& delivered_list_;
    double& delivered_channel_;
    bool replays_cookie_;
    hub hub_;
    departed departed_;
    recent recent_;
    subscriptions subscriptions_;
    std::uint64_t messages_ = 0;  ///< number of the last MESSAGE
    std::uint64_t recalls_ = 0;   ///< number of the last question about a subscription's history
    dedup sent_;                  ///< by connection
    dedup confirmed_;             ///< by user: what is routed again need not go to them
    dedup recalled_;              ///< by connection: what it had from a history
    tracer spans_;
    std::size_t ending_ = 0;
    std::size_t open_ = 0;  ///< with a session

    struct delivery {
        std::uint32_t outstanding = 0;
        bool receipt = false;
        bool each = false;
        bool everywhere = false;
        bool claimed = false;     ///< from the mailbox of a name that whoever settles it knows
        bool closes = false;      ///< its connections are told to go: with them it has ended
        std::uint64_t noted = 0;  ///< number in recent_.pushes
        std::uint64_t hash = 0;   ///< of the push's id
        place at;
        std::vector<std::string> keys;               ///< of the subscriptions that it is for; empty: a plain push
        std::shared_ptr<const proto::addresses> to;  ///< whom it is for here; null: one user, or one connection
        timer_port::clock::time_point since;
        span_ptr span;  ///< null: not traced
        delivery_outcome outcome;
    };
    std::unordered_set<std::shared_ptr<exchange>> retrying_;  ///< sent in vain at least once
    std::unordered_set<std::string> explained_;               ///< answers to connect events that the log has explained
    std::unordered_map<delivery_id, delivery> deliveries_;
    /// Of connections whose user has changed: who it was up to which delivery.
    std::unordered_map<const connection*, std::vector<std::pair<delivery_id, std::string>>> former_users_;
    /// Deliveries of a push that a connection had been sent before and has not confirmed: the copy, and who waits for it.
    std::unordered_map<const connection*, std::vector<std::pair<delivery_id, delivery_id>>> sharing_;
    std::unordered_set<std::string> endings_;  ///< connections whose end is under way
    silent_stomps silent_;                     ///< the first to come at the front
};

}  // namespace wsidecar::core
