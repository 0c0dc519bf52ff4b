#include "sidecar/app/application.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <stdexcept>

#include <unistd.h>

#include "proto/text/ids.hpp"
#include "sidecar/app/admin_server.hpp"
#include "sidecar/app/config_warnings.hpp"
#include "sidecar/app/console.hpp"
#include "sidecar/app/drain.hpp"
#include "sidecar/app/local_bus.hpp"
#include "sidecar/app/operator_api.hpp"
#include "sidecar/app/reload.hpp"
#include "sidecar/app/resources.hpp"
#include "sidecar/core/gateway.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/core/router.hpp"
#include "sidecar/net/app_client.hpp"
#include "sidecar/net/http_pass.hpp"
#include "sidecar/net/otlp_exporter.hpp"
#include "sidecar/net/relay.hpp"
#include "sidecar/net/server.hpp"
#include "sidecar/net/timers.hpp"
#include "sidecar/redis/bus.hpp"
#include "sidecar/redis/endpoint.hpp"
#include "sidecar/redis/link.hpp"
#include "sidecar/redis/link_news.hpp"

namespace wsidecar::app {
using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace {

constexpr auto tick = 1s;
/// A service that can hold fewer clients than this is not one.
constexpr std::uint32_t too_few_connections = 100;

std::string pod_name() {
    for (const char* variable : {"POD_NAME", "HOSTNAME"}) {
        if (const char* value = std::getenv(variable); value != nullptr && *value != '\0') {
            return value;
        }
    }
    char host[256] = "";
    return gethostname(host, sizeof host - 1) == 0 && *host != '\0' ? host : "wsidecar";
}

core::log::level level_of(const std::string& name) {
    return name == "debug"   ? core::log::level::debug
           : name == "warn"  ? core::log::level::warn
           : name == "error" ? core::log::level::error
                             : core::log::level::info;
}

void configure_log(const config::log& c) {
    const bool text = c.format == "text" || (c.format == "auto" && isatty(STDOUT_FILENO) != 0);
    core::log::configure(level_of(c.level), text ? core::log::format::text : core::log::format::json);
}

/// The routes of one reading of the configuration. Connections keep those that they were opened under, so a generation stays as
/// long as the process: a route is small, and changes are few.
class route_book {
public:
    explicit route_book(std::unique_ptr<const config::config> owned) : owned_(std::move(owned)), find_(*owned_) {}
    core::gateway::route_match operator()(std::string_view path) const { return find_(path); }
    const config::config& settings() const { return *owned_; }

private:
    std::unique_ptr<const config::config> owned_;
    core::router find_;
};

std::string text_of(const asio::ip::tcp::endpoint& e) {
    const auto host = e.address().to_string();
    return (e.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(e.port());
}

/// What can be done about an address that can't be listened on.
std::string cure_for(const boost::system::error_code& ec) {
    switch (ec.value()) {
        case EADDRINUSE: return ": another process listens there; end it, or set another address or port";
        case EADDRNOTAVAIL: return ": no interface of this machine has the address; 0.0.0.0 stands for all of them";
        case EACCES: return ": ports below 1024 need CAP_NET_BIND_SERVICE; set a higher one";
        case EAFNOSUPPORT: return ": this machine has no IPv6; set an IPv4 address";
        default: return "";
    }
}

/// A step of the start that listens somewhere: what goes wrong is told with the setting that says where.
template <class F>
void starting(const char* setting, const std::string& value, F step) {
    try {
        step();
    } catch (const boost::system::system_error& e) {
        throw std::runtime_error(std::string(setting) + " '" + value + "': " + e.code().message() + cure_for(e.code()));
    }
}

net::passing passing_to(net::http_pass* pass) {
    if (pass == nullptr) {
        return {};
    }
    return {[pass](net::handover h, bool read_only, auto again) { pass->request(std::move(h), read_only, std::move(again)); },
            [pass] { return pass->room(); }, [pass](net::handover h) { pass->tunnel(std::move(h)); }};
}

}  // namespace

struct application::parts {
    parts(config::config c, configuration_source source);

    int run();
    void start();
    void on_signal();
    std::string apply(std::unique_ptr<const config::config> fresh);
    void fit_to_resources();
    void on_tick();
    void watch_memory();
    void end(int code);

    /// In force: what all parts refer to; changed in place by a reload, but for its sources.
    config::config config;
    std::vector<std::unique_ptr<const route_book>> books;  ///< of the last are the routes in force
    std::string pod = pod_name();
    asio::io_context loop{1};
    core::metrics metrics;
    redis::link_news redis_news{loop};
    net::timers timers{loop};
    std::string instance = pod + "-" + proto::random_hex128().substr(0, 8);
    net::app_client app;
    std::unique_ptr<core::bus> bus;
    core::gateway gateway;
    net::otlp_exporter spans;
    std::optional<net::http_pass> pass;
    std::optional<net::relay> relay;
    net::server clients;
    drain leaving;
    operator_view view;
    console live;
    admin_server admin;
    asio::signal_set signals{loop, SIGTERM, SIGINT, SIGHUP};
    reload reloading;
    resources limits = probe_resources();
    core::timer_port::handle ticking;
    core::timer_port::clock::time_point ticked;
    core::timer_port::handle last_resort;
    bool told_to_end = false;
    bool short_of_memory = false;
    int exit_code = 0;

private:
    std::unique_ptr<core::bus> make_bus();
    net::http_pass* pass_or_null();
    net::relay* relay_or_null();
    core::gateway::find_route finder();
};

std::unique_ptr<core::bus> application::parts::make_bus() {
    if (config.redis.url == "none") {
        return std::make_unique<local_bus>(loop, config, metrics);
    }
    const auto connect = [this](const std::string& name, const std::string& prefix) {
        return std::make_unique<redis::link>(loop, redis::make_endpoint(config.redis, prefix), name, metrics, &redis_news);
    };
    return std::make_unique<redis::bus>(connect, config, metrics, timers, pod, instance);
}

net::http_pass* application::parts::pass_or_null() {
    if (config.http == "pass") {
        pass.emplace(loop, net::pass_options_of(config), metrics);
    }
    return pass ? &*pass : nullptr;
}

net::relay* application::parts::relay_or_null() {
    if (!config.relay.address.empty()) {
        relay.emplace(loop, gateway, timers, config.relay);
    }
    return relay ? &*relay : nullptr;
}

core::gateway::find_route application::parts::finder() {
    return [this](std::string_view path) { return (*books.back())(path); };
}

application::parts::parts(config::config c, configuration_source source)
    : config(std::move(c)),
      books([this] {
          std::vector<std::unique_ptr<const route_book>> first;
          first.push_back(std::make_unique<const route_book>(std::make_unique<const config::config>(config)));
          return first;
      }()),
      app(loop, net::app_options_of(config.app), [this] { return timers.wall(); }),
      bus(make_bus()),
      gateway(config, instance, metrics, app, *bus, timers, finder()),
      spans(loop, gateway.spans(), timers, metrics, instance),
      clients(loop, gateway, metrics, timers, config, finder(), passing_to(pass_or_null())),
      leaving(config.drain, clients, pass ? &*pass : nullptr, relay_or_null(), gateway, *bus, timers, metrics),
      view{config, gateway, *bus, metrics, timers, app, clients, pass ? &*pass : nullptr, leaving},
      live(view),
      admin(loop),
      reloading(std::move(source), config, metrics, timers, [this](auto fresh) { return apply(std::move(fresh)); }) {
    view.admin = &admin;
    configure_log(config.log);
    fit_to_resources();
    admin.set_access(config.admin.token, config.admin.loopback == "open");
}

void application::parts::fit_to_resources() {
    const affordable most = afford(config, limits);
    if (most.connections < too_few_connections && most.connections < config.max_connections) {
        core::log::error(
            "limits",
            "there is room for next to no clients: raise the limit of open files (ulimit -n, LimitNOFILE=, the container "
            "runtime's) or the memory limit",
            {{"clients", most.connections},
             {"descriptors", limits.descriptors},
             {"descriptors_at_least", limits.descriptors + too_few_connections - most.connections},
             {"memory", limits.memory.value_or(0)}});
    }
    if (most.connections < config.max_connections) {
        // Nobody has chosen the default: only a number that somebody did is worth a warning.
        const bool chosen = config.max_connections != config::config().max_connections;
        core::log::write(chosen ? core::log::level::warn : core::log::level::info, "limits",
                         "max_connections is lowered to what this process can hold",
                         {{"configured", config.max_connections},
                          {"in_force", most.connections},
                          {"descriptors", limits.descriptors},
                          {"memory", limits.memory.value_or(0)}});
        config.max_connections = most.connections;
    }
    if (config.http == "pass" && most.passed < config.pass.concurrency) {
        core::log::warn(
            "limits", "pass.concurrency is lowered to what this process can hold",
            {{"configured", config.pass.concurrency}, {"in_force", most.passed}, {"descriptors", limits.descriptors}});
        config.pass.concurrency = most.passed;
    }
    if (pass) {
        pass->configure(net::pass_options_of(config));
    }
    clients.limit({most.pending, most.pending_bytes, most.sockets});
}

void application::parts::start() {
    warn_of_variables();
    warn_of_oddities(config);
    core::bus_hooks hooks;
    hooks.pushes = &gateway;
    hooks.tell = [this](const std::string& path, std::string body, const std::string& id, std::function<void(bool)> done) {
        gateway.tell(path, std::move(body), id, std::move(done));
    };
    hooks.disconnect_on_behalf = [this](const core::lost_connection& lost, std::function<void(bool)> done) {
        gateway.disconnect_on_behalf(lost, std::move(done));
    };
    hooks.answer = [this](std::string_view question) { return live.answer(question); };
    hooks.renamed = [this](const std::string& name) { gateway.set_instance(name); };
    hooks.fatal = [this](const std::string& why) {
        core::log::error("registry", why, {{"instance", gateway.instance()}});
        end(2);
    };
    show_limits(config, metrics);
    metrics.prefix = config.prefix;
    metrics.info.at({WSIDECAR_VERSION, instance}) = 1;
    try {
        clients.configure(books.back()->settings());
    } catch (const std::runtime_error& e) {
        throw std::runtime_error(std::string("listen.tls: ") + e.what());
    }
    starting("listen.address", config.listen.address, [this] { clients.start(); });
    if (relay) {
        starting("relay.address", config.relay.address, [this] { relay->start(); });
    }
    admin.on_bound = [this](const char* bound) { metrics.hit(bound); };
    serve_operators(admin, view);
    live.serve(admin);
    starting("admin.address", config.admin.address, [this] { admin.start(config.admin.address); });
    spans.configure(config.tracing);
    bus->start(std::move(hooks));
    core::log::info("app", "listening",
                    {{"listen", text_of(clients.endpoint())},
                     {"admin", text_of(admin.endpoint())},
                     {"instance", instance},
                     {"version", WSIDECAR_VERSION}});
    app.probe([](bool) {});  // an app that is not there yet, or elsewhere, is told in the log before the first client comes
    on_signal();
    reloading.watch();
    ticked = timers.now();
    on_tick();
}

void application::parts::on_signal() {
    signals.async_wait([this](boost::system::error_code ec, int number) {
        if (ec) {
            return;
        }
        on_signal();
        if (number == SIGHUP) {
            reloading.now("SIGHUP");
            return;
        }
        core::log::info("app", number == SIGTERM ? "SIGTERM" : "SIGINT: drains, and ends then; a second one ends it at once");
        const bool again = std::exchange(told_to_end, true);
        if (leaving.at() != drain::stage::serving || again) {
            leaving.hurry();
            last_resort = timers.after(1800ms, [this] { end(0); });
        }
        if (!again) {
            leaving.begin([this] { spans.flush([this] { end(0); }); });
        }
    });
}

/// A new configuration comes into force: for connections, requests and pushes from now on.
std::string application::parts::apply(std::unique_ptr<const config::config> fresh) {
    auto book = std::make_unique<const route_book>(std::move(fresh));
    const config::config& next = book->settings();
    try {
        clients.configure(next);  // reads certificates, and changes nothing when one can't be used
    } catch (const std::exception& e) {
        return std::string("listen.tls: ") + e.what();
    }
    app.configure(net::app_options_of(next.app));
    if (pass) {
        pass->configure(net::pass_options_of(next));
    }
    books.push_back(std::move(book));
    // In place: the parts that were made with it look at it. Sources have not changed, and readers point into them.
    auto sources = std::move(config.sources);
    config = next;
    config.sources = std::move(sources);
    clients.reconfigured();
    fit_to_resources();
    show_limits(config, metrics);
    configure_log(config.log);
    warn_of_oddities(config);
    admin.set_access(config.admin.token, config.admin.loopback == "open");
    bus->configure(config.redis);
    gateway.reconfigured();
    spans.configure(config.tracing);
    return {};
}

void application::parts::on_tick() {
    const auto now = timers.now();
    const std::chrono::duration<double> late = now - ticked - (ticked == now ? 0ms : std::chrono::milliseconds(tick));
    metrics.loop_lag.value() = std::max(0.0, late.count());
    ticked = now;
    watch_memory();
    live.tick();
    ticking = timers.after(tick, [this] { on_tick(); });
}

void application::parts::watch_memory() {
    if (!limits.memory) {
        return;
    }
    const std::uint64_t used = resident_bytes();
    const std::uint64_t most = *limits.memory / 100 * config.limits.memory;
    metrics.limit.at({"memory_bytes"}) = static_cast<double>(most);
    const bool over = used > most;
    if (over != short_of_memory) {
        core::log::warn("limits",
                        over ? "short of memory: new upgrades get 503, the longest queues are closed"
                             : "memory is below limits.memory again",
                        {{"resident", used}, {"limit", most}});
    }
    if (over || short_of_memory) {
        clients.shed(over, over ? static_cast<std::size_t>(used - most) : 0);
    }
    short_of_memory = over;
}

void application::parts::end(int code) {
    exit_code = code;
    // From the loop's top: the caller may be inside one of the parts.
    asio::post(loop, [this] { loop.stop(); });
}

int application::parts::run() {
    try {
        start();
    } catch (const std::exception& e) {
        core::log::error("app", "cannot start", {{"error", e.what()}});
        return 1;
    }
    loop.run();
    clients.stop();
    if (relay) {
        relay->stop();
    }
    if (pass) {
        pass->stop();
    }
    app.stop();
    spans.stop();
    bus->stop();
    admin.stop();
    return exit_code;
}

application::application(config::config c, configuration_source source)
    : parts_(std::make_unique<parts>(std::move(c), std::move(source))) {}
application::~application() = default;
int application::run() {
    return parts_->run();
}

}  // namespace wsidecar::app
