#include "sidecar/redis/shards.hpp"

#include <algorithm>

#include "proto/resp.hpp"
#include "sidecar/redis/canary_name.hpp"

namespace wsidecar::redis {
namespace {

unsigned shard_of_address(std::string_view kind, std::string_view name, unsigned count) {
    std::string address(kind);
    address.append(":").append(name);
    return proto::key_slot(address) % count;
}

}  // namespace

std::string shard_prefix(const std::string& prefix, unsigned shard) {
    if (shard == 0) {
        return prefix;
    }
    const auto close = prefix.find('}', std::min(prefix.find('{'), prefix.size()));
    std::string out = prefix;
    const std::string number = (shard < 10 ? ":0" : ":") + std::to_string(shard);
    return out.insert(std::min(close, out.size()), number);  // a configuration with shards has a hash tag
}

unsigned shard_of(std::string_view name, shard_number at) {
    if (!at.several() || name.empty()) {
        return at.here;
    }
    const char kind = name[0];
    const auto rest = name.substr(1);
    switch (kind) {
        case '*': return 0;
        case 'u': return shard_of_address("user", rest.substr(0, rest.find('\0')), at.count);
        case 'a':
        case 'm': return shard_of_address("alias", rest.substr(0, rest.find('\0')), at.count);
        case 'g': return shard_of_address("group", rest, at.count);
        case 'd': return shard_of_address("destination", rest, at.count);
        case 'c':
            return is_canary_target(name) ? at.here : shard_of_address("connection", rest.substr(0, rest.find('\0')), at.count);
        case 'q':  // a subscription is where its owner is
        case 'n':
        case 'k':
        case 'x': return shard_of(rest, at);
        case 'r': return shard_of(rest.substr(std::min(rest.find('\0'), rest.size() - 1) + 1), at);
        default: return at.here;
    }
}

std::uint64_t shards_of(const core::registration& r, unsigned count) {
    const shard_number any{0, count};
    std::uint64_t out = 0;
    const auto add = [&](const std::string& name) { out |= 1ULL << shard_of(name, any); };
    add('c' + r.connection);
    if (!r.user.empty()) {
        add('u' + r.user);
    }
    for (const auto& a : r.aliases) {
        add('a' + a);
    }
    if (!r.user.empty() || !r.aliases.empty()) {
        add("*");  // pushes to all are kept for identified users between two connections
    }
    for (const auto& g : r.groups) {
        add('g' + g);
    }
    for (const auto& n : r.names) {
        if (n.starts_with('d')) {
            add(n);
        } else if (n.starts_with('p')) {
            return count >= shards_at_most ? ~0ULL : (1ULL << count) - 1;  // any destination may match
        }
    }
    return out;
}

core::registration part_of(core::registration r, shard_number at) {
    if (at.several()) {
        std::erase_if(r.groups, [&](const auto& g) { return shard_of('g' + g, at) != at.here; });
        std::erase_if(r.names, [&](const auto& n) { return n.starts_with('d') && shard_of(n, at) != at.here; });
    }
    return r;
}

}  // namespace wsidecar::redis
