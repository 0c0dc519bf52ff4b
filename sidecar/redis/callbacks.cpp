#include "sidecar/redis/callbacks.hpp"

#include <algorithm>
#include <map>

#include "proto/json/json_pointer.hpp"
#include "proto/text/sha1.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr auto interval = 200ms;
constexpr auto pause = 2s;
constexpr auto at_once = "100";

}  // namespace

callbacks::callbacks(command_port& commands, const config::config& c, keys k, core::timer_port& timers)
    : queue_(commands, std::move(k), "callbacks"),
      timers_(timers),
      wanted_(std::any_of(c.sources.begin(), c.sources.end(), [](const auto& s) { return !s.delivered.post.empty(); })) {}

void callbacks::start(const std::string& instance, tell t, std::function<bool()> on_duty) {
    on_duty_ = std::move(on_duty);
    queue_.start(instance);
    tell_ = std::move(t);
    if (wanted_) {
        look();
    }
}

void callbacks::look() {
    timer_ = timers_.after(interval, [this] { look(); });
    if (on_duty_()) {
        take();
    }
}

void callbacks::take() {
    if (wanted_ && timer_ && timers_.now() >= hold_) {
        queue_.take(at_once, [this](const auto& taken) { on_taken(taken); });
    }
}

void callbacks::on_taken(const std::vector<std::string>& taken) {
    struct batch {
        std::string ids;
        std::vector<std::string> entries;
    };
    std::map<std::string, batch> by_path;
    for (const auto& entry : taken) {
        const auto post = proto::find_pointer(entry, "/post");
        const auto path = post ? proto::scalar_text(*post) : std::nullopt;
        const auto ids = proto::find_pointer(entry, "/ids");
        auto& b = by_path[path.value_or("")];
        if (path && ids && ids->size() > 2) {
            b.ids.append(b.ids.empty() ? "" : ",").append(ids->substr(1, ids->size() - 2));
        }
        b.entries.push_back(entry);
    }
    for (const auto& [path, b] : by_path) {
        send(path, '[' + b.ids + ']', b.entries);
    }
}

void callbacks::send(const std::string& path, const std::string& body, const std::vector<std::string>& entries) {
    const auto done = [this, entries](bool taken) {
        if (!taken) {
            hold_ = timers_.now() + pause;
        }
        queue_.done(entries, taken);
    };
    if (path.empty()) {
        done(true);  // not written by an instance
    } else {
        tell_(path, body, proto::sha1_hex(path + body), done);
    }
}

}  // namespace wsidecar::redis
