#include "proto/http/webhook_signature.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto {
namespace {

TEST(WebhookSignature, AgreesWithTheReferenceLibrariesVector) {
    // The example that the Standard Webhooks libraries test against.
    const auto key = webhook_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    ASSERT_TRUE(key);
    EXPECT_EQ(webhook_signature({*key}, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", R"({"test": 2432232314})"),
              "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(WebhookSignature, TwoSecretsSignBoth) {
    const auto one = webhook_signature({"k1"}, "id", "1", "b");
    const auto two = webhook_signature({"k2"}, "id", "1", "b");
    EXPECT_EQ(webhook_signature({"k1", "k2"}, "id", "1", "b"), one + " " + two);
    EXPECT_NE(one, two);
}

TEST(WebhookSignature, ASecretThatIsNoneIsRefused) {
    EXPECT_FALSE(webhook_key("whsec_???"));
    EXPECT_FALSE(webhook_key("whsec_"));
    EXPECT_FALSE(webhook_key(""));
}

}  // namespace
}  // namespace wsidecar::proto
