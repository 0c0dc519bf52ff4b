#include "sidecar/redis/inbox_reader.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "sidecar/core/log.hpp"
#include "sidecar/redis/canary_name.hpp"
#include "sidecar/redis/in_flight.hpp"
#include "sidecar/redis/refused_words.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr std::size_t entries_at_once = 256;
constexpr auto block = 1000ms;
constexpr auto block_of_many = 4000ms;  ///< a canary comes more often than that
constexpr auto pause_of_many = 5ms;     ///< between two reads while pushes for many come
constexpr auto quiet_of_many = 50ms;    ///< after such a time the next read follows at once
constexpr auto retry = 100ms;
constexpr auto refused_retry = 1000ms;

}  // namespace

inbox_reader::inbox_reader(std::unique_ptr<command_port> link, const command_port& commands, keys k, core::timer_port& timers)
    : link_(std::move(link)), commands_(commands), keys_(std::move(k)), timers_(timers), references_(*link_, keys_) {}

void inbox_reader::start(hooks h) {
    hooks_ = std::move(h);
    link_->start({[this] { read(); },
                  [this] {
                      activity_ = activity::none;
                      timer_.reset();
                  },
                  {}});
}

void inbox_reader::stop() {
    timer_.reset();
    link_->stop();
}

void inbox_reader::begin_history(const std::string& broadcast_cursor) {
    ++generation_;
    references_.clear();
    replaying_ = static_cast<bool>(highest_);
    repeats_until_ = replaying_ ? timers_.now() + in_flight::replay_window : core::timer_port::clock::time_point{};
    cursor_ = "0-0";
    broadcast_cursor_ = broadcast_cursor;
}

void inbox_reader::attend(const std::string& instance, bool new_history) {
    instance_ = instance;
    const bool attended = phase_ != phase::unregistered;
    phase_ = attended ? phase_ : phase::attending;
    if (attended && new_history && link_->up() && (link_->history().empty() || !at_one_master())) {
        link_->reset("the commands go to another Redis than before");
    }
}

void inbox_reader::tidy() {
    if (activity_ != activity::loading) {
        references_.tidy(timers_.now());
    }
}

/// Whether both connections reach the same master. Entries read from one master must not be settled at another.
bool inbox_reader::at_one_master() const {
    const auto& here = link_->history();
    const auto& there = commands_.history();
    return here.empty() || there.empty() || here == there;
}

void inbox_reader::read_after(std::chrono::milliseconds d) {
    timer_ = timers_.after(d, [this] { read(); });
}

void inbox_reader::read() {
    if (phase_ != phase::attending || activity_ != activity::none || !link_->up()) {
        return;
    }
    // The router stops at inbox.count, and pushes in flight are still in the stream, so one client that does not read delays no other.
    if (!may_take() || hooks_.full()) {
        read_after(retry);
        return;
    }
    activity_ = activity::waiting;
    const std::chrono::milliseconds patience = hooks_.many() ? block_of_many : block;
    std::vector<std::string> words{"XREAD", "COUNT", std::to_string(entries_at_once)};
    const bool blocking = !std::exchange(read_at_once_, false);
    if (blocking) {
        words.insert(words.end(), {"BLOCK", std::to_string(patience.count())});
    }
    words.insert(words.end(), {"STREAMS", keys_("inbox:", instance_), keys_("wide"), cursor_, broadcast_cursor_});
    link_->send(
        words, [this, g = generation_, blocking](proto::reply_view r) { on_reply(r, g, blocking); }, patience);
}

void inbox_reader::on_reply(proto::reply_view r, std::uint64_t generation, bool blocking) {
    activity_ = activity::none;
    if (!link_->up() || phase_ == phase::leaving) {
        return;
    }
    if (r.is_error()) {
        log_refused("inbox", "Redis refuses to read the inbox", r.text());
        read_after(refused_retry);
        return;
    }
    if (generation == generation_) {
        if (!may_take()) {
            // The process was paused, so other instances may have these entries, or the reply comes from another master.
            read();
            return;
        }
        read_at_once_ = blocking && !in_order(r);
        if (!read_at_once_) {
            on_read(r);
        }
    }
    if (r.size() > 0 && !replaying_) {
        hooks_.proved();
    }
    if (r.size() == 0 || read_at_once_ || !hooks_.many() ||
        timers_.now() - std::exchange(came_at_, timers_.now()) > quiet_of_many) {
        read();  // unless references are being loaded
    } else {
        read_after(pause_of_many);
    }
}

/// Before Redis 7.2, a blocking XREAD returns only the stream that ended the wait. The other one may have older entries by then.
bool inbox_reader::in_order(proto::reply_view r) const {
    if (r.size() != 1) {
        return true;
    }
    const auto items = r[0][1];
    if (r[0][0].text() == keys_("wide")) {
        // A canary is for no client: it may come at any time.
        return items.size() == 1 && is_shared_canary_target(entry_fields(items[0][1])[field::name]);
    }
    return items.size() == 0 ||
           place_of(entry_fields(items[items.size() - 1][1])[field::broadcast_before]) <= place_of(broadcast_cursor_);
}

void inbox_reader::on_read(proto::reply_view r) {
    std::vector<inbox_entry> all;
    auto end = place_of("18446744073709551615");
    const std::string broadcast = keys_("wide");
    bool refers = false;
    bool more = false;
    for (std::size_t s = 0; s < r.size(); ++s) {
        const auto items = r[s][1];
        const auto stream = r[s][0].text() == broadcast ? stream_kind::broadcast : stream_kind::inbox;
        for (std::size_t i = 0; i < items.size(); ++i) {
            all.push_back({place_of(items[i][0].text()), stream, entry_fields(items[i][1])});
            refers = refers || all.back().refers();
        }
        if (items.size() >= entries_at_once) {
            more = true;
            end = std::min(end, all.back().id);  // there may be more of it before what the other stream has behind
        }
    }
    std::stable_sort(all.begin(), all.end(), [](const inbox_entry& a, const inbox_entry& b) { return a.id < b.id; });
    while (!all.empty() && all.back().id > end) {
        all.pop_back();
    }
    if (!refers) {
        take_all(all, !more);
        return;
    }
    activity_ = activity::loading;
    references_.read(std::move(all),
                     [this, g = generation_](reference_reader::loaded& l, bool complete) { on_loaded(l, complete, g); });
}

void inbox_reader::on_loaded(reference_reader::loaded& l, bool complete, std::uint64_t generation) {
    activity_ = activity::none;
    if (!complete) {
        if (link_->up()) {
            read_after(retry);
        }
        return;  // nothing was taken: it is read again
    }
    if (generation == generation_ && phase_ != phase::leaving && may_take()) {
        take_all(references_.accept(l), false);
    }
    read();
}

/// Takes entries. `last` means that the streams have no more.
void inbox_reader::take_all(const std::vector<inbox_entry>& entries, bool last) {
    for (const auto& e : entries) {
        (e.stream == stream_kind::broadcast ? broadcast_cursor_ : cursor_) = text_of(e.id);
        highest_ = std::max(highest_, e.id);
        hooks_.take(e);
    }
    if (replaying_ && last) {
        replaying_ = false;
        hooks_.replayed();
    }
}

}  // namespace wsidecar::redis
