#include "proto/ws/deflate.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <random>

namespace wsidecar::proto {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

std::string inflate_all(inflater& z, std::string_view bytes, std::uint64_t limit = 1U << 20U) {
    std::string out;
    z.begin();
    const auto r = z.feed(bytes, true, out, limit);
    return r == ws_violation::none ? out : std::string("problem: ") + terms(r).word;
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
    std::mt19937 random(1);
    for (int bits = 8; bits <= max_window_bits; ++bits) {
        deflater d(bits);
        std::string block(1U << static_cast<unsigned>(bits), 0);
        for (auto& c : block) {
            c = static_cast<char>(random());
        }
        // The repetition lies one window away: a larger window would halve the size.
        EXPECT_GT(d.compress(block + block).size(), 2 * block.size() - 100) << bits;
        EXPECT_LT(d.compress(std::string(300, 'x')).size(), 20U) << bits;
    }
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
    deflater d(deflate_window_bits, 9);
    inflater z;
    const std::string bomb = d.compress(std::string(20U << 20U, 0));
    ASSERT_LT(bomb.size(), 100U * 1024);
    std::string out;
    z.begin();
    const auto r = z.feed(bomb, true, out, 64 * 1024);
    EXPECT_EQ(r, ws_violation::message_too_big);
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
        ASSERT_EQ(z.feed({&c, 1}, false, out, 1000), ws_violation::none);
    }
    ASSERT_EQ(z.feed("", true, out, 1000), ws_violation::none);
    EXPECT_EQ(out, text);
}

/// A client that goes on with its context, as java.util.zip.Deflater does between messages.
class context {
public:
    explicit context(int bits = max_window_bits) { deflateInit2(&z_, 6, Z_DEFLATED, -bits, 8, Z_DEFAULT_STRATEGY); }
    context(const context&) = delete;
    context& operator=(const context&) = delete;
    ~context() { deflateEnd(&z_); }

    std::string compress(std::string_view message, int flush = Z_SYNC_FLUSH) {
        std::string out(message.size() + 100, 0);
        z_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(message.data()));
        z_.avail_in = static_cast<uInt>(message.size());
        z_.next_out = reinterpret_cast<Bytef*>(out.data());
        z_.avail_out = static_cast<uInt>(out.size());
        ::deflate(&z_, flush);
        return out.substr(0, out.size() - z_.avail_out - (flush == Z_SYNC_FLUSH ? 4 : 0));
    }

private:
    z_stream z_{};
};

TEST(Inflate, GoesOnWithTheWindowOfItsSender) {
    context c;
    inflater z;
    const std::string first = "the table is free from noon on";
    EXPECT_EQ(inflate_all(z, c.compress(first)), first);
    const std::string second = c.compress(first);
    EXPECT_LT(second.size(), 10U);
    EXPECT_EQ(inflate_all(z, second), "problem: bad_deflate") << "it refers to the first";
    std::string out;
    z.begin(first);
    ASSERT_EQ(z.feed(second, true, out, 1000), ws_violation::none);
    EXPECT_EQ(out, first);
}

TEST(Inflate, KeepsTheWindowWithinAMessageWhoseBlockIsFinal) {
    inflater z;
    std::string bytes = "\xF3\x48\xCD\xC9\xC9\x07\x00"s;  // "Hello", BFINAL set
    // A fixed block: length 5, distance 5.
    bytes += "\x03\x13\x00"s;
    EXPECT_EQ(inflate_all(z, bytes), "HelloHello");
}

constexpr auto plain_answer = "permessage-deflate";

std::string answer_to(std::string_view offer) {
    const auto terms = negotiate_deflate(offer);
    return terms ? terms->answer : "declined";
}

TEST(NegotiateDeflate, TakesTheFirstOfferThatItCan) {
    for (const auto offer : {"permessage-deflate", " permessage-deflate ", "permessage-deflate; client_max_window_bits",
                             "permessage-deflate; client_max_window_bits=\"15\"", "x-webkit-deflate-frame, permessage-deflate",
                             "permessage-deflate; unknown, permessage-deflate",
                             "permessage-deflate; server_max_window_bits=7, permessage-deflate; client_max_window_bits",
                             "foo; a=\"x,permessage-deflate\"; b, permessage-deflate", ",, permessage-deflate,"}) {
        EXPECT_EQ(answer_to(offer), plain_answer) << offer;
    }
}

TEST(NegotiateDeflate, AnswersWithNothingThatWasNotOffered) {
    EXPECT_EQ(answer_to("permessage-deflate; server_no_context_takeover"), "permessage-deflate; server_no_context_takeover");
    EXPECT_EQ(answer_to("permessage-deflate; client_no_context_takeover"), "permessage-deflate; client_no_context_takeover");
    EXPECT_EQ(answer_to("permessage-deflate; client_max_window_bits; client_no_context_takeover; server_no_context_takeover"),
              "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    EXPECT_EQ(answer_to("permessage-deflate;client_max_window_bits=10"), "permessage-deflate; client_max_window_bits=10");
}

TEST(NegotiateDeflate, HonoursTheWindowThatTheClientAsksFor) {
    for (int bits = 8; bits <= 15; ++bits) {
        const auto terms = negotiate_deflate("permessage-deflate; server_max_window_bits=" + std::to_string(bits));
        ASSERT_TRUE(terms) << bits;
        EXPECT_EQ(terms->send_bits, std::min(bits, deflate_window_bits));
        EXPECT_EQ(terms->answer, "permessage-deflate; server_max_window_bits=" + std::to_string(terms->send_bits));
    }
}

TEST(NegotiateDeflate, KnowsWhatTheClientKeepsOfItsMessages) {
    const auto window = [](std::string_view offer) { return negotiate_deflate(offer).value_or(deflate_terms()).receive_bits; };
    EXPECT_EQ(window("permessage-deflate"), 15);
    EXPECT_EQ(window("permessage-deflate; client_max_window_bits"), 15) << "it may be java.util.zip, which has no other";
    EXPECT_EQ(window("permessage-deflate; client_max_window_bits=9"), 9);
    EXPECT_EQ(window("permessage-deflate; client_max_window_bits=9; client_no_context_takeover"), 0);
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
