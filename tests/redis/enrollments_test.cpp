#include "sidecar/redis/enrollments.hpp"

#include <gtest/gtest.h>

#include "tests/core/manual_time.hpp"

namespace wsidecar::redis {
namespace {

using namespace std::chrono_literals;
using kind = enrollments::kind;

class Enrollments : public testing::Test {
protected:
    Enrollments() {
        all.start({[this](kind, const core::registration& r, enrollments::answered f) {
                       said.push_back(r.connection);
                       answer = std::move(f);
                   },
                   [this](const core::registration&, std::function<void()> f) { confirm = std::move(f); }});
    }
    void begin(const std::string& connection) {
        core::registration r;
        r.connection = connection;
        all.begin(kind::enroll, r, [this](const core::enroll_result& result) {
            ++done;
            last = result;
        });
    }

    core::manual_time time;
    enrollments all{time};
    std::vector<std::string> said;
    enrollments::answered answer;
    std::function<void()> confirm;
    int done = 0;
    core::enroll_result last;
};

constexpr core::enroll_result enrolled{core::enroll_outcome::done, 3, 1};

TEST_F(Enrollments, AHandshakeWaitsForTheRegistryAndTheChannels) {
    all.on_first_contact();
    begin("c1");
    answer(enrolled);
    EXPECT_EQ(done, 0);
    confirm();
    EXPECT_EQ(done, 1);
    EXPECT_EQ(last.mailbox, 1U);
    time.pass(10s);
    EXPECT_EQ(done, 1);
}

TEST_F(Enrollments, WhoComesBeforeTheFirstContactWaitsForIt) {
    begin("c1");
    EXPECT_TRUE(said.empty());
    all.on_first_contact();
    EXPECT_EQ(said.size(), 1U);
}

TEST_F(Enrollments, WhoEndsBeforeTheFirstContactIsCalledBackAndSaidToNobody) {
    begin("c1");
    all.drop("c1");
    EXPECT_EQ(done, 1);
    all.on_first_contact();
    EXPECT_TRUE(said.empty());
}

TEST_F(Enrollments, ARefusalNeedsNoChannels) {
    all.on_first_contact();
    begin("c1");
    answer(core::enroll_result{core::enroll_outcome::refused, 3, 0});
    EXPECT_EQ(done, 1);
    EXPECT_EQ(last.outcome, core::enroll_outcome::refused);
}

TEST_F(Enrollments, OnceOneHasWaitedInVainTheNextDoNotWait) {
    all.on_first_contact();
    begin("c1");
    const auto first = answer;
    time.pass(1s);
    EXPECT_EQ(done, 1);
    begin("c2");
    EXPECT_EQ(done, 2);
    first(enrolled);
    begin("c3");
    EXPECT_EQ(done, 2) << "the registry answers again";
    answer(std::nullopt);
    EXPECT_EQ(done, 3) << "Redis is down: at once";
}

}  // namespace
}  // namespace wsidecar::redis
