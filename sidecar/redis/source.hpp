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

/// Converts what an app writes to its own channel, list or stream into pushes, as an entry of `sources` describes (config/README.md).
/// It does no I/O; routers, subscribers and `wsidecar explain` share it.
class source_reader {
public:
    /// Where a payload came from: the channel or list and, for a pattern, the text that each `*` matched.
    struct origin {
        std::string_view name;
        std::vector<std::string> stars;
    };

    /// `s` must outlive the reader. `max_payload` is the most bytes of a payload, and of what it is decoded to.
    explicit source_reader(const config::source& s, std::size_t max_payload = 1024 * 1024);

    /// Returns the push, or the reason why there is none: a reason of proto::decode_payload; no_target (the pointer finds nothing, null,
    /// an array or an object); bad_name; no_data; or not_json (a pointer is configured, but the payload is not JSON).
    result<proto::envelope> read(const origin& from, std::string_view payload) const;
    /// The same for a stream entry. The payload is the configured `field`, or, if none is configured, the whole entry as a JSON object.
    /// The reason no_field means that the entry lacks that field.
    result<proto::envelope> read(const proto::stream_entry& entry) const;
    /// Detects the payload's format and decodes it.
    result<proto::decoded_payload> decode(std::string_view payload) const;

    const config::source& settings() const { return settings_; }
    /// The Redis key of a list or stream: the configured name, or that name as Spring's RedisTemplate with the JDK serializer encodes it.
    std::string key() const;
    /// The name of the consumer group that reads a stream.
    std::string group(const std::string& prefix) const;

private:
    result<proto::envelope> make(const origin& from, proto::decoded_payload payload, const std::string* entry) const;
    proto::jdk_decoder java() const;
    bool uses_entry() const;
    std::string id_of(const proto::decoded_payload& payload) const;
    std::string callback_of(const proto::decoded_payload& payload) const;
    std::vector<std::pair<std::string, std::string>> headers_of(const proto::decoded_payload& payload) const;

    const config::source& settings_;
    proto::payload_format format_;
    std::size_t max_payload_;
};

/// The text that each `*` of a glob pattern (PSUBSCRIBE) matches in a name, or nullopt if the name does not match. `?` and `[...]`
/// match as in Redis and add no text.
std::optional<std::vector<std::string>> stars_of(std::string_view pattern, std::string_view name);

}  // namespace wsidecar::redis
