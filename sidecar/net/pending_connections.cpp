#include "sidecar/net/pending_connections.hpp"

#include <algorithm>
#include <utility>

namespace wsidecar::net {
using namespace std::chrono_literals;

namespace {

constexpr auto full_for = 10s;
/// A well-behaved client finishes a handshake or a head within this time, unless this process is slow.
constexpr auto its_time = 2s;
/// A client that has been silent for this long, with all its input read, is not waiting for this process.
constexpr auto its_silence = 250ms;

}  // namespace

void pending_connections::member::leave_pending() {
    if (holder_ != nullptr) {
        all_->remove(*this);
    }
}

pending_connections::~pending_connections() {
    for (auto& [address, h] : holders_) {
        for (auto* list : {&h.idle, &h.at_work}) {
            for (auto& m : *list) {
                m.holder_ = nullptr;
            }
            list->clear();
        }
    }
}

/// Into the list of those that have as many.
void pending_connections::place(holder& h) {
    h.unlink();
    if (by_count_.size() <= h.count) {
        by_count_.resize(h.count + 1);
    }
    by_count_[h.count].push_back(h);
    most_ = std::max(most_, h.count);
    while (most_ > 0 && by_count_[most_].empty()) {
        --most_;
    }
}

void pending_connections::enter(member& m, const newcomer& who) {
    if (m.holder_ != nullptr) {
        return;
    }
    const proto::ip_bytes key = proto::address_group(who.address);
    const auto known = holders_.find(key);
    if (known != holders_.end() && who.per_address != 0 && known->second.count >= who.per_address) {
        turn_away(first_of(known->second), why::per_address);
    }
    if (count_ >= bounds_.count && most_ > 0) {
        full_until_ = clock_.now() + full_for;
        holder& largest = by_count_[most_].front();
        if (may_go(largest) || (largest.address != key && largest.count > bounds_.count / 4)) {
            turn_away(first_of(largest), why::crowded);
        }
    }
    holder& h = holders_[key];
    h.address = key;
    h.many_behind = who.many_behind;
    m.all_ = this;
    m.holder_ = &h;
    m.bytes_ = 0;
    m.idle_ = who.idle;
    m.since_ = clock_.now();
    (m.idle_ ? h.idle : h.at_work).push_back(m);
    ++h.count;
    ++count_;
    place(h);
}

/// Whether a connection of this address may be closed: it has an idle one, it is one client with too many, or its oldest has had its time.
bool pending_connections::may_go(holder& h) const {
    if (!h.idle.empty() || (!h.many_behind && h.count > bounds_.count / 4)) {
        return true;
    }
    const member& first = h.at_work.front();
    const auto here = clock_.now() - first.since_;
    return here >= its_time || (here >= its_silence && first.waits_for_peer());
}

bool pending_connections::rushed() {
    resting_ = count_ >= bounds_.count && most_ > 0 && !may_go(by_count_[most_].front());
    return resting_;
}

void pending_connections::begins(member& m) {
    if (m.holder_ != nullptr) {
        auto& from = m.idle_ ? m.holder_->idle : m.holder_->at_work;
        auto& to = m.holder_->at_work;
        to.splice(to.end(), from, from.iterator_to(m));
        m.idle_ = false;
        m.since_ = clock_.now();
    }
}

void pending_connections::holds(member& m, std::size_t bytes) {
    if (m.holder_ == nullptr) {
        return;
    }
    m.holder_->bytes += bytes - m.bytes_;
    bytes_ += bytes - m.bytes_;
    m.bytes_ = bytes;
    if (bytes_ > bounds_.bytes) {
        // Frees more than needed, so that not every read has to look for the largest.
        full_until_ = clock_.now() + full_for;
        shed(bytes_ - bounds_.bytes / 4 * 3);
    }
}

void pending_connections::remove(member& m) {
    holder& h = *std::exchange(m.holder_, nullptr);
    auto& list = m.idle_ ? h.idle : h.at_work;
    list.erase(list.iterator_to(m));
    h.bytes -= m.bytes_;
    bytes_ -= m.bytes_;
    m.bytes_ = 0;
    --h.count;
    --count_;
    if (resting_ && count_ < bounds_.count) {
        resting_ = false;
        on_room();
    }
    if (h.count == 0) {
        holders_.erase(proto::ip_bytes(h.address));
        while (most_ > 0 && by_count_[most_].empty()) {
            --most_;
        }
    } else {
        place(h);
    }
}

void pending_connections::turn_away(member& m, why reason) {
    remove(m);
    on_turned_away(reason);
    m.give_way();
}

std::size_t pending_connections::shed(std::size_t bytes) {
    std::vector<std::pair<std::size_t, proto::ip_bytes>> largest;
    for (const auto& [address, h] : holders_) {
        if (h.bytes > 0) {
            largest.emplace_back(h.bytes, address);
        }
    }
    std::sort(largest.begin(), largest.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::size_t gone = 0;
    for (const auto& [held, address] : largest) {
        std::vector<member*> with_bytes;
        holder& h = holders_.find(address)->second;
        for (auto* list : {&h.idle, &h.at_work}) {
            for (auto& m : *list) {
                if (m.bytes_ > 0) {
                    with_bytes.push_back(&m);
                }
            }
        }
        for (auto* m : with_bytes) {
            if (gone >= bytes) {
                return gone;
            }
            gone += m->bytes_;
            turn_away(*m, why::memory);
        }
    }
    return gone;
}

bool pending_connections::full() const {
    return clock_.now() < full_until_;
}

}  // namespace wsidecar::net
