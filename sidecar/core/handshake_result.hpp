#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace wsidecar::core {

/// What became of an upgrade request: `result` in wsidecar_handshakes_total. A handshake that a limit refuses has the limit's name
/// (limit_behind).
enum class handshake_result : std::uint8_t {
    abandoned,
    accepted,
    answer_too_big,
    app_error,
    app_refused,
    app_timeout,
    app_unreached,
    bad_content_length,
    bad_escape,
    bad_header_name,
    bad_host,
    bad_key,
    bad_method,
    bad_name,
    bad_path_character,
    bad_request_line,
    bad_subprotocol,
    bad_target,
    bad_target_form,
    bad_transfer_encoding,
    bad_version,
    bare_cr,
    bare_lf,
    body,
    client_cert,
    connections_per_address,
    connections_per_user,
    control_character,
    cut,
    descriptors,
    dot_segment,
    draining,
    empty_line,
    empty_segment,
    handshakes_per_address,
    handshakes_per_user,
    head_too_big,
    jwt_algorithm,
    jwt_audience,
    jwt_claims,
    jwt_expired,
    jwt_issuer,
    jwt_key,
    jwt_malformed,
    jwt_missing,
    jwt_not_yet,
    jwt_signature,
    length_and_chunked,
    max_connections,
    max_header,
    memory,
    no_colon,
    no_route,
    obs_fold,
    origin_malformed,
    origin_missing,
    origin_not_listed,
    origin_not_same,
    origin_repeated,
    other,
    path_parameter,
    proxy_header,
    space_before_colon,
    timeout,
    tls,
    too_many_headers,
    too_many_pending,
};

/// The words of handshake_result, in its order, which is that of the alphabet.
// clang-format off
inline constexpr std::array<std::string_view, 67> handshake_words{
    "abandoned", "accepted", "answer_too_big", "app_error", "app_refused", "app_timeout", "app_unreached", "bad_content_length",
    "bad_escape", "bad_header_name", "bad_host", "bad_key", "bad_method", "bad_name", "bad_path_character", "bad_request_line",
    "bad_subprotocol", "bad_target", "bad_target_form", "bad_transfer_encoding", "bad_version", "bare_cr", "bare_lf", "body",
    "client_cert", "connections_per_address", "connections_per_user", "control_character", "cut", "descriptors", "dot_segment",
    "draining", "empty_line", "empty_segment", "handshakes_per_address", "handshakes_per_user", "head_too_big", "jwt_algorithm",
    "jwt_audience", "jwt_claims", "jwt_expired", "jwt_issuer", "jwt_key", "jwt_malformed", "jwt_missing", "jwt_not_yet",
    "jwt_signature", "length_and_chunked", "max_connections", "max_header", "memory", "no_colon", "no_route", "obs_fold",
    "origin_malformed", "origin_missing", "origin_not_listed", "origin_not_same", "origin_repeated", "other", "path_parameter",
    "proxy_header", "space_before_colon", "timeout", "tls", "too_many_headers", "too_many_pending"};
// clang-format on
static_assert(std::is_sorted(handshake_words.begin(), handshake_words.end()) && handshake_words.back() == "too_many_pending" &&
              handshake_words.size() == static_cast<std::size_t>(handshake_result::too_many_pending) + 1);

/// Has a terminating NUL behind it, and static storage.
constexpr std::string_view word(handshake_result r) {
    return handshake_words[static_cast<std::size_t>(r)];
}

/// The result for a request that a parser or a check of `proto` has rejected with this reason.
constexpr handshake_result handshake_result_of(std::string_view reason) {
    const auto* const at = std::lower_bound(handshake_words.begin(), handshake_words.end(), reason);
    return at != handshake_words.end() && *at == reason ? static_cast<handshake_result>(at - handshake_words.begin())
                                                        : handshake_result::other;
}

}  // namespace wsidecar::core
