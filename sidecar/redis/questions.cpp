#include "sidecar/redis/questions.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "proto/text/ids.hpp"
#include "proto/text/utf8.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr auto time_to_answer = 1000ms;
constexpr auto pause = 50ms;
/// The most that one look into a list may read.
constexpr std::size_t entries_looked_at = 2000;
constexpr std::size_t bytes_looked_at = 1024 * 1024;
constexpr std::size_t bytes_decoded = 256 * 1024;
constexpr std::size_t sightings_at_most = 10;

const char* name_of(core::list_kind kind) {
    switch (kind) {
        case core::list_kind::outbox: return "outbox";
        case core::list_kind::returned: return "returned";
        case core::list_kind::parked: return "parked";
        case core::list_kind::rejected: return "rejected";
        case core::list_kind::receipts: return "receipts";
        case core::list_kind::mailbox: break;
    }
    return "mailbox";
}

/// The longest part of an id that every JSON library writes unchanged.
std::string_view needle_of(std::string_view id) {
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.: ";
    std::string_view best;
    while (!id.empty()) {
        const auto part = id.substr(0, id.find_first_not_of(plain));
        best = part.size() > best.size() ? part : best;
        id.remove_prefix(std::min(part.size() + 1, id.size()));
    }
    return best;
}

core::sightings read_sightings(proto::reply_view r) {
    core::sightings out;
    if (!r.is_array() || r.size() < 2) {
        return out;
    }
    out.answered = true;
    out.length = static_cast<std::size_t>(r[0].integer());
    out.looked = static_cast<std::size_t>(r[1].integer());
    for (std::size_t i = 2; i + 5 < r.size(); i += 6) {
        core::sighting s;
        s.place = static_cast<std::size_t>(r[i].integer());
        s.time = r[i + 1].text();
        s.what = r[i + 2].text();
        s.reason = r[i + 3].text();
        s.name = r[i + 4].text();
        std::int64_t ms = 0;
        const auto deadline = r[i + 5].text();
        std::from_chars(deadline.data(), deadline.data() + deadline.size(), ms);
        s.until = std::chrono::system_clock::time_point(std::chrono::milliseconds(ms));
        out.found.push_back(std::move(s));
    }
    return out;
}

}  // namespace

void questions::start(const std::string& instance, std::function<std::string(std::string_view)> answer) {
    instance_ = instance;
    answer_ = std::move(answer);
}

void questions::stop() {
    asked_.clear();
}

/// A question has three parts, one per line: the token of its list, the instance that asks, and the text.
void questions::on_question(std::string_view payload) {
    const auto first = payload.find('\n');
    const auto second = payload.find('\n', std::min(first, payload.size() - 1) + 1);
    if (first == std::string_view::npos || second == std::string_view::npos || first > 64 || !answer_) {
        return;  // of a later version
    }
    if (payload.substr(first + 1, second - first - 1) == instance_) {
        return;
    }
    const std::string text = answer_(payload.substr(second + 1));
    if (!text.empty() && text.size() <= core::answer_bytes_at_most) {
        scripts::answer.run(link_, keys_("ask"),
                            {keys_.prefix, std::string(payload.substr(0, first)), text, std::to_string(core::answers_at_most)});
    }
}

void questions::ask_all(const std::string& question, std::function<void(core::answers)> done) {
    if (!link_.up()) {
        done({});
        return;
    }
    const std::string token = proto::random_hex128();
    asked& a = asked_[token];
    a.done = std::move(done);
    a.until = timers_.now() + time_to_answer;
    // The question must end even if Redis does not answer.
    a.timer = timers_.after(time_to_answer + 500ms, [this, token] { finish(token); });
    link_.send({"HKEYS", keys_("instances")}, [this, token](proto::reply_view r) {
        const auto it = asked_.find(token);
        if (it == asked_.end()) {
            return;
        }
        for (std::size_t i = 0; i < r.size(); ++i) {
            it->second.out.instances.emplace_back(r[i].text());
        }
    });
    link_.send({config_.redis.sharded ? "SPUBLISH" : "PUBLISH", keys_("ask"), token + '\n' + instance_ + '\n' + question},
               [this, token](proto::reply_view r) {
                   const auto it = asked_.find(token);
                   if (it == asked_.end()) {
                       return;
                   }
                   it->second.out.asked = r.is_integer();
                   it->second.out.asked ? look(token) : finish(token);
               });
}

void questions::look(const std::string& token) {
    link_.send({"LRANGE", keys_("answers:", token), "0", std::to_string(core::answers_at_most - 1)},
               [this, token](proto::reply_view r) {
                   const auto it = asked_.find(token);
                   if (it == asked_.end()) {
                       return;
                   }
                   asked& a = it->second;
                   const std::size_t others =
                       a.out.instances.size() -
                       static_cast<std::size_t>(std::count(a.out.instances.begin(), a.out.instances.end(), instance_));
                   if (r.is_array() && r.size() < std::min(others, core::answers_at_most) && timers_.now() < a.until) {
                       a.timer = timers_.after(pause, [this, token] { look(token); });
                       return;
                   }
                   for (std::size_t i = 0; i < r.size(); ++i) {
                       if (r[i].text().size() <= core::answer_bytes_at_most) {
                           a.out.texts.emplace_back(r[i].text());
                       }
                   }
                   finish(token);
               });
}

void questions::finish(const std::string& token) {
    auto taken = asked_.extract(token);
    if (taken) {
        link_.send({"DEL", keys_("answers:", token)});
        taken.mapped().done(std::move(taken.mapped().out));
    }
}

std::string questions::key_of(core::list_kind kind, const std::string& name) const {
    switch (kind) {
        case core::list_kind::outbox: return keys_.outbox();
        case core::list_kind::returned: return keys_.returned();
        case core::list_kind::parked: return keys_("parked");
        case core::list_kind::rejected: return keys_("rejected");
        case core::list_kind::receipts: return name;
        case core::list_kind::mailbox: break;
    }
    const bool user = name.starts_with('u');
    return keys_(user ? "mailbox:user:" : "mailbox:alias:",
                 std::string_view(name).substr(std::min<std::size_t>(1, name.size())));
}

void questions::seek(core::list_kind kind, const std::string& name, const std::string& id,
                     std::function<void(core::sightings)> done) {
    if (!proto::valid_utf8(id)) {
        done({});
        return;
    }
    const bool from_right = kind == core::list_kind::outbox && config_.outbox.pop == "right";
    const std::string key = key_of(kind, name);
    scripts::seek.run(link_, key,
                      {keys_.prefix, key, name_of(kind), from_right ? "1" : "", id, std::string(needle_of(id)),
                       std::to_string(entries_looked_at), std::to_string(bytes_looked_at), std::to_string(bytes_decoded),
                       std::to_string(sightings_at_most)},
                      [done = std::move(done)](proto::reply_view r) { done(read_sightings(r)); });
}

}  // namespace wsidecar::redis
