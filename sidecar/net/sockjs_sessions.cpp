#include "sidecar/net/sockjs_sessions.hpp"

#include <utility>

#include "sidecar/core/client_resources.hpp"
#include "sidecar/net/sockjs_session.hpp"

namespace wsidecar::net {

sockjs_sessions::sockjs_sessions(core::metrics& metrics) : metrics_(metrics) {}

sockjs_sessions::~sockjs_sessions() = default;

sockjs_sessions::session_ptr sockjs_sessions::find(std::string_view key, const session_owner::proof& who, bool& another) const {
    const auto found = sessions_.find(key);
    if (found == sessions_.end()) {
        return nullptr;
    }
    another = !found->second->may_use(who);
    return another ? nullptr : found->second;
}

bool sockjs_sessions::has_credentials(std::string_view key) const {
    const auto found = sessions_.find(key);
    return found != sessions_.end() && found->second->has_credentials();
}

void sockjs_sessions::add(const std::string& key, session_ptr session) {
    sessions_.emplace(key, std::move(session));
}

void sockjs_sessions::remember(sockjs_session& session, std::size_t bytes, ended_place& place) {
    if (place) {
        return;
    }
    place = ended_.insert(ended_.end(), {&session, bytes});
    ended_bytes_ += bytes;
    while (ended_bytes_ > core::sockjs_ended_bytes && ended_.front().session != &session) {
        metrics_.hit("sockjs_ended");
        ended_.front().session->let_go();
    }
}

void sockjs_sessions::forget(const std::string& key, ended_place& place) {
    if (place) {
        ended_bytes_ -= (*place)->bytes;
        ended_.erase(*place);
        place.reset();
    }
    sessions_.erase(key);
}

void sockjs_sessions::kill_all() {
    for (auto left = std::exchange(sessions_, {}); const auto& [key, session] : left) {
        session->kill();
    }
}

}  // namespace wsidecar::net
