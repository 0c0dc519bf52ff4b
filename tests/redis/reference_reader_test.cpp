#include "sidecar/redis/reference_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/redis/scripted_port.hpp"

namespace wsidecar::redis {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ReferenceReader : public testing::Test {
protected:
    ReferenceReader() { link.is_up = true; }

    static inbox_entry entry(field name, std::string_view value) {
        inbox_entry e;
        e.fields[name] = value;
        return e;
    }
    /// Keeps what was read, as the inbox does.
    void read(std::vector<inbox_entry> entries) {
        reader.read(std::move(entries), [this](reference_reader::loaded& l, bool complete) {
            ++answers;
            if (complete) {
                for (const auto& e : reader.accept(l)) {
                    envelopes.emplace_back(e.fields[field::envelope]);
                }
            }
        });
    }

    scripted_port link;
    reference_reader reader{link, keys{"w:", "outbox"}};
    int answers = 0;
    std::vector<std::string> envelopes;
};

TEST_F(ReferenceReader, ABodyIsReadOnceForAllEntriesThatShareIt) {
    read({entry(field::body, "b1"), entry(field::envelope, "mine"), entry(field::body, "b1")});
    EXPECT_THAT(link.sent, ElementsAre(ElementsAre("HGET", "w:body:b1", "e")));
    EXPECT_EQ(answers, 0);
    link.answer(resp_text("{}"));
    EXPECT_THAT(envelopes, ElementsAre("{}", "mine", "{}"));
}

TEST_F(ReferenceReader, AnEstateAndItsBodiesAreReadAndStay) {
    read({entry(field::handover, "pod-1:gtable")});
    EXPECT_THAT(link.sent.back(), ElementsAre("XRANGE", "w:estate:pod-1:gtable", "-", "+", "COUNT", "1000"));
    link.answer(resp_entries({resp_entry("5-1", {"b", "b1", "n", "3"}), resp_entry("5-2", {"b", "b1"})}));
    EXPECT_THAT(link.sent.back(), ElementsAre("HGET", "w:body:b1", "e"));
    link.answer(resp_text("{}"));
    EXPECT_EQ(answers, 1);
    const auto handover = reader.find_handover("pod-1:gtable");
    ASSERT_TRUE(handover);
    ASSERT_EQ(handover->pushes.size(), 2U);
    EXPECT_EQ(handover->pushes[0].attempts, 3U);
    EXPECT_EQ(handover->pushes[0].envelope, "{}");
    EXPECT_EQ(handover->pushes[1].attempts, 1U) << "somebody may have had it";
    read({entry(field::handover, "pod-1:gtable")});
    EXPECT_EQ(answers, 2) << "the next heir finds it here";
    EXPECT_EQ(link.sent.size(), 2U);
    reader.clear();
    EXPECT_FALSE(reader.find_handover("pod-1:gtable"));
}

TEST_F(ReferenceReader, KeptPushesAreReadInPartsUntilAllAreThere) {
    read({entry(field::claims, "gtable\rualice\r5-0\r900-0")});
    EXPECT_THAT(link.sent.back(), ElementsAre("XRANGE", "w:kept:group:table", "(5-0", "900-0", "COUNT", "500"));
    std::vector<std::string> part;
    for (int i = 0; i < 500; ++i) {
        part.push_back(resp_entry(std::to_string(6 + i) + "-0", {"e", "{}"}));
    }
    link.answer(resp_entries(part));
    EXPECT_THAT(link.sent.back(), ElementsAre("XRANGE", "w:kept:group:table", "(505-0", "900-0", "COUNT", "500"));
    link.answer(resp_entries({resp_entry("600-0", {"e", "{}", "i", "n-1"})}));
    EXPECT_EQ(answers, 1);
    const auto kept = reader.find_kept({"gtable", "ualice", {5, 0}, {900, 0}}, {});
    ASSERT_EQ(kept.size(), 501U);
    EXPECT_EQ(kept.back()->push_id, "n-1");
}

TEST_F(ReferenceReader, NothingIsKeptOfWhatCouldNotBeReadWhole) {
    read({entry(field::handover, "pod-1:gtable"), entry(field::body, "b1")});
    link.answer("-ERR no\r\n");
    EXPECT_EQ(answers, 1);
    EXPECT_THAT(envelopes, IsEmpty());
    EXPECT_FALSE(reader.find_handover("pod-1:gtable"));
    read({entry(field::body, "b1")});
    link.go_down();
    EXPECT_EQ(answers, 2);
    EXPECT_THAT(envelopes, IsEmpty());
}

TEST_F(ReferenceReader, SixtyFourEstatesStayAtMost) {
    for (int i = 0; i < 70; ++i) {
        const std::string name = "pod-1:g" + std::to_string(i);
        read({entry(field::handover, name)});
        link.answer("*0\r\n");
    }
    int held = 0;
    for (int i = 0; i < 70; ++i) {
        held += reader.find_handover("pod-1:g" + std::to_string(i)) ? 1 : 0;
    }
    EXPECT_LE(held, 64);
    EXPECT_TRUE(reader.find_handover("pod-1:g69"));
}

}  // namespace
}  // namespace wsidecar::redis
