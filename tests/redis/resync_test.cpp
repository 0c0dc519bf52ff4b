#include "sidecar/redis/resync.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/redis/scripted_port.hpp"

namespace wsidecar::redis {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Resync : public testing::Test {
protected:
    Resync() {
        link.is_up = true;
        sync.start({[this] {
                        std::vector<core::registration> out;
                        for (int i = 0; i < connections; ++i) {
                            out.emplace_back();
                            out.back().connection = "c" + std::to_string(i);
                        }
                        return out;
                    },
                    [this](const core::registration& r, std::function<void()> answered) {
                        enrolled.push_back(r.connection);
                        answers.push_back(std::move(answered));
                    },
                    [this](const std::string& c) { found.push_back(c); }, [this] { return link.is_up; }, [this] { ++done; }});
    }
    void answer_all() {
        for (const auto& f : std::exchange(answers, {})) {
            f();
        }
    }
    static std::string part(const std::string& cursor, const std::vector<std::string>& connections) {
        return "*2\r\n" + resp_text(cursor) + resp_array(connections);
    }

    scripted_port link;
    resync sync{link, keys{"w:", "outbox"}};
    int connections = 0;
    int done = 0;
    std::vector<std::string> enrolled;
    std::vector<std::function<void()>> answers;
    std::vector<std::string> found;
};

TEST_F(Resync, EverythingIsRegisteredAndWhatOnlyRedisHasIsFound) {
    connections = 2;
    sync.begin("pod-1", true);
    EXPECT_THAT(link.last_arguments(), ElementsAre("w:", "pod-1", "0"));
    EXPECT_THAT(enrolled, ElementsAre("c1", "c0"));
    EXPECT_TRUE(sync.comparing());
    link.answer(part("17", {"c0", "x"}));
    EXPECT_THAT(link.last_arguments(), ElementsAre("w:", "pod-1", "17"));
    link.answer(part("0", {"y"}));
    EXPECT_THAT(found, ElementsAre("c0", "x", "y"));
    EXPECT_EQ(done, 0);
    answer_all();
    EXPECT_EQ(done, 1);
    EXPECT_FALSE(sync.enrolling());
}

TEST_F(Resync, TwoHundredAreRegisteredAtOnce) {
    connections = 250;
    sync.begin("pod-1", true);
    EXPECT_EQ(enrolled.size(), 200U);
    answer_all();
    EXPECT_EQ(enrolled.size(), 250U);
}

TEST_F(Resync, OnlyMarkedConnectionsAreRegisteredAgain) {
    connections = 3;
    sync.mark("c1");
    sync.mark("c2");
    sync.unmark("c2");
    sync.begin("pod-1", false);
    EXPECT_THAT(enrolled, ElementsAre("c1"));
    EXPECT_THAT(link.sent, IsEmpty());
    EXPECT_FALSE(sync.has_marks());
}

TEST_F(Resync, ConnectionsThatAllEndMeanwhileAreNotSearchedForOneByOne) {
    connections = 50'000;
    sync.begin("pod-1", true);
    link.answer(part("0", {}));
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < connections; ++i) {
        sync.skip("c" + std::to_string(i));
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
    answer_all();
    EXPECT_EQ(enrolled.size(), 200U);
    EXPECT_EQ(done, 1);
}

TEST_F(Resync, AConnectionThatHasEndedMeanwhileIsSkipped) {
    connections = 201;
    sync.begin("pod-1", true);
    sync.skip("c0");
    answer_all();
    EXPECT_EQ(enrolled.size(), 200U);
}

TEST_F(Resync, ALostConnectionIsToldByTheNextHeartbeat) {
    connections = 1;
    sync.begin("pod-1", true);
    answer_all();
    link.go_down();
    sync.on_down();
    EXPECT_FALSE(sync.comparing());
    EXPECT_EQ(done, 0) << "what Redis has was not compared";
}

}  // namespace
}  // namespace wsidecar::redis
