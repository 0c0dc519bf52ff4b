#include "sidecar/redis/rejected.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>

#include "proto/json/json_scan.hpp"
#include "proto/json/json_text.hpp"
#include "proto/text/base64.hpp"
#include "proto/text/rfc3339.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::redis {
namespace {

constexpr std::size_t whole_at_most = 8UL * 1024 * 1024;
constexpr std::size_t beginning = 1024;

/// Cuts text between two characters.
std::string_view beginning_of(std::string_view envelope) {
    if (envelope.size() <= beginning) {
        return envelope;
    }
    const auto part = envelope.substr(0, beginning);
    for (std::size_t end = beginning; end > beginning - 4; --end) {
        if (proto::valid_utf8(part.substr(0, end))) {
            return part.substr(0, end);
        }
    }
    return part;
}

std::string record(std::string_view reason, std::string_view envelope, std::string_view time, std::size_t size) {
    std::string out = R"({"reason":)";
    out += '"';
    proto::append_json_text(out, reason);
    out += '"';
    if (proto::valid_utf8(envelope)) {
        out += R"(,"envelope":)";
        proto::json_quote(out, envelope);
    } else {
        out += R"(,"base64":")" + proto::base64_encode(envelope) + '"';
    }
    if (size > envelope.size()) {
        out += R"(,"bytes":)" + std::to_string(size);
    }
    out += R"(,"time":)";
    proto::json_quote(out, time);
    out += '}';
    return out;
}

}  // namespace

std::size_t rejected_whole(const config::rejected& bounds) {
    return std::min<std::size_t>(whole_at_most, bounds.bytes);
}

std::string rejected_record(std::string_view reason, std::string_view envelope, std::chrono::system_clock::time_point now,
                            const config::rejected& bounds, std::size_t size) {
    const auto time = proto::format_rfc3339(now);
    size = std::max(size, envelope.size());
    if (size == envelope.size() && size <= rejected_whole(bounds)) {
        auto whole = record(reason, envelope, time, size);
        if (whole.size() <= bounds.bytes) {
            return whole;
        }
    }
    return record(reason, beginning_of(envelope), time, size);
}

std::string id_in(std::string_view envelope) {
    constexpr std::size_t read_at_most = 64UL * 1024;
    constexpr std::size_t longest_id = 256;
    boost::system::error_code ec;
    const auto v = envelope.size() <= read_at_most ? boost::json::parse(envelope, ec) : boost::json::value();
    const auto* id = !ec && v.is_object() ? v.get_object().if_contains("id") : nullptr;
    return id != nullptr && id->is_string() && id->get_string().size() <= longest_id ? std::string(id->get_string()) : "";
}

}  // namespace wsidecar::redis
