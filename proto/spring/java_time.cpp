#include "proto/spring/java_time.hpp"

#include <cstdlib>

namespace wsidecar::proto {
namespace {

/// The type byte that java.time.Ser begins with.
enum ser_type : std::uint8_t {
    ser_duration = 1,
    ser_instant,
    ser_local_date,
    ser_local_time,
    ser_local_date_time,
    ser_zoned_date_time,
    ser_zone_region,
    ser_zone_offset,
    ser_offset_time,
    ser_offset_date_time,
    ser_year,
    ser_year_month,
    ser_month_day,
    ser_period,
};

constexpr std::int64_t day_seconds = 86'400;
constexpr std::int64_t billion = 1'000'000'000;

std::string padded(std::int64_t n, std::size_t width) {
    auto digits = std::to_string(n);
    return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

/// Four digits at least; more have a sign.
std::string year_text(std::int64_t year) {
    return (year < 0 ? "-" : year > 9999 ? "+" : "") + padded(std::abs(year), 4);
}

std::string date_text(std::int64_t year, std::int64_t month, std::int64_t day) {
    return year_text(year) + '-' + padded(month, 2) + '-' + padded(day, 2);
}

/// The proleptic Gregorian date of a day counted from 1970-01-01, by eras of 400 years that begin in March.
std::string date_of_day(std::int64_t day) {
    constexpr std::int64_t era_days = 146'097;
    constexpr std::int64_t march_0000 = 719'468;  // days from 0000-03-01 to 1970-01-01
    const auto shifted = day + march_0000;
    const auto era = (shifted >= 0 ? shifted : shifted - (era_days - 1)) / era_days;
    const auto in_era = shifted - era * era_days;
    const auto year = (in_era - in_era / 1'460 + in_era / 36'524 - in_era / 146'096) / 365;
    const auto in_year = in_era - (365 * year + year / 4 - year / 100);
    const auto month = (5 * in_year + 2) / 153;  // 0 is March
    const auto in_month = in_year - (153 * month + 2) / 5;
    return date_text(year + era * 400 + (month >= 10 ? 1 : 0), month < 10 ? month + 3 : month - 9, in_month + 1);
}

std::string clock_text(std::int64_t seconds) {
    return padded(seconds / 3'600, 2) + ':' + padded(seconds / 60 % 60, 2) + ':' + padded(seconds % 60, 2);
}

/// Nanoseconds as a fraction without trailing zeros, in groups of `group` digits; empty for 0.
std::string fraction_text(std::int64_t nanos, std::size_t group) {
    if (nanos == 0) {
        return {};
    }
    auto digits = padded(nanos, 9);
    auto end = digits.find_last_not_of('0') + 1;
    end = (end + group - 1) / group * group;
    return '.' + digits.substr(0, end);
}

std::string instant_text(std::int64_t seconds, std::int64_t nanos) {
    auto day = seconds / day_seconds;
    auto clock = seconds % day_seconds;
    if (clock < 0) {
        --day;
        clock += day_seconds;
    }
    return date_of_day(day) + 'T' + clock_text(clock) + fraction_text(nanos, 3) + 'Z';
}

/// Duration.toString(): the sign stands at each part.
std::string duration_text(std::int64_t seconds, std::int64_t nanos) {
    const bool borrowed = seconds < 0 && nanos > 0;
    const auto whole = borrowed ? seconds + 1 : seconds;
    const auto hours = whole / 3'600;
    const auto minutes = whole % 3'600 / 60;
    const auto rest = whole % 60;
    std::string out = "PT";
    out += hours != 0 ? std::to_string(hours) + 'H' : "";
    out += minutes != 0 ? std::to_string(minutes) + 'M' : "";
    if (rest == 0 && nanos == 0 && out.size() > 2) {
        return out;
    }
    out += borrowed && rest == 0 ? "-0" : std::to_string(rest);
    return out + fraction_text(borrowed ? billion - nanos : nanos, 1) + 'S';
}

std::string period_text(std::int64_t years, std::int64_t months, std::int64_t days) {
    std::string out = "P";
    out += years != 0 ? std::to_string(years) + 'Y' : "";
    out += months != 0 ? std::to_string(months) + 'M' : "";
    out += days != 0 ? std::to_string(days) + 'D' : "";
    return out.size() > 1 ? out : "P0D";
}

std::string offset_text(std::int64_t seconds) {
    if (seconds == 0) {
        return "Z";
    }
    const auto n = std::abs(seconds);
    const auto clock = clock_text(n);
    return (seconds < 0 ? '-' : '+') + (n % 60 == 0 ? clock.substr(0, 5) : clock);
}

/// Takes parts from the front; after the first that is missing or out of range nothing counts.
class ser_reader {
public:
    explicit ser_reader(std::string_view in) : in_(in) {}

    bool good() const { return good_ && in_.empty(); }

    std::int64_t number(std::size_t bytes) {
        if (in_.size() < bytes) {
            good_ = false;
            return 0;
        }
        auto n = static_cast<std::uint64_t>(bytes > 0 && (static_cast<unsigned char>(in_[0]) & 0x80U) != 0 ? -1 : 0);
        for (const char c : in_.substr(0, bytes)) {
            n = n << 8U | static_cast<unsigned char>(c);
        }
        in_.remove_prefix(bytes);
        return static_cast<std::int64_t>(n);
    }

    std::int64_t number(std::size_t bytes, std::int64_t low, std::int64_t high) {
        const auto n = number(bytes);
        good_ = good_ && n >= low && n <= high;
        return n;
    }

    std::int64_t nanos() { return number(4, 0, billion - 1); }

    std::string date() {
        const auto year = number(4);
        const auto month = number(1, 1, 12);
        return date_text(year, month, number(1, 1, 31));
    }

    /// The last part that isn't 0 is inverted, and none follows: so 09:00 is one byte.
    std::string time() {
        std::int64_t seconds = 0;
        for (const std::int64_t unit : {3'600, 60, 1}) {
            const auto most = unit == 3'600 ? 23 : 59;
            const auto n = number(1, -most - 1, most);
            seconds += (n < 0 ? ~n : n) * unit;
            if (n < 0 || !good_) {
                return good_ ? clock_text(seconds) : std::string();
            }
        }
        const auto n = nanos();
        return good_ ? clock_text(seconds) + fraction_text(n, 1) : std::string();
    }

    std::string date_time() {
        auto out = date();
        return out += 'T' + time();
    }

    std::string offset() {
        constexpr std::int64_t most = 18 * 3'600;
        const auto quarters = number(1, -72, 127);
        const auto seconds = quarters == 127 ? number(4, -most, most) : quarters * 900;
        good_ = good_ && std::abs(seconds) <= most;
        return good_ ? offset_text(seconds) : std::string();
    }

    /// Letters, digits and what else a ZoneId may have: 7-bit, so it needs no decoding.
    std::string region() {
        const auto length = static_cast<std::size_t>(number(2, 0, 0x7FFF));
        if (!good_ || in_.size() < length) {
            good_ = false;
            return {};
        }
        std::string out(in_.substr(0, length));
        for (const char c : out) {
            good_ = good_ && c > ' ' && c < 0x7F;
        }
        in_.remove_prefix(length);
        return out;
    }

    void zone() { number(1, ser_zone_region, ser_zone_offset) == ser_zone_region ? region() : offset(); }

private:
    std::string_view in_;
    bool good_ = true;
};

std::string read_typed(ser_reader& in, std::int64_t type) {
    switch (type) {
        case ser_duration: {
            const auto seconds = in.number(8);
            return duration_text(seconds, in.nanos());
        }
        case ser_instant: {
            const auto seconds = in.number(8, -31'557'014'167'219'200, 31'556'889'864'403'199);  // Instant.MIN, MAX
            return instant_text(seconds, in.nanos());
        }
        case ser_local_date: return in.date();
        case ser_local_time: return in.time();
        case ser_local_date_time: return in.date_time();
        case ser_zoned_date_time: {
            auto out = in.date_time();
            out += in.offset();
            in.zone();
            return out;
        }
        case ser_zone_region: return in.region();
        case ser_zone_offset: return in.offset();
        case ser_offset_time: {
            auto out = in.time();
            return out += in.offset();
        }
        case ser_offset_date_time: {
            auto out = in.date_time();
            return out += in.offset();
        }
        case ser_year: return std::to_string(in.number(4));
        case ser_year_month: {
            const auto year = in.number(4);
            return year_text(year) + '-' + padded(in.number(1, 1, 12), 2);
        }
        case ser_month_day: {
            const auto month = in.number(1, 1, 12);
            return "--" + padded(month, 2) + '-' + padded(in.number(1, 1, 31), 2);
        }
        case ser_period: {
            const auto years = in.number(4);
            const auto months = in.number(4);
            return period_text(years, months, in.number(4));
        }
        default: return {};
    }
}

}  // namespace

std::optional<java_time_text> read_java_time(std::string_view block) {
    ser_reader in(block);
    const auto type = in.number(1, ser_duration, ser_period);
    java_time_text out{read_typed(in, type), type == ser_year};
    return in.good() ? std::optional(std::move(out)) : std::nullopt;
}

std::string java_date_text(std::int64_t epoch_ms) {
    auto seconds = epoch_ms / 1'000;
    auto ms = epoch_ms % 1'000;
    if (ms < 0) {
        --seconds;
        ms += 1'000;
    }
    auto out = instant_text(seconds, 0);
    out.pop_back();
    return out + '.' + padded(ms, 3) + "+00:00";
}

}  // namespace wsidecar::proto
