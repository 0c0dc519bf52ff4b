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

/// Reads an instance's inbox and the broadcast stream (XREAD BLOCK of both), and gives their entries on in the order in which they were routed, with
/// what they refer to. Event loop only.
class inbox_reader {
public:
    struct hooks {
        /// The instance's lease cannot have ended yet, so that no survivor has taken its entries over.
        std::function<bool()> leased;
        /// Too much is in flight to take more.
        std::function<bool()> full;
        /// There are many instances: each reads more at once.
        std::function<bool()> many;
        /// The next entry. It views memory that ends with the call.
        std::function<void(const inbox_entry&)> take;
        /// In a new history: all that was there has been taken again.
        std::function<void()> replayed;
        /// Something has come that a router has just routed.
        std::function<void()> proved;
    };

    /// `link`: its own, because reading waits inside Redis. `commands`: the connection over which entries are settled.
    inbox_reader(std::unique_ptr<command_port> link, const command_port& commands, keys k, core::timer_port& timers);

    void start(hooks h);
    void stop();
    /// Reads both streams anew: the inbox from its start, the broadcast stream from behind this id.
    void begin_history(const std::string& broadcast_cursor);
    /// The instance is registered under this id. A connection that may be to other data than `commands` is dropped after begin_history().
    void attend(const std::string& instance, bool new_history);
    void read();
    /// Reads no more.
    void leave() { phase_ = phase::leaving; }

    /// Reads what was read before in another history.
    bool replaying() const { return replaying_; }
    /// What is read may have been routed twice, since Redis has gone back in time.
    bool may_repeat() const { return replaying_ || timers_.now() < repeats_until_; }
    /// The highest id of both streams that was taken.
    core::place highest() const { return highest_; }
    /// What entries refer to.
    reference_reader& references() { return references_; }
    /// Forgets kept pushes that nobody has asked for lately.
    void tidy();

    command_port& connection() { return *link_; }
    const command_port& connection() const { return *link_; }

private:
    enum class phase : std::uint8_t { unregistered, attending, leaving };
    /// What the connection is busy with.
    enum class activity : std::uint8_t {
        none,
        waiting,  ///< XREAD is on its way
        loading,  ///< entries are held until what they refer to has been read
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
    core::timer_port::clock::time_point came_at_{};  ///< when a read brought something last
    std::uint64_t generation_ = 0;                   ///< counts histories: answers of an earlier one are void
    core::timer_port::handle timer_;
};

}  // namespace wsidecar::redis
