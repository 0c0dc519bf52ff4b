// Files that are not configurations: refused soon, with few words, and without much memory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>

#include "config/load.hpp"

namespace wsidecar::config {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

std::string all(const loaded& l) {
    std::string out;
    for (const auto& c : l.complaints) {
        out += c.text() + '\n';
    }
    return out;
}

/// Seconds of this process: others may keep it waiting.
template <typename F>
double seconds_of(F f) {
    const std::clock_t start = std::clock();
    f();
    return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

/// How long this machine, which may be emulated, takes to read an ordinary list of 50,000 words.
double ordinary_list() {
    static const double seconds = seconds_of([] {
        std::string yaml = "[x";
        for (int i = 1; i < 50'000; ++i) {
            yaml += ",x";
        }
        EXPECT_EQ(YAML::Load(yaml + ']').size(), 50'000U);
    });
    return seconds;
}

/// Loads a text that must be refused within a second or two of an ordinary machine's time.
loaded refused_soon(const std::string& yaml) {
    loaded l;
    EXPECT_LT(seconds_of([&] { l = load_text(yaml, "f.yaml"); }), std::max(5.0, 50 * ordinary_list()));
    EXPECT_FALSE(l.complaints.empty());
    EXPECT_LE(l.complaints.size(), 200U);
    return l;
}

/// "&name [x, x, ...]" of `n` elements.
std::string list_of(std::size_t n, const std::string& element) {
    std::string out = "[" + element;
    for (std::size_t i = 1; i < n; ++i) {
        out += ',' + element;
    }
    return out + ']';
}

/// Ten lists, each of ten times the one before it: 10^10 words.
std::string billion_laughs() {
    std::string yaml = "a0: &a0 " + list_of(10, "x") + '\n';
    for (int i = 1; i < 10; ++i) {
        yaml += "a" + std::to_string(i) + ": &a" + std::to_string(i) + ' ' + list_of(10, "*a" + std::to_string(i - 1)) + '\n';
    }
    return yaml;
}

TEST(Document, ABillionLaughsAreRefusedSoonWithAWordAboutAliases) {
    for (const char* key : {"origins", "routes", "sources", "history", "limits"}) {
        const auto l = refused_soon(billion_laughs() + key + ": *a9\n");
        EXPECT_THAT(all(l), HasSubstr("aliases")) << key;
    }
}

TEST(Document, AListThatEachOfManyRoutesTakesByAliasDoesNotMultiply) {
    const auto l = refused_soon("forward_headers: &h " + list_of(20'000, "X-A") +
                                "\nroutes: " + list_of(20'000, "{path: /a, forward_headers: *h}") + "\n");
    EXPECT_THAT(all(l), HasSubstr("aliases"));
}

TEST(Document, AGlobalListThatManyRoutesInheritDoesNotMultiply) {
    refused_soon("forward_headers: " + list_of(50'000, "X-A") + "\nroutes: " + list_of(50'000, "{path: /a}") + "\n");
}

TEST(Document, AnAliasOrTwoIsFine) {
    const auto l = load_text(
        "ping: &p 7s\npong_timeout: *p\nroutes: [{path: /a, origins: &o [\"https://a.example\"]}, {path: /b, origins: *o}]",
        "f");
    EXPECT_EQ(all(l), "");
    EXPECT_EQ(l.values.pong_timeout, 7s);
    EXPECT_EQ(l.values.routes.at(1).origins, std::vector<std::string>{"https://a.example"});
}

TEST(Document, AnAliasOfItselfEnds) {
    refused_soon("routes: &r [*r]\n");
    refused_soon("limits: &l {message: 1KiB, limits: *l}\n");
}

TEST(Document, NestingThatIsTooDeepIsRefused) {
    refused_soon("origins: " + std::string(20'000, '[') + std::string(20'000, ']'));
    refused_soon("origins: " + std::string(20'000, '{'));
    std::string indented;
    for (std::size_t i = 0; i < 1'000; ++i) {
        indented += std::string(i, ' ') + "a:\n";
    }
    refused_soon(indented);
}

TEST(Document, AFileThatIsTooLargeIsRefusedByItsSizeOnly) {
    const auto l = refused_soon("# " + std::string(2'000'000, 'x'));
    ASSERT_THAT(l.complaints, SizeIs(1));
    EXPECT_THAT(all(l), HasSubstr("1 MiB"));

    const std::string name = testing::TempDir() + "huge-" + std::to_string(::getpid());
    std::ofstream(name) << "# " << std::string(2'000'000, 'x');
    load_options o;
    o.file = name;
    EXPECT_THAT(all(load(o)), HasSubstr("1 MiB"));
    std::remove(name.c_str());
}

TEST(Document, ADirectoryIsNotReadAsAnEmptyFile) {
    load_options o;
    o.file = testing::TempDir();
    EXPECT_THAT(all(load(o)), HasSubstr("can't be read"));
    EXPECT_THAT(all(load(o)), HasSubstr("'--config' names this file"));
    o.file_named_by = "WSIDECAR_CONFIG";
    EXPECT_THAT(all(load(o)), HasSubstr("'WSIDECAR_CONFIG' names this file"));
    o.file = "";
    EXPECT_THAT(all(load(o)), testing::StartsWith("the configuration file: can't be read"));
}

TEST(Document, WhatIsNotUtf8IsRefusedWithItsPlace) {
    EXPECT_THAT(all(refused_soon("lease: 15s\nprefix: \"caf\xE9:\"\n")), testing::StartsWith("f.yaml:2:13: "));
    EXPECT_THAT(all(refused_soon("# caf\xE9\nlease: 15s\n")), HasSubstr("UTF-8"));
    EXPECT_THAT(all(refused_soon(std::string("l\0e\0a\0s\0e\0", 10))), HasSubstr("f.yaml:1:2: "));
    EXPECT_EQ(all(load_text("\xEF\xBB\xBF# \xE5\xBC\xA0\nprefix: \"\xE5\xBC\xA0:\"\n", "f")), "");
}

TEST(Document, ManyProblemsAreToldInPart) {
    std::string yaml;
    for (int i = 0; i < 5'000; ++i) {
        yaml += "key" + std::to_string(i) + ": 1\n";
    }
    const auto l = refused_soon(yaml);
    EXPECT_THAT(all(l), HasSubstr("f.yaml:1:1: unknown key 'key0'"));
    EXPECT_THAT(all(l), HasSubstr("more problems"));
}

TEST(Document, ASecondDocumentIsNotIgnored) {
    EXPECT_THAT(all(refused_soon("lease: 15s\n---\nlease: 16s\n")), HasSubstr("f.yaml:3:1: the file holds one document"));
}

TEST(Document, WhatTheParserMakesNoProgressInIsRefused) {
    EXPECT_THAT(all(refused_soon("--- !!binary , me75837[*nope]\n")), HasSubstr("one document"));
}

TEST(Document, AValueThatBeginsWithABraceIsToBeQuoted) {
    const auto complaint = [](const std::string& value) {
        const auto l = load_text("routes:\n  - path: /ws/{id}\n    user: " + value + "\n", "f.yaml");
        return l.complaints.empty() ? "" : l.complaints[0].text();
    };
    EXPECT_THAT(complaint("{id}"), HasSubstr("user: \"{id}\""));
    EXPECT_THAT(complaint("{shop}-{id}"), HasSubstr("quote a value that begins with a brace"));
    EXPECT_EQ(complaint("\"{id}\""), "");
    EXPECT_THAT(complaint("[a, b]"), testing::Not(HasSubstr("quote")));
}

TEST(Document, AnEmptyFileIsTheDefaults) {
    for (const char* yaml : {"", "\n", "# nothing\n", "---\n", "--- \n...\n"}) {
        EXPECT_EQ(all(load_text(yaml, "f.yaml")), "") << yaml;
    }
}

}  // namespace
}  // namespace wsidecar::config
