// What pods, breakers, deployments and consumers went through.

const PHASES = {
  starting: { fill: "url(#dots)", colour: "var(--ok)" },
  ready: { fill: "var(--pass)", colour: "var(--pass)" },
  unready: { fill: "none", colour: "var(--doubt)" },
  draining: { fill: "url(#stripes)", colour: "var(--doubt)" },
  ended: { symbol: "■", colour: "var(--quiet)" },
  killed: { symbol: "✕", colour: "var(--fail)" },
};
const BREAKER_STATES = {
  closed: { fill: "var(--pass)", colour: "var(--pass)" },
  open: { fill: "url(#hatch)", colour: "var(--fail)" },
  half_open: { fill: "url(#stripes)", colour: "var(--doubt)" },
};

// One lane for each name; states with a symbol are instants, the others stretches.
function laneChart(run, { title, note, lanes, states }) {
  const end = run.timeline.end_us;
  const word = (state) => state.replace("_", " ");
  const spans = lanes.flatMap((lane) =>
    lane.spans.map((span) => ({
      ...span,
      lane: lane.name,
      x1: span.from_us / 1e6,
      x2: span.to_us / 1e6,
    })),
  );
  const said = (span) =>
    `${span.lane}: ${word(span.state)}\n${seconds(span.from_us)}${states[span.state].symbol ? "" : ` – ${seconds(span.to_us)}`}` +
    (span.reason ? `\n${span.reason}` : "");
  const steps = 200;
  const points = lanes.flatMap((lane) =>
    d3.range(steps).flatMap((at) => {
      const x = ((at + 0.5) * end) / steps;
      const span = spans.findLast(
        (one) => one.lane === lane.name && one.from_us <= x && x <= one.to_us,
      );
      return span ? [{ x: x / 1e6, y: lane.name, text: said(span) }] : [];
    }),
  );
  const seen = Object.entries(states).filter(([state]) =>
    spans.some((span) => span.state === state),
  );
  const labelled = (width) =>
    spans.filter(
      (span) =>
        !states[span.state].symbol &&
        ((span.x2 - span.x1) / (end / 1e6)) * (width - 160) > 8 * word(span.state).length,
    );
  return chart({
    title,
    note,
    points,
    least: 340,
    legend: legend(seen.map(([state, look]) => ({ title: word(state), ...look }))),
    draw: (width) => ({
      height: 22 * lanes.length + 60,
      marginLeft: 140,
      x: timeAxis(run),
      y: { domain: lanes.map((lane) => lane.name), label: null, padding: 0.25, tickSize: 0 },
      marks: [
        ...faultMarks(run),
        ...seen
          .filter(([, look]) => look.fill)
          .map(([state, look]) =>
            Plot.barX(
              spans.filter((span) => span.state === state),
              {
                x1: "x1",
                x2: "x2",
                y: "lane",
                fill: look.fill,
                stroke: look.colour,
                fillOpacity: opacity(look.fill),
                strokeWidth: 1,
              },
            ),
          ),
        ...seen
          .filter(([, look]) => look.symbol)
          .map(([state, look]) =>
            Plot.text(
              spans.filter((span) => span.state === state),
              {
                x: "x1",
                y: "lane",
                text: () => look.symbol,
                fill: look.colour,
                fontSize: 13,
                fontWeight: 700,
              },
            ),
          ),
        Plot.text(labelled(width), {
          x: (span) => (span.x1 + span.x2) / 2,
          y: "lane",
          text: (span) => word(span.state),
          fontSize: 9.5,
          fill: "currentColor",
          stroke: "var(--ground)",
          strokeWidth: 2.5,
        }),
        ...pointer(points, { twoWays: true }),
      ],
    }),
    table: () =>
      table({
        caption: title,
        rows: spans,
        columns: [
          { title: "lane", header: true, cell: (span) => span.lane },
          { title: "state", cell: (span) => word(span.state) },
          { title: "from", number: true, cell: (span) => seconds(span.from_us) },
          {
            title: "to",
            number: true,
            cell: (span) => (states[span.state].symbol ? "–" : seconds(span.to_us)),
          },
          { title: "why", wide: true, cell: (span) => span.reason },
        ],
      }),
  });
}

function podChart(run) {
  const lanes = run.timeline.pods.map((lane) => ({ name: lane.pod, spans: lane.spans }));
  return laneChart(run, { title: "Pods, stores and the broker", lanes, states: PHASES });
}

function breakerChart(run) {
  const lanes = run.timeline.breakers.map((lane) => ({
    name: `${lane.pod} → ${lane.breaker}`,
    spans: lane.spans,
  }));
  return laneChart(run, {
    title: "Circuit breakers",
    note: "One for each pod that calls through one.",
    lanes,
    states: BREAKER_STATES,
  });
}

// A stepped line for each deployment over what its autoscaler looked at.
function deploymentChart(run, { title, unit, values, note }) {
  const lines = run.timeline.deployments
    .map((one) => ({ name: one.deployment, values: values(one) }))
    .filter((one) => one.values.length > 0);
  if (lines.length === 0) return null;
  const points = lines
    .flatMap((line) =>
      line.values.map((value) => ({
        x: value.at_us / 1e6,
        y: value.value,
        text: `${line.name} at ${seconds(value.at_us)}\n${value.text}`,
      })),
    )
    .sort((a, b) => a.x - b.x);
  // Pods and percents are whole.
  const most = Math.max(1, ...points.map((point) => point.y));
  const whole = d3.ticks(0, most, 5).filter(Number.isInteger);
  return chart({
    title: `${title}, ${unit}`,
    note,
    points,
    legend: legend(lines.map((line, index) => ({ title: line.name, ...style(index) }))),
    draw: () => ({
      height: 190,
      x: timeAxis(run),
      y: { grid: true, zero: true, label: null, ticks: whole },
      marks: [
        ...faultMarks(run),
        Plot.ruleY([0]),
        ...lines.map((line, index) =>
          Plot.lineY(line.values, {
            x: (value) => value.at_us / 1e6,
            y: "value",
            curve: "step-after",
            stroke: style(index).colour,
            strokeDasharray: style(index).dash,
            strokeWidth: 1.8,
          }),
        ),
        ...lines.map((line, index) =>
          Plot.dot(line.values, {
            x: (value) => value.at_us / 1e6,
            y: "value",
            r: 2,
            fill: style(index).colour,
          }),
        ),
        ...pointer(points, { twoWays: true }),
      ],
    }),
    table: () =>
      table({
        caption: title,
        rows: lines.flatMap((line) => line.values.map((value) => ({ ...value, name: line.name }))),
        columns: [
          { title: "deployment", header: true, cell: (row) => row.name },
          { title: "at", number: true, cell: (row) => seconds(row.at_us) },
          { title: unit, wide: true, cell: (row) => row.text },
        ],
      }),
  });
}

function replicaChart(run) {
  const values = (one) => {
    const looked = one.measured.map(({ at_us, replicas }) => ({
      at_us,
      value: replicas,
      text: plural(replicas, "replica"),
    }));
    const scaled = one.scaled.map(({ at_us, from, to, reason }) => ({
      at_us,
      value: to,
      text: `${from} → ${to}: ${reason}`,
    }));
    const known = [...looked, ...scaled].sort((a, b) => a.at_us - b.at_us);
    // What it was before the first news, and that it stays so after the last.
    const [first, last] = [known[0], known.at(-1)];
    const before = one.scaled[0]?.at_us === first.at_us ? one.scaled[0].from : first.value;
    const end_us = run.timeline.end_us;
    return [
      { at_us: 0, value: before, text: plural(before, "replica") },
      ...known,
      { at_us: end_us, value: last.value, text: plural(last.value, "replica") },
    ];
  };
  return deploymentChart(run, { title: "Replicas", unit: "as they are meant to be", values });
}

function cpuChart(run) {
  const values = (one) =>
    one.measured
      .filter((look) => look.cpu_percent !== null)
      .map(({ at_us, cpu_percent }) => ({
        at_us,
        value: cpu_percent,
        text: `${cpu_percent} % of what was requested`,
      }));
  return deploymentChart(run, {
    title: "CPU as autoscalers measured it",
    unit: "% of what was requested",
    values,
  });
}

function backlogCharts(run) {
  const lines = (name, factor) =>
    run.timeline.backlogs.map((one) => ({
      title: one.consumer,
      values: one[name].map((value) => value / factor),
    }));
  return [
    binLines(run, {
      title: "Consumer lag",
      unit: "events",
      series: lines("lag", 1),
      say: (value) => plural(value, "event"),
      note: "The most events that waited at once: confirmed by the broker, not yet handled by the group.",
    }),
    binLines(run, {
      title: "Staleness of what consumers keep",
      unit: "s",
      series: lines("stale_us", 1e6),
      say: (value) => `${value.toFixed(3)} s`,
      note: "How old the oldest event was that a group, and so its read model, did not have yet.",
    }),
  ];
}
