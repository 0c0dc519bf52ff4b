#include "sidecar/redis/inbox.hpp"

#include <charconv>

#include "proto/envelope.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/batch.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr std::size_t most_in_flight = 4096;  ///< the rest waits in Redis, where it survives us
constexpr auto block = 1000ms;
constexpr auto retry = 100ms;

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
    if (in_flight_.size() >= most_in_flight) {
        timer_ = timers_.after(retry, [this] { read(); });
        return;
    }
    reading_ = true;
    link_.send({"XREAD", "COUNT", "128", "BLOCK", std::to_string(block.count()), "STREAMS", keys_("inbox:", instance_),
                keys_("wide"), cursor_, wide_cursor_},
               [this, g = generation_](proto::reply_view r) {
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
                       on_read(r);
                   }
                   read();
               },
               block);
}

void inbox::on_read(proto::reply_view r) {
    const std::string wide = keys_("wide");
    for (std::size_t s = 0; s < r.size(); ++s) {
        const bool is_wide = r[s][0].text() == wide;
        const auto items = r[s][1];
        for (std::size_t i = 0; i < items.size(); ++i) {
            take(items[i], is_wide);
        }
    }
    if (wide_cursor_ != wide_said_) {
        flush_later();
    }
}

void inbox::take(proto::reply_view item, bool wide) {
    const std::string stream_id(item[0].text());
    (wide ? wide_cursor_ : cursor_) = stream_id;
    for (const auto& [id, e] : in_flight_) {
        if (!wide && !e.wide && e.stream_id == stream_id) {
            return;  // read again after a reconnect
        }
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
