#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "proto/envelope.hpp"
#include "proto/spring/payload.hpp"
#include "proto/stream_entry.hpp"
#include "proto/text/result.hpp"

namespace wsidecar::redis {

/// Makes pushes of what an app writes to a channel or list of its own, as an entry of `sources` says (config/README.md). It does no
/// input or output, and is the same for routers, subscribers and `wsidecar explain`.
class source_reader {
public:
    /// Where a payload came from: the channel (or list) and, for a pattern, what its stars stood for.
    struct origin {
        std::string_view name;
        std::vector<std::string> stars;
    };

    explicit source_reader(const config::source& s);

    /// The push, or why there is none: reasons of proto::decode_payload, and no_target (a pointer to nothing, or to null, or to
    /// what is no text, number or boolean), bad_name, no_data, not_json (a pointer into a payload that is none).
    result<proto::envelope> read(const origin& from, std::string_view payload) const;
    /// The same for an entry of a stream: the payload is one of its fields, or, without `field`, the whole entry as a JSON object. And
    /// no_field: the entry does not have that.
    result<proto::envelope> read(const proto::stream_entry& entry) const;
    /// How the payload is written, for people and for read().
    result<proto::decoded_payload> decode(std::string_view payload) const;

    const config::source& settings() const { return settings_; }
    /// The Redis key of a list or stream: as it stands, or as RedisTemplate's JDK serializer writes it.
    std::string key() const;
    /// The consumer group of a stream.
    std::string group(const std::string& prefix) const;

private:
    result<proto::envelope> make(const origin& from, proto::decoded_payload payload, const std::string* entry) const;
    bool uses_entry() const;
    std::string id_of(const proto::decoded_payload& payload) const;
    std::string callback_of(const proto::decoded_payload& payload) const;
    std::vector<std::pair<std::string, std::string>> headers_of(const proto::decoded_payload& payload) const;

    const config::source& settings_;
    proto::payload_format format_;
};

/// What the stars of a glob pattern (PSUBSCRIBE) stand for in a name; nothing when it does not match. `?` and `[...]` match as in
/// Redis and give nothing.
std::optional<std::vector<std::string>> stars_of(std::string_view pattern, std::string_view name);

}  // namespace wsidecar::redis
