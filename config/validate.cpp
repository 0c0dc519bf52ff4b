#include "config/validate.hpp"

#include <sys/un.h>

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <utility>

#include "config/forms.hpp"
#include "config/validate_route.hpp"
#include "config/values.hpp"
#include "proto/text/host_port.hpp"

namespace wsidecar::config {
namespace {

class checks {
public:
    checks(const config& c, const std::string& file, const key_places& places, std::vector<complaint>& to)
        : c_(c), file_(file), places_(places), to_(to) {}

    void all() {
        addresses();
        app();
        redis();
        tracing();
        names();
        for (const auto& r : c_.routes) {
            validate_route(c_, r, [&](std::string message) { to_.push_back({file_, r.line, r.column, std::move(message)}); });
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
        auto at = places_.find(key);
        if (at == places_.end()) {  // a complaint about several keys of a map
            at = places_.lower_bound(key + '.');
        }
        const bool found = at != places_.end() && (at->first == key || at->first.starts_with(key + '.'));
        const auto where = found ? at->second : key_place{file_};
        to_.push_back({where.file, where.line, where.column, std::move(message)});
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
        ports_of_their_own();
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

    /// The system would only say that the second address is taken.
    void ports_of_their_own() {
        const auto is_every_host = [](std::string_view host) { return host.empty() || host == "0.0.0.0" || host == "::"; };
        const auto meet = [&](const std::string& one, const std::string& other) {
            const auto a = proto::split_listen_address(one);
            const auto b = proto::split_listen_address(other);
            return a && b && a->port == b->port && a->port.value_or(0) != 0 &&
                   (a->host == b->host || is_every_host(a->host) || is_every_host(b->host));
        };
        if (meet(c_.listen.address, c_.admin.address)) {
            complain("admin.address", "'admin.address' needs another port than 'listen.address'");
        }
        if (meet(c_.listen.address, c_.relay.address) || meet(c_.admin.address, c_.relay.address)) {
            complain("relay.address", "'relay.address' needs another port than 'listen.address' and 'admin.address'");
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

    /// One host: what is like "redis-0,redis-1" would be looked up in vain for ever.
    static bool good_host(const boost::urls::url_view& url) { return is_host_and_port(std::string(url.encoded_host()) + ":1"); }

    /// Of unix:/path and unix:///path.
    void socket_path(const std::string& key, const std::string& url) {
        std::string_view path = std::string_view(url).substr(std::string_view("unix:").size());
        path = path.substr(path.starts_with("///") ? 2 : 0, path.find('?'));
        if (path.size() >= sizeof(sockaddr_un::sun_path)) {
            complain(key, "'" + key + "' has a path of more than 107 bytes, which the system does not accept");
        }
        if (path.find_first_not_of('/') == std::string_view::npos) {
            complain(key, "'" + key + "' names no socket: it is like unix:/run/app.sock");
        }
    }

    /// What app_client can call.
    void called(const std::string& key, const std::string& url) {
        const auto parsed = boost::urls::parse_uri(url);
        const bool unix_socket = url.starts_with("unix:/") && url.size() > 6;
        const bool http = parsed && parsed->scheme() == "http" && good_host(*parsed) && good_port(*parsed) &&
                          !parsed->has_query() && !parsed->has_fragment() && !parsed->has_userinfo();
        if (unix_socket) {
            socket_path(key, url);
        } else if (!http) {
            const bool tls = url.starts_with("https://") && key == "app.url";
            complain(
                key,
                "'" + key + "' is http://host:port, with or without a path, or unix:/path, not '" + url + "'" +
                    (tls ? ": wsidecar speaks plain HTTP to the app in its pod; open a plain HTTP connector on 127.0.0.1 in "
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
            if (url.starts_with("unix://") && url.find('@') < url.find('/', 7)) {
                complain("redis.url",
                         "'redis.url' of a socket has no user and password: they are 'redis.username' and 'redis.password'");
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
        if (hash_tag_of(c_.prefix).empty()) {
            complain("prefix", "'shards' needs a hash tag in 'prefix', like \"{orders}:\": the number of a shard goes into it");
        }
    }

    /// Says which part of a URL is wrong, if that is clear, without a word of it that may be part of a password.
    static std::string wrong_part(const std::string& url, const boost::system::result<boost::urls::url_view>& parsed) {
        const std::string scheme = url.substr(0, std::min(url.find("://"), url.size()));
        if (scheme.find("sentinel") != std::string::npos) {
            return ": sentinels are listed in 'redis.sentinels', and 'redis.master' names the master";
        }
        if (scheme == "valkey" || scheme == "valkeys") {
            return ": write " + std::string(scheme == "valkey" ? "redis" : "rediss") + ":// for Valkey, too";
        }
        if (parsed && !good_port(*parsed)) {
            return ": the port is a number from 1 to 65535";
        }
        const auto login = url.rfind('@');
        if (url.find(',', login == std::string::npos ? 0 : login) != std::string::npos) {
            return ": it names one host; for a cluster, one of its nodes";
        }
        return "";
    }

    /// The database that the URL names; empty: none. No complaint shows the URL, which may hold a password.
    std::string redis_server(const std::string& url) {
        static const std::string in_a_password =
            "; in a password / ? # @ % are written %2F %3F %23 %40 %25, or it stands in 'redis.password'";
        const auto parsed = boost::urls::parse_uri(url);
        const bool has_path = parsed && !parsed->encoded_path().empty();
        if (!parsed || (parsed->scheme() != "redis" && parsed->scheme() != "rediss") || !good_host(*parsed) ||
            !good_port(*parsed) || (has_path && parsed->encoded_path().front() != '/')) {
            complain("redis.url", "'redis.url' is redis://host:port/db, rediss://, unix:///path or none" +
                                      wrong_part(url, parsed) + (url.find('@') == std::string::npos ? "" : in_a_password));
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
        const bool server = c_.redis.url != "none" && !c_.redis.url.starts_with("unix:");
        if (!server && !c_.redis.sentinels.empty()) {
            complain("redis.sentinels",
                     "'redis.sentinels' do not go with a 'redis.url' of none or unix:/path: it is redis:// or rediss://");
        }
        for (const auto& s : c_.redis.sentinels) {
            if (!is_host_and_port(s)) {
                complain("redis.sentinels", "'redis.sentinels' has entries like host:port, not '" + s + "'");
            }
        }
    }

    void cluster(const std::string& database) {
        if (hash_tag_of(c_.prefix).empty()) {
            complain("prefix",
                     "'redis.cluster' needs a hash tag in 'prefix', like \"{wsidecar:orders}:\": a script touches one slot");
        }
        if (parse_number(database, 1'000'000).value_or(0) != 0) {
            complain("redis.url", "'redis.cluster' has database 0 only");
        }
        if (c_.redis.url == "none") {
            complain("redis.cluster", "'redis.cluster' needs Redis: 'redis.url' is none");
        }
        if (!c_.redis.sentinels.empty()) {
            complain("redis.cluster", "'redis.cluster' or 'redis.sentinels', not both");
        }
        for (const auto& s : c_.sources) {
            in_slot_of_prefix(s, s.list);
            in_slot_of_prefix(s, s.stream);
        }
        for (const auto& r : c_.routes) {
            in_slot_of_prefix(r, r.inbound.rpush);
        }
        if (!c_.outbox.receipt_prefix.empty() && hash_tag_of(c_.outbox.receipt_prefix) != hash_tag_of(c_.prefix)) {
            complain("outbox.receipt_prefix", "'outbox.receipt_prefix'" + in_another_slot());
        }
    }

    /// One connection and one script reach one slot, so a key in another slot would be refused with MOVED or CROSSSLOT for ever.
    template <class Entry>
    void in_slot_of_prefix(const Entry& of, const std::string& key) {
        if (!key.empty() && hash_tag_of(key) != hash_tag_of(c_.prefix)) {
            to_.push_back({file_, of.line, of.column, "'" + key + "'" + in_another_slot()});
        }
    }
    std::string in_another_slot() const {
        return " is in another slot of the cluster than 'prefix': it needs the same hash tag, {" +
               std::string(hash_tag_of(c_.prefix)) + "}";
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
        validate_origins(c_.origins, here("origins"));
        validate_headers("forward_headers", c_.forward_headers, here("forward_headers"));
        validate_headers("replay_headers", c_.replay_headers, here("replay_headers"));
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
            here("'except.route' needs a user, alias, group, connection or destination next to it");
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

    const config& c_;
    const std::string& file_;
    const key_places& places_;
    std::vector<complaint>& to_;
};

}  // namespace

void validate(const config& c, const std::string& file, const key_places& places, std::vector<complaint>& to) {
    checks(c, file, places, to).all();
}

}  // namespace wsidecar::config
