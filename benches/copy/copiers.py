"""The programs that are measured: how each is asked to copy a set of files, and what must be there then."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from servers import KEY, SECRET
from sources import FileSet, items, write_catalog, write_collection

BUCKET = "bench"


@dataclass(frozen=True)
class Copier:
    """A program, and how many files it copies at once where it can be told."""

    name: str
    program: str
    jobs: int

    def version(self) -> str:
        asked = [self.program, "version"] if self.name == "rclone" else [self.program, "--version"]
        if self.name == "stac-asset":
            asked = [
                str(Path(self.program).with_name("python")),
                "-c",
                "from importlib.metadata import version as v; print('stac-asset', v('stac-asset'))",
            ]
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.splitlines()
        return " ".join(said[0].split()[:2]) if said else self.name

    def to_disk(self, files: FileSet, url: str, folder: Path) -> list[str]:
        """Readies the folder; the command that copies the files into `folder/files`."""
        at = folder / "files"
        at.mkdir(parents=True)
        if self.name == "seedbed":
            return self.seedbed(files, url, folder, str(at))
        if self.name == "rclone":
            return self.rclone(files, url, str(at))
        if self.name == "curl":
            config = folder / "curl.txt"
            config.write_text(
                "".join(f'url = "{url}/{files.name}/{f.name}"\noutput = "{at}/{f.name}"\n' for f in files.files)
            )
            return [
                self.program,
                "--silent",
                "--show-error",
                "--fail",
                "-Z",
                "--parallel-max",
                str(self.jobs),
                "-K",
                str(config),
            ]
        write_collection(items(files, url), folder / "items.json")
        return [self.program, "download", "--quiet", str(folder / "items.json"), str(at)]

    def to_bucket(self, files: FileSet, url: str, folder: Path) -> list[str]:
        """Readies the folder; the command that copies the files into the bucket of the environment's S3 service."""
        folder.mkdir(parents=True)
        if self.name == "seedbed":
            return self.seedbed(files, url, folder, f"s3://{BUCKET}/files")
        return self.rclone(files, url, f":s3,provider=SeaweedFS,env_auth:{BUCKET}/files")

    def seedbed(self, files: FileSet, url: str, folder: Path, to: str) -> list[str]:
        write_catalog(items(files, url), folder / "catalog")
        command = [
            self.program,
            "--quiet",
            "--no-progress",
            "copy",
            str(folder / "catalog"),
            "--assets",
            "data",
            "--to",
            to,
        ]
        return command + ["--jobs", str(self.jobs)]

    def rclone(self, files: FileSet, url: str, to: str) -> list[str]:
        command = [self.program, "--config", os.devnull, "copy", "--http-url", url, f":http:{files.name}", to]
        return command + ["--transfers", str(self.jobs), "--multi-thread-streams", "4"]


def bucket_environment(url: str) -> dict[str, str]:
    """What tells seedbed and rclone alike where the S3 service is, and who we are there."""
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    return os.environ | keys | {"AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1"}


def found(jobs: int) -> list[Copier]:
    """The programs that are here, seedbed first; says of the others that they are not measured."""
    programs = {
        "seedbed": os.environ.get("SEEDBED") or "seedbed",
        "curl": "curl",
        "rclone": "rclone",
        "stac-asset": os.environ.get("STAC_ASSET") or "stac-asset",
    }
    copiers = []
    for name, program in programs.items():
        path = shutil.which(program)
        if path:
            copiers.append(Copier(name, path, jobs))
        elif name == "seedbed":
            raise SystemExit(f"{program} is not there")
        else:
            print(f"skipped: {name} is not there")
    return copiers


def sums_of(files: FileSet, folder: Path) -> Path:
    """Writes a list for `sha256sum --check` of the copies, wherever in the folder they are.

    Stops if a file is missing or has another size: a program that says it has
    copied what it hasn't is not to be measured.
    """
    there = {path.name: path for path in (folder / "files").rglob("*.bin")}
    for file in files.files:
        path = there.get(file.name)
        if path is None or path.stat().st_size != file.size:
            raise SystemExit(f"{folder.name}: {file.name} was not copied whole")
    sums = folder / "SHA256SUMS"
    sums.write_text("".join(f"{f.sha256}  {there[f.name]}\n" for f in files.files))
    return sums
