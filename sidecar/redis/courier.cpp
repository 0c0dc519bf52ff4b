#include "sidecar/redis/courier.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "proto/text/rfc3339.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

/// Between two looks into the queues, because go() is not called for receipts. The time doubles while nothing is found, up to at_rest.
constexpr std::chrono::milliseconds interval = 25ms;
constexpr std::chrono::milliseconds at_rest = 200ms;
constexpr auto not_mine = 200ms;  ///< the same while another instance routes this shard
constexpr auto pause = 200ms;     ///< before a shard that refused items is tried again
constexpr auto kept_for = 4s;     ///< items are kept this long after delivery; longer than the usual replication delay
constexpr auto bytes_at_once = "1048576";
constexpr auto unknown = "?";

std::uint64_t value_of(std::string_view text) {
    std::uint64_t n = 0;
    std::from_chars(text.data(), text.data() + text.size(), n);
    return n;
}

}  // namespace

courier::courier(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers,
                 shard_number at)
    : link_(commands),
      config_(c),
      keys_(std::move(k)),
      metrics_(m),
      timers_(timers),
      at_(at),
      lanes_(at.count),
      wait_(interval) {}

void courier::start(hooks h) {
    hooks_ = std::move(h);
    if (at_.several()) {
        look();
    }
}

std::string courier::mark_of(std::uint64_t number, std::string_view item) {
    std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a
    for (const char c : item) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    }
    std::array<char, 16> hex{};
    const auto end = std::to_chars(hex.data(), hex.data() + hex.size(), hash, 16).ptr;
    return std::to_string(number) + ':' + std::string(hex.data(), end);
}

std::optional<std::uint64_t> courier::number_in(std::string_view mark) {
    const auto colon = mark.find(':');
    return colon == std::string_view::npos || colon == 0 ? std::nullopt : std::optional(value_of(mark.substr(0, colon)));
}

void courier::later(std::chrono::milliseconds d) {
    if (!stopped_) {
        timer_ = timers_.after(d, [this] { look(); });
    }
}

void courier::go() {
    wait_ = interval;
    if (looking_) {
        again_ = true;
    } else {
        look();
    }
}

void courier::look() {
    timer_.reset();
    if (stopped_ || looking_) {
        return;
    }
    const std::string token = hooks_.token();
    const std::string generation = hooks_.generation();
    if (token != token_ || generation != generation_) {
        // The state of the queues may have changed.
        ++turn_;
        token_ = token;
        generation_ = generation;
        lanes_ = std::vector<lane>(at_.count);
    }
    if (token.empty() || !link_.up()) {
        later(not_mine);
        return;
    }
    looking_ = true;
    const auto wait = wait_;
    wait_ = std::min(2 * wait_, at_rest);
    std::vector<std::string> words{keys_.prefix, token, bytes_at_once};
    for (std::size_t n = 0; n < lanes_.size(); ++n) {
        if (!lanes_[n].busy) {
            words.push_back(std::to_string(n));
            words.push_back(lanes_[n].known ? std::to_string(lanes_[n].next) : unknown);
        }
    }
    scripts::outgoing.run(link_, keys_("shard:queues"), std::move(words), [this, wait, turn = turn_](proto::reply_view r) {
        looking_ = false;
        if (may_go_on(turn) && r.is_array()) {
            on_outgoing(r);
        }
        if (std::exchange(again_, false)) {
            look();
        } else {
            later(std::min(wait, wait_));
        }
    });
}

void courier::on_outgoing(proto::reply_view r) {
    for (std::size_t i = 0; i + 3 < r.size(); i += 4) {
        const auto shard = static_cast<unsigned>(value_of(r[i].text()));
        if (shard >= lanes_.size() || lanes_[shard].busy) {
            continue;
        }
        lane& to = lanes_[shard];
        const auto first = value_of(r[i + 1].text());
        const auto end = first + static_cast<std::uint64_t>(r[i + 2].integer());
        if (!to.known || to.next < first || to.next > end) {
            find_out(shard, first);
            continue;
        }
        std::vector<std::string> items;
        for (std::size_t k = 0; k < r[i + 3].size(); ++k) {
            items.emplace_back(r[i + 3][k].text());
        }
        if (!items.empty()) {
            deliver(shard, std::move(items));
        } else {
            take_out(shard);
        }
    }
}

/// Asks the other shard for the mark of the last item that it has taken. `first` is the number of the first item in its queue.
void courier::find_out(unsigned shard, std::uint64_t first) {
    lane& to = lanes_[shard];
    to.busy = true;
    to.known = false;
    const keys& there = hooks_.keys_of(shard);
    scripts::receive.run(hooks_.connection(shard), there("shard:came"),
                         {there.prefix, std::to_string(at_.here), unknown, there.outbox(), "", "0"},
                         [this, shard, first, turn = turn_](proto::reply_view r) {
                             if (!may_go_on(turn)) {
                                 return;
                             }
                             if (!r.is_array()) {
                                 hold_back(shard);
                                 return;
                             }
                             const std::string mark(r[1].text());
                             const auto number = number_in(mark);
                             if (!number || *number < first) {
                                 goes_on_at(shard, first, mark);
                             } else {
                                 compare(shard, first, mark);
                             }
                         });
}

/// Compares the last item that the other shard has taken with the item of this number in the queue. If they differ, this shard has gone back
/// in time, and delivery begins at the first item of the queue.
void courier::compare(unsigned shard, std::uint64_t first, const std::string& mark) {
    const auto number = number_in(mark).value_or(first);
    link_.send({"LINDEX", keys_("shard:to:", std::to_string(shard)), std::to_string(number - first)},
               [this, shard, first, number, mark, turn = turn_](proto::reply_view r) {
                   if (!may_go_on(turn)) {
                       return;
                   }
                   const bool same = r.is_string() && mark_of(number, r.text()) == mark;
                   goes_on_at(shard, same ? number + 1 : first, mark);
               });
}

void courier::goes_on_at(unsigned shard, std::uint64_t number, const std::string& mark) {
    lane& to = lanes_[shard];
    to.known = true;
    to.busy = false;
    to.last = mark;
    to.next = number;
    to.had.clear();
    to.had.emplace_back(timers_.now(), number);
    go();
}

void courier::deliver(unsigned shard, std::vector<std::string> items) {
    lane& to = lanes_[shard];
    to.busy = true;
    wait_ = interval;
    const keys& there = hooks_.keys_of(shard);
    std::vector<std::string> words{there.prefix,
                                   std::to_string(at_.here),
                                   to.last,
                                   there.outbox(),
                                   proto::format_rfc3339(timers_.wall()),
                                   std::to_string(config_.rejected.count),
                                   std::to_string(config_.rejected.bytes)};
    for (std::size_t i = 0; i < items.size(); ++i) {
        words.push_back(mark_of(to.next + i, items[i]));
        words.push_back(std::move(items[i]));
    }
    scripts::receive.run(
        hooks_.connection(shard), there("shard:came"), std::move(words), [this, shard, turn = turn_](proto::reply_view r) {
            if (!may_go_on(turn)) {
                return;
            }
            lane& of = lanes_[shard];
            const auto taken = r.is_array() ? r[0].integer() : 0;
            if (taken > 0) {
                of.busy = false;
                of.last = r[1].text();
                of.next += static_cast<std::uint64_t>(taken);
                of.had.emplace_back(timers_.now(), of.next);
                metrics_.shard_items.value() += static_cast<double>(taken);
                metrics_.receipts_failed.value() += static_cast<double>(r[2].integer());
                take_out(shard);
                go();
                return;
            }
            if (r.is_error()) {
                core::log::limited(core::log::level::error, "shards", "a shard refuses what another one has for it",
                                   {{"shard", static_cast<std::size_t>(shard)}, {"error", r.text()}});
            }
            of.known = false;  // whether it was taken is not known
            hold_back(shard);
        });
}

/// Removes items that the other shard took more than kept_for ago, after checking that it still has them.
void courier::take_out(unsigned shard) {
    lane& of = lanes_[shard];
    if (of.had.empty() || timers_.now() - of.had.front().first <= kept_for || of.busy) {
        return;
    }
    std::uint64_t end = 0;
    while (!of.had.empty() && timers_.now() - of.had.front().first > kept_for) {
        end = of.had.front().second;
        of.had.pop_front();
    }
    of.busy = true;
    const keys& there = hooks_.keys_of(shard);
    scripts::receive.run(
        hooks_.connection(shard), there("shard:came"),
        {there.prefix, std::to_string(at_.here), unknown, there.outbox(), "", "0"},
        [this, shard, end, turn = turn_](proto::reply_view r) {
            if (!may_go_on(turn)) {
                return;
            }
            const auto has = r.is_array() ? number_in(r[1].text()) : std::nullopt;
            if (end > 0 && (!has || *has + 1 < end)) {
                lanes_[shard].known = false;
                hold_back(shard);
                return;
            }
            lanes_[shard].busy = false;
            scripts::sent.run(link_, keys_("shard:queues"), {keys_.prefix, token_, std::to_string(shard), std::to_string(end)});
        });
}

void courier::hold_back(unsigned shard) {
    lanes_[shard].busy = true;
    lanes_[shard].pause = timers_.after(pause, [this, shard, turn = turn_] {
        if (may_go_on(turn)) {
            lanes_[shard].busy = false;
            go();
        }
    });
}

}  // namespace wsidecar::redis
