#include "tests/simulation/schedule.hpp"

#include <algorithm>

namespace wsidecar::simulation {
namespace {

constexpr const char* names[acts] = {"push",
                                     "channel_push",
                                     "source_push",
                                     "stomp_push",
                                     "stream_push",
                                     "stream_trim",
                                     "cut",
                                     "vanish",
                                     "leave",
                                     "hush",
                                     "move",
                                     "say",
                                     "tunnel",
                                     "resubscribe",
                                     "newcomer",
                                     "kill",
                                     "freeze",
                                     "drain",
                                     "start",
                                     "cut_link",
                                     "cut_links",
                                     "late_link",
                                     "answer_lost",
                                     "command_lost",
                                     "answer_late",
                                     "dies_behind",
                                     "stall",
                                     "outage",
                                     "failover",
                                     "failover_behind",
                                     "emptied",
                                     "split",
                                     "full",
                                     "read_only",
                                     "busy",
                                     "clock",
                                     "scripts_flushed",
                                     "migration",
                                     "group_gone",
                                     "app_refuses",
                                     "app_away",
                                     "app_hangs"};

/// How often each kind of fault is chosen.
unsigned weight_of(act a) {
    switch (a) {
        case act::kill: return 6;
        case act::failover: return 6;
        case act::answer_lost: return 6;
        case act::cut_link:
        case act::dies_behind: return 4;
        case act::freeze:
        case act::drain: return 3;
        case act::late_link: return 1;
        default: return 2;
    }
}

bool is_allowed(act a, const choice& c) {
    return !c.no_faults && (c.only.empty() || std::find(c.only.begin(), c.only.end(), a) != c.only.end());
}

/// What some schedules have beside the rest. Each part has dice of its own, so that a schedule without it is what it was.
class extras {
public:
    extras(schedule& s, const choice& c, const std::vector<instant>& faults, instant begin)
        : s_(s), c_(c), faults_(faults), begin_(begin) {}

    void add_stomp() {
        dice r = dice_of(5);
        s_.stomp = r.once_in(3);
        for (auto n = s_.stomp ? r.between(6, 20) : 0; n > 0; --n) {
            const instant when = moment(r);
            const act what = r.once_in(6) ? act::resubscribe : act::stomp_push;
            add(r, what, when);
        }
    }
    void add_stream() {
        dice r = dice_of(7);
        if (!r.once_in(4)) {
            return;
        }
        s_.stream = r.once_in(2) ? schedule::stream_form::fields : schedule::stream_form::payload;
        s_.stream_from_start = r.once_in(2);
        s_.stream_to_groups = r.once_in(3);
        for (auto n = r.between(3, 12); n > 0; --n) {
            const instant when = moment(r);
            add(r, act::stream_push, when);
        }
        for (auto n = r.between(-2, 3); n > 0; --n) {
            const instant when = moment(r);
            add(r, act::stream_trim, when);
        }
        if (r.once_in(4) && is_allowed(act::group_gone, c_)) {
            const instant when = moment(r);
            add(r, act::group_gone, when);
        }
    }
    void add_histories() {
        dice r = dice_of(9);
        if (!r.once_in(4)) {
            return;
        }
        const auto keep = [&](const char* name) {
            const auto count = static_cast<std::uint32_t>(r.between(2, 7));
            s_.histories.push_back({name, count, r.once_in(3) ? 600U : 1U << 20U, r.between(3, 20) * second});
        };
        keep("group:g1");
        if (r.once_in(2)) {
            keep("group:*2");
        }
        if (r.once_in(2)) {
            keep("all");
        }
        if (r.once_in(2)) {
            keep("destination:/topic/*");
        }
        s_.event_source = r.once_in(2);
        for (auto n = r.between(3, 9); n > 0; --n) {
            const instant when = moment(r);
            add(r, act::newcomer, when);
        }
    }

private:
    dice dice_of(std::uint64_t part) const { return dice(s_.seed * 0x9E3779B97F4A7C15ULL + part); }
    /// Near a fault, or anywhere.
    instant moment(dice& r) const {
        const instant m = !faults_.empty() && r.below(3) > 0 ? faults_[r.below(faults_.size())] : r.between(begin_, s_.until);
        return std::clamp(m + r.between(-1500 * ms, 2500 * ms), begin_ - second, s_.until);
    }
    void add(dice& r, act what, instant when) {
        const auto any = [&] { return static_cast<std::uint32_t>(r.next() >> 32U); };
        s_.actions.push_back({when, what, any(), any(), any(), any()});
    }

    schedule& s_;
    const choice& c_;
    const std::vector<instant>& faults_;
    instant begin_;
};

}  // namespace

const char* name_of(act a) {
    return names[static_cast<std::size_t>(a)];
}

bool is_fault(act a) {
    return a >= act::kill && a <= act::group_gone && a != act::start;
}

std::string action::describe() const {
    return std::to_string(when / ms) + " ms " + name_of(what) + " " + std::to_string(a) + " " + std::to_string(b) + " " +
           std::to_string(c) + " " + std::to_string(d);
}

schedule make_schedule(std::uint64_t seed, const choice& c) {
    dice r(seed * 0x9E3779B97F4A7C15ULL + 1);
    schedule s;
    s.seed = seed;
    s.shards = c.shards;
    s.pods = static_cast<int>(r.between(2, 4));
    s.redis = r.once_in(6) ? 6 : 7;
    s.no_info = r.once_in(12);
    s.lease = r.once_in(6) ? 9 : 3;
    s.until = r.between(9, 16) * second;
    const auto word = [&] { return static_cast<std::uint32_t>(r.next() >> 32U); };
    const auto add = [&](act what, instant from, instant to) {
        s.actions.push_back({r.between(from, to), what, word(), word(), word(), word()});
    };
    const instant begin = 4 * second;

    // Faults: none in one of eight, else a few kinds, each once or twice.
    std::vector<act> possible;
    for (std::size_t i = 0; i < acts; ++i) {
        const auto a = static_cast<act>(i);
        const bool fault = (is_fault(a) && a != act::group_gone) || a >= act::app_refuses;
        if (fault && is_allowed(a, c)) {
            possible.insert(possible.end(), weight_of(a), a);
        }
    }
    const bool quiet = possible.empty() || (c.only.empty() && r.once_in(8));
    std::vector<instant> moments;
    for (auto n = quiet ? 0 : r.between(1, 3); n > 0; --n) {
        const act a = possible[r.below(possible.size())];
        for (auto k = r.between(1, 2); k > 0; --k) {
            add(a, begin, s.until - second);
            moments.push_back(s.actions.back().when);
        }
    }
    // Pushes and clients' doings stand around the faults, or anywhere.
    const auto near = [&](instant before, instant behind) {
        const instant m = !moments.empty() && r.below(3) > 0 ? moments[r.below(moments.size())] : r.between(begin, s.until);
        return std::clamp(m + r.between(-before, behind), begin - second, s.until);
    };
    for (auto n = r.between(6, 30); n > 0; --n) {
        const auto k = r.below(10);
        const instant when = near(1500 * ms, 2500 * ms);
        add(k < 8 ? act::push : k < 9 ? act::source_push : act::channel_push, when, when);
    }
    for (auto n = r.between(2, 14); n > 0; --n) {
        const auto k = r.below(18);
        const act a = k < 4    ? act::cut
                      : k < 6  ? act::vanish
                      : k < 8  ? act::leave
                      : k < 12 ? act::hush
                      : k < 14 ? act::move
                      : k < 16 ? act::say
                               : act::tunnel;
        const instant when = near(2500 * ms, 2000 * ms);
        add(a, when, when);
    }
    extras more(s, c, moments, begin);
    more.add_stomp();
    more.add_stream();
    more.add_histories();
    std::stable_sort(s.actions.begin(), s.actions.end(), [](const action& x, const action& y) { return x.when < y.when; });
    return s;
}

}  // namespace wsidecar::simulation
