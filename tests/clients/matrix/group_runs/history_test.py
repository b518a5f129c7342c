"""The checks of history.py find what made-up histories have wrong: `groups kills --self-test`."""

import unittest

from . import history
from .history import History, Life


def life(name, *events, killed_at=None):
    """`events` are (time, name, what)."""
    said = []
    for at, event, what in events:
        fields = {
            "assigned": lambda: {"partitions": what, "generation": 1},
            "revoked": lambda: {"partitions": what},
            "lost": lambda: {"partitions": what},
            "record": lambda: {"partition": what[0], "offset": what[1], "value": f"v{what[1]}"},
            "committed": lambda: {"offsets": {str(what[0]): what[1]}},
            "start": dict,
            "closed": dict,
        }[event]()
        said.append({"at": at, "event": event, **fields})
    return Life(name, said, killed_at)


def of(*lives, **more):
    return History("made-up", list(lives), **more)


class Owned(unittest.TestCase):
    def test_handed_over(self):
        a = life("a", (1, "assigned", [0, 1]), (5, "revoked", [0]), (9, "closed", None))
        b = life("b", (5.001, "assigned", [0]), (9, "closed", None))
        self.assertEqual(history.check_owned(of(a, b)), ([], []))

    def test_overlap(self):
        a = life("a", (1, "assigned", [0]), (5, "revoked", [0]))
        b = life("b", (4.999, "assigned", [0]), (9, "closed", None))
        wrong, fenced = history.check_owned(of(a, b))
        self.assertEqual((len(wrong), fenced), (1, []))
        self.assertIn("partition 0 owned twice: a (generation 1) 00:01.000000 to 00:05.000000", wrong[0])

    def test_overlap_with_one_that_owns_long(self):
        a = life("a", (1, "assigned", [0]), (50, "revoked", [0]))
        b = life("b", (10, "assigned", [0]), (11, "revoked", [0]))
        c = life("c", (20, "assigned", [0]), (21, "revoked", [0]))
        self.assertEqual(len(history.check_owned(of(a, b, c))[0]), 2)

    def test_death_ends_ownership(self):
        a = life("a", (1, "assigned", [0]), killed_at=5)
        b = life("b", (5.5, "assigned", [0]), (9, "closed", None))
        self.assertEqual(history.check_owned(of(a, b)), ([], []))

    def test_overlap_before_death(self):
        a = life("a", (1, "assigned", [0]), killed_at=5)
        b = life("b", (4.5, "assigned", [0]), (9, "closed", None))
        self.assertEqual(len(history.check_owned(of(a, b))[0]), 1)

    def test_assigned_between_kill_and_death(self):
        a = life("a", (5.01, "assigned", [0]), killed_at=5)
        b = life("b", (1, "assigned", [0]), (9, "closed", None))
        self.assertEqual(history.check_owned(of(a, b)), ([], []))

    def overlap_ending(self, *commits, by="lost"):
        events = [(1, "assigned", [0, 1]), *((at, "committed", what) for at, what in commits), (25, by, [0])]
        b = life("b", (20, "assigned", [0]), (30, "closed", None))
        return tuple(len(found) for found in history.check_owned(of(life("a", *events), b)))

    def test_fenced_after_a_silence(self):
        self.assertEqual(self.overlap_ending((13, (0, 7))), (0, 1))

    def test_revoked_after_a_silence(self):
        self.assertEqual(self.overlap_ending((13, (0, 7)), by="revoked"), (1, 0))

    def test_lost_without_a_silence(self):
        self.assertEqual(self.overlap_ending((13, (0, 7)), (15, (1, 7))), (1, 0))

    def test_fenced_and_yet_committing(self):
        self.assertEqual(self.overlap_ending((13, (0, 7)), (22, (0, 8))), (1, 0))


class Processed(unittest.TestCase):
    acknowledged = {(0, 0): "v0", (0, 1): "v1"}

    def test_all(self):
        a = life("a", (1, "assigned", [0]), (2, "record", (0, 0)), (2, "record", (0, 1)))
        self.assertEqual(history.check_processed(of(a, acknowledged=self.acknowledged)), [])

    def test_lost(self):
        a = life("a", (1, "assigned", [0]), (2, "record", (0, 0)))
        (wrong,) = history.check_processed(of(a, acknowledged=self.acknowledged))
        self.assertIn("partition 0 offset 1: 'v1' was acknowledged and never processed", wrong)

    def test_another(self):
        a = life("a", (1, "assigned", [0]), (2, "record", (0, 0)))
        self.assertEqual(len(history.check_processed(of(a, acknowledged={(0, 0): "other"}))), 1)


class Repeats(unittest.TestCase):
    def test_again_before_the_commit(self):
        a = life("a", (1, "assigned", [0]), (2, "record", (0, 0)), killed_at=3)
        b = life("b", (4, "assigned", [0]), (5, "record", (0, 0)), (6, "committed", (0, 1)))
        self.assertEqual(history.check_repeats(of(a, b)), [])

    def test_again_in_the_same_generation(self):
        a = life("a", (1, "assigned", [0]), (2, "record", (0, 0)), (3, "committed", (0, 1)),
                 (4, "record", (0, 0)))
        (wrong,) = history.check_repeats(of(a))
        self.assertIn("offset 0: a read it at 00:04.000000 below 1 (confirmed to itself", wrong)

    def test_again_by_a_later_owner(self):
        a = life("a", (1, "assigned", [0]), (2, "record", (0, 0)), (3, "committed", (0, 1)), killed_at=3.5)
        b = life("b", (4, "assigned", [0]), (5, "record", (0, 0)))
        (wrong,) = history.check_repeats(of(a, b))
        self.assertIn("below 1 (confirmed to a at 00:03.000000", wrong)

    def test_confirmed_after_the_assignment(self):
        a = life("a", (1, "assigned", [0]), (2, "record", (0, 0)), (3, "revoked", [0]),
                 (4.1, "committed", (0, 1)))
        b = life("b", (4, "assigned", [0]), (5, "record", (0, 0)))
        self.assertEqual(history.check_repeats(of(a, b)), [])

    def test_read_without_owning(self):
        a = life("a", (1, "assigned", [0]), (2, "revoked", [0]), (3, "record", (0, 0)))
        self.assertEqual(len(history.check_repeats(of(a))), 1)


class Committed(unittest.TestCase):
    lives = (life("a", (1, "assigned", [0]), (3, "committed", (0, 7)), (5, "committed", (0, 9))),)

    def test_not_back(self):
        fetched = [(4, {0: 7}), (5, {0: 7}), (6, {0: 9})]
        self.assertEqual(history.check_committed(of(*self.lives, fetched=fetched)), [])

    def test_back(self):
        (wrong,) = history.check_committed(of(*self.lives, fetched=[(6, {0: 8})]))
        self.assertIn("OffsetFetch at 00:06.000000 gave 8, but 9 was confirmed to a at 00:05", wrong)

    def test_gone(self):
        self.assertEqual(len(history.check_committed(of(*self.lives, fetched=[(4, {0: -1})]))), 1)


class Kills(unittest.TestCase):
    def test_none_in_a_rebalance(self):
        a = life("a", (1, "start", None), (2, "assigned", [0]), killed_at=5)
        b = life("b", (1, "start", None), (2, "assigned", [1]), (6, "revoked", [1]), (7, "assigned", [0, 1]))
        (wrong,) = history.check_kills(of(a, b), 1)
        self.assertIn("void", wrong)

    def test_while_another_had_revoked(self):
        a = life("a", (1, "start", None), (2, "assigned", [0]), killed_at=6.5)
        b = life("b", (1, "start", None), (2, "assigned", [1]), (6, "revoked", [1]), (7, "assigned", [0, 1]))
        self.assertEqual(history.kills_in_rebalances(of(a, b)), (1, 0))

    def test_while_a_partition_moves(self):
        a = life("a", (1, "start", None), (2, "assigned", [0, 1]), (6, "revoked", [1]), (6.01, "assigned", []))
        b = life("b", (1, "start", None), (2, "assigned", []), (7, "assigned", [1]))
        c = life("c", (1, "start", None), (2, "assigned", [2]), killed_at=6.5)
        self.assertEqual(history.kills_in_rebalances(of(a, b, c)), (1, 0))

    def test_before_its_first_assignment(self):
        a = life("a", (1, "start", None), killed_at=2)
        self.assertEqual(history.kills_in_rebalances(of(a)), (0, 1))
        self.assertEqual(history.check_kills(of(a), 1), [])

    def test_before_it_started(self):
        self.assertEqual(history.kills_in_rebalances(of(life("a", killed_at=2))), (0, 0))

    def test_one_too_few(self):
        a = life("a", (1, "start", None), killed_at=2)
        self.assertEqual(len(history.check_kills(of(a), 2)), 1)


class Ends(unittest.TestCase):
    def test_by_itself(self):
        closed = life("a", (1, "start", None), (2, "closed", None))
        killed = life("b", (1, "start", None), killed_at=2)
        self.assertEqual(history.check_ends(of(closed, killed)), [])
        self.assertEqual(len(history.check_ends(of(life("c", (1, "start", None))))), 1)
