// redis_model: PUBLISH, SUBSCRIBE and their like.

#include "tests/simulation/redis_words.hpp"

namespace wsidecar::simulation {

std::int64_t redis_model::publish(const std::string& channel, const std::string& payload, bool shard) {
    std::int64_t n = 0;
    const auto there = clients_;  // a message may make a client go
    for (const auto& c : there) {
        if (shard ? c->shard_channels.contains(channel) : c->channels.contains(channel)) {
            ++n;
            c->out(reply::array({reply::bulk(shard ? "smessage" : "message"), reply::bulk(channel), reply::bulk(payload)}));
        }
        for (const auto& p : c->patterns) {
            if (!shard && glob_match(p, channel)) {
                ++n;
                c->out(reply::array({reply::bulk("pmessage"), reply::bulk(p), reply::bulk(channel), reply::bulk(payload)}));
            }
        }
    }
    return n;
}

reply redis_model::subscribe(client& c, const words& argv) {
    const auto name = upper(argv[0]);
    const bool off = name.find("UNSUB") != std::string::npos;
    auto& which = name[0] == 'P'                     ? c.patterns
                  : name[0] == 'S' && name[1] == 'S' ? c.shard_channels
                  : name == "SUNSUBSCRIBE"           ? c.shard_channels
                                                     : c.channels;
    std::string kind = name;
    for (char& x : kind) {
        x = static_cast<char>(std::tolower(static_cast<unsigned char>(x)));
    }
    std::vector<std::string> names(argv.begin() + 1, argv.end());
    if (off && names.empty()) {
        names.assign(which.begin(), which.end());
    }
    for (const auto& n : names) {
        off ? (void)which.erase(n) : (void)which.insert(n);
        const auto count = &which == &c.shard_channels ? c.shard_channels.size() : c.channels.size() + c.patterns.size();
        c.out(reply::array({reply::bulk(kind), reply::bulk(n), reply::integer(static_cast<std::int64_t>(count))}));
    }
    if (names.empty()) {
        c.out(reply::array({reply::bulk(kind), reply::nil(), reply::integer(0)}));
    }
    return reply::none();
}

}  // namespace wsidecar::simulation
