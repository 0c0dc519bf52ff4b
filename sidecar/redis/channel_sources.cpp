#include "sidecar/redis/channel_sources.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "proto/text/sha1.hpp"
#include "sidecar/core/keyed_hash.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
namespace {

constexpr auto echo_window = std::chrono::seconds(10);  ///< an own message that has not come back by then will not

std::uint64_t hash_of(std::string_view channel, std::string_view payload) {
    return core::keyed_hash(channel) * 0x9E3779B97F4A7C15ULL ^ core::keyed_hash(payload);
}

}  // namespace

void channel_sources::remember(const std::string& connection, const std::string& channel, std::string_view payload) {
    const bool remembered = std::any_of(readers_.begin(), readers_.end(), [&](const source_reader& r) {
        const auto& s = r.settings();
        return !s.echo && (s.channel == channel || (!s.pattern.empty() && stars_of(s.pattern, channel).has_value()));
    });
    if (remembered) {
        const auto now = timers_.now();
        while (!own_messages_.empty() && now - own_messages_.front().at > echo_window) {
            own_messages_.pop_front();
        }
        own_messages_.push_back({hash_of(channel, payload), connection, now});
    }
}

void channel_sources::on_message(std::size_t number, std::string_view channel, std::string_view payload) {
    const auto& reader = readers_[number];
    auto push =
        reader.read({channel, stars_of(reader.settings().pattern, channel).value_or(std::vector<std::string>())}, payload);
    if (!push) {
        const auto& p = push.error();
        metrics_.undelivered.at({p.reason}) += 1;
        // The limiter goes by the message: each source has its own.
        const auto& s = reader.settings();
        core::log::limited(core::log::level::warn, "sources",
                           "a message of the source " + (s.channel.empty() ? s.pattern : s.channel) + " is not delivered",
                           {{"channel", channel}, {"reason", p.reason}, {"detail", p.detail}, {"bytes", payload.size()}});
        return;
    }
    metrics_.source_messages.value() += 1;
    if (!reader.settings().echo) {
        const auto mine = std::find_if(own_messages_.begin(), own_messages_.end(),
                                       [hash = hash_of(channel, payload)](const auto& m) { return m.hash == hash; });
        if (mine != own_messages_.end()) {
            push->except.connections.push_back(std::move(mine->connection));
            own_messages_.erase(mine);
        }
    }
    core::push_origin from;
    if (!push->callback.empty()) {
        from.id =
            next_++ | core::of_channel | (push->by_write || config_.outbox.confirm == "write" ? 0 : core::confirm_by_pong);
        from.everywhere = true;
        callbacks_.emplace(
            from.id, pending_callback{proto::sha1_hex(std::string(channel) + '\n' + std::string(payload)), push->callback});
    }
    deliver_(*push, from);
}

void channel_sources::settled(core::delivery_id id, const core::delivery_outcome& o) {
    if (const auto pending = callbacks_.extract(id); pending && o.reached > 0) {
        scripts::queue_callback.run(link_, keys_("callbacks"), {keys_.prefix, pending.mapped().sum, pending.mapped().callback});
    }
}

}  // namespace wsidecar::redis
