#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace wsidecar::core {

/// Why a message reached no client, or not all that it was for, or was not taken by the app: `reason` in wsidecar_undelivered_total, in
/// receipts and in the console. proto/README.md says what each means.
enum class undelivered_reason : std::uint8_t {
    ambiguous,
    answer_too_big,
    app_deadline,
    app_deadline_disconnect,
    app_error,
    bad_name,
    closing,
    collapsed,
    connection_gone,
    duplicate,
    envelope_gone,
    expired,
    login_gone,
    mailbox_age,
    mailbox_full,
    nacked,
    no_connection,
    no_data,
    no_destination,
    no_message_event,
    no_redis,
    no_target,
    not_json,
    not_text,
    overloaded,
    queue,
    redis_down,
    redis_error,
    rejected,
    slow_consumer,
    trimmed,
    unreadable,
};

/// The words of undelivered_reason, in its order.
inline constexpr std::array<std::string_view, 32> undelivered_words{
    "ambiguous",       "answer_too_big", "app_deadline",   "app_deadline_disconnect",
    "app_error",       "bad_name",       "closing",        "collapsed",
    "connection_gone", "duplicate",      "envelope_gone",  "expired",
    "login_gone",      "mailbox_age",    "mailbox_full",   "nacked",
    "no_connection",   "no_data",        "no_destination", "no_message_event",
    "no_redis",        "no_target",      "not_json",       "not_text",
    "overloaded",      "queue",          "redis_down",     "redis_error",
    "rejected",        "slow_consumer",  "trimmed",        "unreadable"};
static_assert(undelivered_words.back() == "unreadable" &&
              undelivered_words.size() == static_cast<std::size_t>(undelivered_reason::unreadable) + 1);

/// Has a terminating NUL behind it, and static storage.
constexpr std::string_view word(undelivered_reason r) {
    return undelivered_words[static_cast<std::size_t>(r)];
}

/// The reason that this word stands for; nullopt if none does.
constexpr std::optional<undelivered_reason> undelivered_reason_of(std::string_view word) {
    for (std::size_t i = 0; i < undelivered_words.size(); ++i) {
        if (undelivered_words[i] == word) {
            return static_cast<undelivered_reason>(i);
        }
    }
    return std::nullopt;
}

}  // namespace wsidecar::core
