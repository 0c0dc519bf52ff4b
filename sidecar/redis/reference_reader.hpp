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

/// The unconfirmed pushes of a dead instance to one audience (lua/evacuate.lua): the stream `estate:<instance>:<target>`.
struct handover {
    struct push {
        std::string id;  ///< id in that stream
        std::string body;
        std::string envelope;
        unsigned attempts = 1;
    };
    std::vector<push> pushes;
};

/// Reads what inbox entries refer to: bodies (HGET `body:<id>`), handovers (XRANGE `estate:<name>`) and kept pushes (XRANGE
/// `kept:<audience>`). Many entries refer to the same handovers and kept pushes, so those that were read last stay in a bounded cache.
/// Event loop only.
class reference_reader {
public:
    /// Entries and what has been read for them.
    struct loaded;
    using done = std::function<void(loaded&, bool complete)>;

    /// `link` is a connection whose commands may wait behind others of the inbox. It must outlive this object.
    reference_reader(command_port& link, keys k) : link_(link), keys_(std::move(k)) {}

    /// Calls `f` when everything has been read, or with `complete` false if the connection was lost or Redis refused. `f` may run before
    /// this call returns. Until `f` has run, neither read() nor tidy() may be called.
    void read(std::vector<inbox_entry> entries, done f);
    /// Puts what was read into the cache. Returns the entries with their envelopes filled in; they are valid as long as `l`.
    const std::vector<inbox_entry>& accept(loaded& l);

    /// The handover that an accepted entry names; never null for the entries that were accepted last.
    std::shared_ptr<const handover> find_handover(std::string_view name) const;
    /// The pushes of an accepted entry's claim, in order.
    kept_streams::pushes find_kept(const claim& c, core::timer_port::clock::time_point now) { return kept_.find(c, now); }
    /// Forgets kept pushes that nobody has asked for lately.
    void tidy(core::timer_port::clock::time_point now) { kept_.tidy(now); }
    /// Clears the cache, because Redis holds another history.
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
    std::size_t missing = 0;                             ///< number of outstanding replies
    bool failed = false;
    done finish;
};

}  // namespace wsidecar::redis
