// Clients for tests/bench/overload.py. What it does is said on standard input, a line each; one JSON line answers each.
//
//   wsoverload hold --port P --redis-port R --connections N [--special S] [--rate R] [--heavy-rate R] [--heavy-bytes B]
//       opens N connections of users 0 to N-1, then:
//         measure SECONDS   pushes to the users behind the first S, paced, and its latencies, counted from when each was due;
//                           to the first S go pushes of B bytes at the heavy rate
//         mute              the first S read no more
//         status            how many connections have ended
//   wsoverload dial --port P --connections N [--rate R]
//       dials at that rate or (0) all at once, and says what the answers were, and when they came

#include <hiredis/hiredis.h>
#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/ws_pool.hpp"

namespace {

using bench::now_us;

struct settings {
    std::uint16_t port = 0;
    std::uint16_t redis_port = 6379;
    std::size_t connections = 1000;
    std::size_t special = 0;
    double rate = 1000;
    double heavy_rate = 0;
    std::size_t heavy_bytes = 16384;
};

settings parse(int argc, char** argv) {
    std::map<std::string, double> a;
    for (int i = 2; i + 1 < argc; i += 2) {
        a[argv[i]] = std::atof(argv[i + 1]);
    }
    settings s;
    const auto number = [&](const char* name, double otherwise) { return a.contains(name) ? a[name] : otherwise; };
    s.port = static_cast<std::uint16_t>(number("--port", 0));
    s.redis_port = static_cast<std::uint16_t>(number("--redis-port", 6379));
    s.connections = static_cast<std::size_t>(number("--connections", 1000));
    s.special = static_cast<std::size_t>(number("--special", 0));
    s.rate = number("--rate", 1000);
    s.heavy_rate = number("--heavy-rate", 0);
    s.heavy_bytes = static_cast<std::size_t>(number("--heavy-bytes", 16384));
    return s;
}

void say(const std::string& line) {
    std::cout << line << std::endl;
}

double quantile(std::vector<std::uint32_t>& of, double q) {
    if (of.empty()) {
        return 0;
    }
    const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(of.size() - 1));
    std::nth_element(of.begin(), of.begin() + at, of.end());
    return of[static_cast<std::size_t>(at)];
}

/// A line of standard input, if one is there; the pool goes on meanwhile.
bool next_line(std::string& line, bool& ended) {
    pollfd in{0, POLLIN, 0};
    if (::poll(&in, 1, 0) <= 0) {
        return false;
    }
    ended = !std::getline(std::cin, line);
    return !ended;
}

/// Pushes at an even pace, through Redis.
class pacer {
public:
    explicit pacer(std::uint16_t redis_port) : redis_(redisConnect("127.0.0.1", redis_port)) {
        if (!redis_ || redis_->err != 0) {
            std::cerr << "no redis\n";
            std::exit(1);
        }
    }
    void push(std::size_t user, std::uint64_t due, std::size_t bytes) {
        std::string m = "1 " + std::to_string(due) + ' ';
        m.append(bytes > m.size() ? bytes - m.size() : 0, '.');
        redisAppendCommand(redis_.get(), "PUBLISH wsidecar:user:%s %b", std::to_string(user).c_str(), m.data(), m.size());
        ++replies_;
    }
    void flush() {
        for (; replies_ > 0; --replies_) {
            void* reply = nullptr;
            if (redisGetReply(redis_.get(), &reply) != REDIS_OK) {
                std::cerr << "redis: " << redis_->errstr << '\n';
                std::exit(1);
            }
            freeReplyObject(reply);
        }
    }

private:
    struct free_redis {
        void operator()(redisContext* c) const { redisFree(c); }
    };
    std::unique_ptr<redisContext, free_redis> redis_;
    int replies_ = 0;
};

class holder {
public:
    explicit holder(settings s)
        : s_(s),
          pool_({.port = s.port, .connections = s.connections}, [this](std::size_t i, std::string_view m) { received(i, m); }) {
    }

    int go() {
        const bool all = pool_.open(120);
        say(R"({"opened":)" + std::to_string(pool_.opened()) + R"(,"failed":)" + std::to_string(pool_.failed()) + "}");
        std::string line;
        for (bool ended = !all; !ended;) {
            pool_.poll(20'000);
            if (next_line(line, ended)) {
                obey(line);
            }
        }
        return all ? 0 : 1;
    }

private:
    void obey(const std::string& line) {
        if (line.starts_with("measure ")) {
            measure(std::atof(line.c_str() + 8));
        } else if (line == "mute") {
            for (std::size_t i = 0; i < s_.special; ++i) {
                pool_.stop_reading(i);
            }
            say("{}");
        } else {
            say(R"({"closed":)" + std::to_string(pool_.closed()) + "}");
        }
    }

    void measure(double seconds) {
        if (!pushes_) {
            pushes_ = std::make_unique<pacer>(s_.redis_port);
        }
        latencies_.clear();
        sent_ = 0;
        const auto begin = static_cast<double>(now_us());
        const double end = begin + seconds * 1e6;
        double due = begin;
        double heavy_due = s_.heavy_rate > 0 ? begin : end;
        for (auto now = begin; now < end; now = static_cast<double>(now_us())) {
            for (; due < now; due += 1e6 / s_.rate, ++sent_) {
                pushes_->push(s_.special + turn_++ % (s_.connections - s_.special), static_cast<std::uint64_t>(due), 64);
            }
            for (; heavy_due < now; heavy_due += 1e6 / s_.heavy_rate) {
                pushes_->push(heavy_turn_++ % s_.special, static_cast<std::uint64_t>(heavy_due), s_.heavy_bytes);
            }
            pushes_->flush();
            pool_.poll(1'000);
        }
        for (const auto until = now_us() + 3'000'000; latencies_.size() < sent_ && now_us() < until;) {
            pool_.poll(5'000);
        }
        char out[256];
        std::snprintf(out, sizeof out, R"({"sent":%zu,"received":%zu,"p50_us":%.0f,"p99_us":%.0f,"max_us":%.0f,"closed":%zu})",
                      sent_, latencies_.size(), quantile(latencies_, 0.5), quantile(latencies_, 0.99),
                      quantile(latencies_, 1.0), pool_.closed());
        say(out);
    }

    void received(std::size_t i, std::string_view m) {
        if (i < s_.special || !m.starts_with("1 ")) {
            return;
        }
        const std::string text(m.substr(2, 24));
        latencies_.push_back(static_cast<std::uint32_t>(now_us() - std::strtoull(text.c_str(), nullptr, 10)));
    }

    settings s_;
    bench::ws_pool pool_;
    std::unique_ptr<pacer> pushes_;
    std::vector<std::uint32_t> latencies_;
    std::size_t sent_ = 0, turn_ = 0, heavy_turn_ = 0;
};

/// ws_pool tells of refused dials with the head of their answer.
int dial(const settings& s) {
    std::vector<std::uint64_t> begun(s.connections);
    std::vector<std::uint32_t> took;
    std::map<std::string, std::size_t> statuses;
    std::size_t told_when = 0;
    bench::ws_pool::options o{
        .port = s.port, .connections = s.connections, .opening_at_once = s.connections, .per_second = s.rate};
    o.path = "/ws/bench?user=d{i}";
    o.on_start = [&](std::size_t i) { begun[i] = now_us(); };
    o.on_refused = [&](std::size_t i, std::string_view head) {
        took.push_back(static_cast<std::uint32_t>(now_us() - begun[i]));
        ++statuses[head.size() >= 12 ? std::string(head.substr(9, 3)) : "none"];
        told_when += head.find("Retry-After: ") != std::string_view::npos ? 1 : 0;
    };
    bench::ws_pool pool(std::move(o), [](std::size_t, std::string_view) {});
    pool.open(20);
    std::string by_status;
    for (const auto& [status, n] : statuses) {
        by_status += (by_status.empty() ? "\"" : ",\"") + status + "\":" + std::to_string(n);
    }
    char out[256];
    std::snprintf(out, sizeof out, R"({"accepted":%zu,"retry_after":%zu,"p50_us":%.0f,"p99_us":%.0f,"max_us":%.0f,"refused":{)",
                  pool.opened(), told_when, quantile(took, 0.5), quantile(took, 0.99), quantile(took, 1.0));
    say(out + by_status + "}}");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string mode = argc > 1 ? argv[1] : "";
    const settings s = parse(argc, argv);
    if (s.port == 0 || (mode != "hold" && mode != "dial") || (mode == "hold" && s.special >= s.connections)) {
        std::cerr << "usage: wsoverload hold|dial --port P ...\n";
        return 2;
    }
    return mode == "dial" ? dial(s) : holder(s).go();
}
