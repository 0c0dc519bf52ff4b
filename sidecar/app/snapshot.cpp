#include "sidecar/app/snapshot.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <set>
#include <utility>

#include "proto/json/json_text.hpp"
#include "proto/target.hpp"
#include "proto/text/rfc3339.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::app {
namespace json = boost::json;
namespace {

constexpr std::size_t pushes_shown = 20;

json::array texts(const std::vector<std::string>& all) {
    json::array out;
    for (const auto& s : all) {
        out.push_back(text(s));
    }
    return out;
}

double value_of(const core::family& f) {
    const auto it = f.samples().find({});
    return it == f.samples().end() ? 0 : it->second;
}

std::optional<double> sample_of(const core::family& f, const std::string& label) {
    const auto it = f.samples().find({label});
    return it == f.samples().end() ? std::nullopt : std::optional(it->second);
}

template <class T>
json::value or_null(const std::optional<T>& v) {
    return v ? json::value(*v) : json::value(nullptr);
}

json::object latency_json(const history::latency& l) {
    return {{"p50", or_null(l.p50)}, {"p99", or_null(l.p99)}, {"count", l.count}};
}

/// Samples above 0 of a family with one label, the largest first.
json::array counted(const core::family& f) {
    std::vector<std::pair<double, std::string>> all;
    for (const auto& [labels, v] : f.samples()) {
        if (v > 0) {
            all.emplace_back(v, labels.front());
        }
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    json::array out;
    for (const auto& [v, reason] : all) {
        out.push_back(json::object{{"reason", reason}, {"count", v}});
    }
    return out;
}

json::array limits_json(const core::metrics& m) {
    std::set<std::string> names;
    for (const auto* f : {&m.limit, &m.limit_hits}) {
        for (const auto& [labels, v] : f->samples()) {
            names.insert(labels.front());
        }
    }
    json::array out;
    for (const auto& name : names) {
        out.push_back(json::object{{"name", name},
                                   {"value", or_null(sample_of(m.limit, name))},
                                   {"used", or_null(sample_of(m.limit_used, name))},
                                   {"hits", sample_of(m.limit_hits, name).value_or(0)}});
    }
    return out;
}

json::array closes_json(const core::recent& lately) {
    json::array out;
    lately.closes.newest_first([&](const core::recent_close& c) {
        out.push_back(json::object{{"time", proto::format_rfc3339(c.time)},
                                   {"connection", c.connection},
                                   {"user", text(c.user)},
                                   {"code", c.code},
                                   {"reason", text(c.reason)},
                                   {"cause", core::terms(c.cause).label}});
        return true;
    });
    return out;
}

const char* kind_of(char first) {
    switch (first) {
        case 'u': return "user";
        case 'a': return "alias";
        case 'g': return "group";
        case 'c': return "connection";
        case 'd': return "destination";
        default: return "all";
    }
}

/// Names with their kind in front, one a line, as {"kind","name"}; a user's own destination is two of them.
json::array names_json(std::string_view lines) {
    json::array out;
    while (!lines.empty()) {
        auto line = lines.substr(0, lines.find('\n'));
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
        json::object o;
        if (line.starts_with('q') || line.starts_with('n')) {
            const auto nul = line.find('\0');
            o["destination"] = text(line.substr(std::min(nul, line.size() - 1) + 1));
            line = line.substr(1, nul == std::string_view::npos ? nul : nul - 1);
        }
        if (!line.empty()) {
            o["kind"] = kind_of(line.front());
            o["name"] = text(line.substr(1));
            out.push_back(std::move(o));
        }
    }
    return out;
}

json::object push_json(const core::recent_push& p) {
    json::object o{{"time", proto::format_rfc3339(p.time)},
                   {"id", text(p.id)},
                   {"door", p.door},
                   {"to", names_json(p.to)},
                   {"outcome", p.outcome},
                   {"connections", p.connections},
                   {"seconds", p.seconds}};
    if (!p.reason.empty()) {
        o["reason"] = p.reason;
    }
    if (!p.connection.empty()) {
        o["connection"] = p.connection;
    }
    if (!p.receipt.empty()) {
        o["receipt"] = text(p.receipt);
    }
    return o;
}

/// The latest of these rings that `wanted` takes.
template <class Wanted>
json::array pushes_json(std::initializer_list<const core::ring<core::recent_push>*> rings, Wanted wanted) {
    std::vector<const core::recent_push*> found;
    for (const auto* from : rings) {
        std::size_t n = 0;
        from->newest_first([&](const core::recent_push& p) {
            if (wanted(p)) {
                found.push_back(&p);
                ++n;
            }
            return n < pushes_shown;
        });
    }
    std::stable_sort(found.begin(), found.end(), [](const auto* a, const auto* b) { return a->time > b->time; });
    json::array out;
    for (std::size_t i = 0; i < std::min(found.size(), pushes_shown); ++i) {
        out.push_back(push_json(*found[i]));
    }
    return out;
}

}  // namespace

json::string text(std::string_view bytes) {
    if (proto::valid_utf8(bytes)) {
        return json::string(bytes);
    }
    json::string out;
    for (const char c : bytes) {
        static_cast<unsigned char>(c) < 0x80 ? out.push_back(c) : static_cast<void>(out.append("\xEF\xBF\xBD"));
    }
    return out;
}

std::string serialized(const json::object& o) {
    std::string plain = json::serialize(o);
    const auto rare = [](char c) { return static_cast<unsigned char>(c) >= 0x7F; };
    if (std::none_of(plain.begin(), plain.end(), rare)) {
        return plain;
    }
    std::string out;
    out.reserve(plain.size() + plain.size() / 8);
    proto::append_json_text(out, plain, false);
    return out;
}

json::object snapshot(const pod_state& pod, const core::metrics& m, const core::recent& lately,
                      const history::figures& figures) {
    json::array routes;
    for (const auto& [path, n] : pod.by_route) {
        routes.push_back(json::object{{"path", text(path)}, {"connections", n}});
    }
    json::array longest;
    for (const auto& q : pod.longest) {
        longest.push_back(json::object{
            {"connection", q.connection}, {"user", text(q.user)}, {"path", text(q.path)}, {"queued_bytes", q.bytes}});
    }
    const auto& r = figures.now;
    return {
        {"instance", text(pod.instance)},
        {"version", pod.version},
        {"time", proto::format_rfc3339(pod.now)},
        {"uptime_seconds", pod.uptime},
        {"ready", pod.ready},
        {"app", text(pod.app)},
        {"redis", text(pod.redis)},
        {"drain", {{"state", pod.drain}, {"remaining", value_of(m.drain_remaining)}}},
        {"connections", {{"open", value_of(m.connections)}, {"by_route", std::move(routes)}}},
        {"rates",
         {{"accepted", r.accepted},
          {"refused", r.refused},
          {"messages_in", r.messages_in},
          {"events", r.events},
          {"pushes", r.pushes},
          {"delivered", r.delivered}}},
        {"latency",
         {{"event", latency_json(figures.event)}, {"push", latency_json(figures.push)}, {"seconds", figures.seconds}}},
        {"queues",
         {{"outbound_bytes", value_of(m.queued_bytes)},
          {"app_in_flight", value_of(m.app_in_flight)},
          {"app_queued", value_of(m.app_queued)},
          {"outbox_length", value_of(m.outbox_length)},
          {"outbox_head_age_seconds", value_of(m.outbox_age)},
          {"unconfirmed", value_of(m.unconfirmed)},
          {"mailboxes", value_of(m.mailboxes)},
          {"routes_outbox", value_of(m.router) > 0},
          {"events_waiting", value_of(m.events_waiting)},
          {"event_oldest_seconds", value_of(m.event_oldest)},
          {"longest", std::move(longest)}}},
        {"history", {{"names", value_of(m.histories)}, {"bytes", value_of(m.history_bytes)}}},
        {"loop_lag_seconds", value_of(m.loop_lag)},
        {"undelivered", counted(m.undelivered)},
        {"rejected", counted(m.rejected)},
        {"limits", limits_json(m)},
        {"closes", closes_json(lately)},
        {"pushes", pushes_json({&lately.pushes, &lately.unnamed_pushes}, [](const auto&) { return true; })},
        {"registry",
         {{"users", pod.users}, {"aliases", pod.aliases}, {"groups", pod.groups}, {"instances", texts(pod.instances)}}},
        {"viewers", pod.viewers},
    };
}

namespace {

/// Leaves the oldest out until the rest is no larger than an answer may be.
json::object bounded(json::object account) {
    while (serialized(account).size() > core::answer_bytes_at_most) {
        auto& entries = account.at("entries").as_array();
        auto* connections = account.if_contains("connections");
        auto& longer =
            connections != nullptr && connections->as_array().size() > entries.size() ? connections->as_array() : entries;
        if (longer.empty()) {
            break;
        }
        longer.resize(longer.size() - longer.size() / 4 - 1);
        account["more"] = true;
    }
    return account;
}

}  // namespace

json::object user_account(const std::string& user, const std::string& instance, const std::vector<held_connection>& here,
                          const core::recent& lately) {
    std::vector<std::string> names{'u' + user};
    if (!here.empty()) {
        names.emplace_back("*");
    }
    json::array connections;
    for (const auto& c : here) {
        names.push_back('c' + c.id);
        for (const auto& a : c.aliases) {
            names.push_back('a' + a);
        }
        for (const auto& g : c.groups) {
            names.push_back('g' + g);
        }
        for (const auto& d : c.destinations) {
            names.push_back('d' + d);
        }
        connections.push_back(json::object{{"connection", c.id},
                                           {"instance", text(instance)},
                                           {"path", text(c.path)},
                                           {"since", c.since},
                                           {"aliases", texts(c.aliases)},
                                           {"groups", texts(c.groups)},
                                           {"destinations", texts(c.destinations)},
                                           {"queued_bytes", c.queued_bytes},
                                           {"unconfirmed", c.unconfirmed}});
    }
    const auto named = [&](std::string_view lines) {
        const std::string own = proto::target_subscription(proto::target_kind::user, user, "");
        return std::any_of(names.begin(), names.end(), [&](const auto& n) { return core::has_name(lines, n); }) ||
               lines.find(own) != std::string_view::npos;
    };
    return bounded({{"instance", text(instance)},
                    {"connections", std::move(connections)},
                    {"entries", pushes_json({&lately.pushes, &lately.unnamed_pushes},
                                            [&](const core::recent_push& p) { return named(p.to) && !named(p.except); })}});
}

json::object message_account(const std::string& id, const std::string& instance, const core::recent& lately) {
    return bounded({{"instance", text(instance)},
                    {"entries", pushes_json({&lately.pushes, &lately.unnamed_pushes, &lately.routed},
                                            [&](const core::recent_push& p) { return p.id == id; })}});
}

}  // namespace wsidecar::app
