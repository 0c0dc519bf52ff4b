#include "sidecar/core/backlog.hpp"

#include <algorithm>
#include <utility>

#include "sidecar/core/addressing.hpp"
#include "sidecar/core/deliveries.hpp"
#include "sidecar/core/dialect.hpp"
#include "sidecar/core/unsettled.hpp"

namespace wsidecar::core {
namespace {

using namespace std::chrono_literals;

/// How long live pushes wait for the mailbox, which goes before them. It is in Redis already, so this only matters when Redis fails.
constexpr auto mailbox_patience = 5s;

/// What has no place, a channel's, stays behind what it came behind.
void sort_by_place(std::vector<connection::waiting_frames::held>& frames) {
    place before;
    for (auto& h : frames) {
        before = h.at = h.at ? h.at : before;
    }
    std::stable_sort(frames.begin(), frames.end(), [](const auto& x, const auto& y) { return x.at < y.at; });
}

/// Before its connection opens, no more may wait than its queue takes afterwards. The bytes are counted once for every held_at_most
/// frames.
bool is_full(const connection& c, const std::vector<connection::waiting_frames::held>& live, std::size_t recalled) {
    const std::size_t pushed = live.size() - std::min(live.size(), recalled);
    if (pushed < held_at_most || pushed % held_at_most != 0) {
        return false;
    }
    std::size_t bytes = 0;
    for (const auto& h : live) {
        bytes += sizeof h + h.frame->bytes().size();
    }
    return bytes > c.route->limits.queue;
}

}  // namespace

bool backlog::hold(connection& c, connection::waiting_frames::held frame, bool mailbox, bool by_place) {
    connection::waiting_frames& waiting = c.waiting();
    auto& where = mailbox && !by_place ? waiting.first : waiting.live;
    if (!mailbox && is_full(c, where, waiting.recalled)) {
        return false;
    }
    waiting.recalled += by_place ? 1 : 0;
    const auto behind =
        by_place ? std::find_if(where.begin(), where.end(), [&](const auto& x) { return x.at > frame.at; }) : where.end();
    where.insert(behind, std::move(frame));
    return true;
}

std::uint64_t backlog::withdraw(connection& c, std::uint64_t sent_as) {
    return c.early ? take_unsettled(c.early->live, [&](const auto& x) { return x.sent_as == sent_as; }) : 0;
}

bool backlog::take_over(connection& c, const push_origin& from, std::uint64_t sent_as) {
    if (!c.early) {
        return false;
    }
    auto& live = c.early->live;
    const auto h = std::find_if(live.begin(), live.end(), [&](const auto& x) {
        return x.tag == tag_history && x.at == from.at && (x.sent_as == sent_as || x.sent_as == 0);
    });
    if (h == live.end()) {
        return false;
    }
    h->tag =
        c.speaks->awaits_ack_of_history(c, from.id, from.at, sent_as, h->frame->bytes().size()) ? tag_unconfirmed : from.id;
    return true;
}

void backlog::mailbox_came(connection& c) {
    if (--c.mailbox_due == 0) {
        release(c);
    }
}

/// Sends what waited for the 101 and, once the mailbox has come, what waited for the mailbox.
void backlog::release(connection& c) {
    if (c.session == nullptr || !c.early) {
        return;
    }
    auto early = std::move(c.early);
    const auto release = [&](const std::vector<connection::waiting_frames::held>& frames) {
        for (const auto& h : frames) {
            if (h.except && is_excepted(c, *h.except)) {
                deliveries_.settle(h.tag);  // the push was matched before the connection had its names
            } else {
                send(c, h.frame, h.tag, 0, h.at);
            }
        }
    };
    release(early->first);
    if (c.mailbox_due > 0 || c.recalling) {
        early->first.clear();
        c.early = std::move(early);
        return;
    }
    if (!early->missing.empty()) {
        c.session->tell_gap(early->missing);
    }
    if (c.route->sse) {
        sort_by_place(early->live);
    }
    release(early->live);
    if (early->came_to) {
        c.session->came_to(early->came_to);
    }
}

/// The registry says how many pushes the mailbox holds. Its answer comes on another link than the pushes do, often after them.
void backlog::expect_mailbox(const connection_ptr& c, std::uint32_t count) {
    c->mailbox_due = std::max(c->mailbox_due + static_cast<std::int32_t>(count), 0);
    if (count == 0 || c->mailbox_due == 0) {
        return;
    }
    c->waiting().patience = timers_.after(mailbox_patience, [this, it = c.get()] {
        const connection_ptr keep(it);  // the connection holds this timer
        it->mailbox_due = 0;
        release(*it);
    });
}

}  // namespace wsidecar::core
