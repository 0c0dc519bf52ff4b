#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "config/load.hpp"

namespace wsidecar::config {
namespace {

/// The same JSON without the whitespace between its tokens.
std::string compact(const std::string& text) {
    std::string out;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted && c == '\\') {
            out += c;
            out += text[++i];
            continue;
        }
        if (c == '"') {
            quoted = !quoted;
        }
        if (quoted || (c != ' ' && c != '\n')) {
            out += c;
        }
    }
    return out;
}

TEST(JsonSchema, TheFileForEditorsIsWhatTheTableOfKeysGives) {
    std::ifstream in(std::string(WSIDECAR_SOURCE_DIR) + "/config/wsidecar.schema.json");
    std::ostringstream text;
    text << in.rdbuf();
    // Not EXPECT_EQ: it would print both.
    EXPECT_TRUE(compact(text.str()) == compact(json_schema()))
        << "wsidecar check --schema | python3 -m json.tool --no-ensure-ascii > config/wsidecar.schema.json";
}

}  // namespace
}  // namespace wsidecar::config
