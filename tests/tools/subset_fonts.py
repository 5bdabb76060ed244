"""Make ``assets/fonts`` anew: ``python -m tests.tools.subset_fonts FOLDER``.

``FOLDER`` holds the packages named in ``FACES``, unpacked anywhere below it. Each face is cut to Latin, Cyrillic and
Greek, loses its hinting, gets its pair kerning as a plain ``kern`` table (which every build of FreeType reads), and is
renamed, since several licences reserve the original names for unmodified files.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables._k_e_r_n import KernTable_format_0

TARGET = Path(__file__).resolve().parents[2] / "assets" / "fonts"
UNICODES = (
    *range(0x20, 0x7F), *range(0xA0, 0x180), 0x218, 0x219, 0x21A, 0x21B, *range(0x386, 0x3CF), *range(0x400, 0x45F),
    0x490, 0x491, *range(0x2010, 0x2016), *range(0x2018, 0x201F), 0x2020, 0x2022, 0x2026, 0x2030, 0x2039, 0x203A,
    0x20AC, 0x2116, 0x2122, 0x2190, 0x2191, 0x2192, 0x2193, 0x2212,
)  # fmt: skip
KERNED = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,-'’ÄÖÜÉÈÁÀäöüéèáàАГДЕЗЛОРСТУХЧЬабгдезлорстухчь"
)
KEPT_NAMES = (0, 5, 7, 8, 9, 13, 14)
"""Copyright, version, trademark, maker, designer, licence and its address."""


@dataclass(frozen=True)
class Face:
    """``file`` is looked up by name below the given folder."""

    name: str
    file: str
    package: str
    licence: str


FACES = (
    Face("sans", "Roboto-Regular.ttf", "font-roboto 0.0.1 (Python)", "Apache-2.0"),
    Face("sans-bold", "Roboto-Bold.ttf", "font-roboto 0.0.1 (Python)", "Apache-2.0"),
    Face("humanist", "SourceSansPro-Semibold.ttf", "font-source-sans-pro 0.0.1 (Python)", "OFL-1.1"),
    Face("geometric", "Manrope-Bold.ttf", "font-manrope 0.0.2 (Python)", "OFL-1.1"),
    Face("highway", "Overpass_700Bold.ttf", "@expo-google-fonts/overpass 0.4.2 (npm)", "OFL-1.1"),
    Face("condensed", "Oswald_600SemiBold.ttf", "@expo-google-fonts/oswald 0.4.2 (npm)", "OFL-1.1"),
    Face("mono", "RobotoMono_500Medium.ttf", "@expo-google-fonts/roboto-mono 0.4.2 (npm)", "OFL-1.1"),
    Face("serif", "SourceSerifPro-Semibold.ttf", "font-source-serif-pro 0.0.1 (Python)", "OFL-1.1"),
    Face("slab", "RobotoSlab_700Bold.ttf", "@expo-google-fonts/roboto-slab 0.4.2 (npm)", "Apache-2.0"),
    Face("rounded", "FredokaOne-Regular.ttf", "font-fredoka-one 0.0.4 (Python)", "OFL-1.1"),
    Face("hand-capitals", "AmaticSC-Bold.ttf", "font-amatic-sc 0.0.4 (Python)", "OFL-1.1"),
    Face("hand", "Caveat_700Bold.ttf", "@expo-google-fonts/caveat 0.4.2 (npm)", "OFL-1.1"),
)


def main(folder: Path) -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    entries = [cut(face, next(iter(sorted(folder.rglob(face.file))))) for face in FACES]
    (TARGET / "NOTICE.txt").write_text(HEAD + "\n".join(entries), encoding="utf-8")


HEAD = """Fonts in this folder

The text edits of the built-in engine draw with these faces. Each is a subset (Latin, Cyrillic and Greek as far as the
face has them) without hinting and with its kerning flattened, made by tests/tools/subset_fonts.py, and therefore
carries another name than the original. Full texts of the licences: OFL.txt and APACHE-2.0.txt beside this file.

"""


def cut(face: Face, source: Path) -> str:
    """Writes the subset; returns its entry in the notice."""
    font = TTFont(source, recalcTimestamp=False)
    pairs = dict(_pairs(font))
    original, version, copyright_line = (font["name"].getDebugName(number) or "" for number in (4, 5, 0))
    options = subset.Options()
    options.layout_features = []
    options.hinting = False
    options.legacy_kern = True
    options.notdef_outline = True
    options.name_IDs = ["*"]
    options.drop_tables += ["GPOS", "GSUB", "GDEF", "DSIG", "STAT", "gasp", "BASE"]
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=UNICODES)
    cutter.subset(font)
    _kern(font, pairs)
    _rename(font, face.name)
    path = TARGET / f"{face.name}.ttf"
    font.save(path)
    lines = (
        path.name,
        f"  from       {original}, {version.split(';')[0]}",
        f"  package    {face.package}, file {face.file}",
        f"  original   sha256 {hashlib.sha256(source.read_bytes()).hexdigest()}",
        f"  this file  sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}",
        f"  licence    {face.licence}",
        f"  {' '.join(copyright_line.split())}",
        "",
    )
    return "\n".join(lines)


def _pairs(font: TTFont) -> Iterator[tuple[tuple[str, str], int]]:
    """Horizontal kerning of the commonest letters, from ``GPOS``; the first subtable that knows a pair decides."""
    if "GPOS" not in font:
        return
    table = font["GPOS"].table
    numbers = {n for record in table.FeatureList.FeatureRecord if record.FeatureTag == "kern"
               for n in record.Feature.LookupListIndex}  # fmt: skip
    glyphs = [name for name in (font.getBestCmap().get(ord(letter)) for letter in KERNED) if name]
    seen: set[tuple[str, str]] = set()
    for number in sorted(numbers):
        for subtable in table.LookupList.Lookup[number].SubTable:
            subtable = getattr(subtable, "ExtSubTable", subtable)
            if subtable.LookupType != 2:
                continue
            for pair in ((a, b) for a in glyphs for b in glyphs):
                value = _advance(subtable, *pair)
                if value is not None and pair not in seen:
                    seen.add(pair)
                    yield pair, value


def _advance(subtable: object, first: str, second: str) -> int | None:
    coverage = subtable.Coverage.glyphs  # type: ignore[attr-defined]
    if first not in coverage:
        return None
    if subtable.Format == 1:  # type: ignore[attr-defined]
        records = subtable.PairSet[coverage.index(first)].PairValueRecord  # type: ignore[attr-defined]
        value = next((record.Value1 for record in records if record.SecondGlyph == second), None)
        return None if value is None else getattr(value, "XAdvance", 0)
    one = subtable.ClassDef1.classDefs.get(first, 0)  # type: ignore[attr-defined]
    other = subtable.ClassDef2.classDefs.get(second, 0)  # type: ignore[attr-defined]
    value = subtable.Class1Record[one].Class2Record[other].Value1  # type: ignore[attr-defined]
    return getattr(value, "XAdvance", 0) if value is not None else 0


def _kern(font: TTFont, pairs: dict[tuple[str, str], int]) -> None:
    known = set(font.getGlyphOrder())
    kept = {pair: value for pair, value in pairs.items() if value and known.issuperset(pair)}
    if not kept:
        return
    part = KernTable_format_0()
    part.version, part.coverage, part.kernTable, part.apple = 0, 1, kept, False
    font["kern"] = newTable("kern")
    font["kern"].version, font["kern"].kernTables = 0, [part]


def _rename(font: TTFont, name: str) -> None:
    table = font["name"]
    table.names = [record for record in table.names if record.nameID in KEPT_NAMES]
    family = f"KUI {name.replace('-', ' ').title()}"
    for number, value in (
        (1, family),
        (2, "Regular"),
        (3, f"{family} subset"),
        (4, family),
        (6, family.replace(" ", "")),
    ):
        table.setName(value, number, 3, 1, 0x409)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
