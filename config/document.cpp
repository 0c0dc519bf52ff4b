#include "config/document.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sstream>
#include <utility>

namespace wsidecar::config {
namespace {

constexpr std::size_t max_values = 100'000;
constexpr int max_depth = 64;

/// Bytes of the well-formed UTF-8 character (RFC 3629) at the front; 0: there is none.
std::size_t character(std::string_view s) {
    const auto byte = [&](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0U; };
    const unsigned first = byte(0);
    if (first < 0x80) {
        return first == 0 ? 0 : 1;
    }
    const std::size_t n = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4) {
        return 0;
    }
    std::uint32_t point = first & (0x7FU >> n);
    for (std::size_t i = 1; i < n; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) {
            return 0;
        }
        point = point << 6U | (byte(i) & 0x3FU);
    }
    const bool overlong = (n == 3 && point < 0x800) || (n == 4 && point < 0x10000);
    return overlong || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF) ? 0 : n;
}

/// yaml-cpp would replace what is no UTF-8, and take a NUL for the end.
bool is_text(std::string_view text, const std::string& name, std::vector<complaint>& to) {
    int line = 1;
    int column = 1;
    while (!text.empty()) {
        const auto n = character(text);
        if (n == 0) {
            to.push_back({name, line, column, "not UTF-8 text"});
            return false;
        }
        column = text.front() == '\n' ? 1 : column + 1;
        line += text.front() == '\n' ? 1 : 0;
        text.remove_prefix(n);
    }
    return true;
}

/// Counts values as a walk would meet them; stops at the bounds, so it ends also where an alias stands for itself.
const char* too_much(const YAML::Node& node, std::size_t& count, int depth) {
    if (++count > max_values) {
        return "more than 100000 values, aliases counted with all that they stand for";
    }
    if (depth > max_depth) {
        return "nested more than 64 levels deep, aliases followed";
    }
    for (const auto& item : node) {
        for (const auto* part : {static_cast<const YAML::Node*>(&item), &item.first, &item.second}) {
            if (part->IsDefined()) {
                if (const char* why = too_much(*part, count, depth + 1)) {
                    return why;
                }
            }
        }
    }
    return nullptr;
}

std::string_view line_at(std::string_view text, int number) {
    for (int i = 0; i < number; ++i) {
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    }
    return text.substr(0, text.find_first_of("\r\n"));
}

bool indented_by_tab(std::string_view line) {
    return line.substr(0, std::min(line.find_first_not_of(" \t"), line.size())).find('\t') != std::string_view::npos;
}

/// `{path: /ws/{id}}`: inside braces a value without quotes ends at the next one.
bool has_plain_pattern(std::string_view line) {
    int depth = 0;
    char quote = '\0';
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '{') {
            const char before = i > 0 ? line[i - 1] : ' ';
            if (depth > 0 && before != ' ' && before != ',' && before != ':' && before != '[') {
                return true;
            }
            ++depth;
        } else if (c == '}') {
            --depth;
        }
    }
    return false;
}

/// `user: {a}-{b}`: a value that begins with a brace and goes on behind it.
bool begins_with_brace(std::string_view line) {
    const auto open = line.find(": {");
    const auto close = open == std::string_view::npos ? open : line.find('}', open);
    return close != std::string_view::npos && close + 1 < line.size() &&
           std::string_view(" ,}]#\r").find(line[close + 1]) == std::string_view::npos;
}

/// What the parser's words mostly mean, from the line that it stumbled at.
std::string advice(std::string_view text, const YAML::Exception& e) {
    if (e.mark.is_null()) {
        return {};
    }
    const auto line = line_at(text, e.mark.line);
    // The parser may stumble a line behind its cause.
    const auto before = e.mark.line > 0 ? line_at(text, e.mark.line - 1) : std::string_view();
    if (indented_by_tab(line) || indented_by_tab(before)) {
        return " (a tab can't indent YAML: use spaces)";
    }
    if (has_plain_pattern(line) || has_plain_pattern(before)) {
        return " (inside braces, quote a value that has braces itself: {path: \"/ws/{id}\"})";
    }
    if (begins_with_brace(line) || begins_with_brace(before)) {
        return " (quote a value that begins with a brace: user: \"{id}\")";
    }
    return e.msg.find("end of map") != std::string::npos || e.msg.find("illegal map value") != std::string::npos
               ? " (is the line indented as its neighbours are?)"
               : "";
}

}  // namespace

namespace {

/// Hears where the content of each document begins.
class document_starts final : public YAML::EventHandler {
public:
    YAML::Mark last = YAML::Mark::null_mark();

    void OnDocumentStart(const YAML::Mark&) override { expected_ = true; }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& m, YAML::anchor_t) override { content(m); }
    void OnAlias(const YAML::Mark& m, YAML::anchor_t) override { content(m); }
    void OnScalar(const YAML::Mark& m, const std::string&, YAML::anchor_t, const std::string&) override { content(m); }
    void OnSequenceStart(const YAML::Mark& m, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
        content(m);
    }
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark& m, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override { content(m); }
    void OnMapEnd() override {}

private:
    void content(const YAML::Mark& m) {
        if (std::exchange(expected_, false)) {
            last = m;
        }
    }

    bool expected_ = false;
};

/// Where the second document of a file begins; nullopt: there is none. YAML::LoadAll would do, but does not end where yaml-cpp makes no progress
/// (`--- !!binary , a`).
std::optional<YAML::Mark> second_document(const std::string& text) {
    std::istringstream in(text);
    YAML::Parser parser(in);
    document_starts starts;
    const bool several = parser.HandleNextDocument(starts) && parser.HandleNextDocument(starts);
    return several ? std::optional(starts.last) : std::nullopt;
}

}  // namespace

bool parse_document(std::string_view text, const std::string& name, YAML::Node& root, std::vector<complaint>& to) {
    if (text.size() > max_file) {
        to.push_back({name, 0, 0, "larger than 1 MiB"});
        return false;
    }
    if (!is_text(text, name, to)) {
        return false;
    }
    try {
        const std::string file(text);
        if (const auto m = second_document(file)) {
            to.push_back({name, m->is_null() ? 0 : m->line + 1, m->is_null() ? 0 : m->column + 1,
                          "the file holds one document, not several"});
            return false;
        }
        const YAML::Node document = YAML::Load(file);
        std::size_t count = 0;
        if (const char* why = too_much(document, count, 0)) {
            to.push_back({name, 0, 0, why});
            return false;
        }
        root.reset(document);
        return true;
    } catch (const YAML::Exception& e) {
        to.push_back(
            {name, e.mark.is_null() ? 0 : e.mark.line + 1, e.mark.is_null() ? 0 : e.mark.column + 1, e.msg + advice(text, e)});
        return false;
    }
}

}  // namespace wsidecar::config
