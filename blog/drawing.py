"""How a card looks: the site's ink on warm paper (static/css/sgwrs.css), in letters of its own.

The picture fills one side of it; without one, a green sheet does, with the section's number or the
site's mark. On the other side the site's name stands at the top, and at the bottom who wrote it,
below a short rule and the title, which is as large as there is room for.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from font_source_sans_pro import SourceSansProSemibold
from font_source_serif_pro import SourceSerifPro
from PIL import Image, ImageDraw, ImageFont, ImageOps

DESIGN = 1  # a new number has all cards drawn anew

PAPER, INK, QUIET = "#faf7f0", "#211e1a", "#625b50"
GREEN, ON_GREEN, BRICK = "#1f5f5b", "#fffdf8", "#a83f28"
SERIF, SANS = SourceSerifPro, SourceSansProSemibold
MARK = Path(__file__).with_name("mark.png")  # static/img/mark.svg, as a mask

LEADING = 1.17  # from line to line, of the size of the letters: room for a circumflex on a Ŵ
BASELINE = 0.91  # from the top of a line, of the same
STEP = 0.93  # from one size that is tried to the next
NO_BREAK = "\u00a0"
LEAST = 10  # no letter is smaller, whatever there is to say

type Font = ImageFont.FreeTypeFont
type Box = tuple[int, int, int, int]  # left, top, right, bottom


class Shape(NamedTuple):
    """A format, in pixels."""

    size: tuple[int, int]
    sheet: Box
    text: Box
    tile: Box  # what a section's number stands on, in a corner of the picture
    title: tuple[int, int]  # the largest letters, and the smallest before words are broken
    small: int  # the letters of all else

    @property
    def gap(self) -> int:
        return self.small


SHAPES = {
    # Open Graph, and Twitter's summary_large_image
    "wide": Shape(
        size=(1200, 630),
        sheet=(690, 0, 1200, 630),
        text=(64, 56, 642, 570),
        tile=(690, 490, 830, 630),
        title=(96, 30),
        small=26,
    ),
    # Pinterest
    "tall": Shape(
        size=(1000, 1500),
        sheet=(0, 0, 1000, 720),
        text=(84, 776, 916, 1420),
        tile=(84, 540, 264, 720),
        title=(128, 42),
        small=36,
    ),
}


class Words(NamedTuple):
    """What is written on a card. A label and a number have only sections."""

    title: str
    author: str
    site: str
    label: str = ""
    number: str = ""


def draw(
    shape: Shape,
    words: Words,
    picture: Image.Image | None = None,
    focus: tuple[float, float] = (0.5, 0.5),
) -> Image.Image:
    """The card. `focus`: what of the picture stays in sight, as parts of its width and height."""
    card = Image.new("RGB", shape.size, PAPER)
    pen = ImageDraw.Draw(card)
    place = shape.sheet
    if picture:
        card.paste(ImageOps.fit(picture, extent(place), centering=focus), place[:2])
        place = shape.tile
    if not picture or words.number:
        pen.rectangle((*place[:2], place[2] - 1, place[3] - 1), GREEN)
    if words.number:
        draw_number(pen, words.number, place)
    elif not picture:
        side = min(extent(place)) // 2
        x, y = ((place[n] + place[n + 2] - side) // 2 for n in (0, 1))
        draw_mark(card, (x, y), side, ON_GREEN)
    write(card, pen, shape, words)
    return card


def draw_number(pen: ImageDraw.ImageDraw, number: str, place: Box) -> None:
    width, height = extent(place)
    font = letters(SERIF, min(height * 6 // 10, 320))
    while font.getlength(number) > width * 0.8:
        font = letters(SERIF, int(font.size * STEP))
    left, top, right, bottom = font.getbbox(number)
    at = (place[0] + (width - right - left) / 2, place[1] + (height - bottom - top) / 2)
    pen.text(at, number, ON_GREEN, font)


def draw_mark(card: Image.Image, at: tuple[int, int], side: int, colour: str) -> None:
    with Image.open(MARK) as mark:
        mask = mark.resize((side, side), Image.Resampling.LANCZOS)
    card.paste(colour, (*at, at[0] + side, at[1] + side), mask)


def write(card: Image.Image, pen: ImageDraw.ImageDraw, shape: Shape, words: Words) -> None:
    """All words, from the bottom up; the title gets what room the others leave."""
    left, top, _right, bottom = shape.text
    width = extent(shape.text)[0]
    small, gap = (shape.small, LEAST), shape.gap
    two_lines = int(2 * LEADING * shape.small) + 1

    name_size = shape.small * 3 // 2
    draw_mark(card, (left, top), name_size, GREEN)
    name = letters(SERIF, name_size)
    pen.text((left + name_size * 1.3, top + name_size * 0.8), words.site, INK, name, "ls")
    top += name_size + gap

    author = fit(words.author, SANS, small, width, two_lines)
    bottom -= author.height
    author.write(pen, (left, bottom), QUIET)
    bottom -= gap
    pen.rectangle((left, bottom - gap // 6, left + 2 * gap, bottom), BRICK)
    bottom -= gap

    label = fit(words.label, SANS, small, width, two_lines)
    if words.label:
        top += label.height + gap // 4
    title = fit(words.title, SERIF, shape.title, width, bottom - top)
    bottom -= title.height
    title.write(pen, (left, bottom), INK)
    label.write(pen, (left, bottom - gap // 4 - label.height), GREEN)


class Block(NamedTuple):
    """Lines of one size."""

    lines: list[str]
    font: Font

    @property
    def leading(self) -> float:
        return self.font.size * LEADING

    @property
    def height(self) -> int:
        return round(len(self.lines) * self.leading)

    def write(self, pen: ImageDraw.ImageDraw, at: tuple[int, int], colour: str) -> None:
        left, top = at
        for number, line in enumerate(self.lines):
            baseline = top + number * self.leading + self.font.size * BASELINE
            pen.text((left, baseline), line, colour, self.font, "ls")


def fit(text: str, face: str, sizes: tuple[int, int], width: int, height: int) -> Block:
    """The text in the largest letters in which it has room, words broken only if it must be."""
    text = " ".join(drawable(text, face).split())
    # A word of one letter (y, a, i) belongs to the next.
    words = re.sub(r"(?<!\S)(\w) ", rf"\1{NO_BREAK}", text).split(" ")
    largest, smallest = sizes
    for size in steps(largest, smallest):
        font = letters(face, size)
        if all(font.getlength(word) <= width for word in words):
            block = Block(filled(paired(words, font, width), font, width), font)
            if block.height <= height:
                return block._replace(lines=evened(block.lines, font))
    for size in steps(largest, LEAST):
        font = letters(face, size)
        pieces = [piece for word in words for piece in broken(word, font, width)]
        block = Block(filled(pieces, font, width), font)
        if block.height <= height:
            break
    return block


def steps(largest: int, smallest: int) -> Iterator[int]:
    size = largest
    while size > smallest:
        yield size
        size = int(size * STEP)
    yield smallest


def paired(words: list[str], font: Font, width: int) -> list[str]:
    """The last two as one, so that none is left alone on its line, if there is room for both."""
    pair = NO_BREAK.join(words[-2:])
    return [*words[:-2], pair] if font.getlength(pair) <= width else words


def filled(words: list[str], font: Font, width: int) -> list[str]:
    """Lines as full as they get."""
    found: list[str] = []
    for word in words:
        if found and font.getlength(f"{found[-1]} {word}") <= width:
            found[-1] += f" {word}"
        else:
            found.append(word)
    return found


def evened(lines: list[str], font: Font) -> list[str]:
    """As many lines, but of even length."""
    words = " ".join(lines).split(" ")
    wide, narrow = max(int(font.getlength(line)) for line in lines) + 1, 0
    while wide - narrow > 4:  # pixels nobody sees
        middle = (narrow + wide) // 2
        if len(even := filled(words, font, middle)) > len(lines):
            narrow = middle
        else:
            lines, wide = even, middle
    return lines


def broken(word: str, font: Font, width: int) -> Iterator[str]:
    """A word in pieces of at most that width."""
    while font.getlength(word) > width:
        ends = range(2, len(word))
        end = 1 + bisect_left(ends, True, key=lambda end: font.getlength(word[:end]) > width)
        yield word[:end]
        word = word[end:]
    yield word


def drawable(text: str, face: str) -> str:
    """Without what the face has no letter for, such as emoji; letters and their marks as one."""
    return "".join(one for one in unicodedata.normalize("NFC", text) if is_in(face, one))


@lru_cache(maxsize=1024)
def is_in(face: str, character: str) -> bool:
    """Whether it is drawn as anything but the box that stands for what is not there."""
    font = letters(face, 20)
    return bytes(font.getmask(character)) != bytes(font.getmask("\uffff"))


@lru_cache(maxsize=64)
def letters(face: str, size: int) -> Font:
    return ImageFont.truetype(face, size)


def extent(box: Box) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]
