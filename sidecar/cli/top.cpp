#include "sidecar/cli/top.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <thread>

#include "sidecar/cli/admin_client.hpp"
#include "sidecar/cli/printable.hpp"

namespace wsidecar::cli {
namespace po = boost::program_options;
namespace json = boost::json;
namespace {

constexpr std::size_t closes_shown = 8;
constexpr std::size_t pushes_shown = 8;

/// A member, however deep: "queues.unconfirmed". Null where there is none.
json::value member(const json::value& v, std::string_view path) {
    boost::system::error_code ec;
    std::string pointer;
    for (const char c : path) {
        pointer += c == '.' ? '/' : c;
    }
    const auto* found = v.find_pointer("/" + pointer, ec);
    return found == nullptr ? json::value() : *found;
}
double number(const json::value& v, std::string_view path) {
    const auto found = member(v, path);
    return found.is_number() ? found.to_number<double>() : 0;
}
std::string word(const json::value& v, std::string_view path) {
    const auto found = member(v, path);
    return found.is_string() ? printable(std::string_view(found.get_string())) : std::string();
}
json::array list(const json::value& v, std::string_view path) {
    const auto found = member(v, path);
    return found.is_array() ? found.get_array() : json::array();
}

std::string formatted(const char* format, double n) {
    char text[64];
    std::snprintf(text, sizeof text, format, n);
    return text;
}
std::string digits(double n) {
    std::string out = formatted("%.0f", n);
    for (auto at = static_cast<std::ptrdiff_t>(out.size()) - 3; at > (out[0] == '-' ? 1 : 0); at -= 3) {
        out.insert(static_cast<std::size_t>(at), 1, ',');
    }
    return out;
}
std::string rate(double n) {
    return n < 10 ? formatted("%.1f", n) : digits(n);
}
std::string bytes(double n) {
    for (const char* unit : {" B", " KiB", " MiB"}) {
        if (n < 1024) {
            return formatted(n < 10 && unit[1] != 'B' ? "%.1f" : "%.0f", n) + unit;
        }
        n /= 1024;
    }
    return formatted("%.1f GiB", n);
}
std::string span(const json::value& v) {
    if (!v.is_number()) {
        return "-";
    }
    const double s = v.to_number<double>();
    return s < 1        ? formatted(s < 0.01 ? "%.1f ms" : "%.0f ms", s * 1000)
           : s < 120    ? formatted("%.1f s", s)
           : s < 7200   ? formatted("%.0f min", s / 60)
           : s < 172800 ? formatted("%.1f h", s / 3600)
                        : formatted("%.1f d", s / 86400);
}
/// "12:00:01" of an RFC 3339 time.
std::string clock(const std::string& time) {
    return time.size() >= 19 ? time.substr(11, 8) : time;
}

/// How many columns it takes: names need not be ASCII.
std::size_t width(std::string_view s) {
    return static_cast<std::size_t>(
        std::count_if(s.begin(), s.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}
std::string padded(std::string s, std::size_t to) {
    s.append(to - std::min(to, width(s)), ' ');
    return s + ' ';
}

struct page {
    std::string out;

    void pair(const std::string& name, const std::string& value, const std::string& more = {}) {
        out += "  " + padded(name, 22) + padded(value, 18) + more;
        end();
    }
    void title(const char* text) {
        end();
        out += text;
        end();
    }
    void end() {
        while (!out.empty() && out.back() == ' ') {
            out.pop_back();
        }
        out += '\n';
    }
};

void say_state(page& p, const json::value& s) {
    p.out += "wsidecar " + word(s, "instance") + "  version " + word(s, "version") + "  up " +
             span(member(s, "uptime_seconds")) + "  " + clock(word(s, "time"));
    p.end();
    const auto ready = member(s, "ready");
    const bool yes = ready.is_bool() && ready.get_bool();
    p.out += std::string(yes ? "ready" : "NOT READY") + "  app: " + word(s, "app") + "  redis: " + word(s, "redis") + "  " +
             word(s, "drain.state");
    p.end();
}

void say_work(page& p, const json::value& s) {
    const auto limits = list(s, "limits");
    const auto most =
        std::find_if(limits.begin(), limits.end(), [](const auto& l) { return word(l, "name") == "max_connections"; });
    p.title("NOW");
    p.pair("connections", digits(number(s, "connections.open")),
           most == limits.end() ? "" : "of " + digits(number(*most, "value")));
    p.pair("handshakes/s", rate(number(s, "rates.accepted")), rate(number(s, "rates.refused")) + " refused");
    p.pair("messages in/s", rate(number(s, "rates.messages_in")), rate(number(s, "rates.events")) + " events");
    p.pair("pushes/s", rate(number(s, "rates.pushes")), rate(number(s, "rates.delivered")) + " delivered");
    p.pair("event p50, p99", span(member(s, "latency.event.p50")), span(member(s, "latency.event.p99")));
    p.pair("push p50, p99", span(member(s, "latency.push.p50")), span(member(s, "latency.push.p99")));
    p.pair("bytes to clients", bytes(number(s, "queues.outbound_bytes")));
    p.pair("app: in flight", digits(number(s, "queues.app_in_flight")), digits(number(s, "queues.app_queued")) + " waiting");
    p.pair("unconfirmed pushes", digits(number(s, "queues.unconfirmed")));
    const auto routes = member(s, "queues.routes_outbox");
    const auto redis = word(s, "redis");
    if (redis == "none") {
        return;  // there is no outbox
    }
    if (redis != "ok") {
        p.pair("outbox", "unknown: Redis is not well");
    } else if (routes.is_bool() && routes.get_bool()) {
        p.pair("outbox", digits(number(s, "queues.outbox_length")),
               "head waits " + span(member(s, "queues.outbox_head_age_seconds")));
    } else {
        p.pair("outbox", "routed by another pod");
    }
}

void say_trouble(page& p, const json::value& s) {
    const auto limits = list(s, "limits");
    p.title("LIMITS IN USE, OR HIT");
    for (const auto& l : limits) {
        const bool used = member(l, "used").is_number();
        const auto name = word(l, "name");
        const bool sizes = name == "memory_bytes" || name == "limits.queue" || name == "limits.message";
        const auto amount = [&](double n) { return sizes ? bytes(n) : digits(n); };
        if (used || number(l, "hits") > 0) {
            p.pair(name, used ? amount(number(l, "used")) + " of " + amount(number(l, "value")) : amount(number(l, "value")),
                   number(l, "hits") > 0 ? digits(number(l, "hits")) + " hits" : "");
        }
    }
    const auto undelivered = list(s, "undelivered");
    if (!undelivered.empty()) {
        p.title("NOT DELIVERED");
        for (const auto& u : undelivered) {
            p.pair(word(u, "reason"), digits(number(u, "count")));
        }
    }
}

std::string target(const json::value& t) {
    const auto kind = word(t, "kind");
    const auto destination = word(t, "destination");
    return kind == "all" ? "everybody" : kind + " " + word(t, "name") + (destination.empty() ? "" : " at " + destination);
}

void say_latest(page& p, const json::value& s) {
    auto closes = list(s, "closes");
    p.title("LATEST CLOSES");
    for (std::size_t i = 0; i < std::min(closes.size(), closes_shown); ++i) {
        const auto& c = closes[i];
        p.out += "  " + padded(clock(word(c, "time")), 8) + padded(digits(number(c, "code")), 5) +
                 padded(word(c, "cause"), 16) + padded(word(c, "user"), 20) + word(c, "reason");
        p.end();
    }
    const auto pushes = list(s, "pushes");
    p.title("LATEST PUSHES");
    for (std::size_t i = 0; i < std::min(pushes.size(), pushes_shown); ++i) {
        const auto& x = pushes[i];
        const auto to = list(x, "to");
        p.out += "  " + padded(clock(word(x, "time")), 8) + padded(word(x, "outcome"), 13) + padded(word(x, "reason"), 16) +
                 padded(to.empty() ? "" : target(to.front()) + (to.size() > 1 ? ", ..." : ""), 26) + word(x, "id");
        p.end();
    }
}

}  // namespace

std::string top_text(std::string_view body) {
    boost::system::error_code ec;
    const auto s = json::parse(body, ec);
    if (ec || !s.is_object() || !s.get_object().contains("instance")) {
        return {};
    }
    page p;
    say_state(p, s);
    say_work(p, s);
    say_trouble(p, s);
    say_latest(p, s);
    return p.out;
}

po::options_description top_options() {
    po::options_description out("Top");
    out.add_options()("once", "print it once and exit")(
        "interval", po::value<double>()->value_name("SECONDS")->default_value(1), "time between two updates");
    return out;
}

int top(const po::variables_map& given, const config::config& c) {
    const bool once = given.count("once") != 0;
    const bool terminal = isatty(STDOUT_FILENO) != 0 && !once;
    const double interval = given["interval"].as<double>();
    if (!(interval >= 0.1 && interval <= 3600)) {
        std::cerr << "wsidecar top: --interval is 0.1 to 3600 seconds\n";
        return 2;
    }
    while (std::cout) {
        const auto reply = call_admin(c.admin.address, "GET", "/console/snapshot", "", c.admin.token);
        auto text = reply.status == 200 ? top_text(reply.body) : std::string();
        if (text.empty()) {
            text = "wsidecar top: " + printable(reply.body) + "\n";
            if (once) {
                std::cerr << text;
                return 1;
            }
        }
        // Home, and what was there before is erased line by line: no flicker.
        if (terminal) {
            std::string lines = "\x1b[H";
            for (const char ch : text) {
                lines += ch == '\n' ? std::string("\x1b[K\n") : std::string(1, ch);
            }
            text = lines + "\x1b[J";
        } else if (!once) {
            text += '\n';
        }
        std::cout << text << std::flush;
        if (once) {
            return 0;
        }
        std::this_thread::sleep_for(std::chrono::duration<double>(interval));
    }
    return 1;
}

}  // namespace wsidecar::cli
