#include "sidecar/redis/inbox.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "proto/envelope.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/batch.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr std::size_t count = 128;
constexpr auto block = 1000ms;
constexpr auto retry = 100ms;

/// `<ms>-<seq>`: grows over all streams that the router writes.
std::pair<std::uint64_t, std::uint64_t> order_of(std::string_view id) {
    std::pair<std::uint64_t, std::uint64_t> out{};
    const auto dash = std::min(id.find('-'), id.size());
    std::from_chars(id.data(), id.data() + dash, out.first);
    if (dash < id.size()) {
        std::from_chars(id.data() + dash + 1, id.data() + id.size(), out.second);
    }
    return out;
}

std::string_view value_of(proto::reply_view fields, std::string_view name) {
    for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
        if (fields[i].text() == name) {
            return fields[i + 1].text();
        }
    }
    return {};
}

}  // namespace

inbox::inbox(boost::asio::io_context& loop, link& commands, const config::config& c, const endpoint& where, keys k,
             core::metrics& m, core::timer_port& timers)
    : config_(c), commands_(commands), link_(loop, where, "inbox", m), keys_(std::move(k)), metrics_(m), timers_(timers) {}

void inbox::start(deliver d, listen canary) {
    deliver_ = std::move(d);
    canary_ = std::move(canary);
    link_.start({[this] { read(); },
                 [this] {
                     reading_ = false;
                     timer_.reset();
                 },
                 {}});
}

void inbox::stop() {
    timer_.reset();
    flush_timer_.reset();
    link_.stop();
}

void inbox::attend(const std::string& instance, bool fresh, const std::string& wide_cursor) {
    const bool other = instance != instance_;
    if (other || fresh) {
        if (other || wide_cursor_.empty()) {
            wide_cursor_ = wide_cursor;
        }
        ++generation_;
        instance_ = instance;
        cursor_ = "0-0";
        if (other) {
            in_flight_.clear();
            held_.clear();
            done_.clear();
        }
        wide_said_ = wide_cursor;
        if (!other) {
            // Another data set counts its ids anew; what we have settled is gone from it or will be dropped by its id.
            wide_cursor_ = wide_cursor;
        }
    }
    attending_ = true;
    flush_later();
    read();
}

// --------------------------------------------------------------------------------------------------- reading

void inbox::read() {
    if (!attending_ || reading_ || leaving_ || !link_.up()) {
        return;
    }
    // The router stops at inbox.count, and what is in flight is still in the stream: one client that does not read holds
    // nobody up. `wide` has no such bound.
    if (in_flight_.size() >= config_.inbox.count) {
        timer_ = timers_.after(retry, [this] { read(); });
        return;
    }
    reading_ = true;
    std::vector<std::string> words{"XREAD", "COUNT", std::to_string(count)};
    if (!at_once_) {
        words.insert(words.end(), {"BLOCK", std::to_string(block.count())});
    }
    words.insert(words.end(), {"STREAMS", keys_("inbox:", instance_), keys_("wide"), cursor_, wide_cursor_});
    link_.send(
        words,
        [this, g = generation_, blocking = !std::exchange(at_once_, false)](proto::reply_view r) {
            reading_ = false;
            if (!link_.up() || leaving_) {
                return;
            }
            if (r.is_error()) {
                core::log::limited(core::log::level::error, "inbox", "Redis refuses to read the inbox", {{"error", r.text()}});
                timer_ = timers_.after(1000ms, [this] { read(); });
                return;
            }
            if (g == generation_) {
                at_once_ = blocking && !in_order(r);
                if (!at_once_) {
                    on_read(r);
                }
            }
            read();
        },
        block);
}

/// A read that had to wait is answered with the one stream that ended the wait (Redis below 7.2): the other may have older
/// entries by then.
bool inbox::in_order(proto::reply_view r) const {
    if (r.size() != 1) {
        return true;
    }
    if (r[0][0].text() == keys_("wide")) {
        return false;
    }
    const auto items = r[0][1];
    return items.size() == 0 || order_of(value_of(items[items.size() - 1][1], "w")) <= order_of(wide_cursor_);
}

void inbox::on_read(proto::reply_view r) {
    struct item {
        std::pair<std::uint64_t, std::uint64_t> order;
        proto::reply_view view;
        bool wide;
    };
    std::vector<item> all;
    auto end = order_of("18446744073709551615");
    const std::string wide = keys_("wide");
    for (std::size_t s = 0; s < r.size(); ++s) {
        const auto items = r[s][1];
        for (std::size_t i = 0; i < items.size(); ++i) {
            all.push_back({order_of(items[i][0].text()), items[i], r[s][0].text() == wide});
        }
        if (items.size() >= count) {
            end = std::min(end,
                           all.back().order);  // there may be more of it before what the other stream has behind
        }
    }
    std::stable_sort(all.begin(), all.end(), [](const item& a, const item& b) { return a.order < b.order; });
    for (const auto& i : all) {
        if (i.order <= end) {
            take(i.view, i.wide);
        }
    }
    if (wide_cursor_ != wide_said_) {
        flush_later();
    }
}

void inbox::take(proto::reply_view item, bool wide) {
    const std::string stream_id(item[0].text());
    (wide ? wide_cursor_ : cursor_) = stream_id;
    if (!wide && held_.contains(stream_id)) {
        return;  // read again after a reconnect
    }
    const auto text = value_of(item[1], "e");
    const auto decoded = proto::decode_envelopes(text);
    if (decoded.size() != 1 || !decoded[0].value) {
        // Not written by a router: it would come back for ever.
        metrics_.rejected.at({"bad_inbox_entry"}) += 1;
        if (!wide) {
            done_.push_back(stream_id);
            done_.emplace_back();
            flush_later();
        }
        return;
    }
    if (canary_(*decoded[0].value)) {
        done_.push_back(stream_id);
        done_.emplace_back();
        flush_later();
        return;
    }
    entry e{stream_id, wide ? std::string() : std::string(text), 0, wide};
    const auto attempts = value_of(item[1], "n");
    std::from_chars(attempts.data(), attempts.data() + attempts.size(), e.attempts);
    const core::delivery_id id = next_++;
    if (!wide) {
        held_.insert(stream_id);
    }
    in_flight_.emplace(id, std::move(e));
    deliver_(*decoded[0].value, id);
}

// --------------------------------------------------------------------------------------------------- settling

void inbox::settled(core::delivery_id id, std::uint32_t reached, bool lost) {
    const auto it = in_flight_.find(id);
    if (it == in_flight_.end()) {
        return;  // of an instance that we are no more
    }
    entry e = std::move(it->second);
    in_flight_.erase(it);
    if (e.wide) {
        return;
    }
    held_.erase(e.stream_id);
    std::string back;
    if (lost) {
        if (e.attempts + 1 < max_attempts) {
            back = returned_entry(e.attempts + 1, e.envelope);
            metrics_.redelivered.at({"connection_gone"}) += 1;
        } else if (reached == 0) {
            metrics_.undelivered.at({"no_connection"}) += 1;
        }
    } else if (reached == 0) {
        metrics_.undelivered.at({"no_connection"}) += 1;
    }
    done_.push_back(std::move(e.stream_id));
    done_.push_back(std::move(back));
    flush_later();
}

/// What one turn of the loop settles leaves in one script.
void inbox::flush_later() {
    if (!flush_due_) {
        flush_due_ = true;
        flush_timer_ = timers_.after(1ms, [this] {
            flush_due_ = false;
            flush();
        });
    }
}

void inbox::flush() {
    if (!attending_ || !commands_.up()) {
        return;  // attend() flushes
    }
    if (wide_cursor_ != wide_said_) {
        wide_said_ = wide_cursor_;
        commands_.send({"HSET", keys_("wide:cursors"), instance_, wide_cursor_});
    }
    while (!done_.empty()) {
        const std::size_t n = std::min<std::size_t>(done_.size(), 1000);
        std::vector<std::string> some(std::make_move_iterator(done_.begin()),
                                      std::make_move_iterator(done_.begin() + static_cast<std::ptrdiff_t>(n)));
        done_.erase(done_.begin(), done_.begin() + static_cast<std::ptrdiff_t>(n));
        std::vector<std::string> arguments{keys_.prefix, instance_, keys_.outbox_key};
        arguments.insert(arguments.end(), some.begin(), some.end());
        scripts::give_back.run(commands_, keys_("inbox:", instance_), std::move(arguments),
                               [this, g = generation_, some = std::move(some)](proto::reply_view r) {
                                   if (r.is_integer() || g != generation_) {
                                       return;
                                   }
                                   // Whether it was done is not known; doing it again changes nothing.
                                   done_.insert(done_.end(), some.begin(), some.end());
                                   if (commands_.up()) {
                                       flush_later();
                                   }
                               });
    }
}

}  // namespace wsidecar::redis
