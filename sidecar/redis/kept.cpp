#include "sidecar/redis/kept.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "proto/target.hpp"

namespace wsidecar::redis {
namespace {

using namespace std::chrono_literals;

constexpr auto kept_in_memory = 5s;
constexpr std::size_t bytes_in_memory = 16UL * 1024 * 1024;

/// The key of a subscription's destination or pattern, taken from the subscription's name.
std::string_view key_in(std::string_view who) {
    return who.substr(std::min(who.find('\0'), who.size() - 1) + 1);
}

}  // namespace

place place_of(std::string_view id) {
    place out{};
    const auto dash = std::min(id.find('-'), id.size());
    std::from_chars(id.data(), id.data() + dash, out.ms);
    if (dash < id.size()) {
        std::from_chars(id.data() + dash + 1, id.data() + id.size(), out.seq);
    }
    return out;
}

std::vector<claim> read_claims(std::string_view lines) {
    std::vector<claim> out;
    while (!lines.empty()) {
        auto line = lines.substr(0, lines.find('\n'));
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
        std::array<std::string_view, 4> words;
        for (auto& word : words) {
            word = line.substr(0, line.find('\r'));
            line.remove_prefix(std::min(word.size() + 1, line.size()));
        }
        if (!words[0].empty() && !words[1].empty()) {
            out.push_back({std::string(words[0]), std::string(words[1]), place_of(words[2]), place_of(words[3])});
        }
    }
    return out;
}

std::string name_of(const claim& c) {
    const bool aliases = c.who[0] == 'a' && (c.audience[0] == 'g' || c.who.find('\0') != std::string::npos);
    return aliases ? 'm' + c.who.substr(1) : c.who;
}

bool concerns(const proto::addresses& to, std::string_view audience, std::string_view who) {
    const bool own = who.starts_with('q') && (audience.starts_with('g') || audience.starts_with('*'));
    return !own || std::any_of(to.destinations.begin(), to.destinations.end(),
                               [&](const auto& d) { return proto::own_destination(d) == key_in(who); });
}

bool address_claimed(proto::addresses& to, const claim& c, std::string_view connection) {
    if (!concerns(to, c.audience, c.who)) {
        return false;
    }
    auto destinations = std::move(to.destinations);
    auto routes = std::move(to.routes);
    to = {};
    to.routes = std::move(routes);
    if (c.who[0] == 'q') {
        const std::string_view key = key_in(c.who);
        to.subscriptions.push_back(
            connection.empty() ? c.who.substr(1) : proto::subscription_name(proto::target_kind::connection, connection, key));
        to.destinations = std::move(destinations);
        return true;
    }
    if (!destinations.empty()) {
        return false;
    }
    if (c.audience[0] == 'g') {
        to.groups.push_back(c.audience.substr(1));
    }
    to.members_only = c.audience[0] == 'g' || (connection.empty() && c.who[0] == 'a');
    if (!connection.empty()) {
        to.connections.emplace_back(connection);
    } else {
        (c.who[0] == 'u' ? to.users : to.aliases).push_back(c.who.substr(1));
    }
    return true;
}

std::optional<std::pair<place, place>> kept_streams::missing(const claim& c) const {
    const auto it = streams_.find(c.audience);
    if (it == streams_.end() || c.from < it->second.from) {
        return std::pair(c.from, std::max(c.to, it == streams_.end() ? c.to : it->second.to));
    }
    return c.to <= it->second.to ? std::nullopt : std::optional(std::pair(it->second.to, c.to));
}

void kept_streams::add(const std::string& audience, place from, place to, pushes read) {
    part& p = streams_[audience];
    if (p.all.empty() || from != p.to) {
        p = {};
        p.from = from;
    }
    p.to = to;
    for (auto& push : read) {
        p.bytes += push->envelope.size() + sizeof(kept_push);
        p.all.push_back(std::move(push));
    }
}

kept_streams::pushes kept_streams::find(const claim& c, core::timer_port::clock::time_point now) {
    const auto it = streams_.find(c.audience);
    if (it == streams_.end()) {
        return {};
    }
    it->second.used = now;
    const auto& all = it->second.all;
    const auto behind = [](place at, const auto& push) { return at < push->at; };
    return {std::upper_bound(all.begin(), all.end(), c.from, behind), std::upper_bound(all.begin(), all.end(), c.to, behind)};
}

void kept_streams::tidy(core::timer_port::clock::time_point now) {
    std::size_t bytes = 0;
    std::erase_if(streams_, [&](const auto& s) {
        bytes += s.second.bytes;
        return now - s.second.used > kept_in_memory;
    });
    if (bytes > bytes_in_memory) {
        streams_.clear();
    }
}

}  // namespace wsidecar::redis
