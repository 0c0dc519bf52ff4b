// A STOMP session in the gateway against a client that says anything, an app and a registry that answer when they like, and
// pushes in between. Whatever happens: nothing follows an ERROR, every list push is settled once, the app hears of at most one
// end, and in the end nothing is left.
//
// The input is cut at bytes 0xFF; the first byte of a piece says what it is: 'a' the app's answer, 'e' the registry's, 'p' a push
// of the list, 'k' a confirmation, 't' time, 'c' the socket's end, 'n' a new connection; anything else is the client's bytes.

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "sidecar/core/gateway.hpp"
#include "sidecar/core/log.hpp"
#include "tests/core/manual_time.hpp"

namespace {

using namespace wsidecar;
using namespace wsidecar::core;
using namespace std::chrono_literals;

void expect(bool holds) {
    if (!holds) {
        __builtin_trap();
    }
}

struct house : app_port, bus_port, manual_time {
    void send(app_request r, std::function<void(app_answer)> done) override {
        const auto has = [&](const char* line) { return r.headers.find(line) != std::string::npos; };
        if (has("ce-type: wsidecar.disconnect\r") && has("ws-attempt: 1\r")) {
            const auto at = r.headers.find("ce-id: ");
            expect(ends.insert(r.headers.substr(at, r.headers.find('\r', at) - at)).second);
        }
        for (std::size_t at = 0; (at = r.headers.find('\n', at)) != std::string::npos; ++at) {
            expect(at > 0 && r.headers[at - 1] == '\r');  // no value adds a line
        }
        asked.push_back(std::move(done));
    }
    bool accepting() const override { return true; }
    void announce(const registration&, std::function<void()> done) override { done(); }
    void enroll(const registration&, std::function<void(enroll_result)> done) override { enrolling.push_back(std::move(done)); }
    void retire(const core::registration&, std::function<void(std::optional<std::uint32_t>)> done) override { done(0); }
    void forget(const std::string&) override {}
    void bequeath(const lost_connection&) override {}
    void send_inbound(const std::string&, const std::string&, const std::string&, std::string_view) override {}
    void broadcast(const proto::envelope& push) override {
        if (++broadcasts < 100) {
            gate->on_push(push, {});
        }
    }
    void settled(delivery_id id, delivery_outcome) override { expect(open.erase(id) == 1); }
    bool up() const override { return true; }

    struct socket : session_port {
        connection_ptr c;
        bool error = false;
        bool closing = false;
        std::uint64_t last = 0;
        void send(frame_ptr f, std::uint64_t tag, std::uint64_t) override {
            if (closing) {
                return;
            }
            expect(!error);
            const auto text = f->payload();
            error = text.starts_with("ERROR\n");
            expect(text == "\n" || text.ends_with('\0'));
            last = tag >= first_delivery_id ? tag : last;
        }
        void close(std::uint16_t, std::string_view) override { closing = true; }
        void pause_reading(bool) override {}
        std::size_t queued_bytes() const override { return 0; }
    };

    house() {
        auto& r = settings.routes[0];
        r.protocol = "stomp";
        r.events = {"connect", "message", "subscribe", "unsubscribe", "disconnect"};
        r.stomp.broadcast = true;
        gate = std::make_unique<gateway>(settings, "pod", numbers, *this, *this, *this, [this](std::string_view) {
            gateway::route_match match;
            match.route = &settings.routes[0];
            return match;
        });
        dial();
    }
    void dial() {
        if (sockets.size() == 4) {
            return;
        }
        handshake h;
        h.route = &settings.routes[0];
        h.path = h.target = "/ws";
        sockets.push_back(std::make_unique<socket>());
        socket& s = *sockets.back();
        s.c = gate->open(std::move(h), [](handshake_verdict v) { expect(v.accepted); });
        gate->established(*s.c, s);
    }
    void end(socket& s) {
        if (s.c) {
            gate->closed(*s.c, 1006, "", close_cause::lost);
            s.c.reset();
        }
    }
    void answer(std::string_view how) {
        if (asked.empty()) {
            return;
        }
        const auto done = std::move(asked.front());
        asked.pop_front();
        app_answer a;
        constexpr unsigned statuses[] = {204, 200, 403, 401, 503, 500};
        const auto kind = how.empty() ? 0 : static_cast<unsigned char>(how[0]) % 7U;
        a.status = kind < 6 ? statuses[kind] : 0;
        a.failure = kind < 6 ? app_failure::none : app_failure::cut;
        if (kind == 1) {
            a.headers = {{"Ws-User", "u"}, {"Ws-Destination", std::string(how.substr(1))}, {"Content-Type", "text/plain"}};
            a.body = "answer";
        }
        done(std::move(a));
    }
    void grant() {
        if (enrolling.empty()) {
            return;
        }
        const auto done = std::move(enrolling.front());
        enrolling.pop_front();
        done({enroll_outcome::done, 1, 0});
    }
    void push(std::string_view how) {
        proto::envelope e;
        e.kind = proto::payload_kind::text;
        e.payload = "p";
        if (how.starts_with('u')) {
            e.to.users = {"u"};
            how.remove_prefix(1);
        }
        e.to.destinations = {std::string(how)};
        push_origin from;
        from.id = next++;
        open.insert(from.id);
        gate->on_push(e, from);
    }

    config::config settings;
    metrics numbers;
    std::deque<std::function<void(app_answer)>> asked;
    std::deque<std::function<void(enroll_result)>> enrolling;
    std::set<std::string> ends;
    std::set<delivery_id> open;
    delivery_id next = first_delivery_id;
    int broadcasts = 0;
    std::vector<std::unique_ptr<socket>> sockets;
    std::unique_ptr<gateway> gate;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const bool quiet = [] {
        log::configure(log::level::error, log::format::json);
        return true;
    }();
    (void)quiet;
    house h;
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    while (!rest.empty()) {
        const auto piece = rest.substr(0, rest.find('\xff'));
        rest.remove_prefix(std::min(piece.size() + 1, rest.size()));
        if (piece.empty()) {
            continue;
        }
        auto& s = *h.sockets.back();
        const auto argument = piece.substr(1);
        switch (piece[0]) {
            case 'a': h.answer(argument); break;
            case 'e': h.grant(); break;
            case 'p': h.push(argument); break;
            case 'k':
                if (s.c && s.last != 0) {
                    h.gate->confirmed(*s.c, s.last);
                }
                break;
            case 't': h.pass(argument.size() * 1s); break;
            case 'c': h.end(s); break;
            case 'n': h.dial(); break;
            default:
                if (s.c && !s.closing) {
                    h.gate->message(*s.c, true, piece);
                }
        }
    }
    for (const auto& s : h.sockets) {
        h.end(*s);
    }
    for (int i = 0; i < 100'000 && (!h.asked.empty() || !h.enrolling.empty() || h.gate->unfinished() > 0); ++i) {
        h.grant();
        h.answer({});
        h.pass(1s);  // what waits to be sent again
    }
    expect(h.open.empty());
    expect(h.gate->unfinished() == 0);
    return 0;
}
