#include "proto/http/content_coding.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

namespace wsidecar::proto {
namespace {

constexpr int gzip = 15 + 16;
constexpr int zlib = 15;
constexpr int bare = -15;

std::string coded(std::string_view text, int window_bits) {
    z_stream z{};
    deflateInit2(&z, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
    std::string out(text.size() + 100, 0);
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    ::deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return out.substr(0, out.size() - z.avail_out);
}

std::string read(std::string_view coding, std::string_view body, std::size_t limit = 1000) {
    const auto r = decode_content(coding, body, limit);
    return r ? *r : std::string("problem: ") + r.error().reason;
}

TEST(ContentCoding, ReadsGzipAndDeflateInBothOfItsForms) {
    const std::string text = "{\"dish\":\"soup\"}";
    EXPECT_EQ(read("gzip", coded(text, gzip)), text);
    EXPECT_EQ(read(" X-GZip ", coded(text, gzip)), text);
    EXPECT_EQ(read("gzip", coded(text, gzip) + coded(text, gzip)), text + text) << "two members";
    EXPECT_EQ(read("deflate", coded(text, zlib)), text);
    EXPECT_EQ(read("deflate", coded(text, bare)), text);
    EXPECT_EQ(read("identity", text), text);
    EXPECT_EQ(read(" ", text), text) << "an empty list of codings";
    EXPECT_EQ(read("gzip", coded("", gzip)), "");
}

TEST(ContentCoding, SaysWhatItCanNotRead) {
    const std::string whole = coded(std::string(500, 'x'), gzip);
    EXPECT_EQ(read("br", "x"), "problem: unknown_coding");
    EXPECT_EQ(read("gzip, gzip", whole), "problem: unknown_coding");
    EXPECT_EQ(read("gzip", "no gzip"), "problem: bad_coding");
    EXPECT_EQ(read("deflate", "\xFF\xFF"), "problem: bad_coding");
    EXPECT_EQ(read("gzip", whole.substr(0, whole.size() - 9)), "problem: bad_coding");
    EXPECT_EQ(read("gzip", whole + "x"), "problem: bad_coding");
}

TEST(ContentCoding, StopsAtTheLimit) {
    EXPECT_EQ(read("gzip", coded(std::string(1000, 'x'), gzip)).size(), 1000U);
    EXPECT_EQ(read("gzip", coded(std::string(1001, 'x'), gzip)), "problem: too_big");
    EXPECT_EQ(read("deflate", coded(std::string(40'000'000, 'x'), bare)), "problem: too_big");
}

}  // namespace
}  // namespace wsidecar::proto
