#pragma once

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "sidecar/app/story.hpp"

namespace wsidecar::app {

/// Members of what pods tell, "", 0 or [] where there is no such one.
inline std::string word(const boost::json::object& o, std::string_view name) {
    const auto* v = o.if_contains(name);
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

inline double number(const boost::json::object& o, std::string_view name) {
    const auto* v = o.if_contains(name);
    return v != nullptr && v->is_number() ? v->to_number<double>() : 0;
}

inline const boost::json::array& list(const boost::json::object& o, std::string_view name) {
    static const boost::json::array none;
    const auto* v = o.if_contains(name);
    return v != nullptr && v->is_array() ? v->get_array() : none;
}

/// "user alice", "all", "user alice and 2 more names".
inline std::string target_of(const boost::json::object& entry) {
    const auto& to = list(entry, "to");
    if (to.empty() || !to.front().is_object()) {
        return "";
    }
    const auto& first = to.front().get_object();
    std::string out = word(first, "kind");
    out += out == "all" ? "" : ' ' + word(first, "name");
    if (const auto destination = word(first, "destination"); !destination.empty()) {
        out += " at " + destination;
    }
    return to.size() > 1 ? out + " and " + std::to_string(to.size() - 1) + " more" : out;
}

inline const char* name_of(core::list_kind kind) {
    switch (kind) {
        case core::list_kind::outbox: return "outbox";
        case core::list_kind::returned: return "outbox (to be routed again)";
        case core::list_kind::parked: return "outbox (kept back until all pods are registered)";
        case core::list_kind::rejected: return "rejected";
        case core::list_kind::receipts: return "receipts";
        case core::list_kind::mailbox: break;
    }
    return "mailbox";
}

/// "mailbox of user alice"; other lists by their own name.
inline std::string title_of(const looked_into& l) {
    if (l.kind == core::list_kind::mailbox) {
        return std::string("mailbox of ") + (l.name.starts_with('u') ? "user " : "alias ") + l.name.substr(1);
    }
    return l.kind == core::list_kind::receipts ? "receipts in " + l.name : name_of(l.kind);
}

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
        {"not_text", "it is binary, and SockJS carries only text"},
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
