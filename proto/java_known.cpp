#include "proto/java_known.hpp"

#include <algorithm>
#include <unordered_map>

#include "proto/java_part_view.hpp"

namespace wsidecar::proto {
namespace {

result<java_shape> wrapped(const java_part_view& in, std::string_view a, std::string_view) {
    const auto f = in.field(a);
    return f.empty() ? result<java_shape>(bad_known_class) : values_shape(java_form::value, f);
}

/// As wrapped(), or the field stands in the superclass b.
result<java_shape> wrapped_above(const java_part_view& in, std::string_view a, std::string_view b) {
    auto here = wrapped(in, a, {});
    return here ? here : wrapped(in.of(b), a, {});
}

result<java_shape> one(const java_part_view& in, std::string_view a, std::string_view) {
    const auto f = in.field(a);
    return f.empty() ? result<java_shape>(bad_known_class) : values_shape(java_form::list, f);
}

result<java_shape> entry(const java_part_view& in, std::string_view a, std::string_view b) {
    const auto key = in.field(a);
    const auto value = in.field(b);
    return key.empty() || value.empty() ? result<java_shape>(bad_known_class) : values_shape(java_form::zip, key, value);
}

result<java_shape> no_elements(const java_part_view&, std::string_view, std::string_view) {
    return values_shape(java_form::list, {});
}

result<java_shape> no_pairs(const java_part_view&, std::string_view, std::string_view) {
    return values_shape(java_form::map, {});
}

result<java_shape> elements(const java_part_view& in, std::string_view, std::string_view) {
    return values_shape(java_form::list, in.extra());
}

/// A comparator, then the elements.
result<java_shape> elements_after_first(const java_part_view& in, std::string_view, std::string_view) {
    auto all = in.extra();
    while (!all.empty() && all.front().kind == java_kind::block) {
        all = all.subspan(1);
    }
    return all.empty() ? result<java_shape>(bad_known_class) : values_shape(java_form::list, all.subspan(1));
}

std::span<const java_value> without_end(std::span<const java_value> all, std::size_t nulls) {
    for (; nulls > 0 && !all.empty() && all.back().kind == java_kind::null; --nulls) {
        all = all.first(all.size() - 1);
    }
    return all;
}

result<java_shape> elements_to_null(const java_part_view& in, std::string_view, std::string_view) {
    return values_shape(java_form::list, without_end(in.extra(), 1));
}

result<java_shape> pairs(const java_part_view& in, std::string_view, std::string_view) {
    return values_shape(java_form::map, in.extra());
}

result<java_shape> pairs_to_null(const java_part_view& in, std::string_view, std::string_view) {
    return values_shape(java_form::map, without_end(in.extra(), 1));
}

result<java_shape> pairs_to_nulls(const java_part_view& in, std::string_view, std::string_view) {
    return values_shape(java_form::map, without_end(in.extra(), 2));
}

/// a: the array, b: how much of it counts.
result<java_shape> beginning(const java_part_view& in, std::string_view a, std::string_view b) {
    const auto* array = in.array(a, java_shape_of::array);
    const auto n = in.number(b, java_kind::int32);
    if (array == nullptr || !n || *n < 0 || static_cast<std::size_t>(*n) > array->values.size()) {
        return bad_known_class;
    }
    return values_shape(java_form::list, std::span(array->values).first(static_cast<std::size_t>(*n)));
}

result<java_shape> ring(const java_part_view& in, std::string_view, std::string_view) {
    const auto* array = in.array("items", java_shape_of::array);
    const auto take = in.number("takeIndex", java_kind::int32);
    const auto count = in.number("count", java_kind::int32);
    const auto size = array == nullptr ? 0 : static_cast<std::int64_t>(array->values.size());
    if (array == nullptr || !take || !count || *take < 0 || *count < 0 || *count > size || *take > size) {
        return bad_known_class;
    }
    const std::span all(array->values);
    const auto upper = static_cast<std::size_t>(std::min(*count, size - *take));
    return values_shape(java_form::list, all.subspan(static_cast<std::size_t>(*take), upper),
                        all.first(static_cast<std::size_t>(*count) - upper));
}

result<java_shape> keys(const java_part_view& in, std::string_view a, std::string_view) {
    const auto f = in.field(a);
    return f.empty() ? result<java_shape>(bad_known_class) : values_shape(java_form::keys, f);
}

result<java_shape> keys_above(const java_part_view& in, std::string_view a, std::string_view b) {
    return keys(in.of(b), a, {});
}

result<java_shape> copies(const java_part_view& in, std::string_view a, std::string_view b) {
    const auto n = in.number(b, java_kind::int32);
    auto s = wrapped(in, a, {});
    if (!s || !n || *n < 0) {
        return bad_known_class;
    }
    if (static_cast<std::uint64_t>(*n) > in.limits.array) {
        return problem{"array_too_long", "more copies than an array may have elements"};
    }
    s->form = java_form::copies;
    s->number = *n;
    return s;
}

/// java.util.CollSer: List.of(), Set.of(), Map.of() and their like.
result<java_shape> immutable(const java_part_view& in, std::string_view, std::string_view) {
    const auto tag = in.number("tag", java_kind::int32);
    switch (tag.value_or(0) & 0xFF) {
        case 1:
        case 2:
        case 4: return elements(in, {}, {});
        case 3: return pairs(in, {}, {});
        default: return bad_known_class;
    }
}

/// a: keys, b: as many values, both in arrays.
result<java_shape> key_and_value_arrays(const java_part_view& in, std::string_view a, std::string_view b) {
    const auto* k = in.array(a, java_shape_of::array);
    const auto* v = in.array(b, java_shape_of::array);
    if (k == nullptr || v == nullptr || k->values.size() != v->values.size()) {
        return bad_known_class;
    }
    return values_shape(java_form::zip, k->values, v->values);
}

result<java_shape> refused_lambda(const java_part_view&, std::string_view, std::string_view) {
    return problem{"lambda", "a lambda is code, not data"};
}

}  // namespace

struct java_known {
    std::string_view name;
    java_reader read;
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
    {"java.lang.StringBuffer", java_string_buffer, "value", "count"},
    {"java.lang.StringBuilder", java_string_builder},
    {"java.lang.invoke.SerializedLambda", refused_lambda},
    {"java.math.BigDecimal", java_big_decimal},
    {"java.math.BigInteger", java_big_integer},
    {"java.net.URI", wrapped, "string"},
    {"java.sql.Timestamp", java_timestamp},
    {"java.time.Ser", java_time_value},
    {"java.util.AbstractMap$SimpleEntry", entry, "key", "value"},
    {"java.util.AbstractMap$SimpleImmutableEntry", entry, "key", "value"},
    {"java.util.ArrayDeque", elements},
    {"java.util.ArrayList", elements},
    {"java.util.Arrays$ArrayList", wrapped, "a"},
    {"java.util.Calendar", java_millis, "time"},
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
    {"java.util.Date", java_date},
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
    {"java.util.UUID", java_uuid},
    {"java.util.Vector", beginning, "elementData", "elementCount"},
    {"java.util.concurrent.ArrayBlockingQueue", ring},
    {"java.util.concurrent.ConcurrentHashMap", pairs_to_nulls},
    {"java.util.concurrent.ConcurrentHashMap$KeySetView", keys_above, "map",
     "java.util.concurrent.ConcurrentHashMap$CollectionView"},
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
    {"java.util.concurrent.atomic.AtomicBoolean", java_int_as_boolean, "value"},
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
    {"org.joda.time.Instant", java_millis, "iMillis"},
    {"org.joda.time.base.BaseDateTime", java_millis, "iMillis"},
    {"org.springframework.util.LinkedCaseInsensitiveMap", wrapped, "targetMap"},
    {"org.springframework.util.LinkedMultiValueMap", wrapped_above, "targetMap",
     "org.springframework.util.MultiValueMapAdapter"},
    {"org.springframework.util.MultiValueMapAdapter", wrapped, "targetMap"},
};

constexpr std::size_t longest = std::ranges::max_element(table, {}, [](const auto& k) { return k.name.size(); }) -> name.size();

const java_known* named(std::string_view name) {
    static const auto* const index = [] {
        auto* all = new std::unordered_map<std::string_view, const java_known*>;
        for (const auto& k : table) {
            all->emplace(k.name, &k);
        }
        return all;
    }();
    if (name.size() > longest) {
        return nullptr;  // names can be 64 KiB, and be asked for often
    }
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
    const java_part_view any{document, node, limits, {}};
    return known.read(any.of(known.name), known.a, known.b);
}

}  // namespace wsidecar::proto
