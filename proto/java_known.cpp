#include "proto/java_known.hpp"

#include <algorithm>
#include <cstdio>
#include <unordered_map>

#include "proto/java_number.hpp"
#include "proto/java_time.hpp"
#include "proto/java_utf.hpp"

namespace wsidecar::proto {

namespace {

constexpr problem bad{"bad_known_class", "an object of a known class without the data that it always has"};

/// One class's part of an object.
struct part_view {
    const java_document& document;
    const java_node& node;
    const java_limits& limits;
    java_part part;

    /// The part of another class of the chain; without data it is empty.
    part_view of(std::string_view class_name) const {
        for (const auto& p : node.parts) {
            if (document.class_name(p.type) == class_name) {
                return {document, node, limits, p};
            }
        }
        return {document, node, limits, {}};
    }

    /// A field as a span of one, to be kept in a shape; empty: there is none.
    std::span<const java_value> field(std::string_view name) const {
        if (part.type != no_java_class) {
            const auto& fields = document.classes[part.type].fields;
            for (std::size_t i = 0; i < fields.size() && part.fields + i < part.extra; ++i) {
                if (document.string(fields[i].name) == name) {
                    return std::span(node.values).subspan(part.fields + i, 1);
                }
            }
        }
        return {};
    }

    std::optional<std::int64_t> number(std::string_view name, java_kind kind) const {
        const auto f = field(name);
        return !f.empty() && f[0].kind == kind ? std::optional(f[0].number) : std::nullopt;
    }

    /// The array that a field holds; nullptr: it doesn't.
    const java_node* array(std::string_view name, java_shape_of what) const {
        const auto f = field(name);
        return !f.empty() && f[0].kind == java_kind::node && document.node(f[0]).what == what ? &document.node(f[0]) : nullptr;
    }

    /// What the class wrote after its fields.
    std::span<const java_value> extra() const { return std::span(node.values).subspan(part.extra, part.end - part.extra); }

    /// The first block of it.
    std::string_view block() const {
        const auto all = extra();
        const auto found = std::find_if(all.begin(), all.end(), [](const auto& v) { return v.kind == java_kind::block; });
        return found == all.end() ? std::string_view() : document.block(*found);
    }
};

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

result<java_shape> text_shape(java_form form, std::string text) {
    java_shape s;
    s.form = form;
    s.text = std::move(text);
    return s;
}

result<java_shape> number_shape(java_form form, std::int64_t number) {
    java_shape s;
    s.form = form;
    s.number = number;
    return s;
}

result<java_shape> values_shape(java_form form, std::span<const java_value> first, std::span<const java_value> second = {}) {
    java_shape s;
    s.form = form;
    s.first = first;
    s.second = second;
    return s;
}

// How to read a class; `a` and `b` name the fields that matter.
using reader = result<java_shape> (*)(const part_view& in, std::string_view a, std::string_view b);

result<java_shape> wrapped(const part_view& in, std::string_view a, std::string_view) {
    const auto f = in.field(a);
    return f.empty() ? result<java_shape>(bad) : values_shape(java_form::value, f);
}

result<java_shape> one(const part_view& in, std::string_view a, std::string_view) {
    const auto f = in.field(a);
    return f.empty() ? result<java_shape>(bad) : values_shape(java_form::list, f);
}

result<java_shape> entry(const part_view& in, std::string_view a, std::string_view b) {
    const auto key = in.field(a);
    const auto value = in.field(b);
    return key.empty() || value.empty() ? result<java_shape>(bad) : values_shape(java_form::zip, key, value);
}

result<java_shape> no_elements(const part_view&, std::string_view, std::string_view) {
    return values_shape(java_form::list, {});
}

result<java_shape> no_pairs(const part_view&, std::string_view, std::string_view) {
    return values_shape(java_form::map, {});
}

result<java_shape> elements(const part_view& in, std::string_view, std::string_view) {
    return values_shape(java_form::list, in.extra());
}

/// A comparator, then the elements.
result<java_shape> elements_after_first(const part_view& in, std::string_view, std::string_view) {
    auto all = in.extra();
    while (!all.empty() && all.front().kind == java_kind::block) {
        all = all.subspan(1);
    }
    return all.empty() ? result<java_shape>(bad) : values_shape(java_form::list, all.subspan(1));
}

std::span<const java_value> without_end(std::span<const java_value> all, std::size_t nulls) {
    for (; nulls > 0 && !all.empty() && all.back().kind == java_kind::null; --nulls) {
        all = all.first(all.size() - 1);
    }
    return all;
}

result<java_shape> elements_to_null(const part_view& in, std::string_view, std::string_view) {
    return values_shape(java_form::list, without_end(in.extra(), 1));
}

result<java_shape> pairs(const part_view& in, std::string_view, std::string_view) {
    return values_shape(java_form::map, in.extra());
}

result<java_shape> pairs_to_null(const part_view& in, std::string_view, std::string_view) {
    return values_shape(java_form::map, without_end(in.extra(), 1));
}

result<java_shape> pairs_to_nulls(const part_view& in, std::string_view, std::string_view) {
    return values_shape(java_form::map, without_end(in.extra(), 2));
}

/// a: the array, b: how much of it counts.
result<java_shape> beginning(const part_view& in, std::string_view a, std::string_view b) {
    const auto* array = in.array(a, java_shape_of::array);
    const auto n = in.number(b, java_kind::int32);
    if (array == nullptr || !n || *n < 0 || static_cast<std::size_t>(*n) > array->values.size()) {
        return bad;
    }
    return values_shape(java_form::list, std::span(array->values).first(static_cast<std::size_t>(*n)));
}

result<java_shape> ring(const part_view& in, std::string_view, std::string_view) {
    const auto* array = in.array("items", java_shape_of::array);
    const auto take = in.number("takeIndex", java_kind::int32);
    const auto count = in.number("count", java_kind::int32);
    const auto size = array == nullptr ? 0 : static_cast<std::int64_t>(array->values.size());
    if (array == nullptr || !take || !count || *take < 0 || *count < 0 || *count > size || *take > size) {
        return bad;
    }
    const std::span all(array->values);
    const auto upper = static_cast<std::size_t>(std::min(*count, size - *take));
    return values_shape(java_form::list, all.subspan(static_cast<std::size_t>(*take), upper),
                        all.first(static_cast<std::size_t>(*count) - upper));
}

result<java_shape> keys(const part_view& in, std::string_view a, std::string_view) {
    const auto f = in.field(a);
    return f.empty() ? result<java_shape>(bad) : values_shape(java_form::keys, f);
}

result<java_shape> keys_of_view(const part_view& in, std::string_view a, std::string_view) {
    return keys(in.of("java.util.concurrent.ConcurrentHashMap$CollectionView"), a, {});
}

result<java_shape> copies(const part_view& in, std::string_view a, std::string_view b) {
    const auto n = in.number(b, java_kind::int32);
    auto s = wrapped(in, a, {});
    if (!s || !n || *n < 0) {
        return bad;
    }
    if (static_cast<std::uint64_t>(*n) > in.limits.array) {
        return problem{"array_too_long", "more copies than an array may have elements"};
    }
    s->form = java_form::copies;
    s->number = *n;
    return s;
}

/// java.util.CollSer: List.of(), Set.of(), Map.of() and their like.
result<java_shape> immutable(const part_view& in, std::string_view, std::string_view) {
    const auto tag = in.number("tag", java_kind::int32);
    switch (tag.value_or(0) & 0xFF) {
        case 1:
        case 2:
        case 4: return elements(in, {}, {});
        case 3: return pairs(in, {}, {});
        default: return bad;
    }
}

/// a: keys, b: as many values, both in arrays.
result<java_shape> key_and_value_arrays(const part_view& in, std::string_view a, std::string_view b) {
    const auto* k = in.array(a, java_shape_of::array);
    const auto* v = in.array(b, java_shape_of::array);
    if (k == nullptr || v == nullptr || k->values.size() != v->values.size()) {
        return bad;
    }
    return values_shape(java_form::zip, k->values, v->values);
}

result<java_shape> date(const part_view& in, std::string_view, std::string_view) {
    const auto ms = big_endian(in.block(), 8);
    return ms ? number_shape(java_form::date, *ms) : bad;
}

/// The Date within has whole seconds.
result<java_shape> timestamp(const part_view& in, std::string_view, std::string_view) {
    const auto ms = big_endian(in.of("java.util.Date").block(), 8);
    const auto nanos = in.number("nanos", java_kind::int32);
    if (!ms || !nanos || *nanos < 0 || *nanos > 999'999'999) {
        return bad;
    }
    const auto sum = static_cast<std::uint64_t>(*ms) + static_cast<std::uint64_t>(*nanos / 1'000'000);
    return number_shape(java_form::date, static_cast<std::int64_t>(sum));
}

result<java_shape> millis(const part_view& in, std::string_view a, std::string_view) {
    const auto ms = in.number(a, java_kind::int64);
    return ms ? number_shape(java_form::date, *ms) : bad;
}

result<java_shape> java_time(const part_view& in, std::string_view, std::string_view) {
    auto t = read_java_time(in.block());
    return t ? text_shape(t->is_number ? java_form::token : java_form::text, std::move(t->text)) : bad;
}

result<java_shape> chars(const part_view& in, const java_node* array, std::optional<std::int64_t> count) {
    if (array == nullptr || array->what != java_shape_of::primitives || in.document.class_name(array->type) != "[C" || !count ||
        *count < 0 || static_cast<std::uint64_t>(*count) * 2 > array->values[0].size) {
        return bad;
    }
    std::string text;
    append_utf16(text, in.document.block(array->values[0]).substr(0, static_cast<std::size_t>(*count) * 2));
    return text_shape(java_form::text, std::move(text));
}

result<java_shape> string_builder(const part_view& in, std::string_view, std::string_view) {
    const java_node* array = nullptr;
    for (const auto& v : in.extra()) {
        array = v.kind == java_kind::node ? &in.document.node(v) : array;
    }
    return chars(in, array, big_endian(in.block(), 4));
}

result<java_shape> string_buffer(const part_view& in, std::string_view a, std::string_view b) {
    return chars(in, in.array(a, java_shape_of::primitives), in.number(b, java_kind::int32));
}

result<java_shape> big_integer(const part_view& in, std::string_view, std::string_view) {
    const auto sign = in.number("signum", java_kind::int32);
    const auto* magnitude = in.array("magnitude", java_shape_of::primitives);
    if (!sign || *sign < -1 || *sign > 1 || magnitude == nullptr || in.document.class_name(magnitude->type) != "[B") {
        return bad;
    }
    const auto bytes = in.document.block(magnitude->values[0]);
    if (bytes.size() > in.limits.big_integer) {
        return problem{"number_too_long", "a BigInteger has more bytes than the limit"};
    }
    const auto digits = *sign == 0 ? "0" : big_digits(bytes);
    return text_shape(java_form::digits, (*sign < 0 && digits != "0" ? "-" : "") + digits);
}

result<java_shape> big_decimal(const part_view& in, std::string_view, std::string_view) {
    const auto scale = in.number("scale", java_kind::int32);
    const auto f = in.field("intVal");
    if (!scale || f.empty() || f[0].kind != java_kind::node) {
        return bad;
    }
    const part_view unscaled{in.document, in.document.node(f[0]), in.limits, {}};
    auto whole = big_integer(unscaled.of("java.math.BigInteger"), {}, {});
    if (!whole) {
        return whole;
    }
    const bool negative = whole->text.starts_with('-');
    return text_shape(java_form::token, big_decimal_text(negative, std::string_view(whole->text).substr(negative ? 1 : 0),
                                                         static_cast<std::int32_t>(*scale)));
}

result<java_shape> uuid(const part_view& in, std::string_view, std::string_view) {
    const auto high = in.number("mostSigBits", java_kind::int64);
    const auto low = in.number("leastSigBits", java_kind::int64);
    if (!high || !low) {
        return bad;
    }
    char text[37];
    const auto h = static_cast<unsigned long long>(*high);
    const auto l = static_cast<unsigned long long>(*low);
    std::snprintf(text, sizeof text, "%08llx-%04llx-%04llx-%04llx-%012llx", h >> 32U, h >> 16U & 0xFFFFU, h & 0xFFFFU, l >> 48U,
                  l & 0xFFFF'FFFF'FFFFU);
    return text_shape(java_form::text, text);
}

result<java_shape> int_as_boolean(const part_view& in, std::string_view a, std::string_view) {
    const auto n = in.number(a, java_kind::int32);
    return n ? text_shape(java_form::token, *n != 0 ? "true" : "false") : bad;
}

result<java_shape> refused_lambda(const part_view&, std::string_view, std::string_view) {
    return problem{"lambda", "a lambda is code, not data"};
}

}  // namespace

struct java_known {
    std::string_view name;
    reader read;
    std::string_view a = {};
    std::string_view b = {};
};

namespace {

constexpr java_known table[] = {
    {"java.lang.Boolean", wrapped, "value"},
    {"java.lang.Byte", wrapped, "value"},
    {"java.lang.Character", wrapped, "value"},
    {"java.lang.Double", wrapped, "value"},
    {"java.lang.Float", wrapped, "value"},
    {"java.lang.Integer", wrapped, "value"},
    {"java.lang.Long", wrapped, "value"},
    {"java.lang.Short", wrapped, "value"},
    {"java.lang.StringBuffer", string_buffer, "value", "count"},
    {"java.lang.StringBuilder", string_builder},
    {"java.lang.invoke.SerializedLambda", refused_lambda},
    {"java.math.BigDecimal", big_decimal},
    {"java.math.BigInteger", big_integer},
    {"java.net.URI", wrapped, "string"},
    {"java.sql.Timestamp", timestamp},
    {"java.time.Ser", java_time},
    {"java.util.AbstractMap$SimpleEntry", entry, "key", "value"},
    {"java.util.AbstractMap$SimpleImmutableEntry", entry, "key", "value"},
    {"java.util.ArrayDeque", elements},
    {"java.util.ArrayList", elements},
    {"java.util.Arrays$ArrayList", wrapped, "a"},
    {"java.util.Calendar", millis, "time"},
    {"java.util.CollSer", immutable},
    {"java.util.Collections$AsLIFOQueue", wrapped, "q"},
    {"java.util.Collections$CheckedCollection", wrapped, "c"},
    {"java.util.Collections$CheckedMap", wrapped, "m"},
    {"java.util.Collections$CopiesList", copies, "element", "n"},
    {"java.util.Collections$EmptyList", no_elements},
    {"java.util.Collections$EmptyMap", no_pairs},
    {"java.util.Collections$EmptySet", no_elements},
    {"java.util.Collections$SetFromMap", keys, "m"},
    {"java.util.Collections$SingletonList", one, "element"},
    {"java.util.Collections$SingletonMap", entry, "k", "v"},
    {"java.util.Collections$SingletonSet", one, "element"},
    {"java.util.Collections$SynchronizedCollection", wrapped, "c"},
    {"java.util.Collections$SynchronizedMap", wrapped, "m"},
    {"java.util.Collections$UnmodifiableCollection", wrapped, "c"},
    {"java.util.Collections$UnmodifiableMap", wrapped, "m"},
    {"java.util.Currency", wrapped, "currencyCode"},
    {"java.util.Date", date},
    {"java.util.EnumMap", pairs},
    {"java.util.EnumSet$SerializationProxy", wrapped, "elements"},
    {"java.util.HashMap", pairs},
    {"java.util.HashSet", elements},
    {"java.util.Hashtable", pairs},
    {"java.util.IdentityHashMap", pairs},
    {"java.util.LinkedList", elements},
    {"java.util.PriorityQueue", elements},
    {"java.util.TreeMap", pairs},
    {"java.util.TreeSet", elements_after_first},
    {"java.util.UUID", uuid},
    {"java.util.Vector", beginning, "elementData", "elementCount"},
    {"java.util.concurrent.ArrayBlockingQueue", ring},
    {"java.util.concurrent.ConcurrentHashMap", pairs_to_nulls},
    {"java.util.concurrent.ConcurrentHashMap$KeySetView", keys_of_view, "map"},
    {"java.util.concurrent.ConcurrentLinkedDeque", elements_to_null},
    {"java.util.concurrent.ConcurrentLinkedQueue", elements_to_null},
    {"java.util.concurrent.ConcurrentSkipListMap", pairs_to_null},
    {"java.util.concurrent.ConcurrentSkipListSet", keys, "m"},
    {"java.util.concurrent.CopyOnWriteArrayList", elements},
    {"java.util.concurrent.CopyOnWriteArraySet", wrapped, "al"},
    {"java.util.concurrent.LinkedBlockingDeque", elements_to_null},
    {"java.util.concurrent.LinkedBlockingQueue", elements_to_null},
    {"java.util.concurrent.LinkedTransferQueue", elements_to_null},
    {"java.util.concurrent.PriorityBlockingQueue", wrapped, "q"},
    {"java.util.concurrent.atomic.AtomicBoolean", int_as_boolean, "value"},
    {"java.util.concurrent.atomic.AtomicInteger", wrapped, "value"},
    {"java.util.concurrent.atomic.AtomicLong", wrapped, "value"},
    {"java.util.concurrent.atomic.AtomicReference", wrapped, "value"},
    {"java.util.concurrent.atomic.DoubleAdder$SerializationProxy", wrapped, "value"},
    {"java.util.concurrent.atomic.LongAdder$SerializationProxy", wrapped, "value"},

    {"com.alibaba.fastjson.JSONArray", wrapped, "list"},
    {"com.alibaba.fastjson.JSONObject", wrapped, "map"},
    {"com.google.common.collect.ImmutableList$SerializedForm", wrapped, "elements"},
    {"com.google.common.collect.ImmutableMap$SerializedForm", key_and_value_arrays, "keys", "values"},
    {"com.google.common.collect.ImmutableSet$SerializedForm", wrapped, "elements"},
    {"com.google.common.collect.ImmutableSortedSet$SerializedForm", wrapped, "elements"},
    {"org.hibernate.collection.PersistentBag", wrapped, "bag"},
    {"org.hibernate.collection.PersistentList", wrapped, "list"},
    {"org.hibernate.collection.PersistentMap", wrapped, "map"},
    {"org.hibernate.collection.PersistentSet", wrapped, "set"},
    {"org.hibernate.collection.internal.PersistentBag", wrapped, "bag"},
    {"org.hibernate.collection.internal.PersistentIdentifierBag", wrapped, "values"},
    {"org.hibernate.collection.internal.PersistentList", wrapped, "list"},
    {"org.hibernate.collection.internal.PersistentMap", wrapped, "map"},
    {"org.hibernate.collection.internal.PersistentSet", wrapped, "set"},
    {"org.hibernate.collection.spi.PersistentBag", wrapped, "bag"},
    {"org.hibernate.collection.spi.PersistentIdentifierBag", wrapped, "values"},
    {"org.hibernate.collection.spi.PersistentList", wrapped, "list"},
    {"org.hibernate.collection.spi.PersistentMap", wrapped, "map"},
    {"org.hibernate.collection.spi.PersistentSet", wrapped, "set"},
    {"org.joda.time.Instant", millis, "iMillis"},
    {"org.joda.time.base.BaseDateTime", millis, "iMillis"},
    {"org.springframework.util.LinkedCaseInsensitiveMap", wrapped, "targetMap"},
    {"org.springframework.util.LinkedMultiValueMap", wrapped, "targetMap"},
    {"org.springframework.util.MultiValueMapAdapter", wrapped, "targetMap"},
};

const java_known* named(std::string_view name) {
    static const auto* const index = [] {
        auto* all = new std::unordered_map<std::string_view, const java_known*>;
        for (const auto& k : table) {
            all->emplace(k.name, &k);
        }
        return all;
    }();
    const auto found = index->find(name);
    return found == index->end() ? nullptr : found->second;
}

}  // namespace

const java_known* find_java_known(const java_document& document, std::uint32_t type) {
    if ((document.classes[type].flags & java_externalizable) != 0) {
        return named(document.class_name(type));  // it writes for its superclasses as well
    }
    for (; type != no_java_class; type = document.classes[type].super) {
        if (const auto* known = named(document.class_name(type))) {
            return known;
        }
    }
    return nullptr;
}

result<java_shape> read_java_known(const java_known& known, const java_document& document, const java_node& node,
                                   const java_limits& limits) {
    const part_view any{document, node, limits, {}};
    return known.read(any.of(known.name), known.a, known.b);
}

}  // namespace wsidecar::proto
