#include "sidecar/redis/inbox.hpp"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <map>
#include <utility>

#include "proto/envelope_signature.hpp"
#include "proto/text/rfc3339.hpp"
#include "sidecar/core/keyed_hash.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/batch.hpp"
#include "sidecar/redis/refused_words.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr std::size_t count = 256;
constexpr std::string_view shared_canary = "ccanary:*";  ///< outbox_canary.hpp, as a target
constexpr std::size_t settled_at_once = 200;
constexpr std::size_t settle_words = 11;  ///< for one push
constexpr auto block = 1000ms;
constexpr auto block_of_many = 4000ms;  ///< a canary comes more often than that
constexpr auto plain_of_many_after = 100ms;
constexpr auto pause_of_many = 5ms;  ///< between two reads while pushes for many come
constexpr auto retry = 100ms;
/// How long after Redis went back in time a push that a client has already is one that was routed twice, and no second one with its id.
constexpr auto routed_again = 30s;
constexpr std::size_t kept_at_once = 500;  ///< pushes that one read of such a stream brings
constexpr std::size_t unreached_kept = 1024;
constexpr std::size_t estates_kept = 64;  ///< in memory, of dead instances

std::string text_of(std::uint64_t ms, std::uint64_t seq) {
    return std::to_string(ms) + '-' + std::to_string(seq);
}

/// What a push is, whatever its id in a stream.
std::uint64_t content_of(std::string_view envelope, std::string_view single, std::string_view names,
                         std::string_view connection) {
    const auto hash = core::keyed_hash;
    return hash(envelope) ^ (hash(single) * 3) ^ (hash(names) * 5) ^ (hash(connection) * 7);
}

/// "r", the name of a route and NUL stand before a name that is of one route only.
std::string_view without_route(std::string_view name) {
    return name.starts_with('r') ? name.substr(std::min(name.find('\0'), name.size() - 1) + 1) : name;
}

/// As lua/parts/names.lua writes it.
std::string kept_key(std::string_view crowd) {
    switch (crowd[0]) {
        case 'g': return "group:" + std::string(crowd.substr(1));
        case 'd': return "destination:" + std::string(crowd.substr(1));
        case 'p': return "pattern:" + std::string(crowd.substr(1));
        default: return "all";
    }
}

}  // namespace

inbox::inbox(std::unique_ptr<command_port> link, command_port& commands, const config::config& c, keys k, core::metrics& m,
             core::timer_port& timers, delivery_numbers& numbers, shard_number at)
    : config_(c),
      commands_(commands),
      own_link_(std::move(link)),
      link_(*own_link_),
      keys_(std::move(k)),
      metrics_(m),
      unconfirmed_(m.unconfirmed.value()),
      timers_(timers),
      numbers_(numbers),
      at_(at) {}

void inbox::tell_unconfirmed() {
    const auto n = static_cast<double>(in_flight_.size());
    unconfirmed_ += n - std::exchange(counted_, n);
}

void inbox::start(deliver d, listen canary, standing s) {
    deliver_ = std::move(d);
    canary_ = std::move(canary);
    standing_ = std::move(s);
    link_.start({[this] { read(); },
                 [this] {
                     reading_ = fetching_ = false;
                     timer_.reset();
                 },
                 {}});
}

void inbox::stop() {
    timer_.reset();
    move_timer_.reset();
    flush_timer_.reset();
    cursor_timer_.reset();
    link_.stop();
}

void inbox::attend(const std::string& instance, bool new_history, const std::string& wide_cursor) {
    if (instance != instance_) {
        instance_ = instance;
        in_flight_.clear();
        unreached_.clear();
        heirs_.clear();
        orphans_.clear();
        of_wide_.clear();
        new_history = true;
    }
    if (new_history) {
        ++generation_;
        done_.clear();
        plain_.clear();
        of_wide_.clear();
        heirs_.clear();
        estates_.clear();
        kept_.clear();
        std::erase_if(in_flight_, [](const auto& x) { return x.second.ended != nullptr; });
        saying_ = false;
        for (auto& [id, e] : in_flight_) {
            e.moving = false;
            if (!e.orphan) {
                e.orphan = true;
                orphans_.emplace(e.content, id);
            }
        }
        await_unreached();
        replaying_ = highest_ != order{};
        again_until_ = replaying_ ? timers_.now() + routed_again : core::timer_port::clock::time_point{};
        cursor_ = "0-0";
        own_.reset({});
        own_said_ = {};
        wide_cursor_ = wide_cursor;
        wide_said_ = place_of(wide_cursor);
        wide_.reset(wide_said_);
    }
    if (std::exchange(attending_, true) && new_history && link_.up() && (link_.history().empty() || !at_one_master())) {
        link_.reset("the commands go to another Redis than before");
    }
    flush_later();
    if (!move_timer_) {
        move_slow();
    }
    read();
}

std::string inbox::highest() const {
    return text_of(highest_.first, highest_.second);
}

// --------------------------------------------------------------------------------------------------- reading

bool inbox::at_one_master() const {
    const auto& here = link_.history();
    const auto& there = commands_.history();
    return here.empty() || there.empty() || here == there;
}

void inbox::read() {
    if (!attending_ || reading_ || leaving_ || !link_.up()) {
        return;
    }
    if (!standing_.leased() || !at_one_master()) {
        timer_ = timers_.after(retry, [this] { read(); });
        return;
    }
    // The router stops at inbox.count, and what is in flight is still in the stream: one client that does not read holds
    // nobody up.
    if (in_flight_.size() >= config_.inbox.count) {
        timer_ = timers_.after(retry, [this] { read(); });
        return;
    }
    reading_ = true;
    const std::chrono::milliseconds patience = standing_.many() ? block_of_many : block;
    std::vector<std::string> words{"XREAD", "COUNT", std::to_string(count)};
    if (!at_once_) {
        words.insert(words.end(), {"BLOCK", std::to_string(patience.count())});
    }
    words.insert(words.end(), {"STREAMS", keys_("inbox:", instance_), keys_("wide"), cursor_, wide_cursor_});
    link_.send(
        words,
        [this, g = generation_, blocking = !std::exchange(at_once_, false)](proto::reply_view r) {
            reading_ = false;
            if (!link_.up() || leaving_) {
                return;
            }
            if (r.is_error()) {
                log_refused("inbox", "Redis refuses to read the inbox", r.text());
                timer_ = timers_.after(1000ms, [this] { read(); });
                return;
            }
            if (g == generation_ && !(standing_.leased() && at_one_master())) {
                // This process stood still, and what is here may have been given to others; or it is of another master.
                read();
                return;
            }
            if (g == generation_) {
                at_once_ = blocking && !in_order(r);
                if (!at_once_) {
                    on_read(r);
                }
            }
            if (r.size() > 0 && !replaying_) {
                standing_.proved();
            }
            if (r.size() == 0 || at_once_ || !standing_.many() ||
                timers_.now() - std::exchange(read_at_, timers_.now()) > 50ms) {
                read();  // unless bodies are awaited
            } else {
                timer_ = timers_.after(pause_of_many, [this] { read(); });
            }
        },
        patience);
}

/// A read that had to wait is answered with the one stream that ended the wait (Redis below 7.2): the other may have older
/// entries by then.
bool inbox::in_order(proto::reply_view r) const {
    if (r.size() != 1) {
        return true;
    }
    const auto items = r[0][1];
    if (r[0][0].text() == keys_("wide")) {
        // A canary is for no client: it may come at any time.
        return items.size() == 1 && fields(items[0][1])['s'] == shared_canary;
    }
    return items.size() == 0 || place_of(fields(items[items.size() - 1][1])['w']) <= place_of(wide_cursor_);
}

inbox::fields::fields(proto::reply_view all) {
    for (std::size_t i = 0; i + 1 < all.size(); i += 2) {
        const auto name = all[i].text();
        if (name.size() == 1 && name[0] >= 'a' && name[0] <= 'z') {
            (*this)[name[0]] = all[i + 1].text();
        }
    }
}

void inbox::on_read(proto::reply_view r) {
    std::vector<item> all;
    auto end = place_of("18446744073709551615");
    const std::string wide = keys_("wide");
    bool by_reference = false;
    bool more = false;
    for (std::size_t s = 0; s < r.size(); ++s) {
        const auto items = r[s][1];
        for (std::size_t i = 0; i < items.size(); ++i) {
            all.push_back({place_of(items[i][0].text()), r[s][0].text() == wide, fields(items[i][1]), nullptr, nullptr});
            by_reference =
                by_reference || !all.back().said['b'].empty() || !all.back().said['h'].empty() || !all.back().said['k'].empty();
        }
        if (items.size() >= count) {
            more = true;
            end = std::min(end, all.back().id);  // there may be more of it before what the other stream has behind
        }
    }
    std::stable_sort(all.begin(), all.end(), [](const item& a, const item& b) { return a.id < b.id; });
    while (!all.empty() && all.back().id > end) {
        all.pop_back();
    }
    if (by_reference) {
        fetch(std::move(all));
    } else {
        take_all(all, !more);
    }
}

/// Items that are held until all that they refer to is here.
struct inbox::fetching {
    std::vector<item> items;
    std::unordered_map<std::string, std::string> bodies;
    std::map<std::string, std::shared_ptr<estate>, std::less<>> estates;
    struct part {
        place from;
        place to;
        kept_streams::pushes read;
    };
    std::map<std::string, part, std::less<>> kept;
    std::uint64_t generation = 0;
    std::size_t missing = 0;
    bool failed = false;
};

/// What several own is stored once, apart from the entries that refer to it.
void inbox::fetch(std::vector<item> items) {
    reading_ = fetching_ = true;
    const auto f = std::make_shared<fetching>();
    f->generation = generation_;
    for (auto& i : items) {  // the reply that they view ends with this call
        std::size_t size = 0;
        for (char name = 'a'; name <= 'z'; ++name) {
            size += i.said[name].size();
        }
        i.storage = std::make_shared<std::string>();
        i.storage->reserve(size);
        for (char name = 'a'; name <= 'z'; ++name) {
            const auto at = i.storage->size();
            i.storage->append(i.said[name]);
            i.said[name] = std::string_view(*i.storage).substr(at);
        }
        if (const auto name = i.said['h']; !name.empty() && !estates_.contains(name)) {
            f->estates.emplace(name, std::make_shared<estate>());
        }
        for (const auto& c : read_claims(i.said['k'])) {
            if (const auto part = kept_.missing(c)) {
                const auto [it, first] = f->kept.try_emplace(c.crowd, fetching::part{part->first, part->second, {}});
                it->second.from = std::min(it->second.from, part->first);
                it->second.to = std::max(it->second.to, part->second);
            }
        }
    }
    f->items = std::move(items);
    if (f->estates.empty()) {
        fetch_kept(f);
        return;
    }
    f->missing = f->estates.size();
    for (const auto& [name, to] : f->estates) {
        link_.send({"XRANGE", keys_("estate:", name), "-", "+", "COUNT", "1000"}, [this, f, e = to](proto::reply_view r) {
            f->failed = f->failed || !r.is_array();
            for (std::size_t i = 0; i < r.size(); ++i) {
                const fields said(r[i][1]);
                estate::push p{std::string(r[i][0].text()), std::string(said['b']), {}, 1};
                std::from_chars(said['n'].data(), said['n'].data() + said['n'].size(), p.attempts);
                e->pushes.push_back(std::move(p));
            }
            if (--f->missing == 0) {
                fetch_kept(f);
            }
        });
    }
}

void inbox::fetch_kept(const std::shared_ptr<fetching>& f) {
    if (f->kept.empty() || f->failed) {
        fetch_bodies(f);
        return;
    }
    f->missing = f->kept.size();
    for (const auto& [crowd, part] : f->kept) {
        read_kept(f, crowd, part.from);
    }
}

void inbox::read_kept(const std::shared_ptr<fetching>& f, const std::string& crowd, place from) {
    auto& part = f->kept.find(crowd)->second;
    link_.send({"XRANGE", keys_("kept:", kept_key(crowd)), '(' + text_of(from.first, from.second),
                text_of(part.to.first, part.to.second), "COUNT", std::to_string(kept_at_once)},
               [this, f, crowd, &part](proto::reply_view r) {
                   f->failed = f->failed || !r.is_array();
                   for (std::size_t i = 0; i < r.size(); ++i) {
                       const fields said(r[i][1]);
                       auto p = std::make_shared<kept_push>();
                       p->id = r[i][0].text();
                       p->at = place_of(p->id);
                       p->order = said['o'];
                       p->receipt = said['r'];
                       p->push_id = said['i'];
                       p->body = said['b'];
                       p->envelope = said['e'];
                       std::from_chars(said['n'].data(), said['n'].data() + said['n'].size(), p->attempts);
                       p->attempts = std::max(p->attempts, 1U);  // it comes again to who may have had it
                       part.read.push_back(std::move(p));
                   }
                   if (r.size() == kept_at_once && !f->failed) {
                       read_kept(f, crowd, part.read.back()->at);
                   } else if (--f->missing == 0) {
                       fetch_bodies(f);
                   }
               });
}

void inbox::fetch_bodies(const std::shared_ptr<fetching>& f) {
    for (const auto& i : f->items) {
        if (const auto body = i.said['b']; !body.empty()) {
            f->bodies.try_emplace(std::string(body));
        }
    }
    for (const auto& [name, e] : f->estates) {
        for (const auto& p : e->pushes) {
            f->bodies.try_emplace(p.body);
        }
    }
    for (const auto& [crowd, part] : f->kept) {
        for (const auto& p : part.read) {
            if (!p->body.empty()) {
                f->bodies.try_emplace(p->body);
            }
        }
    }
    if (f->bodies.empty() || f->failed) {
        on_fetched(f);
        return;
    }
    f->missing = f->bodies.size();
    for (auto& [id, text] : f->bodies) {
        link_.send({"HGET", keys_("body:", id), "e"}, [this, f, to = &text](proto::reply_view r) {
            f->failed = f->failed || r.is_error() || !link_.up();
            *to = r.text();
            if (--f->missing == 0) {
                on_fetched(f);
            }
        });
    }
}

void inbox::on_fetched(const std::shared_ptr<fetching>& f) {
    reading_ = fetching_ = false;
    if (f->failed) {
        if (link_.up()) {
            timer_ = timers_.after(retry, [this] { read(); });
        }
        return;  // nothing was taken: it is read again
    }
    if (f->generation != generation_ || leaving_ || !standing_.leased() || !at_one_master()) {
        read();
        return;
    }
    for (auto& i : f->items) {
        if (const auto body = i.said['b']; !body.empty()) {
            i.said['e'] = f->bodies[std::string(body)];
        }
    }
    if (estates_.size() + f->estates.size() > estates_kept) {
        // Not those that these items refer to, and that were here when the others were asked for.
        std::erase_if(estates_, [&](const auto& e) {
            return std::none_of(f->items.begin(), f->items.end(), [&](const item& i) { return i.said['h'] == e.first; });
        });
    }
    for (auto& [name, e] : f->estates) {
        for (auto& p : e->pushes) {
            p.envelope = f->bodies[p.body];
        }
        estates_[name] = e;
    }
    for (auto& [crowd, part] : f->kept) {
        for (const auto& p : part.read) {
            if (!p->body.empty()) {
                p->envelope = f->bodies[p->body];
            }
        }
        kept_.add(crowd, part.from, part.to, std::move(part.read));
    }
    take_all(f->items, false);
    read();
}

void inbox::take_all(const std::vector<item>& items, bool last) {
    for (const auto& i : items) {
        take(i, i.said['e']);
    }
    if (replaying_ && last) {
        replaying_ = false;
        // What these data have of it was found; the rest ends here without a word.
        for (const auto& [content, id] : orphans_) {
            if (const auto it = in_flight_.find(id); it != in_flight_.end() && it->second.orphan) {
                in_flight_.erase(it);
            }
        }
        orphans_.clear();
        tell_unconfirmed();
    }
}

/// A push that is on its way here already goes on under this id. False: it is none.
bool inbox::adopt(const item& i, std::uint64_t content) {
    const auto take_over = [&](entry& e) {
        if (e.wide) {
            wide_.end(e.id_in_stream);
        }
        e.id_in_stream = i.id;
        e.wide = i.wide;
        e.orphan = false;
        e.moving = false;
        e.worded = e.worded || !i.said['b'].empty() || !i.said['r'].empty() || !i.said['f'].empty() || !i.said['y'].empty();
    };
    if (const auto was = i.said['v']; !was.empty() && !i.wide) {
        // Moved here from wide. What has ended meanwhile ends here.
        for (auto& [id, e] : in_flight_) {
            if (e.wide && !e.orphan && e.id_in_stream == place_of(was)) {
                take_over(e);
                if (const auto ended = std::move(e.ended)) {
                    auto kept = in_flight_.extract(id);
                    end(kept.mapped(), *ended);
                }
                return true;
            }
        }
    }
    const auto [from, to] = orphans_.equal_range(content);
    for (auto it = from; it != to; ++it) {
        if (const auto found = in_flight_.find(it->second); found != in_flight_.end() && found->second.orphan) {
            found->second.wide = false;  // it has no place in this history yet
            take_over(found->second);
            if (i.wide) {
                of_wide_.emplace_back(timers_.now(), found->first);
            }
            orphans_.erase(it);
            if (const auto ended = std::move(found->second.ended)) {
                auto kept = in_flight_.extract(found);
                end(kept.mapped(), *ended);
            }
            return true;
        }
    }
    return false;
}

bool inbox::remember_unreached(const entry& e, const core::delivery_outcome& o) {
    if (!e.single.empty() || (o.lost.empty() && o.failed.empty())) {
        return false;
    }
    unreached_.push_back({e, timers_.now()});
    unreached_.back().push.ended = std::make_shared<core::delivery_outcome>(o);
    if (unreached_.size() > unreached_kept) {
        unreached_.pop_front();
    }
    return true;
}

/// In another history: what ended here lately may be read again, and then ends as it did.
void inbox::await_unreached() {
    while (!unreached_.empty() && timers_.now() - unreached_.front().at > routed_again) {
        unreached_.pop_front();
    }
    for (const auto& u : unreached_) {
        const auto id = numbers_.take(at_);
        entry& e = in_flight_.emplace(id, u.push).first->second;
        e.orphan = true;
        e.moving = false;
        orphans_.emplace(e.content, id);
    }
}

void inbox::take(const item& i, std::string_view envelope) {
    const fields& said = i.said;
    const bool wide = i.wide;
    (wide ? wide_cursor_ : cursor_) = text_of(i.id.first, i.id.second);
    highest_ = std::max(highest_, i.id);
    if (!(wide ? wide_ : own_).begin(i.id)) {
        return;  // read again after a reconnect
    }
    if (!said['h'].empty()) {
        take_estate(i);
        return;
    }
    if (!said['k'].empty()) {
        take_claims(i);
        return;
    }
    const std::uint64_t content = content_of(envelope, said['s'], said['t'], said['c']);
    if ((!orphans_.empty() || !said['v'].empty()) && adopt(i, content)) {
        return;
    }
    entry e;
    e.id_in_stream = i.id;
    e.content = content;
    e.single = said['s'];
    e.push_id = said['i'];
    e.receipt = !said['r'].empty();
    e.worded = e.receipt || !said['f'].empty() || !said['y'].empty() || (!wide && !said['b'].empty());
    e.wide = wide;
    const auto attempts = said['n'];
    std::from_chars(attempts.data(), attempts.data() + attempts.size(), e.attempts);
    if (!said['v'].empty() && !replaying_) {
        take_out(e, {}, "delivered", "");  // moved here twice, since an answer was lost
        return;
    }
    take_push(i, envelope, std::move(e));
}

/// One heir of what a dead instance had in hand: each of these pushes, for this name.
void inbox::take_estate(const item& i) {
    const auto found = estates_.find(i.said['h']);
    const auto& pushes = found->second->pushes;
    const bool of_group = i.said['h'].find(":g") != std::string_view::npos;
    const std::string name = i.said['s'].starts_with('a') && (of_group || i.said['s'].find('\0') != std::string_view::npos)
                                 ? 'm' + std::string(i.said['s'].substr(1))
                                 : std::string(i.said['s']);
    heirs_[i.id] = pushes.size() + 1;
    for (const auto& p : pushes) {
        const std::uint64_t content = content_of(p.envelope, name, p.id, i.said['c']);
        if (!orphans_.empty() && adopt(i, content)) {
            continue;
        }
        item one = i;
        one.said['s'] = name;
        one.said['o'] = p.id;
        one.said['b'] = p.body;
        entry e;
        e.id_in_stream = i.id;
        e.content = content;
        e.single = name;
        e.attempts = p.attempts;
        e.inherited = true;
        e.estate = i.said['h'];
        e.estate_id = p.id;
        take_push(one, p.envelope, std::move(e));
    }
    entry last;
    last.id_in_stream = i.id;
    end_inherited(last, {});
}

/// One who was between two connections has come back: what was pushed meanwhile to where he belongs, in order, for the connection with which he has.
void inbox::take_claims(const item& i) {
    struct due {
        std::shared_ptr<const kept_push> push;
        const claim* of;
    };
    const auto claims = read_claims(i.said['k']);
    std::vector<due> all;
    for (const auto& c : claims) {
        for (auto& p : kept_.find(c, timers_.now())) {
            all.push_back({std::move(p), &c});
        }
    }
    std::stable_sort(all.begin(), all.end(), [](const due& a, const due& b) { return a.push->at < b.push->at; });
    const std::string_view connection = i.said['c'];
    heirs_[i.id] = all.size() + 1;
    std::map<std::pair<std::string_view, std::string_view>, std::string_view> seen;  // who and the push's id -> the push
    for (const auto& [push, of] : all) {
        const std::string name = name_of(*of);
        const std::uint64_t content = content_of(push->envelope, name, push->id, connection);
        if (!orphans_.empty() && adopt(i, content)) {
            continue;
        }
        entry e;
        e.id_in_stream = i.id;
        e.content = content;
        e.single = name;
        // Another push with the same id is the duplicate that it would have been for one who was there.
        const auto first = seen.try_emplace({of->who, push->push_id}, push->order).first;
        e.attempts = first->second == push->order ? push->attempts : 0;
        e.inherited = true;
        e.kept = push;
        item one = i;
        one.claimed = of;
        take_push(one, push->envelope, std::move(e));
    }
    if (!connection.empty()) {
        standing_.claimed(std::string(connection));
    }
    entry last;
    last.id_in_stream = i.id;
    end_inherited(last, {});
}

void inbox::end_kept(const entry& e, const core::delivery_outcome& o) {
    const bool unclaimed = o.reached + o.duplicates + o.dropped == 0 && !o.expired && !o.not_for_it;
    const bool again = (!o.lost.empty() || !o.failed.empty() || unclaimed) && o.reached == 0;
    if (!again && e.kept->receipt.empty() && e.callback.empty()) {
        return;
    }
    boost::json::object how{
        {"key", e.kept->receipt}, {"id", e.kept->push_id}, {"order", e.kept->order}, {"callback", e.callback}};
    std::string names;
    const char* outcome = "";
    const char* reason = "";
    if (again) {
        metrics_.redelivered.at({"connection_gone"}) += 1;
        // A NACK, and a mailbox that a slow client wants, are said by the names.
        const bool said = !o.lost.empty() && std::string_view("nkx").find(o.lost.front()[0]) != std::string_view::npos;
        names = said ? joined(o.lost) : e.single;
        how["attempts"] = e.kept->attempts;
        how["envelope"] = e.kept->envelope;
    } else if (o.reached > 0) {
        outcome = "delivered";
    } else if (o.expired) {
        outcome = "expired";
    } else if (!o.not_for_it) {
        outcome = "dropped";
        reason = o.duplicates > 0 ? "duplicate" : o.why_dropped;
    }
    done_.insert(done_.end(), {e.kept->id, "k", std::move(names), "", "0", "0", outcome, reason, o.connection,
                               boost::json::serialize(how), e.single});
    flush_later();
}

void inbox::end_inherited(entry& e, const core::delivery_outcome& o) {
    if (e.kept) {
        end_kept(e, o);
    }
    const bool unclaimed = e.claimed && o.reached + o.duplicates + o.dropped == 0 && !o.expired;
    if (!e.kept && (!o.lost.empty() || !o.failed.empty() || unclaimed) && o.reached == 0) {
        metrics_.redelivered.at({"connection_gone"}) += 1;
        done_.insert(done_.end(), {e.estate_id, "h", e.single, "", "0", "0", "", "", e.estate, "", ""});
    }
    const auto it = heirs_.find(e.id_in_stream);
    if (it != heirs_.end() && --it->second == 0) {
        heirs_.erase(it);
        entry whole;
        whole.id_in_stream = e.id_in_stream;
        take_out(whole, {}, "delivered", "");
    }
}

void inbox::take_push(const item& i, std::string_view envelope, entry e) {
    const fields& said = i.said;
    const bool wide = i.wide;
    const auto end_now = [&](const char* outcome, const char* reason) {
        core::delivery_outcome o;
        o.dropped = e.kept ? 1 : 0;
        o.why_dropped = reason;
        e.inherited ? end_inherited(e, o) : take_out(e, {}, outcome, reason);
    };
    if (envelope.empty() && !said['b'].empty()) {
        metrics_.undelivered.at({"envelope_gone"}) += 1;
        core::log::limited(core::log::level::error, "inbox", "the envelope that an entry of the inbox refers to has gone",
                           {{"body", said['b']}});
        end_now("dropped", "envelope_gone");
        return;
    }
    auto decoded = proto::decode_signed_envelopes(envelope, {config_.push.secrets, config_.push.require_signature}, true);
    if (decoded.size() != 1 || !decoded[0].value) {
        // Not written by a router: it would come back for ever.
        metrics_.rejected.at({"bad_inbox_entry"}) += 1;
        end_now("dropped", "unreadable");
        return;
    }
    proto::envelope& push = *decoded[0].value;
    if (canary_(push)) {
        const bool settled = wide_settled_;
        end_now("delivered", "");
        wide_settled_ = settled;
        return;
    }
    if (!e.inherited || e.kept) {
        e.callback = std::move(push.callback);
    }
    core::push_origin from;
    from.id = numbers_.take(at_) | (config_.outbox.confirm == "pong" && !push.by_write ? core::confirm_by_pong : 0);
    from.again = e.attempts > 0 || replaying_ || timers_.now() < again_until_;
    from.everywhere = wide;
    from.routed = i.id;
    from.shard = at_.here;
    if (!e.inherited) {
        const auto& at = !said['p'].empty() ? said['p'] : said['o'];
        from.at = at.empty() ? core::place{i.id.first, i.id.second} : core::read_place(at).value_or(core::place());
    }
    const auto not_for_it = [&] {
        core::delivery_outcome nothing;
        nothing.not_for_it = true;
        end_inherited(e, nothing);
    };
    if (!e.estate.empty() && !concerns(push.to, std::string_view(e.estate).substr(e.estate.find(':') + 1), e.single)) {
        not_for_it();
        return;
    }
    if (i.claimed != nullptr) {
        from.kept = true;
        from.again = e.attempts > 0;
        from.at = core::read_place(e.kept->order).value_or(core::place());
        from.mailbox = e.claimed = !said['c'].empty();
        e.receipt = !e.kept->receipt.empty();
        if (!address_claimed(push.to, *i.claimed, said['c'])) {
            not_for_it();
            return;
        }
    } else if (const auto names = said['t']; !names.empty()) {
        push.to = narrowed(std::move(push.to), names);     // those of its targets that are here
    } else if (!e.single.empty() && !said['o'].empty()) {  // else it was routed as it was written: for this one name
        push.to = narrowed(std::move(push.to), e.single);
    }
    if (const auto connection = said['c']; !connection.empty() && !from.kept) {
        from.mailbox = e.claimed = true;
        auto destinations = std::move(push.to.destinations);
        auto groups = std::move(push.to.groups);
        push.to = {};
        if (e.single.starts_with('q')) {
            push.to.subscriptions.push_back(
                proto::subscription_name('c', connection, std::string_view(e.single).substr(e.single.find('\0') + 1)));
            push.to.destinations = std::move(destinations);
        } else {
            push.to.connections.emplace_back(connection);
            if (without_route(e.single).starts_with('m')) {
                push.to.groups = std::move(groups);
                push.to.members_only = true;
            }
        }
        if (!e.receipt && !push.receipt.empty() && !e.inherited) {
            e.receipt = e.worded = true;
            e.push_id = push.id;
        }
    }
    from.receipt = e.receipt;
    from.each = e.receipt && e.single.empty() && config_.outbox.receipts == "each";
    if (wide) {
        of_wide_.emplace_back(timers_.now(), from.id);
    }
    in_flight_.emplace(from.id, std::move(e));
    tell_unconfirmed();
    deliver_(push, from);
}

// --------------------------------------------------------------------------------------------------- settling

void inbox::settled(core::delivery_id id, core::delivery_outcome outcome) {
    const auto it = in_flight_.find(id);
    if (it == in_flight_.end()) {
        return;  // of an instance that we are no more
    }
    if (it->second.moving || it->second.orphan) {
        const bool noted = remember_unreached(it->second, outcome);
        if (it->second.moving || noted) {
            it->second.ended = std::make_shared<core::delivery_outcome>(std::move(outcome));
            return;
        }
    }
    const auto kept = in_flight_.extract(it);
    tell_unconfirmed();
    if (!kept.mapped().orphan) {  // else: if these data have it, it is read again
        end(kept.mapped(), outcome);
    }
}

void inbox::end(entry& e, const core::delivery_outcome& o) {
    if (e.inherited) {
        end_inherited(e, o);
        return;
    }
    const bool one = !e.single.empty();
    const bool unclaimed = e.claimed && o.reached + o.duplicates + o.dropped == 0 && !o.expired;
    const bool gone = !o.lost.empty() || !o.failed.empty() || unclaimed;
    (void)remember_unreached(e, o);
    if (gone && !(one && o.reached > 0)) {
        const auto has = [&](char kind) { return !o.lost.empty() && o.lost.front()[0] == kind; };
        const bool by_name = one && e.single[0] != 'c' && !has('n') && !has('k') && !has('x');
        metrics_.redelivered.at({has('n') ? "nacked" : "connection_gone"}) += 1;
        if (by_name) {
            take_out(e, o, "", "", o.failed.empty() ? e.single : "", o.failed.empty() ? "" : e.single);
        } else {
            take_out(e, o, "", "", joined(o.lost), joined(o.failed));
        }
    } else if (o.reached > 0) {
        take_out(e, o, "delivered", "");
    } else if (o.expired) {
        take_out(e, o, "expired", "");
    } else if (o.duplicates > 0 || o.dropped > 0) {
        take_out(e, o, "dropped", o.duplicates > 0 ? "duplicate" : o.why_dropped);
    } else {
        if (!e.wide && !o.not_for_it) {
            metrics_.undelivered.at({"no_connection"}) += 1;
        }
        take_out(e, o, "no_connection", "");
    }
}

/// Receipts of single connections (outbox.receipts: each), one a line.
std::string inbox::lines_of(const entry& e, const core::delivery_outcome& o) const {
    std::string lines;
    for (const auto& c : o.each) {
        boost::json::object line{{"id", e.push_id}, {"connection", c.connection}, {"outcome", core::word(c.outcome)}};
        if (!c.user.empty()) {
            line["user"] = c.user;
        }
        if (*c.reason != '\0') {
            line["reason"] = c.reason;
        }
        line["time"] = proto::format_rfc3339(timers_.wall());
        lines.append(boost::json::serialize(line)).append("\n");
    }
    return lines;
}

void inbox::take_out(entry& e, const core::delivery_outcome& o, const char* outcome, const char* reason, std::string same,
                     std::string failed) {
    (e.wide ? wide_ : own_).end(e.id_in_stream);
    wide_settled_ = wide_settled_ || e.wide;
    const bool plain = same.empty() && failed.empty() && !e.worded && e.callback.empty();
    flush_later(plain && standing_.many() ? std::chrono::milliseconds(plain_of_many_after) : 1ms);
    if (plain) {
        if (!e.wide) {
            plain_.push_back(e.id_in_stream);
        }
        return;
    }
    std::string lines = lines_of(e, o);
    done_.insert(done_.end(), {text_of(e.id_in_stream.first, e.id_in_stream.second), e.wide ? "1" : "", std::move(same),
                               std::move(failed), std::to_string(o.reached), std::to_string(o.dropped), outcome, reason,
                               o.connection, std::move(lines), std::move(e.callback)});
}

/// What one turn of the loop settles leaves in one script.
void inbox::flush_later(std::chrono::milliseconds wait) {
    const auto at = timers_.now() + wait;
    if (!flush_due_ || at < flush_at_) {
        flush_due_ = true;
        flush_at_ = at;
        flush_timer_ = timers_.after(wait, [this] {
            flush_due_ = false;
            flush();
        });
    }
}

void inbox::refill() {
    refill_ = true;
    flush_later();
}

void inbox::flush() {
    if (!attending_ || (saying_ && !leaving_)) {
        return;  // attend() flushes, or the answer that is awaited does
    }
    if (!standing_.registered()) {
        if (commands_.up()) {
            flush_later(retry);
        }
        return;
    }
    if (cursor_can_wait()) {
        return;
    }
    const std::string now = proto::format_rfc3339(timers_.wall());
    while (std::exchange(refill_, false) || !done_.empty() || !plain_.empty() || wide_.settled() != wide_said_ ||
           own_.settled() != own_said_) {
        std::vector<order> plain = std::exchange(plain_, {});
        std::erase_if(plain, [end = own_.settled()](const order& id) { return id <= end; });
        const std::size_t n = std::min<std::size_t>(done_.size(), settled_at_once * settle_words);
        std::vector<std::string> some(std::make_move_iterator(done_.begin()),
                                      std::make_move_iterator(done_.begin() + static_cast<std::ptrdiff_t>(n)));
        done_.erase(done_.begin(), done_.begin() + static_cast<std::ptrdiff_t>(n));
        std::vector<std::string> arguments{keys_.prefix,
                                           instance_,
                                           keys_.outbox_key,
                                           "",
                                           now,
                                           "",
                                           std::to_string(plain.size()),
                                           std::to_string(config_.inbox.count),
                                           std::to_string(config_.inbox.bytes)};
        if (done_.empty()) {
            // The cursors last: who takes over from them finds nothing that was not said.
            if (wide_.settled() != wide_said_) {
                wide_said_ = wide_.settled();
                wide_settled_ = false;
                arguments[3] = text_of(wide_said_.first, wide_said_.second);
            }
            if (own_.settled() != own_said_) {
                own_said_ = own_.settled();
                arguments[5] = text_of(own_said_.first, own_said_.second + 1);
            }
        }
        for (const auto& [ms, seq] : plain) {
            arguments.push_back(text_of(ms, seq));
        }
        arguments.insert(arguments.end(), some.begin(), some.end());
        const bool words = !some.empty();
        saying_ = saying_ || words;
        scripts::settle.run(
            commands_, keys_("inbox:", instance_), std::move(arguments),
            [this, g = generation_, words, some = std::move(some), plain = std::move(plain)](proto::reply_view r) mutable {
                if (g == generation_) {
                    saying_ = saying_ && !words;
                    on_flushed(r, std::move(some), std::move(plain));
                }
            });
        if (words && !leaving_) {
            return;  // a script that Redis refuses (NOSCRIPT, BUSY) must not find its entries trimmed by the next
        }
    }
}

void inbox::on_flushed(proto::reply_view r, std::vector<std::string> some, std::vector<order> plain) {
    if (r.is_array()) {
        metrics_.receipts_failed.value() += static_cast<double>(std::max<std::int64_t>(r[0].integer(), 0));
        if (r[0].integer() >= 0 && r[1].size() == 0) {
            flush();  // what came meanwhile
            return;
        }
        if (r[0].integer() < 0) {
            // These data do not know this instance (yet), or another has taken over from it: the next beat finds it out.
            done_.insert(done_.end(), some.begin(), some.end());
            plain_.insert(plain_.end(), plain.begin(), plain.end());
            own_said_ = wide_said_ = {};
            flush_later(1000ms);
            return;
        }
        plain.clear();
        std::vector<std::string> refused;
        for (std::size_t i = 0; i < r[1].size(); ++i) {
            const auto at =
                some.begin() + static_cast<std::ptrdiff_t>((static_cast<std::size_t>(r[1][i].integer()) - 1) * settle_words);
            refused.insert(refused.end(), at, at + settle_words);
        }
        some = std::move(refused);
        core::log::limited(core::log::level::error, "inbox", "Redis refuses the end of pushes; it is asked again",
                           {{"pushes", some.size() / settle_words}});
    } else if (r.is_error()) {
        log_refused("inbox", "Redis refuses the end of pushes; it is asked again", r.text());
    }
    // Whether it was done is not known; doing it again changes nothing.
    done_.insert(done_.end(), some.begin(), some.end());
    plain_.insert(plain_.end(), plain.begin(), plain.end());
    own_said_ = wide_said_ = {};
    if (commands_.up()) {
        flush_later(retry);
    }
}

void inbox::wind_down() {
    leaving_ = true;
    flush();
}

}  // namespace wsidecar::redis
