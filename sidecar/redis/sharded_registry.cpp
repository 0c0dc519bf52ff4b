#include "sidecar/redis/sharded_registry.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <utility>

namespace wsidecar::redis {
namespace {

constexpr auto until_all_divide = std::chrono::seconds(10);  ///< the instances do not learn of new shards at the same moment
constexpr core::enroll_result nothing_yet{core::enroll_outcome::done, std::nullopt, 0};

std::string last_will_of(const core::lost_connection& lost) {
    boost::json::object entry{
        {"connection", lost.connection},
        {"instance", lost.instance},
        {"user", lost.user},
        {"path", lost.path},
        {"state", lost.state},
        {"code", lost.close_code},
        {"close_reason", lost.close_reason},
        {"why", lost.reason},
        {"at", std::chrono::duration_cast<std::chrono::milliseconds>(lost.since.time_since_epoch()).count()}};
    if (lost.user_connections) {
        entry["left"] = *lost.user_connections;
    }
    return boost::json::serialize(entry);
}

}  // namespace

/// The combined answers of the shards to one registration.
struct sharded_registry::answers {
    registry::counted done;
    core::enroll_result result = nothing_yet;
    unsigned missing = 0;
    unsigned user_at = 0;  ///< the shard that counts the user's connections
    bool down = false;

    void add(unsigned number, const std::optional<core::enroll_result>& r) {
        down = down || !r;
        if (r) {
            result.mailbox += r->mailbox;
            result.user_connections = number == user_at ? r->user_connections : result.user_connections;
            result.outcome = r->outcome == core::enroll_outcome::refused ? r->outcome : result.outcome;
        }
        if (--missing == 0) {
            done(down ? std::nullopt : std::optional(result));
        }
    }
};

template <class F>
void sharded_registry::for_each(std::uint64_t shards, const F& f) const {
    for (const auto& s : shards_) {
        if ((shards >> s->number() & 1U) != 0) {
            f(*s);
        }
    }
}

void sharded_registry::announce(const core::registration& r, registry::counted done) {
    auto& at = of_name('c' + r.connection);
    if (any_.several()) {
        homes_[r.connection].shards |= 1ULL << at.number();
    }
    at.registry().announce(r, std::move(done));
}

/// Registers first in the shard that counts the user's connections, because that shard may refuse the connection.
void sharded_registry::enroll(const core::registration& r, registry::counted done) {
    if (!any_.several()) {
        shards_.front()->registry().enroll(r, std::move(done));
        return;
    }
    home& at = homes_[r.connection];
    at.shards |= needs(r);
    at.user = r.user;
    const auto all = std::make_shared<answers>();
    all->user_at = shard_of('u' + r.user, any_);
    const auto shards = at.shards;
    if (r.user.empty() || config_.connections_per_user == 0) {
        all->done = std::move(done);
        enroll_in(shards, r, all);
        return;
    }
    const auto user_at = 1ULL << all->user_at;
    all->done = [this, r, user_at, shards, done = std::move(done)](std::optional<core::enroll_result> first_said) {
        if (first_said && first_said->outcome == core::enroll_outcome::refused) {
            done(first_said);
            return;
        }
        const auto others = std::make_shared<answers>();
        others->user_at = shards_at_most;  // known
        others->down = !first_said;
        others->result = first_said.value_or(others->result);
        others->done = done;
        enroll_in(shards & ~user_at, r, others);
    };
    enroll_in(user_at, r, all);
}

void sharded_registry::enroll_in(std::uint64_t shards, const core::registration& r, const std::shared_ptr<answers>& all) {
    all->missing = 1;
    for_each(shards, [&](shard& s) {
        ++all->missing;
        s.registry().enroll(part(r, s.number()),
                            [all, n = s.number()](std::optional<core::enroll_result> said) { all->add(n, said); });
    });
    all->add(shards_at_most, nothing_yet);
}

/// Until all instances look names up in their own shards, the first shard gets complete registrations.
bool sharded_registry::is_whole_in_first() const {
    return shards_.front()->registry().grows(until_all_divide);
}

std::uint64_t sharded_registry::needs(const core::registration& r) const {
    return shards_of(r, any_.count) | (is_whole_in_first() ? 1U : 0U);
}

core::registration sharded_registry::part(const core::registration& r, unsigned number) const {
    return number == 0 && is_whole_in_first() ? r : part_of(r, {number, any_.count});
}

std::vector<core::registration> sharded_registry::part_for(unsigned number, std::vector<core::registration> all) const {
    if (any_.several()) {
        std::erase_if(all, [&](const auto& r) { return (needs(r) >> number & 1U) == 0; });
        for (auto& r : all) {
            r = part(r, number);
        }
    }
    return all;
}

void sharded_registry::retire(const core::registration& last, registry::retired done) {
    if (!any_.several()) {
        shards_.front()->registry().retire(last, std::move(done));
        return;
    }
    struct ends {
        registry::retired done;
        std::optional<std::uint32_t> left;
        unsigned missing = 1;
        void step() {
            if (--missing == 0) {
                done(left);
            }
        }
    };
    const auto all = std::make_shared<ends>();
    all->done = std::move(done);
    const auto found = homes_.find(last.connection);
    const home at = found == homes_.end() ? home{1ULL << of_name('c' + last.connection).number(), {}} : found->second;
    const unsigned user_at = shard_of('u' + at.user, any_);
    for_each(at.shards, [&](shard& s) {
        ++all->missing;
        s.registry().retire(part(last, s.number()), [all, counts = s.number() == user_at && !at.user.empty()](auto left) {
            all->left = counts ? left : all->left;
            all->step();
        });
    });
    all->step();
}

void sharded_registry::forget(const std::string& connection) {
    const auto found = homes_.extract(connection);
    const auto shards = found ? found.mapped().shards : 1ULL << of_name('c' + connection).number();
    for_each(shards, [&](shard& s) { s.registry().forget(connection); });
}

/// The shard of the connection's id holds its last will; the others forget it.
void sharded_registry::bequeath(const core::lost_connection& lost) {
    shard& holds = of_name('c' + lost.connection);
    holds.reaper().pause();
    if (const auto found = homes_.extract(lost.connection)) {
        for_each(found.mapped().shards & ~(1ULL << holds.number()), [&](shard& s) { s.registry().forget(lost.connection); });
    }
    holds.registry().bequeath(lost.connection, last_will_of(lost));
}

}  // namespace wsidecar::redis
