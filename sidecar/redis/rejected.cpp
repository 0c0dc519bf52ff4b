#include "sidecar/redis/rejected.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "proto/text/base64.hpp"
#include "proto/text/rfc3339.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::redis {
namespace {

constexpr std::size_t kept = 64 * 1024;

}  // namespace

std::string rejected_record(std::string_view reason, std::string_view envelope, std::chrono::system_clock::time_point now) {
    boost::json::object o{{"reason", boost::json::string_view(reason.data(), reason.size())}};
    bool text = proto::valid_utf8(envelope);
    if (envelope.size() > kept) {
        // Cut text between two characters.
        std::size_t end = kept;
        while (text && (static_cast<unsigned char>(envelope[end]) & 0xC0) == 0x80) {
            --end;
        }
        envelope = envelope.substr(0, end);
    }
    if (text) {
        o["envelope"] = boost::json::string_view(envelope.data(), envelope.size());
    } else {
        o["base64"] = proto::base64_encode(envelope);
    }
    o["time"] = proto::format_rfc3339(now);
    return boost::json::serialize(o);
}

}  // namespace wsidecar::redis
