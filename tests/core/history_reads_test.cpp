#include "sidecar/core/history_reads.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "sidecar/core/client_resources.hpp"
#include "tests/core/gateway_house.hpp"

namespace wsidecar::core {
namespace {

using namespace std::chrono_literals;

struct HistoryReads : testing::Test, gateway_house {
    HistoryReads() {
        keeps_history = true;
        settings.history.push_back({"all", 1000, 1024 * 1024, 1min});
    }
    void ask(const std::string& client, std::size_t size = 512 * 1024, std::uint32_t count = 1) {
        history_question q;
        q.names = {{"*", count}};
        q.bytes = size;
        reads.recall(
            client, std::move(q), [this] { return wanted; },
            [this, client](const history_answer& a) {
                (a.answered ? answered_ : given_up_).push_back(client);
                EXPECT_TRUE(!a.answered || reads.bytes() > 0) << "it is charged until its answer is in the queue";
            });
        EXPECT_LE(reads.bytes(), history_reads_bytes);
    }
    void answer_one() {
        remember({1000, 0});
        EXPECT_LE(reads.bytes(), history_reads_bytes);
    }
    void answer_all() {
        while (!recalls.empty()) {
            answer_one();
        }
    }

    history_reads reads{settings, numbers, *this, *this};
    bool wanted = true;
    std::vector<std::string> answered_, given_up_;
};

TEST_F(HistoryReads, ItsBoundsAreShownFromTheStart) {
    metrics fresh;
    const history_reads none(settings, fresh, *this, *this);
    EXPECT_TRUE(fresh.limit_hits.samples().contains({"history.reads"}));
    EXPECT_TRUE(fresh.limit_hits.samples().contains({"history.reads_per_client"}));
    EXPECT_TRUE(fresh.limit_used.samples().contains({"history.reads"}));
}

TEST_F(HistoryReads, AThousandAtOnceAreChargedBeforeRedisIsAsked) {
    for (int i = 0; i < 1000; ++i) {
        ask("user " + std::to_string(i));
    }
    EXPECT_GE(recalls.size(), 8U);
    EXPECT_LE(recalls.size(), history_reads_bytes / (512 * 1024));
    EXPECT_GT(numbers.limit_hits.at({"history.reads"}), 900);
    answer_all();
    EXPECT_EQ(answered_.size(), 1000U);
    EXPECT_TRUE(given_up_.empty());
    EXPECT_EQ(reads.bytes(), 0U);
    EXPECT_EQ(reads.waiting(), 0U);
}

TEST_F(HistoryReads, ManySmallPushesAreChargedWithWhatTheyTakeBesideTheirText) {
    ask("alice", 512 * 1024, 1000);
    EXPECT_GE(reads.bytes(), 512 * 1024 + 1000 * 256);
}

TEST_F(HistoryReads, AClientHasAFewAtOnceAndOthersDoNotWaitForTheRest) {
    for (int i = 0; i < 500; ++i) {
        ask("user alice", 1024);
    }
    EXPECT_EQ(recalls.size(), history_reads_per_client);
    EXPECT_GT(numbers.limit_hits.at({"history.reads_per_client"}), 400);
    ask("user bob", 1024);
    EXPECT_EQ(recalls.size(), history_reads_per_client + 1);
    recalls.back().second({true, {}, {}, {}, {}});
    recalls.pop_back();
    EXPECT_EQ(answered_, std::vector<std::string>{"user bob"});
    answer_all();
    EXPECT_EQ(answered_.size(), 501U);
}

TEST_F(HistoryReads, WhenThePodsBytesAreTakenClientsTakeTurns) {
    for (int i = 0; i < 4; ++i) {
        ask("user large " + std::to_string(i), history_reads_bytes / 4);
    }
    const std::size_t first = recalls.size();
    for (int i = 0; i < 50; ++i) {
        ask("user alice");
    }
    ask("user bob");
    EXPECT_EQ(recalls.size(), first);
    for (std::size_t i = 0; i < first + 3; ++i) {
        answer_one();
    }
    EXPECT_NE(std::find(answered_.begin(), answered_.end(), "user bob"), answered_.end()) << "behind one of alice's fifty";
}

TEST_F(HistoryReads, OneThatIsLargerThanAllRunsAlone) {
    ask("user alice", 10 * history_reads_bytes);
    ask("user bob", 1024);
    EXPECT_EQ(recalls.size(), 1U);
    answer_all();
    EXPECT_EQ(answered_, (std::vector<std::string>{"user alice", "user bob"}));
}

TEST_F(HistoryReads, NothingIsReadForWhoHasGone) {
    for (int i = 0; i < 50; ++i) {
        ask("user alice");
    }
    wanted = false;
    answer_all();
    EXPECT_EQ(answered_.size(), history_reads_per_client);
    EXPECT_EQ(reads.waiting(), 0U);
    EXPECT_EQ(reads.bytes(), 0U);
}

TEST_F(HistoryReads, OneThatWaitsTooLongIsToldSo) {
    for (int i = 0; i < 10; ++i) {
        ask("user alice");
    }
    pass(history_reads::patience + 1s);
    EXPECT_EQ(given_up_.size(), 10 - history_reads_per_client);
    answer_all();
    EXPECT_EQ(answered_.size(), history_reads_per_client);
    EXPECT_EQ(reads.waiting(), 0U);
}

TEST_F(HistoryReads, ARedisThatAnswersNothingAtOnceNeedsNoStack) {
    for (int i = 0; i < 5'000; ++i) {
        ask("user alice", 1024);
    }
    keeps_history = false;  // Redis is down: the answer is there before the question returns
    answer_all();
    EXPECT_EQ(answered_.size() + given_up_.size(), 5'000U);
}

}  // namespace
}  // namespace wsidecar::core
