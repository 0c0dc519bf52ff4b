#include "sidecar/core/backlog.hpp"

#include <algorithm>
#include <utility>

#include "sidecar/core/addressing.hpp"
#include "sidecar/core/deliveries.hpp"

namespace wsidecar::core {
namespace {

using namespace std::chrono_literals;

/// How long live pushes wait for the mailbox, which goes before them. It is in Redis already, so this only matters when Redis fails.
constexpr auto mailbox_patience = 5s;

}  // namespace

void backlog::send(connection& c, const frame_ptr& f, std::uint64_t tag, std::uint64_t collapse, place at) {
    if (tag >= first_delivery_id) {
        c.unconfirmed.push_back(tag);
    }
    c.route->sse ? c.session->send_at(f, tag, collapse, at) : c.session->send(f, tag, collapse);
}

bool backlog::hold(connection& c, const frame_ptr& f, std::uint64_t tag, bool mailbox, const proto::addresses* except,
                   place at) {
    if (!c.early) {
        c.early = std::make_unique<connection::waiting_frames>();
    }
    auto& where = mailbox ? c.early->first : c.early->live;
    if (!mailbox && where.size() >= held_at_most + c.early->recalled) {
        return false;
    }
    where.push_back({f, tag, except != nullptr ? std::make_shared<proto::addresses>(*except) : nullptr, at});
    return true;
}

void backlog::one_came(connection& c, const push_origin& from) {
    if (from.mailbox && !from.kept) {
        mailbox_came(c);
    }
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
    if (!c->early) {
        c->early = std::make_unique<connection::waiting_frames>();
    }
    c->early->patience = timers_.after(mailbox_patience, [this, it = c.get()] {
        const connection_ptr keep(it);  // the connection holds this timer
        it->mailbox_due = 0;
        release(*it);
    });
}

}  // namespace wsidecar::core
