"""Plots as SVG, of lines and of named points."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 400, 64, 176, 40, 48
COLORS = ["#1f5fa8", "#c8501e", "#2e8540", "#8a3fa0", "#a8841f", "#444444"]


def ticks(low, high, count=6):
    """Round numbers from low to high."""
    size = 10 ** math.floor(math.log10((high - low) / count))
    step = next(size * factor for factor in (1, 2, 5, 10) if (high - low) / (size * factor) <= count)
    return [step * number for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


class Plot:
    def __init__(self, title, across, up, xs, ys, logarithmic=False):
        """xs and ys are all the numbers that are to lie inside; logarithmic is the way across."""
        margin = 0.06 * (max(ys) - min(ys) or 1)
        self.low, self.high = min(ys) - margin, max(ys) + margin
        self.scale = math.log if logarithmic else float
        margin = 0.04 * (self.scale(max(xs)) - self.scale(min(xs)) or 1)
        self.first, self.last = self.scale(min(xs)) - margin, self.scale(max(xs)) + margin
        self.parts = []
        self.text(LEFT, 22, title, size=15)
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, across, anchor="middle")
        self.parts.append(f'<text x="16" y="{(TOP + HEIGHT - BOTTOM) / 2}" transform="rotate(-90 16 {(TOP + HEIGHT - BOTTOM) / 2})" text-anchor="middle">{escape(up)}</text>')
        for value in ticks(self.low, self.high):
            self.line([(LEFT, self.y(value)), (WIDTH - RIGHT, self.y(value))], "#888888" if abs(value) < 1e-9 else "#dddddd", 1)
            self.text(LEFT - 6, self.y(value) + 4, f"{value:g}", anchor="end")
        for value in [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50] if logarithmic else sorted(set(xs)):
            if self.first <= self.scale(value) <= self.last:
                self.text(self.x(value), HEIGHT - BOTTOM + 18, f"{value:g}", anchor="middle")

    def x(self, value):
        return LEFT + (self.scale(value) - self.first) / (self.last - self.first) * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        return HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def text(self, x, y, text, anchor="start", size=12, color="#222222"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{color}">{escape(text)}</text>')

    def line(self, points, color, width):
        self.parts.append(f'<polyline fill="none" stroke="{color}" stroke-width="{width}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>')

    def dot(self, x, y, color):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>')

    def lines(self, rows):
        """[(name, [(x, y)])], each named at its end."""
        ends = sorted((self.y(points[-1][1]), name, color) for (name, points), color in zip(rows, COLORS))
        for (_, points), color in zip(rows, COLORS):
            places = [(self.x(x), self.y(y)) for x, y in points]
            self.line(places, color, 2)
            for place in places:
                self.dot(*place, color)
        last = -math.inf
        for y, name, color in ends:
            last = max(y + 4, last + 15)
            self.text(WIDTH - RIGHT + 8, last, name, color=color)

    def front(self, rows):
        """Through the points (name, x, y) of which none has as much up for less across."""
        best, corners = -math.inf, []
        for _, x, y in sorted(rows, key=lambda row: (row[1], -row[2])):
            if y > best:
                corners += [(self.x(x), self.y(best)), (self.x(x), self.y(y))] if corners else [(self.x(x), self.y(y))]
                best = y
        if corners:
            self.line([*corners, (WIDTH - RIGHT, corners[-1][1])], "#bbbbbb", 1.5)

    def points(self, rows):
        """[(name, x, y)], each named beside it; names that would lie over others, or over points, move down."""
        taken = [(self.x(x) - 4, self.y(y) + 4, 8) for _, x, y in rows]
        for (name, x, y), color in zip(sorted(rows, key=lambda row: -row[2]), COLORS * len(rows)):
            place, width = [self.x(x) + 7, self.y(y) + 4], 7 * len(name)
            self.dot(place[0] - 7, place[1] - 4, color)
            while any(abs(place[1] - other[1]) < 13 and place[0] < other[0] + other[2] and other[0] < place[0] + width for other in taken):
                place[1] += 2
            taken.append((*place, width))
            self.text(place[0], place[1], name, color=color)

    def __str__(self):
        head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
        return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *self.parts, "</svg>"]) + "\n"
