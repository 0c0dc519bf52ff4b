#include "sidecar/app/story.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <cmath>
#include <set>
#include <string_view>
#include <utility>

#include "proto/text/rfc3339.hpp"
#include "sidecar/app/conclusion.hpp"
#include "sidecar/app/snapshot.hpp"
#include "sidecar/app/story_words.hpp"

namespace wsidecar::app {
namespace json = boost::json;
namespace {

constexpr std::size_t mailboxes_looked_into = 4;
constexpr std::size_t receipt_keys_looked_into = 2;

json::array texts(const std::vector<std::string>& all) {
    json::array out;
    for (const auto& s : all) {
        out.push_back(text(s));
    }
    return out;
}

/// Registered instances that have not answered.
std::vector<std::string> silent(const asked_instances& asked, const std::vector<json::object>& pods) {
    std::vector<std::string> out;
    for (const auto& i : asked.instances) {
        if (std::none_of(pods.begin(), pods.end(), [&](const auto& p) { return word(p, "instance") == i; })) {
            out.push_back(i);
        }
    }
    return out;
}

/// Entries of all accounts, each with its instance, the latest first.
std::vector<json::object> entries_of(const std::vector<json::object>& pods) {
    std::vector<json::object> out;
    for (const auto& pod : pods) {
        for (const auto& e : list(pod, "entries")) {
            if (e.is_object()) {
                out.push_back(e.get_object());
                out.back()["instance"] = text(word(pod, "instance"));
            }
        }
    }
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return word(a, "time") > word(b, "time"); });
    return out;
}

std::string span(double seconds) {
    const double ms = std::round(seconds * 1000);
    return ms < 1000 ? std::to_string(static_cast<long>(ms)) + " ms"
                     : std::to_string(static_cast<long>(std::round(seconds))) + " s";
}

std::string told_by_router(const json::object& e, const std::string& whom) {
    const auto outcome = word(e, "outcome");
    const auto reason = word(e, "reason");
    if (outcome == "routed") {
        return "took it from the outbox and gave it to the pods that hold whom it is for";
    }
    if (outcome == "stored") {
        return "took it from the outbox and put it into the mailbox of " + whom + kept_because(reason);
    }
    if (outcome == "no_connection") {
        return "took it from the outbox; " + whom + " had no connection on any pod, and the push did not ask for a mailbox";
    }
    if (outcome == "expired") {
        return "took it from the outbox when its ttl was over";
    }
    if (outcome == "parked") {
        return "keeps it back until all pods are registered again";
    }
    if (reason == "mailbox_full") {
        return "removed it from the mailbox of " + whom + ", to make room for a newer push (mailbox.count, mailbox.bytes)";
    }
    return "took it from the outbox; " + outcome + (reason.empty() ? "" : ": " + reason_in_words(reason));
}

std::string told_by_pod(const json::object& e, const std::string& whom) {
    const auto outcome = word(e, "outcome");
    const auto reason = word(e, "reason");
    const auto connections = static_cast<unsigned long>(number(e, "connections"));
    const std::string connection = word(e, "connection");
    const std::string who = "for " + whom + ": ";
    if (outcome == "delivered") {
        return who + "delivered to " +
               (connections == 1 ? "connection " + connection
                                 : std::to_string(connections) + " connections, the first is " + connection) +
               ", confirmed after " + span(number(e, "seconds"));
    }
    if (outcome == "under_way") {
        return who + "queued or sent, and not confirmed yet";
    }
    if (outcome == "sent") {
        return who + "sent to " + std::to_string(connections) + (connections == 1 ? " connection" : " connections") +
               "; a channel's push is not confirmed";
    }
    if (outcome == "routed_again") {
        return who + reason_in_words(reason) + ", so it was routed again";
    }
    if (outcome == "not_here") {
        return who + "no recipient on this pod";
    }
    if (outcome == "no_connection") {
        return who + "no connection here any more";
    }
    if (outcome == "expired") {
        return who + "its ttl was over";
    }
    if (outcome == "stored") {
        return who + "kept in the mailbox" + kept_because(reason);
    }
    return who + "not delivered: " + (reason.empty() ? outcome : reason_in_words(reason));
}

std::string place_in(const core::sightings& in, const core::sighting& s) {
    return "entry " + std::to_string(s.place + 1) + " of " + std::to_string(in.length);
}

std::string told_by_list(const looked_into& l, const core::sighting& s) {
    switch (l.kind) {
        case core::list_kind::rejected: return "rejected: " + s.what;
        case core::list_kind::receipts:
            return "receipt: " + s.what + (s.reason.empty() ? "" : " (" + s.reason + ")") +
                   (s.name.empty() ? "" : " for " + s.name);
        case core::list_kind::mailbox:
            return "waits there, " + place_in(l.what, s) + ", until " + proto::format_rfc3339(s.until);
        default: return "waits there, " + place_in(l.what, s);
    }
}

/// A router hears of its commit when the pods may have what it has committed: what it did came before what they did within this time.
constexpr auto told_late = std::chrono::milliseconds(100);

struct line {
    line(const std::string& time, const std::string& instance, const std::string& said, bool routed = false)
        : words{{"time", text(time)}, {"instance", text(instance)}, {"text", text(said)}} {
        const auto parsed = proto::parse_rfc3339(time);
        at = parsed ? *parsed : std::chrono::system_clock::time_point();
        at -= routed ? told_late : std::chrono::milliseconds(0);
    }
    json::object words;
    std::chrono::system_clock::time_point at;
};

/// What a pod tells of a push in words.
std::string told_by(const json::object& e) {
    const auto whom = target_of(e);
    const auto& named = whom.empty() ? std::string("whom it is for") : whom;
    return word(e, "door") == "router" ? told_by_router(e, named) : told_by_pod(e, named);
}

/// A user's pushes, each with its story's words as `text`. Every pod hears a channel's push: those without a recipient are left out, unless
/// all pods say so; then one speaks for all.
json::array pushes_of(std::vector<json::object> entries, bool complete) {
    std::set<std::string> told;
    for (const auto& e : entries) {
        if (word(e, "outcome") != "not_here") {
            told.insert(word(e, "id"));
        }
    }
    json::array out;
    for (auto& e : entries) {
        if (word(e, "outcome") == "not_here" && (!complete || !told.insert(word(e, "id")).second)) {
            continue;
        }
        e["text"] = text(told_by(e));
        out.push_back(std::move(e));
    }
    return out;
}

/// What happened in the order of time, then what is now.
json::array story_of(const message_findings& f, const std::vector<json::object>& entries) {
    std::vector<line> past;
    std::vector<line> now;
    const bool told =
        std::any_of(entries.begin(), entries.end(), [](const auto& e) { return word(e, "outcome") != "not_here"; });
    for (auto e = entries.rbegin(); e != entries.rend(); ++e) {
        if (told && word(*e, "outcome") == "not_here") {
            continue;  // each pod hears a channel's push; one that has nobody for it has nothing to add
        }
        past.emplace_back(word(*e, "time"), word(*e, "instance"), told_by(*e), word(*e, "door") == "router");
    }
    for (const auto& l : f.lists) {
        for (const auto& s : l.what.found) {
            (s.time.empty() ? now : past).emplace_back(s.time, title_of(l), told_by_list(l, s));
        }
    }
    std::stable_sort(past.begin(), past.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
    json::array out;
    for (auto* part : {&past, &now}) {
        for (auto& l : *part) {
            out.push_back(std::move(l.words));
        }
    }
    return out;
}

json::array lists_json(const message_findings& f) {
    json::array out;
    for (const auto& l : f.lists) {
        json::array found;
        for (const auto& s : l.what.found) {
            json::object o{{"place", s.place}};
            for (const auto& [name, value] : {std::pair("time", &s.time), std::pair("what", &s.what),
                                              std::pair("reason", &s.reason), std::pair("name", &s.name)}) {
                if (!value->empty()) {
                    o[name] = text(*value);
                }
            }
            if (l.kind == core::list_kind::mailbox) {
                o["until"] = proto::format_rfc3339(s.until);
            }
            found.push_back(std::move(o));
        }
        json::object o{{"list", text(title_of(l))}, {"found", std::move(found)}};
        // What nobody could say is null, not 0.
        o["length"] = l.what.answered ? json::value(l.what.length) : json::value(nullptr);
        o["looked_at"] = l.what.answered ? json::value(l.what.looked) : json::value(nullptr);
        out.push_back(std::move(o));
    }
    return out;
}

json::value mailbox_json(const core::registry_view& redis) {
    if (!redis.answered) {
        return nullptr;
    }
    json::array kept;
    for (const auto& k : redis.mailbox) {
        kept.push_back(json::object{
            {"id", text(k.id)}, {"bytes", k.bytes}, {"until", proto::format_rfc3339(k.until)}, {"why", text(k.why)}});
    }
    json::object mailbox{{"count", redis.kept}, {"bytes", redis.kept_bytes}, {"oldest", std::move(kept)}};
    if (redis.waited_for.count() >= 0) {
        mailbox["waited_for_seconds"] = static_cast<double>(redis.waited_for.count()) / 1000;
    }
    return mailbox;
}

}  // namespace

asked_instances asked_of(const core::answers& a) {
    return {a.asked, a.instances};
}

std::vector<json::object> accounts_of(const core::answers& a) {
    std::vector<json::object> out;
    for (const auto& answer : a.texts) {
        boost::system::error_code ec;
        auto v = json::parse(answer, ec);
        if (!ec && v.is_object() && !word(v.get_object(), "instance").empty()) {
            out.push_back(std::move(v.get_object()));
        }
    }
    return out;
}

json::object user_view(const user_findings& f) {
    json::array connections;
    std::set<std::string> told;
    for (const auto& pod : f.pods) {
        for (const auto& c : list(pod, "connections")) {
            if (c.is_object() && told.insert(word(c.get_object(), "connection")).second) {
                auto& o = connections.emplace_back(c).get_object();
                o["here"] = word(o, "instance") == f.instance;
            }
        }
    }
    for (const auto& c : f.redis.connections) {
        if (told.insert(c.connection).second) {
            connections.push_back(json::object{{"connection", text(c.connection)},
                                               {"instance", text(c.instance)},
                                               {"here", false},
                                               {"path", text(c.path)},
                                               {"since", text(c.since)}});
        }
    }
    const auto no_answer = silent(f.asked, f.pods);
    const bool complete = f.redis.answered && no_answer.empty();
    return {{"user", text(f.user)},
            {"instance", text(f.instance)},
            {"redis", f.redis.answered},
            {"complete", complete},
            {"silent", texts(no_answer)},
            {"connections", std::move(connections)},
            {"pushes", pushes_of(entries_of(f.pods), complete)},
            {"mailbox", mailbox_json(f.redis)}};
}

std::vector<looked_into> lists_to_look_into(const message_findings& f) {
    std::set<std::string> boxes;
    std::set<std::string> receipts;
    for (const auto& e : entries_of(f.pods)) {
        if (const auto key = word(e, "receipt"); !key.empty() && receipts.size() < receipt_keys_looked_into) {
            receipts.insert(key);
        }
        for (const auto& to : list(e, "to")) {
            const auto kind = to.is_object() ? word(to.get_object(), "kind") : std::string();
            if ((kind == "user" || kind == "alias") && boxes.size() < mailboxes_looked_into) {
                boxes.insert(kind.substr(0, 1) + word(to.get_object(), "name"));
            }
        }
    }
    std::vector<looked_into> out;
    for (const auto& name : boxes) {
        out.push_back({core::list_kind::mailbox, name, {}});
    }
    for (const auto& key : receipts) {
        out.push_back({core::list_kind::receipts, key, {}});
    }
    return out;
}

json::object message_view(const message_findings& f) {
    const auto entries = entries_of(f.pods);
    const auto no_answer = silent(f.asked, f.pods);
    json::array found;
    for (const auto& e : entries) {
        found.push_back(e);
    }
    return {{"id", text(f.id)},
            {"instance", text(f.instance)},
            {"redis", f.redis},
            {"complete", f.redis && no_answer.empty()},
            {"instances", texts(f.asked.instances)},
            {"silent", texts(no_answer)},
            {"conclusion", text(conclusion_of(f, entries, no_answer))},
            {"story", story_of(f, entries)},
            {"found", std::move(found)},
            {"lists", lists_json(f)}};
}

}  // namespace wsidecar::app
