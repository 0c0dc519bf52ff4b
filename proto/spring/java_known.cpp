#include "proto/spring/java_known.hpp"

#include <algorithm>
#include <unordered_map>

#include "proto/json/json_cursor.hpp"
#include "proto/spring/java_part_view.hpp"
#include "proto/text/utf8.hpp"
#include "proto/text/words.hpp"

namespace wsidecar::proto {
namespace {

result<void> wrapped(const java_part_view& in, java_shape& to) {
    const auto f = in.field(in.a);
    return f.empty() ? bad_known_class : values_shape(to, java_form::value, f);
}

/// As wrapped(), or the field stands in the superclass b.
result<void> wrapped_above(const java_part_view& in, java_shape& to) {
    const auto here = wrapped(in, to);
    return here ? here : wrapped(in.of(in.b), to);
}

result<void> one(const java_part_view& in, java_shape& to) {
    const auto f = in.field(in.a);
    return f.empty() ? bad_known_class : values_shape(to, java_form::list, f);
}

result<void> entry(const java_part_view& in, java_shape& to) {
    const auto key = in.field(in.a);
    const auto value = in.field(in.b);
    return key.empty() || value.empty() ? bad_known_class : values_shape(to, java_form::zip, key, value);
}

result<void> no_elements(const java_part_view&, java_shape& to) {
    return values_shape(to, java_form::list, {});
}

result<void> no_pairs(const java_part_view&, java_shape& to) {
    return values_shape(to, java_form::map, {});
}

result<void> elements(const java_part_view& in, java_shape& to) {
    return values_shape(to, java_form::list, in.extra());
}

/// A comparator, then the elements.
result<void> elements_after_first(const java_part_view& in, java_shape& to) {
    auto all = in.extra();
    while (!all.empty() && all.front().kind == java_kind::block) {
        all = all.subspan(1);
    }
    return all.empty() ? bad_known_class : values_shape(to, java_form::list, all.subspan(1));
}

std::span<const java_value> without_end(std::span<const java_value> all, std::size_t nulls) {
    for (; nulls > 0 && !all.empty() && all.back().kind == java_kind::null; --nulls) {
        all = all.first(all.size() - 1);
    }
    return all;
}

result<void> elements_to_null(const java_part_view& in, java_shape& to) {
    return values_shape(to, java_form::list, without_end(in.extra(), 1));
}

result<void> pairs(const java_part_view& in, java_shape& to) {
    return values_shape(to, java_form::map, in.extra());
}

result<void> pairs_to_null(const java_part_view& in, java_shape& to) {
    return values_shape(to, java_form::map, without_end(in.extra(), 1));
}

result<void> pairs_to_nulls(const java_part_view& in, java_shape& to) {
    return values_shape(to, java_form::map, without_end(in.extra(), 2));
}

/// a: the array, b: how much of it counts.
result<void> beginning(const java_part_view& in, java_shape& to) {
    const auto* array = in.array(in.a, java_shape_of::array);
    const auto n = in.number(in.b, java_kind::int32);
    if (array == nullptr || !n || *n < 0 || static_cast<std::size_t>(*n) > array->values.size) {
        return bad_known_class;
    }
    return values_shape(to, java_form::list, in.document.values_of(*array).first(static_cast<std::size_t>(*n)));
}

result<void> ring(const java_part_view& in, java_shape& to) {
    const auto* array = in.array("items", java_shape_of::array);
    const auto take = in.number("takeIndex", java_kind::int32);
    const auto count = in.number("count", java_kind::int32);
    const auto size = array == nullptr ? 0 : static_cast<std::int64_t>(array->values.size);
    if (array == nullptr || !take || !count || *take < 0 || *count < 0 || *count > size || *take > size) {
        return bad_known_class;
    }
    const auto all = in.document.values_of(*array);
    const auto upper = static_cast<std::size_t>(std::min(*count, size - *take));
    return values_shape(to, java_form::list, all.subspan(static_cast<std::size_t>(*take), upper),
                        all.first(static_cast<std::size_t>(*count) - upper));
}

result<void> keys(const java_part_view& in, java_shape& to) {
    const auto f = in.field(in.a);
    return f.empty() ? bad_known_class : values_shape(to, java_form::keys, f);
}

result<void> keys_above(const java_part_view& in, java_shape& to) {
    return keys(in.of(in.b), to);
}

result<void> copies(const java_part_view& in, java_shape& to) {
    const auto n = in.number(in.b, java_kind::int32);
    if (!wrapped(in, to) || !n || *n < 0) {
        return bad_known_class;
    }
    if (static_cast<std::uint64_t>(*n) > in.limits.array) {
        return problem{"array_too_long", "more copies than an array may have elements"};
    }
    to.form = java_form::copies;
    to.number = *n;
    return {};
}

/// java.util.CollSer: List.of(), Set.of(), Map.of() and their like.
result<void> immutable(const java_part_view& in, java_shape& to) {
    const auto tag = in.number("tag", java_kind::int32);
    switch (tag.value_or(0) & 0xFF) {
        case 1:
        case 2:
        case 4: return elements(in, to);
        case 3: return pairs(in, to);
        default: return bad_known_class;
    }
}

/// a: keys, b: as many values, both in arrays.
result<void> key_and_value_arrays(const java_part_view& in, java_shape& to) {
    const auto* k = in.array(in.a, java_shape_of::array);
    const auto* v = in.array(in.b, java_shape_of::array);
    if (k == nullptr || v == nullptr || k->values.size != v->values.size) {
        return bad_known_class;
    }
    return values_shape(to, java_form::zip, in.document.values_of(*k), in.document.values_of(*v));
}

/// Jackson writes its JsonNode as the length of its JSON and the JSON itself.
result<void> jackson_node(const java_part_view& in, java_shape& to) {
    const auto block = in.block();
    const auto json = block.substr(std::min<std::size_t>(block.size(), 4));
    if (block.size() < 4 || big_endian(block, 4) != json.size() || !valid_utf8(json) || !is_json(json)) {
        return bad_known_class;
    }
    return text_shape(to, java_form::json, json);
}

/// Hutool's JSONObject wraps its map in a superclass, which in some versions writes it behind its fields; earlier ones have it
/// themselves.
result<void> hutool_object(const java_part_view& in, java_shape& to) {
    if (const auto own = in.field("rawHashMap"); !own.empty()) {
        return values_shape(to, java_form::value, own);
    }
    const auto wrapper = in.of("cn.hutool.core.map.MapWrapper");
    if (const auto raw = wrapper.field("raw"); !raw.empty()) {
        return values_shape(to, java_form::value, raw);
    }
    const auto behind = wrapper.extra();
    const auto map = std::ranges::find(behind, java_kind::node, &java_value::kind);
    return map == behind.end()
               ? bad_known_class
               : values_shape(to, java_form::value, behind.subspan(static_cast<std::size_t>(map - behind.begin()), 1));
}

result<void> null_value(const java_part_view&, java_shape& to) {
    return text_shape(to, java_form::token, "null");
}

result<void> refused_lambda(const java_part_view&, java_shape&) {
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
    {"java.io.File", wrapped, "path"},
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

    {"cn.hutool.core.map.MapWrapper", hutool_object},
    {"cn.hutool.json.JSONArray", wrapped, "rawList"},
    {"cn.hutool.json.JSONNull", null_value},
    {"cn.hutool.json.JSONObject", hutool_object},
    {"com.alibaba.fastjson.JSONArray", wrapped, "list"},
    {"com.alibaba.fastjson.JSONObject", wrapped, "map"},
    {"com.fasterxml.jackson.databind.node.NodeSerialization", jackson_node},
    {"com.google.common.collect.HashBiMap", pairs},
    {"com.google.common.collect.ImmutableList$SerializedForm", wrapped, "elements"},
    {"com.google.common.collect.ImmutableMap$SerializedForm", key_and_value_arrays, "keys", "values"},
    {"com.google.common.collect.ImmutableSet$SerializedForm", wrapped, "elements"},
    {"com.google.common.collect.ImmutableSortedSet$SerializedForm", wrapped, "elements"},
    {"kotlin.collections.EmptyList", no_elements},
    {"kotlin.collections.EmptyMap", no_pairs},
    {"kotlin.collections.EmptySet", no_elements},
    {"kotlin.collections.builders.SerializedCollection", elements},
    {"kotlin.collections.builders.SerializedMap", pairs},
    {"net.sf.json.JSONArray", wrapped, "elements"},
    {"net.sf.json.JSONNull", null_value},
    {"net.sf.json.JSONObject", wrapped, "properties"},
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
    {"org.json.JSONArray", wrapped, "myArrayList"},
    {"org.json.JSONObject", wrapped, "map"},
    {"org.json.JSONObject$Null", null_value},
    {"org.springframework.util.LinkedCaseInsensitiveMap", wrapped, "targetMap"},
    {"org.springframework.util.LinkedMultiValueMap", wrapped_above, "targetMap",
     "org.springframework.util.MultiValueMapAdapter"},
    {"org.springframework.util.MultiValueMapAdapter", wrapped, "targetMap"},
    {"tools.jackson.databind.node.NodeSerialization", jackson_node},
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

java_meaning find_java_meaning(const java_document& document, std::uint32_t type) {
    if ((document.classes[type].flags & java_externalizable) != 0) {
        return {named(document.class_name(type))};  // it writes for its superclasses as well
    }
    java_meaning out;
    for (auto t = type; t != no_java_class && out.known == nullptr; t = document.classes[t].super) {
        out.known = named(document.class_name(t));
    }
    if (out.known == nullptr || out.known->read != wrapped) {
        return out;
    }
    const auto parts = document.parts_of(type);
    const auto part = std::ranges::find(parts, out.known->name, [&](const auto& p) { return document.class_name(p.type); });
    if (part != parts.end()) {
        const auto fields = document.fields_of(part->type);
        const auto field = std::ranges::find(fields, out.known->a, [&](const auto& f) { return document.string(f.name); });
        out.is_field = field != fields.end();
        out.part = static_cast<std::uint32_t>(part - parts.begin());
        out.field = static_cast<std::uint32_t>(field - fields.begin());
    }
    return out;
}

result<void> read_java_known(const java_known& known, const java_document& document, const java_node& node,
                             const java_limits& limits, std::string& text, java_shape& to) {
    const java_part_view any{document, node, limits, text, known.a, known.b};
    return known.read(any.of(known.name), to);
}

}  // namespace wsidecar::proto
