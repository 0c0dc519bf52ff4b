#include "sidecar/app/local_bus.hpp"

#include <boost/asio/post.hpp>

#include "proto/envelope.hpp"
#include "proto/text/ids.hpp"

namespace wsidecar::app {

void local_bus::enroll(const core::registration& r, std::function<void(core::enroll_result)> done) {
    std::string& user = users_[r.connection];
    if (user != r.user) {
        const std::uint32_t limit = config_.connections_per_user;
        const auto there = connected_.find(r.user);
        if (limit > 0 && there != connected_.end() && there->second.size() >= limit) {
            if (config_.on_excess != "close_oldest") {
                done({core::enroll_outcome::refused, static_cast<std::uint32_t>(there->second.size()), 0});
                return;
            }
            metrics_.hit("connections_per_user");
            deliver_soon(core::eviction_of(there->second.front()));
        }
        leave_user(r.connection, user);
        user = r.user;
        if (!user.empty()) {
            connected_[user].push_back(r.connection);
        }
    }
    core::enroll_result result{core::enroll_outcome::done, std::nullopt, 0};
    if (!user.empty()) {
        result.user_connections = static_cast<std::uint32_t>(connected_[user].size());
    }
    done(result);
}

void local_bus::leave_user(const std::string& connection, const std::string& user) {
    if (const auto it = connected_.find(user); it != connected_.end()) {
        std::erase(it->second, connection);
        if (it->second.empty()) {
            connected_.erase(it);
        }
    }
}

void local_bus::retire(const core::registration& last, std::function<void(std::optional<std::uint32_t>)> done) {
    std::optional<std::uint32_t> left;
    if (const auto it = users_.find(last.connection); it != users_.end()) {
        if (!it->second.empty()) {
            leave_user(last.connection, it->second);
            const auto rest = connected_.find(it->second);
            left = rest == connected_.end() ? 0 : static_cast<std::uint32_t>(rest->second.size());
        }
        users_.erase(it);
    }
    done(left);
}

void local_bus::send_inbound(const std::string&, const std::string&, const std::string&, std::string_view) {
    metrics_.undelivered[core::undelivered_reason::no_redis] += 1;
}

void local_bus::settled(core::delivery_id, core::delivery_outcome o) {
    if (o.reached == 0 && !o.expired && o.duplicates == 0) {
        metrics_.undelivered[core::undelivered_reason::no_connection] += 1;
    }
}

void local_bus::push(const std::string& envelope, std::function<void(std::optional<problem>)> done) {
    for (auto& item : proto::decode_envelopes(envelope)) {
        if (!item.value) {
            continue;
        }
        proto::envelope e = std::move(*item.value);
        if (e.id.empty()) {
            e.id = proto::random_hex128();
        }
        deliver_soon(std::move(e));
    }
    done(std::nullopt);
}

/// Not from within the caller: its answer goes out first.
void local_bus::deliver_soon(proto::envelope e) {
    boost::asio::post(loop_, [this, e = std::move(e), id = next_++] {
        core::push_origin from;
        from.id = id;
        hooks_.pushes->on_push(e, from);
    });
}

}  // namespace wsidecar::app
