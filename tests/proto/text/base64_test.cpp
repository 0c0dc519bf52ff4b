#include "proto/text/base64.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto {
namespace {

TEST(Base64, ReadsAndWritesTheVectorsOfRfc4648) {
    const std::pair<const char*, const char*> vectors[] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
                                                           {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, encoded] : vectors) {
        EXPECT_EQ(base64_encode(plain), encoded);
        EXPECT_EQ(base64_decode(encoded), plain);
    }
}

TEST(Base64, IsStrict) {
    for (const char* bad : {"Zg", "Zg=", "Zg===", "Z", "Zm9v\n", "Zm 9v", "Zh==", "Zm9=", "=", "Zm9vYg=a", "Zm-_"}) {
        EXPECT_FALSE(base64_decode(bad)) << bad;
    }
}

TEST(Base64, ReadsAndWritesTheUrlsAlphabetWithoutPadding) {
    for (const auto& [plain, encoded] :
         std::initializer_list<std::pair<std::string, std::string>>{{"", ""},
                                                                    {"f", "Zg"},
                                                                    {"fo", "Zm8"},
                                                                    {"foo", "Zm9v"},
                                                                    {"\xFB\xEF\xFF", "--__"},
                                                                    {"\x03\xEC\xFF\xE0\xC1", "A-z_4ME"}}) {
        EXPECT_EQ(base64url_encode(plain), encoded);
        EXPECT_EQ(base64url_decode(encoded), plain);
    }
    for (const char* bad : {"Zg==", "Zg=", "Z", "Zm9v\n", "Zm 9v", "Zh", "Zm9", "+/+/", "Zm9vY"}) {
        EXPECT_FALSE(base64url_decode(bad)) << bad;
    }
}

}  // namespace
}  // namespace wsidecar::proto
