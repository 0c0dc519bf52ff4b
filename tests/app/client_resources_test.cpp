#include "sidecar/core/client_resources.hpp"

#include <gtest/gtest.h>

#include "sidecar/app/operator_api.hpp"
#include "sidecar/core/metrics.hpp"

namespace wsidecar::core {
namespace {

TEST(ClientResources, EachHasABoundThatIsShownAndCounted) {
    config::config c;
    metrics m;
    app::show_limits(c, m);
    for (const auto& r : resource_bounds()) {
        const std::string name(r.limit);
        if (name == "pending_connections" || name == "pending_bytes" || name == "console.viewers" ||
            name == "console.questions") {
            continue;  // shown by those that know them: the end-to-end tests look at a whole process
        }
        const auto shown = m.limit.samples().find({name});
        ASSERT_NE(shown, m.limit.samples().end()) << name;
        EXPECT_GT(shown->second, 0) << name << " has no bound by default";
    }
}

TEST(ClientResources, EachIsCountedFromTheStartWhenItsBoundIsReached) {
    const metrics m;
    for (const auto& r : resource_bounds()) {
        if (!r.limit.starts_with("history.reads")) {  // which history_reads counts: history_reads_test.cpp
            EXPECT_TRUE(m.limit_hits.samples().contains({std::string(r.limit)})) << r.limit;
        }
        EXPECT_FALSE(r.holder.empty());
    }
}

}  // namespace
}  // namespace wsidecar::core
