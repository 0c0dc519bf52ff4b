#include "proto/text/utf8.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace wsidecar::proto {

namespace {

/// First byte at or after `p` that is not ASCII.
const char* skip_ascii(const char* p, const char* end) {
    while (end - p >= 8) {
        std::uint64_t word;
        std::memcpy(&word, p, 8);
        if ((word & 0x8080808080808080ULL) != 0) {
            break;
        }
        p += 8;
    }
    while (p != end && static_cast<unsigned char>(*p) < 0x80) {
        ++p;
    }
    return p;
}

}  // namespace

// Table 3-7 of the Unicode Standard: only the second byte has a range that depends on the first.
bool utf8_checker::step(unsigned char c) {
    if (need_ != 0) {
        if (c < low_ || c > high_) {
            return false;
        }
        --need_;
        low_ = 0x80;
        high_ = 0xBF;
        return true;
    }
    if (c < 0x80) {
        return true;
    }
    if (c < 0xC2 || c > 0xF4) {
        return false;
    }
    need_ = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    if (c == 0xE0) {
        low_ = 0xA0;
    } else if (c == 0xED) {
        high_ = 0x9F;
    } else if (c == 0xF0) {
        low_ = 0x90;
    } else if (c == 0xF4) {
        high_ = 0x8F;
    }
    return true;
}

bool utf8_checker::feed(std::string_view s) {
    if (need_ == failed) {
        return false;
    }
    const char* p = s.data();
    const char* const end = p + s.size();
    while (p != end) {
        if (need_ == 0) {
            p = skip_ascii(p, end);
            if (p == end) {
                break;
            }
        }
        if (!step(static_cast<unsigned char>(*p++))) {
            need_ = failed;
            return false;
        }
    }
    return true;
}

std::string_view whole_characters(std::string_view s, std::size_t most) {
    std::size_t n = std::min(s.size(), most);
    while (n < s.size() && n > 0 && (static_cast<unsigned char>(s[n]) & 0xC0U) == 0x80U) {
        --n;
    }
    return s.substr(0, n);
}

bool valid_utf8(std::string_view s) {
    utf8_checker checker;
    return checker.feed(s) && checker.complete();
}

std::string utf8_or_marks(std::string_view s) {
    if (valid_utf8(s)) {
        return std::string(s);
    }
    std::string out;
    while (!s.empty()) {
        const auto most = std::min<std::size_t>(s.size(), 4);
        std::size_t size = 1;
        while (size <= most && !valid_utf8(s.substr(0, size))) {
            ++size;
        }
        if (size <= most) {
            out.append(s.substr(0, size));
        } else {
            size = 1;
            out += "\xEF\xBF\xBD";
        }
        s.remove_prefix(size);
    }
    return out;
}

}  // namespace wsidecar::proto
