#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "proto/target.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/kept.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/shards.hpp"

namespace wsidecar::redis {

/// The ids by which the gateway knows list pushes: they grow, whichever shard of the service a push is of, and say which it is.
class delivery_numbers {
public:
    core::delivery_id take(shard_number at) { return at.several() ? (next_++ << bits) | at.here : next_++; }
    static unsigned shard_of(core::delivery_id id) { return static_cast<unsigned>(id & ((1U << bits) - 1)); }

private:
    static constexpr unsigned bits = 6;
    static_assert(shards_at_most <= 1U << bits);
    core::delivery_id next_ = core::first_delivery_id;
};

/// Reads what the router put into this instance's inbox and into `wide` (XREAD BLOCK), hands it to the gateway, and takes out
/// of Redis what was settled (XDEL; of wide, the cursor moves up to the first that is not): what is not settled when the process
/// ends is found there by a survivor. A push whose connection has gone goes back to `outbox:returned`, and its receipt is
/// written, in the same script that takes it out.
///
/// Redis may go back in time: then everything is read anew. A push that is still on its way to its clients is recognized by its
/// content, and goes on under the id that it has now; what was settled in the old history counts for nothing. Event loop only.
class inbox {
public:
    using deliver = std::function<void(const proto::envelope&, const core::push_origin&)>;
    /// Whether a push is a canary, which is for no client.
    using listen = std::function<bool(const proto::envelope&)>;

    /// `link`: its own, because it waits inside Redis.
    inbox(std::unique_ptr<command_port> link, command_port& commands, const config::config& c, keys k, core::metrics& m,
          core::timer_port& timers, delivery_numbers& numbers, shard_number at = {});

    struct standing {
        /// The instance's lease cannot have ended yet, so that nobody has taken its pushes over.
        std::function<bool()> leased;
        /// Registered, on the connection that there is now, and ended connections are not any more: what was settled before may be said.
        std::function<bool()> registered;
        /// All that this connection had come for has been delivered to it.
        std::function<void(const std::string& connection)> claimed;
        /// What a router has routed lately has come.
        std::function<void()> proved;
        /// There are many instances: what is for all is read, and said to be read, in larger portions.
        std::function<bool()> many;
    };
    void start(deliver d, listen canary, standing s);
    /// Registered as `instance`. `new_history`: what was read and settled so far may be otherwise in these data; `wide_cursor`: up to where
    /// Redis has it that `wide` was read.
    void attend(const std::string& instance, bool new_history, const std::string& wide_cursor);
    /// The highest id seen so far, `<ms>-<seq>`.
    std::string highest() const;
    core::place reached() const { return {highest_.first, highest_.second}; }
    /// Something waits behind the inbox (overflow), and may come in now.
    void refill();
    /// Where this instance is in wide, if Redis does not know it and nothing else has to be said before; else empty.
    std::string unsaid_cursor() const;
    /// Redis knows it.
    void cursor_said(const std::string& cursor);
    /// Reads no more, and says what it has settled; what is in flight may still be settled.
    void wind_down();
    void stop();

    void configure(const endpoint& where) { link_.configure(where); }
    void settled(core::delivery_id id, core::delivery_outcome outcome);

    bool up() const { return link_.up(); }
    const std::string& state() const { return link_.state(); }
    const command_port& connection() const { return link_; }
    void reset(std::string_view why) { link_.reset(why); }
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

    /// What the router wrote of a push: the fields of a stream's entry, each called by one letter (lua/commit.lua).
    class fields {
    public:
        fields() = default;
        explicit fields(proto::reply_view all);
        std::string_view operator[](char name) const { return values_[static_cast<std::size_t>(name - 'a')]; }
        std::string_view& operator[](char name) { return values_[static_cast<std::size_t>(name - 'a')]; }

    private:
        std::array<std::string_view, 26> values_{};
    };

    /// An element of an inbox or of wide, as it was read.
    struct item {
        order id;
        bool wide = false;
        fields said;
        std::shared_ptr<std::string> storage;  ///< what `said` views, if it outlives the reply
        const claim* claimed = nullptr;        ///< what is taken is one push of this
    };

    /// What a dead instance had in hand for a group, a destination or all (lua/evacuate.lua).
    struct estate {
        struct push {
            std::string id;  ///< in the stream
            std::string body;
            std::string envelope;
            unsigned attempts = 1;
        };
        std::vector<push> pushes;
    };

    /// A push of this instance's inbox, or of wide, until it is settled.
    struct entry {
        order id_in_stream;
        std::string single;         ///< the one name it is for; empty: several, a group, or all
        std::string push_id;        ///< if a receipt is wanted
        std::string callback;       ///< what the app is told once it is delivered
        std::uint64_t content = 0;  ///< of what it is: a hash of envelope and names
        unsigned attempts = 0;
        bool wide = false;
        bool claimed = false;  ///< from a mailbox, for one connection
        bool worded = false;   ///< its end needs a word: of a receipt, of other instances or parts, or of a body that it owns
        bool receipt = false;
        bool orphan = false;     ///< of another history: these data may not have it
        bool inherited = false;  ///< of an estate; id_in_stream: of the entry that names it, which ends with the last of them
        std::string estate;      ///< its name
        std::string estate_id;   ///< the push's place there
        std::shared_ptr<const kept_push> kept;  ///< inherited: of what was kept for who was away, and not of an estate
        bool moving = false;                    ///< on its way from wide into the inbox
        std::shared_ptr<const core::delivery_outcome> ended;  ///< while it was moving, or an orphan
    };

    /// A push to a crowd that ended here before all had it. A history that has it again finds it here, and those whom it goes to next not any more.
    struct unreached {
        entry push;
        core::timer_port::clock::time_point at;
    };

    void read();
    bool in_order(proto::reply_view r) const;
    /// What is read at one master is not settled at another one.
    bool at_one_master() const;
    void on_read(proto::reply_view r);
    /// What items refer to, on its way from Redis.
    struct fetching;
    void fetch(std::vector<item> items);
    void fetch_kept(const std::shared_ptr<fetching>& f);
    void read_kept(const std::shared_ptr<fetching>& f, const std::string& crowd, place from);
    void fetch_bodies(const std::shared_ptr<fetching>& f);
    void on_fetched(const std::shared_ptr<fetching>& f);
    void take_all(const std::vector<item>& items, bool last);
    void take(const item& i, std::string_view envelope);
    bool adopt(const item& i, std::uint64_t content);
    void take_push(const item& i, std::string_view envelope, entry e);
    void take_estate(const item& i);
    void take_claims(const item& i);
    void end_kept(const entry& e, const core::delivery_outcome& o);
    void end_inherited(entry& e, const core::delivery_outcome& o);
    /// True: it is such a push.
    bool remember_unreached(const entry& e, const core::delivery_outcome& o);
    void await_unreached();
    void end(entry& e, const core::delivery_outcome& outcome);
    std::string lines_of(const entry& e, const core::delivery_outcome& o) const;
    void take_out(entry& e, const core::delivery_outcome& o, const char* outcome, const char* reason, std::string same = {},
                  std::string failed = {});
    void move_slow();
    void tell_unconfirmed();
    void flush_later(std::chrono::milliseconds wait = std::chrono::milliseconds(1));
    void flush();
    bool cursor_can_wait();
    void on_flushed(proto::reply_view r, std::vector<std::string> some, std::vector<order> plain);

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
    standing standing_;
    std::string instance_;
    std::string cursor_ = "0-0";
    std::string wide_cursor_;
    progress own_;
    progress wide_;
    order own_said_;  ///< up to where Redis knows that it is settled
    order wide_said_;
    order highest_;
    std::unordered_map<core::delivery_id, entry> in_flight_;
    std::unordered_multimap<std::uint64_t, core::delivery_id> orphans_;  ///< by content
    std::deque<unreached> unreached_;                                    ///< of lately
    std::map<order, std::size_t> heirs_;  ///< entries that name an estate: how many of its pushes have not ended here
    std::map<std::string, std::shared_ptr<const estate>, std::less<>> estates_;  ///< as read last, for the next heir
    kept_streams kept_;
    std::deque<std::pair<core::timer_port::clock::time_point, core::delivery_id>> of_wide_;  ///< in flight, since when
    std::vector<order> plain_;       ///< stream ids that are settled without a word
    std::vector<std::string> done_;  ///< arguments of scripts::settle for those with words
    delivery_numbers& numbers_;
    shard_number at_;
    double counted_ = 0;  ///< in the metric
    bool attending_ = false;
    bool reading_ = false;
    bool fetching_ = false;  ///< what items refer to is being read: what is here of it must stay meanwhile
    bool at_once_ = false;   ///< the next read does not block
    bool leaving_ = false;
    bool replaying_ = false;  ///< reads what was read before, in another history
    core::timer_port::clock::time_point again_until_{};
    bool refill_ = false;
    bool wide_settled_ = false;                      ///< a push of wide since its cursor was said last, and not only a canary
    bool cursor_due_ = false;                        ///< it has waited for long enough
    core::timer_port::clock::time_point read_at_{};  ///< when something of wide was read last
    bool flush_due_ = false;
    core::timer_port::clock::time_point flush_at_{};
    bool saying_ = false;  ///< words are on their way to Redis: what stands behind them there is not trimmed before it has them
    std::uint64_t generation_ = 0;  ///< of the instance and data: answers of an earlier one are void
    core::timer_port::handle timer_;
    core::timer_port::handle flush_timer_;
    core::timer_port::handle cursor_timer_;
    core::timer_port::handle move_timer_;
};

}  // namespace wsidecar::redis
