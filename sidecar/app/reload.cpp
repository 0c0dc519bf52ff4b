#include "sidecar/app/reload.hpp"

#include <sys/stat.h>

#include <utility>

#include "config/settings.hpp"
#include "sidecar/core/log.hpp"

namespace wsidecar::app {
using namespace std::chrono_literals;
namespace {

constexpr auto look_every = 10s;

/// Keys that a running process can't change get back what they had. Their names.
std::vector<std::string> keep_what_needs_a_restart(config::config& fresh, const config::config& old) {
    std::vector<std::string> kept;
    for (const auto& s : config::settings()) {
        if (!s.live && s.get(fresh) != s.get(old)) {
            (void)s.set(fresh, s.get(old));
            kept.push_back(s.key);
        }
    }
    return kept;
}

}  // namespace

reload::reload(configuration_source source, const config::config& now, core::metrics& m, core::timer_port& timers, apply f)
    : source_(std::move(source)), current_(now), metrics_(m), timers_(timers), apply_(std::move(f)) {}

void reload::watch() {
    if (!source_.load) {
        return;
    }
    if (seen_.empty()) {
        seen_ = look();
    } else if (look() != seen_) {
        now("a file has changed");
    }
    timer_ = timers_.after(look_every, [this] { watch(); });
}

std::vector<std::string> reload::files() const {
    std::vector<std::string> out{source_.file,
                                 current_.redis.password_file,
                                 current_.redis.sentinel.password_file,
                                 current_.app.signing_secret_file,
                                 current_.admin.token_file,
                                 current_.listen.tls.cert,
                                 current_.listen.tls.key,
                                 current_.listen.tls.client_ca,
                                 current_.push.secret_file,
                                 current_.redis.tls.ca,
                                 current_.redis.tls.cert,
                                 current_.redis.tls.key};
    for (const auto& r : current_.routes) {
        out.insert(out.end(), {r.jwt.jwks_file, r.jwt.secret_file});
    }
    return out;
}

/// What tells a changed file: a ConfigMap's is another one behind a symlink, an editor's has another time.
std::string reload::look() const {
    std::string out;
    for (const auto& f : files()) {
        struct stat s {};
        if (!f.empty() && stat(f.c_str(), &s) == 0) {
            out.append(std::to_string(s.st_dev)).append(":").append(std::to_string(s.st_ino)).append(":");
            out.append(std::to_string(s.st_size)).append(":").append(std::to_string(s.st_mtim.tv_sec)).append(".");
            out.append(std::to_string(s.st_mtim.tv_nsec));
        }
        out += ' ';
    }
    return out;
}

void reload::now(const char* why) {
    if (!source_.load) {
        return;
    }
    seen_ = look();
    const auto refuse = [this](const std::string& what) {
        core::log::error("reload", "the configuration stays as it was", {{"problem", what}});
    };
    config::loaded read = source_.load();
    if (!read.complaints.empty()) {
        for (const auto& c : read.complaints) {
            refuse(c.text());
        }
        metrics_.reloads.at({"refused"}) += 1;
        return;
    }
    const auto changes = config::diff(current_, read.values);
    const auto kept = keep_what_needs_a_restart(read.values, current_);
    read.values.sources = current_.sources;
    read.values.history = current_.history;
    // Applied even when no key has changed: the file may be a certificate.
    if (const auto problem = apply_(std::make_unique<const config::config>(read.values)); !problem.empty()) {
        refuse(problem);
        metrics_.reloads.at({"refused"}) += 1;
        return;
    }
    current_ = std::move(read.values);
    seen_ = look();
    metrics_.reloads.at({"done"}) += 1;
    core::log::info("reload", "the configuration was read again", {{"why", why}, {"changes", changes.size()}});
    for (const auto& c : changes) {
        if (c.live) {
            core::log::info("reload", "changed", {{"key", c.key}, {"from", c.from}, {"to", c.to}});
        } else {
            core::log::warn("reload", "changed in the file, and takes a restart",
                            {{"key", c.key}, {"from", c.from}, {"to", c.to}});
        }
    }
}

}  // namespace wsidecar::app
