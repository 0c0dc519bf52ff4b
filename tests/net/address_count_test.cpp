#include "sidecar/net/address_count.hpp"

#include <gtest/gtest.h>

namespace wsidecar::net {
namespace {

TEST(AddressCount, AllAddressesOfAnIpv6SubscriberAreOne) {
    address_count all;
    const auto a = all.take("2001:db8:1:2::1");
    const auto b = all.take("2001:DB8:1:2:ffff:0:0:9");
    EXPECT_EQ(all.count("2001:db8:1:2:3:4:5:6"), 2U);
    EXPECT_EQ(all.count("2001:db8:1:3::1"), 0U);
}

TEST(AddressCount, AnAddressIsOneHoweverItIsWritten) {
    address_count all;
    const auto a = all.take("::ffff:203.0.113.7");
    EXPECT_EQ(all.count("203.0.113.7"), 1U);
    EXPECT_EQ(all.count("64:ff9b::203.0.113.7"), 1U) << "behind a translator each IPv4 address is itself";
    EXPECT_EQ(all.count("203.0.113.8"), 0U);
    EXPECT_EQ(all.count("64:ff9b::203.0.113.8"), 0U);
}

TEST(AddressCount, APlaceIsGivenBack) {
    address_count all;
    auto a = all.take("203.0.113.7");
    a.reset();
    EXPECT_EQ(all.count("203.0.113.7"), 0U);
}

}  // namespace
}  // namespace wsidecar::net
