#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sidecar/core/gateway.hpp"
#include "tests/simulation/sim_time.hpp"

namespace wsidecar::simulation {

class world;
class pod;
struct device;

/// What is known of one connection, from its client's side; kept for the checks.
struct visit {
    std::string id;  ///< the gateway's
    int device = 0;
    std::string user;
    std::vector<std::string> aliases;
    struct membership {
        instant perhaps = 0;  ///< the app has said so
        instant surely = 0;   ///< and the registry has had the time to hear of it
    };
    std::map<std::string, membership> groups;
    int pod = 0;
    bool stomp = false;
    bool events = false;                                    ///< server-sent ones
    std::vector<std::pair<instant, std::string>> gaps;      ///< that it was told of, by their names; "": any
    std::vector<std::pair<instant, instant>> unsubscribed;  ///< from /topic/t, as far as anybody can tell
    instant opened = -1;     ///< the client had its 101, and whoever speaks STOMP the receipts of his subscriptions
    instant sure_from = -1;  ///< and Redis was well enough for it to be registered
    instant ended = -1;      ///< for the client
    int close_code = 0;      ///< that the client was given
    struct got {
        instant given = -1;      ///< the instance queued it
        instant received = -1;   ///< the client has it
        instant confirmed = -1;  ///< the instance knows
        int times = 0;
    };
    std::map<std::uint32_t, got> pushes;  ///< by their number
    std::vector<std::uint32_t> order;     ///< as received
    bool member(const std::string& group, instant at) const;
    bool was_member(const std::string& group) const;  ///< or may have been
    bool takes(const std::string& destination, instant around) const;
    bool open_at(instant t) const { return opened >= 0 && opened <= t && (ended < 0 || ended > t); }
};

/// A WebSocket between a client and an instance: core::session_port on the one side, the client on the other.
class socket final : public core::session_port, public std::enable_shared_from_this<socket> {
public:
    socket(world& w, pod& p, device& d);

    // core::session_port
    void send(core::frame_ptr frame, std::uint64_t tag, std::uint64_t collapse) override {
        send_at(std::move(frame), tag, collapse, {});
    }
    void send_at(core::frame_ptr frame, std::uint64_t tag, std::uint64_t collapse, core::place at) override;
    void came_to(const core::position& at) override;
    void tell_gap(const std::vector<std::string>& names) override;
    void close(std::uint16_t code, std::string_view reason) override;
    void pause_reading(bool) override {}
    std::size_t queued_bytes() const override { return 0; }

    void dial();
    // ------------------------------------------------------------- the client's hands
    /// `silently`: the network has gone, the instance finds out by itself.
    void cut(bool silently, std::uint16_t code = 1006);
    void give_up();
    void say(const std::string& text);
    void resubscribe(instant pause);
    /// It answers pings again.
    void pong_now();
    void pod_died();
    bool open() const { return open_; }
    std::shared_ptr<visit> record;

private:
    struct item {
        std::string text;
        std::uint64_t tag = 0;
        core::position at{};  ///< of server-sent events: what it advances the client's id to
        bool gap = false;
        std::string id{};  ///< the id that goes with it; empty: none
    };
    void put(item what);
    void opened();
    void command(std::string frame);
    void on_frame(const std::string& frame);
    void acknowledge();
    void flush();
    void arrive(const std::vector<item>& batch, std::uint64_t number);
    void pong(std::uint64_t number);
    void confirm(std::uint64_t number);
    void end_for_client(int code);
    void end_for_pod(std::uint16_t code, core::close_cause cause);
    void in_pod(instant delay, std::function<void()> what);
    instant way();

    world& world_;
    pod& pod_;
    int generation_;
    device& device_;
    core::connection_ptr conn_;
    bool asked_ = false;  ///< the gateway has it in hand
    bool open_ = false;   ///< the client has its 101
    bool ended_ = false;  ///< for the client
    bool gone_ = false;   ///< for the instance
    bool established_ = false;
    bool flushing_ = false;
    std::vector<item> out_;
    core::position last_;  ///< what the client knows as its last event's id, as the instance thinks
    std::uint64_t batches_ = 0;
    std::uint64_t arrived_ = 0;
    std::uint64_t ponged_ = 0;
    std::map<std::uint64_t, std::uint64_t> tags_;  ///< of batches that wait for their pong
    std::map<std::uint64_t, std::vector<std::uint32_t>> numbers_;
    struct subscription {
        const char* destination;
        const char* ack;
    };
    std::vector<subscription> subscriptions_;
    std::size_t receipts_ = 0;  ///< that have come
    struct unacknowledged {
        std::string id;
        std::uint32_t number;
    };
    std::vector<unacknowledged> to_acknowledge_;
    instant last_there_ = 0;
    instant last_back_ = 0;
};

/// What a person holds in the hand: connects, and comes again when the connection ends.
struct device {
    int number = 0;
    std::string user;
    std::vector<std::string> aliases;
    std::vector<std::string> groups;  ///< that the app puts it into
    bool stomp = false;               ///< is a STOMP client
    bool events = false;              ///< is an EventSource
    std::string last_event_id;        ///< that it has had
    bool wants = true;                ///< to be connected
    bool answers = true;              ///< pings
    std::shared_ptr<socket> now;
    int only_pod = -1;  ///< where the next dial goes; -1: anywhere
    std::uint64_t dials = 0;
};

}  // namespace wsidecar::simulation
