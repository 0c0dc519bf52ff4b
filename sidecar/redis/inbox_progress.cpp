// inbox: how far it has come in its own stream and in wide, and what is said of that.

#include "sidecar/redis/batch.hpp"
#include "sidecar/redis/inbox.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr auto cursor_of_many_after = 250ms;
/// A push of wide that has not reached all its clients here by then goes on as one of the inbox: wide is read as fast as the slowest reads it.
constexpr auto patience_of_wide = 3s;

std::string text_of(std::uint64_t ms, std::uint64_t seq) {
    return std::to_string(ms) + '-' + std::to_string(seq);
}

}  // namespace

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

std::string inbox::unsaid_cursor() const {
    const bool may = attending_ && done_.empty() && !saying_ && wide_said_ != order{} && wide_.settled() > wide_said_;
    return may && standing_.many() ? text_of(wide_.settled().first, wide_.settled().second) : std::string();
}

void inbox::cursor_said(const std::string& cursor) {
    if (wide_said_ != order{}) {
        wide_said_ = std::max(wide_said_, place_of(cursor));
    }
}

/// Of many instances, each says where it is in wide a little later, for several pushes at once; of nothing but canaries with its next beat.
bool inbox::cursor_can_wait() {
    const bool alone =
        !refill_ && done_.empty() && plain_.empty() && own_.settled() == own_said_ && wide_.settled() != wide_said_;
    if (!alone || leaving_ || std::exchange(cursor_due_, false) || wide_said_ == order{} || !standing_.many()) {
        return false;
    }
    if (wide_settled_ && !cursor_timer_) {
        cursor_timer_ = timers_.after(cursor_of_many_after, [this] {
            const auto due = std::exchange(cursor_timer_, nullptr);
            cursor_due_ = true;
            flush();
        });
    }
    return true;
}

/// One client that does not take what is for all holds up neither wide nor the other instances.
void inbox::move_slow() {
    move_timer_ = timers_.after(1000ms, [this] { move_slow(); });
    if (!fetching_) {
        kept_.tidy(timers_.now());
    }
    const auto before = timers_.now() - patience_of_wide;
    while (!of_wide_.empty() && of_wide_.front().first <= before) {
        const auto it = in_flight_.find(of_wide_.front().second);
        of_wide_.pop_front();
        if (it != in_flight_.end() && it->second.wide && !it->second.orphan && !it->second.moving) {
            it->second.moving = true;
            const auto id = it->second.id_in_stream;
            done_.insert(done_.end(), {text_of(id.first, id.second), "1", "", "", "0", "0", "move", "", "", "", ""});
            flush_later();
        }
    }
}

}  // namespace wsidecar::redis
