#include "sidecar/redis/histories.hpp"

#include <algorithm>

#include "proto/envelope_signature.hpp"
#include "sidecar/core/addressing.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/refused_words.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 1s;

/// `*` in the pattern stands for anything.
bool fits(std::string_view pattern, std::string_view name) {
    std::size_t p = 0;
    std::size_t n = 0;
    std::size_t star = std::string_view::npos;
    std::size_t from = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            from = n;
        } else if (p < pattern.size() && pattern[p] == name[n]) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++from;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

/// The name of a target as in the configuration.
std::string name_of(std::string_view target) {
    if (target == "*") {
        return "all";
    }
    return (target.starts_with('g') ? "group:" : "destination:") + std::string(target.substr(1));
}

core::place place_of(proto::reply_view r) {
    return core::read_place(r.text()).value_or(core::place());
}

}  // namespace

const config::history_rule* rule_for(const std::vector<config::history_rule>& rules, std::string_view target) {
    if (target.empty() || (target != "*" && target[0] != 'g' && target[0] != 'd')) {
        return nullptr;
    }
    const bool all = target == "*";
    const std::string_view kind = all ? "all" : target[0] == 'g' ? "group:" : "destination:";
    const auto rule = std::find_if(rules.begin(), rules.end(), [&](const config::history_rule& r) {
        const std::string_view pattern = r.name;
        return all ? pattern == kind : pattern.starts_with(kind) && fits(pattern.substr(kind.size()), target.substr(1));
    });
    return rule == rules.end() ? nullptr : &*rule;
}

std::string text_of(const std::vector<config::history_rule>& rules) {
    std::string out;
    for (const auto& r : rules) {
        out.append(out.empty() ? "" : "; ").append(r.name).append(" ").append(std::to_string(r.count)).append(" ");
        out.append(std::to_string(r.bytes)).append(" ").append(std::to_string(r.age.count())).append("ms");
    }
    return out;
}

/// A question under way. Its names are read one after the other.
struct histories::asking {
    struct name {
        std::string target;  ///< empty: only the place is wanted
        std::uint32_t count = 0;
        unsigned shard = 0;
    };
    std::vector<name> names;
    core::history_question q;
    core::history_answer answer;
    std::function<void(core::history_answer)> done;
    std::size_t at = 0;
    std::uint64_t silent = 0;   ///< shards that do not answer, one bit for each
    std::uint64_t too_new = 0;  ///< shards in which `after` is a place that there has not been yet
    core::timer_port::handle deadline;

    const name& now() const { return names[at]; }
    std::uint64_t bit() const { return 1ULL << now().shard; }
    /// The number of the orders that the current name's places belong to.
    std::uint64_t order(bool several) const { return several ? now().shard + 1U : 0U; }
    void miss(const std::string& audience) {
        if (q.after) {
            answer.missing.push_back(audience);
        }
    }
    /// Redis does not answer for the current name.
    void give_up() {
        silent |= bit();
        if (!now().target.empty()) {
            miss(name_of(now().target));
            answer.unread.push_back(now().target);
        }
    }
};

void histories::recall(core::history_question q, std::function<void(core::history_answer)> done) {
    const auto a = std::make_shared<asking>();
    a->q = std::move(q);
    a->done = std::move(done);
    const shard_number any = number_of(0);
    std::uint64_t asked = 0;
    for (auto& n : a->q.names) {
        if (n.count > 0 || a->q.after) {
            const unsigned shard = shard_of(n.target, any);
            asked |= 1ULL << shard;
            a->names.push_back({n.target, n.count, shard});
        }
    }
    for (const auto& n : a->q.names) {
        const unsigned shard = shard_of(n.target, any);
        if ((asked & 1ULL << shard) == 0) {
            asked |= 1ULL << shard;
            a->names.push_back({{}, 0, shard});
        }
    }
    if (a->names.empty()) {
        a->names.emplace_back();
    }
    a->deadline = timers_.after(patience, [this, weak = std::weak_ptr(a)] {
        if (const auto late = weak.lock(); late && late->done) {
            for (; late->at < late->names.size(); ++late->at) {
                late->give_up();
            }
            finish(late);
        }
    });
    next(a);
}

void histories::finish(const std::shared_ptr<asking>& a) {
    a->deadline.reset();
    const auto done = std::exchange(a->done, nullptr);
    if (!done) {
        return;
    }
    if (!a->answer.answered) {
        done({});
        return;
    }
    auto& all = a->answer.pushes;
    std::stable_sort(all.begin(), all.end(), [](const auto& x, const auto& y) { return x.at < y.at; });
    all.erase(std::unique(all.begin(), all.end(), [](const auto& x, const auto& y) { return x.at == y.at; }), all.end());
    done(std::move(a->answer));
}

/// Goes on with the next name whose shard answers.
void histories::next(const std::shared_ptr<asking>& a) {
    for (; a->at < a->names.size(); ++a->at) {
        if ((a->silent & a->bit()) != 0 || !stores_[a->now().shard].link.up()) {
            a->give_up();
        } else if ((a->too_new & a->bit()) == 0) {
            ask(a);
            return;
        }
    }
    finish(a);
}

void histories::ask(const std::shared_ptr<asking>& a) {
    const auto& name = a->now();
    const auto* rule = rule_for(config_.history, name.target);
    if (name.count > 0 && (rule == nullptr || name.count > rule->count)) {
        metrics_.history_problems.at({rule == nullptr ? "not_configured" : "more_than_kept"}) += 1;
        core::log::limited(
            core::log::level::info, "history", "more of a history is asked for than is kept",
            {{"name", name_of(name.target)}, {"asked", name.count}, {"kept", rule == nullptr ? 0 : rule->count}});
    }
    const auto after = a->q.after ? a->q.after->in(a->order(several())) : core::place();
    const auto joined = a->q.joined.in(a->order(several()));
    const std::uint32_t most = rule == nullptr ? 0 : !a->q.after ? std::min(name.count, rule->count) : after ? rule->count : 0;
    const auto text_of_place = [](core::place p) { return p ? core::text_of(core::without_shard(p)) : std::string(); };
    store& at = stores_[name.shard];
    scripts::recall.run(at.link, at.names("order"),
                        {at.names.prefix, name.target, std::to_string(most), std::to_string(a->q.bytes),
                         std::to_string(rule == nullptr ? 0 : rule->age.count()), text_of_place(after),
                         std::to_string(rule == nullptr ? 0 : rule->count), text_of_place(joined)},
                        [this, a](proto::reply_view r) { take(a, r); });
}

void histories::take(const std::shared_ptr<asking>& a, proto::reply_view r) {
    if (!a->done) {
        return;  // it came too late
    }
    const auto word = r.is_array() ? r[0].text() : std::string_view();
    if (word == "ok") {
        take_answer(*a, r);
    } else if (word == "wrong") {
        metrics_.history_problems.at({"wrong_type"}) += 1;
        core::log::limited(core::log::level::error, "history", "something else is in Redis where a history would be",
                           {{"name", name_of(a->now().target)}});
        a->miss(name_of(a->now().target));
    } else {
        if (r.is_error()) {
            log_refused("history", "Redis refuses to read a history", r.text());
        }
        a->give_up();
    }
    ++a->at;
    next(a);
}

void histories::take_answer(asking& a, proto::reply_view r) {
    a.answer.answered = true;
    const auto order = a.order(several());
    if (!a.answer.now.in(order)) {
        // The first answer of a shard counts. What is routed meanwhile is in the later ones, too, and is recognized by its place.
        const auto now = in_shard(place_of(r[1]), number_of(a.now().shard));
        a.answer.now.reach(now);
        if (a.q.after && a.q.after->in(order) > now) {
            metrics_.history_problems.at({"future_id"}) += 1;
            a.too_new |= a.bit();
            if (!core::contains(a.answer.missing, "")) {
                a.answer.missing.emplace_back();
            }
            return;
        }
    }
    if (a.q.after && !a.now().target.empty() && is_missing(a, r)) {
        a.miss(name_of(a.now().target));
    }
    take_pushes(a, r);
}

void histories::take_pushes(asking& a, proto::reply_view r) {
    if (r[6].integer() == 1) {
        metrics_.history_problems.at({"cut"}) += 1;  // not all fits into limits.queue
        a.miss(name_of(a.now().target));
    }
    for (std::size_t i = 7; i + 1 < r.size(); i += 2) {
        const auto text = r[i + 1].text();
        a.q.bytes -= std::min(a.q.bytes, text.size());
        auto decoded = proto::decode_signed_envelopes(text, {config_.push.secrets, config_.push.require_signature}, true);
        if (decoded.size() == 1 && decoded[0].value) {
            a.answer.pushes.push_back({in_shard(place_of(r[i]), number_of(a.now().shard)), std::move(*decoded[0].value)});
        } else {
            metrics_.history_problems.at({"unread"}) += 1;  // not written by a router, or its signature is none any more
        }
    }
}

/// Whether pushes after `after` may have been removed, or were never kept.
bool histories::is_missing(const asking& a, proto::reply_view r) const {
    const std::string& target = a.now().target;
    const auto* rule = rule_for(config_.history, target);
    const auto order = a.order(several());
    const core::place after = core::without_shard(a.q.after->in(order));
    if (!after) {
        return true;  // the client's position says nothing about this shard
    }
    const auto now = a.answer.now.in(order).ms;
    const auto ago = std::chrono::milliseconds(now - std::min(now, after.ms));
    if (a.q.is_known && ago <= config_.outbox.grace) {
        return false;  // pushes within the grace are kept for the user elsewhere
    }
    if (rule == nullptr) {
        return target != "*" || place_of(r[2]) > after;
    }
    return ago > rule->age || std::max({place_of(r[3]), place_of(r[4]), place_of(r[5])}) > after;
}

}  // namespace wsidecar::redis
