#include "sidecar/redis/histories.hpp"

#include <algorithm>

#include "proto/envelope_signature.hpp"
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
    core::history_question q;
    core::history_answer answer;
    std::function<void(core::history_answer)> done;
    std::size_t at = 0;
    bool too_new = false;  ///< its `after` is a place that there has not been yet
    core::timer_port::handle deadline;
};

void histories::recall(core::history_question q, std::function<void(core::history_answer)> done) {
    const auto a = std::make_shared<asking>();
    a->q = std::move(q);
    a->done = std::move(done);
    if (!link_.up()) {
        finish(a);
        return;
    }
    if (a->q.names.empty()) {
        a->q.names.emplace_back();  // only where the list stands
    }
    a->deadline = timers_.after(patience, [this, weak = std::weak_ptr(a)] {
        if (const auto late = weak.lock()) {
            late->answer = {};
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
    auto& all = a->answer.pushes;
    std::stable_sort(all.begin(), all.end(), [](const auto& x, const auto& y) { return x.at < y.at; });
    all.erase(std::unique(all.begin(), all.end(), [](const auto& x, const auto& y) { return x.at == y.at; }), all.end());
    done(std::move(a->answer));
}

void histories::next(const std::shared_ptr<asking>& a) {
    const auto& name = a->q.names[a->at];
    const auto* rule = rule_for(config_.history, name.target);
    if (name.count > 0 && (rule == nullptr || name.count > rule->count)) {
        metrics_.history_problems.at({rule == nullptr ? "not_configured" : "more_than_kept"}) += 1;
        core::log::limited(
            core::log::level::info, "history", "more of a history is asked for than is kept",
            {{"name", name_of(name.target)}, {"asked", name.count}, {"kept", rule == nullptr ? 0 : rule->count}});
    }
    const std::uint32_t most = rule == nullptr ? 0 : a->q.after ? rule->count : std::min(name.count, rule->count);
    scripts::recall.run(link_, keys_("order"),
                        {keys_.prefix, name.target, std::to_string(most), std::to_string(a->q.bytes),
                         std::to_string(rule == nullptr ? 0 : rule->age.count()), a->q.after ? core::text_of(*a->q.after) : "",
                         std::to_string(rule == nullptr ? 0 : rule->count), a->q.joined ? core::text_of(a->q.joined) : ""},
                        [this, a](proto::reply_view r) { take(a, r); });
}

void histories::take(const std::shared_ptr<asking>& a, proto::reply_view r) {
    if (!a->done) {
        return;  // it came too late
    }
    const std::string target = a->q.names[a->at].target;
    const auto word = r.is_array() ? r[0].text() : std::string_view();
    if (word == "wrong") {
        metrics_.history_problems.at({"wrong_type"}) += 1;
        core::log::limited(core::log::level::error, "history", "something else is in Redis where a history would be",
                           {{"name", name_of(target)}});
        if (a->q.after) {
            a->answer.missing.push_back(name_of(target));
        }
    } else if (word != "ok") {
        if (r.is_error()) {
            log_refused("history", "Redis refuses to read a history", r.text());
        }
        a->answer = {};
        finish(a);
        return;
    } else {
        if (!a->answer.answered) {
            a->answer.answered = true;
            a->answer.now =
                place_of(r[1]);  // of the first: what is routed meanwhile is in the later ones, too, and known by its place
            a->too_new = a->q.after && *a->q.after > a->answer.now;
        }
        if (a->too_new) {
            metrics_.history_problems.at({"future_id"}) += 1;
            a->answer.missing = {""};
            finish(a);
            return;
        }
        if (a->q.after && !target.empty() && is_missing(*a, target, r)) {
            a->answer.missing.push_back(name_of(target));
        }
        take_pushes(*a, r);
    }
    if (++a->at == a->q.names.size()) {
        finish(a);
    } else {
        next(a);
    }
}

void histories::take_pushes(asking& a, proto::reply_view r) {
    if (r[6].integer() == 1) {
        metrics_.history_problems.at({"cut"}) += 1;  // not all fits into limits.queue
        if (a.q.after) {
            a.answer.missing.push_back(name_of(a.q.names[a.at].target));
        }
    }
    for (std::size_t i = 7; i + 1 < r.size(); i += 2) {
        const auto text = r[i + 1].text();
        a.q.bytes -= std::min(a.q.bytes, text.size());
        auto decoded = proto::decode_signed_envelopes(text, {config_.push.secrets, config_.push.require_signature}, true);
        if (decoded.size() == 1 && decoded[0].value) {
            a.answer.pushes.push_back({place_of(r[i]), std::move(*decoded[0].value)});
        } else {
            metrics_.history_problems.at({"unread"}) += 1;  // not written by a router, or its signature is none any more
        }
    }
}

/// Whether pushes after `after` may have been removed, or were never kept.
bool histories::is_missing(const asking& a, const std::string& target, proto::reply_view r) const {
    const auto* rule = rule_for(config_.history, target);
    const core::place after = *a.q.after;
    const auto ago = std::chrono::milliseconds(a.answer.now.ms - std::min(a.answer.now.ms, after.ms));
    if (a.q.is_known && ago <= config_.outbox.grace) {
        return false;  // pushes within the grace are kept for the user elsewhere
    }
    if (rule == nullptr) {
        return target != "*" || place_of(r[2]) > after;
    }
    return ago > rule->age || std::max({place_of(r[3]), place_of(r[4]), place_of(r[5])}) > after;
}

}  // namespace wsidecar::redis
