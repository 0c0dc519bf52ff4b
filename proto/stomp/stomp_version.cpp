#include "proto/stomp/stomp_version.hpp"

#include <algorithm>
#include <array>

#include "proto/text/ascii.hpp"

namespace wsidecar::proto::stomp {

namespace {

struct names {
    version v;
    std::string_view number;
    std::string_view subprotocol;
};
constexpr std::array<names, 3> all = {{
    {version::v1_0, "1.0", "v10.stomp"},
    {version::v1_1, "1.1", "v11.stomp"},
    {version::v1_2, "1.2", "v12.stomp"},
}};

const names& of(version v) {
    return all[static_cast<std::size_t>(v)];
}

}  // namespace

std::string_view version_name(version v) {
    return of(v).number;
}

std::string_view subprotocol_name(version v) {
    return of(v).subprotocol;
}

std::optional<version> negotiate_version(std::optional<std::string_view> accept_version) {
    if (!accept_version) {
        return version::v1_0;
    }
    std::optional<version> best;
    each_element(*accept_version, ',', [&](std::string_view number) {
        for (const auto& n : all) {
            if (n.number == number) {
                best = std::max(best, std::optional(n.v));
            }
        }
    });
    return best;
}

std::optional<version> subprotocol_version(std::string_view name) {
    for (const auto& n : all) {
        if (iequals(n.subprotocol, name)) {
            return n.v;
        }
    }
    return std::nullopt;
}

}  // namespace wsidecar::proto::stomp
