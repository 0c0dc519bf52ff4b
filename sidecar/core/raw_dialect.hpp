#pragma once

#include "sidecar/core/context.hpp"
#include "sidecar/core/dialect.hpp"

namespace wsidecar::core {

class backlog;
class deliveries;
class events;
class history;
class inbound_lane;
class openings;
class registrations;

/// The dialect of clients that speak their app's own protocol: each message becomes an event, and each push becomes a message.
class raw_dialect final : public dialect {
public:
    struct neighbours {
        core::inbound_lane& lane;
        core::events& events;
        core::openings& openings;
        core::registrations& registrations;
        core::deliveries& deliveries;
        core::backlog& backlog;
        core::history& history;
    };
    raw_dialect(context& x, const neighbours& n);

    void open(const std::shared_ptr<opening>& o, const handshake& h) override;
    void established(connection& c) override;
    void token_expired(connection& c) override;
    void received(connection& c, bool text, std::string_view payload) override;
    void take_turn(const connection_ptr& c, inbound_work::item item) override;
    void reenroll(connection& c) override;
    std::string route_name(const connection& c, const delivery& d, delivery_id id) const override;

    void reply(exchange& x, proto::app_reply& reply) override;
    void refuse(exchange& x, std::uint16_t code, const char* reason) override;
    void finished(const std::shared_ptr<exchange>& x, event_outcome outcome) override;

private:
    metrics& metrics_;
    bus_port& bus_;
    hub& hub_;
    inbound_lane& lane_;
    events& events_;
    openings& openings_;
    registrations& registrations_;
    deliveries& deliveries_;
    backlog& backlog_;
    history& history_;
};

}  // namespace wsidecar::core
