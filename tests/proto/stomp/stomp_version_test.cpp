#include "proto/stomp/stomp_version.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto::stomp {
namespace {

TEST(StompVersion, TheHighestInCommonIsTaken) {
    EXPECT_EQ(negotiate_version("1.2,1.1,1.0"), version::v1_2) << "stompjs 7";
    EXPECT_EQ(negotiate_version("1.1,1.0"), version::v1_1) << "stomp.js 2.3";
    EXPECT_EQ(negotiate_version("1.0,1.1"), version::v1_1);
    EXPECT_EQ(negotiate_version("1.0"), version::v1_0);
    EXPECT_EQ(negotiate_version("1.3,1.2"), version::v1_2);
    EXPECT_EQ(negotiate_version("1.1, 1.2"), version::v1_2);
}

TEST(StompVersion, WithoutTheHeaderItIsTheFirst) {
    EXPECT_EQ(negotiate_version(std::nullopt), version::v1_0);
}

TEST(StompVersion, NoneInCommonIsNone) {
    for (const auto* list : {"", ",", "2.0", "1", "1.20", "11.2", "v12.stomp"}) {
        EXPECT_EQ(negotiate_version(list), std::nullopt) << list;
    }
}

TEST(StompVersion, ASubprotocolStandsForAVersion) {
    for (const auto v : {version::v1_0, version::v1_1, version::v1_2}) {
        EXPECT_EQ(subprotocol_version(subprotocol_name(v)), v);
        EXPECT_EQ(negotiate_version(version_name(v)), v);
    }
    EXPECT_EQ(subprotocol_version("V12.STOMP"), version::v1_2);
    EXPECT_EQ(subprotocol_version("v13.stomp"), std::nullopt);
    EXPECT_EQ(subprotocol_version("mqtt"), std::nullopt);
}

}  // namespace
}  // namespace wsidecar::proto::stomp
