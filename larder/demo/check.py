#!/usr/bin/env python3
"""Checks the demo shop's data: categories.json, products.json and pictures/.

Run it from anywhere: python3 larder/demo/check.py
It prints every fault and a summary line, and exits 1 if there was a fault. It needs Python 3.9 and no packages.
"""

import json
import re
import struct
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
PICTURES = HERE / "pictures"

TOP_LEVEL_CATEGORIES = 14
MIN_PRODUCTS = 260
MAX_PICTURE_BYTES = 20 * 1024
MAX_PICTURES_BYTES = 3 * 1024 * 1024
MAX_PICTURE_PIXELS = 256
NOT_PICTURES = {"LICENSE", "README.md"}

CATEGORY_FIELDS = {"slug": str, "name": str, "parent": (str, type(None)), "description": str, "position": int}
PRODUCT_FIELDS = {
    "name": str, "slug": str, "brand": str, "category": str, "price": int, "quantity": int, "size": int,
    "unit": str, "description": str, "storage": str, "allergens": list, "pictures": list,
}

# The 14 groups of Annex II of Regulation (EU) No 1169/2011, in its order.
ALLERGENS = [
    "GLUTEN", "CRUSTACEANS", "EGGS", "FISH", "PEANUTS", "SOYA", "MILK", "NUTS", "CELERY", "MUSTARD", "SESAME",
    "SULPHITES", "LUPIN", "MOLLUSCS",
]

# Per unit: the sizes a pack can have, and the unit price in cents per kg, per litre or per piece.
SIZES = {"G": (20, 5000), "KG": (1, 5), "ML": (50, 2000), "L": (1, 12), "PIECE": (1, 24)}
UNIT_PRICES = {"kg": (50, 15000), "l": (20, 12000), "piece": (10, 1000)}
PRICES = (49, 2999)

# A word in a product's name that cannot be without the allergen, and the words that say it is something else.
ALLERGEN_WORDS = {
    "GLUTEN": (r"\b(bread flour|plain flour|spelt|rye|sourdough|couscous|bulgur|seitan|oats?|naan|croissants?)\b", None),
    "CRUSTACEANS": (r"\b(prawns?|shrimps?|crab|lobster)\b", None),
    "EGGS": (r"\b(eggs?|mayonnaise)\b", None),
    "FISH": (r"\b(salmon|cod|tuna|trout|mackerel|sardines|anchovy|herring|sea bass|fish)\b", None),
    "PEANUTS": (r"\bpeanuts?\b", None),
    "SOYA": (r"\b(soya?|tofu)\b", None),
    "MILK": (
        r"\b(milk|cream|butter|yoghurt|cheese|cheddar|gouda|mozzarella|feta|halloumi|brie|ricotta|quark|kefir|skyr)\b",
        r"\b(coconut milk|soya yoghurt|coconut yoghurt|cashew|peanut butter|almond butter|butter beans)\b",
    ),
    "NUTS": (r"\b(almonds?|hazelnuts?|walnuts?|cashews?|pistachios?)\b", None),
    "CELERY": (r"\b(celery|celeriac)\b", None),
    "MUSTARD": (r"\bmustard\b", None),
    "SESAME": (r"\b(sesame|tahini|houmous)\b", None),
    "LUPIN": (r"\blupin\b", None),
    "MOLLUSCS": (r"\b(mussels?|oysters?|squid|octopus|clams?|scallops?)\b", None),
}

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
PICTURE_PATH = re.compile(r"/pictures/([a-z0-9-]+\.webp)")

faults = []


def fault(where, what):
    faults.append(f"{where}: {what}")


def load(name):
    try:
        return json.loads((HERE / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        print(f"{name}: {error}")
        sys.exit(1)


def has_shape(entry, fields, where):
    """Exactly these fields, each of its type and, where it is text, neither empty nor padded."""
    if set(entry) != set(fields):
        fault(where, f"fields differ: {sorted(set(entry) ^ set(fields))}")
        return False
    sound = True
    for field, kind in fields.items():
        value = entry[field]
        if not isinstance(value, kind) or isinstance(value, bool):
            fault(where, f"{field} has the wrong type")
            sound = False
        elif isinstance(value, str) and (not value or value != value.strip()):
            fault(where, f"{field} is empty or padded")
            sound = False
    return sound


def is_within(value, bounds, where, what):
    if not bounds[0] <= value <= bounds[1]:
        fault(where, f"{what} {value} is outside {bounds[0]}..{bounds[1]}")


def has_no_repeats(entries, field, where):
    for value, count in Counter(entry[field].casefold() for entry in entries).items():
        if count > 1:
            fault(where, f"{field} {value!r} occurs {count} times")


def check_categories(categories):
    """Returns the slugs of the leaves."""
    sound = [c for i, c in enumerate(categories) if has_shape(c, CATEGORY_FIELDS, f"category {c.get('slug', i)}")]
    has_no_repeats(sound, "slug", "categories")
    has_no_repeats(sound, "name", "categories")
    parent_of = {c["slug"]: c["parent"] for c in sound}
    for category in sound:
        slug, parent = category["slug"], category["parent"]
        if not SLUG.fullmatch(slug):
            fault(f"category {slug}", "the slug is not kebab-case")
        if parent is not None and parent_of.get(parent, "unknown") is not None:
            fault(f"category {slug}", f"the parent {parent} is not a top-level category")
    top = [slug for slug, parent in parent_of.items() if parent is None]
    if len(top) != TOP_LEVEL_CATEGORIES:
        fault("categories", f"{len(top)} at the top level, not {TOP_LEVEL_CATEGORIES}")
    for parent in [None, *top]:
        positions = sorted(c["position"] for c in sound if c["parent"] == parent)
        if positions != list(range(1, len(positions) + 1)):
            fault(f"children of {parent}", f"positions are {positions}")
    return set(parent_of) - set(parent_of.values())


def unit_price(product):
    """In cents, with the name of the unit that it is for."""
    price, size, unit = product["price"], product["size"], product["unit"]
    if unit in ("G", "ML"):
        return price * 1000 / size, "kg" if unit == "G" else "l"
    return price / size, unit.lower()


def check_numbers(product, where):
    unit = product["unit"]
    is_within(product["price"], PRICES, where, "price")
    is_within(product["quantity"], (0, 200), where, "quantity")
    if unit not in SIZES:
        fault(where, f"unknown unit {unit}")
        return
    is_within(product["size"], SIZES[unit], where, f"size in {unit}")
    if product["size"] > 0:
        per_unit, name = unit_price(product)
        is_within(round(per_unit), UNIT_PRICES[name], where, f"price per {name}")


def check_allergens(product, where):
    allergens = product["allergens"]
    for unknown in [a for a in allergens if a not in ALLERGENS]:
        fault(where, f"unknown allergen {unknown}")
    if allergens != [a for a in ALLERGENS if a in allergens]:
        fault(where, "allergens are repeated or out of order")
    for allergen, (word, exception) in ALLERGEN_WORDS.items():
        name = product["name"].lower()
        excused = exception and re.search(exception, name)
        if re.search(word, name) and not excused and allergen not in allergens:
            fault(where, f"the name says that it contains {allergen}")


def check_texts(product, where):
    sentences = len(re.findall(r"[.!?](?=\s|$)", product["description"]))
    is_within(sentences, (2, 3), where, "number of sentences in the description")
    is_within(len(product["description"]), (50, 400), where, "length of the description")
    is_within(len(product["storage"]), (8, 200), where, "length of the storage note")
    is_within(len(product["name"]), (4, 60), where, "length of the name")


def check_products(products, leaves):
    """Returns the file names of the pictures used."""
    sound = [p for i, p in enumerate(products) if has_shape(p, PRODUCT_FIELDS, p.get("slug", f"product {i}"))]
    if len(products) < MIN_PRODUCTS:
        fault("products", f"{len(products)}, fewer than {MIN_PRODUCTS}")
    for field in ("slug", "name", "description"):
        has_no_repeats(sound, field, "products")
    used = set()
    for product in sound:
        where = product["slug"]
        if not SLUG.fullmatch(where):
            fault(where, "the slug is not kebab-case")
        if product["category"] not in leaves:
            fault(where, f"{product['category']} is not a leaf category")
        check_numbers(product, where)
        check_allergens(product, where)
        check_texts(product, where)
        paths = [PICTURE_PATH.fullmatch(str(path)) for path in product["pictures"]]
        if len(paths) != 1 or not all(paths):
            fault(where, "pictures is not one path like /pictures/red-apple.webp")
        used.update(path[1] for path in paths if path)
    for empty in sorted(leaves - {p["category"] for p in sound}):
        fault(f"category {empty}", "has no products")
    check_stock_mix(sound)
    return used


def check_stock_mix(products):
    """Sold out and low stock must be there to be seen, and be the exception."""
    sold_out, low, ample = (
        sum(lowest <= p["quantity"] <= highest for p in products) for lowest, highest in ((0, 0), (1, 5), (20, 200))
    )
    if sold_out < 3 or low < 3:
        fault("products", f"only {sold_out} sold out and {low} low in stock")
    if ample < 0.85 * len(products):
        fault("products", f"only {ample} have 20 or more in stock")


def webp_size(data):
    """Width and height of an extended-format WebP file, or None."""
    if data[:4] != b"RIFF" or data[8:16] != b"WEBPVP8X" or len(data) < 30:
        return None
    width, height = (struct.unpack("<I", data[at:at + 3] + b"\0")[0] + 1 for at in (24, 27))
    return width, height


def check_pictures(used):
    """Returns the size of all pictures in bytes."""
    files = {path.name: path for path in PICTURES.iterdir() if path.name not in NOT_PICTURES}
    for missing in sorted(used - set(files)):
        fault(missing, "is used but not in pictures/")
    for unused in sorted(set(files) - used):
        fault(unused, "is in pictures/ but not used")
    if not (PICTURES / "LICENSE").is_file():
        fault("pictures/LICENSE", "is missing")
    total = 0
    for name in sorted(used & set(files)):
        data = files[name].read_bytes()
        total += len(data)
        is_within(len(data), (1, MAX_PICTURE_BYTES), name, "bytes")
        size = webp_size(data)
        if size is None:
            fault(name, "is not a WebP file with transparency")
        else:
            is_within(max(size), (1, MAX_PICTURE_PIXELS), name, "pixels")
    is_within(total, (1, MAX_PICTURES_BYTES), "pictures", "bytes together")
    return total


def main():
    categories, products = load("categories.json"), load("products.json")
    leaves = check_categories(categories)
    used = check_products(products, leaves)
    picture_bytes = check_pictures(used)
    for line in faults:
        print(line)
    print(
        f"{len(products)} products in {len(leaves)} leaf categories of {len(categories)}, "
        f"{len(used)} pictures of {picture_bytes / 1024:.0f} KB: "
        + (f"{len(faults)} faults" if faults else "no faults")
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
