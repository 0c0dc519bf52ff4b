"""Bar charts as plain SVG, readable on a light and on a dark page."""
import dataclasses
import math
import typing
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, BAR, GAP = 760, 190, 90, 18, 8
STYLE = """
.page{fill:#ffffff}.ink{fill:#1f2328}.faint{fill:#59636e}.grid{stroke:#d1d9e0;stroke-width:1}
.peer{fill:#8c96a1}.limit{fill:#c9b458}.wsidecar{fill:#0b6bcb}
text{font:13px -apple-system,"Segoe UI",Helvetica,Arial,sans-serif}.title{font-size:15px;font-weight:600}
@media (prefers-color-scheme:dark){.page{fill:#0d1117}.ink{fill:#f0f6fc}.faint{fill:#9198a1}.grid{stroke:#3d444d}
.peer{fill:#6e7681}.limit{fill:#9e8a35}.wsidecar{fill:#58a6ff}}
"""


class Bar(typing.NamedTuple):
    label: str
    value: float
    text: str
    key: str  # wsidecar and limit have colours of their own


@dataclasses.dataclass
class Panel:
    heading: str
    rows: list[Bar]


def scale(values: list[float], log: bool):
    """From a value to a share of the width, and the values of the grid's lines."""
    top = max(values)
    if not log:
        step = 10 ** math.floor(math.log10(top))
        step = step if top / step > 4 else step / 2 if top / step > 2 else step / 5
        return lambda v: v / top, [i * step for i in range(1, int(top / step) + 1)]
    low, high = math.floor(math.log10(min(values) * 0.999)), math.log10(top)
    return lambda v: max(0.005, (math.log10(v) - low) / (high - low)), [10.0 ** e for e in range(low + 1, math.floor(high) + 1)]


def short(v: float) -> str:
    for by, suffix in ((1e6, "M"), (1e3, "k")):
        if v >= by:
            return f"{v / by:g}{suffix}"
    return f"{v:g}"


def svg(title: str, panels: list[Panel], log: bool) -> str:
    share, lines = scale([r.value for p in panels for r in p.rows], log)
    room = WIDTH - LEFT - RIGHT
    height = 44 + sum(34 + len(p.rows) * (BAR + GAP) for p in panels) + 24
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
           f"<title>{escape(title)}</title><style>{STYLE}</style>", f'<rect class="page" width="{WIDTH}" height="{height}"/>',
           f'<text class="ink title" x="16" y="26">{escape(title)}</text>']
    for v in lines:
        x = LEFT + room * share(v)
        out.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="44" y2="{height - 24}"/>'
                   f'<text class="faint" x="{x:.1f}" y="{height - 8}" text-anchor="middle">{short(v)}</text>')
    y = 44
    for p in panels:
        out.append(f'<text class="faint" x="16" y="{y + 18}">{escape(p.heading)}</text>')
        y += 30
        for r in p.rows:
            w = max(1.0, room * share(r.value))
            kind = r.key if r.key in ("wsidecar", "limit") else "peer"
            out.append(f'<text class="ink" x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(r.label)}</text>'
                       f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{w:.1f}" height="{BAR}" rx="2"/>'
                       f'<text class="ink" x="{LEFT + w + 6:.1f}" y="{y + 14}">{escape(r.text)}</text>')
            y += BAR + GAP
        y += 4
    return "\n".join([*out, "</svg>", ""])
