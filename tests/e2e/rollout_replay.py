"""A rollout's history gone through again, entry by entry: each must follow from what stands before it."""
import collections
import itertools

BUSY = ("offered", "downloading", "downloaded", "installing", "verifying")
ENDED = ("succeeded", "failed", "rejected", "timed_out", "canceled", "superseded")
ERRORS = ("failed", "rejected", "timed_out")


def whole_history(curl, rollout: int = 1) -> list:
    """All of it, oldest first, page by page."""
    entries, cursor = [], ""
    while cursor is not None:
        answer = curl("GET", f"/api/v1/rollouts/{rollout}/history?limit=500{cursor}")
        assert answer.status == 200, answer.json
        entries += answer.json["history"]
        cursor = f"&cursor={answer.json['next']}" if answer.json["next"] else None
    return entries


class Replay:
    """What stands where in a rollout with groups of these sizes, and so many in flight at most."""

    def __init__(self, sizes: list, in_flight: int, success_threshold: int = 80):
        self.sizes, self.in_flight, self.success_threshold = sizes, in_flight, success_threshold
        self.rollout = ""
        self.groups = ["scheduled"] * len(self.sizes)
        self.devices = {}  # the states of those that the history knows
        self.group_of = {}
        self.offers = collections.Counter()
        self.errors_at_stop = None
        self._busy = 0

    def of_group(self, index: int, states: tuple) -> int:
        """How many devices of a group are in one of these states."""
        return sum(state in states for endpoint, state in self.devices.items() if self.group_of[endpoint] == index)

    def run(self, entries: list) -> "Replay":
        for before, after in itertools.pairwise(entries):
            assert before["id"] < after["id"] and before["at_ms"] <= after["at_ms"]
        for entry in entries:
            if entry["deployment_id"] is not None:
                self._device(entry)
            elif entry["group_index"] is not None:
                self._group(entry)
            else:
                self._rollout(entry)
        return self

    def _rollout(self, entry: dict):
        assert entry["from"] == self.rollout, entry
        if (entry["from"], entry["to"]) == ("running", "paused"):
            self.errors_at_stop = sum(state in ERRORS for state in self.devices.values())
        self.rollout = entry["to"]

    def _group(self, entry: dict):
        index, to = entry["group_index"], entry["to"]
        assert entry["from"] == self.groups[index], entry
        if to == "running":
            assert self.rollout == "running" and set(self.groups[:index]) <= {"succeeded"}, entry
        if to == "succeeded":
            assert self.of_group(index, ENDED) == self.sizes[index], entry
            assert self.of_group(index, ("succeeded",)) * 100 >= self.success_threshold * self.sizes[index], entry
        self.groups[index] = to

    def _device(self, entry: dict):
        endpoint, before, after = entry["endpoint"], entry["from"], entry["to"]
        assert before == self.devices.get(endpoint, "pending"), entry
        assert self.group_of.setdefault(endpoint, entry["group_index"]) == entry["group_index"], entry
        if (before, after) == ("pending", "offered"):
            assert (self.rollout, self.groups[entry["group_index"]]) == ("running", "running"), entry
            self.offers[endpoint] += 1
        self.devices[endpoint] = after
        self._busy += (after in BUSY) - (before in BUSY)
        assert self._busy <= self.in_flight, entry
