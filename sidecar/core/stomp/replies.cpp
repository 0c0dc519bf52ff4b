#include "sidecar/core/stomp/replies.hpp"

#include <algorithm>

#include "proto/app_reply.hpp"
#include "proto/stomp/stomp_write.hpp"
#include "proto/text/utf8.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/core/stomp/client.hpp"

namespace wsidecar::core {
namespace stomp = proto::stomp;
using namespace std::chrono_literals;

void stomp_replies::out(connection& c, std::string_view bytes) {
    if (c.session != nullptr) {
        c.stomp->sent = timers_.now();
        // Text from the app may be in any charset.
        const auto kind = proto::valid_utf8(bytes) ? proto::opcode::text : proto::opcode::binary;
        c.session->send(frame::make(kind, bytes), tag_protocol);
    }
}

void stomp_replies::receipt(connection& c, std::string_view id) {
    if (!id.empty() && c.stomp->at != stomp_client::stage::over) {
        out(c, stomp::receipt(c.stomp->version, id));
    }
}

/// ERROR and the close (STOMP 1.2 "ERROR": the server must close the connection just after it).
void stomp_replies::fail(connection& c, const char* reason, const std::string& text, std::string_view receipt,
                         std::uint16_t code, const proto::stomp_error* said) {
    if (c.stomp->at == stomp_client::stage::over || c.session == nullptr) {
        return;
    }
    metrics_.stomp_errors.at({reason}) += 1;
    metrics_.hit(reason);
    log::limited(log::level::info, "stomp", "a client's connection ends with an ERROR",
                 {{"reason", reason}, {"connection", c.id}, {"user", c.user}, {"path", c.path()}});
    if (said == nullptr) {
        out(c, stomp::error(c.stomp->version, text, receipt));
    } else {
        out(c,
            stomp::error(c.stomp->version, said->message.empty() ? text : said->message, receipt, said->body, said->headers));
    }
    c.stomp->at = stomp_client::stage::over;
    c.stomp->timer.reset();
    c.stomp->drop_unfinished();
    c.close(code, "STOMP error");
}

/// STOMP 1.2 "Heart-beating". One timer serves both directions: our next beat, and the time by which the client's is due.
void stomp_replies::beat(connection& c) {
    stomp_client& s = *c.stomp;
    const auto now = timers_.now();
    auto next = timer_port::clock::time_point::max();
    if (s.beats.expect > 0ms) {
        if ((c.inbound && c.inbound->reading_paused) || (s.due != timer_port::clock::time_point{} && now - s.due > 1s)) {
            s.heard = now;  // the client may not be silent, because reading or this process was paused
        }
        const auto patience = stomp::silent_intervals * s.beats.expect;
        if (now - s.heard >= patience) {
            fail(c, "silent", "no heart-beat for " + std::to_string(patience.count()) + " ms");
            return;
        }
        next = s.heard + patience;
    }
    if (s.beats.send > 0ms) {
        // A little early, because timers are coarse and the network takes time.
        const auto every = s.beats.send - s.beats.send / 10;
        if (now - s.sent >= every) {
            out(c, stomp::heart_beat_bytes);
        }
        next = std::min(next, s.sent + every);
    }
    if (next != timer_port::clock::time_point::max()) {
        s.due = next;
        s.timer = timers_.after(std::max(1ms, std::chrono::ceil<std::chrono::milliseconds>(next - now)),
                                [this, it = &c] { beat(*it); });
    }
}

}  // namespace wsidecar::core
