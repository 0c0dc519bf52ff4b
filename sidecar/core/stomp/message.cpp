#include "sidecar/core/stomp/message.hpp"

#include <algorithm>
#include <charconv>

#include "proto/cloudevents.hpp"
#include "proto/stomp/stomp_write.hpp"

namespace wsidecar::core {
namespace {

/// How many frames are kept for other subscribers of the same push. With more different ids, searching costs more than encoding.
constexpr std::size_t kept_at_most = 16;
constexpr unsigned give_up_after = 32;

}  // namespace

stomp_message::stomp_message(const proto::envelope& push, std::string_view instance, std::uint64_t number)
    : push_(push), number_(number) {
    for (const auto& [name, value] : push.headers) {
        if (name == "content-type") {
            content_type_ = value;
        }
    }
    if (content_type_.empty()) {
        // As Spring writes it: some clients' parsers take no space in a header's value (StompProtocolAndroid).
        content_type_ = proto::content_type_for("auto", push.kind == proto::payload_kind::text, push.payload);
        std::erase(content_type_, ' ');
    }
    message_id_ = std::to_string(number).append("-").append(instance);
}

const std::string& stomp_message::tail_of(proto::stomp::version v, const std::string& destination) {
    for (const auto& t : tails_) {
        if (t.version == v && t.destination == destination) {
            return t.bytes;
        }
    }
    if (tails_.size() >= kept_at_most) {
        tails_.clear();
    }
    tails_.push_back({v, destination, proto::stomp::message_tail(v, destination, content_type_, push_.headers, push_.payload)});
    return tails_.back().bytes;
}

frame_ptr stomp_message::frame_for(const subscription& s, proto::stomp::version v, const std::string& destination) {
    const bool acknowledged = s.ack != subscription::ack_mode::automatic;
    const std::string& shown = s.what == subscription::kind::broker ? destination : s.destination;
    const bool look = in_vain_ < give_up_after;
    if (look) {
        const auto same = [&](const made& m) {
            return m.version == v && m.acknowledged == acknowledged && m.subscription == s.id && m.destination == shown;
        };
        if (const auto it = std::find_if(made_.begin(), made_.end(), same); it != made_.end()) {
            in_vain_ = 0;
            std::iter_swap(made_.begin(), it);
            return made_.front().frame;
        }
        ++in_vain_;
    }
    const std::string head =
        proto::stomp::message_head(v, s.id, message_id_, acknowledged ? ack_of(number_, s.id) : std::string());
    const auto op = push_.kind == proto::payload_kind::binary ? proto::opcode::binary : proto::opcode::text;
    frame_ptr f = frame::make(op, head, tail_of(v, shown), false);
    if (look) {
        made fresh{v, acknowledged, s.id, shown, f};
        if (made_.size() < kept_at_most) {
            made_.push_back(std::move(fresh));
        } else {
            made_.back() = std::move(fresh);
        }
    }
    return f;
}

std::string ack_of(std::uint64_t message, std::string_view subscription) {
    return std::to_string(message).append("-").append(subscription);
}

std::uint64_t message_number(std::string_view text) {
    std::uint64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    return ec == std::errc{} && end != text.data() + text.size() && *end == '-' ? n : 0;
}

}  // namespace wsidecar::core
