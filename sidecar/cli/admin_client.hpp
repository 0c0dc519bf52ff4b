#pragma once

#include <string>
#include <string_view>

namespace wsidecar::cli {

/// A call to a running wsidecar's admin address.
struct admin_reply {
    unsigned status = 0;  ///< 0: nobody answered, `body` says why
    std::string body;
};

/// Blocking, one request on a fresh connection. A wildcard address (0.0.0.0, ::) is called on loopback. No time limit
/// when `patient` (a drain takes as long as it takes), else 10 s.
admin_reply call_admin(const std::string& address, std::string_view method, const std::string& target, const std::string& body,
                       const std::string& token, bool patient = false);

}  // namespace wsidecar::cli
