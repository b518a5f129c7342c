"""Checks what the members of one group said against what its rules allow.

A `History` holds one group's members (each process one `Life`), the records its producers were
acknowledged, and what OffsetFetch answered an admin client in between. Each check returns the
violations as lines of text.
"""

import collections
import dataclasses
import typing

# Failures shown of one check; the rest are counted.
SHOWN = 10
# The shortest silence after which a broker gives a member up: `highwater.group.disconnect.timeout.ms`.
SILENCE_SECONDS = 6


@dataclasses.dataclass
class Life:
    """One process: its events in the order in which it wrote them, and when it was killed, if it was."""

    name: str
    events: list
    killed_at: typing.Optional[float] = None


@dataclasses.dataclass
class History:
    kind: str
    lives: list
    # (partition, offset) -> value
    acknowledged: dict = dataclasses.field(default_factory=dict)
    # (time before it was asked for, {partition: committed offset})
    fetched: list = dataclasses.field(default_factory=list)
    broker_kills: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Interval:
    """One partition in one member's hands, as the member itself saw it."""

    life: Life
    partition: int
    generation: object
    begin: float
    end: float
    ended_by: str

    def __str__(self):
        return (f"{self.life.name} (generation {self.generation}) "
                f"{clock(self.begin)} to {clock(self.end)}, {self.ended_by}")


class Commits:
    """The highest confirmed commit of a partition at any time."""

    def __init__(self, confirmed):
        self._times = collections.defaultdict(list)
        for at, partition, offset, who in sorted(confirmed, key=lambda commit: commit[0]):
            highest = self._times[partition]
            if not highest or offset > highest[-1][1]:
                highest.append((at, offset, who))

    def before(self, partition, at):
        """(time, offset, who) of the highest commit confirmed before `at`, or None."""
        found = None
        for commit in self._times[partition]:
            if commit[0] >= at:
                break
            found = commit
        return found


def clock(seconds):
    """Wall clock within the hour: 59:12.345678."""
    minutes, rest = divmod(seconds % 3600, 60)
    return f"{int(minutes):02d}:{rest:09.6f}"


def of_life(life, name):
    return (said for said in life.events if said["event"] == name)


def is_alive(life, at):
    return life.killed_at is None or at < life.killed_at


def intervals(life):
    """What the member owned and when: from the assign callback to revoke, loss, death or close.

    The assign callback comes after the broker's answer and the revoke callback before the broker is
    told, and a kill is timed before its signal, so that each interval is at most as long as it was.
    """
    done, owned = [], {}

    def close(partition, at, by):
        if partition in owned:
            begin, generation = owned.pop(partition)
            if begin < at:
                done.append(Interval(life, partition, generation, begin, at, by))

    last = 0.0
    for said in life.events:
        if not is_alive(life, said["at"]):
            break
        last = said["at"]
        if said["event"] == "assigned":
            for partition in said["partitions"]:
                close(partition, last, "assigned again")
                owned[partition] = (last, said.get("generation"))
        elif said["event"] in ("revoked", "lost"):
            for partition in said["partitions"]:
                close(partition, last, said["event"])
        elif said["event"] == "closed":
            for partition in list(owned):
                close(partition, last, "closed")
    ended = (last, "its program ended") if life.killed_at is None else (life.killed_at, "killed")
    for partition in list(owned):
        close(partition, *ended)
    return done


def confirmed_commits(history):
    """(time, partition, offset, who) of every commit that a member was told of."""
    return [(said["at"], int(partition), offset, life.name)
            for life in history.lives for said in of_life(life, "committed")
            for partition, offset in said["offsets"].items()]


def check_processed(history):
    """Every acknowledged record processed at least once, as it was written."""
    read = {(said["partition"], said["offset"]): said["value"]
            for life in history.lives for said in of_life(life, "record")}
    wrong = []
    for (partition, offset), value in sorted(history.acknowledged.items()):
        if (partition, offset) not in read:
            wrong.append(f"{history.kind}: partition {partition} offset {offset}: "
                         f"{value!r} was acknowledged and never processed")
        elif read[partition, offset] != value:
            wrong.append(f"{history.kind}: partition {partition} offset {offset}: "
                         f"{value!r} was acknowledged, {read[partition, offset]!r} read")
    return wrong


def check_owned(history):
    """No partition owned twice at once; also returns the overlaps of members that were fenced.

    A member that was cut off (the broker was down, or one of the two got no time to run) cannot know
    that its session ended until it is back: in its own eyes it owns its partitions until its `lost`
    callback. Such an overlap is allowed only if no commit, which counts as a heartbeat, of any of its
    partitions was confirmed to it from `SILENCE_SECONDS` before the overlap to its end. With records
    coming all the time, a member that is in touch commits several times a second.
    """
    by_partition = collections.defaultdict(list)
    for life in history.lives:
        for interval in intervals(life):
            by_partition[interval.partition].append(interval)
    wrong, fenced = [], []
    for partition, owners in sorted(by_partition.items()):
        owners.sort(key=lambda interval: interval.begin)
        for at, first in enumerate(owners):
            for second in owners[at + 1:]:
                if second.begin >= first.end:
                    break
                text = f"{history.kind}: partition {partition} owned twice: {first}; {second}"
                (fenced if is_cut_off(first, second) else wrong).append(text)
    return wrong, fenced


def is_cut_off(first, second):
    """Whether `first` ended as lost after a silence."""
    silent_from = second.begin - SILENCE_SECONDS
    return first.ended_by == "lost" and not any(
        silent_from <= said["at"] < first.end for said in of_life(first.life, "committed"))


def check_repeats(history):
    """No record again after its offset was committed: not by the same generation, nor by a later one.

    An owner starts at what is committed. So it reads nothing below the highest offset whose commit
    was confirmed before it was assigned, nor below what was confirmed to it since.
    """
    commits = Commits(confirmed_commits(history))
    wrong = []
    for life in history.lives:
        floors, is_owned = {}, set()
        for said in life.events:
            if not is_alive(life, said["at"]):
                break
            event = said["event"]
            if event == "assigned":
                for partition in said["partitions"]:
                    is_owned.add(partition)
                    found = commits.before(partition, said["at"])
                    how = f"assigned {clock(said['at'])}, generation {said.get('generation')}"
                    floors[partition] = (found[1], f"confirmed to {found[2]} at {clock(found[0])}, {how}") \
                        if found else (0, how)
            elif event in ("revoked", "lost"):
                is_owned.difference_update(said["partitions"])
            elif event == "committed":
                for partition, offset in said["offsets"].items():
                    if offset > floors.get(int(partition), (0,))[0]:
                        own = f"confirmed to itself at {clock(said['at'])} in the same generation"
                        floors[int(partition)] = (offset, own)
            elif event == "record":
                where = f"{history.kind}: partition {said['partition']} offset {said['offset']}: "
                floor, why = floors.get(said["partition"], (0, "never assigned"))
                if said["partition"] not in is_owned:
                    wrong.append(f"{where}{life.name} read it at {clock(said['at'])} without owning it")
                elif said["offset"] < floor:
                    wrong.append(f"{where}{life.name} read it at {clock(said['at'])} below {floor} ({why})")
    return wrong


def check_committed(history):
    """What OffsetFetch answered is never below what was confirmed to a member before it was asked."""
    commits = Commits(confirmed_commits(history))
    wrong = []
    for at, offsets in sorted(history.fetched, key=lambda fetched: fetched[0]):
        for partition, offset in sorted(offsets.items()):
            found = commits.before(partition, at)
            if found and offset < found[1]:
                wrong.append(f"{history.kind}: partition {partition}: OffsetFetch at {clock(at)} gave {offset}, "
                             f"but {found[1]} was confirmed to {found[2]} at {clock(found[0])}")
    return wrong


def moves(history):
    """(begin, end) of each time a partition was between the callbacks of its owners.

    From the revoke or loss by one to the next assignment of it, which may be to the same member.
    """
    begins = collections.defaultdict(list)
    for life in history.lives:
        for said in of_life(life, "assigned"):
            for partition in said["partitions"]:
                begins[partition].append(said["at"])
    for life in history.lives:
        for interval in intervals(life):
            if interval.ended_by in ("revoked", "lost"):
                following = [begin for begin in begins[interval.partition] if begin >= interval.end]
                if following:
                    yield interval.end, min(following)


def joins(history):
    """(begin, end) of each time a member had started and had no assignment yet."""
    for life in history.lives:
        start = next(of_life(life, "start"), None)
        if start is not None:
            first = next(of_life(life, "assigned"), None)
            ends = [first["at"]] if first else []
            ends += [life.killed_at] if life.killed_at else []
            if ends:
                yield start["at"], min(ends)


def kills_in_rebalances(history):
    """How many kills fell between the first revoke or start and the last assign of a rebalance.

    Returns (while some partition was between its owners' callbacks, only while some member had
    started and had no assignment yet).
    """
    moving = joining = 0
    moved, joined = list(moves(history)), list(joins(history))
    for life in history.lives:
        if life.killed_at is not None:
            is_moving = any(begin < life.killed_at <= end for begin, end in moved)
            moving += is_moving
            joining += not is_moving and any(begin < life.killed_at <= end for begin, end in joined)
    return moving, joining


def check_kills(history, wanted):
    """As many kills as wanted, and one at least that fell into a rebalance."""
    kills = sum(life.killed_at is not None for life in history.lives)
    wrong = []
    if kills != wanted:
        wrong.append(f"{history.kind}: {kills} members killed, not {wanted}")
    if wanted and not sum(kills_in_rebalances(history)):
        wrong.append(f"{history.kind}: void: none of {kills} kills fell into a rebalance")
    return wrong


def check_ends(history):
    """Every process was killed or closed; none ended by itself."""
    return [f"{history.kind}: {life.name} ended by itself; it said last {life.events[-1:]}"
            for life in history.lives
            if life.killed_at is None and not any(of_life(life, "closed"))]
