#include "sidecar/redis/settle_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "proto/text/rfc3339.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/refused_words.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr std::size_t reports_at_once = 200;
constexpr auto plain_of_many_after = 100ms;
constexpr auto cursor_of_many_after = 250ms;
constexpr auto retry = 100ms;
constexpr auto not_registered_retry = 1000ms;

}  // namespace

settle_queue::settle_queue(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers)
    : commands_(commands), config_(c), keys_(std::move(k)), metrics_(m), timers_(timers) {}

void settle_queue::stop() {
    flush_timer_.reset();
    cursor_timer_.reset();
}

void settle_queue::attend(const std::string& instance) {
    instance_ = instance;
    if (phase_ == phase::unregistered) {
        phase_ = phase::attending;
    }
}

void settle_queue::begin_history(place broadcast_cursor) {
    ++generation_;
    reports_.clear();
    plain_.clear();
    reports_under_way_ = false;
    own_.progress.reset({});
    own_.said = {};
    broadcast_.progress.reset(broadcast_cursor);
    broadcast_.said = broadcast_cursor;
}

void settle_queue::settle(const received_push& p, settlement s, kind k) {
    const bool is_broadcast = p.source == push_source::broadcast;
    (is_broadcast ? broadcast_ : own_).progress.end(p.id);
    broadcast_settled_ = broadcast_settled_ || (is_broadcast && k != kind::canary);
    const bool plain = !needs_report(p, s);
    flush_later(plain && hooks_.many() ? plain_of_many_after : 1ms);
    if (!plain) {
        reports_.push_back(std::move(s));
    } else if (!is_broadcast) {
        plain_.push_back(p.id);
    }
}

void settle_queue::flush_later(std::chrono::milliseconds wait) {
    const auto at = timers_.now() + wait;
    if (!flush_at_ || at < *flush_at_) {
        flush_at_ = at;
        flush_timer_ = timers_.after(wait, [this] {
            flush_at_.reset();
            flush();
        });
    }
}

void settle_queue::refill() {
    refill_ = true;
    flush_later();
}

void settle_queue::wind_down() {
    phase_ = phase_ == phase::unregistered ? phase_ : phase::leaving;  // else nothing was read
    flush();
}

std::string settle_queue::unsaid_cursor() const {
    const place at = broadcast_.progress.settled();
    const bool may =
        phase_ != phase::unregistered && reports_.empty() && !reports_under_way_ && broadcast_.said && at > broadcast_.said;
    return may && hooks_.many() ? text_of(at) : std::string();
}

void settle_queue::cursor_said(const std::string& cursor) {
    if (broadcast_.said) {
        broadcast_.said = std::max(broadcast_.said, place_of(cursor));
    }
}

/// With many instances, each writes its position in the broadcast stream a little later, for several pushes at once. After canaries only, its
/// next heartbeat writes the position.
bool settle_queue::cursor_can_wait() {
    const bool alone = !refill_ && reports_.empty() && plain_.empty() && !own_.has_news() && broadcast_.has_news();
    if (!alone || phase_ == phase::leaving || std::exchange(cursor_due_, false) || !broadcast_.said || !hooks_.many()) {
        return false;
    }
    if (broadcast_settled_ && !cursor_timer_) {
        cursor_timer_ = timers_.after(cursor_of_many_after, [this] {
            const auto due = std::exchange(cursor_timer_, nullptr);
            cursor_due_ = true;
            flush();
        });
    }
    return true;
}

void settle_queue::flush() {
    if (phase_ == phase::unregistered || (reports_under_way_ && phase_ != phase::leaving)) {
        return;  // attend() flushes, or the answer that is awaited does
    }
    if (!hooks_.registered()) {
        if (commands_.up()) {
            flush_later(retry);
        }
        return;
    }
    if (cursor_can_wait()) {
        return;
    }
    const std::string now = proto::format_rfc3339(timers_.wall());
    while (std::exchange(refill_, false) || !reports_.empty() || !plain_.empty() || broadcast_.has_news() || own_.has_news()) {
        auto m = next_message();
        const bool reports = !m.reports.empty();
        send(std::move(m), now);
        if (reports && phase_ != phase::leaving) {
            return;  // a script that Redis refuses (NOSCRIPT, BUSY) must not find its entries trimmed by the next
        }
    }
}

settle_queue::message settle_queue::next_message() {
    message m;
    m.plain = std::exchange(plain_, {});
    std::erase_if(m.plain, [end = own_.progress.settled()](const place& id) { return id <= end; });
    const auto n = static_cast<std::ptrdiff_t>(std::min(reports_.size(), reports_at_once));
    m.reports.assign(std::make_move_iterator(reports_.begin()), std::make_move_iterator(reports_.begin() + n));
    reports_.erase(reports_.begin(), reports_.begin() + n);
    if (!reports_.empty()) {
        return m;
    }
    // Positions are written last, so that a survivor that starts from them misses no report.
    if (broadcast_.has_news()) {
        broadcast_.said = broadcast_.progress.settled();
        broadcast_settled_ = false;
        m.broadcast_cursor = text_of(broadcast_.said);
    }
    if (own_.has_news()) {
        own_.said = own_.progress.settled();
        m.trim_below = text_of({own_.said.ms, own_.said.seq + 1});
    }
    return m;
}

void settle_queue::send(message m, const std::string& now) {
    std::vector<std::string> arguments{keys_.prefix,
                                       instance_,
                                       keys_.outbox_key,
                                       m.broadcast_cursor,
                                       now,
                                       m.trim_below,
                                       std::to_string(m.plain.size()),
                                       std::to_string(config_.inbox.count),
                                       std::to_string(config_.inbox.bytes)};
    arguments.reserve(arguments.size() + m.plain.size() + m.reports.size() * settlement::words);
    for (const auto id : m.plain) {
        arguments.push_back(text_of(id));
    }
    for (const auto& s : m.reports) {
        s.append_to(arguments);
    }
    const bool reports = !m.reports.empty();
    reports_under_way_ = reports_under_way_ || reports;
    scripts::settle.run(commands_, keys_("inbox:", instance_), std::move(arguments),
                        [this, g = generation_, reports, m = std::move(m)](proto::reply_view r) mutable {
                            if (g == generation_) {
                                reports_under_way_ = reports_under_way_ && !reports;
                                on_said(r, std::move(m));
                            }
                        });
}

void settle_queue::on_said(proto::reply_view r, message m) {
    if (r.is_array()) {
        metrics_.receipts_failed.value() += static_cast<double>(std::max<std::int64_t>(r[0].integer(), 0));
        if (r[0].integer() >= 0 && r[1].size() == 0) {
            flush();  // what came meanwhile
            return;
        }
        if (r[0].integer() < 0) {
            // Redis does not know this instance (yet), or another has taken over from it: the next heartbeat finds it out.
            say_again(std::move(m));
            flush_later(not_registered_retry);
            return;
        }
        m.plain.clear();
        std::vector<settlement> refused;
        for (std::size_t i = 0; i < r[1].size(); ++i) {
            refused.push_back(std::move(m.reports[static_cast<std::size_t>(r[1][i].integer()) - 1]));
        }
        m.reports = std::move(refused);
        core::log::limited(core::log::level::error, "inbox", "Redis refuses the end of pushes; it is asked again",
                           {{"pushes", m.reports.size()}});
    } else if (r.is_error()) {
        log_refused("inbox", "Redis refuses the end of pushes; it is asked again", r.text());
    }
    // Whether it was done is not known; doing it again changes nothing.
    say_again(std::move(m));
    if (commands_.up()) {
        flush_later(retry);
    }
}

void settle_queue::say_again(message m) {
    reports_.insert(reports_.end(), std::make_move_iterator(m.reports.begin()), std::make_move_iterator(m.reports.end()));
    plain_.insert(plain_.end(), m.plain.begin(), m.plain.end());
    own_.said = broadcast_.said = {};
}

}  // namespace wsidecar::redis
