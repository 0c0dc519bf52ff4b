#include "sidecar/app/conclusion.hpp"

#include <algorithm>
#include <set>

#include "sidecar/app/story_words.hpp"

namespace wsidecar::app {
namespace json = boost::json;
namespace {

/// Whether a list of this kind has it now; `in`: which.
bool is_in(const message_findings& f, core::list_kind kind, const looked_into** in = nullptr) {
    const auto at =
        std::find_if(f.lists.begin(), f.lists.end(), [&](const auto& l) { return l.kind == kind && !l.what.found.empty(); });
    if (at == f.lists.end()) {
        return false;
    }
    if (in != nullptr) {
        *in = &*at;
    }
    return true;
}

/// Whoever of these names (with their kind) is in `to`.
template <class F>
void each_name(const json::object& entry, F f) {
    for (const auto& to : list(entry, "to")) {
        if (to.is_object()) {
            const auto& o = to.get_object();
            f(word(o, "kind") + (word(o, "kind") == "all" ? "" : ' ' + word(o, "name")));
        }
    }
}

/// What is said of one whom the push did not reach; empty: nothing, the outcome is no end, or somebody else tells of it.
std::string missed_by(const json::object& e) {
    const auto outcome = word(e, "outcome");
    const auto reason = word(e, "reason");
    if (outcome == "under_way") {
        return "not confirmed yet by ";
    }
    if (outcome == "stored") {
        return "no longer in the mailbox of ";
    }
    for (const char* no_end : {"delivered", "routed", "routed_again", "not_here", "sent", "parked"}) {
        if (outcome == no_end) {
            return {};
        }
    }
    return reason == "duplicate" ? std::string() : "not delivered (" + (reason.empty() ? outcome : reason) + ") to ";
}

/// Behind "delivered": whom a push with several recipients did not reach. A few of them.
std::string but_not(const std::vector<json::object>& entries) {
    constexpr std::size_t most = 3;
    std::set<std::string> told;
    for (const auto& e : entries) {
        if (word(e, "outcome") == "delivered") {
            each_name(e, [&](const std::string& name) { told.insert(name); });
        }
    }
    std::string out;
    std::size_t more = 0;
    std::size_t n = 0;
    for (const auto& e : entries) {
        const auto missed = missed_by(e);
        each_name(e, [&](const std::string& name) {
            if (!missed.empty() && told.insert(name).second) {
                out += n++ < most ? "; " + missed + name : "";
                more += n > most ? 1 : 0;
            }
        });
    }
    return more == 0 ? out : out + "; and " + std::to_string(more) + " more";
}

/// Why it is not in the mailbox any more. Nobody can say which of the two it was.
std::string left_mailbox(const json::object& e) {
    const auto why = word(e, "reason");
    const auto whom = target_of(e);
    return "has left the mailbox" + (whom.empty() ? whom : " of " + whom) + ": " +
           (why.starts_with("ttl")     ? "its ttl was over"
            : why.starts_with("grace") ? "nobody came back within outbox.grace"
                                       : "it was too old (mailbox.age)") +
           ", or a pod that no longer knows delivered it";
}

}  // namespace

std::string conclusion_of(const message_findings& f, const std::vector<json::object>& entries,
                          const std::vector<std::string>& no_answer) {
    const auto has = [&](const char* outcome) {
        return std::any_of(entries.begin(), entries.end(), [&](const auto& e) { return word(e, "outcome") == outcome; });
    };
    const looked_into* box = nullptr;
    if (is_in(f, core::list_kind::mailbox, &box)) {
        return "waits in the " + title_of(*box) + (has("delivered") ? "; others have it" : "");
    }
    if (has("delivered")) {
        return "delivered" + but_not(entries);
    }
    for (const auto kind : {core::list_kind::outbox, core::list_kind::returned, core::list_kind::parked}) {
        if (is_in(f, kind)) {
            return std::string("waits in the ") + name_of(kind);
        }
    }
    if (has("under_way")) {
        return "sent, and not confirmed yet";
    }
    const looked_into* rejected = nullptr;
    if (is_in(f, core::list_kind::rejected, &rejected)) {
        const auto& what = rejected->what.found.front().what;
        return "rejected: " + what.substr(0, what.find(':'));
    }
    if (has("sent")) {
        return "sent from a channel, without confirmation";
    }
    const std::string unknown = !f.redis             ? " (Redis does not answer: only this pod was asked)"
                                : !no_answer.empty() ? " (no answer from " + std::to_string(no_answer.size()) +
                                                           (no_answer.size() == 1 ? " pod)" : " pods)")
                                                     : "";
    if (entries.empty()) {
        return unknown.empty() ? "no pod has seen it, or not lately, and no list has it" : "unknown" + unknown;
    }
    const auto last = std::find_if(entries.begin(), entries.end(), [](const auto& e) {
        const auto outcome = word(e, "outcome");
        return outcome != "routed" && outcome != "routed_again" && outcome != "not_here";
    });
    if (last != entries.end()) {
        return (word(*last, "outcome") == "stored" ? left_mailbox(*last)
                                                   : "not delivered: " + word(*last, "outcome") +
                                                         (word(*last, "reason").empty() ? "" : ", " + word(*last, "reason"))) +
               unknown;
    }
    if (has("routed") || has("routed_again")) {
        return unknown.empty() ? "unknown: routed; the pod that was given it does not know of it any more"
                               : "unknown: routed, perhaps to a pod that was not heard" + unknown;
    }
    return unknown.empty() ? "no pod has a recipient" : "unknown: no recipient on the pods that answered" + unknown;
}

}  // namespace wsidecar::app
