// The load generator: opens connections, makes work, counts what came back. One JSON line per phase on standard
// output: "opened", "measuring", "done"; a driver samples the server's CPU between the last two.
//
//   wsload --port P --mode idle|fanout|unicast|outbox|echo --connections N [--redis-port R] [--seconds S]
//          [--bytes B] [--window W] [--rate R] [--pause S] [--warm-up S] [--opening N] [--redials N] [--path P] [--stomp same|distinct]
//          [--door http|pushpin --door-port D]
//
// --door: how pushes get in; Redis otherwise (outbox: its list). --rate: paced, and latencies run from when a message
// should have been sent, so a late publisher counts as well.
// --stomp: the clients speak STOMP and have two subscriptions each, whose ids are the same for all or differ.
//
// Every message carries a number; lost, repeated and out-of-order deliveries are counted per connection.

#include <sys/select.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include "tests/bench/doors.hpp"
#include "tests/bench/ledger.hpp"
#include "tests/bench/ws_pool.hpp"

namespace {

using bench::now_us;

constexpr double opening_seconds = 300;  // Pushpin opens 350 a second

struct settings {
    std::string mode = "idle";
    std::size_t connections = 1000;
    std::uint16_t port = 0;
    double seconds = 5;
    double warm_up = 1;
    double pause = 0;  ///< seconds between the last handshake and the first message
    std::size_t redials = 0;
    std::size_t opening = 256;  ///< handshakes at once
    std::size_t bytes = 64;
    std::size_t window = 4;
    double rate = 0;  ///< per second; 0: as fast as the window allows
    std::string path = "/ws/bench?user={i}";
    std::string stomp;  ///< empty: raw
    bench::door::options door;
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
    if (a.contains("--stomp")) {
        s.stomp = a["--stomp"];
        s.path = "/stomp?user={i}";
        s.door.all = "destination:/topic/bench";
    }
    if (a.contains("--path")) {
        s.path = a["--path"];
    }
    if (a.contains("--channel")) {
        s.door.all = a["--channel"];
        s.door.prefix.clear();
    }
    if (a.contains("--door")) {
        s.door.kind = a["--door"];
    } else if (s.mode == "outbox") {
        s.door.kind = "list";
    }
    s.connections = static_cast<std::size_t>(number("--connections", 1000));
    s.port = static_cast<std::uint16_t>(number("--port", 0));
    s.door.port = static_cast<std::uint16_t>(number("--door-port", number("--redis-port", 6379)));
    s.seconds = number("--seconds", 5);
    s.warm_up = number("--warm-up", 1);
    s.pause = number("--pause", 0);
    s.redials = static_cast<std::size_t>(number("--redials", 0));
    s.opening = static_cast<std::size_t>(number("--opening", 256));
    s.bytes = static_cast<std::size_t>(number("--bytes", 64));
    s.window = static_cast<std::size_t>(number("--window", 4));
    s.rate = number("--rate", 0);
    return s;
}

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
          pool_({.port = s_.port,
                 .path = s_.path,
                 .connections = s_.connections,
                 .opening_at_once = s_.opening,
                 .redials = s_.redials},
                [this](std::size_t i, std::string_view m) { received(i, m); }) {
        book_.last.assign(s_.connections, 0);
    }

    int go() {
        const auto start = now_us();
        const bool all = pool_.open(opening_seconds) && (s_.stomp.empty() || subscribe(opening_seconds));
        const double took = static_cast<double>(now_us() - start) / 1e6;
        say(R"({"phase":"opened","opened":)" + std::to_string(pool_.opened()) + R"(,"failed":)" +
            std::to_string(pool_.failed()) + R"(,"redialled":)" + std::to_string(pool_.redialled()) + R"(,"seconds":)" +
            std::to_string(took) + "}");
        if (!all) {
            return 1;
        }
        if (s_.mode == "idle") {
            hold();
            return 0;
        }
        if (s_.mode != "echo") {
            door_ = bench::door::open(s_.door);
            if (!door_) {
                std::cerr << "no door for pushes\n";
                return 1;
            }
        }
        for (const auto until = now_us() + static_cast<std::uint64_t>(s_.pause * 1e6); now_us() < until;) {
            pool_.poll(20'000);
        }
        work(s_.warm_up);
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
    /// CONNECT and two SUBSCRIBEs on every connection, until each has its receipt.
    bool subscribe(double seconds) {
        using namespace std::string_literals;
        for (std::size_t i = 0; i < s_.connections; ++i) {
            const std::string id = s_.stomp == "distinct" ? "sub-" + std::to_string(i) : "sub-0";
            pool_.send(i, "CONNECT\naccept-version:1.2\nhost:bench\nheart-beat:0,0\n\n\0"s);
            pool_.send(i, "SUBSCRIBE\nid:own\ndestination:/user/queue/bench\n\n\0"s);
            pool_.send(i, "SUBSCRIBE\nid:" + id + "\ndestination:/topic/bench\n" + (s_.stomp == "spring" ? "" : "receipt:r\n") +
                              "\n\0"s);
            while (i - std::min(i, ready_) > 256) {
                pool_.poll(10'000);
            }
        }
        const auto end = now_us() + static_cast<std::uint64_t>(seconds * 1e6);
        while (ready_ < s_.connections && now_us() < end) {
            pool_.poll(20'000);
        }
        if (s_.stomp == "spring") {  // its simple broker has no receipts
            for (const auto until = now_us() + 2'000'000; now_us() < until;) {
                pool_.poll(20'000);
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
            pool_.poll(200'000);
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
            if (sent && door_) {
                door_->flush();
            }
            pool_.poll(patience(due));
        }
    }

    /// Microseconds that the clients may be waited for: until the next message is due.
    std::int64_t patience(double due) const {
        if (outstanding_ >= s_.window) {
            return 50'000;
        }
        return s_.rate > 0
                   ? std::clamp<std::int64_t>(static_cast<std::int64_t>(due) - static_cast<std::int64_t>(now_us()), 0, 50'000)
                   : 0;
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
            copies_.push_back(0);
            expected_ += s_.connections;
            door_->to_all(message(number_, when, s_.bytes));
            return;
        }
        ++expected_;
        const std::size_t i = next_++ % s_.connections;
        door_->to_user(i, message(++numbers_[i], when, s_.bytes));
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
        std::uint64_t number = 0, sent = 0;
        const auto first = std::from_chars(m.data(), m.data() + m.size(), number);
        if (first.ec != std::errc{} || first.ptr == m.data() + m.size() ||
            std::from_chars(first.ptr + 1, m.data() + m.size(), sent).ec != std::errc{}) {
            return;  // a greeting
        }
        book_.take(i, number, now_us() - sent);
        ++total_;
        if (!broadcast()) {
            --outstanding_;
        } else {
            whole(number);
        }
    }

    /// One more copy of a message for all; it is done when everybody has it.
    void whole(std::uint64_t number) {
        if (number >= first_) {
            ++copies_[number - first_];
        }
        for (; !copies_.empty() && copies_.front() >= s_.connections; ++first_) {
            copies_.pop_front();
            --outstanding_;
        }
    }

    void settle() {
        const auto end = now_us() + 20'000'000;  // Pushpin takes 10 s for 10,000 connections
        while (outstanding_ > 0 && now_us() < end) {
            pool_.poll(20'000);
        }
    }

    std::uint64_t faults() const { return book_.repeated + book_.reordered + book_.gaps + lost() + refused() + pool_.closed(); }
    std::uint64_t lost() const { return s_.mode == "echo" ? outstanding_ : expected_ - std::min(expected_, total_); }

    std::uint64_t refused() const { return door_ ? door_->refused() : 0; }

    void report(double seconds) {
        char line[512];
        const bench::histogram& h = book_.latencies;
        std::snprintf(line, sizeof line,
                      R"({"phase":"done","received":%llu,"seconds":%.3f,"p50_us":%.0f,"p99_us":%.0f,"p999_us":%.0f,)"
                      R"("lost":%llu,"repeated":%llu,"reordered":%llu,"closed":%zu,"refused":%llu})",
                      static_cast<unsigned long long>(book_.received), seconds, h.quantile(0.5), h.quantile(0.99),
                      h.quantile(0.999), static_cast<unsigned long long>(lost()),
                      static_cast<unsigned long long>(book_.repeated),
                      static_cast<unsigned long long>(book_.reordered + book_.gaps), pool_.closed(),
                      static_cast<unsigned long long>(refused()));
        say(line);
    }

    settings s_;
    bench::ledger book_;
    bench::ws_pool pool_;
    std::unique_ptr<bench::door> door_;
    std::vector<std::uint64_t> numbers_ = std::vector<std::uint64_t>(s_.connections);
    std::deque<std::size_t> copies_;  ///< of messages for all that are in flight; the first is number first_
    std::uint64_t first_ = 1;
    std::size_t next_ = 0;
    std::size_t ready_ = 0;  ///< STOMP: has all its subscriptions
    std::size_t outstanding_ = 0;
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
