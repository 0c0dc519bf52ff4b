#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/link.hpp"

namespace wsidecar::redis {

/// Reads what the router put into this instance's inbox and into `wide` (XREAD BLOCK), hands it to the gateway, and takes out
/// of Redis what was settled (XDEL): what is not settled when the process ends is found there by a survivor. A push whose
/// connection has gone goes back to `outbox:returned` in the same script that takes it out. Event loop only.
class inbox {
public:
    using deliver = std::function<void(const proto::envelope&, core::delivery_id)>;
    /// Whether a push is a canary, which is for no client.
    using listen = std::function<bool(const proto::envelope&)>;

    inbox(boost::asio::io_context& loop, link& commands, const config::config& c, const endpoint& where, keys k,
          core::metrics& m, core::timer_port& timers);

    void start(deliver d, listen canary);
    /// Registered as `instance`. `fresh`: Redis may hold other data than before. `wide_cursor`: where `wide` stood then.
    void attend(const std::string& instance, bool fresh, const std::string& wide_cursor);
    /// Reads no more; what is in flight may still be settled.
    void wind_down() { leaving_ = true; }
    void stop();

    void settled(core::delivery_id id, std::uint32_t reached, bool lost);

    bool up() const { return link_.up(); }
    const std::string& state() const { return link_.state(); }
    std::size_t in_flight() const { return in_flight_.size(); }

private:
    struct entry {
        std::string stream_id;
        std::string envelope;  ///< as stored; only of the own inbox: `wide` is not routed again
        unsigned attempts = 0;
        bool wide = false;
    };

    void read();
    bool in_order(proto::reply_view r) const;
    void on_read(proto::reply_view r);
    void take(proto::reply_view item, bool wide);
    void flush_later();
    void flush();

    const config::config& config_;
    link& commands_;
    link link_;
    keys keys_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    deliver deliver_;
    listen canary_;
    std::string instance_;
    std::string cursor_ = "0-0";
    std::string wide_cursor_;
    std::string wide_said_;  ///< the cursor that Redis knows of
    std::unordered_map<core::delivery_id, entry> in_flight_;
    std::unordered_set<std::string> held_;  ///< stream ids of the own inbox that are in flight
    std::vector<std::string> done_;         ///< stream id, element for outbox:returned or "", ...
    core::delivery_id next_ = core::first_delivery_id;
    bool attending_ = false;
    bool reading_ = false;
    bool at_once_ = false;  ///< the next read does not block
    bool leaving_ = false;
    bool flush_due_ = false;
    std::uint64_t generation_ = 0;  ///< of the instance and data: answers of an earlier one are void
    core::timer_port::handle timer_;
    core::timer_port::handle flush_timer_;
};

}  // namespace wsidecar::redis
