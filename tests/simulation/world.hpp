#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "tests/simulation/ledger.hpp"
#include "tests/simulation/lua_host.hpp"
#include "tests/simulation/people.hpp"
#include "tests/simulation/pod.hpp"
#include "tests/simulation/redis_model.hpp"
#include "tests/simulation/schedule.hpp"
#include "tests/simulation/sim_port.hpp"
#include "tests/simulation/sim_time.hpp"

namespace wsidecar::simulation {

struct world_options {
    config::config settings;
    bool no_info = false;
    bool trace = false;
};

/// One schedule's run: Redis, instances, clients, apps, and the time that they share.
class world {
public:
    world(lua_host& lua, const schedule& s, bool trace);
    ~world();

    /// Runs it to its end. What was broken is in book().violations.
    void run();
    ledger& book() { return book_; }
    /// A number that is the same whenever the same happened.
    std::uint64_t digest() const { return digest_; }

    // ------------------------------------------------------------- for those who live in it
    const world_options& options() const { return options_; }
    event_queue& queue() { return queue_; }
    dice& rng() { return rng_; }
    instant now() const { return queue_.now(); }
    /// Something that reaches an instance's process then, if it is still that process.
    void to_pod(pod& p, instant when, std::function<void()> what);
    redis_model* server_for(const pod& p, const std::string& link);
    bool reachable(const redis_model* r) const { return r == current_ ? !outage_ : knows(r); }
    bool knows(const redis_model* r) const;
    void run(redis_model& r, const redis_model::client_ptr& c, const words& w, const pod& p, const std::string& link);
    void kill(pod& p);
    core::app_answer app_takes(pod& p, const core::app_request& r, bool ignore);
    void app_answered(const pod& p, const core::app_request& r, const core::app_answer& a);
    void received(visit& v, const std::string& text);
    bool refuses(std::uint32_t push);
    std::optional<std::uint32_t> number_of(const std::string& text) const;
    void hung_up(device& d, const std::shared_ptr<socket>& s);
    void add(const std::shared_ptr<visit>& v) { book_.visits.push_back(v); }
    /// When what is registered at `t` by this instance is in Redis for certain.
    instant well_from(instant t, const pod& p) const;
    /// The last moment up to `t` when this pod and its Redis were well.
    instant well_until(instant t, const pod& p) const;
    void note(const char* what, const pod& p, const std::string& more = {});
    void note(const std::string& what);
    void broken(const std::string& kind, const std::string& what);
    std::uint32_t wish_of(const std::string& connection, const std::string& target, const std::string& event);

private:
    instant outside_troubles(instant t, const pod& p, instant (*way_out)(const std::pair<instant, instant>&)) const;
    // world_acts.cpp
    void perform(const action& a);
    void push_by_list(const action& a, bool source);
    void push_by_channel(const action& a);
    void push_to_destination(const action& a);
    void take_push(push p, const words& command);
    void client_act(const action& a);
    void tunnel(const action& a);
    void pod_act(const action& a);
    void link_act(const action& a);
    void redis_act(const action& a);
    void lose(std::size_t writes, const char* how);
    void drop_all_links();
    void end_outage();
    void step_clock(std::int64_t by);
    void trouble(instant length);
    void pod_trouble(const pod& p, instant length);
    void forget_troubled();
    pod* living(std::uint32_t n);
    device* connected(std::uint32_t n);
    void heal();

    // world_extras.cpp
    stream_id routed_in_stream();
    reply change_stream(const words& command);
    void push_by_stream(const action& a);
    void trim_stream(const action& a);
    void newcomer(const action& a);

    // world.cpp
    void pass(instant until);
    void dial(device& d);
    void people_come();

    friend class checker;

    lua_host& lua_;
    schedule schedule_;
    world_options options_;
    event_queue queue_;
    dice rng_;
    dice wishes_;  ///< who asks for how much of a history
    ledger book_;
    std::vector<std::unique_ptr<redis_model>> servers_;
    redis_model* current_ = nullptr;
    bool outage_ = false;
    instant set_back_ = 0;        ///< Redis' clock, in all
    std::function<void()> back_;  ///< what ends the outage
    std::vector<std::unique_ptr<device>> devices_;
    std::size_t newcomers_ = 0;  ///< the first of those who come later
    std::vector<std::unique_ptr<pod>> pods_;
    std::uint64_t digest_ = 1469598103934665603ULL;
    bool healed_ = false;
};

/// The promises. Each is looked at when everything is quiet.
class checker {
public:
    explicit checker(world& w) : w_(w), book_(w.book_) {}
    void when_delivered();  ///< everybody is connected and everything has had its time
    void when_all_have_left();
    void when_histories_have_ended();
    void when_all_instances_have_left();

private:
    void settle_certainty();
    void deliveries();
    void deliveries_of(const push& p);
    void one_target(const push& p, char kind, const std::string& name);
    void members(const push& p);
    void absent(const push& p);
    void strangers();
    void repeats();
    void order();
    void receipts();
    void callbacks();
    void registry();
    void rejected();
    // checker_extras.cpp
    void stream();
    void histories();
    void history_of(const visit& v, const std::string& target);
    void history_in_order(const visit& v, const std::string& target);
    void kept_histories();
    double counted(const core::family& (*which)(const core::metrics&), std::initializer_list<std::string_view> reasons) const;
    const kept_name* rule_of(const std::string& target) const;
    bool is_first(const visit& v) const;
    void event_sources();
    bool meant(const push& p, const visit& v) const;
    bool had(const push& p, char kind, const std::string& name) const;
    static bool belonged(const push& p, const visit& v);
    static bool belongs_by_itself(const push& p, const visit& v);
    bool always_there(char kind, const std::string& name, instant from, const push* of_crowd = nullptr) const;
    std::vector<const visit*> of(char kind, const std::string& name) const;
    bool data_lost_in(instant from, instant to) const;
    bool was_routed(instant pushed, instant joined) const;
    instant taken_for_gone(instant end, char kind, const std::string& name) const;
    bool forgotten_until(instant end, char kind, const std::string& name) const;
    void fail(const std::string& kind, const push& p, const std::string& why);

    void read_receipts();

    struct ends {
        std::map<std::string, int> by_target;  ///< final receipts
        bool delivered = false;
        bool not_come = false;  ///< somebody who was away, as it says
    };
    world& w_;
    ledger& book_;
    std::map<std::uint32_t, ends> ends_;
    std::map<std::uint32_t, std::string> said_;  ///< all receipts, for people
};

}  // namespace wsidecar::simulation
