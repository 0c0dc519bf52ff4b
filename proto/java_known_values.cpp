#include <cstdio>

#include "proto/java_number.hpp"
#include "proto/java_part_view.hpp"
#include "proto/java_time.hpp"
#include "proto/java_utf.hpp"

namespace wsidecar::proto {
namespace {

std::optional<std::int64_t> big_endian(std::string_view bytes, std::size_t n) {
    if (bytes.size() < n) {
        return std::nullopt;
    }
    std::uint64_t out = 0;
    for (const char c : bytes.substr(0, n)) {
        out = out << 8U | static_cast<unsigned char>(c);
    }
    return static_cast<std::int64_t>(n == 4 ? static_cast<std::uint64_t>(static_cast<std::int32_t>(out)) : out);
}

result<java_shape> chars(const java_part_view& in, const java_node* array, std::optional<std::int64_t> count) {
    if (array == nullptr || array->what != java_shape_of::primitives || in.document.class_name(array->type) != "[C" || !count ||
        *count < 0 || static_cast<std::uint64_t>(*count) * 2 > array->values[0].size) {
        return bad_known_class;
    }
    std::string text;
    append_utf16(text, in.document.block(array->values[0]).substr(0, static_cast<std::size_t>(*count) * 2));
    return text_shape(java_form::text, std::move(text));
}

}  // namespace

result<java_shape> java_date(const java_part_view& in, std::string_view, std::string_view) {
    const auto ms = big_endian(in.block(), 8);
    return ms ? number_shape(java_form::date, *ms) : bad_known_class;
}

/// The Date within has whole seconds.
result<java_shape> java_timestamp(const java_part_view& in, std::string_view, std::string_view) {
    const auto ms = big_endian(in.of("java.util.Date").block(), 8);
    const auto nanos = in.number("nanos", java_kind::int32);
    if (!ms || !nanos || *nanos < 0 || *nanos > 999'999'999) {
        return bad_known_class;
    }
    const auto sum = static_cast<std::uint64_t>(*ms) + static_cast<std::uint64_t>(*nanos / 1'000'000);
    return number_shape(java_form::date, static_cast<std::int64_t>(sum));
}

result<java_shape> java_millis(const java_part_view& in, std::string_view a, std::string_view) {
    const auto ms = in.number(a, java_kind::int64);
    return ms ? number_shape(java_form::date, *ms) : bad_known_class;
}

result<java_shape> java_time_value(const java_part_view& in, std::string_view, std::string_view) {
    auto t = read_java_time(in.block());
    return t ? text_shape(t->is_number ? java_form::token : java_form::text, std::move(t->text)) : bad_known_class;
}

result<java_shape> java_string_builder(const java_part_view& in, std::string_view, std::string_view) {
    const java_node* array = nullptr;
    for (const auto& v : in.extra()) {
        array = v.kind == java_kind::node ? &in.document.node(v) : array;
    }
    return chars(in, array, big_endian(in.block(), 4));
}

result<java_shape> java_string_buffer(const java_part_view& in, std::string_view a, std::string_view b) {
    return chars(in, in.array(a, java_shape_of::primitives), in.number(b, java_kind::int32));
}

result<java_shape> java_big_integer(const java_part_view& in, std::string_view, std::string_view) {
    const auto sign = in.number("signum", java_kind::int32);
    const auto* magnitude = in.array("magnitude", java_shape_of::primitives);
    if (!sign || *sign < -1 || *sign > 1 || magnitude == nullptr || in.document.class_name(magnitude->type) != "[B") {
        return bad_known_class;
    }
    const auto bytes = in.document.block(magnitude->values[0]);
    if (bytes.size() > in.limits.big_integer) {
        return problem{"number_too_long", "a BigInteger has more bytes than the limit"};
    }
    const auto digits = *sign == 0 ? "0" : big_digits(bytes);
    return text_shape(java_form::digits, (*sign < 0 && digits != "0" ? "-" : "") + digits);
}

result<java_shape> java_big_decimal(const java_part_view& in, std::string_view, std::string_view) {
    const auto scale = in.number("scale", java_kind::int32);
    const auto f = in.field("intVal");
    if (!scale || f.empty() || f[0].kind != java_kind::node) {
        return bad_known_class;
    }
    const java_part_view unscaled{in.document, in.document.node(f[0]), in.limits, {}};
    auto whole = java_big_integer(unscaled.of("java.math.BigInteger"), {}, {});
    if (!whole) {
        return whole;
    }
    const bool negative = whole->text.starts_with('-');
    return text_shape(java_form::token, big_decimal_text(negative, std::string_view(whole->text).substr(negative ? 1 : 0),
                                                         static_cast<std::int32_t>(*scale)));
}

result<java_shape> java_uuid(const java_part_view& in, std::string_view, std::string_view) {
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
    return text_shape(java_form::text, text);
}

result<java_shape> java_int_as_boolean(const java_part_view& in, std::string_view a, std::string_view) {
    const auto n = in.number(a, java_kind::int32);
    return n ? text_shape(java_form::token, *n != 0 ? "true" : "false") : bad_known_class;
}

}  // namespace wsidecar::proto
