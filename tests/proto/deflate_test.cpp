#include "proto/deflate.hpp"

#include <gtest/gtest.h>

#include <random>

namespace wsidecar::proto {
namespace {

using namespace std::string_view_literals;

std::string inflate_all(inflater& z, std::string_view bytes, std::uint64_t limit = 1U << 20U) {
    std::string out;
    z.begin();
    const auto r = z.feed(bytes, true, out, limit);
    return r ? out : std::string("problem: ") + r.error().reason;
}

TEST(Deflate, RoundTripsMessagesOfAllSizes) {
    deflater d;
    inflater z;
    std::mt19937 random(7);
    for (const std::size_t size : {0, 1, 2, 125, 4096, 16384, 100000, 300000}) {
        std::string noise(size, 0);
        for (auto& c : noise) {
            c = static_cast<char>(random());
        }
        EXPECT_EQ(inflate_all(z, d.compress(noise)), noise) << size;
        const std::string dull(size, 'x');
        EXPECT_EQ(inflate_all(z, d.compress(dull)), dull) << size;
    }
}

TEST(Deflate, RemovesTheTailOfTheFlush) {
    deflater d;
    EXPECT_EQ(d.compress(""), "\x00"sv) << "an empty message is one byte (RFC 7692 section 7.2.3.6)";
    EXPECT_EQ(d.compress("Hello"), "\xF2\x48\xCD\xC9\xC9\x07\x00"sv) << "RFC 7692 section 7.2.3.1";
}

TEST(Deflate, MessagesStandAlone) {
    deflater d;
    const auto first = d.compress("the same text");
    EXPECT_EQ(d.compress("the same text"), first);
}

TEST(Deflate, UsesNoWindowLargerThanNegotiated) {
    deflater d;
    std::mt19937 random(1);
    std::string block(1U << deflate_window_bits, 0);
    for (auto& c : block) {
        c = static_cast<char>(random());
    }
    // The repetition lies one window and more away: a larger window would halve the size.
    EXPECT_GT(d.compress(block + block).size(), 2 * block.size() - 100);
}

TEST(Inflate, ReadsTheExamplesOfTheRfc) {
    inflater z;
    EXPECT_EQ(inflate_all(z, "\xF2\x48\xCD\xC9\xC9\x07\x00"sv), "Hello");
    EXPECT_EQ(inflate_all(z, "\x00\x05\x00\xFA\xFF\x48\x65\x6C\x6C\x6F\x00"sv), "Hello") << "no compression";
    EXPECT_EQ(inflate_all(z, "\xF3\x48\xCD\xC9\xC9\x07\x00\x00"sv), "Hello") << "BFINAL set";
    EXPECT_EQ(inflate_all(z, "\xF3\x48\xCD\xC9\xC9\x07\x00"sv), "Hello") << "BFINAL set and no empty block behind it";
    EXPECT_EQ(inflate_all(z, "\xF2\x48\x05\x00\x00\x00\xFF\xFF\xCA\xC9\xC9\x07\x00"sv), "Hello") << "two blocks";
    EXPECT_EQ(inflate_all(z, "\x00"sv), "");
    EXPECT_EQ(inflate_all(z, ""), "problem: bad_deflate") << "the tail alone is no block; an empty message is 0x00";
}

TEST(Inflate, RefusesGarbageAndWhatBreaksOff) {
    inflater z;
    EXPECT_EQ(inflate_all(z, "\xFF\xFF\xFF"sv), "problem: bad_deflate");
    // Nine bytes short: one that lacks four would be filled up by the tail that the reader puts behind (RFC 7692 7.2.2).
    EXPECT_EQ(inflate_all(z, "\x00\x0A\x00\xF5\xFF\x48"sv), "problem: bad_deflate") << "a stored block that ends early";
    EXPECT_EQ(inflate_all(z, "\xF2\x48\xCD"sv), "problem: bad_deflate");
    EXPECT_EQ(inflate_all(z, "\xF2\x48\xCD\xC9\xC9\x07\x00"sv), "Hello") << "and is fit for the next message";
}

TEST(Inflate, StopsAtTheLimitWhileInflating) {
    deflater d(9);
    inflater z;
    const std::string bomb = d.compress(std::string(20U << 20U, 0));
    ASSERT_LT(bomb.size(), 100U * 1024);
    std::string out;
    z.begin();
    const auto r = z.feed(bomb, true, out, 64 * 1024);
    ASSERT_FALSE(r);
    EXPECT_STREQ(r.error().reason, "message_too_big");
    EXPECT_LE(out.size(), 64U * 1024);
    EXPECT_EQ(inflate_all(z, d.compress(std::string(65536, 'a')), 65536).size(), 65536U) << "exactly the limit";
    EXPECT_EQ(inflate_all(z, d.compress(std::string(65537, 'a')), 65536), "problem: message_too_big");
}

TEST(Inflate, TakesAMessageInPieces) {
    deflater d;
    inflater z;
    const std::string text = "a text, a text, and again a text";
    const std::string bytes = d.compress(text);
    std::string out;
    z.begin();
    for (const char c : bytes) {
        ASSERT_TRUE(z.feed({&c, 1}, false, out, 1000));
    }
    ASSERT_TRUE(z.feed("", true, out, 1000));
    EXPECT_EQ(out, text);
}

constexpr auto plain_answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

TEST(NegotiateDeflate, TakesTheFirstOfferThatItCan) {
    for (const auto offer :
         {"permessage-deflate", " permessage-deflate ", "permessage-deflate; client_max_window_bits",
          "permessage-deflate;client_max_window_bits=10", "permessage-deflate; client_max_window_bits=\"15\"",
          "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
          "x-webkit-deflate-frame, permessage-deflate", "permessage-deflate; unknown, permessage-deflate",
          "permessage-deflate; server_max_window_bits=9, permessage-deflate; client_max_window_bits",
          "foo; a=\"x,permessage-deflate\"; b, permessage-deflate", ",, permessage-deflate,"}) {
        EXPECT_EQ(negotiate_deflate(offer), plain_answer) << offer;
    }
}

TEST(NegotiateDeflate, HonoursTheWindowThatTheClientAsksFor) {
    const std::string answer = std::string(plain_answer) + "; server_max_window_bits=12";
    EXPECT_EQ(negotiate_deflate("permessage-deflate; server_max_window_bits=12"), answer);
    EXPECT_EQ(negotiate_deflate("permessage-deflate; server_max_window_bits=15; client_max_window_bits"), answer);
    EXPECT_FALSE(negotiate_deflate("permessage-deflate; server_max_window_bits=11")) << "we could not keep it";
}

TEST(NegotiateDeflate, DeclinesWhatItDoesNotUnderstand) {
    for (const auto offer : {"",
                             ",",
                             "permessage-deflat",
                             "PERMESSAGE-DEFLATE",
                             "permessage-deflate; foo",
                             "permessage-deflate; foo=1",
                             "permessage-deflate; server_no_context_takeover=1",
                             "permessage-deflate; client_no_context_takeover=true",
                             "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
                             "permessage-deflate; client_max_window_bits; client_max_window_bits=12",
                             "permessage-deflate; server_max_window_bits",
                             "permessage-deflate; server_max_window_bits=16",
                             "permessage-deflate; server_max_window_bits=012",
                             "permessage-deflate; client_max_window_bits=7",
                             "permessage-deflate; client_max_window_bits=",
                             "permessage-deflate; client_max_window_bits=1x",
                             "permessage-deflate;",
                             "permessage-deflate; =1",
                             "permessage-deflate foo",
                             "permessage-deflate; client_max_window_bits=\"12",
                             "foo; \"permessage-deflate"}) {
        EXPECT_FALSE(negotiate_deflate(offer)) << offer;
    }
}

}  // namespace
}  // namespace wsidecar::proto
