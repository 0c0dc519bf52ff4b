#include "proto/spring/fastjson.hpp"

#include <charconv>
#include <cstdint>
#include <optional>
#include <vector>

#include "proto/json/json_scan.hpp"
#include "proto/json/json_text.hpp"
#include "proto/spring/fastjson_tree.hpp"
#include "proto/text/base64.hpp"
#include "proto/text/hex.hpp"

namespace wsidecar::proto {
namespace {

constexpr problem not_fastjson{"not_fastjson", "neither JSON nor what fastjson writes with WriteClassName"};
constexpr problem too_deep{"too_deep", "objects and arrays stand in each other deeper than the limit"};
constexpr problem output_too_large{"output_too_large", "written out, the references make more text than the limit"};
constexpr problem too_many_references{"too_many_references", "following the references takes too long"};

using node_kind = fastjson_node::kind_type;
constexpr std::uint32_t none = fastjson_node::none;

class fastjson_writer {
public:
    fastjson_writer(std::vector<fastjson_node>& nodes, int max_depth, std::size_t max_output)
        : nodes_(nodes), max_depth_(max_depth), max_output_(max_output) {}

    std::optional<problem> run() {
        value(0, 0);
        return failure_;
    }

    std::string out;

private:
    static constexpr std::size_t max_steps = 10'000'000;  ///< nodes and bytes looked at on the way to what references point at

    bool fail(const problem& p) {
        failure_ = p;
        return false;
    }

    bool value(std::uint32_t me, int depth) {
        fastjson_node& n = nodes_[me];
        if (out.size() > max_output_) {
            return fail(output_too_large);
        }
        if (depth > max_depth_) {
            return fail(too_deep);
        }
        switch (n.kind) {
            case node_kind::token: out += n.text; break;
            case node_kind::string: append_fastjson_string(out, n.text); break;
            case node_kind::bytes: write_bytes(n.text); break;
            case node_kind::null: out += "null"; break;
            case node_kind::reference: return reference(me, depth);
            case node_kind::array:
            case node_kind::object: return container(me, depth);
        }
        return out.size() <= max_output_ || fail(output_too_large);
    }

    void write_bytes(std::string_view digits) {
        std::string bytes;
        for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
            bytes += static_cast<char>(hex_value(digits[i]) * 16 + hex_value(digits[i + 1]));
        }
        out += '"' + base64_encode(bytes) + '"';
    }

    bool container(std::uint32_t me, int depth) {
        fastjson_node& n = nodes_[me];
        if (n.java && me + 1 < n.end && nodes_[me + 1].end == n.end && fastjson_text_of(nodes_[me + 1].key) == "val") {
            return value(me + 1, depth + 1);
        }
        const bool object = n.kind == node_kind::object;
        n.open = true;
        out += object ? '{' : '[';
        for (std::uint32_t i = me + 1; i < n.end; i = nodes_[i].end) {
            if (i != me + 1) {
                out += ',';
            }
            if (object) {
                key(nodes_[i].key);
                out += ':';
            }
            if (!value(i, depth + 1)) {
                return false;
            }
        }
        out += object ? '}' : ']';
        n.open = false;
        return true;
    }

    void key(std::string_view raw) {
        if (raw.front() == '"' || raw.front() == '\'') {
            append_fastjson_string(out, raw);
        } else {
            json_quote(out, raw);
        }
    }

    bool reference(std::uint32_t me, int depth) {
        fastjson_node& n = nodes_[me];
        steps_ += n.text.size();
        const auto target = n.open ? none : find(fastjson_text_of(n.text), n.parent);
        if (steps_ > max_steps) {
            return fail(too_many_references);
        }
        if (target == none || nodes_[target].open) {
            out += "null";
            return true;
        }
        n.open = true;
        const bool good = value(target, depth + 1);
        n.open = false;
        return good;
    }

    /// `path` as seen from `here`, the container of the reference: $, $.a.b[0], $["a"], @ (itself), .. (what it is in).
    std::uint32_t find(const std::string& path, std::uint32_t here) {
        if (path == "@") {
            return here;
        }
        if (path == "..") {
            return here == none ? none : nodes_[here].parent;
        }
        if (!path.starts_with('$')) {
            return none;
        }
        std::uint32_t at = 0;
        for (std::size_t i = 1; i < path.size() && at != none;) {
            const auto name = step(path, i);
            at = name ? child(at, *name) : none;
        }
        return at;
    }

    /// Reads .name, [0], ['name'] or ["name"] from `path` at `i`; \ makes the next byte part of a name.
    static std::optional<std::string> step(const std::string& path, std::size_t& i) {
        std::string name;
        const char opening = path[i++];
        if (opening == '.') {
            while (i < path.size() && path[i] != '.' && path[i] != '[') {
                i += path[i] == '\\' && i + 1 < path.size() ? 1U : 0U;
                name += path[i++];
            }
            return name;
        }
        if (opening != '[' || i >= path.size()) {
            return std::nullopt;
        }
        const std::string quote = path[i] == '\'' || path[i] == '"' ? path.substr(i, 1) : "";
        i += quote.size();
        const auto end = path.find(quote + ']', i);
        if (end == std::string::npos) {
            return std::nullopt;
        }
        name = path.substr(i, end - i);
        i = end + quote.size() + 1;
        return name;
    }

    std::uint32_t child(std::uint32_t of, const std::string& name) {
        const fastjson_node& n = nodes_[of];
        if (n.kind != node_kind::object && n.kind != node_kind::array) {
            return none;
        }
        std::uint32_t left = none;  // until the place in an array
        if (n.kind == node_kind::array) {
            const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), left);
            if (error != std::errc() || rest != name.data() + name.size()) {
                return none;
            }
        }
        for (std::uint32_t i = of + 1; i < n.end && steps_ <= max_steps; i = nodes_[i].end) {
            ++steps_;
            if (n.kind == node_kind::array ? left-- == 0 : is_key(nodes_[i].key, name)) {
                return i;
            }
        }
        return none;
    }

    bool is_key(std::string_view raw, const std::string& name) {
        if (raw.find('\\') == std::string_view::npos) {
            const bool quoted = raw.front() == '"' || raw.front() == '\'';
            return (quoted ? raw.substr(1, raw.size() - 2) : raw) == name;
        }
        steps_ += raw.size();
        return fastjson_text_of(raw) == name;
    }

    std::vector<fastjson_node>& nodes_;
    int max_depth_;
    std::size_t max_output_;
    std::size_t steps_ = 0;
    std::optional<problem> failure_;
};

}  // namespace

result<plain_json> unwrap_fastjson(std::string_view bytes, int max_depth, std::size_t max_output) {
    fastjson_tree tree;
    if (!parse_fastjson(bytes, max_depth, tree)) {
        return tree.deep ? too_deep : not_fastjson;
    }
    plain_json out{tree.typed, tree.changed, {}};
    if (tree.changed) {
        fastjson_writer writer(tree.nodes, max_depth, max_output);
        if (const auto failure = writer.run()) {
            return *failure;
        }
        out.text = std::move(writer.out);
    }
    return out;
}

}  // namespace wsidecar::proto
