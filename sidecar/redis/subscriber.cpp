#include "sidecar/redis/subscriber.hpp"

#include <algorithm>

#include "proto/envelope_signature.hpp"
#include "proto/text/utf8.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/refused_words.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr auto canary_interval = 2s;
constexpr auto retry_interval = 500ms;
constexpr auto own_canary_after = 2500ms;  ///< of many: that of all has not come
constexpr auto canary_turn = 100ms;        ///< by so much later the next one on duty publishes that of all
constexpr auto canary_limit = 5s;          ///< with the interval's grid: a gap is noticed within 6 s
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

constexpr std::size_t batch = 500;  ///< channels in one SUBSCRIBE: others' commands get in between

}  // namespace

subscriber::subscriber(std::unique_ptr<command_port> link, command_port& publisher, const config::config& c, keys k,
                       core::metrics& m, core::timer_port& timers, shard_number at)
    : config_(c),
      publisher_(publisher),
      own_link_(std::move(link)),
      link_(*own_link_),
      keys_(std::move(k)),
      metrics_(m),
      timers_(timers),
      kinds_(c.channels.begin(), c.channels.end()),
      at_(at) {}

/// Of the shards whose instances it hears.
std::vector<std::string> subscriber::roll_calls_of_all() const {
    std::vector<std::string> out{keys_("beat")};
    for (unsigned n = 1; n < config_.shards && !at_.several(); ++n) {
        out.push_back(shard_prefix(config_.prefix, n) + "beat");
    }
    return out;
}

void subscriber::tell_channels() {
    const auto n = static_cast<double>(channels_.size());
    metrics_.subscriptions.value() += n - std::exchange(counted_, n);
}

void subscriber::start(const std::string& instance, const roster& all, hooks h) {
    roster_ = &all;
    hooks_ = std::move(h);
    heard_ = timers_.now();
    canary_ = keys_("canary:", instance);
    shared_canary_ = keys_("canary");
    all_destinations_ = glob_escaped(keys_.prefix) + "destination:*";
    all_broadcasts_ = glob_escaped(keys_.prefix) + "broadcast:*";
    channels_[canary_].users = 1;
    roll_calls_ = roll_calls_of_all();
    for (const auto& name : roll_calls_) {
        channels_[name].users = 1;
    }
    if (at_.here == 0) {  // what is for all is there
        questions_ = keys_("ask");
        channels_[questions_].users = 1;
        channels_[keys_("push")].users = 1;
        if (kinds_.contains("all")) {
            channels_[keys_("all")].users = 1;
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
    beat();
}

void subscriber::stop() {
    timer_.reset();
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
    auto& held = entry_of(held_, r.connection).second;
    const auto before = std::move(held);
    held.clear();
    const auto wait = std::make_shared<waiter>();
    std::vector<std::string> fresh;
    for (auto& name : names_of(r)) {
        auto& entry = entry_of(channels_, name);
        held.push_back(&entry);
        channel& c = entry.second;
        if (++c.users == 1 && link_.up()) {
            ++c.unconfirmed;
            fresh.push_back(name);
        }
        if (c.unconfirmed > 0) {
            if (!c.waiting) {
                c.waiting = std::make_unique<std::vector<std::shared_ptr<waiter>>>();
            }
            c.waiting->push_back(wait);
            ++wait->missing;
        }
    }
    held.shrink_to_fit();
    subscribe(fresh);
    for (auto* c : before) {
        release(*c);
    }
    tell_channels();
    if (wait->missing == 0) {
        done();
    } else {
        wait->done = std::move(done);
    }
}

void subscriber::drop(const std::string& connection) {
    const auto it = held_.find(connection);
    if (it == held_.end()) {
        return;
    }
    const auto before = std::move(it->second);
    held_.erase(it);
    for (auto* c : before) {
        release(*c);
    }
    tell_channels();
}

void subscriber::release(channels::value_type& entry) {
    channel& c = entry.second;
    if (--c.users > 0) {
        return;
    }
    if (link_.up()) {
        const char* command = is_pattern(entry.first) ? "PUNSUBSCRIBE" : config_.redis.sharded ? "SUNSUBSCRIBE" : "UNSUBSCRIBE";
        link_.send({command, entry.first.str()});
    }
    if (c.unconfirmed == 0) {
        channels_.erase(channels_.find(entry.first));
    }
}

void subscriber::subscribe(const std::vector<std::string>& names) {
    std::vector<std::string> patterns{"PSUBSCRIBE"};
    std::vector<std::string> words;
    const auto send = [this](std::vector<std::string>& some) {
        if (some.size() > 1) {
            link_.send(some);
        }
        some.clear();
    };
    for (const auto& name : names) {
        if (is_pattern(name)) {
            patterns.push_back(name);
            continue;
        }
        if (words.empty()) {
            words.emplace_back(config_.redis.sharded ? "SSUBSCRIBE" : "SUBSCRIBE");
        }
        words.push_back(name);
        if (words.size() > batch) {
            send(words);
        }
    }
    send(words);
    send(patterns);
}

bool subscriber::is_pattern(std::string_view name) const {
    return name == all_destinations_ || name == all_broadcasts_;
}

/// All destinations come by pattern: those that come by name too have come already.
bool subscriber::by_pattern() const {
    const auto it = channels_.find(all_broadcasts_);
    return it != channels_.end() && it->second.users > 0 && it->second.unconfirmed == 0;
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
    std::vector<std::string> all;
    for (auto it = channels_.begin(); it != channels_.end();) {
        if (it->second.users == 0) {
            it = channels_.erase(it);
            continue;
        }
        it->second.unconfirmed = 1;
        all.push_back(it->first.str());
        ++it;
    }
    subscribe(all);
    subscribe_sources();
    since_ = timers_.now();
    subscribe_refused_ = false;
    publish_canary();
    if (was_up_) {
        hooks_.gap();
    }
    was_up_ = true;
}

void subscriber::on_down() {
    metrics_.pubsub_gaps.value() += 1;
    core::log::warn("subscriber", "subscription lost: channel pushes are missed until it is back",
                    {{"channels", channels_.size()}});
    // Nobody waits for a link that is down.
    std::vector<std::shared_ptr<waiter>> waiting;
    for (auto& [name, c] : channels_) {
        c.unconfirmed = 0;
        if (const auto here = std::move(c.waiting)) {
            waiting.insert(waiting.end(), here->begin(), here->end());
        }
    }
    for (const auto& w : waiting) {
        if (w->done) {
            std::exchange(w->done, nullptr)();
        }
    }
}

void subscriber::beat() {
    if (roster_->is_large() && !config_.redis.sharded) {
        beat_of_many();
        return;
    }
    if (link_.up() && !reset_if_silent()) {
        link_.send({"PING"});
        publish_canary();
    }
    timer_ = timers_.after(canary_interval, [this] { beat(); });
}

/// Of many instances, the first on duty publishes one canary for all, the next one when it does not. Whoever hears none publishes its own.
void subscriber::beat_of_many() {
    const auto now = timers_.now();
    auto next = std::chrono::duration_cast<std::chrono::milliseconds>(heard_ + own_canary_after - now);
    if (link_.up() && !reset_if_silent()) {
        if (auto& shared = channels_[shared_canary_]; shared.users == 0) {
            shared.users = 1;
            ++shared.unconfirmed;
            subscribe({shared_canary_});
        }
        if (roster_->on_duty()) {
            const auto due = heard_shared_ + canary_interval + static_cast<int>(roster_->rank()) * canary_turn;
            if (now >= due) {
                publish(shared_canary_);
            }
            next = std::min(next, now >= due ? std::chrono::milliseconds(canary_interval)
                                             : std::chrono::duration_cast<std::chrono::milliseconds>(due - now));
        }
        if (now - heard_ >= own_canary_after) {
            link_.send({"PING"});
            publish_canary();
        }
    }
    const bool silent = now - heard_ >= own_canary_after;
    timer_ = timers_.after(silent ? 1000ms : std::max(next, std::chrono::milliseconds(canary_turn)), [this] { beat(); });
}

/// True: no canary has come for too long, and the connection is made anew.
bool subscriber::reset_if_silent() {
    const auto now = timers_.now();
    metrics_.canary_seconds.at({"subscription"}) = std::chrono::duration<double>(now - heard_).count();
    // A publisher that is down, or may not publish, proves nothing about the subscription.
    const bool silent = now - std::max(heard_, since_) > canary_limit && publisher_.up() && !publish_refused_;
    if (silent) {
        link_.reset("no canary came back");
    }
    return silent;
}

void subscriber::publish_canary() {
    publish(canary_);
}

void subscriber::publish(const std::string& canary) {
    publisher_.send({config_.redis.sharded ? "SPUBLISH" : "PUBLISH", canary, "1"}, [this](proto::reply_view r) {
        publish_refused_ = r.is_error();
        if (publish_refused_) {
            since_ = timers_.now();
        }
    });
}

/// What Redis refused to subscribe (a script runs, a right is missing) is asked for again until all is confirmed.
void subscriber::resubscribe() {
    if (!link_.up()) {
        return;
    }
    std::vector<std::string> missing;
    for (auto& [name, c] : channels_) {
        if (c.unconfirmed > 0) {
            c.unconfirmed = 1;
            missing.push_back(name.str());
        }
    }
    subscribe_refused_ = !missing.empty() || !sources_unconfirmed_.empty();
    if (subscribe_refused_) {
        subscribe(missing);
        if (!sources_unconfirmed_.empty()) {
            subscribe_sources();
        }
        retry_ = timers_.after(retry_interval, [this] { resubscribe(); });
    } else {
        publish_canary();
    }
}

bool subscriber::well() const {
    return link_.up() && !subscribe_refused_ && timers_.now() - heard_ < canary_limit + 1s;
}

std::string subscriber::state() const {
    if (!link_.up()) {
        return link_.state();
    }
    if (subscribe_refused_) {
        return "Redis refuses some channels";
    }
    return well() ? "ok" : publish_refused_ ? "Redis refuses to publish" : "no canary has come back for 6 s";
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
        if (is_pattern(r[1].text())) {
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
            on_confirmed(r[1].text());
        }
    }
}

void subscriber::on_confirmed(std::string_view name) {
    const auto it = channels_.find(name);
    if (it == channels_.end()) {
        return;
    }
    channel& c = it->second;
    if (c.unconfirmed > 0 && --c.unconfirmed > 0) {
        return;
    }
    const auto waiting = std::move(c.waiting);
    if (c.users == 0) {
        channels_.erase(it);
    }
    if (!waiting) {
        return;
    }
    for (const auto& w : *waiting) {
        if (--w->missing == 0 && w->done) {
            std::exchange(w->done, nullptr)();
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
    if (name == canary_ || name == shared_canary_) {
        heard_ = timers_.now();
        if (name == shared_canary_) {
            heard_shared_ = heard_;
        }
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
    const std::string target(colon == std::string_view::npos ? "" : name.substr(colon + 1));
    proto::envelope e;
    if (kind == "all") {
        e.to.all = true;
    } else if (kind == "user") {
        e.to.users.push_back(target);
    } else if (kind == "alias") {
        e.to.aliases.push_back(target);
    } else if (kind == "group") {
        e.to.groups.push_back(target);
    } else if (kind == "connection") {
        e.to.connections.push_back(target);
    } else {
        return;
    }
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
    proto::envelope e;
    e.to.destinations.emplace_back(name.substr(name.find(':') + 1));
    e.kind = proto::valid_utf8(payload) ? proto::payload_kind::text : proto::payload_kind::binary;
    e.payload = std::string(payload);
    hooks_.push(e);
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
