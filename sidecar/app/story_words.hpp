#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace wsidecar::app {

/// What a reason of wsidecar_undelivered_total means here.
inline std::string reason_in_words(const std::string& reason) {
    static const std::pair<const char*, const char*> known[] = {
        {"attempts", "it was routed too often to an instance that had no connection for it"},
        {"closing", "the connection was being closed"},
        {"collapsed", "a newer push with the same collapse key took its place"},
        {"connection_gone", "the connection ended before it confirmed"},
        {"duplicate", "the connection had a push with this id already (outbox.dedup_window)"},
        {"envelope_gone", "its envelope is no longer in Redis"},
        {"mailbox_full", "the mailbox was full, and it was the oldest in it"},
        {"nacked", "the client refused it (NACK)"},
        {"not_text", "a STOMP frame cannot carry it"},
        {"overloaded", "the pod was overloaded (inbox)"},
        {"queue", "the client reads too slowly (limits.queue)"},
        {"slow_consumer", "the client reads too slowly (limits.queue)"}};
    const auto at = std::find_if(std::begin(known), std::end(known), [&](const auto& k) { return reason == k.first; });
    return at == std::end(known) ? reason : at->second;
}

/// Why a push went into a mailbox; `why`: what bounds its stay there.
inline std::string kept_because(const std::string& why) {
    return why.starts_with("grace") ? ": the last connection had just ended (outbox.grace)"
           : why.starts_with("ttl") ? ": it waits until its ttl is over"
                                    : ": nobody was connected";
}

}  // namespace wsidecar::app
