#include "sidecar/redis/courier.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "proto/rfc3339.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr auto interval = 25ms;    ///< receipts are not announced
constexpr auto not_mine = 200ms;   ///< another instance routes this shard
constexpr auto pause = 200ms;      ///< for a shard that takes nothing
constexpr auto items_at_once = "128";
constexpr auto bytes_at_once = "1048576";

std::optional<unsigned> number_in(std::string_view text) {
    unsigned n = 0;
    const auto r = std::from_chars(text.data(), text.data() + text.size(), n);
    return r.ec == std::errc{} && r.ptr == text.data() + text.size() ? std::optional(n) : std::nullopt;
}

}  // namespace

courier::courier(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers, shard_number at)
    : link_(commands), config_(c), keys_(std::move(k)), metrics_(m), timers_(timers), at_(at), pauses_(at.count) {}

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

void courier::later(std::chrono::milliseconds d) {
    if (!stopped_) {
        timer_ = timers_.after(d, [this] { look(); });
    }
}

void courier::go() {
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
    if (token.empty() || !link_.up()) {
        later(not_mine);
        return;
    }
    looking_ = true;
    std::vector<std::string> words{keys_.prefix, token, items_at_once, bytes_at_once};
    for (const unsigned shard : busy_) {
        words.push_back(std::to_string(shard));
    }
    scripts::outgoing.run(link_, keys_("shard:queues"), std::move(words), [this, token](proto::reply_view r) {
        looking_ = false;
        bool any = false;
        for (std::size_t i = 0; i + 2 < r.size() && !r.is_error(); i += 3) {
            const auto shard = number_in(r[i].text());
            if (!shard || *shard >= at_.count || busy_.contains(*shard)) {
                continue;
            }
            std::vector<std::string> items;
            for (std::size_t k = 0; k < r[i + 2].size(); ++k) {
                items.emplace_back(r[i + 2][k].text());
            }
            any = true;
            deliver(token, *shard, std::string(r[i + 1].text()), std::move(items));
        }
        if (std::exchange(again_, false) && !any) {
            look();
        } else {
            later(interval);
        }
    });
}

void courier::deliver(const std::string& token, unsigned shard, const std::string& sent, std::vector<std::string> items) {
    busy_.insert(shard);
    const keys& there = hooks_.keys_of(shard);
    std::vector<std::string> words{there.prefix,
                                   std::to_string(at_.here),
                                   hooks_.generation(),
                                   sent,
                                   there.outbox(),
                                   proto::format_rfc3339(timers_.wall()),
                                   std::to_string(config_.rejected.count)};
    std::uint64_t number = 0;
    std::from_chars(sent.data(), sent.data() + sent.size(), number);
    for (auto& item : items) {
        words.push_back(mark_of(number++, item));
        words.push_back(std::move(item));
    }
    scripts::receive.run(hooks_.connection(shard), there("shard:came"), std::move(words),
                         [this, token, shard, sent](proto::reply_view r) {
                             if (stopped_) {
                                 return;
                             }
                             if (r.is_error()) {
                                 core::log::limited(core::log::level::error, "shards", "a shard refuses what another one has for it",
                                                    {{"shard", static_cast<std::size_t>(shard)}, {"error", r.text()}});
                             }
                             const auto taken = r.is_array() ? r[0].integer() : 0;
                             if (taken <= 0) {
                                 hold_back(shard);
                                 return;
                             }
                             metrics_.shard_items.value() += static_cast<double>(taken);
                             metrics_.receipts_failed.value() += static_cast<double>(r[1].integer());
                             take_out(token, shard, sent, taken);
                         });
}

void courier::take_out(const std::string& token, unsigned shard, const std::string& sent, std::int64_t n) {
    scripts::sent.run(link_, keys_("shard:queues"), {keys_.prefix, token, std::to_string(shard), sent, std::to_string(n)},
                      [this, shard](proto::reply_view r) {
                          if (stopped_) {
                              return;
                          }
                          if (r.integer() != 1) {
                              hold_back(shard);  // what is still there is sent again
                              return;
                          }
                          busy_.erase(shard);
                          go();
                      });
}

void courier::hold_back(unsigned shard) {
    if (stopped_) {
        return;
    }
    busy_.insert(shard);
    pauses_[shard] = timers_.after(pause, [this, shard] {
        busy_.erase(shard);
        go();
    });
}

}  // namespace wsidecar::redis
