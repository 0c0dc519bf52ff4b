#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/inbox_entry.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/reference_reader.hpp"

namespace wsidecar::redis {

/// Reads this instance's inbox and the broadcast stream with one XREAD BLOCK, loads what their entries refer to, and passes the entries
/// on in the order of routing. Event loop only.
class inbox_reader {
public:
    struct hooks {
        /// Returns whether the lease cannot have expired yet, so that no survivor has taken over this instance's entries.
        std::function<bool()> leased;
        /// Returns whether too many pushes are in flight to take more.
        std::function<bool()> full;
        /// Returns whether there are many instances; then each reads more entries at once.
        std::function<bool()> many;
        /// Takes the next entry. The memory that it views is valid only during the call.
        std::function<void(const inbox_entry&)> take;
        /// After begin_history(): all entries that were there have been taken again.
        std::function<void()> replayed;
        /// An entry has arrived that a router has just routed.
        std::function<void()> proved;
    };

    /// `link` is the reader's own connection, because XREAD blocks in Redis. `commands` is the connection over which entries are settled.
    inbox_reader(std::unique_ptr<command_port> link, const command_port& commands, keys k, core::timer_port& timers);

    void start(hooks h);
    void stop();
    /// Begins to read again: the inbox from its start, and the broadcast stream after this id.
    void begin_history(const std::string& broadcast_cursor);
    /// The instance is registered under this id. With `new_history`, drops this reader's connection if it may be to other data than that of
    /// `commands`. Call begin_history() first.
    void attend(const std::string& instance, bool new_history);
    void read();
    /// Stops reading.
    void leave() { phase_ = phase::leaving; }

    /// Whether the reader repeats entries that it may have read in another history.
    bool replaying() const { return replaying_; }
    /// Whether an entry may have been routed twice, because Redis has gone back in time recently.
    bool may_repeat() const { return replaying_ || timers_.now() < repeats_until_; }
    /// The highest id of both streams that has been taken.
    core::place highest() const { return highest_; }
    /// What entries refer to.
    reference_reader& references() { return references_; }
    /// Forgets kept pushes that nobody has asked for lately.
    void tidy();

    command_port& connection() { return *link_; }
    const command_port& connection() const { return *link_; }

private:
    enum class phase : std::uint8_t { unregistered, attending, leaving };
    /// What the reader waits for.
    enum class activity : std::uint8_t {
        none,
        waiting,  ///< the reply to XREAD
        loading,  ///< what the entries at hand refer to
    };

    void read_after(std::chrono::milliseconds d);
    void on_reply(proto::reply_view r, std::uint64_t generation, bool blocking);
    bool in_order(proto::reply_view r) const;
    bool at_one_master() const;
    bool may_take() const { return hooks_.leased() && at_one_master(); }
    void on_read(proto::reply_view r);
    void on_loaded(reference_reader::loaded& l, bool complete, std::uint64_t generation);
    void take_all(const std::vector<inbox_entry>& entries, bool last);

    std::unique_ptr<command_port> link_;
    const command_port& commands_;
    keys keys_;
    core::timer_port& timers_;
    hooks hooks_;
    reference_reader references_;
    std::string instance_;
    std::string cursor_ = "0-0";
    std::string broadcast_cursor_;
    core::place highest_;
    phase phase_ = phase::unregistered;
    activity activity_ = activity::none;
    bool read_at_once_ = false;  ///< the next XREAD does not block
    bool replaying_ = false;
    core::timer_port::clock::time_point repeats_until_{};
    core::timer_port::clock::time_point came_at_{};  ///< when a read last returned entries
    std::uint64_t generation_ = 0;                   ///< counts histories; replies from an earlier one are ignored
    core::timer_port::handle timer_;
};

}  // namespace wsidecar::redis
