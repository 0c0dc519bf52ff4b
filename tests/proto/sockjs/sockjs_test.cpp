#include "proto/sockjs/sockjs.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto::sockjs {
namespace {

std::string encoded(std::string_view text) {
    std::string out;
    return append_message(out, text) ? out : "not text";
}

std::string decoded(std::string_view payload) {
    const auto all = decode(payload);
    if (!all) {
        return all.error().reason;
    }
    std::string out;
    for (const auto& m : *all) {
        out += '<' + m + '>';
    }
    return out;
}

TEST(SockJs, AMessageIsAnArrayOfOneString) {
    EXPECT_EQ(encoded("x"), R"(a["x"])");
    EXPECT_EQ(encoded(""), R"(a[""])");
    EXPECT_EQ(encoded("\"q\" \\ / \n\r\t\b\f\x01\x1f\x7f"), R"(a["\"q\" \\ / \n\r\t\b\f\u0001\u001f)"
                                                            "\x7f\"]");
    EXPECT_EQ(encoded(std::string_view("\0", 1)), R"(a["\u0000"])");
}

TEST(SockJs, WhatBrowsersMangleIsEscapedAndNothingElse) {
    EXPECT_EQ(encoded("é 世界"), "a[\"é 世界\"]");
    EXPECT_EQ(encoded("\u200b\u200c\u200f\u2010"), "a[\"\u200b\\u200c\\u200f\u2010\"]");
    EXPECT_EQ(encoded("\u2027\u2028\u202f\u2030"), "a[\"\u2027\\u2028\\u202f\u2030\"]");
    EXPECT_EQ(encoded("\u205f\u2060\u206f\u2070"), "a[\"\u205f\\u2060\\u206f\u2070\"]");
    EXPECT_EQ(encoded("\uffef\ufff0\uffff"), "a[\"\uffef\\ufff0\\uffff\"]");
    EXPECT_EQ(encoded("\U0001F600\U0010FFFF"), R"(a["\ud83d\ude00\udbff\udfff"])");
}

TEST(SockJs, WhatIsNotUtf8IsNoMessage) {
    EXPECT_EQ(encoded("\xff"), "not text");
    EXPECT_EQ(encoded("\xed\xa0\x80"), "not text");
}

TEST(SockJs, SeveralMessagesMakeOneFrame) {
    EXPECT_EQ(inner(encoded("x")), "\"x\"");
}

TEST(SockJs, ACloseFrameHasCodeAndReason) {
    EXPECT_EQ(close_frame(4001, "say \"bye\""), R"(c[4001,"say \"bye\""])");
    EXPECT_EQ(close_frame(1000, ""), R"(c[1000,""])");
    EXPECT_EQ(close_frame(1001, "\xff"), R"(c[1001,""])");
    for (const int code : {0, 1005, 1006}) {
        EXPECT_EQ(close_frame(static_cast<std::uint16_t>(code), "x"), R"(c[3000,"Go away!"])");
    }
}

TEST(SockJs, AClientSendsAStringOrAnArrayOfThem) {
    EXPECT_EQ(decoded(R"(["a","b"])"), "<a><b>");
    EXPECT_EQ(decoded(R"( [ "a" , "" ] )"), "<a><>");
    EXPECT_EQ(decoded(R"("a")"), "<a>");
    EXPECT_EQ(decoded("[]"), "");
    EXPECT_EQ(decoded(""), "");
    EXPECT_EQ(decoded(R"(["\"\\\/\b\f\n\r\t\u0041\u00e9\u4e16\ud83d\ude00"])"), "<\"\\/\b\f\n\r\tAé世\U0001F600>");
    EXPECT_EQ(decode(R"(["\u0000"])").value().at(0), std::string(1, '\0'));
}

TEST(SockJs, LoneSurrogatesAreReplaced) {
    EXPECT_EQ(decoded(R"(["\ud800"])"), "<\uFFFD>");
    EXPECT_EQ(decoded(R"(["\ud800x"])"), "<\uFFFDx>");
    EXPECT_EQ(decoded(R"(["\udc00\ud800"])"), "<\uFFFD\uFFFD>");
    EXPECT_EQ(decoded(R"(["\ud800\ud83d\ude00"])"), "<\uFFFD\U0001F600>");
    EXPECT_EQ(decoded(R"(["\ud800\n"])"), "<\uFFFD\n>");
}

TEST(SockJs, AnythingElseIsBroken) {
    for (const char* bad :
         {"[\"x", "[\"x\"", "[\"x\",]", "[1]", "[null]", "[[\"x\"]]", "{\"a\":\"b\"}", "{}", "x", "\"", "[\"\\x\"]",
          "[\"\\ud83\"]", "[\"\n\"]", "[\"\xff\"]", "[\"a\"] x", "[\"a\"][\"b\"]", " ", "[\"a\" \"b\"]"}) {
        EXPECT_EQ(decoded(bad), "bad_json") << bad;
    }
}

TEST(SockJs, IframePagesOfAllVersionsAreOne) {
    for (const char* page :
         {"iframe.html", "iframe-.html", "iframe-1.6.1.html", "iframe-0.1.2abc-dirty.2144.html", "iframe_a.html"}) {
        EXPECT_EQ(canonical(std::string("/ws/") + page), "/ws/iframe.html");
    }
    for (const char* other : {"/ws/iframe.htm", "/ws/IFRAME.html", "/ws/iframe-A.html", "/ws/iframe.html/", "/ws/xiframe.html",
                              "/ws", "/ws/iframehtml", "/iframe-1.html/x"}) {
        EXPECT_EQ(canonical(other), other);
    }
}

TEST(SockJs, TheClientSCacheBusterIsNotOfTheUrl) {
    EXPECT_EQ(without_cache_buster("/ws?t=1540171800123"), "/ws");
    EXPECT_EQ(without_cache_buster("/ws?token=1&t=1540171800123"), "/ws?token=1");
    for (const char* kept : {"/ws", "/ws?t=abc", "/ws?t=1&x=2", "/ws?last=1", "/wst=1"}) {
        EXPECT_EQ(without_cache_buster(kept), kept);
    }
}

TEST(SockJs, InfoIsWhatSpringSays) {
    EXPECT_EQ(info(4294967295U), R"({"entropy":4294967295,"origins":["*:*"],"cookie_needed":true,"websocket":true})");
}

}  // namespace
}  // namespace wsidecar::proto::sockjs
