// gateway: clients that speak STOMP (contract section 6). Frames in, each in its turn; what goes to them is in
// gateway_stomp_push.cpp.

#include <algorithm>

#include "proto/app_reply.hpp"
#include "proto/cloudevents.hpp"
#include "proto/path.hpp"
#include "proto/percent.hpp"
#include "proto/stomp_write.hpp"
#include "proto/utf8.hpp"
#include "sidecar/core/client_resources.hpp"
#include "sidecar/core/exchange.hpp"
#include "sidecar/core/gateway.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/core/stomp_client.hpp"
#include "sidecar/core/stomp_message.hpp"

namespace wsidecar::core {
namespace stomp = proto::stomp;
using stomp::command;
namespace {

using namespace std::chrono_literals;

constexpr std::size_t transactions_at_most = 16;
constexpr std::size_t transaction_bytes = stomp_transaction_bytes;
constexpr std::size_t transaction_frames = 1000;
constexpr std::size_t subscription_id_bytes = 256;
/// A client that means it sends CONNECT at once. Where there is room it may take limits.first_frame.
constexpr auto connect_patience = 2s;
/// What an event's own headers take, as in net/http_decide.
constexpr std::size_t event_overhead = 1024;

bool under(std::string_view destination, const std::string& prefix) {
    return destination.size() > prefix.size() + 1 && destination.starts_with(prefix) && destination[prefix.size()] == '/';
}

bool under_any(std::string_view destination, const std::vector<std::string>& prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](const auto& p) { return under(destination, p); });
}

inbound_work::item item_of(const stomp::frame& f) {
    inbound_work::item item;
    item.payload = std::string(f.body);
    auto request = std::make_shared<stomp_request>();
    request->verb = f.verb;
    for (const auto& h : f.headers) {
        if (f.find(h.name)->data() == h.value.data()) {  // of repeated ones the first stands
            request->headers.emplace_back(h.name, h.value);
        }
    }
    item.stomp = std::move(request);
    return item;
}

void encode_name(std::string& out, std::string_view s) {
    static constexpr char hex[] = "0123456789ABCDEF";
    for (const char c : s) {
        const auto byte = static_cast<unsigned char>(c);
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_') {
            out += c;
        } else {
            out.append(1, '%').append(1, hex[byte >> 4U]).append(1, hex[byte & 15U]);
        }
    }
}

/// `ws-stomp-headers`: what `stomp-<name>` lines do not say. Servers make names lower case, so those with capitals are listed; names that
/// no HTTP header can have come with their value; content-type is listed when the client gave one.
std::string spelling_line(const stomp_request& r) {
    std::string list;
    for (const auto& [name, value] : r.headers) {
        const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        });
        const bool capitals = std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
        if (name.empty() || (plain && !capitals && name != "content-type")) {
            continue;
        }
        list.append(list.empty() ? "" : ",");
        encode_name(list, name);
        if (!plain) {
            list += '=';
            encode_name(list, value);
        }
    }
    return list.empty() ? list : "ws-stomp-headers: " + list + "\r\n";
}

/// `stomp-<name>` lines. Names that a backend could read as another's are left out; so is what the event says otherwise.
std::string header_lines(const stomp_request& r) {
    std::string out;
    for (const auto& [name, value] : r.headers) {
        const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        });
        if (!plain || name == "destination" || name == "content-type" || name == "content-length" || name == "transaction" ||
            (name == "passcode" && r.verb != command::connect && r.verb != command::stomp)) {
            continue;
        }
        out.append("stomp-").append(name).append(": ");
        proto::percent_encode_header(out, value);
        out += "\r\n";
    }
    return out + spelling_line(r);
}

/// A destination as the path of an event: what no path may hold as it is gets encoded; nothing when two servers could read the
/// rest in two ways.
std::optional<std::string> path_of(std::string_view destination) {
    static constexpr char hex[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : destination) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0x20 && byte < 0x7F && std::string_view("\"#<>?[]^`{|}").find(c) == std::string_view::npos) {
            out += c;
        } else {
            out.append(1, '%').append(1, hex[byte >> 4U]).append(1, hex[byte & 15U]);
        }
    }
    return proto::check_path(out) ? std::optional(std::move(out)) : std::nullopt;
}

subscription::ack_mode ack_mode_of(std::string_view word) {
    return word == "client"              ? subscription::ack_mode::client
           : word == "client-individual" ? subscription::ack_mode::individual
                                         : subscription::ack_mode::automatic;
}

}  // namespace

// ------------------------------------------------------------------------------------------------- what comes

void gateway::await_connect(connection& c) {
    const auto limit = c.route->limits.first_frame;
    if (!c.relayed) {
        c.stomp->silent.of = &c;
        c.stomp->silent.since = timers_.now();
        silent_.push_back(c.stomp->silent);
    }
    c.stomp->timer = timers_.after(limit, [this, limit, it = &c] {
        stomp_fail(*it, "first_frame", "no CONNECT came in " + std::to_string(limit.count()) + " ms");
    });
}

bool gateway::end_silent_one() {
    if (silent_.empty() || timers_.now() - silent_.front().since < connect_patience) {
        return false;
    }
    connection& c = *silent_.front().of;
    silent_.pop_front();
    log::limited(log::level::warn, "stomp",
                 "max_connections is reached: connections without CONNECT are ended to make room, the oldest first",
                 {{"limit", "max_connections"}, {"path", c.path()}});
    c.session->make_way("no CONNECT has come, and others need the place", "first_frame");
    return true;
}

/// A frame was begun: the rest of it has its time, which stands still while nothing is read.
void gateway::await_frame(connection& c) {
    c.stomp->frame_patience = timers_.after(c.route->limits.message_time, [this, it = &c] {
        if (it->inbound && it->inbound->reading_paused) {
            await_frame(*it);
        } else {
            stomp_fail(*it, "message_time", "a frame was begun and did not come whole in limits.message_time", {}, 1008);
        }
    });
}

void gateway::stomp_bytes(connection& c, std::string_view bytes) {
    const connection_ptr keep(&c);
    stomp_client& s = *c.stomp;
    s.heard = timers_.now();
    if (s.at == stomp_client::stage::over) {
        return;
    }
    s.reader.feed(bytes);
    for (;;) {
        const auto what = s.reader.next();
        if (what == stomp::event::need_more) {
            if (!s.reader.at_rest() && !s.frame_patience && !c.relayed) {
                await_frame(c);
            }
            return;
        }
        s.frame_patience.reset();
        if (what == stomp::event::error) {
            const auto e = s.reader.error();
            stomp_fail(c, e.reason, e.text, e.receipt);
        } else if (what == stomp::event::frame) {
            stomp_frame(c, s.reader.current());
        }
        if (s.at == stomp_client::stage::over) {
            return;
        }
    }
}

void gateway::stomp_frame(connection& c, const stomp::frame& f) {
    stomp_client& s = *c.stomp;
    metrics_.stomp_frames.at({stomp::command_name(f.verb)}) += 1;
    const std::string receipt(f.find("receipt").value_or(""));
    if (f.verb == command::connect || f.verb == command::stomp) {
        stomp_hello(c, f);
        return;
    }
    if (s.at == stomp_client::stage::silent) {
        stomp_fail(c, "not_connected", "the first frame is CONNECT", receipt);
        return;
    }
    if (f.verb == command::begin || f.verb == command::commit || f.verb == command::abort) {
        stomp_transaction(c, f, receipt);
        return;
    }
    if (const auto name = f.find("transaction"); name && f.verb != command::disconnect) {
        const auto it = s.transactions.find(*name);
        if (it == s.transactions.end()) {
            stomp_fail(c, "bad_transaction", "no such transaction has begun", receipt);
            return;
        }
        auto item = item_of(f);
        std::erase_if(item.stomp->headers, [](const auto& h) { return h.first == "receipt"; });
        const std::size_t bytes = item.bytes();
        if (it->second.frames.size() >= transaction_frames || s.transaction_bytes + bytes > transaction_bytes) {
            stomp_fail(c, "transaction_too_big",
                       "a transaction has at most 1000 frames, and all of a connection together 1 MiB with their headers",
                       receipt);
            return;
        }
        it->second.bytes += bytes;
        s.transaction_bytes += bytes;
        it->second.frames.push_back(std::move(item));
        stomp_receipt(c, receipt);
        return;
    }
    if (f.verb == command::ack || f.verb == command::nack) {
        // Not behind a SEND that the app takes its time for.
        if (stomp_acknowledge(c, *item_of(f).stomp)) {
            stomp_receipt(c, receipt);
        }
        return;
    }
    if (f.verb == command::disconnect) {
        s.timer.reset();  // who has said good-bye sends no heart-beats
        s.parted = true;
    }
    enqueue(c, item_of(f));
}

void gateway::stomp_hello(connection& c, const stomp::frame& f) {
    stomp_client& s = *c.stomp;
    if (s.at != stomp_client::stage::silent) {
        stomp_fail(c, "repeated_connect", "CONNECT was sent already");
        return;
    }
    s.silent.unlink();
    const auto version = stomp::negotiate_version(f.find("accept-version"));
    if (!version) {
        s.at = stomp_client::stage::over;
        const std::vector<std::pair<std::string, std::string>> headers{{"version", std::string(stomp::supported_versions)}};
        metrics_.stomp_errors.at({"version"}) += 1;
        stomp_out(c, stomp::error(stomp::version::v1_0, "supported protocol versions are 1.0, 1.1 and 1.2", {}, {}, headers));
        close(c, 1002, "STOMP error");
        return;
    }
    const auto wishes = stomp::parse_heart_beat(f.find("heart-beat"));
    if (!wishes) {
        stomp_fail(c, "bad_heart_beat", "heart-beat is two numbers of milliseconds");
        return;
    }
    s.version = *version;
    s.reader.set_version(*version);
    s.wishes = *version == stomp::version::v1_0 ? stomp::heart_beat{} : *wishes;
    s.at = stomp_client::stage::connecting;
    s.timer.reset();
    enqueue(c, item_of(f));
}

void gateway::stomp_transaction(connection& c, const stomp::frame& f, const std::string& receipt) {
    auto& all = c.stomp->transactions;
    const auto name = f.find("transaction");
    if (!name || name->empty()) {
        stomp_fail(c, "no_transaction", std::string(stomp::command_name(f.verb)) + " needs a transaction", receipt);
        return;
    }
    const auto it = all.find(*name);
    if (f.verb == command::begin) {
        if (it != all.end() || all.size() >= transactions_at_most) {
            stomp_fail(c, "bad_transaction",
                       it != all.end() ? "this transaction has begun already" : "at most 16 transactions at once", receipt);
            return;
        }
        auto& begun = all.emplace(*name, stomp_client::transaction{}).first->second;
        if (!c.relayed) {
            begun.patience = timers_.after(c.route->limits.message_time, [this, it = &c] {
                stomp_fail(*it, "message_time", "a transaction was begun and did not end in limits.message_time", {}, 1008);
            });
        }
        stomp_receipt(c, receipt);
        return;
    }
    if (it == all.end()) {
        stomp_fail(c, "bad_transaction", "no such transaction has begun", receipt);
        return;
    }
    auto frames = std::move(it->second.frames);
    c.stomp->transaction_bytes -= it->second.bytes;
    all.erase(it);
    if (f.verb == command::commit) {
        for (auto& item : frames) {
            enqueue(c, std::move(item));
        }
        enqueue(c, item_of(f));  // its receipt comes after them
    } else {
        stomp_receipt(c, receipt);
    }
}

// ------------------------------------------------------------------------------------------------ in its turn

void gateway::stomp_turn(const connection_ptr& c, inbound_work::item item) {
    const auto request = item.stomp;
    const bool here = c->session != nullptr && c->stomp->at != stomp_client::stage::over;
    if (here && stomp_waits(*c, item)) {
        return;
    }
    switch (request->verb) {
        case command::connect:
        case command::stomp: stomp_connect(c, *request); return;
        case command::send: stomp_send(c, request, std::move(item.payload)); return;
        case command::subscribe:
            if (here) {
                stomp_subscribe(c, request);
                return;
            }
            break;
        case command::unsubscribe:
            if (here) {
                stomp_unsubscribe(c, request);
                return;
            }
            break;
        case command::ack:
        case command::nack:
            if (here) {
                stomp_acknowledge(*c, *request);
            }
            break;
        case command::disconnect:
            if (here) {
                stomp_receipt(*c, request->header("receipt"));
                c->stomp->at = stomp_client::stage::over;
                c->close_code = c->close_code == 0 ? 1000 : c->close_code;
                c->session->part(1000);
            }
            break;
        default: break;
    }
    stomp_next(c, *request);
}

/// The frame is done with: its receipt, and the next one's turn.
void gateway::stomp_next(const connection_ptr& c, const stomp_request& r) {
    if (r.verb != command::disconnect) {
        stomp_receipt(*c, r.header("receipt"));
    }
    c->busy = false;
    pump(c);
}

/// The frame can't be done: its ERROR, and what stands behind it is not looked at.
void gateway::stomp_refuse(const connection_ptr& c, const stomp_request& r, const char* reason, const std::string& why,
                           std::uint16_t code) {
    stomp_fail(*c, reason, why, r.header("receipt"), code);
    c->busy = false;
    pump(c);
}

void gateway::stomp_connect(const connection_ptr& c, const stomp_request& r) {
    stomp_client& s = *c->stomp;
    const auto p = std::make_shared<pending_open>();
    p->c = c;
    p->connect_headers = std::exchange(s.connect_headers, {}) + header_lines(r);
    p->traceparent = std::exchange(s.traceparent, {});
    p->done = [this, c](handshake_verdict v) {
        stomp_answered(*c, std::move(v));
        c->busy = false;
        pump(c);
    };
    if (event_overhead + c->target.size() + p->connect_headers.size() > config_.app.max_header) {
        refuse(p, {.status = 431, .body = "the headers are larger than app.max_header\n", .cause = "max_header"});
        return;
    }
    hub_.enter(c);
    begin_open(p);
}

void gateway::stomp_answered(connection& c, handshake_verdict v) {
    stomp_client& s = *c.stomp;
    if (c.session == nullptr || s.at == stomp_client::stage::over) {
        return;
    }
    if (!v.accepted) {
        hub_.leave(c);
        metrics_.stomp_errors.at({v.cause}) += 1;
        s.at = stomp_client::stage::over;
        const auto type = std::find_if(v.headers.begin(), v.headers.end(), [](const auto& h) {
            return h.first.size() == 12 && (h.first[0] | 0x20) == 'c' && h.first.ends_with("ype");
        });
        std::vector<std::pair<std::string, std::string>> headers;
        if (type != v.headers.end()) {
            headers.emplace_back("content-type", type->second);
        }
        stomp_out(c, stomp::error(s.version, "CONNECT was refused (" + std::to_string(v.status) + ")", {},
                                  proto::whole_characters(v.body, 4096), headers));
        const bool later = v.status == 429 || v.status >= 500;
        close(c, later ? 1013 : v.status == 401 ? 4401 : 1008, "CONNECT was refused");
        return;
    }
    s.at = stomp_client::stage::connected;
    s.established = true;
    stomp::greeting g;
    g.beats = {c.route->stomp.heartbeat_send, c.route->stomp.heartbeat_receive};
    g.session = c.id;
    g.server = "wsidecar";
    g.user_name = c.user;
    s.beats = stomp::negotiate_beats(s.wishes, g.beats);
    stomp_out(c, stomp::connected(s.version, g));
    stomp_beat(c);
    if (const auto order = std::move(c.pending_close)) {
        close(c, order->code, order->reason);
    }
}

void gateway::stomp_send(const connection_ptr& c, const std::shared_ptr<stomp_request>& r, std::string body) {
    const auto& rules = c->route->stomp;
    const std::string destination(r->header("destination"));
    const bool text = proto::valid_utf8(body);
    const auto refuse = [&](const char* reason, const std::string& why) { stomp_refuse(c, *r, reason, why); };
    if (!proto::valid_name(destination)) {
        refuse("bad_destination", "SEND needs a destination of 1 to 256 bytes");
    } else if (under_any(destination, rules.app_prefixes)) {
        auto path = path_of(destination);
        if (!path) {
            refuse("bad_destination", "this destination is no path of the application");
            return;
        }
        const auto& inbound = c->route->inbound;
        const bool to_redis = !inbound.publish.empty() || !inbound.rpush.empty();
        if (to_redis) {
            bus_.send_inbound(c->id, inbound.publish, inbound.rpush, body);
        }
        if (!c->route->has_event("message")) {
            metrics_.undelivered.at({"no_message_event"}) += to_redis ? 0 : 1;
            stomp_next(c, *r);
            return;
        }
        const auto x = new_exchange(c, proto::event_type::message);
        x->stomp = r;
        x->head.destination = destination;
        const auto type = r->header("content-type");
        x->head.content_type = type.empty() ? proto::content_type_for(c->route->content_type, text, body) : std::string(type);
        x->request.target = std::move(*path);
        x->request.body = std::move(body);
        stomp_event(x);
    } else if (!rules.broadcast && (under_any(destination, rules.broker_prefixes) || under(destination, rules.user_prefix))) {
        refuse("broadcast", "clients may not SEND to " + destination + ": see the route's setting `broadcast`");
    } else if (auto push = stomp_push_to(*c, destination, false)) {
        for (const auto& [name, value] : r->headers) {
            if (name != "destination" && name != "receipt" && name != "transaction" && name != "content-length") {
                push->headers.emplace_back(name, value);
            }
        }
        push->kind = text ? proto::payload_kind::text : proto::payload_kind::binary;
        push->payload = std::move(body);
        bus_.broadcast(*push);
        stomp_next(c, *r);
    } else {
        refuse("bad_destination", "nothing is at " + destination);
    }
}

/// A push to a destination as Spring resolves it; nothing when it is none. `answer`: of the app, whose user destinations without a
/// name are the sender's.
std::optional<proto::envelope> gateway::stomp_push_to(const connection& c, const std::string& destination, bool answer) const {
    const auto& rules = c.route->stomp;
    if (!proto::valid_utf8(destination)) {
        return std::nullopt;
    }
    proto::envelope push;
    if (under_any(destination, rules.broker_prefixes)) {
        push.to.destinations.push_back(destination);
        return push;
    }
    if (!under(destination, rules.user_prefix)) {
        return std::nullopt;
    }
    const std::string rest = destination.substr(rules.user_prefix.size());
    if (answer && under_any(rest, rules.broker_prefixes)) {
        push.to.subscriptions.push_back(proto::subscription_name('c', c.id, proto::own_destination(rest)));
        return push;
    }
    const auto slash = rest.find('/', 1);
    if (slash == std::string::npos || slash + 1 == rest.size()) {
        return std::nullopt;
    }
    const std::string name = proto::percent_decode(rest.substr(1, slash - 1));
    if (!proto::valid_name(name)) {
        return std::nullopt;
    }
    // As in Spring, a session's id names it.
    (name == c.id ? push.to.connections : push.to.users).push_back(name);
    push.to.destinations.push_back(rest.substr(slash));
    return push;
}

// ----------------------------------------------------------------------------------------------- subscriptions

void gateway::stomp_subscribe(const connection_ptr& c, const std::shared_ptr<stomp_request>& r) {
    const auto& rules = c->route->stomp;
    stomp_client& s = *c->stomp;
    const auto refuse = [&](const char* reason, const std::string& why) { stomp_refuse(c, *r, reason, why); };
    const std::string destination(r->header("destination"));
    const std::string_view id = r->header("id");
    const auto mode = r->header("ack");
    if (!proto::valid_name(destination)) {
        refuse("bad_destination", "SUBSCRIBE needs a destination of 1 to 256 bytes");
        return;
    }
    if ((id.empty() && s.version != stomp::version::v1_0) || id.size() > subscription_id_bytes) {
        refuse("no_id", "SUBSCRIBE needs an id of at most 256 bytes");
        return;
    }
    const auto same = std::find_if(s.subscriptions.begin(), s.subscriptions.end(), [&](const auto& one) {
        return one->id == id && (!id.empty() || one->destination == destination);
    });
    if (same != s.subscriptions.end()) {
        // As in Spring the first stands: a page that subscribes at each mount would never get past an ERROR.
        if ((*same)->destination != destination) {
            log::limited(log::level::warn, "stomp",
                         "a SUBSCRIBE whose id has another destination already is not looked at: ids have to differ",
                         {{"connection", c->id}, {"path", c->path()}, {"destination", destination}});
        }
        stomp_next(c, *r);
        return;
    }
    if (!mode.empty() && mode != "auto" && mode != "client" && mode != "client-individual") {
        refuse("bad_ack", "ack is auto, client or client-individual");
        return;
    }
    if (s.subscriptions.size() >= c->route->limits.subscriptions) {
        refuse("too_many_subscriptions", "no more subscriptions: limits.subscriptions");
        return;
    }
    if (!r->header("selector").empty()) {
        log::limited(log::level::warn, "stomp", "selectors are not looked at", {{"connection", c->id}, {"path", c->path()}});
    }
    if (under_any(destination, rules.app_prefixes)) {
        auto path = path_of(destination);
        if (!path || !c->route->has_event("subscribe")) {
            refuse("bad_destination",
                   path ? "subscribe is not among the route's events" : "this destination is no path of the application");
            return;
        }
        const auto x = new_exchange(c, proto::event_type::subscribe);
        x->stomp = r;
        x->head.destination = destination;
        x->request.target = std::move(*path);
        stomp_event(x);
        return;
    }
    const bool own = under(destination, rules.user_prefix);
    auto pattern = stomp::ant_pattern::parse(destination);
    subscription wanted;
    wanted.key = destination;
    if (pattern && !own && stomp::is_pattern(destination)) {
        wanted.pattern = std::move(*pattern);
    }
    if (!own && !under_any(destination, rules.broker_prefixes)) {
        refuse("bad_destination", "nothing is at " + destination);
    } else if (!pattern || (own && stomp::is_pattern(destination))) {
        refuse("bad_pattern", own ? "a user destination is no pattern" : pattern.error().detail);
    } else if (wanted.pattern && !rules.patterns) {
        refuse("patterns", "clients may not subscribe to patterns: see the route's setting `patterns`");
    } else if (!stomp_pattern_fits(*c, wanted)) {
        refuse("too_many_patterns", "no more patterns, or none so costly: limits.patterns");
    } else if (!c->route->has_event("subscribe")) {
        stomp_join(c, r);
    } else {
        const auto x = new_exchange(c, proto::event_type::subscribe);
        x->stomp = r;
        x->head.destination = destination;
        x->head.pattern = wanted.pattern.has_value();
        x->request.target = event_target(*c, "subscribe");
        stomp_event(x);
    }
}

/// The app has nothing against it.
void gateway::stomp_join(const connection_ptr& c, const std::shared_ptr<stomp_request>& r) {
    const auto& rules = c->route->stomp;
    auto fresh = std::make_unique<subscription>();
    subscription& s = *fresh;
    s.owner = c.get();
    s.destination = std::string(r->header("destination"));
    s.id = std::string(r->header("id"));
    s.ack = ack_mode_of(r->header("ack"));
    s.key = s.destination;
    if (under_any(s.destination, rules.app_prefixes)) {
        s.what = subscription::kind::app;
    } else if (under(s.destination, rules.user_prefix)) {
        s.what = subscription::kind::own;
        s.key = proto::own_destination(std::string_view(s.destination).substr(rules.user_prefix.size()));
    } else if (stomp::is_pattern(s.destination)) {
        s.pattern = *stomp::ant_pattern::parse(s.destination);
    }
    c->stomp->subscriptions.push_back(std::move(fresh));
    if (s.what == subscription::kind::app) {
        stomp_next(c, *r);
        return;
    }
    // The next SUBSCRIBE need not wait: the registry hears of both at once. Whatever else the client sends does.
    s.joining = true;
    s.history = history_asked(*c, s, *r);
    s.receipt = std::string(r->header("receipt"));
    ++c->stomp->joining;
    c->stomp->patterns += s.weight();
    subscriptions_.enter(s);
    metrics_.stomp_subscriptions.value() = static_cast<double>(subscriptions_.size());
    stomp_register(*c, true);
    c->busy = false;
    pump(c);
}

void gateway::stomp_unsubscribe(const connection_ptr& c, const std::shared_ptr<stomp_request>& r) {
    stomp_client& s = *c->stomp;
    const std::string_view id = r->header("id");
    auto it = std::find_if(s.subscriptions.begin(), s.subscriptions.end(), [&](const auto& one) {
        return id.empty() ? s.version == stomp::version::v1_0 && one->id.empty() && one->destination == r->header("destination")
                          : one->id == id;
    });
    if (it == s.subscriptions.end()) {
        stomp_refuse(c, *r, "no_subscription", "UNSUBSCRIBE names no subscription");
        return;
    }
    const std::unique_ptr<subscription> gone = std::move(*it);
    s.subscriptions.erase(it);
    stomp_leave(*c, *gone);
    if (!c->route->has_event("unsubscribe") || gone->what == subscription::kind::app) {
        stomp_next(c, *r);
        return;
    }
    const auto x = new_exchange(c, proto::event_type::unsubscribe);
    x->stomp = r;
    x->head.destination = gone->destination;
    x->request.target = event_target(*c, "unsubscribe");
    stomp_event(x);
}

// ------------------------------------------------------------------------------------------- the app's answers

void gateway::stomp_event(const std::shared_ptr<exchange>& x) {
    x->head.stomp_headers = header_lines(*x->stomp);
    const std::size_t size = event_overhead + x->request.target.size() + x->head.stomp_headers.size() +
                             x->head.content_type.size() + x->c->common_headers.size() + x->c->own_headers.size() +
                             x->c->cookie.size();
    if (size > config_.app.max_header) {
        stomp_refuse(x->c, *x->stomp, "max_header", "the headers are larger than app.max_header");
        return;
    }
    attempt(x);
}

/// What the app answered goes where it says, or where Spring's controllers send it.
void gateway::stomp_reply(const exchange& x, const proto::app_reply& reply) {
    connection& c = *x.c;
    const bool init = x.type == proto::event_type::subscribe;
    const bool to_app = under_any(x.head.destination, c.route->stomp.app_prefixes);
    if (x.type == proto::event_type::unsubscribe || (init && !to_app && reply.destination.empty())) {
        metrics_.bad_answers.at({"bad_answer", "body"}) += 1;  // there is nobody whom it answers
        return;
    }
    std::optional<proto::envelope> push;
    if (init && to_app && reply.destination.empty()) {
        push.emplace();
        push->to.subscriptions.push_back(proto::subscription_name('c', c.id, x.head.destination));
    } else {
        std::string destination = reply.destination;
        if (destination.empty()) {
            for (const auto& p : c.route->stomp.app_prefixes) {
                if (under(x.head.destination, p)) {
                    destination = "/topic" + x.head.destination.substr(p.size());
                    break;
                }
            }
        }
        push = stomp_push_to(c, destination, true);
    }
    if (!push) {
        metrics_.bad_answers.at({"bad_answer", "bad_destination"}) += 1;
        log::limited(log::level::warn, "stomp", "Ws-Destination is no destination of this route",
                     {{"destination", reply.destination}, {"path", c.path()}});
        return;
    }
    push->kind = reply.message->text ? proto::payload_kind::text : proto::payload_kind::binary;
    push->payload = reply.message->payload;
    if (!reply.content_type.empty() && proto::valid_utf8(reply.content_type)) {
        push->headers.emplace_back("content-type", reply.content_type);
    }
    if (push->to.subscriptions.empty()) {
        bus_.broadcast(*push);
    } else if (init && to_app) {
        stomp_init(c, *x.stomp, *push);
    } else {
        on_push(*push, {});
    }
}

/// The answer to a SUBSCRIBE of an app destination: one MESSAGE, and no subscription that pushes would find.
void gateway::stomp_init(connection& c, const stomp_request& r, const proto::envelope& push) {
    if (c.session == nullptr) {
        metrics_.undelivered.at({"connection_gone"}) += 1;
        return;
    }
    subscription s;
    s.id = std::string(r.header("id"));
    s.destination = std::string(r.header("destination"));
    s.what = subscription::kind::app;
    stomp_message message(push, instance_, ++messages_);
    c.session->send(message.frame_for(s, c.stomp->version, s.destination), tag_answer);
    c.stomp->sent = timers_.now();
}

void gateway::stomp_finished(const std::shared_ptr<exchange>& x, std::string_view result) {
    const connection_ptr c = x->c;
    const bool here = c->session != nullptr && c->stomp->at != stomp_client::stage::over;
    const bool taken = result == "done";
    const auto receipt = x->stomp->header("receipt");
    if (x->type == proto::event_type::subscribe && here && taken) {
        stomp_join(c, x->stomp);
        return;
    }
    if (here && !taken && (x->type == proto::event_type::subscribe || !receipt.empty()) &&
        x->type != proto::event_type::unsubscribe) {
        // A receipt would say that it was done, and silence is no answer.
        stomp_refuse(c, *x->stomp, "app_refused",
                     x->status == 0 ? std::string("the application failed")
                                    : "refused by the application (" + std::to_string(x->status) + ")",
                     1008);
        return;
    }
    stomp_next(c, *x->stomp);
}

}  // namespace wsidecar::core
