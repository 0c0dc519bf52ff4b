#include "sidecar/core/registrations.hpp"

#include <algorithm>

#include "proto/app_reply.hpp"
#include "proto/cloudevents.hpp"
#include "proto/text/rfc3339.hpp"
#include "sidecar/core/backlog.hpp"
#include "sidecar/core/dialect.hpp"

namespace wsidecar::core {

registration registrations::of(const connection& c) const {
    return {c.id,
            c.user,
            c.aliases,
            c.groups,
            c.subscribes ? c.speaks->names(c) : std::vector<std::string>(),
            c.subscribes,
            std::string(c.path()),
            proto::packed_state(c.state),
            proto::format_rfc3339(c.since),
            c.route->called()};
}

void registrations::renew(connection& c) {
    // Live pushes for the new names wait for what was kept for these names.
    const connection_ptr keep(&c);
    if (c.at == connection::phase::open) {
        c.mailbox_due =
            std::max(c.mailbox_due, 0);  // otherwise what has come already counts for the answer to the first registration
    }
    backlog_.expect_mailbox(keep, 1);
    bus_.enroll(of(c), [this, keep](const enroll_result& r) {
        backlog_.expect_mailbox(keep, r.mailbox);
        backlog_.mailbox_came(*keep);
    });
}

}  // namespace wsidecar::core
