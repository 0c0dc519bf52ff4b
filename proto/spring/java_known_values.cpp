#include <cstdio>

#include "proto/spring/java_number.hpp"
#include "proto/spring/java_part_view.hpp"
#include "proto/spring/java_time.hpp"
#include "proto/spring/java_utf.hpp"
#include "proto/text/words.hpp"

namespace wsidecar::proto {
namespace {

std::optional<std::int64_t> int_of(std::string_view block) {
    return block.size() < 4 ? std::nullopt : std::optional<std::int64_t>(static_cast<std::int32_t>(big_endian(block, 4)));
}

std::optional<std::int64_t> long_of(std::string_view block) {
    return block.size() < 8 ? std::nullopt : std::optional(static_cast<std::int64_t>(big_endian(block, 8)));
}

result<void> chars(const java_part_view& in, const java_node* array, std::optional<std::int64_t> count, java_shape& to) {
    if (array == nullptr || array->what != java_shape_of::primitives || in.document.class_name(array->type) != "[C" || !count ||
        *count < 0) {
        return bad_known_class;
    }
    const auto units = in.document.block(in.document.values_of(*array)[0]);
    const auto size = static_cast<std::size_t>(*count) * 2;
    if (size > units.size()) {
        return bad_known_class;
    }
    in.text.clear();
    append_utf16(in.text, units.substr(0, size));
    return text_shape(to, java_form::text, in.text);
}

}  // namespace

result<void> java_date(const java_part_view& in, java_shape& to) {
    const auto ms = long_of(in.block());
    return ms ? number_shape(to, java_form::date, *ms) : bad_known_class;
}

/// The Date within has whole seconds.
result<void> java_timestamp(const java_part_view& in, java_shape& to) {
    const auto ms = long_of(in.of("java.util.Date").block());
    const auto nanos = in.number("nanos", java_kind::int32);
    if (!ms || !nanos || *nanos < 0 || *nanos > 999'999'999) {
        return bad_known_class;
    }
    const auto sum = static_cast<std::uint64_t>(*ms) + static_cast<std::uint64_t>(*nanos / 1'000'000);
    return number_shape(to, java_form::date, static_cast<std::int64_t>(sum));
}

result<void> java_millis(const java_part_view& in, java_shape& to) {
    const auto ms = in.number(in.a, java_kind::int64);
    return ms ? number_shape(to, java_form::date, *ms) : bad_known_class;
}

result<void> java_time_value(const java_part_view& in, java_shape& to) {
    auto t = read_java_time(in.block());
    if (!t) {
        return bad_known_class;
    }
    in.text = std::move(t->text);
    return text_shape(to, t->is_number ? java_form::token : java_form::text, in.text);
}

result<void> java_string_builder(const java_part_view& in, java_shape& to) {
    const java_node* array = nullptr;
    for (const auto& v : in.extra()) {
        array = v.kind == java_kind::node ? &in.document.node(v) : array;
    }
    return chars(in, array, int_of(in.block()), to);
}

result<void> java_string_buffer(const java_part_view& in, java_shape& to) {
    return chars(in, in.array(in.a, java_shape_of::primitives), in.number(in.b, java_kind::int32), to);
}

result<void> java_big_integer(const java_part_view& in, java_shape& to) {
    const auto sign = in.number("signum", java_kind::int32);
    const auto* magnitude = in.array("magnitude", java_shape_of::primitives);
    if (!sign || *sign < -1 || *sign > 1 || magnitude == nullptr || in.document.class_name(magnitude->type) != "[B") {
        return bad_known_class;
    }
    const auto bytes = in.document.block(in.document.values_of(*magnitude)[0]);
    if (bytes.size() > in.limits.big_integer) {
        return problem{"number_too_long", "a BigInteger has more bytes than the limit"};
    }
    const auto digits = *sign == 0 ? "0" : big_digits(bytes);
    in.text = (*sign < 0 && digits != "0" ? "-" : "") + digits;
    return text_shape(to, java_form::digits, in.text);
}

result<void> java_big_decimal(const java_part_view& in, java_shape& to) {
    const auto scale = in.number("scale", java_kind::int32);
    const auto f = in.field("intVal");
    if (!scale || f.empty() || f[0].kind != java_kind::node) {
        return bad_known_class;
    }
    const java_part_view unscaled{in.document, in.document.node(f[0]), in.limits, in.text, {}, {}};
    if (const auto whole = java_big_integer(unscaled.of("java.math.BigInteger"), to); !whole) {
        return whole;
    }
    const bool negative = to.text.starts_with('-');
    in.text = big_decimal_text(negative, to.text.substr(negative ? 1 : 0), static_cast<std::int32_t>(*scale));
    return text_shape(to, java_form::token, in.text);
}

result<void> java_uuid(const java_part_view& in, java_shape& to) {
    const auto high = in.number("mostSigBits", java_kind::int64);
    const auto low = in.number("leastSigBits", java_kind::int64);
    if (!high || !low) {
        return bad_known_class;
    }
    char text[37];
    const auto h = static_cast<unsigned long long>(*high);
    const auto l = static_cast<unsigned long long>(*low);
    std::snprintf(text, sizeof text, "%08llx-%04llx-%04llx-%04llx-%012llx", h >> 32U, h >> 16U & 0xFFFFU, h & 0xFFFFU, l >> 48U,
                  l & 0xFFFF'FFFF'FFFFU);
    in.text = text;
    return text_shape(to, java_form::text, in.text);
}

result<void> java_int_as_boolean(const java_part_view& in, java_shape& to) {
    const auto n = in.number(in.a, java_kind::int32);
    return n ? text_shape(to, java_form::token, *n != 0 ? "true" : "false") : bad_known_class;
}

}  // namespace wsidecar::proto
