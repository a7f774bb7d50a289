"""plot.py: a curve as SVG, with its spread."""
import statistics

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 400, 70, 50, 40


def nice(v):
    """The next of 1, 2, 5 times a power of ten."""
    step = 1
    while step * 10 < v:
        step *= 10
    return next(step * k for k in (1, 2, 5, 10) if step * k >= v)


def text(x, y, s, anchor="middle", more=""):
    return "<text x='%.0f' y='%.0f' text-anchor='%s'%s>%s</text>" % (
        x, y, anchor, more, s)


def svg(title, xlabel, ylabel, points):
    """points: {x: [y, ..]}; the line runs through the medians."""
    xs = sorted(points)
    step = [nice(max(xs) / 6), nice(max(map(max, points.values())) / 5)]
    top = [max(xs) * 1.05, max(map(max, points.values())) * 1.15]

    def at(x, y):
        return (LEFT + (WIDTH - LEFT - 20) * x / top[0],
                HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * y / top[1])
    out = ["<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' "
           "font-family='sans-serif' font-size='12'>" % (WIDTH, HEIGHT),
           "<rect width='100%' height='100%' fill='white'/>",
           text(WIDTH / 2, 22, title, more=" font-size='15'"),
           text(WIDTH / 2, HEIGHT - 10, xlabel),
           text(18, HEIGHT / 2, ylabel, more=" transform='rotate(-90 18 %d)'"
                % (HEIGHT / 2))]
    for i in range(int(top[1] / step[1]) + 1):
        x, y = at(0, i * step[1])
        out.append("<path d='M%.1f %.1fH%d' stroke='#ddd'/>" % (
            x, y, WIDTH - 20))
        out.append(text(x - 6, y + 4, "%g" % (i * step[1]), "end"))
    for i in range(int(top[0] / step[0]) + 1):
        x, y = at(i * step[0], 0)
        out.append("<path d='M%.1f %.1fv5' stroke='black'/>" % (x, y))
        out.append(text(x, y + 18, "%g" % (i * step[0])))
    line = []
    for x in xs:
        mid = at(x, statistics.median(points[x]))
        low, high = at(x, min(points[x])), at(x, max(points[x]))
        line.append("%.1f,%.1f" % mid)
        out.append("<path d='M%.1f %.1fV%.1f' stroke='#2060a0'/>" % (
            low[0], low[1], high[1]))
        out.append("<circle cx='%.1f' cy='%.1f' r='4' fill='#2060a0'/>" % mid)
    out.append("<polyline points='%s' fill='none' stroke='#2060a0' "
               "stroke-width='2'/></svg>" % " ".join(line))
    return "\n".join(out) + "\n"
