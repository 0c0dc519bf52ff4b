#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/inbox_entry.hpp"
#include "sidecar/redis/kept.hpp"
#include "sidecar/redis/keys.hpp"

namespace wsidecar::redis {

/// What a dead instance had not delivered to a group, a destination or all (lua/evacuate.lua): the stream `estate:<instance>:<target>`.
struct handover {
    struct push {
        std::string id;  ///< in that stream
        std::string body;
        std::string envelope;
        unsigned attempts = 1;
    };
    std::vector<push> pushes;
};

/// Reads what entries of an inbox refer to: bodies (HGET `body:<id>`), handovers (XRANGE `estate:<name>`) and kept pushes (XRANGE `kept:<audience>`).
/// Many entries refer to the same things, so the handovers and kept pushes that were read last stay in memory, a bounded number of them. Event loop only.
class reference_reader {
public:
    /// Entries, and what was read for them.
    struct loaded;
    using done = std::function<void(loaded&, bool complete)>;

    /// `link`: one whose commands may wait behind others of the inbox. It must outlive this.
    reference_reader(command_port& link, keys k) : link_(link), keys_(std::move(k)) {}

    /// Calls `f` once everything has been read, or could not be (`complete` is false: the connection went, or Redis refused). That may be before this
    /// call returns. Nothing else may be read, and tidy() not be called, before.
    void read(std::vector<inbox_entry> entries, done f);
    /// Keeps what was read. Returns the entries with their envelopes in place, which live as long as `l`.
    const std::vector<inbox_entry>& accept(loaded& l);

    /// An handover that an accepted entry names; never null for the entries that were accepted last.
    std::shared_ptr<const handover> find_handover(std::string_view name) const;
    /// The pushes of an accepted entry's claim, in order.
    kept_streams::pushes find_kept(const claim& c, core::timer_port::clock::time_point now) { return kept_.find(c, now); }
    /// Forgets kept pushes that nobody has asked for lately.
    void tidy(core::timer_port::clock::time_point now) { kept_.tidy(now); }
    /// Forgets all: Redis holds another history.
    void clear();

private:
    using shared = std::shared_ptr<loaded>;

    void collect(loaded& l) const;
    void read_handovers(const shared& l);
    void read_all_kept(const shared& l);
    void read_kept(const shared& l, const std::string& audience, place from);
    void read_bodies(const shared& l);

    command_port& link_;
    keys keys_;
    std::map<std::string, std::shared_ptr<const handover>, std::less<>> handovers_;
    kept_streams kept_;
};

struct reference_reader::loaded {
    struct kept_part {
        place from;
        place to;
        kept_streams::pushes read;
    };
    std::vector<inbox_entry> entries;
    std::unordered_map<std::string, std::string> bodies;
    std::map<std::string, std::shared_ptr<handover>, std::less<>> handovers;
    std::map<std::string, kept_part, std::less<>> kept;  ///< by audience
    std::size_t missing = 0;                             ///< answers that are awaited
    bool failed = false;
    done finish;
};

}  // namespace wsidecar::redis
