#include "sidecar/app/local_bus.hpp"

#include <boost/asio/post.hpp>

#include "proto/envelope.hpp"
#include "proto/ids.hpp"

namespace wsidecar::app {

void local_bus::enroll(const core::registration& r, std::function<void(core::enroll_result)> done) {
    std::string& user = users_[r.connection];
    if (user != r.user) {
        if (!user.empty() && --connected_[user] == 0) {
            connected_.erase(user);
        }
        user = r.user;
        if (!user.empty()) {
            ++connected_[user];
        }
    }
    core::enroll_result result{core::enroll_outcome::done, std::nullopt};
    if (!user.empty()) {
        result.user_connections = connected_[user];
    }
    done(result);
}

void local_bus::retire(const std::string& connection, std::function<void(std::optional<std::uint32_t>)> done) {
    std::optional<std::uint32_t> left;
    if (const auto it = users_.find(connection); it != users_.end()) {
        if (!it->second.empty()) {
            const auto count = connected_.find(it->second);
            left = --count->second;
            if (count->second == 0) {
                connected_.erase(count);
            }
        }
        users_.erase(it);
    }
    done(left);
}

void local_bus::settled(core::delivery_id, std::uint32_t reached, bool) {
    if (reached == 0) {
        metrics_.undelivered.at({"no_connection"}) += 1;
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
        // Not from within the caller: its answer goes out first.
        boost::asio::post(loop_, [this, e = std::move(e), id = next_++] { hooks_.pushes->on_push(e, id); });
    }
    done(std::nullopt);
}

}  // namespace wsidecar::app
