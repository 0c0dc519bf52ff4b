"""The accounting: every push that Redis accepted has been received; what came twice or late, came at a fault."""

import dataclasses
import time


@dataclasses.dataclass
class Account:
    accepted: int = 0
    unknown: int = 0  # Redis did not answer: it may have taken them or not
    received: int = 0
    lost: list = dataclasses.field(default_factory=list)
    kept: int = 0  # not received, but in a mailbox, inbox, outbox or `rejected`
    repeated: int = 0
    repeated_without_fault: list = dataclasses.field(default_factory=list)
    disordered: int = 0
    disordered_without_fault: list = dataclasses.field(default_factory=list)
    foreign: int = 0

    def breaches(self):
        out = []
        if self.lost:
            out.append(f"{len(self.lost)} lost, the first: {self.lost[:5]}")
        if self.repeated_without_fault:
            out.append(f"{len(self.repeated_without_fault)} came twice without a fault: {self.repeated_without_fault[:5]}")
        if self.disordered_without_fault:
            out.append(f"{len(self.disordered_without_fault)} came late without a fault: {self.disordered_without_fault[:5]}")
        if self.foreign:
            out.append(f"{self.foreign} reached another user")
        return out

    def __str__(self):
        return (f"accepted {self.accepted} (and {self.unknown} without an answer), received {self.received}, lost {len(self.lost)}, "
                f"kept {self.kept}, repeated {self.repeated}, out of order {self.disordered} "
                f"(without a fault: {len(self.repeated_without_fault)}, {len(self.disordered_without_fault)})")


class Ledger:
    def __init__(self):
        self.accepted = {}  # id -> (user, number of the user's push, when)
        self.unknown = set()
        self.forgiven = set()
        self.faults = []  # (when, name)
        self.moves = []  # (begin, end) of a pod's leaving in good order

    def fault(self, name):
        self.faults.append((time.monotonic(), name))

    def moved(self, begin, end):
        """The pod's clients have dialled another one: what it handed on may come behind newer pushes. It may not repeat."""
        self.moves.append((begin, end))

    def near_a_move(self, when):
        return any(begin - 1.0 <= when <= end + 2.0 for begin, end in self.moves)

    def forgive(self, seconds):
        """Redis' data went: what was accepted in the last seconds was possibly not delivered yet."""
        now = time.monotonic()
        for ident, (_, _, when) in list(self.accepted.items()):
            if when > now - seconds:
                self.forgiven.add(ident)

    def near_a_fault(self, when, before, after):
        """A push accepted at `when` can have been in flight at a fault, or at what follows from it."""
        return any(f - before <= when <= f + after for f, _ in self.faults)

    def close(self, clients, kept=(), window=(3.0, 30.0)):
        """`kept`: ids found in Redis. A push may repeat or come late when it was accepted up to window[0] s before a fault, or
        window[1] s behind it (until its pod is taken over, and its clients have redialled)."""
        a = Account(accepted=len(self.accepted), unknown=len(self.unknown))
        seen = set()
        for c in clients:
            last, mine = -1, set()
            for payload, _ in c.got:
                ident = payload.decode()
                entry = self.accepted.get(ident)
                if entry is None:
                    a.foreign += ident not in self.unknown
                    continue
                user, number, when = entry
                a.foreign += user != c.user
                a.received += 1
                if ident in mine:
                    a.repeated += 1
                    if not self.near_a_fault(when, *window):
                        a.repeated_without_fault.append(ident)
                    continue
                mine.add(ident)
                if number < last:
                    a.disordered += 1
                    if not self.near_a_fault(when, *window) and not self.near_a_move(when):
                        a.disordered_without_fault.append(ident)
                last = max(last, number)
            seen |= mine
        kept = set(kept) - seen
        a.kept = len(kept)
        a.lost = [i for i in self.accepted if i not in seen and i not in kept and i not in self.forgiven]
        return a
