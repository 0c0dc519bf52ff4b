#include "sidecar/core/connect_advice.hpp"

#include <algorithm>
#include <string_view>

#include "proto/text/ascii.hpp"

namespace wsidecar::core {
namespace {

/// As much of a body as is looked at: error pages name what is wrong near their beginning.
constexpr std::size_t looked_at = 4096;

std::string lower_front(std::string_view body) {
    std::string out(body.substr(0, looked_at));
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

std::string_view header(const app_answer& a, std::string_view name) {
    const auto at =
        std::find_if(a.headers.begin(), a.headers.end(), [&](const auto& h) { return proto::iequals(h.first, name); });
    return at == a.headers.end() ? std::string_view() : std::string_view(at->second);
}

bool is_page(const app_answer& a) {
    const auto front = lower_front(a.body);
    const auto first = front.find_first_not_of(" \t\r\n");
    return header(a, "Content-Type").starts_with("text/html") && first != std::string::npos &&
           (front.compare(first, 9, "<!doctype") == 0 || front.compare(first, 5, "<html") == 0);
}

/// Where a redirect leads, without the query: it may carry secrets.
std::string place_of(const app_answer& a) {
    const auto location = header(a, "Location");
    return std::string(location.substr(0, std::min<std::size_t>(location.find('?'), 200)));
}

}  // namespace

std::string connect_advice(const std::string& path, const app_answer& a) {
    const std::string event = "the connect event (POST " + path + ")";
    const std::string status = std::to_string(a.status);
    if (a.status / 100 == 3) {
        return "the app redirects " + event + ": answered " + status + ", Location " + place_of(a) +
               ". If every client gets this, the path is behind the login page: permit it in the app's security configuration "
               "and exempt it from CSRF; a client that is not logged in is best answered 401";
    }
    if (a.status == 401) {
        return "the app refuses " + event +
               " with 401: the client is not logged in. If every client gets this, see whether the "
               "app's login filter covers this path, and whether the login is in a header that forward_headers does not name";
    }
    if (a.status == 403 && lower_front(a.body).find("csrf") != std::string::npos) {
        return "the app's CSRF protection refuses " + event +
               " with 403: exempt the path (Spring Security: csrf.ignoringRequestMatchers). "
               "wsidecar has checked the Origin, and no page can send this request";
    }
    if (a.status == 403) {
        return "the app refuses " + event +
               " with 403: either CSRF protection (Spring Security refuses a POST without a token: "
               "exempt the path with csrf.ignoringRequestMatchers), or this client is not allowed to connect";
    }
    if (a.status == 404) {
        return "the app has no handler for the connect event: add POST " + path +
               " to the app, or leave connect out of the route's events";
    }
    if (a.status == 405) {
        return "the app has no handler for the connect event, but something else at its path (a WebSocketHandler or a GET "
               "mapping?): add POST " +
               path + " to the app, or leave connect out of the route's events";
    }
    if (a.status / 100 == 5) {
        return "the app failed at " + event + " with " + status + ": its own log says why";
    }
    if (a.status / 100 == 2 && is_page(a)) {
        return "the app answers " + event +
               " with an HTML page, which becomes the client's first message. If it is a login or error "
               "page, let the app answer 401; a handler that has nothing to say answers 204";
    }
    return {};
}

}  // namespace wsidecar::core
