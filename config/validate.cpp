#include "config/validate.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <set>

#include "config/values.hpp"

namespace wsidecar::config {
namespace {

class checks {
public:
    checks(const config& c, const std::string& file, const std::map<std::string, std::pair<int, int>>& positions,
           std::vector<complaint>& to)
        : c_(c), file_(file), positions_(positions), to_(to) {}

    void all() {
        addresses();
        app();
        redis();
        names();
        for (const auto& r : c_.routes) {
            route_of(r);
        }
        if (c_.routes.empty()) {
            complain("routes", "'routes' needs at least one route");
        }
    }

private:
    void complain(const std::string& key, std::string message) {
        const auto at = positions_.find(key);
        const bool found = at != positions_.end();
        to_.push_back({file_, found ? at->second.first : 0, found ? at->second.second : 0, std::move(message)});
    }

    void addresses() {
        for (const auto& [key, value] : {std::pair{"listen.address", &c_.listen.address}, {"admin.address", &c_.admin.address}}) {
            if (!valid_listen_address(*value)) {
                complain(key, std::string("'") + key + "' is a numeric address and a port like 0.0.0.0:8000, not '" + *value + "'");
            }
        }
        if (c_.listen.tls.cert.empty() != c_.listen.tls.key.empty()) {
            complain("listen.tls.cert", "'listen.tls' needs both cert and key");
        }
        for (const auto& proxy : c_.trusted_proxies) {
            if (proxy != "private" && proxy != "loopback" && !network(proxy)) {
                complain("trusted_proxies", "'trusted_proxies' has private, loopback, addresses and CIDRs, not '" + proxy + "'");
            }
        }
    }

    static bool network(const std::string& text) {
        const auto slash = text.find('/');
        const std::string address = text.substr(0, slash);
        std::array<unsigned char, 16> ignored;
        const bool v4 = inet_pton(AF_INET, address.c_str(), ignored.data()) == 1;
        const bool v6 = !v4 && inet_pton(AF_INET6, address.c_str(), ignored.data()) == 1;
        return (v4 || v6) && (slash == std::string::npos || parse_number(text.substr(slash + 1), v4 ? 32 : 128));
    }

    void app() {
        const auto& url = c_.app.url;
        const auto parsed = boost::urls::parse_uri(url);
        const bool unix_socket = url.starts_with("unix:/") && url.size() > 6;
        const bool http = parsed && parsed->scheme() == "http" && !parsed->host().empty() &&
                          !parsed->has_query() && !parsed->has_fragment() && !parsed->has_userinfo();
        if (!unix_socket && !http) {
            complain("app.url", "'app.url' is http://host:port, a path behind it or not, or unix:/path, not '" + url + "'");
        }
        if (!c_.app.health.empty() && c_.app.health.front() != '/') {
            complain("app.health", "'app.health' is a path");
        }
        if (c_.app.host.empty() || c_.app.host.find_first_of(" \t\r\n/") != std::string::npos) {
            complain("app.host", "'app.host' is preserve or a host name");
        }
    }

    void redis() {
        const auto& url = c_.redis.url;
        if (url != "none" && !url.starts_with("unix:/")) {
            const auto parsed = boost::urls::parse_uri(url);
            const bool good = parsed && (parsed->scheme() == "redis" || parsed->scheme() == "rediss") && !parsed->host().empty();
            const std::string path = good ? std::string(parsed->encoded_path()) : "";
            if (!good) {
                complain("redis.url", "'redis.url' is redis://host:port/db, rediss://, unix:///path or none");
            } else if (path.size() > 1 && !parse_number(std::string_view(path).substr(1), 1'000'000)) {
                complain("redis.url", "'redis.url' ends with the number of a database");
            }
        }
        if (c_.redis.sentinels.empty() != c_.redis.master.empty()) {
            complain("redis.sentinels", "'redis.sentinels' and 'redis.master' go together");
        }
        if (c_.redis.cluster && (c_.prefix.find('{') == std::string::npos || c_.prefix.find('}') == std::string::npos)) {
            complain("prefix", "'redis.cluster' needs a hash tag in 'prefix', like \"{wsidecar:orders}:\": a script touches one slot");
        }
    }

    void names() {
        const auto plain = [](const std::string& s) {
            return std::none_of(s.begin(), s.end(), [](unsigned char ch) { return ch <= ' ' || ch == 0x7F || ch == '*' || ch == '?' || ch == '['; });
        };
        if (c_.prefix.empty() || c_.prefix.size() > 128 || !plain(c_.prefix)) {
            complain("prefix", "'prefix' has 1 to 128 characters without spaces and glob characters");
        }
        if (c_.outbox.key.empty() || !plain(c_.outbox.key)) {
            complain("outbox.key", "'outbox.key' is a name");
        }
        origins("origins", c_.origins);
        for (const auto* list : {&c_.forward_headers, &c_.replay_headers}) {
            for (const auto& h : *list) {
                const bool good = !h.empty() && std::all_of(h.begin(), h.end(), [](unsigned char ch) { return std::isalnum(ch) != 0 || ch == '-' || ch == '*'; }) &&
                                  h.find('*') >= h.size() - 1;
                if (!good) {
                    complain(list == &c_.forward_headers ? "forward_headers" : "replay_headers", "a header pattern is a name of letters, digits and '-', or ends with '*', not '" + h + "'");
                }
            }
        }
    }

    void origins(const std::string& key, const std::vector<std::string>& list) {
        if (list.empty()) {
            complain(key, "'origins' is same, \"*\", or a list of origins");
        }
        for (const auto& o : list) {
            const bool word = o == "same" || o == "*";
            if (word && list.size() == 1) {
                continue;
            }
            const auto parsed = boost::urls::parse_uri(o);
            const bool good = o == "null" || (parsed && (parsed->scheme() == "http" || parsed->scheme() == "https") && !parsed->host().empty() &&
                                              parsed->encoded_path().empty() && !parsed->has_query() && !parsed->has_userinfo());
            if (!good) {
                complain(key, "'origins' has entries like https://shop.example, not '" + o + "'");
            }
        }
    }

    void route_of(const route& r) {
        const auto here = [&](std::string message) { to_.push_back({file_, r.line, r.column, std::move(message)}); };
        if (r.protocol != "raw") {
            here("'protocol: " + r.protocol + "' is not supported yet");
        }
        if (r.path.empty() || r.path.front() != '/') {
            here("a route's 'path' starts with '/'");
        }
        if (!r.event_path.empty() && r.event_path.front() != '/') {
            here("'event_path' starts with '/'");
        }
        for (const auto& o : r.origins) {
            if (r.origins != c_.origins && o != "same" && o != "*") {
                std::vector<complaint> found;
                checks inner(c_, file_, positions_, found);
                inner.origins("", {o});
                for (const auto& f : found) {
                    here(f.message);
                }
            }
        }
        for (const auto& text : r.groups) {
            braces(text, here);
        }
        braces(r.user, here);
    }

    template <class Here>
    static void braces(const std::string& text, Here here) {
        if (std::count(text.begin(), text.end(), '{') != std::count(text.begin(), text.end(), '}')) {
            here("'" + text + "' has a brace that is not closed");
        }
    }

    const config& c_;
    const std::string& file_;
    const std::map<std::string, std::pair<int, int>>& positions_;
    std::vector<complaint>& to_;
};

}  // namespace

void validate(const config& c, const std::string& file, const std::map<std::string, std::pair<int, int>>& positions,
              std::vector<complaint>& to) {
    checks(c, file, positions, to).all();
}

}  // namespace wsidecar::config
