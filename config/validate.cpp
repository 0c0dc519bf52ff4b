#include "config/validate.hpp"

#include <sys/un.h>

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <utility>

#include "config/forms.hpp"
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
        tracing();
        names();
        for (const auto& r : c_.routes) {
            route_of(r);
        }
        for (const auto& s : c_.sources) {
            source_of(s);
        }
        for (const auto& h : c_.history) {
            history_of(h);
        }
        if (c_.routes.empty() && c_.http != "pass") {
            complain("routes", "'routes' needs at least one route, or `http: pass`");
        }
    }

private:
    void complain(const std::string& key, std::string message) {
        const auto at = positions_.find(key);
        const bool found = at != positions_.end();
        to_.push_back({file_, found ? at->second.first : 0, found ? at->second.second : 0, std::move(message)});
    }

    void addresses() {
        for (const auto& [key, value] : {std::pair{"listen.address", &c_.listen.address},
                                         {"admin.address", &c_.admin.address},
                                         {"relay.address", &c_.relay.address}}) {
            if (!valid_listen_address(*value) && !(value->empty() && value == &c_.relay.address)) {
                complain(key,
                         std::string("'") + key + "' is a numeric address and a port like 0.0.0.0:8000, not '" + *value + "'");
            }
        }
        if (!c_.relay.address.empty() && !c_.relay.address.starts_with("127.") && !c_.relay.address.starts_with("[::1]:")) {
            complain("relay.address", "'relay.address' is a loopback address: whoever reaches it may send to everybody");
        }
        if (c_.admin.loopback == "token" && c_.admin.token_file.empty()) {
            complain("admin.loopback", "'admin.loopback: token' needs 'admin.token_file'");
        }
        pair_of("listen.tls", c_.listen.tls.cert, c_.listen.tls.key);
        pair_of("redis.tls", c_.redis.tls.cert, c_.redis.tls.key);
        if (!c_.listen.tls.client_ca.empty() && c_.listen.tls.cert.empty()) {
            complain("listen.tls.client_ca", "'listen.tls.client_ca' needs 'listen.tls.cert': certificates are part of TLS");
        }
        if (c_.push.require_signature && c_.push.secret_file.empty()) {
            complain("push.require_signature", "'push.require_signature' needs 'push.secret_file'");
        }
        if (!std::all_of(c_.push.secrets.begin(), c_.push.secrets.end(), is_signing_secret)) {
            complain("push.secret_file", "'push.secret_file' has lines of whsec_ and base64, or any other text");
        }
        for (const auto& proxy : c_.trusted_proxies) {
            if (proxy != "private" && proxy != "loopback" && !is_network(proxy)) {
                complain("trusted_proxies",
                         "'trusted_proxies' has private, loopback, addresses and CIDRs, not '" + proxy + "'");
            }
        }
    }

    void pair_of(const std::string& above, const std::string& cert, const std::string& key) {
        if (cert.empty() != key.empty()) {
            complain(above + (cert.empty() ? ".key" : ".cert"), "'" + above + "' needs both cert and key");
        }
    }

    static bool good_port(const boost::urls::url_view& url) {
        return !url.has_port() || parse_number(std::string(url.port()), 65535).value_or(0) > 0;
    }

    /// Of unix:/path and unix:///path.
    void socket_path(const std::string& key, const std::string& url) {
        std::string_view path = std::string_view(url).substr(std::string_view("unix:").size());
        path = path.substr(path.starts_with("///") ? 2 : 0, path.find('?'));
        if (path.size() >= sizeof(sockaddr_un::sun_path)) {
            complain(key, "'" + key + "' has a path of more than 107 bytes, which the system does not take");
        }
    }

    /// What app_client can call.
    void called(const std::string& key, const std::string& url) {
        const auto parsed = boost::urls::parse_uri(url);
        const bool unix_socket = url.starts_with("unix:/") && url.size() > 6;
        const bool http = parsed && parsed->scheme() == "http" && !parsed->host().empty() && good_port(*parsed) &&
                          !parsed->has_query() && !parsed->has_fragment() && !parsed->has_userinfo();
        if (unix_socket) {
            socket_path(key, url);
        } else if (!http) {
            const bool tls = url.starts_with("https://") && key == "app.url";
            complain(
                key,
                "'" + key + "' is http://host:port, with or without a path, or unix:/path, not '" + url + "'" +
                    (tls ? ": wsidecar speaks plain HTTP to the app beside it; open a plain HTTP connector on 127.0.0.1 in "
                           "the app and name its port here"
                         : ""));
        }
    }

    void tracing() {
        if (!c_.tracing.otlp.empty()) {
            called("tracing.otlp", c_.tracing.otlp);
        }
        if (c_.tracing.service.empty()) {
            complain("tracing.service", "'tracing.service' is a name");
        }
    }

    void app() {
        called("app.url", c_.app.url);
        if (!c_.app.health.empty() && (c_.app.health.front() != '/' || !is_visible(c_.app.health))) {
            complain("app.health", "'app.health' is a path");
        }
        if (c_.app.host.empty() || !is_visible(c_.app.host) || c_.app.host.find('/') != std::string::npos) {
            complain("app.host", "'app.host' is preserve or a host name");
        }
        if (!std::all_of(c_.app.signing_secrets.begin(), c_.app.signing_secrets.end(), is_signing_secret)) {
            complain("app.signing_secret", "'app.signing_secret' is whsec_ and base64, or any other text");
        }
    }

    void redis() {
        const auto& url = c_.redis.url;
        std::string database;
        if (url.starts_with("unix:/")) {
            socket_path("redis.url", url);
            const auto query = url.find('?');
            if (query != std::string::npos && url.compare(query, 4, "?db=") == 0) {
                database = url.substr(query + 4);
            } else if (query != std::string::npos || url.find('#') != std::string::npos) {
                complain("redis.url", "'redis.url' of a socket is unix:///path or unix:///path?db=2, and no more");
            }
        } else if (url != "none") {
            database = redis_server(url);
        }
        if (!database.empty() && !parse_number(database, 1'000'000)) {
            complain("redis.url", "'redis.url' ends with the number of a database, like redis://host:6379/2");
        }
        sentinels();
        if (c_.redis.cluster) {
            cluster(database);
        }
        if (c_.shards > 1) {
            shards();
        }
    }

    void shards() {
        if (c_.redis.url == "none") {
            complain("shards", "'shards' needs Redis");
        }
        if (!has_hash_tag(c_.prefix)) {
            complain("prefix", "'shards' needs a hash tag in 'prefix', like \"{orders}:\": the number of a shard goes into it");
        }
        if (!c_.history.empty()) {
            complain("history", "'history' is not there with several 'shards' yet");
        }
        if (std::any_of(c_.routes.begin(), c_.routes.end(), [](const auto& r) { return r.sse; })) {
            complain("shards", "routes with 'sse' are not there with several 'shards' yet: event ids have one order");
        }
    }

    /// The database that the URL names; empty: none. No complaint shows the URL, which may hold a password.
    std::string redis_server(const std::string& url) {
        static const std::string in_a_password =
            "; in a password / ? # @ % are written %2F %3F %23 %40 %25, or it stands in 'redis.password'";
        const auto parsed = boost::urls::parse_uri(url);
        if (!parsed || (parsed->scheme() != "redis" && parsed->scheme() != "rediss") || parsed->host().empty() ||
            !good_port(*parsed)) {
            complain("redis.url", "'redis.url' is redis://host:port/db, rediss://, unix:///path or none" +
                                      (url.find('@') == std::string::npos ? "" : in_a_password));
            return {};
        }
        if (parsed->has_query() || parsed->has_fragment()) {
            complain("redis.url",
                     "'redis.url' has no ?query and no #fragment: the database is its path, TLS is rediss:// and "
                     "'redis.tls'" +
                         in_a_password);
            return {};
        }
        return parsed->encoded_path().size() > 1 ? std::string(parsed->encoded_path()).substr(1) : std::string();
    }

    void sentinels() {
        pair_of("redis.sentinel.tls", c_.redis.sentinel.tls.cert, c_.redis.sentinel.tls.key);
        if (c_.redis.sentinels.empty() != c_.redis.master.empty()) {
            complain(c_.redis.master.empty() ? "redis.sentinels" : "redis.master",
                     "'redis.sentinels' and 'redis.master' go together");
        }
        for (const auto& s : c_.redis.sentinels) {
            if (!is_host_and_port(s)) {
                complain("redis.sentinels", "'redis.sentinels' has entries like host:port, not '" + s + "'");
            }
        }
    }

    void cluster(const std::string& database) {
        if (!has_hash_tag(c_.prefix)) {
            complain("prefix",
                     "'redis.cluster' needs a hash tag in 'prefix', like \"{wsidecar:orders}:\": a script touches one slot");
        }
        if (parse_number(database, 1'000'000).value_or(0) != 0) {
            complain("redis.url", "'redis.cluster' has database 0 only");
        }
        if (!c_.redis.sentinels.empty()) {
            complain("redis.cluster", "'redis.cluster' or 'redis.sentinels', not both");
        }
    }

    void names() {
        const auto plain = [](const std::string& s) {
            return std::none_of(s.begin(), s.end(), [](unsigned char ch) {
                return ch <= ' ' || ch == 0x7F || ch == '*' || ch == '?' || ch == '[';
            });
        };
        if (c_.prefix.empty() || c_.prefix.size() > 128 || !plain(c_.prefix)) {
            complain("prefix", "'prefix' has 1 to 128 characters without spaces and glob characters");
        }
        if (c_.outbox.key.empty() || !plain(c_.outbox.key)) {
            complain("outbox.key", "'outbox.key' is a name");
        }
        const auto here = [&](const char* key) {
            return [this, key](std::string message) { complain(key, std::move(message)); };
        };
        origins(c_.origins, here("origins"));
        headers("forward_headers", c_.forward_headers, here("forward_headers"));
        headers("replay_headers", c_.replay_headers, here("replay_headers"));
    }

    template <class Here>
    static void headers(const std::string& key, const std::vector<std::string>& list, Here here) {
        for (const auto& h : list) {
            if (!is_header_pattern(h)) {
                here("'" + key + "' has names of letters, digits and '-', or their front and a '*', not '" + h + "'");
            } else if (is_never_forwarded(h)) {
                here("'" + key + "' has '" + h +
                     "', which no event ever carries: wsidecar sets it itself, or it speaks of the handshake only. What the "
                     "client offered as Sec-WebSocket-Protocol is in ws-subprotocols");
            }
        }
    }

    template <class Here>
    static void origins(const std::vector<std::string>& list, Here here) {
        if (list.empty()) {
            here("'origins' is same, \"*\", or a list of origins");
        }
        for (const auto& o : list) {
            if (list.size() == 1 && (o == "same" || o == "*")) {
                continue;
            }
            if (!is_origin(o)) {
                here("'origins' is same or \"*\" alone, or has entries like https://shop.example, not '" + o + "'");
            }
        }
    }

    void route_of(const route& r) {
        const auto here = [&](std::string message) { to_.push_back({file_, r.line, r.column, std::move(message)}); };
        sockjs(r, here);
        if (r.sse && r.protocol != "raw") {
            here("'sse' is for 'protocol: raw'");
        }
        if (r.protocol != "stomp" && (r.has_event("subscribe") || r.has_event("unsubscribe"))) {
            here("'events' subscribe and unsubscribe are of 'protocol: stomp'");
        }
        for (const auto& [key, prefixes] :
             {std::pair{"app_prefixes", &r.stomp.app_prefixes}, {"broker_prefixes", &r.stomp.broker_prefixes}}) {
            for (const auto& p : *prefixes) {
                if (!is_destination_prefix(p)) {
                    here(std::string("'") + key + "' has prefixes like /topic, not '" + p + "'");
                }
            }
        }
        if (!is_destination_prefix(r.stomp.user_prefix)) {
            here("'user_prefix' is a prefix like /user, not '" + r.stomp.user_prefix + "'");
        }
        if (r.path.empty() || r.path.front() != '/') {
            here("a route's 'path' starts with '/'");
        }
        if (!r.event_path.empty() && (r.event_path.front() != '/' || !is_visible(r.event_path))) {
            here("'event_path' starts with '/' and has no spaces");
        }
        const auto slash = r.content_type.find('/');
        const bool one_line =
            std::all_of(r.content_type.begin(), r.content_type.end(), [](char c) { return c >= ' ' && c < 0x7F; });
        if (r.content_type != "auto" && (!one_line || slash == 0 || slash == std::string::npos)) {
            here("'content_type' is auto or a type like application/json");
        }
        if (!std::all_of(r.subprotocols.begin(), r.subprotocols.end(), is_token)) {
            here("'subprotocols' has names without spaces and commas");
        }
        // What a route inherits is complained about where it stands.
        if (r.origins != c_.origins) {
            origins(r.origins, here);
        }
        if (r.forward_headers != c_.forward_headers) {
            headers("forward_headers", r.forward_headers, here);
        }
        templates(r, here);
        tokens(r, here);
    }

    template <class Here>
    static void tokens(const route& r, Here here) {
        const jwt& j = r.jwt;
        if (!j.on()) {
            if (!j.issuer.empty() || !j.audience.empty() || !j.groups.empty()) {
                here("'jwt' needs 'jwks_file' or 'secret_file'");
            }
            return;
        }
        if (!j.jwks_file.empty() && !j.secret_file.empty()) {
            here("'jwt' has 'jwks_file' or 'secret_file', not both: a key set may hold secrets too (kty oct)");
        }
        if (j.from.empty()) {
            here("'jwt.from' has at least one of header, cookie, subprotocol, query");
        }
        for (const auto& place : j.from) {
            const auto colon = place.find(':');
            const auto kind = place.substr(0, colon);
            const bool named = kind == "cookie" || kind == "query";
            if ((!named && kind != "header" && kind != "subprotocol") ||
                (colon != std::string::npos && (!named || !is_token(std::string_view(place).substr(colon + 1))))) {
                here("'jwt.from' has header, cookie, subprotocol, query, cookie:NAME and query:NAME, not '" + place + "'");
            }
        }
        for (const auto& [key, claim] : {std::pair{"jwt.user", &j.user}, {"jwt.groups", &j.groups}}) {
            if (claim->starts_with('/') && !is_json_pointer(*claim)) {
                here(std::string("'") + key + "' is a claim's name or a JSON Pointer like /realm_access/roles");
            }
        }
        if (j.leeway > std::chrono::minutes(10)) {
            here("'jwt.leeway' is at most 10m");
        }
        if (!r.user.empty() && !j.user.empty()) {
            here("the user comes from the path ('user') or from the token ('jwt.user'), not from both");
        }
    }

    template <class Here>
    static void sockjs(const route& r, Here here) {
        if (r.sockjs && r.protocol == "raw") {
            here("'sockjs: true' stands beside 'protocol: stomp'; for messages as they are it is 'protocol: sockjs'");
        }
        if (!r.has_sockjs()) {
            return;
        }
        const auto names = template_names(r.path);
        if (r.path.ends_with("...}") || (r.path.size() > 1 && r.path.ends_with('/')) ||
            std::any_of(names.begin(), names.end(), [](auto n) { return n.starts_with("sockjs-"); })) {
            here(
                "a SockJS route's 'path' has no {rest...} and no slash at its end, for SockJS's own paths come behind it, and "
                "no "
                "variable sockjs-...");
        }
        const bool url = r.sockjs_library.starts_with("/") || r.sockjs_library.starts_with("http");
        if (!url || !is_visible(r.sockjs_library) || r.sockjs_library.find_first_of("\"<>") != std::string::npos) {
            here("'sockjs_library' is a URL or a path");
        }
        const auto plain = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
                   c == '=' || c == '-' || c == ' ';
        };
        if (!r.sockjs_integrity.empty() && (!r.sockjs_integrity.starts_with("sha") ||
                                            !std::all_of(r.sockjs_integrity.begin(), r.sockjs_integrity.end(), plain))) {
            here("'sockjs_integrity' is a hash like sha384-...");
        }
        // Whoever has that host's path would run what he likes in the app's origin.
        const bool elsewhere = r.sockjs_library.starts_with("http") || r.sockjs_library.starts_with("//");
        if (url && elsewhere && r.library_integrity().empty()) {
            here("'sockjs_library' of another host needs 'sockjs_integrity', the hash of exactly this file: sha384-...");
        }
    }

    void source_of(const source& s) {
        const auto here = [&](std::string message) { to_.push_back({file_, s.line, s.column, std::move(message)}); };
        const auto named = !s.channel.empty() + !s.pattern.empty() + !s.list.empty() + !s.stream.empty();
        if (named != 1) {
            here("a source has one of 'channel', 'pattern', 'list' and 'stream'");
        }
        for (const auto* name : {&s.channel, &s.pattern, &s.list, &s.stream}) {
            if (!name->empty() && name->starts_with(c_.prefix)) {
                here("a source is a channel, list or stream of the app's own, not one under 'prefix'");
            }
        }
        if (s.stream.empty() && (!s.field.empty() || !s.group.empty() || s.from != "new")) {
            here("'field', 'group' and 'from' are for streams");
        }
        if (!s.stream.empty() && std::any_of(c_.sources.begin(), c_.sources.end(), [&](const source& other) {
                return &other < &s && (other.stream == s.stream || other.list == s.stream);
            })) {
            here("the stream '" + s.stream + "' is a source already: name several targets in one 'to'");
        }
        const auto empty = [](const source_targets& t) {
            return !t.all && t.users.empty() && t.aliases.empty() && t.groups.empty() && t.connections.empty() &&
                   t.destinations.empty();
        };
        if (empty(s.to)) {
            here("a source needs 'to'");
        }
        if (!s.echo && s.channel.empty() && s.pattern.empty()) {
            here("'echo: false' is for channels");
        }
        if (!is_json_pointer(s.id)) {
            here("'id' is a JSON Pointer like /id, or empty");
        }
        if (empty(s.except) && !s.except.routes.empty()) {
            here("'except.route' stands beside a user, alias, group, connection or destination");
        }
        for (const auto* targets : {&s.to, &s.except}) {
            for (const auto& called : targets->routes) {
                if (std::none_of(c_.routes.begin(), c_.routes.end(), [&](const route& r) { return r.called() == called; })) {
                    here("'" + called + "' is no route's name (routes[].name, or its path)");
                }
            }
        }
        if (!is_json_pointer(s.data)) {
            here("'data' is a JSON Pointer like /messageVOS, or empty");
        }
        if (!is_json_pointer(s.headers)) {
            here("'headers' is a JSON Pointer like /headers, or empty");
        }
        if (!s.delivered.post.empty() && (s.delivered.post.front() != '/' || !is_visible(s.delivered.post))) {
            here("'delivered.post' starts with '/' and has no spaces");
        }
        if (s.delivered.post.empty() != s.delivered.body.empty() || !is_json_pointer(s.delivered.body)) {
            here("'delivered' has 'post', and as 'body' a JSON Pointer like /messageVOS/*/id");
        }
        const auto stars = static_cast<std::size_t>(std::count(s.pattern.begin(), s.pattern.end(), '*'));
        for (const auto* targets : {&s.to, &s.except}) {
            for (const auto* names :
                 {&targets->users, &targets->aliases, &targets->groups, &targets->connections, &targets->destinations}) {
                for (const auto& text : *names) {
                    if (const auto wrong = wrong_in_source_template(text, stars, !s.stream.empty()); !wrong.empty()) {
                        here("'" + text + "': " + wrong);
                    }
                }
            }
        }
    }

    void history_of(const history_rule& h) {
        const auto at = h.name.find(':');
        const std::string kind = h.name.substr(0, at);
        const bool named = at != std::string::npos && at + 1 < h.name.size() && (kind == "group" || kind == "destination");
        if (h.name != "all" && !named) {
            to_.push_back(
                {file_, h.line, h.column,
                 "'name' of an entry of 'history' is group:NAME, destination:NAME, with * for anything, or all, not '" +
                     h.name + "'"});
        }
    }

    template <class Here>
    static void templates(const route& r, Here here) {
        auto known = template_names(r.path);
        for (const auto& text : r.groups) {
            one_template(text, known, r.path, here);
        }
        one_template(r.user, known, r.path, here);
        known.emplace_back("event");
        one_template(r.event_path, known, r.path, here);
    }

    /// A name that nothing replaces would make one user or group of all clients.
    template <class Here>
    static void one_template(const std::string& text, const std::vector<std::string_view>& known, const std::string& path,
                             Here here) {
        if (std::count(text.begin(), text.end(), '{') != std::count(text.begin(), text.end(), '}')) {
            here("'" + text + "' has a brace that is not closed");
            return;
        }
        for (const auto name : template_names(text)) {
            if (std::find(known.begin(), known.end(), name) == known.end()) {
                here("'" + text + "': '" + std::string(name) + "' is no variable of '" + path + "'");
            }
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
