"""The schedule: whatever workers do, every chain is made once or the reason is told, and nobody is left at work."""

import asyncio
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from comfyui_longtake.errors import LongTakeError, UsageError
from comfyui_longtake.farm import schedule
from comfyui_longtake.farm.chains import Chain
from comfyui_longtake.farm.folder import ChainHeld
from comfyui_longtake.farm.schedule import Lost, Schedule, Unfit
from hypothesis import given, settings
from hypothesis import strategies as st


class Place:
    """The folder of a chain in memory."""

    def __init__(self, key, done):
        self.key, self.all = key, done

    @property
    def done(self):
        return self.key in self.all


class Folder:
    """A film's folder in memory."""

    def __init__(self):
        self.done = set()

    @contextmanager
    def hold_chain(self, chain):
        yield Place(chain.key, self.done)


class Board:
    """Notes what it is told."""

    def __init__(self):
        self.events, self.notes = [], []

    def begun(self, chain, worker):
        self.events.append(("begun", chain.number, worker))

    def moved(self, chain, share, words):
        pass

    def done(self, chain, worker, seconds):
        self.events.append(("done", chain.number, worker))

    def gave_up(self, chain):
        self.events.append(("gave up", chain.number, ""))

    def note(self, text):
        self.notes.append(text)


class Worker:
    """Makes chains; `acts` says what it does instead, one a chain, then it works."""

    def __init__(self, name, folder, acts=(), load=0):
        self.name, self.folder, self.acts, self.load = name, folder, list(acts), load
        self.at_work, self.made, self.stopped = 0, [], False

    async def busy(self):
        if self.acts and self.acts[0] == "away":
            self.acts.pop(0)
            raise Lost(f"{self.name} is away")
        if self.acts and self.acts[0] == "unfit":
            raise Unfit(f"{self.name} has no model")
        return self.load

    async def make(self, chain, folder, board):
        self.at_work += 1
        assert self.at_work == 1
        try:
            act = self.acts.pop(0) if self.acts else "work"
            await asyncio.sleep(0)
            if act == "lose":
                raise Lost(f"{self.name} went away")
            if act == "fail":
                raise LongTakeError("no memory")
            self.made.append(chain.number)
            self.folder.done.add(chain.key)
        finally:
            self.at_work -= 1

    async def stop(self):
        self.stopped = True


def chains_of(count):
    return [Chain(number, (), f"{number:064}") for number in range(1, count + 1)]


def run(workers, count, folder, patience=0.2):
    board = Board()
    plan = Schedule(workers, folder, board, patience)
    asyncio.run(asyncio.wait_for(plan.run(chains_of(count)), 20))
    return board


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(schedule, "AGAIN", 0.01)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(["away", "lose", "fail", "work", "unfit"]), max_size=5), min_size=1, max_size=4),
    st.integers(1, 7),
)
def test_whatever_they_do(acts, count):
    folder = Folder()
    workers = [Worker(f"w{number}", folder, some, load=number % 2) for number, some in enumerate(acts)]
    try:
        board = run(workers, count, folder)
    except LongTakeError as error:
        assert "\n" not in str(error) and any(act in ("unfit", "lose", "fail", "away") for some in acts for act in some)
    else:
        assert sorted(n for worker in workers for n in worker.made) == list(range(1, count + 1)), "each chain once"
        done = [number for kind, number, _ in board.events if kind == "done"]
        assert sorted(done) == list(range(1, count + 1))
        begun = sum(kind == "begun" for kind, *_ in board.events)
        assert begun == count + sum(kind == "gave up" for kind, *_ in board.events)
    assert all(worker.stopped and not worker.at_work for worker in workers)


def test_a_chain_that_nobody_else_can_try_is_said():
    """The other worker never comes: the chain's own failure is told, not waited on for ever."""
    folder = Folder()
    with pytest.raises(LongTakeError, match=r"^chain 1: no memory"):
        run([Worker("good", folder, ["fail"] * 9), Worker("away", folder, ["away"] * 999)], 1, folder)


def test_a_busy_worker_takes_what_an_idle_one_failed_at():
    folder = Folder()
    busy = Worker("busy", folder, load=3)
    run([Worker("idle", folder, ["fail"] * 9), busy], 1, folder)
    assert busy.made == [1]


def test_a_worker_that_takes_long_to_start_is_waited_for():
    folder = Folder()
    slow = Worker("slow", folder, ["lose"])

    async def busy():
        await asyncio.sleep(0.5 if slow.made or not slow.acts else 0)
        return 0

    slow.busy = busy
    run([slow], 2, folder, patience=0.1)
    assert slow.made == [1, 2]


def test_a_chain_that_is_not_done_is_not_taken_for_done():
    folder = Folder()
    liar = Worker("liar", folder)

    async def make(chain, folder, board):
        await asyncio.sleep(0)

    liar.make, good = make, Worker("good", folder)
    board = run([liar, good], 4, folder)
    assert sorted(good.made) == [1, 2, 3, 4] and any("says that the chain is done, and it is not" in note for note in board.notes)


def test_a_chain_that_another_command_makes_is_waited_for():
    folder, looks = Folder(), []

    @contextmanager
    def hold(chain):
        looks.append(chain.number)
        if len(looks) < 4:
            raise ChainHeld(f"chain {chain.number}: another command is making it")
        yield SimpleNamespace(done=True)

    folder.hold_chain = hold
    board = run([Worker("a", folder)], 1, folder)
    assert looks == [1] * 4 and board.notes == ["chain 1: another command is making it"]


def test_wrong_use_ends_the_film_at_once():
    folder = Folder()
    worker, other = Worker("a", folder), Worker("b", folder)

    async def full(chain, folder, board):
        raise UsageError("the disk is full")

    worker.make = other.make = full
    with pytest.raises(UsageError, match=r"^the disk is full$"):
        run([worker, other], 3, folder)


def test_the_least_busy_comes_first():
    folder = Folder()
    board = run([Worker("busy", folder, load=3), Worker("idle", folder), Worker("some", folder, load=1)], 1, folder)
    assert board.events[0] == ("begun", 1, "idle")


def test_a_chain_that_fails_on_two_fails():
    folder = Folder()
    workers = [Worker("a", folder, ["fail"] * 9), Worker("b", folder, ["fail"] * 9)]
    with pytest.raises(LongTakeError, match=r"chain [12]: no memory"):
        run(workers, 2, folder)


def test_one_who_loses_every_chain_gets_no_more():
    folder = Folder()
    losing, good = Worker("losing", folder, ["lose"] * 99), Worker("good", folder)
    board = run([losing, good], 30, folder)
    assert len(good.made) == 30 and len(losing.acts) >= 99 - schedule.LOSSES
    assert any("nothing more is given to losing" in note for note in board.notes)


def test_nobody_left_is_said_with_every_reason():
    folder = Folder()
    with pytest.raises(LongTakeError, match="chains left: 2, and nobody to make them: a is away; b has no model; the same command"):
        run([Worker("a", folder, ["away"] * 999), Worker("b", folder, ["unfit"])], 2, folder)


def test_what_is_there_is_not_made():
    folder = Folder()
    folder.done = {chain.key for chain in chains_of(3)}
    worker = Worker("a", folder)
    board = run([worker], 3, folder)
    assert not worker.made and sum(kind == "done" for kind, *_ in board.events) == 3


def test_a_stop_leaves_nobody_at_work():
    folder = Folder()
    workers = [Worker("a", folder), Worker("b", folder)]

    async def hang(chain, folder, board):
        await asyncio.sleep(60)

    for worker in workers:
        worker.make = hang

    async def stopped():
        task = asyncio.create_task(Schedule(workers, folder, Board(), 1).run(chains_of(5)))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return len(asyncio.all_tasks())

    assert asyncio.run(stopped()) == 1
    assert all(worker.stopped for worker in workers)
