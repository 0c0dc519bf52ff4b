#include "sidecar/redis/batch.hpp"

#include <charconv>

#include "proto/ids.hpp"
#include "proto/sha1.hpp"
#include "sidecar/redis/outbox_canary.hpp"
#include "sidecar/redis/rejected.hpp"

namespace wsidecar::redis {
namespace {

void add_targets(std::vector<std::string>& out, const proto::addresses& to) {
    const auto add = [&](char kind, const std::vector<std::string>& names) {
        for (const auto& n : names) {
            out.push_back(kind + n);
        }
    };
    if (to.all) {
        out.emplace_back("*");
        return;
    }
    add('u', to.users);
    add('a', to.aliases);
    add('g', to.groups);
    add('c', to.connections);
}

void reject(batch& b, const char* label, std::string_view reason, std::string_view raw,
            std::chrono::system_clock::time_point now) {
    b.reasons.emplace_back(label);
    b.actions.emplace_back("reject");
    b.actions.push_back(rejected_record(reason, raw, now));
}

void add(batch& b, proto::envelope_item& item, unsigned attempts, std::chrono::system_clock::time_point now) {
    if (!item.value) {
        const auto p = item.value.error();
        reject(b, p.reason, *p.detail == '\0' ? p.reason : std::string(p.reason) + ": " + p.detail, item.raw, now);
        return;
    }
    proto::envelope& e = *item.value;
    if (const char* member = proto::unsupported_member(e)) {
        reject(b, "not_supported_yet", std::string("not supported yet: ") + member, item.raw, now);
        return;
    }
    if (e.id.empty()) {
        e.id = proto::random_hex128();
    }
    if (e.ttl && !e.time) {
        e.time = now;
    }
    b.actions.emplace_back("push");
    b.actions.push_back(proto::encode_envelope(e));
    const bool canary = e.to.connections.size() == 1 && e.to.connections[0].starts_with(outbox_canary::name_prefix);
    b.actions.push_back(canary ? std::string() : rejected_record("overloaded: the inbox is full", item.raw, now));
    b.actions.push_back(std::to_string(attempts));
    const std::size_t at = b.actions.size();
    b.actions.emplace_back();
    add_targets(b.actions, e.to);
    b.actions[at] = std::to_string(b.actions.size() - at - 1);
}

}  // namespace

std::string returned_entry(unsigned attempts, std::string_view envelope) {
    return std::to_string(attempts) + " " + std::string(envelope);
}

batch build_batch(const std::vector<std::string_view>& entries, bool returned, std::chrono::system_clock::time_point now) {
    batch b;
    for (std::string_view entry : entries) {
        b.sums.push_back(proto::sha1_hex(entry));
        unsigned attempts = 0;
        if (returned) {
            const auto parsed = std::from_chars(entry.data(), entry.data() + entry.size(), attempts);
            if (parsed.ec == std::errc{} && parsed.ptr != entry.data() + entry.size() && *parsed.ptr == ' ') {
                entry.remove_prefix(static_cast<std::size_t>(parsed.ptr - entry.data()) + 1);
            } else {
                attempts = 0;
            }
        }
        for (auto& item : proto::decode_envelopes(entry)) {
            add(b, item, attempts, now);
        }
    }
    return b;
}

}  // namespace wsidecar::redis
