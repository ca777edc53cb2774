#!/usr/bin/env python3
"""What a power cut leaves of the history: the image of a disk at an instant, taken up as after a start.

usage: power_cut.py VPS_MONITOR [TRIALS]     (as root; it needs losetup, and btrfs for a copy of one instant)

The child writes to ext4 in an image whose folder is btrfs. At a random instant the image is cloned, which is one instant
of it, with all that was written and nothing that still waited in memory. The clone is mounted, so ext4 replays its journal,
and the history opened, so SQLite rolls back a batch that was cut off. Then: is the file whole, is no batch there in part,
is every batch there that was answered before. Half of the instants are in a batch, half just after its answer. A writer of
this script's own with synchronous=FULL is tried in the same way: that one loses answered batches. The disk keeps what it
was given: one with a cache of its own that it does not write at a flush is worse.
"""

import fcntl
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time

import recorder

ROWS = 5
FICLONE = 0x40049409
LONGEST = 0.008


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Disk:
    """An ext4 whose image can be cloned at any instant."""

    def __init__(self, folder):
        self.folder = folder
        self.state, self.after = f"{folder}/state", f"{folder}/after"
        self.outer, self.image = f"{folder}/outer", f"{folder}/outer/image"
        for made in (self.state, self.after, self.outer):
            os.mkdir(made)
        with open(f"{folder}/outer.img", "wb") as file:
            file.truncate(600 << 20)
        run("mkfs.btrfs", "-q", f"{folder}/outer.img")
        run("mount", "-o", "loop,noatime", f"{folder}/outer.img", self.outer)
        with open(self.image, "wb") as file:
            file.truncate(24 << 20)
        run("mkfs.ext4", "-q", "-F", self.image)
        run("mount", "-o", "loop", self.image, self.state)

    def cut(self):
        """The clone of this instant."""
        with open(self.image, "rb") as image, open(f"{self.outer}/cut", "wb") as clone:
            fcntl.ioctl(clone, FICLONE, image.fileno())

    def look(self):
        """Whether the history of the clone is whole, whether a batch was taken back, and the times of its checks."""
        run("mount", "-o", "loop", f"{self.outer}/cut", self.after)
        try:
            names = os.listdir(self.after)
            connection = sqlite3.connect(f"{self.after}/history.db")
            is_whole = connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            times = {time for time, in connection.execute("SELECT t FROM raw")} if has_rows(connection) else set()
            connection.close()
            return is_whole, "history.db-journal" in names, times
        finally:
            run("umount", self.after)

    def close(self):
        for mounted in (self.after, self.state, self.outer):
            subprocess.run(["umount", mounted], stderr=subprocess.DEVNULL)


def has_rows(connection):
    return connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'raw'").fetchone()[0] > 0


def batch_times(number):
    return [recorder.START + 300 * number + 60 * check for check in range(1, ROWS + 1)]


class Agents:
    """The child as it is: synchronous=EXTRA."""

    name = "EXTRA, the agent's child"

    def __init__(self, binary):
        self.binary = binary
        self.kinds = recorder.series(30)

    def start(self, folder, number):
        chance = random.Random(number)
        rows = [(time, recorder.values(self.kinds, chance, time)) for time in batch_times(number)]
        child = recorder.start(self.binary, folder, recorder.order(self.kinds, rows, 60))
        os.set_blocking(child.stdout.fileno(), False)
        return child

    def is_answered(self, child):
        return b'"Ok"' in (child.stdout.read() or b"")


class Full:
    """The same with synchronous=FULL: the journal's removal is not synced."""

    name = "FULL, for comparison"

    def start(self, folder, number):
        script = (
            "import sqlite3, sys\n"
            f"c = sqlite3.connect({folder + '/history.db'!r}, isolation_level=None)\n"
            "c.executescript('PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL; BEGIN IMMEDIATE;"
            " CREATE TABLE IF NOT EXISTS raw(t INTEGER PRIMARY KEY, v TEXT)')\n"
            f"for t in {batch_times(number)!r}: c.execute('INSERT INTO raw VALUES(?, ?)', (t, 'x' * 200))\n"
            "input()\nc.execute('COMMIT')\nprint('\"Ok\"', flush=True)\ninput()\n"
        )
        child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        time.sleep(0.1)
        child.stdin.write(b"\n")
        child.stdin.flush()
        os.set_blocking(child.stdout.fileno(), False)
        return child

    def is_answered(self, child):
        return b'"Ok"' in (child.stdout.read() or b"")


def trials(disk, writer, count):
    chance = random.Random(7)
    written, found = set(), {"damaged": 0, "half": 0, "lost": 0, "taken back": 0, "in a batch": 0}
    if os.path.exists(f"{disk.state}/history.db"):
        os.unlink(f"{disk.state}/history.db")
    os.sync()
    for number in range(count):
        child = writer.start(disk.state, number)
        answered = False
        if number % 2:
            time.sleep(chance.uniform(0, LONGEST))
            answered = writer.is_answered(child)
        else:
            while not answered and child.poll() is None:
                answered = writer.is_answered(child)
            time.sleep(chance.uniform(0, 0.001))
        if answered:
            written.update(batch_times(number))
        found["in a batch"] += not answered
        if os.path.exists(f"{disk.state}/history.db"):
            disk.cut()
        child.kill()
        child.wait()
        if not os.path.exists(f"{disk.outer}/cut"):
            continue
        is_whole, was_cut, times = disk.look()
        found["damaged"] += not is_whole
        found["taken back"] += was_cut
        found["half"] += len(times.intersection(batch_times(number))) not in (0, ROWS)
        found["lost"] += not times.issuperset(written)
        # Each is counted once.
        written &= times
    print(f"{writer.name}: {count} power cuts, {found['in a batch']} of them before the answer; journals rolled back "
          f"{found['taken back']}, damaged {found['damaged']}, half batches {found['half']}, answered batches lost "
          f"{found['lost']}")
    return found


def main(binary, count):
    with tempfile.TemporaryDirectory() as folder:
        disk = Disk(folder)
        try:
            own = trials(disk, Agents(binary), count)
            full = trials(disk, Full(), count)
        finally:
            disk.close()
    if full["lost"] == 0:
        raise SystemExit("this machine's cuts show nothing: FULL lost no batch either")
    if own["damaged"] or own["half"] or own["lost"]:
        raise SystemExit(1)


if len(sys.argv) not in (2, 3):
    sys.exit(__doc__)
main(os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) == 3 else 60)
