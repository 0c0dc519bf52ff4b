#include "sidecar/redis/reference_reader.hpp"

#include <algorithm>
#include <utility>

namespace wsidecar::redis {
namespace {

constexpr auto pushes_of_handover = "1000";
constexpr std::size_t kept_at_once = 500;  ///< the most kept pushes that one XRANGE reads
constexpr std::size_t handovers_in_memory = 64;

/// The part of an audience's key after `kept:`, as lua/parts/names.lua writes it.
std::string kept_key(std::string_view audience) {
    switch (audience[0]) {
        case 'g': return "group:" + std::string(audience.substr(1));
        case 'd': return "destination:" + std::string(audience.substr(1));
        case 'p': return "pattern:" + std::string(audience.substr(1));
        default: return "all";
    }
}

std::shared_ptr<kept_push> kept_push_of(std::string_view id, const entry_fields& fields) {
    auto p = std::make_shared<kept_push>();
    p->id = id;
    p->at = place_of(id);
    p->order = fields[field::first_place];
    p->receipt = fields[field::receipt_key];
    p->push_id = fields[field::push_id];
    p->body = fields[field::body];
    p->envelope = fields[field::envelope];
    p->attempts = std::max(attempts_in(fields[field::attempts]), 1U);  // the receivers may already have it
    return p;
}

}  // namespace

void reference_reader::clear() {
    handovers_.clear();
    kept_.clear();
}

std::shared_ptr<const handover> reference_reader::find_handover(std::string_view name) const {
    const auto it = handovers_.find(name);
    return it == handovers_.end() ? nullptr : it->second;
}

void reference_reader::read(std::vector<inbox_entry> entries, done f) {
    const auto l = std::make_shared<loaded>();
    l->entries = std::move(entries);
    l->finish = std::move(f);
    collect(*l);
    read_handovers(l);
}

/// Decides what has to be read, and copies the entries out of the reply, which ends with this call.
void reference_reader::collect(loaded& l) const {
    for (auto& e : l.entries) {
        e.fields.keep();
        if (const auto name = e.fields[field::handover]; !name.empty() && !handovers_.contains(name)) {
            l.handovers.emplace(name, std::make_shared<handover>());
        }
        for (const auto& c : read_claims(e.fields[field::claims])) {
            if (const auto part = kept_.missing(c)) {
                const auto [it, first] = l.kept.try_emplace(c.audience, loaded::kept_part{part->first, part->second, {}});
                it->second.from = std::min(it->second.from, part->first);
                it->second.to = std::max(it->second.to, part->second);
            }
        }
    }
}

void reference_reader::read_handovers(const shared& l) {
    if (l->handovers.empty()) {
        read_all_kept(l);
        return;
    }
    l->missing = l->handovers.size();
    for (const auto& [name, to] : l->handovers) {
        link_.send({"XRANGE", keys_("estate:", name), "-", "+", "COUNT", pushes_of_handover},
                   [this, l, e = to](proto::reply_view r) {
                       l->failed = l->failed || !r.is_array();
                       for (std::size_t i = 0; i < r.size(); ++i) {
                           const entry_fields fields(r[i][1]);
                           e->pushes.push_back({std::string(r[i][0].text()),
                                                std::string(fields[field::body]),
                                                {},
                                                std::max(attempts_in(fields[field::attempts]), 1U)});
                       }
                       if (--l->missing == 0) {
                           read_all_kept(l);
                       }
                   });
    }
}

void reference_reader::read_all_kept(const shared& l) {
    if (l->kept.empty() || l->failed) {
        read_bodies(l);
        return;
    }
    l->missing = l->kept.size();
    for (const auto& [audience, part] : l->kept) {
        read_kept(l, audience, part.from);
    }
}

/// Reads kept pushes after the place `from`.
void reference_reader::read_kept(const shared& l, const std::string& audience, place from) {
    auto& part = l->kept.find(audience)->second;
    link_.send({"XRANGE", keys_("kept:", kept_key(audience)), '(' + text_of(from), text_of(part.to), "COUNT",
                std::to_string(kept_at_once)},
               [this, l, audience, &part](proto::reply_view r) {
                   l->failed = l->failed || !r.is_array();
                   for (std::size_t i = 0; i < r.size(); ++i) {
                       part.read.push_back(kept_push_of(r[i][0].text(), entry_fields(r[i][1])));
                   }
                   if (r.size() == kept_at_once && !l->failed) {
                       read_kept(l, audience, part.read.back()->at);
                   } else if (--l->missing == 0) {
                       read_bodies(l);
                   }
               });
}

void reference_reader::read_bodies(const shared& l) {
    const auto want = [&](std::string_view body) {
        if (!body.empty()) {
            l->bodies.try_emplace(std::string(body));
        }
    };
    for (const auto& e : l->entries) {
        want(e.fields[field::body]);
    }
    for (const auto& [name, e] : l->handovers) {
        for (const auto& p : e->pushes) {
            l->bodies.try_emplace(p.body);
        }
    }
    for (const auto& [audience, part] : l->kept) {
        for (const auto& p : part.read) {
            want(p->body);
        }
    }
    if (l->bodies.empty() || l->failed) {
        l->finish(*l, !l->failed);
        return;
    }
    l->missing = l->bodies.size();
    for (auto& [id, text] : l->bodies) {
        link_.send({"HGET", keys_("body:", id), "e"}, [this, l, to = &text](proto::reply_view r) {
            l->failed = l->failed || r.is_error() || !link_.up();
            *to = r.text();
            if (--l->missing == 0) {
                l->finish(*l, !l->failed);
            }
        });
    }
}

const std::vector<inbox_entry>& reference_reader::accept(loaded& l) {
    for (auto& e : l.entries) {
        if (const auto body = e.fields[field::body]; !body.empty()) {
            e.fields[field::envelope] = l.bodies[std::string(body)];
        }
    }
    if (handovers_.size() + l.handovers.size() > handovers_in_memory) {
        // Those that these entries name stay: they were here already, and so were not read again.
        std::erase_if(handovers_, [&](const auto& old) {
            return std::none_of(l.entries.begin(), l.entries.end(),
                                [&](const inbox_entry& e) { return e.fields[field::handover] == old.first; });
        });
    }
    for (auto& [name, e] : l.handovers) {
        for (auto& p : e->pushes) {
            p.envelope = l.bodies[p.body];
        }
        handovers_[name] = e;
    }
    for (auto& [audience, part] : l.kept) {
        for (const auto& p : part.read) {
            if (!p->body.empty()) {
                p->envelope = l.bodies[p->body];
            }
        }
        kept_.add(audience, part.from, part.to, std::move(part.read));
    }
    return l.entries;
}

}  // namespace wsidecar::redis
