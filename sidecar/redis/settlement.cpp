#include "sidecar/redis/settlement.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string_view>

#include "proto/text/rfc3339.hpp"
#include "sidecar/redis/keys.hpp"

namespace wsidecar::redis {
namespace {

const char* word_of(push_source s) {
    switch (s) {
        case push_source::inbox: return "";
        case push_source::broadcast: return "1";
        case push_source::handover: return "h";
        case push_source::kept: break;
    }
    return "k";
}

/// Whether the connection that claimed the push has not received it.
bool unclaimed(const received_push& p, const core::delivery_outcome& o) {
    return p.for_connection && o.reached + o.duplicates + o.dropped == 0 && !o.expired;
}

/// Whether a name that has lost it says so with this letter: n it refused the push, k its mailbox keeps it, x it is excepted here.
bool first_lost_is(const core::delivery_outcome& o, std::string_view letters) {
    return !o.lost.empty() && letters.find(o.lost.front()[0]) != std::string_view::npos;
}

std::string receipts_of(const received_push& p, const core::delivery_outcome& o, std::chrono::system_clock::time_point now) {
    std::string lines;
    for (const auto& c : o.each) {
        boost::json::object line{{"id", p.push_id}, {"connection", c.connection}, {"outcome", core::word(c.outcome)}};
        if (!c.user.empty()) {
            line["user"] = c.user;
        }
        if (c.reason) {
            line["reason"] = core::word(*c.reason);
        }
        line["time"] = proto::format_rfc3339(now);
        lines.append(boost::json::serialize(line)).append("\n");
    }
    return lines;
}

}  // namespace

void settlement::append_to(std::vector<std::string>& arguments) const {
    arguments.insert(
        arguments.end(),
        {text_of(id), word_of(source), same, failed, std::to_string(reached), std::to_string(dropped), word(outcome),
         std::string(reason ? core::word(*reason) : std::string_view()), connection, lines, callback});
}

bool needs_report(const received_push& p, const settlement& s) {
    return p.needs_report || !s.same.empty() || !s.failed.empty() || !p.callback.empty();
}

settlement settlement_of(const received_push& p, push_end outcome, std::optional<core::undelivered_reason> reason) {
    settlement s;
    s.source = p.source;
    s.id = p.id;
    s.outcome = outcome;
    s.reason = reason;
    s.callback = p.callback;
    return s;
}

settlement settlement_of(const received_push& p, const core::delivery_outcome& o, core::metrics& m,
                         std::chrono::system_clock::time_point now) {
    settlement s = settlement_of(p, push_end::none);
    s.reached = o.reached;
    s.dropped = o.dropped;
    s.connection = o.connection;
    s.lines = receipts_of(p, o, now);
    const bool one = !p.name.empty();
    const bool gone = !o.lost.empty() || !o.failed.empty() || unclaimed(p, o);
    if (gone && !(one && o.reached > 0)) {
        m.redelivered.at({first_lost_is(o, "n") ? "nacked" : "connection_gone"}) += 1;
        if (one && p.name[0] != 'c' && !first_lost_is(o, "nkx")) {
            (o.failed.empty() ? s.same : s.failed) = p.name;
        } else {
            s.same = joined(o.lost);
            s.failed = joined(o.failed);
        }
    } else if (o.reached > 0) {
        s.outcome = push_end::delivered;
    } else if (o.expired) {
        s.outcome = push_end::expired;
    } else if (o.duplicates > 0 || o.dropped > 0) {
        s.outcome = push_end::dropped;
        s.reason = o.why_missed();
    } else {
        if (p.source != push_source::broadcast && !o.not_for_it) {
            m.undelivered[core::undelivered_reason::no_connection] += 1;
        }
        s.outcome = push_end::no_connection;
    }
    return s;
}

std::optional<settlement> settlement_of_handover(const received_push& p, const core::delivery_outcome& o, core::metrics& m) {
    const bool again = (!o.lost.empty() || !o.failed.empty() || unclaimed(p, o)) && o.reached == 0;
    if (!again && (o.reached == 0 || p.callback.empty())) {
        return std::nullopt;
    }
    settlement s;
    s.source = push_source::handover;
    s.id = p.handover_id;
    s.connection = p.handover;
    if (again) {
        m.redelivered.at({"connection_gone"}) += 1;
        s.same = p.name;
    } else {
        s.outcome = push_end::delivered;
        s.callback = p.callback;
    }
    return s;
}

std::optional<settlement> settlement_of_kept(const received_push& p, const core::delivery_outcome& o, core::metrics& m) {
    const bool missed = o.reached + o.duplicates + o.dropped == 0 && !o.expired && !o.not_for_it;
    const bool again = (!o.lost.empty() || !o.failed.empty() || missed) && o.reached == 0;
    if (!again && p.kept->receipt.empty() && p.callback.empty()) {
        return std::nullopt;
    }
    boost::json::object what{
        {"key", p.kept->receipt}, {"id", p.kept->push_id}, {"order", p.kept->order}, {"callback", p.callback}};
    settlement s;
    s.source = push_source::kept;
    s.id = p.kept->at;
    s.connection = o.connection;
    if (again) {
        m.redelivered.at({"connection_gone"}) += 1;
        // Letters before the names say that the client refused the push, or that it must go to a mailbox.
        s.same = first_lost_is(o, "nkx") ? joined(o.lost) : p.name;
        what["attempts"] = p.kept->attempts;
        what["envelope"] = p.kept->envelope;
    } else if (o.reached > 0) {
        s.outcome = push_end::delivered;
    } else if (o.expired) {
        s.outcome = push_end::expired;
    } else if (!o.not_for_it) {
        s.outcome = push_end::dropped;
        s.reason = o.why_missed();
    }
    s.lines = boost::json::serialize(what);
    s.callback = p.name;
    return s;
}

}  // namespace wsidecar::redis
