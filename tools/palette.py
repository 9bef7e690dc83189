"""Makes a PNG small: 256 colours, chosen in the browser that took it, and one byte a pixel.

A picture of a page has few colours and many shades of the edges of letters, which nobody misses; the file is half the
size, and needs no library.
"""

import base64
import struct
import zlib

from playwright.sync_api import Page

# Shades that differ by less than 4 are one. The most frequent 256 stay, each as it was first met; the others become
# the nearest of those.
_CHOOSE = """async (source) => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${source}`)).blob());
  const { width, height } = image, context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, width, height).data, shades = new Map();
  const shade = (at) => ((pixels[at] >> 2) << 12) | ((pixels[at + 1] >> 2) << 6) | (pixels[at + 2] >> 2);
  for (let at = 0; at < pixels.length; at += 4) {
    const key = shade(at), known = shades.get(key);
    if (known) known.count += 1;
    else shades.set(key, { count: 1, colour: [...pixels.slice(at, at + 3)] });
  }
  const kept = [...shades.values()].sort((one, other) => other.count - one.count).slice(0, 256);
  const distance = (one, other) => one.reduce((sum, part, place) => sum + (part - other[place]) ** 2, 0);
  for (const one of shades.values()) {
    one.place = 0;
    kept.forEach((other, place) => {
      if (distance(one.colour, other.colour) < distance(one.colour, kept[one.place].colour)) one.place = place;
    });
  }
  const rows = new Uint8Array((width + 1) * height);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) rows[y * (width + 1) + 1 + x] = shades.get(shade(4 * (y * width + x))).place;
  let text = "";
  for (let at = 0; at < rows.length; at += 30000) text += String.fromCharCode(...rows.subarray(at, at + 30000));
  return { width, height, palette: kept.map((one) => one.colour).flat(), rows: btoa(text) };
}"""


def shrunk(picture: bytes, *, blank: Page) -> bytes:
    """The same picture with 256 colours at most. `blank` is an empty page of a browser."""
    found = blank.evaluate(_CHOOSE, base64.b64encode(picture).decode())
    header = struct.pack(">IIBBBBB", found["width"], found["height"], 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", header),
        (b"PLTE", bytes(found["palette"])),
        (b"IDAT", zlib.compress(base64.b64decode(found["rows"]), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
