#include "sidecar/redis/subscriber.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "proto/envelope_signature.hpp"
#include "proto/text/utf8.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/refused_words.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr auto retry_interval = 500ms;

/// A text that stands for itself in a pattern of PSUBSCRIBE.
std::string glob_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\' || c == '^') {
            out += '\\';
        }
        out += c;
    }
    return out;
}

/// The receivers of a message on the channel `<kind>:<name>`; nullopt if it is not an addressed channel.
std::optional<proto::addresses> addressed_by(std::string_view kind, std::string_view name) {
    proto::addresses to;
    if (kind == "all") {
        to.all = true;
    } else if (kind == "user") {
        to.users.emplace_back(name);
    } else if (kind == "alias") {
        to.aliases.emplace_back(name);
    } else if (kind == "group") {
        to.groups.emplace_back(name);
    } else if (kind == "connection") {
        to.connections.emplace_back(name);
    } else {
        return std::nullopt;
    }
    return to;
}

}  // namespace

subscriber::subscriber(std::unique_ptr<command_port> link, command_port& publisher, const config::config& c, keys k,
                       core::metrics& m, core::timer_port& timers, shard_number at)
    : config_(c),
      own_link_(std::move(link)),
      link_(*own_link_),
      keys_(std::move(k)),
      metrics_(m),
      timers_(timers),
      at_(at),
      kinds_(c.channels.begin(), c.channels.end()),
      channels_(link_, c),
      canary_(link_, publisher, channels_, c, keys_, m, timers) {}

/// The channels of the roll calls of all shards whose instances this connection hears.
std::vector<std::string> subscriber::roll_calls_of_all() const {
    std::vector<std::string> out{keys_("beat")};
    for (unsigned n = 1; n < config_.shards && !at_.several(); ++n) {
        out.push_back(shard_prefix(config_.prefix, n) + "beat");
    }
    return out;
}

void subscriber::count_channels() {
    const auto n = static_cast<double>(channels_.size());
    metrics_.subscriptions.value() += n - std::exchange(counted_, n);
}

void subscriber::start(const std::string& instance, const roster& all, hooks h) {
    hooks_ = std::move(h);
    all_destinations_ = glob_escaped(keys_.prefix) + "destination:*";
    all_broadcasts_ = glob_escaped(keys_.prefix) + "broadcast:*";
    channels_.set_patterns({all_destinations_, all_broadcasts_});
    canary_.start(instance, all);
    roll_calls_ = roll_calls_of_all();
    for (const auto& name : roll_calls_) {
        channels_.add(name);
    }
    if (at_.here == 0) {  // what is for all is there
        questions_ = keys_("ask");
        channels_.add(questions_);
        channels_.add(keys_("push"));
        if (kinds_.contains("all")) {
            channels_.add(keys_("all"));
        }
    }
    for (std::size_t i = 0; i < config_.sources.size() && at_.here == 0; ++i) {
        const auto& source = config_.sources[i];
        if (!source.channel.empty()) {
            source_channels_[source.channel].push_back(i);
        } else if (!source.pattern.empty()) {
            source_patterns_[source.pattern].push_back(i);
        }
    }
    link_.start({[this] { on_up(); }, [this] { on_down(); }, [this](proto::reply_view r) { on_reply(r); }});
    canary_.begin();
}

void subscriber::stop() {
    canary_.stop();
    retry_.reset();
    link_.stop();
}

// ------------------------------------------------------------------------------------------------- interest

std::vector<std::string> subscriber::names_of(const core::registration& r) const {
    std::vector<std::string> out;
    const auto add = [&](const char* kind, char letter, std::string_view name) {
        if (kinds_.contains(kind) && (!at_.several() || shard_of(std::string(1, letter).append(name), at_) == at_.here)) {
            out.push_back(keys_(std::string(kind) + ':', name));
        }
    };
    add("connection", 'c', r.connection);
    if (!r.user.empty()) {
        add("user", 'u', r.user);
    }
    for (const auto& a : r.aliases) {
        add("alias", 'a', a);
    }
    for (const auto& g : r.groups) {
        add("group", 'g', g);
    }
    for (const std::string_view n : r.names) {
        if (n[0] == 'd') {
            if (at_.here == 0) {
                out.push_back(keys_("broadcast:", n.substr(1)));
            }
            add("destination", 'd', n.substr(1));
        } else if (n[0] == 'p' && !config_.redis.sharded) {
            out.push_back(all_broadcasts_);
            if (kinds_.contains("destination")) {
                out.push_back(all_destinations_);
            }
        }
    }
    return out;
}

void subscriber::want(const core::registration& r, std::function<void()> done) {
    channels_.want(r.connection, names_of(r), std::move(done));
    count_channels();
}

void subscriber::drop(const std::string& connection) {
    channels_.drop(connection);
    count_channels();
}

/// All destinations come by pattern: those that come by name too have come already.
bool subscriber::by_pattern() const {
    return channels_.is_confirmed(all_broadcasts_);
}

/// PUBLISH reaches every node of a cluster, so these are never sharded.
void subscriber::subscribe_sources() {
    const auto send = [this](const char* command, const auto& names) {
        if (!names.empty()) {
            std::vector<std::string> words{command};
            for (const auto& [name, numbers] : names) {
                words.push_back(name);
                sources_unconfirmed_.insert(name);
            }
            link_.send(words);
        }
    };
    sources_unconfirmed_.clear();
    send("SUBSCRIBE", source_channels_);
    send("PSUBSCRIBE", source_patterns_);
}

// ------------------------------------------------------------------------------------------------- the link

void subscriber::on_up() {
    channels_.on_up();
    subscribe_sources();
    subscribe_refused_ = false;
    canary_.on_up();
    if (was_up_) {
        hooks_.gap();
    }
    was_up_ = true;
}

void subscriber::on_down() {
    metrics_.pubsub_gaps.value() += 1;
    core::log::warn("subscriber", "subscription lost: channel pushes are missed until it is back",
                    {{"channels", channels_.size()}});
    channels_.on_down();
}

/// Repeats subscriptions that Redis refused (a script was running, a permission was missing) until all are confirmed.
void subscriber::resubscribe() {
    if (!link_.up()) {
        return;
    }
    const bool channels_missing = channels_.retry();
    subscribe_refused_ = channels_missing || !sources_unconfirmed_.empty();
    if (!subscribe_refused_) {
        canary_.publish();
        return;
    }
    if (!sources_unconfirmed_.empty()) {
        subscribe_sources();
    }
    retry_ = timers_.after(retry_interval, [this] { resubscribe(); });
}

bool subscriber::well() const {
    return link_.up() && !subscribe_refused_ && canary_.well();
}

std::string subscriber::state() const {
    if (!link_.up()) {
        return link_.state();
    }
    if (subscribe_refused_) {
        return "Redis refuses some channels";
    }
    return well() ? "ok" : canary_.refused() ? "Redis refuses to publish" : "no canary has come back for 6 s";
}

// ---------------------------------------------------------------------------------------------- what arrives

void subscriber::on_reply(proto::reply_view r) {
    if (r.is_error()) {
        metrics_.redis_errors.at({"subscribe"}) += 1;
        log_refused("subscriber", "Redis refuses the subscription", r.text());
        if (!subscribe_refused_) {
            subscribe_refused_ = true;
            retry_ = timers_.after(retry_interval, [this] { resubscribe(); });
        }
        return;
    }
    const auto kind = r[0].text();
    if (kind == "message" || kind == "smessage") {
        on_message(r[1].text(), r[2].text());
    } else if (kind == "pmessage") {
        if (channels_.is_pattern(r[1].text())) {
            if (by_pattern()) {
                on_destination(r[2].text().substr(keys_.prefix.size()), r[3].text());
            }
        } else {
            on_source(source_patterns_, r[1].text(), r[2].text(), r[3].text());
        }
    } else if (kind == "subscribe" || kind == "ssubscribe" || kind == "psubscribe") {
        if (const auto it = sources_unconfirmed_.find(r[1].text()); it != sources_unconfirmed_.end()) {
            sources_unconfirmed_.erase(it);
        } else {
            channels_.on_confirmed(r[1].text());
        }
    }
}

void subscriber::on_message(std::string_view name, std::string_view payload) {
    if (const auto call = std::find(roll_calls_.begin(), roll_calls_.end(), name); call != roll_calls_.end()) {
        hooks_.roll_call(name.substr(0, name.size() - std::string_view("beat").size()), payload);
        return;
    }
    if (name == questions_) {
        hooks_.question(payload);
        return;
    }
    if (canary_.take(name)) {
        return;
    }
    if (!name.starts_with(keys_.prefix)) {
        on_source(source_channels_, name, name, payload);
        return;
    }
    name.remove_prefix(keys_.prefix.size());
    if (name == "push") {
        on_envelopes(payload);
        return;
    }
    const auto colon = name.find(':');
    const auto kind = name.substr(0, colon);
    if (kind == "destination" || kind == "broadcast") {
        if (!by_pattern()) {
            on_destination(name, payload);
        }
        return;
    }
    if (refuses_unsigned(payload)) {
        return;
    }
    if (const auto to = addressed_by(kind, colon == std::string_view::npos ? "" : name.substr(colon + 1))) {
        push_message(*to, payload);
    }
}

void subscriber::push_message(proto::addresses to, std::string_view payload) {
    proto::envelope e;
    e.to = std::move(to);
    e.kind = proto::valid_utf8(payload) ? proto::payload_kind::text : proto::payload_kind::binary;
    e.payload = std::string(payload);
    hooks_.push(e);
}

/// A message of an addressed channel is no envelope and has no place for a signature.
bool subscriber::refuses_unsigned(std::string_view payload) const {
    if (config_.push.require_signature) {
        hooks_.reject("unsigned", "unsigned: a message of an addressed channel can't be signed; publish an envelope to `push`",
                      payload);
    }
    return config_.push.require_signature;
}

/// `name` without the prefix: `destination:` with a message, or `broadcast:` with an envelope of another instance.
void subscriber::on_destination(std::string_view name, std::string_view payload) {
    if (name.starts_with("broadcast:")) {
        on_broadcast(payload);
        return;
    }
    if (refuses_unsigned(payload)) {
        return;
    }
    if (!proto::valid_utf8(name)) {
        return;  // no client can have subscribed to it
    }
    proto::addresses to;
    to.destinations.emplace_back(name.substr(name.find(':') + 1));
    push_message(std::move(to), payload);
}

void subscriber::on_broadcast(std::string_view payload) {
    const auto items = proto::decode_signed_envelopes(payload, {config_.push.secrets, config_.push.require_signature}, true);
    if (items.size() == 1 && items[0].value) {
        hooks_.push(*items[0].value);
    } else if (items.size() == 1 && config_.push.require_signature) {
        hooks_.reject(items[0].value.error().reason, items[0].value.error().detail, payload);
    }
}

void subscriber::on_source(const std::unordered_map<std::string, std::vector<std::size_t>>& of, std::string_view key,
                           std::string_view named, std::string_view payload) {
    if (const auto it = of.find(std::string(key)); it != of.end()) {
        for (const std::size_t number : it->second) {
            hooks_.source(number, named, payload);
        }
    }
}

void subscriber::on_envelopes(std::string_view payload) {
    for (const auto& item : proto::decode_signed_envelopes(payload, {config_.push.secrets, config_.push.require_signature})) {
        if (!item.value) {
            const auto p = item.value.error();
            hooks_.reject(p.reason, *p.detail == '\0' ? p.reason : std::string(p.reason) + ": " + p.detail, item.raw);
        } else if (item.value->mailbox || !item.value->receipt.empty()) {
            hooks_.reject("list_only", "mailbox and receipt belong to the list", item.raw);
        } else {
            hooks_.push(*item.value);
        }
    }
}

}  // namespace wsidecar::redis
