#!/usr/bin/env python3
"""Bakes the glyphs that a picture needs into src/chart/font/*.bin.

The font is Noto Sans CJK SC (Debian: fonts-noto-cjk, python3-fonttools); OFL.txt is its licence. The characters are ASCII, a few
marks, every Chinese character in a text of src/metric, src/message, src/collect and src/chart, and those of hosts.txt.
Bold has ASCII, the labels and hosts.txt. Run it from the repository's root after a change of words.

A file: a u16 number of glyphs; for each, sorted, a u24 code point, a u16 advance, a u24 offset; then outlines. All little endian,
in units of 1/500 em, y downward from the baseline. An outline: the number of contours; of each the start and the number of
segments; of each segment a number whose lowest bit says curve, then the rest of 1 or 3 steps. Numbers are zigzag varints.
"""

import pathlib
import re

from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont

FONTS = "/usr/share/fonts/opentype/noto/NotoSansCJK-%s.ttc"
SIMPLIFIED = 2  # The face of the collection.
MARKS = "·…，。、：；（）—“”°"
ROOT = pathlib.Path(__file__).resolve().parents[2]


def chinese(text):
    return set(re.findall("[\u4e00-\u9fff]", text))


def characters():
    ascii_and_marks = {chr(code) for code in range(32, 127)} | set(MARKS)
    hosts = chinese((ROOT / "share/font/hosts.txt").read_text("utf-8"))
    regular, bold = set(), set()
    for folder in ["metric", "message", "collect", "chart"]:
        for path in (ROOT / "src" / folder).rglob("*.rs"):
            if path.name in ("tests.rs", "sample.rs"):
                continue
            source = path.read_text("utf-8").split("#[cfg(test)]\nmod tests {")[0]
            lines = [line for line in source.splitlines() if not line.lstrip().startswith("//")]
            regular |= chinese("\n".join(lines))
            bold |= chinese("".join(re.findall('label: Label \\{ zh: "([^"]*)"', source)))
    bold |= set("告警正常未知容器流量磁盘")
    return ascii_and_marks | regular | hosts | bold, ascii_and_marks | bold | hosts


def zigzag(number):
    return number * 2 if number >= 0 else -number * 2 - 1


def varint(number):
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def outline(glyphs, name):
    pen = DecomposingRecordingPen(glyphs)
    glyphs[name].draw(pen)
    contours, at = [], (0, 0)
    for verb, points in pen.value:
        points = [(round(x / 2), round(-y / 2)) for x, y in points]
        if verb == "moveTo":
            contours.append((points[0], []))
        elif verb in ("lineTo", "curveTo"):
            contours[-1][1].append(points)
    out = bytearray(varint(len(contours)))

    def step(point, flag=None):
        nonlocal at
        x, y = zigzag(point[0] - at[0]), zigzag(point[1] - at[1])
        at = point
        return varint(x if flag is None else x * 2 + flag) + varint(y)

    for start, segments in contours:
        out += step(start) + varint(len(segments))
        for points in segments:
            for index, point in enumerate(points):
                out += step(point, int(len(points) == 3) if index == 0 else None)
    return bytes(out)


def bake(weight, wanted, path):
    font = TTFont(FONTS % weight, fontNumber=SIMPLIFIED, lazy=True)
    names, glyphs = font.getBestCmap(), font.getGlyphSet()
    table, data = bytearray(), bytearray()
    wanted = sorted(c for c in wanted if ord(c) in names)
    for c in wanted:
        name = names[ord(c)]
        table += ord(c).to_bytes(3, "little") + round(glyphs[name].width / 2).to_bytes(2, "little")
        table += len(data).to_bytes(3, "little")
        data += outline(glyphs, name)
    path.write_bytes(len(wanted).to_bytes(2, "little") + bytes(table) + bytes(data))
    print(path.name, len(wanted), "glyphs", path.stat().st_size, "bytes")


REGULAR, BOLD = characters()
bake("Regular", REGULAR, ROOT / "src/chart/font/regular.bin")
bake("Bold", BOLD, ROOT / "src/chart/font/bold.bin")
