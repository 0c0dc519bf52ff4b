#include "tests/simulation/redis_reply.hpp"

#include <cmath>
#include <cstdio>

namespace wsidecar::simulation {

std::string text_of(double d) {
    if (std::isinf(d)) {
        return d > 0 ? "inf" : "-inf";
    }
    char buffer[64];
    if (d == std::floor(d) && std::fabs(d) < 1e17) {
        std::snprintf(buffer, sizeof buffer, "%.0f", d);
    } else {
        std::snprintf(buffer, sizeof buffer, "%.17g", d);
    }
    return buffer;
}

reply reply::number_text(double d) {
    return bulk(text_of(d));
}

void reply::encode(std::string& out) const {
    switch (is) {
        case kind::nil: out += "$-1\r\n"; return;
        case kind::nil_array: out += "*-1\r\n"; return;
        case kind::integer: out.append(":").append(std::to_string(number)).append("\r\n"); return;
        case kind::status: out.append("+").append(text).append("\r\n"); return;
        case kind::error: out.append("-").append(text).append("\r\n"); return;
        case kind::bulk: out.append("$").append(std::to_string(text.size())).append("\r\n").append(text).append("\r\n"); return;
        case kind::array:
            out.append("*").append(std::to_string(items.size())).append("\r\n");
            for (const auto& i : items) {
                i.encode(out);
            }
            return;
        case kind::none: return;
    }
}

std::string reply::describe(std::size_t most) const {
    std::string out;
    switch (is) {
        case kind::nil:
        case kind::nil_array: out = "nil"; break;
        case kind::integer: out = std::to_string(number); break;
        case kind::status: out = text; break;
        case kind::error: out = "!" + text; break;
        case kind::bulk: out = "\"" + text + "\""; break;
        case kind::none: out = "(blocks)"; break;
        case kind::array:
            out = "[";
            for (std::size_t i = 0; i < items.size() && out.size() < most; ++i) {
                out += (i ? " " : "") + items[i].describe(most);
            }
            out += "]";
    }
    for (char& c : out) {
        c = c == '\n' || c == '\r' || c == '\0' ? '.' : c;
    }
    return out.size() > most ? out.substr(0, most) + "..." : out;
}

}  // namespace wsidecar::simulation
