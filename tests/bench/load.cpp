// The load generator: opens connections, makes work, counts what came back. One JSON line per phase on standard
// output: "opened", "measuring", "done"; a driver samples the server's CPU between the last two.
//
//   wsload --port P --mode idle|fanout|unicast|outbox|echo --connections N [--redis-port R] [--seconds S]
//          [--bytes B] [--window W] [--rate R] [--stomp same|distinct]
//
// --stomp: the clients speak STOMP and have two subscriptions each, whose ids are the same for all or differ.
//
// Every message carries a number; lost, repeated and out-of-order deliveries are counted per connection.

#include <hiredis/hiredis.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include "tests/bench/ws_pool.hpp"

namespace {

using bench::now_us;

struct settings {
    std::string mode = "idle";
    std::size_t connections = 1000;
    std::uint16_t port = 0;
    std::uint16_t redis_port = 6379;
    double seconds = 5;
    std::size_t bytes = 64;
    std::size_t window = 4;
    double rate = 0;  ///< per second; 0: as fast as the window allows
    std::string path = "/ws/bench?user={i}";
    std::string prefix = "wsidecar:";
    std::string stomp;  ///< empty: raw
    std::string channel = "all";
};

settings parse(int argc, char** argv) {
    std::map<std::string, std::string> a;
    for (int i = 1; i + 1 < argc; i += 2) {
        a[argv[i]] = argv[i + 1];
    }
    settings s;
    const auto number = [&](const char* name, double otherwise) {
        return a.contains(name) ? std::atof(a[name].c_str()) : otherwise;
    };
    if (a.contains("--mode")) {
        s.mode = a["--mode"];
    }
    if (a.contains("--path")) {
        s.path = a["--path"];
    }
    if (a.contains("--stomp")) {
        s.stomp = a["--stomp"];
        s.path = "/stomp?user={i}";
        s.channel = "destination:/topic/bench";
    }
    if (a.contains("--channel")) {
        s.channel = a["--channel"];
        s.prefix.clear();
    }
    s.connections = static_cast<std::size_t>(number("--connections", 1000));
    s.port = static_cast<std::uint16_t>(number("--port", 0));
    s.redis_port = static_cast<std::uint16_t>(number("--redis-port", 6379));
    s.seconds = number("--seconds", 5);
    s.bytes = static_cast<std::size_t>(number("--bytes", 64));
    s.window = static_cast<std::size_t>(number("--window", 4));
    s.rate = number("--rate", 0);
    return s;
}

/// What came back: per connection the last number seen, and the latencies.
struct ledger {
    std::vector<std::uint64_t> last;
    std::uint64_t received = 0, repeated = 0, reordered = 0, missing = 0;
    std::vector<std::uint32_t> latencies;

    void take(std::size_t connection, std::uint64_t number, std::uint64_t sent_us) {
        ++received;
        std::uint64_t& seen = last[connection];
        if (number == seen) {
            ++repeated;
        } else if (number < seen) {
            ++reordered;
        } else {
            missing += number - seen - 1;
            seen = number;
        }
        if (latencies.size() < 2'000'000) {
            latencies.push_back(static_cast<std::uint32_t>(now_us() - sent_us));
        }
    }
    double quantile(double q) {
        if (latencies.empty()) {
            return 0;
        }
        const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(latencies.size() - 1));
        std::nth_element(latencies.begin(), latencies.begin() + at, latencies.end());
        return latencies[static_cast<std::size_t>(at)];
    }
};

std::string message(std::uint64_t number, std::uint64_t sent_us, std::size_t bytes) {
    std::string m = std::to_string(number) + ' ' + std::to_string(sent_us) + ' ';
    if (m.size() < bytes) {
        m.append(bytes - m.size(), '.');
    }
    return m;
}

void say(const std::string& line) {
    std::cout << line << std::endl;
}

class run {
public:
    explicit run(settings s)
        : s_(std::move(s)),
          pool_({.port = s_.port, .path = s_.path, .connections = s_.connections},
                [this](std::size_t i, std::string_view m) { received(i, m); }) {
        book_.last.assign(s_.connections, 0);
    }

    int go() {
        const auto start = now_us();
        const bool all = pool_.open(120) && (s_.stomp.empty() || subscribe(120));
        const double took = static_cast<double>(now_us() - start) / 1e6;
        say(R"({"phase":"opened","opened":)" + std::to_string(pool_.opened()) + R"(,"failed":)" +
            std::to_string(pool_.failed()) + R"(,"seconds":)" + std::to_string(took) + "}");
        if (!all) {
            return 1;
        }
        if (s_.mode == "idle") {
            hold();
            return 0;
        }
        if (s_.mode != "echo") {
            redis_.reset(redisConnect("127.0.0.1", s_.redis_port));
            if (!redis_ || redis_->err != 0) {
                std::cerr << "no redis\n";
                return 1;
            }
        }
        work(1.0);  // warm-up
        settle();
        book_.latencies.clear();
        book_.received = 0;
        say(R"({"phase":"measuring"})");
        const auto begin = now_us();
        work(s_.seconds);
        settle();
        const double seconds = static_cast<double>(now_us() - begin) / 1e6;
        report(seconds);
        return faults() == 0 ? 0 : 1;
    }

private:
    struct free_redis {
        void operator()(redisContext* c) const { redisFree(c); }
    };

    /// CONNECT and two SUBSCRIBEs on every connection, until each has its receipt.
    bool subscribe(double seconds) {
        using namespace std::string_literals;
        for (std::size_t i = 0; i < s_.connections; ++i) {
            const std::string id = s_.stomp == "distinct" ? "sub-" + std::to_string(i) : "sub-0";
            pool_.send(i, "CONNECT\naccept-version:1.2\nhost:bench\nheart-beat:0,0\n\n\0"s);
            pool_.send(i, "SUBSCRIBE\nid:own\ndestination:/user/queue/bench\n\n\0"s);
            pool_.send(i, "SUBSCRIBE\nid:" + id + "\ndestination:/topic/bench\n" + (s_.stomp == "spring" ? "" : "receipt:r\n") + "\n\0"s);
            while (i - std::min(i, ready_) > 256) {
                pool_.poll(10);
            }
        }
        const auto end = now_us() + static_cast<std::uint64_t>(seconds * 1e6);
        while (ready_ < s_.connections && now_us() < end) {
            pool_.poll(20);
        }
        if (s_.stomp == "spring") {  // its simple broker has no receipts
            for (const auto until = now_us() + 2'000'000; now_us() < until;) {
                pool_.poll(20);
            }
        }
        return ready_ == s_.connections;
    }

    void hold() {
        // Ends when the driver closes standard input.
        pollfd_stdin();
    }

    void pollfd_stdin() {
        for (;;) {
            pool_.poll(200);
            fd_set in;
            FD_ZERO(&in);
            FD_SET(0, &in);
            timeval none{};
            if (select(1, &in, nullptr, nullptr, &none) > 0) {
                return;
            }
        }
    }

    bool broadcast() const { return s_.mode == "fanout"; }

    void work(double seconds) {
        const auto end = now_us() + static_cast<std::uint64_t>(seconds * 1e6);
        auto due = static_cast<double>(now_us());
        while (now_us() < end) {
            bool sent = false;
            while (outstanding_ < s_.window && (s_.rate <= 0 || static_cast<double>(now_us()) >= due)) {
                // At a rate the clock runs from when it should have been sent.
                const auto when = s_.rate > 0 ? static_cast<std::uint64_t>(due) : now_us();
                publish(when);
                due += s_.rate > 0 ? 1e6 / s_.rate : 0;
                sent = true;
                if (now_us() >= end) {
                    break;
                }
            }
            if (sent && redis_) {
                flush_redis();
            }
            pool_.poll(s_.rate > 0 ? 1 : (outstanding_ >= s_.window ? 50 : 0));
        }
    }

    void publish(std::uint64_t when) {
        ++outstanding_;
        if (s_.mode == "echo") {
            const std::size_t i = next_++ % s_.connections;
            pool_.send(i, message(++numbers_[i], when, s_.bytes));
            return;
        }
        if (broadcast()) {
            ++number_;
            expected_ += s_.connections;
            append("PUBLISH " + s_.prefix + s_.channel + " %b", message(number_, when, s_.bytes));
            return;
        }
        ++expected_;
        const std::size_t i = next_++ % s_.connections;
        const std::string user = std::to_string(i);
        const std::string m = message(++numbers_[i], when, s_.bytes);
        if (s_.mode == "unicast") {
            append("PUBLISH " + s_.prefix + "user:" + user + " %b", m);
        } else {
            append("RPUSH " + s_.prefix + "outbox %b", R"({"to":{"user":")" + user + R"("},"text":")" + m + R"("})");
        }
    }

    void append(const std::string& format, const std::string& value) {
        redisAppendCommand(redis_.get(), format.c_str(), value.data(), value.size());
        ++replies_;
    }

    void flush_redis() {
        for (; replies_ > 0; --replies_) {
            void* reply = nullptr;
            if (redisGetReply(redis_.get(), &reply) != REDIS_OK) {
                std::cerr << "redis: " << redis_->errstr << '\n';
                std::exit(1);
            }
            freeReplyObject(reply);
        }
    }

    void received(std::size_t i, std::string_view m) {
        if (!s_.stomp.empty()) {
            const bool ready = m.starts_with(s_.stomp == "spring" ? "CONNECTED" : "RECEIPT");
            ready_ += ready ? 1 : 0;
            if (!m.starts_with("MESSAGE")) {
                return;
            }
            m.remove_prefix(m.find("\n\n") + 2);
        }
        const std::string text(m.substr(0, 48));
        char* rest = nullptr;
        const auto number = std::strtoull(text.c_str(), &rest, 10);
        const auto sent = std::strtoull(rest, nullptr, 10);
        if (number == 0 || sent == 0) {
            return;  // a greeting
        }
        book_.take(i, number, sent);
        ++total_;
        if (!broadcast()) {
            --outstanding_;
        } else if (++copies_[number] == s_.connections) {
            copies_.erase(number);
            --outstanding_;
        }
    }

    void settle() {
        const auto end = now_us() + 5'000'000;
        while (outstanding_ > 0 && now_us() < end) {
            pool_.poll(20);
        }
    }

    std::uint64_t faults() const { return book_.repeated + book_.reordered + book_.missing + lost() + pool_.closed(); }
    std::uint64_t lost() const { return s_.mode == "echo" ? outstanding_ : expected_ - std::min(expected_, total_); }

    void report(double seconds) {
        char line[512];
        std::snprintf(line, sizeof line,
                      R"({"phase":"done","received":%llu,"seconds":%.3f,"p50_us":%.0f,"p99_us":%.0f,"p999_us":%.0f,)"
                      R"("lost":%llu,"repeated":%llu,"reordered":%llu,"closed":%zu})",
                      static_cast<unsigned long long>(book_.received), seconds, book_.quantile(0.5), book_.quantile(0.99),
                      book_.quantile(0.999), static_cast<unsigned long long>(lost()),
                      static_cast<unsigned long long>(book_.repeated),
                      static_cast<unsigned long long>(book_.reordered + book_.missing), pool_.closed());
        say(line);
    }

    settings s_;
    ledger book_;
    bench::ws_pool pool_;
    std::unique_ptr<redisContext, free_redis> redis_;
    std::vector<std::uint64_t> numbers_ = std::vector<std::uint64_t>(s_.connections);
    std::map<std::uint64_t, std::size_t> copies_;
    std::size_t next_ = 0;
    std::size_t ready_ = 0;  ///< STOMP: has all its subscriptions
    std::size_t outstanding_ = 0;
    std::size_t replies_ = 0;
    std::uint64_t number_ = 0, expected_ = 0, total_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    const settings s = parse(argc, argv);
    if (s.port == 0) {
        std::cerr << "usage: wsload --port P --mode idle|fanout|unicast|outbox|echo --connections N ...\n";
        return 2;
    }
    return run(s).go();
}
