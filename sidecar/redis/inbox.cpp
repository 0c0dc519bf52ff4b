#include "sidecar/redis/inbox.hpp"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <utility>

#include "proto/envelope_signature.hpp"
#include "proto/rfc3339.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/batch.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr std::size_t count = 256;
constexpr std::size_t settled_at_once = 200;
constexpr std::size_t settle_words = 14;  ///< for one push
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

std::string text_of(std::uint64_t ms, std::uint64_t seq) {
    return std::to_string(ms) + '-' + std::to_string(seq);
}

/// The fields of a stream's entry: the router calls each by one letter.
class fields {
public:
    explicit fields(proto::reply_view all) {
        for (std::size_t i = 0; i + 1 < all.size(); i += 2) {
            const auto name = all[i].text();
            if (name.size() == 1 && name[0] >= 'a' && name[0] <= 'z') {
                values_[static_cast<std::size_t>(name[0] - 'a')] = all[i + 1].text();
            }
        }
    }
    std::string_view operator[](char name) const { return values_[static_cast<std::size_t>(name - 'a')]; }

private:
    std::array<std::string_view, 26> values_{};
};

}  // namespace

inbox::inbox(boost::asio::io_context& loop, link& commands, const config::config& c, const endpoint& where, keys k,
             core::metrics& m, core::timer_port& timers)
    : config_(c),
      commands_(commands),
      link_(loop, where, "inbox", m),
      keys_(std::move(k)),
      metrics_(m),
      unconfirmed_(m.unconfirmed.value()),
      timers_(timers) {}

void inbox::start(deliver d, listen canary, std::function<bool()> leased) {
    deliver_ = std::move(d);
    canary_ = std::move(canary);
    leased_ = std::move(leased);
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

void inbox::attend(const std::string& instance, bool restarted, bool new_data, const std::string& wide_cursor) {
    if (instance != instance_) {
        instance_ = instance;
        in_flight_.clear();
        done_.clear();
        new_data = true;
    }
    if (new_data) {
        plain_.clear();
        own_.reset({});
        own_said_ = {};
        wide_cursor_ = wide_cursor;
        wide_said_ = order_of(wide_cursor);
        wide_.reset(wide_said_);
    }
    if (restarted || new_data) {
        ++generation_;
        cursor_ = "0-0";  // what is in flight is known by its id
        own_said_ = {};
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
    if (!leased_()) {
        timer_ = timers_.after(retry, [this] { read(); });
        return;
    }
    // The router stops at inbox.count, and what is in flight is still in the stream: one client that does not read holds
    // nobody up.
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
            if (g == generation_ && !leased_()) {
                // This process stood still: what is here may have been given to others.
                read();
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
    return items.size() == 0 || order_of(fields(items[items.size() - 1][1])['w']) <= order_of(wide_cursor_);
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
}

void inbox::take(proto::reply_view item, bool wide) {
    const std::string stream_id(item[0].text());
    (wide ? wide_cursor_ : cursor_) = stream_id;
    const auto id = order_of(stream_id);
    if (!(wide ? wide_ : own_).begin(id)) {
        return;  // read again after a reconnect
    }
    const fields said(item[1]);
    entry e;
    e.id_in_stream = id;
    e.envelope = said['e'];
    e.first = said['o'];
    e.single = said['s'];
    e.fan = said['f'];
    e.receipt = said['r'];
    e.id = said['i'];
    e.wide = wide;
    const auto attempts = said['n'];
    std::from_chars(attempts.data(), attempts.data() + attempts.size(), e.attempts);
    auto decoded = proto::decode_signed_envelopes(e.envelope, {config_.push.secrets, config_.push.require_signature}, true);
    if (decoded.size() != 1 || !decoded[0].value) {
        // Not written by a router: it would come back for ever.
        metrics_.rejected.at({"bad_inbox_entry"}) += 1;
        take_out(e, {}, "dropped", "unreadable");
        return;
    }
    proto::envelope& push = *decoded[0].value;
    if (canary_(push)) {
        take_out(e, {}, "delivered", "");
        return;
    }
    e.callback = std::move(push.callback);
    core::push_origin from;
    from.id = next_++ | (config_.outbox.confirm == "pong" && !push.by_write ? core::confirm_by_pong : 0);
    from.again = e.attempts > 0;
    from.everywhere = wide;
    if (const auto names = said['t']; !names.empty() && !wide) {
        push.to = narrowed(std::move(push.to), names);  // those of its targets that are here
    }
    if (const auto connection = said['c']; !connection.empty()) {
        from.mailbox = e.claimed = true;
        auto destinations = std::move(push.to.destinations);
        push.to = {};
        if (e.single.starts_with('q')) {
            push.to.subscriptions.push_back(
                proto::subscription_name('c', connection, std::string_view(e.single).substr(e.single.find('\0') + 1)));
            push.to.destinations = std::move(destinations);
        } else {
            push.to.connections.emplace_back(connection);
        }
        if (e.receipt.empty()) {
            e.receipt = push.receipt;
            e.id = push.id;
        }
    }
    from.receipt = !e.receipt.empty();
    from.each = !e.receipt.empty() && e.single.empty() && config_.outbox.receipts == "each";
    in_flight_.emplace(from.id, std::move(e));
    unconfirmed_ = static_cast<double>(in_flight_.size());
    deliver_(push, from);
}

// --------------------------------------------------------------------------------------------------- settling

void inbox::settled(core::delivery_id id, core::delivery_outcome outcome) {
    const auto it = in_flight_.find(id);
    if (it == in_flight_.end()) {
        return;  // of an instance that we are no more
    }
    const auto kept = in_flight_.extract(it);
    unconfirmed_ = static_cast<double>(in_flight_.size());
    end(kept.mapped(), outcome);
}

void inbox::end(entry& e, const core::delivery_outcome& o) {
    const bool one = !e.single.empty();
    const bool gone = !o.lost.empty() || (e.claimed && o.reached + o.duplicates + o.dropped == 0 && !o.expired);
    if (gone && !(one && o.reached > 0)) {
        const bool nacked = !o.lost.empty() && o.lost.front()[0] == 'n';
        const bool kept = !o.lost.empty() && o.lost.front()[0] == 'k';
        const bool by_name = one && e.single[0] != 'c' && !nacked && !kept;
        const std::string first = e.first.empty() ? text_of(e.id_in_stream.first, e.id_in_stream.second) : e.first;
        const std::string back = returned_entry(e.attempts + 1, first, by_name ? e.single : joined(o.lost), e.envelope);
        metrics_.redelivered.at({nacked ? "nacked" : "connection_gone"}) += 1;
        take_out(e, o, "", "", back);
    } else if (o.reached > 0) {
        take_out(e, o, "delivered", "");
    } else if (o.expired) {
        take_out(e, o, "expired", "");
    } else if (o.duplicates > 0 || o.dropped > 0) {
        take_out(e, o, "dropped", o.duplicates > 0 ? "duplicate" : o.why_dropped);
    } else {
        if (!e.wide) {
            metrics_.undelivered.at({"no_connection"}) += 1;
        }
        take_out(e, o, "no_connection", "");
    }
}

/// Receipts of single connections (outbox.receipts: each), one a line.
std::string inbox::lines_of(const entry& e, const core::delivery_outcome& o) const {
    std::string lines;
    for (const auto& c : o.each) {
        boost::json::object line{{"id", e.id}, {"connection", c.connection}, {"outcome", c.outcome}};
        if (!c.user.empty()) {
            line["user"] = c.user;
        }
        if (*c.reason != '\0') {
            line["reason"] = c.reason;
        }
        line["time"] = proto::format_rfc3339(timers_.wall());
        lines.append(boost::json::serialize(line)).append("\n");
    }
    return lines;
}

void inbox::take_out(entry& e, const core::delivery_outcome& o, const char* outcome, const char* reason, std::string back) {
    (e.wide ? wide_ : own_).end(e.id_in_stream);
    flush_later();
    if (back.empty() && e.receipt.empty() && e.fan.empty() && e.callback.empty()) {
        if (!e.wide) {
            plain_.push_back(e.id_in_stream);
        }
        return;
    }
    std::string lines = lines_of(e, o);
    done_.insert(done_.end(),
                 {text_of(e.id_in_stream.first, e.id_in_stream.second), e.wide ? "1" : "", std::move(back), std::move(e.fan),
                  std::to_string(o.reached), std::to_string(o.dropped), std::move(e.receipt), std::move(e.id),
                  std::move(e.single), outcome, reason, o.connection, std::move(lines), std::move(e.callback)});
}

bool inbox::progress::begin(order id) {
    const bool behind = id > (open_.empty() ? settled_ : open_.back().first);
    if (behind) {
        open_.emplace_back(id, false);
    }
    return behind;
}

void inbox::progress::end(order id) {
    const auto at = std::lower_bound(open_.begin(), open_.end(), id, [](const auto& x, order y) { return x.first < y; });
    if (at != open_.end() && at->first == id) {
        at->second = true;
    }
    while (!open_.empty() && open_.front().second) {
        settled_ = open_.front().first;
        open_.pop_front();
    }
}

void inbox::progress::reset(order settled) {
    open_.clear();
    settled_ = settled;
}

/// What one turn of the loop settles leaves in one script.
void inbox::flush_later(std::chrono::milliseconds wait) {
    if (!flush_due_) {
        flush_due_ = true;
        flush_timer_ = timers_.after(wait, [this] {
            flush_due_ = false;
            flush();
        });
    }
}

void inbox::flush() {
    if (!attending_ || !commands_.up()) {
        return;  // attend() flushes
    }
    const std::string now = proto::format_rfc3339(timers_.wall());
    while (!done_.empty() || !plain_.empty() || wide_.settled() != wide_said_ || own_.settled() != own_said_) {
        std::vector<order> plain = std::exchange(plain_, {});
        std::erase_if(plain, [end = own_.settled()](const order& id) { return id <= end; });
        const std::size_t n = std::min<std::size_t>(done_.size(), settled_at_once * settle_words);
        std::vector<std::string> some(std::make_move_iterator(done_.begin()),
                                      std::make_move_iterator(done_.begin() + static_cast<std::ptrdiff_t>(n)));
        done_.erase(done_.begin(), done_.begin() + static_cast<std::ptrdiff_t>(n));
        std::vector<std::string> arguments{
            keys_.prefix, instance_, keys_.outbox_key, "", now, "", std::to_string(plain.size())};
        if (done_.empty()) {
            // The cursors last: who takes over from them finds nothing that was not said.
            if (wide_.settled() != wide_said_) {
                wide_said_ = wide_.settled();
                arguments[3] = text_of(wide_said_.first, wide_said_.second);
            }
            if (own_.settled() != own_said_) {
                own_said_ = own_.settled();
                arguments[5] = text_of(own_said_.first, own_said_.second + 1);
            }
        }
        for (const auto& [ms, seq] : plain) {
            arguments.push_back(text_of(ms, seq));
        }
        arguments.insert(arguments.end(), some.begin(), some.end());
        scripts::settle.run(commands_, keys_("inbox:", instance_), std::move(arguments),
                            [this, g = generation_, some = std::move(some), plain = std::move(plain)](proto::reply_view r) {
                                if (r.is_integer()) {
                                    metrics_.receipts_failed.value() += static_cast<double>(r.integer());
                                    return;
                                }
                                if (g != generation_) {
                                    return;
                                }
                                // Whether it was done is not known; doing it again changes nothing.
                                done_.insert(done_.end(), some.begin(), some.end());
                                plain_.insert(plain_.end(), plain.begin(), plain.end());
                                own_said_ = wide_said_ = {};
                                if (commands_.up()) {
                                    flush_later(retry);
                                }
                            });
    }
}

void inbox::wind_down() {
    leaving_ = true;
    flush();
}

}  // namespace wsidecar::redis
