#include "proto/stomp/stomp_frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "proto/stomp/stomp_write.hpp"

namespace wsidecar::proto::stomp {
namespace {

using namespace std::string_literals;

/// A frame, or an error, as text: "SEND[a=1][b=2]body", "!reason: text (receipt)".
std::string text_of(const frame& f) {
    std::string out(command_name(f.verb));
    for (const auto& h : f.headers) {
        out += "[" + std::string(h.name) + "=" + std::string(h.value) + "]";
    }
    return out + std::string(f.body);
}

std::string text_of(const frame_error& e) {
    return "!"s + e.reason + ": " + e.text + (e.receipt.empty() ? "" : " (" + e.receipt + ")");
}

struct how {
    limits l = {};
    version v = version::v1_2;
};

/// Everything that comes of the bytes when they arrive in pieces of this size, each in memory of its own that is gone afterwards.
std::vector<std::string> read(const std::string& bytes, std::size_t piece, const how& h = {}) {
    reader r(h.l);
    r.set_version(h.v);
    std::vector<std::string> seen;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        const std::string part = bytes.substr(at, piece);
        r.feed(part);
        for (event e = r.next(); e != event::need_more; e = r.next()) {
            if (e == event::frame) {
                seen.push_back(text_of(r.current()));
            } else if (e == event::error) {
                seen.push_back(text_of(r.error()));
            }
        }
    }
    return seen;
}

/// The same, after making sure that it makes no difference where the bytes are cut.
std::vector<std::string> frames(const std::string& bytes, const how& h = {}) {
    const auto whole = read(bytes, std::max<std::size_t>(bytes.size(), 1), h);
    for (std::size_t piece = 1; piece < std::min<std::size_t>(bytes.size(), 40); ++piece) {
        EXPECT_EQ(read(bytes, piece, h), whole) << "in pieces of " << piece;
    }
    return whole;
}

std::string only(const std::string& bytes, const how& h = {}) {
    const auto all = frames(bytes, h);
    return all.size() == 1 ? all[0] : std::to_string(all.size()) + " of them";
}

TEST(StompFrame, ReadsWhatClientsSend) {
    EXPECT_EQ(only("CONNECT\naccept-version:1.2,1.1,1.0\nheart-beat:10000,10000\n\n\0"s),
              "CONNECT[accept-version=1.2,1.1,1.0][heart-beat=10000,10000]");
    EXPECT_EQ(only("SEND\ndestination:/app/chat/42\ncontent-length:7\n\n{\"t\":1}\0"s),
              "SEND[destination=/app/chat/42][content-length=7]{\"t\":1}");
    EXPECT_EQ(only("SUBSCRIBE\nid:sub-0\ndestination:/topic/a\n\n\0"s), "SUBSCRIBE[id=sub-0][destination=/topic/a]");
    EXPECT_EQ(only("DISCONNECT\n\n\0"s), "DISCONNECT");
}

TEST(StompFrame, KnowsEveryClientCommandAndNoOther) {
    for (const auto* name :
         {"CONNECT", "STOMP", "SEND", "SUBSCRIBE", "UNSUBSCRIBE", "ACK", "NACK", "BEGIN", "COMMIT", "ABORT", "DISCONNECT"}) {
        EXPECT_EQ(only(name + "\n\n\0"s), name);
    }
    EXPECT_EQ(only("MESSAGE\n\n\0"s), "!unknown_command: unknown command MESSAGE");
    EXPECT_EQ(only("send\n\n\0"s), "!unknown_command: unknown command send") << "commands are upper case";
    EXPECT_EQ(only("SEND \n\n\0"s), "!unknown_command: unknown command");
    EXPECT_EQ(only("\xFF\xFE\n\n\0"s), "!unknown_command: unknown command") << "what ERROR says is plain text";
    EXPECT_EQ(only("GET /ws HTTP/1.1\r\n"), "!unknown_command: unknown command");
}

TEST(StompFrame, SeveralFramesInOneMessage) {
    EXPECT_EQ(frames("BEGIN\ntransaction:1\n\n\0SEND\ndestination:/q\n\nhi\0\n\nCOMMIT\ntransaction:1\n\n\0"s),
              (std::vector<std::string>{"BEGIN[transaction=1]", "SEND[destination=/q]hi", "COMMIT[transaction=1]"}));
}

TEST(StompFrame, ALineEndsWithLfOrCrLf) {
    EXPECT_EQ(only("SEND\r\ndestination:/q\r\n\r\na\r\nb\0"s), "SEND[destination=/q]a\r\nb");
    EXPECT_EQ(only("SEND\r\ndestination:/q\n\r\nb\0"s), "SEND[destination=/q]b");
    EXPECT_EQ(only("SEND\r\ndestination:/q\r\n\r\n\0"s, {{}, version::v1_1}), "SEND[destination=/q]") << "in every version";
    EXPECT_EQ(only("SEND\ndestination:/q\rx:y\n\n\0"s), "!bad_line_end: a CR without LF");
    EXPECT_EQ(only("SEND\ndestination:/q\r\r\n\n\0"s), "!bad_line_end: a CR without LF");
    EXPECT_EQ(only("\rSEND\n\n\0"s), "!bad_line_end: a CR without LF");
}

TEST(StompFrame, LineEndsBetweenFramesAreHeartBeats) {
    reader r;
    const auto beats = [&](std::string_view bytes) {
        std::string seen;
        r.feed(bytes);
        for (event e = r.next(); e != event::need_more; e = r.next()) {
            seen += e == event::heart_beat ? 'h' : e == event::frame ? 'f' : '!';
        }
        return seen;
    };
    EXPECT_EQ(beats("\n"), "h");
    EXPECT_EQ(beats("\r\n"), "h");
    EXPECT_EQ(beats("\n\n\r\n"), "h") << "one for all that are there";
    EXPECT_EQ(beats("\r"), "");
    EXPECT_EQ(beats("\n"), "h");
    EXPECT_EQ(beats("DISCONNECT\n\n\0\n"s), "fh");
    EXPECT_EQ(beats("\nDISCONNECT\n"s), "h");
    EXPECT_EQ(beats("\n"s), "") << "the end of the headers is none";
    EXPECT_EQ(beats("\0"s), "f");
    EXPECT_TRUE(r.at_rest());
    EXPECT_EQ(beats("\0"s), "!") << "a NUL by itself is none, and no frame";
}

TEST(StompFrame, ANulBeforeTheHeadersEndIsAnError) {
    EXPECT_EQ(only("\0"s + "\n"), "!nul_in_header: a NUL before the empty line that ends the headers");
    EXPECT_EQ(only("SEND\0"s), "!nul_in_header: a NUL before the empty line that ends the headers");
    EXPECT_EQ(only("SEND\nreceipt:7\ndestination:/q\0"s),
              "!nul_in_header: a NUL before the empty line that ends the headers (7)");
}

TEST(StompFrame, ContentLengthSaysWhereTheBodyEnds) {
    EXPECT_EQ(only("SEND\ncontent-length:5\n\na\0\nb\0\0"s), "SEND[content-length=5]a\0\nb\0"s);
    EXPECT_EQ(only("SEND\ncontent-length:0\n\n\0"s), "SEND[content-length=0]");
    EXPECT_EQ(only("SEND\n\na\nb\0"s),
              "SEND"
              "a\nb");
    EXPECT_EQ(only("SEND\nreceipt:r\ncontent-length:2\n\nabc\0"s), "!no_nul: content-length 2 but no NUL after the body (r)");
    EXPECT_EQ(only("SEND\ncontent-length:2\ncontent-length:9\n\nab\0"s), "SEND[content-length=2][content-length=9]ab")
        << "the first counts";
    EXPECT_EQ(only("SEND\ncontent-length:+3\n\na\0b\0"s), "SEND[content-length=+3]a\0b"s) << "as Java reads it";
    EXPECT_EQ(only("SEND\ncontent-length:00000000000000000000003\n\na\0b\0"s),
              "SEND[content-length=00000000000000000000003]a\0b"s);
    for (const auto* unreadable : {"", " 2", "2 ", "-2", "+", "+-2", "2x", "0x2", "99999999999999999999x", "2147483648",
                                   "+2147483648", "99999999999", "99999999999999999999", "-99999999999999999999"}) {
        EXPECT_EQ(only("SEND\ncontent-length:"s + unreadable + "\n\nabc\0"s), "SEND[content-length="s + unreadable + "]abc")
            << "as in Spring it counts for nothing";
    }
}

TEST(StompFrame, OnlySendHasABody) {
    EXPECT_EQ(only("SUBSCRIBE\nid:1\n\nx\0"s), "!unexpected_body: a body in SUBSCRIBE, only SEND may have one");
    EXPECT_EQ(only("ACK\ncontent-length:1\n\n"s), "!unexpected_body: a body in ACK, only SEND may have one");
    EXPECT_EQ(only("CONNECT\naccept-version:1.2\n\n\n\0"s), "!unexpected_body: a body in CONNECT, only SEND may have one");
    EXPECT_EQ(only("ACK\ncontent-length:0\n\n\0"s), "ACK[content-length=0]");
}

TEST(StompFrame, HeadersAreTakenAsTheyStand) {
    EXPECT_EQ(only("SEND\n a : b \nc:\nd:e:f\n\n\0"s), "SEND[ a = b ][c=][d=e:f]") << "no trimming; colons in values";
    EXPECT_EQ(only("SEND\nno colon\n\n\0"s), "!no_colon: a header without colon");
    EXPECT_EQ(only("SEND\n:x\n\n\0"s), "!empty_header_name: a header without name");
    EXPECT_EQ(only("SEND\na:\xC3\x28\n\n\0"s), "!bad_utf8: a header that is no UTF-8");
    EXPECT_EQ(only("SEND\n名:张\xF0\x9F\x98\x80\n\n\0"s), "SEND[名=张\xF0\x9F\x98\x80]");
}

TEST(StompFrame, TheFirstOfRepeatedHeadersCounts) {
    reader r;
    const auto bytes = "SEND\nfoo:1\nbar:x\nfoo:2\n\n\0"s;
    r.feed(bytes);
    ASSERT_EQ(r.next(), event::frame);
    EXPECT_EQ(r.current().find("foo"), "1");
    EXPECT_EQ(r.current().find("Foo"), std::nullopt);
    EXPECT_EQ(r.current().find("bar"), "x");
    EXPECT_EQ(r.current().headers.size(), 3U);
}

TEST(StompFrame, UnescapesAsTheVersionHasIt) {
    const auto all = "SEND\na\\cb:c\\\\d\\ne\\cf\n\n\0"s;
    EXPECT_EQ(only(all), "SEND[a:b=c\\d\ne:f]");
    EXPECT_EQ(only(all, {{}, version::v1_1}), "SEND[a:b=c\\d\ne:f]");
    EXPECT_EQ(only(all, {{}, version::v1_0}), "SEND[a\\cb=c\\\\d\\ne\\cf]");
    EXPECT_EQ(only("SEND\na:b\\rc\n\n\0"s), "SEND[a=b\rc]");
    EXPECT_EQ(only("SEND\na:b\\rc\n\n\0"s, {{}, version::v1_1}), "!bad_escape: bad escape \\r in a header");
    EXPECT_EQ(only("SEND\nreceipt:7\na:b\\tc\n\n\0"s), "!bad_escape: bad escape \\t in a header (7)");
    EXPECT_EQ(only("SEND\na:b\\\n\n\0"s), "!bad_escape: bad escape in a header");
    EXPECT_EQ(only("SEND\na:b\\\xC3\xA9\n\n\0"s), "!bad_escape: bad escape in a header");
    EXPECT_EQ(only("SEND\n\\\\:\\c\\c\n\n\0"s), "SEND[\\=::]");
}

TEST(StompFrame, ConnectIsNotUnescaped) {
    EXPECT_EQ(only("CONNECT\nlogin:a\\cb\npasscode:\\t\n\n\0"s), "CONNECT[login=a\\cb][passcode=\\t]");
    EXPECT_EQ(only("STOMP\nlogin:a\\cb\n\n\0"s), "STOMP[login=a\\cb]");
}

TEST(StompFrame, TheVersionHoldsForWhatComesAfterConnectInTheSameBytes) {
    reader r;
    const auto bytes = "CONNECT\n\n\0SEND\na:\\c\n\n\0"s;
    r.feed(bytes);
    ASSERT_EQ(r.next(), event::frame);
    r.set_version(version::v1_0);
    ASSERT_EQ(r.next(), event::frame);
    EXPECT_EQ(r.current().find("a"), "\\c");
}

TEST(StompFrame, AFrameMayBeAsLargeAsTheLimitAndNotLarger) {
    const how h{{64, 100, 64}, version::v1_2};
    const auto frame_of = [](std::size_t size, bool length) {
        std::string head = length ? "SEND\ncontent-length:" + std::to_string(size - 24 - 1) + "\n\n" : "SEND\n\n";
        EXPECT_TRUE(!length || head.size() == 24U);
        return head + std::string(size - head.size() - 1, 'x') + '\0';
    };
    for (const bool length : {false, true}) {
        EXPECT_EQ(frames(frame_of(64, length) + "DISCONNECT\n\n\0"s, h).size(), 2U);
        EXPECT_EQ(only(frame_of(65, length), h), "!frame_too_big: a frame larger than 64 bytes");
    }
    EXPECT_EQ(only("SEND\ncontent-length:2147483647\n\n"s), "!frame_too_big: a frame larger than 64 KiB")
        << "the largest that Java reads";
    EXPECT_EQ(only("SEND\ncontent-length:65536\n\n"s), "!frame_too_big: a frame larger than 64 KiB")
        << "said before the body comes";
    EXPECT_EQ(only("SEND\na:1\nb:2\nc:3\nd:4\ne:5\nf:6\ng:7\nh:8\ni:9\nj:0\nk:1\nl:2\nm:3\nn:4\no:5\np:6\n", h),
              "!frame_too_big: a frame larger than 64 bytes");
}

TEST(StompFrame, HeadersAreBounded) {
    const how h{{1024, 3, 10}, version::v1_2};
    EXPECT_EQ(only("SEND\na:1\nb:2\nc:3\n\n\0"s, h), "SEND[a=1][b=2][c=3]");
    EXPECT_EQ(only("SEND\na:1\nb:2\nc:3\nd:4\n\n\0"s, h), "!too_many_headers: more than 3 headers");
    EXPECT_EQ(only("SEND\na:12345678\n\n\0"s, h), "SEND[a=12345678]");
    EXPECT_EQ(only("SEND\r\na:12345678\r\n\r\n\0"s, h), "SEND[a=12345678]");
    EXPECT_EQ(only("SEND\na:123456789\n\n\0"s, h), "!header_too_long: a header line longer than 10 bytes");
    EXPECT_EQ(only("SEND\na:1234567890123", h), "!header_too_long: a header line longer than 10 bytes");
}

TEST(StompFrame, AnErrorIsSaidOnceAndWhatFollowsIsSwallowed) {
    reader r;
    const auto bytes = "FOO\n\n\0SEND\n\n\0"s;
    r.feed(bytes);
    EXPECT_EQ(r.next(), event::error);
    EXPECT_EQ(r.next(), event::need_more);
    r.feed(bytes);
    EXPECT_EQ(r.next(), event::need_more);
    EXPECT_EQ(r.buffered(), 0U);
}

bool lies_in(std::string_view part, std::string_view whole) {
    return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

TEST(StompFrame, AWholeFrameIsNotCopied) {
    reader r;
    const auto bytes = "SEND\ndestination:/q\n\nhello\0SEND\ndestination:/r\n\nworld\0"s;
    r.feed(bytes);
    for (const std::string_view body : {"hello", "world"}) {
        ASSERT_EQ(r.next(), event::frame);
        EXPECT_EQ(r.current().body, body);
        EXPECT_TRUE(lies_in(r.current().body, bytes));
        EXPECT_TRUE(lies_in(r.current().headers[0].value, bytes));
    }
    EXPECT_EQ(r.next(), event::need_more);
}

TEST(StompFrame, NothingIsHeldAtRestAndABoundedBufferInBetween) {
    reader r;
    EXPECT_EQ(r.buffered(), 0U);
    const auto bytes = "SEND\na:\\c\n\n" + std::string(60000, 'x') + '\0';
    for (std::size_t at = 0; at < bytes.size(); at += 100) {
        EXPECT_EQ(r.next(), event::need_more);
        r.feed(std::string_view(bytes).substr(at, 100));
        EXPECT_LE(r.buffered(), 66U * 1024);
    }
    ASSERT_EQ(r.next(), event::frame);
    EXPECT_EQ(r.current().body.size(), 60000U);
    EXPECT_FALSE(r.buffered() == 0);
    EXPECT_EQ(r.next(), event::need_more);
    EXPECT_TRUE(r.at_rest());
    EXPECT_EQ(r.buffered(), 0U);
    r.feed("SE");
    EXPECT_EQ(r.next(), event::need_more);
    EXPECT_LT(r.buffered(), 1024U) << "the memory of a frame in the making grows with what came of it";
}

TEST(StompFrame, BytesThatNobodyTookYetAreKeptWhenMoreCome) {
    reader r;
    {
        const auto first = "BEGIN\ntransaction:1\n\n\0SEND\ndestination:/q\n\nhe"s;
        r.feed(first);
        ASSERT_EQ(r.next(), event::frame);
        r.feed("llo\0"s);
    }
    ASSERT_EQ(r.next(), event::frame);
    EXPECT_EQ(text_of(r.current()), "SEND[destination=/q]hello");
    EXPECT_EQ(r.next(), event::need_more);
}

TEST(StompFrame, AReaderCanBeMovedWithinAFrame) {
    reader a;
    a.feed("SEND\nlong-header-name:long-header-value\n\nbo");
    EXPECT_EQ(a.next(), event::need_more);
    reader b = std::move(a);
    b.feed("dy\0"s);
    ASSERT_EQ(b.next(), event::frame);
    EXPECT_EQ(text_of(b.current()), "SEND[long-header-name=long-header-value]body");
}

TEST(StompFrame, ReadsBackWhatWasEscaped) {
    for (const auto v : {version::v1_1, version::v1_2}) {
        const auto text = v == version::v1_2 ? "a:b\\c\nd\re\\n张"s : "a:b\\c\nd\\n张"s;
        std::string bytes = "SEND\n";
        append_escaped(bytes, v, text);
        bytes += ':';
        append_escaped(bytes, v, text);
        bytes += "\n\n\0"s;
        EXPECT_EQ(only(bytes, {{}, v}), "SEND[" + text + "=" + text + "]");
    }
}

}  // namespace
}  // namespace wsidecar::proto::stomp
