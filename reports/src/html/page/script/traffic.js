// Requests over time: latency, throughput, errors, and the percentile curve.

const middle = (run, bin) => ((bin + 0.5) * run.timeline.bin_us) / 1e6;
const binText = (run, bin) => {
  const width = run.timeline.bin_us / 1e6;
  const decimals = width < 1 ? 3 : 0;
  return `${(bin * width).toFixed(decimals)}–${((bin + 1) * width).toFixed(decimals)} s`;
};
const binNote = (run) =>
  `Each value is of ${run.timeline.bin_us / 1e6} s, by when requests were sent.`;

// Lines over bins. `series` are { title, values }; null leaves a gap.
function binLines(run, { title, note, unit, log, series, say }) {
  const bins = series[0].values.map((_, bin) => bin);
  const points = bins.map((bin) => ({
    x: middle(run, bin),
    text: [
      binText(run, bin),
      ...series.map((one) => `${one.title}: ${say(one.values[bin])}`),
      ...faultsAt(run, middle(run, bin)),
    ].join("\n"),
  }));
  const marks = series.flatMap(({ values }, index) => {
    const { colour, dash } = style(index);
    const data = bins.map((bin) => ({ x: middle(run, bin), y: values[bin] }));
    return [
      Plot.lineY(data, { x: "x", y: "y", stroke: colour, strokeDasharray: dash, strokeWidth: 1.6 }),
      // A lonely value makes no line.
      Plot.dot(
        data.filter(
          (d, i) =>
            d.y !== null && (data[i - 1]?.y ?? null) === null && (data[i + 1]?.y ?? null) === null,
        ),
        { x: "x", y: "y", fill: colour, r: 1.8 },
      ),
    ];
  });
  return chart({
    title: `${title}, ${unit}`,
    note,
    points,
    legend: legend(series.map((one, index) => ({ title: one.title, ...style(index) }))),
    draw: () => ({
      height: 210,
      x: timeAxis(run),
      y: {
        grid: true,
        label: null,
        ...(log
          ? logAxis(series.flatMap((one) => one.values.filter((value) => value !== null)))
          : {}),
      },
      marks: [...faultMarks(run), Plot.ruleY(log ? [] : [0]), ...marks, ...pointer(points)],
    }),
    table: () =>
      table({
        caption: `${title}, ${unit}`,
        rows: bins.filter((bin) => series.some((one) => one.values[bin])),
        columns: [
          { title: "time", header: true, cell: (bin) => binText(run, bin) },
          ...series.map((one) => ({
            title: one.title,
            number: true,
            cell: (bin) => say(one.values[bin]),
          })),
        ],
      }),
  });
}

function latencyChart(run) {
  const latency = run.timeline.traffic.latency_ms;
  // A log axis has no 0.
  const of = (name) => latency.map((bin) => (bin ? Math.max(bin[name], 0.001) : null));
  return binLines(run, {
    title: "Latency over time",
    unit: "ms since the intended sending",
    note: binNote(run),
    log: true,
    say: ms,
    series: [
      { title: "p50", values: of("p50") },
      { title: "p90", values: of("p90") },
      { title: "p99", values: of("p99") },
      { title: "max", values: of("max") },
    ],
  });
}

// A log axis over these values whose ticks are round, also when they span less than a decade.
function logAxis(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const domain = least === most ? [least / 2, most * 2] : [least, most];
  const within = (tick) => domain[0] <= tick && tick <= domain[1];
  const steps = d3.range(-4, 9).flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));
  const round = steps.filter(within);
  const ticks = round.length >= 3 ? round : d3.ticks(...domain, 4);
  return { type: "log", domain, ticks, tickFormat: (tick) => String(Number(tick.toPrecision(6))) };
}

function heatChart(run) {
  const { from_us, cells } = run.timeline.traffic.heat;
  const width = run.timeline.bin_us / 1e6;
  const row = (index) => `${from_us[index] / 1000}–${from_us[index + 1] / 1000} ms`;
  const least = Math.max(from_us[0], from_us[1] / 2) / 1000;
  const data = cells.map(([bin, index, count]) => ({
    x1: bin * width,
    x2: (bin + 1) * width,
    y1: Math.max(from_us[index] / 1000, least),
    y2: from_us[index + 1] / 1000,
    count,
    x: (bin + 0.5) * width,
    y: Math.sqrt(Math.max(from_us[index] / 1000, least) * (from_us[index + 1] / 1000)),
    text: [
      binText(run, bin),
      `${row(index)}: ${plural(count, "request")}`,
      ...faultsAt(run, (bin + 0.5) * width),
    ].join("\n"),
  }));
  const most = Math.max(...data.map((cell) => cell.count));
  return chart({
    title: "Latency heat map, ms",
    points: data,
    note: `How many requests took how long; the stronger the colour, the more, up to ${most} a cell. ${binNote(run)}`,
    draw: () => ({
      height: 230,
      x: timeAxis(run),
      y: { ...logAxis([least, from_us.at(-1) / 1000]), label: null },
      marks: [
        Plot.frame({ stroke: "var(--line)" }),
        ...faultMarks(run),
        Plot.rect(data, {
          x1: "x1",
          x2: "x2",
          y1: "y1",
          y2: "y2",
          fill: "var(--ok)",
          fillOpacity: (cell) => 0.18 + (0.82 * Math.log1p(cell.count)) / Math.log1p(most),
        }),
        ...pointer(data, { twoWays: true }),
      ],
    }),
    table: () =>
      table({
        caption: "Requests by time sent and time taken",
        rows: cells,
        columns: [
          { title: "time", header: true, cell: ([bin]) => binText(run, bin) },
          { title: "took", cell: ([, index]) => row(index) },
          { title: "requests", number: true, cell: ([, , count]) => String(count) },
        ],
      }),
  });
}

function outcomeChart(run) {
  const { ok, failed, unknown, unanswered } = run.timeline.traffic;
  const width = run.timeline.bin_us / 1e6;
  const rate = (counts) => counts.map((count) => count / width);
  const series = [
    { title: "ok", values: rate(ok) },
    { title: "failed, surely no effect", values: rate(failed) },
    { title: "unknown", values: rate(unknown) },
  ];
  if (unanswered.some((count) => count > 0))
    series.push({ title: "cut off by the load's end", values: rate(unanswered) });
  return binLines(run, {
    title: "Throughput and errors by outcome",
    unit: "requests per s",
    note: binNote(run),
    series,
    say: (value) => `${Number(value.toFixed(3))} /s`,
  });
}

// The share of requests on an axis on which each nine takes the same room (HdrHistogram).
function percentileChart(run) {
  const curve = run.timeline.percentiles;
  const total = run.result.requests.ok + run.result.requests.failed + run.result.requests.unknown;
  const rest = (share) => (share < 1 ? 1 / (1 - share) : Math.max(2 * total, 10));
  const percent = (share) => `${Number((share * 100).toPrecision(6))} %`;
  const points = curve.map(([share, us]) => ({
    x: rest(share),
    y: Math.max(us, 1) / 1000,
    text: `${percent(share)} within ${ms(us / 1000)}`,
  }));
  const ticks = [1, 2, 10, 100, 1000, 10000, 100000].filter((tick) => tick <= rest(1));
  const known = ["p50", "p90", "p99", "p999"].map((name, index) => ({
    name,
    x: [2, 10, 100, 1000][index],
    y: run.result.latency_ms[name],
  }));
  return chart({
    title: "Percentile curve, ms",
    note: "The share of requests answered within a time since their intended sending; each nine takes the same room.",
    points,
    draw: () => ({
      height: 230,
      x: {
        type: "log",
        domain: [1, rest(1)],
        ticks,
        tickFormat: (tick) => percent(1 - 1 / tick),
        label: "share of requests",
      },
      y: { ...logAxis(points.map((point) => point.y)), grid: true, label: null },
      marks: [
        Plot.line(points, { x: "x", y: "y", stroke: "var(--ok)", strokeWidth: 1.8 }),
        Plot.dot(
          known.filter((one) => one.x <= rest(1) && one.y > 0),
          { x: "x", y: "y", symbol: "diamond", fill: "var(--failed)", r: 4 },
        ),
        Plot.text(
          known.filter((one) => one.x <= rest(1) && one.y > 0),
          { x: "x", y: "y", text: "name", dy: -11, fontSize: 11 },
        ),
        ...pointer(points),
      ],
    }),
    table: () =>
      table({
        caption: "Percentile curve",
        rows: curve,
        columns: [
          { title: "share", header: true, number: true, cell: ([share]) => percent(share) },
          { title: "within", number: true, cell: ([, us]) => ms(us / 1000) },
        ],
      }),
  });
}
