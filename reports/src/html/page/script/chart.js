// What all plots share: a frame with caption, legend, fault windows, values on hover and by arrow
// keys, and the same values as a table. Observable Plot draws.

// Lines differ in dash as well as in colour.
const STYLES = [
  { colour: "var(--ok)", dash: null },
  { colour: "var(--failed)", dash: "6 3" },
  { colour: "var(--unknown)", dash: "2 3" },
  { colour: "var(--fourth)", dash: "10 3 2 3" },
  { colour: "var(--fifth)", dash: "1 4" },
  { colour: "var(--sixth)", dash: "14 4" },
];
const style = (index) => STYLES[index % STYLES.length];

const PLOT = { marginLeft: 62, marginRight: 14, marginTop: 24, marginBottom: 34 };

// A figure. `draw(width)` gives the plot's options; `points` are { x, y?, text } in the plot's own
// units: what is said where; `table` makes the same as a table; `least` is the least width that reads.
function chart({ title, note, legend, draw, points, table: asTable, least = 0 }) {
  const readout = el("output", { class: "readout", "aria-live": "polite" });
  const plot = el("div", {
    class: "plot",
    role: "group",
    tabindex: "0",
    "aria-label": `${title}. Arrow keys step through its values; they follow as a table.`,
  });
  const cursor = { at: -1 };
  const render = (width) => {
    const svg = Plot.plot({
      ...PLOT,
      width: Math.max(width, least),
      style: { background: "none" },
      ...draw(Math.max(width, least)),
    });
    const picture = svg.tagName === "FIGURE" ? svg.querySelector("svg") : svg;
    picture.setAttribute("aria-hidden", "true");
    svg.addEventListener("input", () => {
      readout.textContent = svg.value?.text.replaceAll("\n", " · ") ?? "";
    });
    plot.replaceChildren(svg);
    plot.plotted = svg;
  };
  plot.addEventListener("keydown", (event) => step(event, plot, points, cursor));
  plot.addEventListener("blur", () =>
    plot.plotted?.dispatchEvent(new PointerEvent("pointerleave")),
  );
  plot.render = render;
  WIDTHS.observe(plot);
  return el(
    "figure",
    {},
    el(
      "figcaption",
      {},
      el("h3", {}, title),
      note ? el("p", { class: "quiet small" }, note) : null,
      legend ?? null,
    ),
    plot,
    readout,
    asTable ? folded("Values as a table", asTable) : null,
  );
}

// Plots are drawn as wide as their place, and again when that changes.
const WIDTHS = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const width = Math.floor(contentRect.width);
    if (width > 0 && width !== target.drawn) {
      target.drawn = width;
      target.render(width);
    }
  }
});

// Moves the pointer that Plot follows: left and right through the values, up and down between lanes.
function step(event, plot, points, cursor) {
  const along = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!along || points.length === 0) return;
  event.preventDefault();
  const here = points[cursor.at];
  const vertical = event.key === "ArrowUp" || event.key === "ArrowDown";
  if (vertical && here?.y !== undefined) {
    const lanes = [...new Set(points.map((point) => point.y))];
    const lane = lanes[lanes.indexOf(here.y) + along];
    const next = points.findIndex((point) => point.y === lane && point.x === here.x);
    if (next >= 0) cursor.at = next;
  } else {
    cursor.at = Math.min(points.length - 1, Math.max(0, cursor.at + along));
  }
  pointAt(plot.plotted, points[cursor.at]);
}

function pointAt(svg, point) {
  const picture = svg.tagName === "FIGURE" ? svg.querySelector("svg") : svg;
  const place = picture.getBoundingClientRect();
  const factor = place.width / Number(picture.getAttribute("width"));
  const y = svg.scale("y");
  const within = (scale, value) => scale.apply(value) + (scale.bandwidth ?? 0) / 2;
  picture.dispatchEvent(
    new PointerEvent("pointermove", {
      pointerType: "mouse",
      bubbles: true,
      clientX: place.left + factor * within(svg.scale("x"), point.x),
      clientY:
        place.top +
        factor *
          (point.y === undefined ? Number(picture.getAttribute("height")) / 2 : within(y, point.y)),
    }),
  );
}

// What shows the value under the pointer, beside a line over the time it is of.
function pointer(points, { twoWays = false } = {}) {
  const channels = twoWays ? { x: "x", y: "y" } : { x: "x" };
  const follow = twoWays ? Plot.pointer : Plot.pointerX;
  return [
    twoWays
      ? null
      : Plot.ruleX(points, follow({ ...channels, stroke: "currentColor", strokeOpacity: 0.5 })),
    Plot.tip(
      points,
      follow({
        ...channels,
        title: "text",
        ...(twoWays ? {} : { frameAnchor: "top" }),
        fontSize: 11,
        lineWidth: 26,
      }),
    ),
  ];
}

// Fault windows: shaded, bordered, and numbered above the frame.
function faultMarks(run) {
  const end = run.timeline.end_us / 1e6;
  const windows = run.result.faults.map((fault, index) => ({
    from: fault.from_s,
    to: Math.min(fault.to_s ?? end, end),
    name: `F${index}`,
    row: index % 2,
  }));
  return [
    Plot.rect(windows, { x1: "from", x2: "to", fill: "url(#hatch)" }),
    Plot.ruleX(
      windows.flatMap((window) => [window.from, window.to]),
      { stroke: "var(--fault)", strokeDasharray: "3 2", strokeWidth: 0.8 },
    ),
    ...[0, 1].map((row) =>
      Plot.text(
        windows.filter((window) => window.row === row),
        {
          x: "from",
          text: "name",
          frameAnchor: "top",
          textAnchor: "start",
          dy: -16 + 9 * row,
          fontSize: 10,
          fontWeight: 600,
        },
      ),
    ),
  ];
}

// The time axis that all plots of a run share, so that they line up.
const timeAxis = (run) => ({ domain: [0, run.timeline.end_us / 1e6], label: "virtual time, s" });

// Names of the faults that act at a second.
function faultsAt(run, second) {
  const acting = run.result.faults.filter(
    (fault) => fault.from_s <= second && second <= (fault.to_s ?? Infinity),
  );
  return acting.map((fault) => `fault F${run.result.faults.indexOf(fault)}: ${fault.fault}`);
}

// Plain fills are pale, so that what is written on them can be read; patterns are pale by themselves.
const opacity = (fill) => (fill.startsWith("url") || fill === "none" ? 1 : 0.28);

// { title, colour, dash, fill, symbol } for each: a line as it is drawn, a filled box, or a sign.
function legend(items) {
  const sample = ({ colour, dash, fill, symbol }) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const add = (name, attributes) => {
      const shape = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
      svg.append(shape);
    };
    svg.setAttribute("width", "30");
    svg.setAttribute("height", "12");
    svg.setAttribute("aria-hidden", "true");
    if (symbol) add("text", { x: 10, y: 11, "font-size": 13, fill: colour });
    else if (fill)
      add("rect", {
        x: 1,
        y: 1,
        width: 28,
        height: 10,
        fill,
        stroke: colour,
        "fill-opacity": opacity(fill),
      });
    else
      add("line", {
        x1: 0,
        x2: 30,
        y1: 6,
        y2: 6,
        stroke: colour,
        "stroke-width": 2.2,
        ...(dash ? { "stroke-dasharray": dash } : {}),
      });
    if (symbol) svg.lastChild.textContent = symbol;
    return svg;
  };
  return el(
    "ul",
    { class: "legend" },
    items.map((item) => el("li", {}, sample(item), item.title)),
  );
}
