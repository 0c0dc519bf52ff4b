// Negotiation of permessage-deflate: RFC 7692 sections 5 and 7.1, grammar in RFC 6455 section 9.1.

#include <algorithm>

#include "proto/text/ascii.hpp"
#include "proto/ws/deflate.hpp"

namespace wsidecar::proto {

namespace {

struct parameter {
    std::string_view name;
    std::string_view value;
    bool has_value = false;
};

/// Reads the header value from left to right.
class cursor {
public:
    explicit cursor(std::string_view s) : rest_(s) {}

    bool at_end() {
        rest_ = trim(rest_);
        return rest_.empty();
    }

    bool take(char c) {
        if (at_end() || rest_.front() != c) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }

    /// Empty: there is no token here.
    std::string_view token() {
        rest_ = trim(rest_);
        std::size_t n = 0;
        while (n < rest_.size() && is_token_char(rest_[n])) {
            ++n;
        }
        const auto t = rest_.substr(0, n);
        rest_.remove_prefix(n);
        return t;
    }

    /// A token, plain or in quotes (what is between them must be a token).
    std::string_view value() {
        if (!take('"')) {
            return token();
        }
        const auto end = rest_.find('"');
        if (end == std::string_view::npos) {
            rest_ = {};
            return {};
        }
        const auto v = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return is_token(v) ? v : std::string_view{};
    }

    /// Goes to the next element of the list, whatever is in between.
    void skip_element() {
        bool quoted = false;
        while (!rest_.empty() && (quoted || rest_.front() != ',')) {
            if (quoted && rest_.front() == '\\') {
                rest_.remove_prefix(1);
            } else if (rest_.front() == '"') {
                quoted = !quoted;
            }
            rest_.remove_prefix(rest_.empty() ? 0 : 1);
        }
        take(',');
    }

private:
    std::string_view rest_;
};

/// 8 to 15 without leading zeros, else 0.
int window_bits(std::string_view v) {
    if (v.size() == 1 && (v[0] == '8' || v[0] == '9')) {
        return v[0] - '0';
    }
    if (v.size() == 2 && v[0] == '1' && v[1] >= '0' && v[1] <= '5') {
        return 10 + (v[1] - '0');
    }
    return 0;
}

/// One offer's parameters; each at most once.
class offer {
public:
    bool add(const parameter& p) {
        if (p.name == "server_no_context_takeover") {
            return once(server_no_takeover_) && !p.has_value;
        }
        if (p.name == "client_no_context_takeover") {
            return once(client_no_takeover_) && !p.has_value;
        }
        if (p.name == "client_max_window_bits") {
            client_window_ = p.has_value ? window_bits(p.value) : max_window_bits;
            return once(client_bits_) && client_window_ != 0;
        }
        if (p.name == "server_max_window_bits") {
            server_window_ = window_bits(p.value);
            return once(server_bits_) && server_window_ != 0;
        }
        return false;
    }

    /// Our messages stand alone, whether we say so or not: the client's inflater need not know (RFC 7692 section 7.1.1.1).
    /// A client that only says that it could take a smaller window is not asked for one: those that compress by
    /// java.util.zip offer it, too, and break when they are.
    deflate_terms terms() const {
        deflate_terms t;
        t.answer = "permessage-deflate";
        if (server_no_takeover_) {
            t.answer += "; server_no_context_takeover";
        }
        if (client_no_takeover_) {
            t.answer += "; client_no_context_takeover";
        }
        t.send_bits = static_cast<std::uint8_t>(std::min(server_window_, deflate_window_bits));
        if (server_bits_) {
            t.answer += "; server_max_window_bits=" + std::to_string(t.send_bits);
        }
        if (client_window_ < max_window_bits) {
            t.answer += "; client_max_window_bits=" + std::to_string(client_window_);
        }
        t.receive_bits = static_cast<std::uint8_t>(client_no_takeover_ ? 0 : client_window_);
        return t;
    }

private:
    static bool once(bool& seen) {
        const bool first = !seen;
        seen = true;
        return first;
    }

    bool server_no_takeover_ = false;
    bool client_no_takeover_ = false;
    bool client_bits_ = false;
    bool server_bits_ = false;
    int client_window_ = max_window_bits;
    int server_window_ = deflate_window_bits;
};

/// The offer at the cursor, if it is permessage-deflate and can be taken.
std::optional<offer> read_offer(cursor& in) {
    if (in.token() != "permessage-deflate") {
        return std::nullopt;
    }
    offer o;
    while (in.take(';')) {
        parameter p;
        p.name = in.token();
        if (in.take('=')) {
            p.has_value = true;
            p.value = in.value();
            if (p.value.empty()) {
                return std::nullopt;
            }
        }
        if (!o.add(p)) {
            return std::nullopt;
        }
    }
    return in.at_end() || in.take(',') ? std::optional(o) : std::nullopt;
}

}  // namespace

std::optional<deflate_terms> negotiate_deflate(std::string_view offers) {
    cursor in(offers);
    while (!in.at_end()) {
        cursor attempt = in;
        if (const auto o = read_offer(attempt)) {
            return o->terms();
        }
        in.skip_element();
    }
    return std::nullopt;
}

}  // namespace wsidecar::proto
