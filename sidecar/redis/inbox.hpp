#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/command_port.hpp"

namespace wsidecar::redis {

/// Reads what the router put into this instance's inbox and into `wide` (XREAD BLOCK), hands it to the gateway, and takes out
/// of Redis what was settled (XDEL; of wide, the cursor moves up to the first that is not): what is not settled when the process
/// ends is found there by a survivor. A push whose connection has gone goes back to `outbox:returned`, and its receipt is
/// written, in the same script that takes it out. Event loop only.
class inbox {
public:
    using deliver = std::function<void(const proto::envelope&, const core::push_origin&)>;
    /// Whether a push is a canary, which is for no client.
    using listen = std::function<bool(const proto::envelope&)>;

    /// `link`: its own, because it waits inside Redis.
    inbox(std::unique_ptr<command_port> link, command_port& commands, const config::config& c, keys k, core::metrics& m,
          core::timer_port& timers);

    /// `leased`: the instance's lease cannot have ended yet, so that nobody has taken its pushes over.
    void start(deliver d, listen canary, std::function<bool()> leased);
    /// Registered as `instance`. `restarted`: Redis is another process; `new_data`: it knows nothing of what it held before.
    /// `wide_cursor`: where `wide` stood when the instance was registered.
    void attend(const std::string& instance, bool restarted, bool new_data, const std::string& wide_cursor);
    /// Reads no more, and says what it has settled; what is in flight may still be settled.
    void wind_down();
    void stop();

    void configure(const endpoint& where) { link_.configure(where); }
    void settled(core::delivery_id id, core::delivery_outcome outcome);

    bool up() const { return link_.up(); }
    const std::string& state() const { return link_.state(); }
    std::size_t in_flight() const { return in_flight_.size(); }

private:
    /// An id of a stream, `<ms>-<seq>`.
    using order = std::pair<std::uint64_t, std::uint64_t>;

    /// The ids of a stream from the first that is not settled on.
    class progress {
    public:
        /// False: it is known already.
        bool begin(order id);
        void end(order id);
        /// All up to this id is settled.
        order settled() const { return settled_; }
        void reset(order settled);

    private:
        std::deque<std::pair<order, bool>> open_;  ///< in order; true: settled, behind one that is not
        order settled_;
    };

    /// A push of this instance's inbox, or of wide, until it is settled.
    struct entry {
        order id_in_stream;
        std::string envelope;  ///< as stored
        std::string first;     ///< its order when it was first routed; empty: this
        std::string single;    ///< the one name it is for; empty: several, a group, or all
        std::string fan;       ///< shared with other instances
        std::string receipt;   ///< key; empty: none is wanted
        std::string id;        ///< of the push, if a receipt is wanted
        std::string callback;  ///< what the app is told once it is delivered
        unsigned attempts = 0;
        bool wide = false;
        bool claimed = false;  ///< from a mailbox, for one connection
    };

    void read();
    bool in_order(proto::reply_view r) const;
    void on_read(proto::reply_view r);
    void take(proto::reply_view item, bool wide);
    void end(entry& e, const core::delivery_outcome& outcome);
    std::string lines_of(const entry& e, const core::delivery_outcome& o) const;
    void take_out(entry& e, const core::delivery_outcome& o, const char* outcome, const char* reason, std::string back = {});
    void flush_later(std::chrono::milliseconds wait = std::chrono::milliseconds(1));
    void flush();

    const config::config& config_;
    command_port& commands_;
    std::unique_ptr<command_port> own_link_;
    command_port& link_;
    keys keys_;
    core::metrics& metrics_;
    double& unconfirmed_;
    core::timer_port& timers_;
    deliver deliver_;
    listen canary_;
    std::function<bool()> leased_;
    std::string instance_;
    std::string cursor_ = "0-0";
    std::string wide_cursor_;
    progress own_;
    progress wide_;
    order own_said_;  ///< up to where Redis knows that it is settled
    order wide_said_;
    std::unordered_map<core::delivery_id, entry> in_flight_;
    std::vector<order> plain_;       ///< stream ids that are settled without a word
    std::vector<std::string> done_;  ///< arguments of scripts::settle for those with words
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
