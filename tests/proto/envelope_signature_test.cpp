#include "proto/envelope_signature.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto {
namespace {

const std::vector<std::string> secrets{"s3cret", "the one before"};

std::string reason_of(std::string_view envelope, const std::vector<std::string>& by = secrets) {
    const auto r = check_signature(envelope, by);
    return r ? "" : r.error().reason;
}

TEST(EnvelopeSignature, IsTheHmacOfTheEnvelopeWithoutIt) {
    // printf '%s' '{"to":{"user":"alice"},"text":"hi"}' | openssl dgst -sha256 -hmac s3cret -binary | base64
    const std::string signed_one =
        R"({"to":{"user":"alice"},"text":"hi","signature":"v1,QB/eo6uRyNqfOvoryxFsOoBctXlT6nlpNURYUG07q8I="})";
    EXPECT_EQ(sign_envelope(R"({"to":{"user":"alice"},"text":"hi"})", secrets), signed_one);
    EXPECT_EQ(sign_envelope(" {\"to\":{\"user\":\"alice\"},\"text\":\"hi\"}\n", secrets), signed_one);
    EXPECT_EQ(reason_of(signed_one), "");
    EXPECT_EQ(reason_of(' ' + signed_one + "\r\n"), "");
}

TEST(EnvelopeSignature, OfAnyOfTheSecretsIsTaken) {
    const auto old = sign_envelope(R"({"to":{"all":true},"text":""})", {"the one before"});
    EXPECT_EQ(reason_of(old), "");
    EXPECT_EQ(reason_of(old, {"another"}), "bad_signature");
    EXPECT_EQ(reason_of(sign_envelope(R"({"to":{"all":true},"text":""})", {"whsec_czNjcmV0"})), "") << "base64 of s3cret";
}

TEST(EnvelopeSignature, MayStandAnywhereAndWithAnySpaces) {
    const auto place = [](const std::string& before, const std::string& middle, const std::string& behind) {
        const auto whole = sign_envelope(before + behind, secrets);
        const auto at = whole.rfind("\"v1,");
        return before + middle + whole.substr(at, whole.rfind('"') + 1 - at) + behind;
    };
    // As Python, Jackson's pretty printer and others write it.
    EXPECT_EQ(reason_of(place(R"({"to": {"user": "a"}, "text": "x")", R"(, "signature": )", "}")), "");
    EXPECT_EQ(reason_of(place("{\n  \"to\" : { },\n  \"text\" : \"x\"", ",\n  \"signature\" : ", "\n}")), "");
    EXPECT_EQ(reason_of(place(R"({"to":1)", R"(,"signature":)", R"(,"text":"x"})")), "");
}

TEST(EnvelopeSignature, AsFirstMemberGoesWithTheCommaBehindIt) {
    const auto whole = sign_envelope(R"({"to":1,"text":"x"})", secrets);
    const auto at = whole.rfind("\"v1,");
    const auto value = whole.substr(at, whole.rfind('"') + 1 - at);
    EXPECT_EQ(reason_of(R"({"signature":)" + value + R"(,"to":1,"text":"x"})"), "");
    EXPECT_EQ(reason_of(R"({"signature": )" + value + R"(, "to":1,"text":"x"})"), "");
    EXPECT_EQ(reason_of(R"({"signature":)" + value + "}"), "bad_signature");
}

TEST(EnvelopeSignature, OfAnotherEnvelopeIsNone) {
    const auto good = sign_envelope(R"({"to":{"user":"alice"},"text":"pay bob 1"})", secrets);
    for (const auto& [from, to] :
         {std::pair{"alice", "carol"}, {"pay bob 1", "pay bob 9"}, {"\"text\"", "\"json\""}, {"v1,", "v2,"}}) {
        std::string other = good;
        other.replace(other.find(from), std::string(from).size(), to);
        EXPECT_EQ(reason_of(other), "bad_signature") << other;
    }
    std::string more = good;
    more.insert(1, R"("mailbox":true,)");
    EXPECT_EQ(reason_of(more), "bad_signature");
}

TEST(EnvelopeSignature, ThatIsMissingOrDoubleOrNoTextIsRefused) {
    for (const auto* none : {R"({"to":1,"text":"x"})", R"({"to":1,"SIGNATURE":"v1,"})", R"({"to":{"signature":"v1,"}})", "[]",
                             "", "x", R"({"signature":"v1,","signature":"v1,"})", R"({"sign\u0061ture":"v1,"})"}) {
        EXPECT_EQ(reason_of(none), "unsigned") << none;
    }
    for (const auto* wrong : {R"({"signature":"v1,"})", R"({"signature":""})", R"({"signature":7})", R"({"signature":null})",
                              R"({"signature":"v1,AAAA"})", R"({"signature":"v1,*"})", R"({"signature":{}})"}) {
        EXPECT_EQ(reason_of(wrong), "bad_signature") << wrong;
    }
    EXPECT_EQ(reason_of(sign_envelope(R"({"to":1})", secrets), {}), "bad_signature");
}

// ---------------------------------------------------------------------------------------------- while decoding

std::vector<std::string> decoded(const std::string& bytes, const signatures& by) {
    std::vector<std::string> out;
    for (const auto& item : decode_signed_envelopes(bytes, by)) {
        out.emplace_back(item.value ? item.value->payload : item.value.error().reason);
    }
    return out;
}

const std::string plain = R"({"to":{"user":"a"},"text":"plain"})";

TEST(EnvelopeSignature, IsAskedOfEachElementOfAnArray) {
    const std::string good = sign_envelope(plain, secrets);
    std::string bad = good;
    bad[bad.find("plain")] = 'P';
    const auto all = "[" + good + ", " + plain + "," + bad + R"(,{"to":{"user":"a"}}])";
    EXPECT_EQ(decoded(all, {secrets, true}), (std::vector<std::string>{"plain", "unsigned", "bad_signature", "no_payload"}));
    EXPECT_EQ(decoded(all, {secrets, false}), (std::vector<std::string>{"plain", "plain", "bad_signature", "no_payload"}));
    EXPECT_EQ(decoded(good, {secrets, true}), std::vector<std::string>{"plain"});
}

TEST(EnvelopeSignature, IsNotLookedAtWithoutASecret) {
    EXPECT_EQ(decoded(sign_envelope(plain, {"whoever"}), {{}, false}), std::vector<std::string>{"plain"});
    EXPECT_EQ(decoded(plain, {{}, false}), std::vector<std::string>{"plain"});
    EXPECT_EQ(sign_envelope(plain, {}), plain);
    EXPECT_EQ(decoded(R"({"to":{"user":"a"},"text":"x","signature":7})", {{}, false}), std::vector<std::string>{"bad_member"});
}

TEST(EnvelopeSignature, NeededWithoutASecretRefusesAll) {
    EXPECT_EQ(decoded(plain, {{}, true}), std::vector<std::string>{"unsigned"});
    EXPECT_EQ(decoded(sign_envelope(plain, secrets), {{}, true}), std::vector<std::string>{"bad_signature"});
}

TEST(EnvelopeSignature, OfWhatWasWrittenHereHolds) {
    envelope e;
    e.to.users = {"张三", "a\"b"};
    e.kind = payload_kind::text;
    e.payload = "x\"y}";
    EXPECT_EQ(reason_of(sign_envelope(encode_envelope(e), secrets)), "");
}

}  // namespace
}  // namespace wsidecar::proto
