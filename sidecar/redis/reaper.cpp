#include "sidecar/redis/reaper.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "proto/rfc3339.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace json = boost::json;
namespace {

constexpr auto interval = 500ms;
constexpr auto seen_apart = 2s;
constexpr auto batch = "500";
constexpr auto lost_batch = "100";

std::string member(const json::object& o, const char* name) {
    const auto* v = o.if_contains(name);
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

std::optional<core::lost_connection> decode_lost(std::string_view entry) {
    boost::system::error_code ec;
    const auto v = json::parse({entry.data(), entry.size()}, ec);
    if (ec || !v.is_object()) {
        return std::nullopt;
    }
    const auto& o = v.get_object();
    core::lost_connection out;
    out.connection = member(o, "connection");
    out.instance = member(o, "instance");
    out.user = member(o, "user");
    out.path = member(o, "path");
    out.state = member(o, "state");
    if (const auto* left = o.if_contains("left"); left != nullptr && left->is_number()) {
        out.user_connections = static_cast<std::uint32_t>(left->to_number<double>());
    }
    return out.connection.empty() ? std::nullopt : std::optional(out);
}

}  // namespace

reaper::reaper(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers)
    : link_(commands), config_(c), keys_(std::move(k)), metrics_(m), timers_(timers) {}

void reaper::start(const std::string& instance, std::function<core::timer_port::clock::time_point()> steady, speak s) {
    instance_ = instance;
    steady_ = std::move(steady);
    speak_ = std::move(s);
    look();
}

void reaper::look() {
    timer_ = timers_.after(interval, [this] { look(); });
    if (!link_.up()) {
        suspects_.clear();
        return;
    }
    take_lost();
    const auto since = std::max(link_.well_since(), steady_());
    // max(): it answered late or refused this instance's own beat, or is not well.
    if (since == std::chrono::steady_clock::time_point::max() || timers_.now() - since < config_.lease + seen_apart) {
        suspects_.clear();
        return;
    }
    scripts::suspects.run(link_, keys_("instances"), {keys_.prefix, std::to_string(config_.lease.count())},
                          [this](proto::reply_view r) { on_suspects(r); });
}

void reaper::on_suspects(proto::reply_view r) {
    if (leaving_ || !r.is_array()) {
        suspects_.clear();
        return;
    }
    std::map<std::string, core::timer_port::clock::time_point> still;
    for (std::size_t i = 0; i < r.size(); ++i) {
        const std::string name(r[i].text());
        if (name == instance_) {
            continue;
        }
        const auto it = suspects_.find(name);
        const auto since = it == suspects_.end() ? timers_.now() : it->second;
        still.emplace(name, since);
        if (timers_.now() - since >= seen_apart - 100ms && !evacuating_.contains(name)) {
            bury(name);
        }
    }
    suspects_ = std::move(still);
}

void reaper::bury(const std::string& instance) {
    evacuating_.insert(instance);
    scripts::bury.run(link_, keys_("dead:", instance), {keys_.prefix, std::to_string(config_.lease.count()), instance},
                      [this, instance](proto::reply_view r) {
                          if (r.integer() != 1) {
                              evacuating_.erase(instance);
                              return;
                          }
                          metrics_.reaped.value() += 1;
                          core::log::warn("reaper", "an instance died: its connections are gone, its pushes are routed again",
                                          {{"dead", instance}});
                          evacuate(instance, [this, instance](bool) {
                              evacuating_.erase(instance);
                              suspects_.erase(instance);
                          });
                      });
}

void reaper::evacuate(const std::string& instance, std::function<void(bool)> done) {
    scripts::evacuate.run(link_, keys_("conns:", instance),
                          {keys_.prefix, instance, keys_.outbox_key, batch, std::to_string(config_.outbox.grace.count()),
                           proto::format_rfc3339(timers_.wall())},
                          [this, instance, done = std::move(done)](proto::reply_view r) mutable {
                              if (!r.is_array()) {
                                  if (r.is_error()) {
                                      core::log::error("reaper", "Redis refuses a takeover", {{"error", r.text()}});
                                  }
                                  done(false);
                              } else if (r[0].integer() > 0) {
                                  evacuate(instance, std::move(done));
                              } else {
                                  done(true);
                              }
                          });
}

void reaper::evacuate_self(std::function<void()> done) {
    if (!link_.up()) {
        done();
        return;
    }
    evacuate(instance_, [done = std::move(done)](bool) { done(); });
}

// ------------------------------------------------------------------------------------- disconnect events owed

void reaper::take_lost() {
    if (leaving_ || speaking_ > 0 || timers_.now() < hold_) {
        return;
    }
    scripts::take_owed.run(link_, keys_("lost"), {keys_.prefix, instance_, "lost", lost_batch}, [this](proto::reply_view r) {
        for (std::size_t i = 0; i < r.size(); ++i) {
            speak_for(std::string(r[i].text()));
        }
    });
}

void reaper::speak_for(const std::string& entry) {
    const auto lost = decode_lost(entry);
    if (!lost) {
        scripts::owed_done.run(link_, keys_("lost"), {keys_.prefix, instance_, "lost", "1", entry});
        return;
    }
    ++speaking_;
    speak_(*lost, [this, entry](bool taken) {
        --speaking_;
        if (!taken) {
            hold_ = timers_.now() + 2s;  // another instance's app may do better
        }
        scripts::owed_done.run(link_, keys_("lost"), {keys_.prefix, instance_, "lost", taken ? "1" : "0", entry});
        if (taken && speaking_ == 0 && link_.up()) {
            take_lost();
        }
    });
}

}  // namespace wsidecar::redis
