#include "sidecar/redis/router.hpp"

#include <algorithm>
#include <utility>

#include "config/values.hpp"
#include "proto/stream_entry.hpp"
#include "proto/text/ids.hpp"
#include "proto/text/rfc3339.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/batch.hpp"
#include "sidecar/redis/commit_result.hpp"
#include "sidecar/redis/refused_words.hpp"
#include "sidecar/redis/rejected.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr std::size_t batch_entries = 128;
constexpr std::size_t batch_bytes = 1024 * 1024;  ///< of a batch of several entries
constexpr auto poll = 100ms;                      ///< where Redis refuses to block (out of memory)
/// With several shards: how often an instance that has its share looks for unrouted shards, and how often at most it gives one up.
constexpr auto over_share_poll = 3s;
constexpr auto yield_interval = 60s;
constexpr auto sent_at_most = "100000";  ///< what may wait for one other shard: then the list waits

}  // namespace

router::router(std::unique_ptr<command_port> link, command_port& commands, feed f, const config::config& c, keys k,
               core::metrics& m, core::timer_port& timers, shard_number at)
    : feed_(std::move(f)),
      config_(c),
      keys_(std::move(k)),
      metrics_(m),
      timers_(timers),
      commands_(commands),
      own_link_(std::move(link)),
      link_(*own_link_),
      token_(proto::random_hex128()),
      budget_(batch_bytes),
      at_(at),
      position_(feed_.list, feed_.group, feed_.from, keys_("stream", feed_.name)),
      upkeep_(link_, c, keys_, m, timers, [this] { return leading_; }) {}

void router::start(hooks h) {
    hooks_ = std::move(h);
    link_.start({[this] {
                     if (std::exchange(was_up_, true) && link_.history().empty()) {
                         // Redis does not identify its history, so nothing is routed before all instances have registered again.
                         stale_ = hooks_.data().second;
                         hooks_.unknown_history();
                     }
                     step();
                 },
                 [this] {
                     timer_.reset();
                     committing_ = 0;
                     peeking_ = false;
                     halted_.reset();
                     lose("the connection to Redis was lost");
                 },
                 {}});
}

void router::go() {
    if (!leading_ && timer_) {
        step();
    }
}

void router::stop() {
    timer_.reset();
    link_.stop();
}

void router::wind_down() {
    leaving_ = true;
    timer_.reset();
    scripts::resign.run(commands_, keys_("router"), {keys_.prefix, token_, feed_.name, hooks_.instance()});
    if (leading_) {
        lose("leaving");
    }
}

void router::later(std::chrono::milliseconds d) {
    timer_ = timers_.after(d, [this] { step(); });
}

/// Remembered until a step succeeds: `/readyz` tells of it.
void router::refused(std::string_view what, std::string_view error) {
    refusal_ = std::string(what) + (error.empty() ? "" : ": " + refused_words(error));
    core::log::limited(core::log::level::error, "router", what, {{"list", feed_.list}, {"error", refused_words(error)}});
}

void router::lose(const char* why) {
    refusal_.clear();
    if (leading_) {
        leading_ = false;
        if (routes_outbox()) {
            metrics_.router.value() -= 1;
            upkeep_.end();
        }
        core::log::info("router", "no longer routes the outbox", {{"reason", why}});
    }
}

// One step: keep the lease fresh, look at the head, commit, and again. Each reply starts the next.
void router::step() {
    timer_.reset();
    if (leaving_ || !link_.up()) {
        return;
    }
    const auto [epoch, generation] = hooks_.data();
    if (epoch.empty() || (!stale_.empty() && generation == stale_)) {
        later(poll);  // this instance is not registered (there) yet
        return;
    }
    stale_.clear();
    if (leading_ && routes_outbox()) {
        upkeep_.run();
    }
    if (leading_ && timers_.now() - renewed_ < config_.lease / 3) {
        peek();
        return;
    }
    if (yields()) {
        later(over_share_poll);
        return;
    }
    scripts::lead.run(link_, keys_("router"), {keys_.prefix, token_, feed_.name, std::to_string(config_.lease.count())},
                      [this](proto::reply_view r) { on_lead(r); });
}

/// All instances share the routing of the service's shards. Returns true if this shard is left to others for now; if none of them takes it,
/// this instance does.
bool router::yields() {
    if (!at_.several() || !routes_outbox() || !hooks_.over_share || !hooks_.over_share()) {
        held_back_ = false;
        return false;
    }
    if (!leading_) {
        held_back_ = !held_back_;
        return held_back_;
    }
    if (timers_.now() - yielded_ < yield_interval) {
        return false;
    }
    yielded_ = timers_.now();
    held_back_ = true;
    lose("other instances route fewer shards");
    scripts::resign.run(link_, keys_("router"), {keys_.prefix, token_, feed_.name, hooks_.instance()});
    return true;
}

void router::on_lead(proto::reply_view r) {
    if (leaving_ || r.is_null()) {
        return;
    }
    if (r.integer() != 1) {
        lose("another instance leads");
        position_.follow(link_);
        // Another instance takes over from a dead router within a fraction of its lease.
        const auto often = std::clamp<std::chrono::milliseconds>(config_.lease / 10, 100ms, 1000ms);
        later(hooks_.on_duty() ? often : routes_outbox() ? config_.lease : std::max(often, config_.lease / 3));
        return;
    }
    renewed_ = timers_.now();
    if (!leading_) {
        leading_ = true;
        waiting_since_ = renewed_;
        if (routes_outbox()) {
            metrics_.router.value() += 1;
        }
        core::log::info("router", "routes the outbox", {{"list", feed_.list}});
        upkeep_.begin(feed_.name);
    }
    peek();
}

std::string router::key_of(std::string_view source) const {
    if (source == "returned") {
        return keys_.returned();
    }
    if (source == "arrived") {
        return keys_("shard:arrived");
    }
    return source == "list" ? feed_.list : keys_(source, feed_.name);
}

std::string router::right_of(std::string_view source) const {
    return source == "list" && feed_.pop == "right" ? "1" : "0";
}

std::string router::group_of(std::string_view source) const {
    return source == "list" ? position_.group() : "";
}

void router::peek(const std::string& source, std::size_t skip) {
    peeking_ = true;
    scripts::peek.run(link_, feed_.list,
                      {keys_.prefix, token_, feed_.name, feed_.list, keys_.outbox_key, feed_.pop, std::to_string(batch_entries),
                       std::to_string(config_.outbox.max_envelope), std::to_string(rejected_whole(config_.rejected)), source,
                       std::to_string(skip), std::to_string(budget_), hooks_.instance(), position_.group(), position_.begin(),
                       at_.several() ? sent_at_most : ""},
                      [this, sent = timers_.now()](proto::reply_view r) {
                          peeking_ = false;
                          adapt(timers_.now() - sent);
                          on_peek(r);
                      });
}

/// Adapts the batch size, because over a slow connection a full batch would take longer than the lease.
void router::adapt(core::timer_port::clock::duration took) {
    if (took > config_.lease / 2) {
        budget_ = 1;  // one entry, whatever its size
    } else if (took > config_.lease / 6) {
        budget_ = std::max<std::size_t>(1, budget_ / 4);
    } else if (took < config_.lease / 20) {
        budget_ = std::min(batch_bytes, budget_ * 2);
    }
}

void router::on_peek(proto::reply_view r) {
    if (leaving_ || r.is_null()) {
        return;
    }
    const auto word = r[0].text();
    if (word == "ok") {
        position_.on_peek(r, metrics_);
    }
    if (word == "ok" && r[2].size() > 0 && !halted_) {
        tell(std::chrono::duration<double>(timers_.now() - waiting_since_).count(), {});
        commit(r);
    } else if (committing_ > 0 || halted_) {
        go_on();  // a look ahead: the next starts from the head
    } else if (word == "ok") {
        waiting_since_ = timers_.now();
        refusal_.clear();
        tell(0, 0);
        wait_for_work();
    } else if (word == "big") {
        const auto most = config::format_size(config_.outbox.max_envelope);
        refuse_head(r, "too_large", "too_large: larger than outbox.max_envelope (" + most + ")");
    } else if (word == "poison") {
        refuse_head(r, "poison", "poison: two routers in turn ended while they had it");
    } else if (word == "lost") {
        lose("the lease was taken over");
        later(poll);
    } else if (word == "behind") {
        core::log::limited(core::log::level::error, "router", "another shard of the service takes nothing: the list waits",
                           {{"list", feed_.list}, {"shard", r[1].text()}});
        later(poll);
    } else if (word == "type") {
        position_.on_other_type();
        core::log::limited(core::log::level::error, "router", "a source's stream is of another type: nothing is read from it",
                           {{"stream", feed_.list}, {"type", r[1].text()}});
        later(1000ms);
    } else {
        refused("Redis refuses to read a list or stream", r.is_error() ? r.text() : word);
        later(1000ms);
    }
}

/// All outstanding replies have arrived: takes the next step, after a pause if a commit was refused.
void router::go_on() {
    if (committing_ > 0 || peeking_) {
        return;
    }
    if (const auto pause = std::exchange(halted_, std::nullopt)) {
        later(*pause);
    } else {
        step();
    }
}

void router::commit(proto::reply_view peeked) {
    const std::string source(peeked[1].text());
    std::vector<std::string_view> entries;
    for (std::size_t i = 0; i < peeked[2].size(); ++i) {
        entries.push_back(peeked[2][i].text());
    }
    bodies referred;
    for (std::size_t i = 0; i + 1 < peeked[3].size(); i += 2) {
        referred.emplace(peeked[3][i].text(), peeked[3][i + 1].text());
    }
    auto b = feed_.read(entries, source != "list", referred);
    if (!b.division.empty()) {
        divide(source, b);
        return;
    }
    // The next batch is fetched before this one is committed, and made ready while Redis commits this one. Should this one not be
    // committed after all, the next is not at the head, and is not committed either.
    if (b.entries == batch_entries && timers_.now() - renewed_ < config_.lease / 3) {
        peek(source, b.entries);
    }
    auto [epoch, generation] = hooks_.data();
    std::vector<std::string> arguments{keys_.prefix,
                                       token_,
                                       feed_.name,
                                       key_of(source),
                                       right_of(source),
                                       group_of(source),
                                       feed_.list,
                                       std::to_string(b.entries),
                                       b.sum,
                                       std::move(epoch),
                                       std::move(generation),
                                       link_.history(),
                                       std::to_string(config_.inbox.count),
                                       std::to_string(config_.inbox.bytes),
                                       std::to_string(config_.rejected.count),
                                       std::to_string(config_.rejected.bytes),
                                       proto::format_rfc3339(timers_.wall()),
                                       std::to_string(config_.mailbox.count),
                                       std::to_string(config_.mailbox.bytes),
                                       std::to_string(config_.mailbox.age.count()),
                                       std::to_string(config_.outbox.grace.count())};
    arguments.insert(arguments.end(), std::make_move_iterator(b.actions.begin()), std::make_move_iterator(b.actions.end()));
    b.actions.clear();
    ++committing_;
    scripts::commit.run(link_, feed_.list, std::move(arguments),
                        [this, b = std::move(b)](proto::reply_view r) { on_commit(r, b); });
}

/// Replaces an entry with too many names for one commit by parts.
void router::divide(const std::string& source, const batch& b) {
    std::vector<std::string> arguments{keys_.prefix,     token_,           feed_.name, key_of(source),
                                       right_of(source), group_of(source), b.sum};
    arguments.insert(arguments.end(), b.division.begin(), b.division.end());
    ++committing_;
    scripts::divide.run(link_, feed_.list, std::move(arguments), [this](proto::reply_view r) {
        if (r.is_null()) {
            return;
        }
        --committing_;
        const auto word = r[0].text();
        if (word == "lost") {
            lose("the lease was taken over");
            halted_ = poll;
        } else if (word != "ok" && word != "moved") {
            refused("Redis refuses to divide an entry of a list", r.text());
            halted_ = 1000ms;
        }
        go_on();
    });
}

void router::on_commit(proto::reply_view r, const batch& b) {
    if (r.is_null()) {
        return;  // the link is down, and with it all that was awaited
    }
    --committing_;
    const auto word = r[0].text();
    if (word == "ok") {
        refusal_.clear();
        count_commit(r, b, metrics_, feed_.list);
        tell_ended(r[10], b, feed_.ended);
        tell({}, static_cast<double>(r[9].integer()));
        waiting_since_ = timers_.now();
        if (b.sent > 0 && hooks_.sent_elsewhere) {
            hooks_.sent_elsewhere();
        }
    } else if (word == "wait") {
        // Some instances have not registered again, so no push may end with no_connection yet.
        hooks_.other_data();
        halted_ = poll;
    } else if (word == "full") {
        refused("Redis is full, or forbids to write to an inbox (XADD): the list waits", "");
        halted_ = 1000ms;
    } else if (word == "again") {
        halted_ = 1ms;  // others are first now
    } else if (word == "moved") {
        if (!halted_) {
            core::log::limited(core::log::level::warn, "router", "somebody else takes from the outbox", {{"list", feed_.list}});
            halted_ = 10ms;
        }
    } else if (word == "lost") {
        lose("the lease was taken over");
        halted_ = poll;
    } else {
        refused("Redis refuses a commit", r.text());
        halted_ = 1000ms;
    }
    go_on();
}

void router::tell(std::optional<double> age, std::optional<double> length) {
    if (routes_outbox() && at_.here == 0) {
        metrics_.outbox_age.value() = age.value_or(metrics_.outbox_age.value());
        metrics_.outbox_length.value() = length.value_or(metrics_.outbox_length.value());
    }
}

void router::refuse_head(proto::reply_view r, const char* label, const std::string& reason) {
    metrics_.rejected.at({label}) += 1;
    metrics_.hit(label);
    std::string_view entry = r[3].text();
    auto size = static_cast<std::size_t>(r[4].integer());
    core::log::warn("router", "the list's head is rejected", {{"reason", reason}, {"list", feed_.list}, {"bytes", size}});
    std::string described;
    const bool in_stream = position_.is_stream() && r[1].text() == "list";
    if (const auto of_stream = in_stream ? proto::read_stream_entry(entry) : std::nullopt) {
        described = proto::describe_entry(*of_stream);
        entry = described;
        size = described.size();
    }
    scripts::refuse_head.run(
        link_, feed_.list,
        {keys_.prefix, token_, feed_.name, key_of(r[1].text()), right_of(r[1].text()), group_of(r[1].text()),
         std::string(r[2].text()), rejected_record(reason, entry, timers_.wall(), config_.rejected, size),
         std::to_string(config_.rejected.count), std::to_string(config_.rejected.bytes)},
        [this](proto::reply_view done) {
            if (!done.is_null() && !leaving_) {
                done.is_error() ? later(1000ms) : step();
            }
        });
}

/// For a list, waits by moving the head onto itself (BLMOVE), which changes nothing and blocks while the list is empty.
void router::wait_for_work() {
    const auto patience = std::min<std::chrono::milliseconds>(config_.lease / 6, 500ms);
    const std::string side = feed_.pop == "left" ? "LEFT" : "RIGHT";
    const std::vector<std::string> wait =
        position_.is_stream()
            ? position_.wait_command(patience)
            : std::vector<std::string>{"BLMOVE", feed_.list, feed_.list,
                                       side,     side,       std::to_string(static_cast<double>(patience.count()) / 1000)};
    link_.send(
        wait,
        [this](proto::reply_view r) {
            if (!leaving_ && link_.up()) {
                r.is_error() ? later(poll) : step();
            }
        },
        patience);
}

}  // namespace wsidecar::redis
