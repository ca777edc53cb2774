#!/usr/bin/env python3
"""Writes random cron expressions with the times that croniter has them fire at, for tests/schedule/croniter.rs.

README.md beside this file says how to run it and what came of it.
"""

import argparse
import datetime
import json
import random
import sys
from zoneinfo import ZoneInfo

from croniter import croniter
from croniter.croniter import CroniterError

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]
FIRST_YEAR, LAST_YEAR = 2024, 2030
TIMES = 4

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
WEEKDAYS = "sun mon tue wed thu fri sat".split()
# Lowest and highest value, and the names with the value of the first.
FIELDS = [(0, 59, [], 0), (0, 23, [], 0), (1, 31, [], 0), (1, 12, MONTHS, 1), (0, 7, WEEKDAYS, 0)]
DAY_OF_MONTH, DAY_OF_WEEK = 2, 4


def random_item(rng, index):
    low, high, names, first = FIELDS[index]

    def value(number):
        if names and number - first < len(names) and rng.random() < 0.4:
            return names[number - first]
        return str(number)

    one, other = rng.randint(low, high), rng.randint(low, high)
    shape = rng.choices(
        ["value", "range", "range/step", "value/step", "*/step", "contested", "extension"], [40, 24, 12, 6, 12, 1, 1]
    )[0]
    step = rng.randint(1, max(2, (high - low) // 2))
    if shape == "extension" and index == DAY_OF_MONTH:
        return rng.choice(["L", f"{one}W"])
    if shape == "extension" and index == DAY_OF_WEEK:
        return rng.choice([f"{one}#{rng.randint(1, 5)}", f"L{one}"])
    if shape in ("range", "range/step"):
        first, last = sorted(rng.sample(range(low, high + 1), 2))
        return f"{value(first)}-{value(last)}" + (f"/{step}" if shape == "range/step" else "")
    if shape == "value/step":
        return f"{value(one)}/{step}"
    if shape == "*/step":
        return f"*/{step}"
    if shape == "contested":
        return rng.choice([f"{value(max(one, other))}-{value(min(one, other))}", f"{value(one)}-{value(one)}"])
    return value(one)


def random_field(rng, index):
    if rng.random() < [0.15, 0.25, 0.45, 0.6, 0.5][index]:
        return "*"
    return ",".join(random_item(rng, index) for _ in range(rng.choices([1, 2, 3], [6, 3, 1])[0]))


def clock_changes(zone):
    """The hours in which the zone's offset changes."""
    moment = datetime.datetime(FIRST_YEAR, 1, 1, tzinfo=datetime.timezone.utc)
    hour = datetime.timedelta(hours=1)
    changes = []
    while moment.year < LAST_YEAR:
        if (moment + hour).astimezone(zone).utcoffset() != moment.astimezone(zone).utcoffset():
            changes.append(moment)
        moment += hour
    return changes


def random_case(rng, changes):
    """An expression and a start. Half of them begin within the day before a clock change, where the zone has any, and
    half of these fire in its night."""
    fields = [random_field(rng, index) for index in range(len(FIELDS))]
    if changes and rng.random() < 0.5:
        start = rng.choice(changes) - datetime.timedelta(minutes=rng.randint(0, 24 * 60))
        if rng.random() < 0.5:
            hours = [str(rng.randint(0, 3)), f"{rng.randint(0, 1)}-{rng.randint(2, 4)}", "*", "*/2", f"{rng.randint(1, 2)},9"]
            fields[1:] = [rng.choice(hours), "*", "*", "*"]
    else:
        first = datetime.datetime(FIRST_YEAR, 1, 1, tzinfo=datetime.timezone.utc)
        start = first + datetime.timedelta(minutes=rng.randint(0, (LAST_YEAR - FIRST_YEAR) * 365 * 24 * 60))
    return " ".join(fields), start.replace(second=rng.choice([0, rng.randint(0, 59)]))


def answers(expression, start):
    """The next times in UTC, or None where croniter refuses or finds none."""
    try:
        times = croniter(expression, start, ret_type=datetime.datetime)
        found = [times.get_next() for _ in range(TIMES)]
    except CroniterError:
        return None
    return [time.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ") for time in found]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    zones = [(name, ZoneInfo(name)) for name in ZONES]
    changes = {name: clock_changes(zone) for name, zone in zones}
    cases = []
    for number in range(arguments.count):
        name, zone = zones[number % len(zones)]
        expression, start = random_case(rng, changes[name])
        after = start.strftime("%Y-%m-%dT%H:%M:%SZ")
        times = answers(expression, start.astimezone(zone))
        cases.append({"cron": expression, "zone": name, "after": after, "next": times})
    sys.stdout.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
