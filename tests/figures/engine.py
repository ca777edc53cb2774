"""The Docker engine of this machine, for figures: an image made of busybox, and containers of it."""

import os
import shutil
import subprocess

IMAGE = "vpsmon-figures:1"


def docker(*arguments):
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout


def make_image(folder):
    os.makedirs(f"{folder}/image/bin")
    shutil.copy(shutil.which("busybox"), f"{folder}/image/bin/busybox")
    for name in ("sleep", "true", "sh"):
        os.symlink("busybox", f"{folder}/image/bin/{name}")
    tar = subprocess.run(["tar", "-C", f"{folder}/image", "-c", "."], check=True, capture_output=True).stdout
    subprocess.run(["docker", "import", "-", IMAGE], input=tar, check=True, capture_output=True)


def remove(names):
    subprocess.run(["docker", "rm", "-f", *names], capture_output=True)
    subprocess.run(["docker", "rmi", IMAGE], capture_output=True)
