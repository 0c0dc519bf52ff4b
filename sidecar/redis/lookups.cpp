#include "sidecar/redis/lookups.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <charconv>

#include "proto/envelope.hpp"

namespace wsidecar::redis {
namespace json = boost::json;
namespace {

constexpr int mailbox_shown = 20;

std::string member_of(const json::object& o, std::string_view name) {
    const auto* v = o.if_contains(name);
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

core::registry_view::entry entry_of(std::string_view connection, std::string_view text) {
    boost::system::error_code ec;
    const auto v = json::parse(text, ec);
    core::registry_view::entry e{std::string(connection), {}, {}, {}};
    if (!ec && v.is_object()) {
        const auto& o = v.get_object();
        e.instance = member_of(o, "instance");
        e.path = member_of(o, "path");
        e.since = member_of(o, "since");
    }
    return e;
}

/// A member of a mailbox: order, attempts, deadline (ms), why it ends then, envelope (lua/parts/mailbox.lua). What the push says stays
/// there.
core::registry_view::kept_push kept_of(std::string_view member) {
    std::string_view parts[4];
    for (auto& p : parts) {
        const auto end = std::min(member.find('\r'), member.size());
        p = member.substr(0, end);
        member.remove_prefix(std::min(end + 1, member.size()));
    }
    core::registry_view::kept_push out;
    std::int64_t ms = 0;
    std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), ms);
    out.until = std::chrono::system_clock::time_point(std::chrono::milliseconds(ms));
    out.why = parts[3];
    out.bytes = member.size();
    const auto envelopes = proto::decode_envelopes(member, true);
    if (envelopes.size() == 1 && envelopes[0].value) {
        out.id = envelopes[0].value->id;
    }
    return out;
}

std::size_t number_of(proto::reply_view r) {
    std::size_t n = 0;
    if (r.is_integer()) {
        return static_cast<std::size_t>(r.integer());
    }
    const auto text = r.is_string() ? r.text() : std::string_view();
    std::from_chars(text.data(), text.data() + text.size(), n);
    return n;
}

}  // namespace

void look_up(command_port& link, const keys& names, const std::string& user, std::function<void(core::registry_view)> done) {
    // One connection answers in order: the last reply ends it.
    const auto view = std::make_shared<core::registry_view>();
    const auto last = [view, done = std::move(done)](proto::reply_view r) {
        view->answered = r.is_array();
        for (std::size_t i = 0; i < r.size(); ++i) {
            view->instances.emplace_back(r[i].text());
        }
        done(std::move(*view));
    };
    if (!user.empty()) {
        link.send({"HGETALL", names("presence:", user)}, [view](proto::reply_view r) {
            for (std::size_t i = 0; i + 1 < r.size(); i += 2) {
                view->connections.push_back(entry_of(r[i].text(), r[i + 1].text()));
            }
        });
        const std::string box = names("mailbox:user:", user);
        link.send({"ZCARD", box}, [view](proto::reply_view r) { view->kept = number_of(r); });
        link.send({"HGET", names("mailbox:sizes"), 'u' + user},
                  [view](proto::reply_view r) { view->kept_bytes = number_of(r); });
        link.send({"ZRANGE", box, "0", std::to_string(mailbox_shown - 1)}, [view](proto::reply_view r) {
            for (std::size_t i = 0; i < r.size(); ++i) {
                view->mailbox.push_back(kept_of(r[i].text()));
            }
        });
        link.send({"PTTL", names("left:user:", user)}, [view](proto::reply_view r) {
            view->waited_for = std::chrono::milliseconds(r.is_integer() ? std::max<std::int64_t>(r.integer(), -1) : -1);
        });
    }
    link.send({"HKEYS", names("instances")}, last);
}

void look_up_history(command_port& link, const keys& names, const std::string& target,
                     std::function<void(core::registry_view)> done) {
    const auto view = std::make_shared<core::registry_view>();
    const std::string key = target == "*"
                                ? names("history:all")
                                : names(target[0] == 'g' ? "history:group:" : "history:destination:", target.substr(1));
    link.send({"HGET", names("history:sizes"), target}, [view](proto::reply_view r) { view->kept_bytes = number_of(r); });
    link.send({"XLEN", key}, [view, done = std::move(done)](proto::reply_view r) {
        view->answered = r.is_integer() || r.is_error();  // something else may be under the name
        view->kept = number_of(r);
        done(std::move(*view));
    });
}

}  // namespace wsidecar::redis
