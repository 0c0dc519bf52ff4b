"""The accounting of the wide form. A fault forgives only what it can have touched: pushes under way at a connection that ended, at a pod
that was killed or stood still, or in the moments that a Redis lost. What the Redis that came back never had is excused."""

import collections
import dataclasses
import time

CONFIRMED = 3.0  # seconds from a message's arrival to Redis knowing it, on a busy machine
REDIAL = 20.0  # seconds from one connection to the next in which nothing is lost: outbox.grace, less what nobody measures alike
SETTLED_IN = 25.0  # a connection that lived so long behind a push's acceptance should have had it


@dataclasses.dataclass
class Touch:
    """What a fault can have touched: what was under way in [begin, end], at one pod or (-1) at all."""

    begin: float
    end: float
    pod: int
    name: str
    repeats: bool = True  # False: what was under way may come late, and not twice

    def overlaps(self, begin, end):
        return begin <= self.end and end >= self.begin


class WideLedger:
    def __init__(self):
        self.pushes = {}  # number -> Push, accepted
        self.unknown = {}  # without an answer, and so far nobody knows
        self.gone = set()  # accepted by a Redis whose history went on without them
        self.faults = []  # (when, words)
        self.touches = []
        self.outages = []  # (begin of what Redis lost or of its absence, when it was back)
        self.losses = []  # those with loss of data
        self.deaths = []  # (pod, when)
        self.garbage = 0

    # ---------------------------------------------------------------------------------------------- while it runs

    def fault(self, words):
        self.faults.append((time.monotonic(), words))

    def touch(self, begin, end, pod=-1, name="", repeats=True):
        self.touches.append(Touch(begin, end, pod, name, repeats))

    def accept(self, pushes):
        for p in pushes:
            self.pushes[p.number] = p

    def unsure(self, pushes):
        for p in pushes:
            self.unknown[p.number] = p

    def came_back(self, mark):
        """A Redis is there whose history ends with batch `mark`: what was accepted later is gone; what had no answer is known now."""
        # Of a later batch without an answer nobody can tell.
        for n in [n for n, p in self.unknown.items() if p.door != "channel" and p.batch == mark]:
            self.pushes[n] = self.unknown.pop(n)
        self.gone |= {n for n, p in self.pushes.items() if p.batch > mark}

    # --------------------------------------------------------------------------------------------------- at the end

    def audience(self, p, fleet):
        """Users for whom it is."""
        if p.kind in ("user", "away", "queue"):
            return {p.name}
        if p.kind == "alias":
            return {p.name}
        if p.kind == "group":
            return set(fleet.members[p.name]) - set(p.excluded)
        if p.kind == "all":
            return {u for u in fleet.by_user if u[0] != "s"}
        if p.kind == "topic":
            return {u for u, cs in fleet.by_user.items() if p.name in cs[0].topics}
        owner = self.by_id.get(p.name)
        return {owner.user} if owner else set()

    def in_doubt(self, number, begin, end, connections):
        """Whether one of these connections may have been under way to have it, and did not say so to Redis: its part goes again."""
        for x in connections:
            if not x.was_there(begin - 1, end):
                continue
            had = x.got.get(number)
            known = end if had is None else had + CONFIRMED + self.away_after(had) + self.held_up(x.pod, had)
            if x.ended is not None and x.ended <= end and (had is None or x.ended <= known):
                return True
            if any(t.repeats and t.pod in (-1, x.pod) and t.overlaps(begin if had is None else had, known) for t in self.touches):
                return True
        return False

    def held_up(self, pod, when):
        """How long this pod waited for clients that had gone without a word: a push to a group is confirmed by all of its members there."""
        return max((x.ended + x.lingers - when for x in self.silent if x.pod == pod and x.ended - 1 <= when <= x.ended + x.lingers), default=0)

    def away_after(self, when):
        """How long Redis was away right behind `when`."""
        return sum(e - b for b, e in self.outages if b - CONFIRMED <= when <= e)

    def close(self, fleet, receipts, rejected, told, kept):
        """`receipts`: id -> outcomes; `rejected`: number -> why; `told`: id -> how often the app heard of its delivery; `kept`: ids of
        pushes that still wait for members who are away, whose final receipts follow when outbox.grace is over."""
        a = Account(accepted=len(self.pushes), unknown=len(self.unknown), gone=len(self.gone))
        all_connections = fleet.connections()
        self.silent = [x for x in all_connections if x.lingers]
        self.by_id = {x.id: x for x in all_connections if x.id}
        of_user = collections.defaultdict(list)
        for x in all_connections:
            of_user[x.user].append(x)
        a.connections = len(all_connections)
        a.foreign += [f"{u}: {m!r}" for u, m in fleet.strange]
        had_by = collections.defaultdict(list)
        for x in all_connections:
            for n in x.got:
                had_by[n].append(x)
        audiences = {}
        for n, p in self.pushes.items():
            audiences[n] = self.audience(p, fleet)
            a.kinds[f"{p.door}/{p.kind}"] += 1
        for x in all_connections:
            self.close_connection(a, x, of_user[x.user], audiences)
        for n, p in self.pushes.items():
            self.close_push(a, p, had_by[n], audiences[n], of_user)
            if n not in self.gone:
                self.close_absent(a, p, had_by[n], audiences[n], of_user)
            self.close_receipts(a, p, had_by[n], receipts.get(f"p{n}", []), audiences[n], of_user, f"p{n}" in kept)
            if n in rejected:
                a.rejected.append(f"p{n} {p.target} of {self.ago(p.when)}: {rejected[n]}, {len(had_by[n])} have it")
            if p.door == "source":
                self.close_told(a, p, had_by[n], told.get(f"p{n}", []))
        return a

    def close_connection(self, a, x, brothers, audiences):
        seen, newest = set(), {}
        for n in x.order:
            p = self.pushes.get(n) or self.unknown.get(n)
            a.received += 1
            if p is None:
                a.foreign.append(f"{x.user}: p{n}, which nobody wrote")
                continue
            if n in audiences and x.user not in audiences[n]:
                a.foreign.append(f"p{n} {p.target} came to {x.user}/{x.slot}")
            if n in seen:
                # A source's pushes have no id of their own: a list that went back in time is read again.
                if p.door == "source" and any(t.repeats and t.pod == -1 and t.overlaps(x.got[n], x.got[n] + CONFIRMED) for t in self.touches):
                    a.repeated += 1
                    continue
                a.repeated_here.append(f"p{n} {p.target} twice on one connection of {x.user}/{x.slot}")
                continue
            seen.add(n)
            when = x.got[n]
            elsewhere = [y for y in brothers if y is not x and y.slot == x.slot and y.got.get(n, when) < when]
            if elsewhere:
                a.repeated += 1
                if not self.in_doubt(n, p.when, when, [y for y in brothers if y is not x]):
                    a.repeated_without_fault.append(
                        f"p{n} {p.target}: {x.user}/{x.slot} had it at {self.ago(elsewhere[0].got[n])} (that connection ended at "
                        f"{self.ago(elsewhere[0].ended)}) and at {self.ago(when)}")
            if n < newest.get(p.target, -1):
                a.disordered += 1
                if not self.in_doubt(n, p.when, when, [y for y in brothers if y is not x]) and not any(
                        t.pod in (-1, x.pod) and t.overlaps(p.when, when) for t in self.touches):
                    a.disordered_without_fault.append(
                        f"p{n} {p.target} of {self.ago(p.when)} came to {x.user}/{x.slot} on pod {x.pod} behind p{newest[p.target]}, at {self.ago(when)}")
            newest[p.target] = max(newest.get(p.target, -1), n)

    def close_push(self, a, p, had, users, of_user):
        n = p.number
        if n in self.gone:
            return
        stable = []
        for u in users:
            for x in of_user[u]:
                if p.kind == "connection" and x.id != p.name:
                    continue
                lived = x.opened <= p.when - 2 and (x.ended is None or x.ended >= p.when + SETTLED_IN)
                if lived and (p.door != "channel" or not any(t.pod in (-1, x.pod) and t.overlaps(p.when - 8, p.when + 8)
                                                             for t in self.touches + self.channel_touches())):
                    stable.append(x)
        missed = [x for x in stable if n not in x.got]
        # Until all have registered with a Redis that lost data, a push reaches whom it already knows: that is enough.
        if missed and had and any(b <= p.when <= e + 3 for b, e in self.losses):
            a.partial += 1
        elif missed:
            a.missed.append(f"p{n} {p.target} of {self.ago(p.when)}: {len(missed)} of {len(stable)} connections that were there all the time, "
                            f"so {missed[0].user}/{missed[0].slot} on pod {missed[0].pod}, "
                            f"{'and nobody else has it' if not had else f'{len(had)} others have it'}")
        if p.kind in ("user", "alias", "away", "queue") and p.door != "channel" and not had and not self.forgotten(p, of_user):
            a.lost.append(f"p{n} {p.target} of {self.ago(p.when)}; connections " + ", ".join(
                f"/{x.slot} on pod {x.pod} from {self.ago(x.opened)} to {self.ago(x.ended)}" for x in sorted(of_user[p.name], key=lambda x: x.opened)))

    def close_absent(self, a, p, had, users, of_user):
        """Who belonged to a group, a topic or all, and redialled: a push between two connections is on one of those that follow."""
        if p.door == "channel" or p.kind not in ("group", "topic", "all") or any(b - REDIAL <= p.when <= e + 2 * REDIAL for b, e in self.losses):
            return
        for u in users - {x.user for x in had}:
            if u[0] == "x":
                continue  # nobody's connections: nobody can say who comes back
            for x in of_user[u]:
                if x.ended is None or x.opened > p.when - 2 or not p.when - REDIAL <= x.ended <= p.when + REDIAL:
                    continue
                again = [y for y in of_user[u] if y.opened > p.when and y.opened <= x.ended + REDIAL and
                         (y.ended is None or y.ended >= y.opened + SETTLED_IN)]
                if again:
                    a.lost.append(f"p{p.number} {p.target} of {self.ago(p.when)} for {u}/{x.slot}, on pod {x.pod} until {self.ago(x.ended)}, "
                                  f"again on pod {again[0].pod} from {self.ago(again[0].opened)}")
                    a.absent += 1
                    break
                a.away += 1

    def forgotten(self, p, of_user):
        """All data went, and with them that this user had just been there; he was not, when it was pushed."""
        return p.kind != "away" and any(
            b == e and e - 30 <= p.when <= e + 30 and not any(x.was_there(e, p.when) for x in of_user[p.name]) for b, e in self.losses)

    def channel_touches(self):
        return [Touch(b, e, -1, "Redis away") for b, e in self.outages]

    def close_receipts(self, a, p, had, outcomes, users, of_user, waits):
        if not p.receipt:
            return
        final = [o for o in outcomes if o["outcome"] != "stored"]
        # Of what a summary says is stored, one more follows for each.
        if len(final) > 1 + sum(o.get("stored", 0) for o in final):
            a.receipts.append(f"p{p.number} {p.target} of {self.ago(p.when)} has {len(final)} final receipts: {final}")
        forgotten = p.number in self.gone or any(p.when <= e for b, e in self.losses if b == e)  # a FLUSHALL
        if not final and not forgotten and not (waits and outcomes):
            a.receipts.append(f"p{p.number} {p.target} of {self.ago(p.when)} has no final receipt ({outcomes}), {len(had)} have it")
        for o in final:
            a.outcomes[o["outcome"] + (":" + o["reason"] if "reason" in o else "")] += 1
            # The receipt that said `delivered` went with Redis' last moments; the connection that has it tells of the second copy only.
            if o.get("reason") == "duplicate" and had and any(b != e and b - CONFIRMED - 3 <= p.when <= e for b, e in self.losses):
                continue
            if p.kind in ("user", "alias", "away", "queue") and o["outcome"] != "delivered" and p.number not in self.gone and \
                    not self.forgotten(p, of_user):
                a.wrongly_told.append(f"p{p.number} {p.target} of {self.ago(p.when)}: {o}, {len(had)} have it")
            if o["outcome"] == "delivered" and not had:
                a.wrongly_told.append(f"p{p.number} {p.target} of {self.ago(p.when)}: {o}, and nobody has it")
            # A part that came back to a user who has it on another connection counts there again.
            if o["outcome"] == "summary" and o["delivered"] > len(had) + sum(
                    x.ended is not None and x.was_there(p.when - 8, p.when + SETTLED_IN) for u in users for x in of_user[u]):
                a.wrongly_told.append(f"p{p.number} {p.target} of {self.ago(p.when)}: {o}, and {len(had)} have it")

    def close_told(self, a, p, had, times):
        # A pod that is killed before Redis knows that the app has been told: another one tells it again.
        killed = bool(times) and any(abs(when - times[0]) < 1 for _, when in self.deaths)
        if len(times) > 1 and not killed and not any(t.overlaps(times[0] - CONFIRMED, times[0] + CONFIRMED) for t in self.app_touches()):
            a.told.append(f"p{p.number} was told of {len(times)} times: {[self.ago(t) for t in times]}")
        if times and not had:
            a.told.append(f"p{p.number} was told of, and nobody has it")
        if not times and had and p.number not in self.gone and not any(p.when <= e for b, e in self.losses):
            a.told.append(f"p{p.number} of {self.ago(p.when)}, had at {self.ago(min(x.got[p.number] for x in had))}, was not told of")

    def app_touches(self):
        return [t for t in self.touches if t.pod == -2 or t.pod == -1]

    def close_events(self, a, connects, ends):
        """`connects`: ws -> [(ce-id, pod, when)], `ends`: ws -> [(ce-id, why, when)]."""
        a.ends = len(ends)
        for ws, seen in connects.items():
            if len({i for i, *_ in seen}) > 1:
                a.events.append(f"{ws} has several connect events: {seen}")
            _, pod, when = seen[0]
            if ws not in ends and not self.unknown_to_all(pod, when) and not self.owed_and_flushed(ws):
                a.events.append(f"{ws} of pod {pod}, connected at {self.ago(when)}, has no disconnect event{self.what_is_known(ws)}")
        for ws, seen in ends.items():
            if {i for i, *_ in seen} != {ws + ":end"}:
                a.events.append(f"{ws}'s end has other ids: {seen}")
            if ws not in connects:
                a.events.append(f"{ws} has an end and no beginning: {seen}")

    def what_is_known(self, ws):
        x = self.by_id.get(ws)
        return "" if x is None else f" ({x.user}/{x.slot} had it open from {self.ago(x.opened)} to {self.ago(x.ended)}, close frame {x.close!r})"

    def owed_and_flushed(self, ws):
        """The app had not taken its end yet, so Redis kept it for another pod's app, and lost it."""
        x = self.by_id.get(ws)
        return x is not None and x.ended is not None and any(b == e and e - 15 <= x.ended <= e + 3 for b, e in self.losses)

    def unknown_to_all(self, pod, when):
        """It was registered in nothing that Redis still has, and its pod was killed before it could register it again."""
        died = min((d for n, d in self.deaths if n == pod and d >= when), default=None)
        if died is None:
            return False
        return any(b - 0.5 <= when <= e + 3 and b - 0.5 <= died <= e + 3 for b, e in self.outages) or \
            any(b == e and b - 12 <= died <= e + 3 for b, e in self.losses)

    def ago(self, when):
        return "the end" if when is None else f"{when - self.started:.2f} s"

    started = 0.0


@dataclasses.dataclass
class Account:
    accepted: int = 0
    unknown: int = 0
    gone: int = 0  # Redis' history went on without them
    received: int = 0
    connections: int = 0
    ends: int = 0
    repeated: int = 0
    disordered: int = 0
    partial: int = 0
    absent: int = 0  # of those lost: to a group, a topic or all, for one who redialled
    away: int = 0  # such pushes that nobody can say of whether they should have come
    kinds: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    outcomes: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    lost: list = dataclasses.field(default_factory=list)
    missed: list = dataclasses.field(default_factory=list)
    rejected: list = dataclasses.field(default_factory=list)
    foreign: list = dataclasses.field(default_factory=list)
    repeated_here: list = dataclasses.field(default_factory=list)
    repeated_without_fault: list = dataclasses.field(default_factory=list)
    disordered_without_fault: list = dataclasses.field(default_factory=list)
    receipts: list = dataclasses.field(default_factory=list)
    wrongly_told: list = dataclasses.field(default_factory=list)
    told: list = dataclasses.field(default_factory=list)
    events: list = dataclasses.field(default_factory=list)
    registry: list = dataclasses.field(default_factory=list)
    left: list = dataclasses.field(default_factory=list)

    WORDS = {"lost": "lost", "missed": "not to all who were there", "rejected": "in `rejected`", "foreign": "reached somebody else",
             "repeated_here": "twice on one connection", "repeated_without_fault": "twice without a fault that touched them",
             "disordered_without_fault": "late without a fault that touched them", "receipts": "without exactly one final receipt",
             "wrongly_told": "receipts that are not true", "told": "reports of delivery that are not right",
             "events": "connections without exactly one end", "registry": "wrong in the registry", "left": "left in Redis"}

    def breaches(self):
        return [f"{len(found)} {words}: " + "; ".join(found[:5]) for name, words in self.WORDS.items() if (found := getattr(self, name))]

    def __str__(self):
        return (f"accepted {self.accepted} ({self.unknown} more without an answer; {self.gone} of them gone with Redis' last moments), "
                f"received {self.received} on {self.connections} connections, {self.ends} ends, repeated {self.repeated}, "
                f"out of order {self.disordered}, to a part of the connections {self.partial}; receipts {dict(self.outcomes)}; {dict(self.kinds)}")
