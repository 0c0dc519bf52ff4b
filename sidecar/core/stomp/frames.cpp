#include "sidecar/core/stomp/frames.hpp"

#include <algorithm>
#include <utility>

#include "proto/stomp/stomp_write.hpp"
#include "sidecar/core/client_resources.hpp"
#include "sidecar/core/inbound_lane.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/core/stomp/acks.hpp"
#include "sidecar/core/stomp/headers.hpp"
#include "sidecar/core/stomp/replies.hpp"

namespace wsidecar::core {
namespace stomp = proto::stomp;
using stomp::command;
namespace {

using namespace std::chrono_literals;

constexpr std::size_t transactions_at_most = 16;

constexpr std::size_t transaction_bytes = stomp_transaction_bytes;

constexpr std::size_t transaction_frames = 1000;

/// A client that means it sends CONNECT at once. Where there is room it may take limits.first_frame.
constexpr auto connect_patience = 2s;

}  // namespace

stomp_frames::stomp_frames(context& x, stomp_shared& shared, stomp_replies& replies, stomp_acks& acks, core::inbound_lane& lane)
    : metrics_(x.metrics), timers_(x.timers), silent_(shared.silent), replies_(replies), acks_(acks), lane_(lane) {}

void stomp_frames::await_connect(connection& c) {
    const auto limit = c.route->limits.first_frame;
    if (!c.relayed) {
        c.stomp->silent.of = &c;
        c.stomp->silent.since = timers_.now();
        silent_.push_back(c.stomp->silent);
    }
    c.stomp->timer = timers_.after(limit, [this, limit, it = &c] {
        replies_.fail(*it, "first_frame", "no CONNECT came in " + std::to_string(limit.count()) + " ms");
    });
}

bool stomp_frames::end_silent_one() {
    if (silent_.empty() || timers_.now() - silent_.front().since < connect_patience) {
        return false;
    }
    connection& c = *silent_.front().of;
    silent_.pop_front();
    log::limited(log::level::warn, "stomp",
                 "max_connections is reached: connections without CONNECT are ended to make room, the oldest first",
                 {{"limit", "max_connections"}, {"path", c.path()}});
    c.session->make_way(close_cause::first_frame);
    return true;
}

/// A frame has begun. The rest of it has to arrive in time; the time does not run while reading is paused.
void stomp_frames::await_frame(connection& c) {
    c.stomp->frame_patience = timers_.after(c.route->limits.message_time, [this, it = &c] {
        if (it->inbound && it->inbound->reading_paused) {
            await_frame(*it);
        } else {
            replies_.fail(*it, "message_time", "a frame was begun and did not come whole in limits.message_time", {}, 1008);
        }
    });
}

void stomp_frames::feed(connection& c, std::string_view bytes) {
    const connection_ptr keep(&c);
    stomp_client& s = *c.stomp;
    s.heard = timers_.now();
    if (s.at == stomp_client::stage::over) {
        return;
    }
    s.reader.feed(bytes);
    for (;;) {
        const auto what = s.reader.next();
        if (what == stomp::event::need_more) {
            if (!s.reader.at_rest() && !s.frame_patience && !c.relayed) {
                await_frame(c);
            }
            return;
        }
        s.frame_patience.reset();
        if (what == stomp::event::error) {
            const auto e = s.reader.error();
            replies_.fail(c, e.reason, e.text, e.receipt);
        } else if (what == stomp::event::frame) {
            take(c, s.reader.current());
        }
        if (s.at == stomp_client::stage::over) {
            return;
        }
    }
}

void stomp_frames::take(connection& c, const stomp::frame& f) {
    stomp_client& s = *c.stomp;
    metrics_.stomp_frames.at({stomp::command_name(f.verb)}) += 1;
    const std::string receipt(f.find("receipt").value_or(""));
    if (f.verb == command::connect || f.verb == command::stomp) {
        hello(c, f);
        return;
    }
    if (s.at == stomp_client::stage::silent) {
        replies_.fail(c, "not_connected", "the first frame is CONNECT", receipt);
        return;
    }
    if (f.verb == command::begin || f.verb == command::commit || f.verb == command::abort) {
        transaction(c, f, receipt);
        return;
    }
    if (const auto name = f.find("transaction"); name && f.verb != command::disconnect) {
        const auto it = s.transactions.find(*name);
        if (it == s.transactions.end()) {
            replies_.fail(c, "bad_transaction", "no such transaction has begun", receipt);
            return;
        }
        auto item = item_of(f);
        std::erase_if(item.stomp->headers, [](const auto& h) { return h.first == "receipt"; });
        const std::size_t bytes = item.bytes();
        if (it->second.frames.size() >= transaction_frames || s.transaction_bytes + bytes > transaction_bytes) {
            replies_.fail(c, "transaction_too_big",
                          "a transaction has at most 1000 frames, and all of a connection together 1 MiB with their headers",
                          receipt);
            return;
        }
        it->second.bytes += bytes;
        s.transaction_bytes += bytes;
        it->second.frames.push_back(std::move(item));
        replies_.receipt(c, receipt);
        return;
    }
    if (f.verb == command::ack || f.verb == command::nack) {
        // They do not wait for a SEND that the app is slow to take.
        acks_.acknowledge(c, *item_of(f).stomp);
        replies_.receipt(c, receipt);
        return;
    }
    if (f.verb == command::disconnect) {
        s.timer.reset();  // after DISCONNECT no heart-beats are expected
        s.parted = true;
    }
    lane_.enqueue(c, item_of(f));
}

void stomp_frames::hello(connection& c, const stomp::frame& f) {
    stomp_client& s = *c.stomp;
    if (s.at != stomp_client::stage::silent) {
        replies_.fail(c, "repeated_connect", "CONNECT was sent already");
        return;
    }
    s.silent.unlink();
    const auto version = stomp::negotiate_version(f.find("accept-version"));
    if (!version) {
        s.at = stomp_client::stage::over;
        const std::vector<std::pair<std::string, std::string>> headers{{"version", std::string(stomp::supported_versions)}};
        metrics_.stomp_errors.at({"version"}) += 1;
        replies_.out(c,
                     stomp::error(stomp::version::v1_0, "supported protocol versions are 1.0, 1.1 and 1.2", {}, {}, headers));
        c.close(1002, "STOMP error");
        return;
    }
    const auto wishes = stomp::parse_heart_beat(f.find("heart-beat"));
    if (!wishes) {
        replies_.fail(c, "bad_heart_beat", "heart-beat is two numbers of milliseconds");
        return;
    }
    s.version = *version;
    s.reader.set_version(*version);
    s.wishes = *version == stomp::version::v1_0 ? stomp::heart_beat{} : *wishes;
    s.at = stomp_client::stage::connecting;
    s.timer.reset();
    lane_.enqueue(c, item_of(f));
}

void stomp_frames::transaction(connection& c, const stomp::frame& f, const std::string& receipt) {
    auto& all = c.stomp->transactions;
    const auto name = f.find("transaction");
    if (!name || name->empty()) {
        replies_.fail(c, "no_transaction", std::string(stomp::command_name(f.verb)) + " needs a transaction", receipt);
        return;
    }
    const auto it = all.find(*name);
    if (f.verb == command::begin) {
        if (it != all.end() || all.size() >= transactions_at_most) {
            replies_.fail(c, "bad_transaction",
                          it != all.end() ? "this transaction has begun already" : "at most 16 transactions at once", receipt);
            return;
        }
        auto& begun = all.emplace(*name, stomp_client::transaction{}).first->second;
        if (!c.relayed) {
            begun.patience = timers_.after(c.route->limits.message_time, [this, it = &c] {
                replies_.fail(*it, "message_time", "a transaction was begun and did not end in limits.message_time", {}, 1008);
            });
        }
        replies_.receipt(c, receipt);
        return;
    }
    if (it == all.end()) {
        replies_.fail(c, "bad_transaction", "no such transaction has begun", receipt);
        return;
    }
    auto frames = std::move(it->second.frames);
    c.stomp->transaction_bytes -= it->second.bytes;
    all.erase(it);
    if (f.verb == command::commit) {
        for (auto& item : frames) {
            lane_.enqueue(c, std::move(item));
        }
        lane_.enqueue(c, item_of(f));  // its receipt comes after them
    } else {
        replies_.receipt(c, receipt);
    }
}

}  // namespace wsidecar::core
